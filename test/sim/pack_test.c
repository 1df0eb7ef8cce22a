/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/ends test/sim/net core */
/* clang-format on */
/*
 * A device's IN data over a line with a rate, compressed where that pays: more arrives
 * than the line takes if they shrink, and just as much as without if they do not.
 * The clock is the simulation's, and compression takes the time that it is told.
 */
#include "core/cur.h"
#include "core/pack.h"
#include "core/stream.h"
#include "core/wire.h"
#include "test/core/rle.h"
#include "test/sim/ends.h"
#include "test/test.h"

#define SID    (1u << 5 | 16 | 1) /* device 1, endpoint 0x81 */
#define LEN    65536u
#define AHEAD  (2u << 20) /* bytes that wait to leave */
#define LINE   12500000u  /* bytes a second */
#define SLOW   150000u    /* ns for a message: 430 MB/s */
#define MS     1000u
#define SECOND 1000000u

enum { ATTACH, SERVE };

enum kind { RUNS, NOISE, BOTH };

struct conf {
	enum kind kind;
	unsigned messages;
	bool packs;
	uint64_t rate, delay_us;
	uint32_t loss;
};

static struct run {
	struct ends ends;
	struct pack pack[2];
	struct pack_dev dev[2];
	const struct conf *conf;
	unsigned sent, came, tries, index;
	uint64_t ns;
	uint64_t us;   /* it took */
	uint64_t wire; /* bytes of packets */
	unsigned wrong;
	uint8_t data[LEN];
} r;

/* --- */

static void
fill(uint8_t *p, unsigned i)
{
	uint64_t seed = i + 1;
	bool runs = r.conf->kind == RUNS || (r.conf->kind == BOTH && i % 2 == 0);

	for (uint32_t k = 0; k < LEN; k++)
		if (!runs || k % 16 == 0)
			p[k] = (uint8_t)net_random(&seed);
		else
			p[k] = p[k - 1];
}

static uint32_t
compress(const uint8_t *p, uint32_t n, uint8_t *out, uint32_t cap)
{
	r.tries++;
	return rle_compress(p, n, out, cap);
}

static const struct pack_codec codec = {compress, rle_expand};

static bool
on_link(void *arg, struct shrink_link *l)
{
	struct arq_stats s;

	(void)arg;
	arq_stats(r.ends.end[SERVE].arq, &s);
	*l = (struct shrink_link){r.ends.now, s.held_us, s.bytes_out};
	return true;
}

static uint64_t
on_now(void *arg)
{
	(void)arg;
	return r.ns += SLOW;
}

static int
take(const struct session_msg *m)
{
	static uint8_t body[WIRE_COMPLETE_HEAD + LEN], want[LEN];

	if (m->type != WIRE_COMPLETE || m->len != sizeof(body))
		return ERR_PROTO;
	session_msg_read(m, 0, body, sizeof(body));
	fill(want, r.came++);
	r.wrong += memcmp(body + WIRE_COMPLETE_HEAD, want, LEN) != 0;
	return ERR_OK;
}

static int
message(void *arg, const struct session_msg *m)
{
	struct pack_opened o;
	int err;

	if (arg == &r.dev[SERVE])
		return ERR_OK; /* the attach side speaks first */
	if (!pack_is(m))
		return take(m);
	if ((err = pack_open(&r.pack[ATTACH], &r.dev[ATTACH], m, &o)) != ERR_OK)
		return err;
	err = take(&o.msg);
	pack_close(&o);
	return err;
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	*prio = STREAM_PRIO_BULK;
	return sid == SID ? ERR_OK : ERR_PROTO;
}

static void
on_wake(void *arg)
{
	(void)arg;
}

static const struct session_ops ops = {message, on_accept, on_wake};

/* --- */

static void
send_one(void)
{
	const struct wire_complete c = {.index = r.sent, .actual = LEN};
	uint8_t head[WIRE_COMPLETE_HEAD];
	const struct session_slice v[3] = {
	    {head, sizeof(head)}, {NULL, 0}, {r.data, LEN}};
	struct wr w;

	wr_init(&w, head, sizeof(head));
	wire_put_complete(&w, &c);
	fill(r.data, r.sent++);
	CHECK_EQ(pack_send(&r.pack[SERVE], &r.dev[SERVE], SID, WIRE_COMPLETE, v, NULL),
		 ERR_OK);
}

static void
setup(const struct conf *c)
{
	static const struct session_ops *const both[2] = {&ops, &ops};
	void *const arg[2] = {&r.dev[ATTACH], &r.dev[SERVE]};
	const struct session_slice hello = {"hello", 5};
	const struct pack_conf pc = {&codec, on_link, on_now, NULL};
	struct ends_conf e = {.arq = ends_arq, .window = 8 << 20, .budget = 32 << 20};

	memset(&r, 0, sizeof(r));
	r.conf = c;
	for (int i = 0; i < 2; i++)
		e.to[i] = (struct net_conf){.delay_us = c->delay_us,
					    .rate = c->rate,
					    .loss = c->loss,
					    .queue = 400000};
	ends_init(&r.ends, 1, &e, both, arg);
	for (int i = 0; i < 2; i++) {
		struct end *end = &r.ends.end[i];

		CHECK_EQ(session_open(end->session, SID, STREAM_PRIO_BULK), ERR_OK);
		pack_init(&r.pack[i], &end->pool, end->session);
		r.pack[i].conf = pc;
		pack_agree(&r.pack[i], WIRE_CAPS, c->packs ? WIRE_CAPS : 3, SHRINK_MOST);
	}
	CHECK_EQ(
	    session_send(r.ends.end[ATTACH].session, SID, WIRE_SUBMIT, &hello, 1, NULL),
	    ERR_OK);
}

/* All messages go over, as many as there is room for at once. */
static void
run(const struct conf *c)
{
	struct arq_stats s;
	uint64_t start;

	setup(c);
	start = r.ends.now;
	while (r.came < c->messages && r.ends.now - start < 60 * SECOND &&
	       ends_failed(&r.ends) == ERR_OK) {
		while (r.sent < c->messages &&
		       session_unsent(r.ends.end[SERVE].session, SID) < AHEAD)
			send_one();
		(void)ends_step(&r.ends, r.ends.now + MS);
	}
	r.us = r.ends.now - start;
	arq_stats(r.ends.end[SERVE].arq, &s);
	r.wire = s.bytes_out;
	CHECK_EQ(ends_failed(&r.ends), ERR_OK);
	CHECK_EQ(r.came, c->messages);
	CHECK_EQ(r.wrong, 0);
	CHECK_EQ(r.dev[ATTACH].stats.messages, r.dev[SERVE].stats.messages);
	CHECK_EQ(r.dev[ATTACH].stats.before, r.dev[SERVE].stats.before);
	CHECK_EQ(r.dev[ATTACH].stats.after, r.dev[SERVE].stats.after);
	CHECK(ends_fini(&r.ends));
}

static uint64_t
goodput(void)
{
	return (uint64_t)r.came * LEN * SECOND / r.us;
}

/* --- */

/* 100 Mbit/s: as it is, it fills the line; data that shrink to an eighth go over it. */
static void
shrinks(void)
{
	struct conf c = {RUNS, 800, false, LINE, 10 * MS, 0};

	run(&c);
	CHECK(goodput() < LINE && goodput() > LINE * 8 / 10);
	CHECK_EQ(r.tries, 0);
	c.packs = true;
	run(&c);
	CHECK(goodput() > 3 * (uint64_t)LINE);
	CHECK(r.dev[SERVE].stats.messages > 700);
	CHECK(r.dev[SERVE].stats.after * 7 < r.dev[SERVE].stats.before);
	CHECK(r.wire < (uint64_t)LEN * 800 / 4);
}

static void
shrinks_on_a_bad_line(void)
{
	const struct conf c = {RUNS, 400, true, LINE, 25 * MS, 10000};

	run(&c);
	CHECK(goodput() > 2 * (uint64_t)LINE);
}

/* What does not shrink: no later, no more, and hardly looked at. */
static void
does_not_shrink(void)
{
	struct conf c = {NOISE, 800, false, LINE, 10 * MS, 0};
	uint64_t us, wire;

	run(&c);
	us = r.us;
	wire = r.wire;
	c.packs = true;
	run(&c);
	CHECK_EQ(r.dev[SERVE].stats.messages, 0);
	CHECK(r.tries > 1 && r.tries < 15);
	CHECK(r.us <= us + us / 50);
	CHECK(r.wire <= wire + wire / 50);
}

/* Each second message shrinks: those that do not are in nobody's way. */
static void
shrinks_in_part(void)
{
	const struct conf c = {BOTH, 800, true, LINE, 10 * MS, 0};

	run(&c);
	CHECK(r.dev[SERVE].stats.messages > 100);
	CHECK(goodput() > (uint64_t)LINE * 11 / 10);
}

/* 8 Gbit/s: nobody looks whether it would shrink. */
static void
fast(void)
{
	const struct conf c = {RUNS, 4000, true, 1000000000, 50, 0};

	run(&c);
	CHECK_EQ(r.tries, 0);
}

TEST_MAIN(TEST(shrinks), TEST(shrinks_on_a_bad_line), TEST(does_not_shrink),
	  TEST(shrinks_in_part), TEST(fast))
