/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * One end with packed messages and a peer that says anything (test/core/pair.h); how
 * the engines use it is in exports_test, imports_test and test/sim.
 */
#include "core/cur.h"
#include "core/pack.h"
#include "core/stream.h"
#include "core/wire.h"
#include "test/core/pair.h"
#include "test/core/rle.h"

#define IN  (1u << 5 | 16 | 1) /* streams of device 1: endpoint 0x81, */
#define OUT (1u << 5 | 2)      /* and 2 */
#define LEN 65536u

static struct pair pair;
static struct pack pack;
static struct pack_dev dev;
static struct shrink_link link;
static bool linked;
static uint64_t ns, effort; /* the clock, and what each look at it adds */

static uint8_t data[SHRINK_MOST + 1], came[SHRINK_MOST + 64];
static struct session_msg opened;
static unsigned opens;

static bool
on_link(void *arg, struct shrink_link *l)
{
	(void)arg;
	*l = link;
	return linked;
}

static uint64_t
on_now(void *arg)
{
	(void)arg;
	return ns += effort;
}

static int
message(void *arg, const struct session_msg *m)
{
	struct pack_opened o;
	int err;

	(void)arg;
	if (!pack_is(m))
		return ERR_OK;
	if ((err = pack_open(&pack, &dev, m, &o)) != ERR_OK)
		return err;
	opens++;
	opened = o.msg;
	session_msg_read(&o.msg, 0, came, o.msg.len);
	CHECK(session_msg_has(&o.msg, 0, o.msg.len));
	pack_close(&o);
	return ERR_OK;
}

static const struct session_ops session_ops = {message, pair_accept, pair_wake};
static const struct pack_conf conf = {&rle, on_link, on_now, NULL};

/* A line of 100 Mbit/s that is full. */
static void
full_line(void)
{
	link = (struct shrink_link){1, 1, 1};
	(void)shrink_look(&pack.price, &link);
	link = (struct shrink_link){8001, 8001, 100001};
	linked = true;
}

static void
setup(void)
{
	pair_init(&pair, 4 << 20, &session_ops, NULL);
	session_peer_window(pair.near, 4 << 20);
	pack_init(&pack, &pair.pool, pair.near);
	pack.conf = conf;
	pack_agree(&pack, WIRE_CAPS, WIRE_CAPS, SHRINK_MOST);
	memset(&dev, 0, sizeof(dev));
	memset(data, 'a', sizeof(data));
	opens = 0;
	ns = 0;
	effort = 1000;
	full_line();
	CHECK_EQ(session_open(pair.near, IN, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(session_open(pair.near, OUT, STREAM_PRIO_BULK), ERR_OK);
}

static void
teardown(void)
{
	pair_fini(&pair);
}

static struct pack_stats
stats(void)
{
	struct pack_stats s = {0};

	pack_add(&s, &dev);
	return s;
}

/* --- out --- */

/* One message with n bytes of data; its type as the peer heard it. */
static uint8_t
sends(uint32_t sid, uint8_t type, uint32_t n)
{
	uint8_t head[WIRE_COMPLETE_HEAD] = "the head of the message is here";
	const struct session_slice v[3] = {
	    {head, type == WIRE_SUBMIT ? WIRE_SUBMIT_HEAD : WIRE_COMPLETE_HEAD},
	    {NULL, 0},
	    {data, n}};
	uint64_t index = 77;
	const struct pair_got *g;
	unsigned before = pair.gots;

	CHECK_EQ(pack_send(&pack, &dev, sid, type, v, &index), ERR_OK);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(pair.gots, before + 1);
	CHECK_EQ(index, before);
	g = &pair.got[before];
	CHECK(g->sid == sid && memcmp(g->body, head, v[0].n) == 0);
	if (g->type == type) {
		CHECK_EQ(g->len, v[0].n + n);
		return g->type;
	}
	CHECK(rle_expand(g->body + v[0].n, g->len - (uint32_t)v[0].n, came, n) &&
	      memcmp(came, data, n) == 0);
	return g->type;
}

static void
goes_packed(void)
{
	struct pack_stats s;

	setup();
	CHECK_EQ(sends(IN, WIRE_COMPLETE, LEN), WIRE_COMPLETE_LZ4);
	s = stats();
	CHECK(s.messages == 1 && s.before == LEN && s.after == 2 * 258 && s.on);
	teardown();
	setup();
	CHECK_EQ(sends(OUT, WIRE_SUBMIT, LEN), WIRE_SUBMIT_LZ4);
	CHECK_EQ(stats().messages, 1);
	teardown();
}

static void
goes_as_it_is(void)
{
	static const struct {
		const char *what;
		uint32_t n;
		uint64_t caps, mine, held, effort;
		bool link, random;
	} rows[] = {
	    {"shorter than what pays", 511, 4, 4, 8000, 1000, true, false},
	    {"longer than what may be", SHRINK_MOST + 1, 4, 4, 8000, 1000, true, false},
	    {"the peer does not know it", LEN, 3, 7, 8000, 1000, true, false},
	    {"nor do we", LEN, 7, 3, 8000, 1000, true, false},
	    {"the line is not full", LEN, 4, 4, 0, 1000, true, false},
	    {"the processor is slower", LEN, 4, 4, 8000, 10000000, true, false},
	    {"no line", LEN, 4, 4, 8000, 1000, false, false},
	    {"it does not shrink", LEN, 4, 4, 8000, 1000, true, true},
	    {"nothing", 0, 4, 4, 8000, 1000, true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setup();
		pack_agree(&pack, rows[i].mine, rows[i].caps, SHRINK_MOST);
		link.held_us = 1 + rows[i].held;
		linked = rows[i].link;
		effort = rows[i].effort;
		for (uint32_t k = 0; rows[i].random && k < LEN; k++)
			data[k] = (uint8_t)(k * 7);
		if (sends(IN, WIRE_COMPLETE, rows[i].n) != WIRE_COMPLETE ||
		    stats().messages != 0 || stats().on) {
			printf("# %s\n", rows[i].what);
			CHECK(!"as it is");
		}
		teardown();
	}
}

static void
without_a_codec(void)
{
	setup();
	CHECK_EQ(pack_caps(&pack, WIRE_CAPS), WIRE_CAPS);
	pack.conf.codec = NULL;
	CHECK_EQ(pack_caps(&pack, WIRE_CAPS), WIRE_CAPS & ~WIRE_CAP_LZ4);
	pack_agree(&pack, WIRE_CAPS, WIRE_CAPS, SHRINK_MOST);
	CHECK_EQ(sends(IN, WIRE_COMPLETE, LEN), WIRE_COMPLETE);
	teardown();
}

/* Streams are judged apart: one that does not shrink does not end it for others. */
static void
each_stream(void)
{
	setup();
	CHECK_EQ(sends(IN, WIRE_COMPLETE, LEN), WIRE_COMPLETE_LZ4);
	for (uint32_t k = 0; k < LEN; k++)
		data[k] = (uint8_t)(k * 7);
	CHECK_EQ(session_open(pair.near, OUT + 1, STREAM_PRIO_BULK), ERR_OK);
	{
		const struct session_slice v[3] = {{data, 32}, {NULL, 0}, {data, LEN}};

		CHECK_EQ(pack_send(&pack, &dev, OUT, WIRE_SUBMIT, v, NULL), ERR_OK);
	}
	CHECK(dev.stream[OUT & 31].skip == 2 && !dev.stream[OUT & 31].on);
	CHECK(dev.stream[IN & 31].skip == 0 && dev.stream[IN & 31].on);
	CHECK_EQ(stats().messages, 1);
	teardown();
}

/* Without memory it goes as it is, or not at all, and nothing is lost. */
static void
without_memory(void)
{
	unsigned plain = 0, i = 0;
	bool more = true;

	while (more && i++ < 100) {
		uint8_t head[WIRE_COMPLETE_HEAD] = "";
		const struct session_slice v[3] = {
		    {head, sizeof(head)}, {NULL, 0}, {data, LEN}};
		int err;

		setup();
		pair.gets = 0;
		pair.fail_at = i;
		err = pack_send(&pack, &dev, IN, WIRE_COMPLETE, v, NULL);
		more = pair.gets >= i;
		pair.fail_at = 0;
		CHECK(err == ERR_OK || err == ERR_NOMEM);
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		plain += err == ERR_OK && pair.got[0].type == WIRE_COMPLETE;
		CHECK_EQ(pair.gots, err == ERR_OK);
		teardown();
	}
	CHECK(plain >= 2); /* the room for it, and that for the message */
	CHECK(i < 100);
}

/* --- in --- */

struct said {
	uint8_t b[WIRE_COMPLETE_HEAD + LEN];
	size_t n;
};

static struct said
complete(uint32_t actual, uint32_t packets, uint32_t block)
{
	const struct wire_complete c = {.index = 5, .actual = actual, .packets = packets};
	struct said s;
	struct wr w;

	wr_init(&w, s.b, sizeof(s.b));
	wire_put_complete(&w, &c);
	s.n = WIRE_COMPLETE_HEAD + rle_compress(data, block, w.p, LEN);
	return s;
}

static struct said
submit(uint32_t len, uint32_t packets, uint32_t block)
{
	const struct wire_submit c = {.flags = 1, .len = len, .packets = packets};
	struct said s;
	struct wr w;

	wr_init(&w, s.b, sizeof(s.b));
	wire_put_submit(&w, &c);
	s.n = WIRE_SUBMIT_HEAD + rle_compress(data, block, w.p, LEN);
	return s;
}

static void
opens_it(void)
{
	struct said s;
	struct pack_stats st;

	setup();
	linked = false; /* which is the sender's concern */
	data[3] = 'b';
	s = complete(LEN, 0, LEN);
	CHECK_EQ(pair_say(&pair, IN, WIRE_COMPLETE_LZ4, s.b, s.n), ERR_OK);
	CHECK(opens == 1 && opened.type == WIRE_COMPLETE && opened.sid == IN);
	CHECK(opened.len == WIRE_COMPLETE_HEAD + LEN && opened.tail == 0);
	CHECK(memcmp(came, s.b, WIRE_COMPLETE_HEAD) == 0);
	CHECK(memcmp(came + WIRE_COMPLETE_HEAD, data, LEN) == 0);
	st = stats();
	CHECK(st.messages == 1 && st.before == LEN && !st.on);
	CHECK_EQ(st.after, s.n - WIRE_COMPLETE_HEAD);

	s = submit(SHRINK_LEAST, 0, SHRINK_LEAST);
	CHECK_EQ(pair_say(&pair, OUT, WIRE_SUBMIT_LZ4, s.b, s.n), ERR_OK);
	CHECK(opens == 2 && opened.type == WIRE_SUBMIT && opened.index == 0);
	CHECK(opened.len == WIRE_SUBMIT_HEAD + SHRINK_LEAST);
	CHECK(memcmp(came + WIRE_SUBMIT_HEAD, data, SHRINK_LEAST) == 0);
	CHECK_EQ(stats().messages, 2);
	teardown();
}

static void
refuses(void)
{
	struct {
		const char *what;
		uint32_t sid;
		uint8_t type;
		struct said said;
		bool tells; /* the peer was told that we know it */
	} rows[] = {
	    {"nobody has agreed to it", IN, WIRE_COMPLETE_LZ4, complete(LEN, 0, LEN),
	     false},
	    {"fewer bytes than it says", IN, WIRE_COMPLETE_LZ4, complete(LEN, 0, LEN - 1),
	     true},
	    {"more than it says", IN, WIRE_COMPLETE_LZ4, complete(LEN - 1, 0, LEN), true},
	    {"a bomb: more than may be", IN, WIRE_COMPLETE_LZ4,
	     complete(SHRINK_MOST + 1, 0, LEN), true},
	    {"all that a number can say", IN, WIRE_COMPLETE_LZ4,
	     complete(UINT32_MAX, 0, LEN), true},
	    {"less than may be packed", IN, WIRE_COMPLETE_LZ4, complete(511, 0, 511),
	     true},
	    {"no data", IN, WIRE_COMPLETE_LZ4, complete(0, 0, LEN), true},
	    {"packets", IN, WIRE_COMPLETE_LZ4, complete(LEN, 1, LEN), true},
	    {"IN data of an OUT endpoint", OUT, WIRE_COMPLETE_LZ4, complete(LEN, 0, LEN),
	     true},
	    {"of endpoint 0", 1 << 5 | 16, WIRE_COMPLETE_LZ4, complete(LEN, 0, LEN),
	     true},
	    {"OUT data of an IN endpoint", IN, WIRE_SUBMIT_LZ4, submit(LEN, 0, LEN),
	     true},
	    {"to endpoint 0", 1 << 5, WIRE_SUBMIT_LZ4, submit(LEN, 0, LEN), true},
	    {"more to a device than fits", OUT, WIRE_SUBMIT_LZ4,
	     submit(LEN - 255, 0, LEN), true},
	    {"packets to it", OUT, WIRE_SUBMIT_LZ4, submit(LEN, 3, LEN), true},
	};
	struct said s;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setup();
		if (!rows[i].tells)
			pack_agree(&pack, 3, WIRE_CAPS, SHRINK_MOST);
		if (pair_say(&pair, rows[i].sid, rows[i].type, rows[i].said.b,
			     rows[i].said.n) != ERR_PROTO ||
		    opens != 0) {
			printf("# %s\n", rows[i].what);
			CHECK(!"refused");
		}
		CHECK_EQ(stats().messages, 0);
		teardown();
	}
	s = complete(LEN, 0, LEN); /* longer than what this session's requests may be */
	setup();
	pack_agree(&pack, WIRE_CAPS, WIRE_CAPS, LEN - 1);
	CHECK_EQ(pair_say(&pair, IN, WIRE_COMPLETE_LZ4, s.b, s.n), ERR_PROTO);
	teardown();
	s = complete(SHRINK_MOST + 1, 0, SHRINK_MOST + 1); /* than any may be */
	setup();
	pack_agree(&pack, WIRE_CAPS, WIRE_CAPS, 4 * SHRINK_MOST);
	CHECK_EQ(pair_say(&pair, IN, WIRE_COMPLETE_LZ4, s.b, s.n), ERR_PROTO);
	teardown();
	setup(); /* it is hardly shorter than what it holds */
	for (uint32_t k = 0; k < 1000; k++)
		data[k] = (uint8_t)k;
	s = complete(1500, 0, 1500);
	CHECK(s.n - WIRE_COMPLETE_HEAD > 1500 - 1500 / 8);
	CHECK_EQ(pair_say(&pair, IN, WIRE_COMPLETE_LZ4, s.b, s.n), ERR_PROTO);
	teardown();
}

/* Each byte of the block turned round, and each length cut short: refused, or the data
 * are others; never more than there is room for. */
static void
corrupt(void)
{
	struct said s = complete(2000, 0, 2000);

	for (size_t i = WIRE_COMPLETE_HEAD; i < s.n; i++) {
		struct said bad = s;
		int err;

		setup();
		bad.b[i] ^= 0x5a;
		err = pair_say(&pair, IN, WIRE_COMPLETE_LZ4, bad.b, bad.n);
		CHECK(err == ERR_PROTO || memcmp(came + WIRE_COMPLETE_HEAD, data, 2000));
		teardown();
		setup();
		if (i > WIRE_COMPLETE_HEAD)
			CHECK_EQ(pair_say(&pair, IN, WIRE_COMPLETE_LZ4, s.b, i),
				 ERR_PROTO);
		teardown();
	}
}

static void
no_room_for_it(void)
{
	struct said s = complete(LEN, 0, LEN);

	setup();
	pair.pool.budget = pair.pool.used + LEN;
	CHECK_EQ(pair_say(&pair, IN, WIRE_COMPLETE_LZ4, s.b, s.n), ERR_NOMEM);
	CHECK_EQ(opens, 0);
	pair.pool.budget = 8 << 20;
	teardown();
}

TEST_MAIN(TEST(goes_packed), TEST(goes_as_it_is), TEST(without_a_codec),
	  TEST(each_stream), TEST(without_memory), TEST(opens_it), TEST(refuses),
	  TEST(corrupt), TEST(no_room_for_it))
