/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/ends test/sim/net core */
/* clang-format on */
/*
 * What `bench` does, over a long line: round trips first, then bulk, both through the
 * sessions of two ends. One end may have no turn for a while, as on a busy machine.
 */
#include "core/bench.h"
#include "core/cur.h"
#include "core/wire.h"
#include "test/sim/ends.h"
#include "test/test.h"

#define SECOND    1000000u
#define LINE      12500000u /* 100 Mbit/s */
#define PINGS     400
#define EXCHANGE  122880
#define NAP_IN_US 10000 /* a question is on its way */
#define NAP_US    180000

struct user {
	struct ends ends;
	struct bench bench; /* end 1's */
	unsigned pings, want;
	uint64_t asked_at, rtt[PINGS];
	uint64_t got;    /* bytes of DATA */
	unsigned naps;   /* after so many pings end 0 sleeps; 0: never */
	uint64_t nap_at; /* us; 0: not yet */
	uint64_t last;   /* when DATA came last */
};

static const struct net_conf lossy = {
    .delay_us = 25000, .loss = 10000, .rate = LINE, .queue = 625000};

static void
ping(struct user *u)
{
	static const uint8_t body[64];
	struct session *s = u->ends.end[0].session;
	struct session_slice v = {body, sizeof(body)};

	u->asked_at = u->ends.now;
	CHECK_EQ(session_open(s, STREAM_ECHO, STREAM_PRIO_INTERRUPT), ERR_OK);
	CHECK_EQ(session_send(s, STREAM_ECHO, WIRE_PING, &v, 1, NULL), ERR_OK);
}

static int
client(void *arg, const struct session_msg *m)
{
	struct user *u = arg;

	if (m->type == WIRE_DATA) {
		u->last = u->ends.now;
		u->got += m->len;
		return ERR_OK;
	}
	u->rtt[u->pings++] = u->ends.now - u->asked_at;
	if (u->naps > 0 && u->pings % u->naps == 0)
		u->nap_at = u->ends.now + NAP_IN_US;
	if (u->pings < u->want)
		ping(u);
	return ERR_OK;
}

static int
server(void *arg, const struct session_msg *m)
{
	struct user *u = arg;

	return bench_message(&u->bench, m);
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	*prio = sid == STREAM_ECHO ? STREAM_PRIO_INTERRUPT : STREAM_PRIO_BULK;
	return ERR_OK;
}

static void
wake(void *arg)
{
	(void)arg;
}

static const struct session_ops client_ops = {client, accept, wake};
static const struct session_ops server_ops = {server, accept, wake};

static void
start(struct user *u, const struct net_conf *net, uint64_t seed)
{
	static const struct session_ops *const ops[] = {&client_ops, &server_ops};
	void *const arg[] = {u, u};
	struct ends_conf c = {
	    .to = {*net, *net}, .arq = ends_arq, .window = 32 << 20, .budget = 256 << 20};

	memset(u, 0, sizeof(*u));
	ends_init(&u->ends, seed, &c, ops, arg);
	bench_init(&u->bench, u->ends.end[1].session);
}

/* Until so many bytes and pings are there, or the time is over. */
static void
run(struct user *u, uint64_t bytes, uint64_t until)
{
	while ((u->got < bytes || u->pings < u->want) && ends_step(&u->ends, until)) {
		if (u->nap_at > 0 && u->ends.now >= u->nap_at) {
			u->ends.end[0].busy = u->ends.now + NAP_US;
			u->nap_at = 0;
		}
		CHECK_EQ(ends_failed(&u->ends), ERR_OK);
		bench_turn(&u->bench);
	}
}

static void
pings(struct user *u, unsigned n)
{
	u->pings = 0;
	u->want = n;
	ping(u);
	run(u, 0, u->ends.now + 100 * SECOND);
	CHECK_EQ(u->pings, n);
}

static void
ask(struct user *u, uint64_t n)
{
	struct session *s = u->ends.end[0].session;
	uint8_t body[8];
	struct session_slice v = {body, sizeof(body)};
	struct wr w;

	wr_init(&w, body, sizeof(body));
	wr_le64(&w, n);
	u->got = 0;
	CHECK_EQ(session_open(s, STREAM_BENCH, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(session_send(s, STREAM_BENCH, WIRE_SOURCE, &v, 1, NULL), ERR_OK);
}

/* Bytes per second of so many, all of it. */
static uint64_t
bulk(struct user *u, uint64_t n)
{
	uint64_t from = u->ends.now;

	ask(u, n);
	run(u, n, u->ends.now + 100 * SECOND);
	CHECK_EQ(u->got, n);
	return n * SECOND / (u->ends.now - from);
}

static void
end(struct user *u)
{
	CHECK(ends_fini(&u->ends));
}

static void
bulk_fills_the_line(void)
{
	struct user u;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		start(&u, &lossy, seed);
		CHECK(bulk(&u, 100000000) > LINE * 9ull / 10);
		end(&u);
	}
}

/* A queue of two round trips: what we make of it is one, and ten milliseconds. */
static void
the_queue_stays_short(void)
{
	struct net_conf deep = lossy;
	uint64_t most = 0, until;
	struct arq_stats s;
	struct user u;

	deep.loss = 0;
	deep.queue *= 2;
	start(&u, &deep, 1);
	ask(&u, 1000000000);
	for (until = u.ends.now + 20 * SECOND; u.ends.now < until;) {
		run(&u, UINT64_MAX, u.ends.now + 1000);
		arq_stats(u.ends.end[1].arq, &s);
		most = s.srtt_us > most ? s.srtt_us : most;
	}
	CHECK(most > 60000); /* the start makes one */
	CHECK(most < 100000 + 10000);
	end(&u);
}

/* Round trips, some of which a busy machine makes long: they say nothing of the line. */
static void
stalls_teach_nothing(void)
{
	struct user u;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		start(&u, &lossy, seed);
		u.naps = 20;
		pings(&u, 200);
		CHECK(bulk(&u, 50000000) > LINE * 8ull / 10);
		end(&u);
	}
}

/* us that 120 KiB take, a disk's driver's way: it waits for them before it goes on. */
static uint64_t
exchange(struct user *u)
{
	uint64_t from = u->ends.now;

	bulk(u, EXCHANGE);
	return u->last - from;
}

/* What leaves after a rest is not spread over a round trip; nor does it overrun a line.
 */
static void
exchanges_are_quick(void)
{
	static const struct {
		uint32_t rate;
		uint64_t most_us, most_lost;
	} lines[] = {{0, 65000, 0}, {LINE, 65000, 0}, {LINE / 10, 160000, 60}};
	struct arq_stats s;
	struct user u;

	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		struct net_conf far = {.delay_us = 25000,
				       .rate = lines[i].rate,
				       .queue = lines[i].rate / 20};

		start(&u, &far, 1);
		pings(&u, 100);
		for (unsigned k = 0; k < 20; k++)
			exchange(&u);
		for (unsigned k = 0; k < 40; k++)
			CHECK(exchange(&u) <= lines[i].most_us);
		arq_stats(u.ends.end[1].arq, &s);
		CHECK(s.lost <= lines[i].most_lost);
		end(&u);
	}
}

TEST_MAIN(TEST(bulk_fills_the_line), TEST(the_queue_stays_short),
	  TEST(stalls_teach_nothing), TEST(exchanges_are_quick))
