/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The parts of the link alone: numbers, ACK frames, round trips, the ring.
 */
#include "core/arq_recv.h"
#include "core/arq_rtt.h"
#include "core/arq_sent.h"
#include "core/cc.h"
#include "core/cur.h"
#include "core/frame.h"
#include "test/test.h"

static void
numbers_come_back(void)
{
	static const struct {
		uint64_t next, number;
	} near[] = {
	    {0, 0},
	    {0, 5},
	    {10, 3},
	    {3, 0x7fffffff},
	    {0x100000000, 0xffffffff},
	    {0xffffffff, 0x100000002},
	    {0x500000005, 0x4fffffff0},
	    {0x4fffffff0, 0x500000005},
	    {0x17fffffff, 0x100000000},
	};

	for (size_t i = 0; i < ARRAY_LEN(near); i++)
		CHECK_EQ(arq_recv_number(near[i].next, (uint32_t)near[i].number),
			 near[i].number);
	CHECK_EQ(arq_recv_number(5, 0xfffffff0), 0xfffffff0); /* never below 0 */
}

static void
old_numbers_count_as_seen(void)
{
	struct arq_recv v;

	arq_recv_init(&v);
	for (uint64_t n = 0; n < 3 * RANGES_MAX; n++) {
		CHECK(!arq_recv_seen(&v, 2 * n));
		arq_recv_add(&v, 2 * n, true, n);
	}
	CHECK(arq_recv_seen(&v, 0) && arq_recv_seen(&v, 1)); /* below the floor */
	CHECK(arq_recv_seen(&v, 2 * (2 * RANGES_MAX - 2)));
	CHECK(!arq_recv_seen(&v, 6 * RANGES_MAX - 3)); /* holes up there are open */
	CHECK(!arq_recv_seen(&v, 4 * RANGES_MAX + 21));
	CHECK(arq_recv_seen(&v, 6 * RANGES_MAX - 2));
}

static unsigned
back_and_forth(struct arq_recv *v, uint64_t next, struct arq_ack *a, uint64_t now)
{
	uint8_t b[ARQ_ACK_BYTES];
	struct wr w;
	struct rd r;

	wr_init(&w, b, sizeof(b));
	arq_recv_write(v, &w, now);
	CHECK(!w.bad && b[0] == FRAME_ACK && !v->ack_pending);
	rd_init(&r, b + 1, (size_t)(w.p - b) - 1);
	CHECK_EQ(arq_recv_ack(&r, next, a), ERR_OK);
	CHECK_EQ(rd_left(&r), 0);
	return a->n;
}

static void
an_ack_has_the_newest_24_ranges(void)
{
	struct arq_recv v;
	struct arq_ack a;
	const uint64_t x = 0x100000000ull - 50; /* across the wrap */

	arq_recv_init(&v);
	for (uint64_t n = 0; n < 50; n++)
		arq_recv_add(&v, x + 2 * n, n == 7, 1000 + n);
	CHECK(v.ack_pending);
	CHECK_EQ(back_and_forth(&v, x + 100, &a, 3000), ARQ_ACK_SEND);
	CHECK_EQ(a.delay_us, 3000 - 1049);
	for (unsigned i = 0; i < a.n; i++)
		CHECK(a.r[i].from == x + 98 - 2 * i && a.r[i].to == x + 99 - 2 * i);
}

static void
an_ack_does_not_look_back_for_ever(void)
{
	const uint64_t x = 0x500000000;
	struct arq_recv v;
	struct arq_ack a;

	arq_recv_init(&v);
	CHECK_EQ(ranges_add(&v.got, 0, 10), ERR_OK);
	CHECK_EQ(ranges_add(&v.got, 20, x), ERR_OK);
	v.next = x;
	CHECK_EQ(back_and_forth(&v, x, &a, 0), 1);
	CHECK(a.r[0].to == x && a.r[0].from == x - ARQ_ACK_SPAN);
}

static void
round_trips_are_smoothed(void)
{
	struct arq_rtt t;

	arq_rtt_init(&t);
	CHECK_EQ(arq_rtt_pto(&t), 200000);
	CHECK_EQ(arq_rtt_loss(&t), 200000);
	arq_rtt_sample(&t, 50000, 0, 0);
	CHECK_EQ(t.smooth, 50000);
	CHECK_EQ(arq_rtt_pto(&t), 50000 + 4 * 25000 + 1000);
	CHECK_EQ(arq_rtt_loss(&t), 50000 * 9 / 8);
	arq_rtt_sample(&t, 70000, 20000, 50000); /* the peer kept it for 20 ms */
	CHECK(t.smooth == 50000 && t.var == 18750 && t.latest == 70000);
	CHECK_EQ(arq_rtt_loss(&t), 70000 * 9 / 8);
	arq_rtt_sample(&t, 50000, 40000, 50000); /* it says so, but it cannot be */
	CHECK_EQ(t.smooth, 50000);
	for (int i = 0; i < 100; i++)
		arq_rtt_sample(&t, 30, 0, 30);
	CHECK(t.smooth < 50 &&
	      arq_rtt_pto(&t) < 50 + 2000); /* 1 ms for the clock, 1 ms delay */
	CHECK_EQ(arq_rtt_loss(&t), 1000);
	t.backoff = 3;
	CHECK_EQ(arq_rtt_backed_off(&t), arq_rtt_pto(&t) * 8);
	t.backoff = 4000000000;
	CHECK_EQ(arq_rtt_backed_off(&t), 500000);
	t.smooth = 3000000; /* slower than the bound: never before a round trip */
	CHECK_EQ(arq_rtt_backed_off(&t), arq_rtt_pto(&t));
}

/* --- the ring --- */

static unsigned calls[2];

static void
on_acked(void *arg, const struct arq_ref *r)
{
	(void)arg;
	(void)r;
	calls[0]++;
}

static void
on_lost(void *arg, const struct arq_ref *r)
{
	(void)arg;
	(void)r;
	calls[1]++;
}

static const struct arq_ops ops = {.acked = on_acked, .lost = on_lost};

struct ring {
	struct pool pool;
	struct arq_sent s;
	struct arq_rtt t;
	struct cc_ack c;
	struct cc_loss l;
};

static void
ring_init(struct ring *g, size_t budget)
{
	memset(g, 0, sizeof(*g));
	g->pool = (struct pool)TEST_POOL(budget);
	arq_rtt_init(&g->t);
	arq_rtt_sample(&g->t, 10000, 0, 0);
	calls[0] = calls[1] = 0;
	CHECK(arq_sent_init(&g->s, &g->pool, &ops, NULL));
}

static void
ring_fini(struct ring *g)
{
	arq_sent_fini(&g->s);
	CHECK_EQ(g->pool.used, 0);
}

static bool
leave(struct ring *g, bool asks, uint64_t now)
{
	if (!arq_sent_room(&g->s, &g->t, asks, now))
		return false;
	arq_sent_slot(&g->s)->nrefs = 1;
	arq_sent_push(&g->s, asks, 1000, false, now);
	return true;
}

static void
ack(struct ring *g, uint64_t first, uint64_t last, uint64_t now)
{
	struct arq_ack a = {.n = 1, .r = {{first, last + 1}}};

	arq_sent_acked(&g->s, &a, &g->t, &g->c, now);
	arq_sent_detect(&g->s, &g->t, &g->l, now);
}

static void
acks_keep_a_quarter_of_a_full_ring(void)
{
	struct ring g;
	unsigned n = 0;

	ring_init(&g, sizeof(struct arq_packet) * ARQ_SENT_FIRST);
	while (leave(&g, true, 0))
		n++;
	CHECK_EQ(n, ARQ_SENT_FIRST * 3 / 4);
	while (leave(&g, false, 0))
		n++;
	CHECK_EQ(n, ARQ_SENT_FIRST);
	ack(&g, 0, 40, 100);
	CHECK(leave(&g, true, 100));
	ring_fini(&g);
}

static void
the_ring_grows_and_keeps_all(void)
{
	struct ring g;

	ring_init(&g, SIZE_MAX);
	for (unsigned i = 0; i < 5000; i++)
		CHECK(leave(&g, i % 5 != 0, i));
	CHECK(g.s.inflight == 4000000 && g.s.flying == 4000);
	ack(&g, 0, 4999, 6000);
	CHECK(g.s.inflight == 0 && calls[0] == 4000 && g.c.bytes == 4000000);
	CHECK_EQ(g.c.rtt_us, 6000 - 4999);
	ack(&g, 0, 4999, 7000);
	CHECK(calls[0] == 4000 && g.c.bytes == 0 && g.c.rtt_us == 0); /* old news */
	ring_fini(&g);
}

static void
rates_do_not_count_idle_time(void)
{
	struct ring g;

	ring_init(&g, SIZE_MAX);
	CHECK(leave(&g, true, 1000));
	ack(&g, 0, 0, 11000);
	CHECK_EQ(g.c.rate, 1000 * 100);
	for (unsigned i = 0; i < 10; i++)
		CHECK(leave(&g, true, 50000000));
	ack(&g, 1, 10, 50010000);
	CHECK_EQ(g.c.rate, 10000 * 100);
	CHECK(g.c.was_delivered == 1000 && g.c.delivered == 11000 &&
	      g.c.sent_at == 50000000);
	ring_fini(&g);
}

/* What comes slowly was sent slowly: the longer of the two times counts. */
static void
rates_count_the_slower_side(void)
{
	struct ring g;

	ring_init(&g, SIZE_MAX);
	for (unsigned i = 0; i < 10; i++)
		CHECK(leave(&g, true, 1000 * i));
	ack(&g, 0, 0, 10000);
	ack(&g, 1, 9, 10001); /* all at once */
	CHECK_EQ(g.c.rate, cc_rate(10000, 10001));
	for (unsigned i = 0; i < 10; i++)
		CHECK(leave(&g, true, 20000 + 1000 * i));
	ack(&g, 12, 19, 32000);
	CHECK_EQ(g.s.first_at, 29000);
	g.s.newest = 20;
	ack(&g, 11, 11, 33000); /* an older one does not turn the clock back */
	CHECK_EQ(g.s.first_at, 29000);
	ring_fini(&g);
}

static void
limited_until_what_was_out_is_acked(void)
{
	struct ring g;

	ring_init(&g, SIZE_MAX);
	CHECK(leave(&g, true, 1));
	arq_sent_limited(&g.s);
	CHECK(leave(&g, true, 2));
	ack(&g, 0, 0, 10000);
	CHECK(!g.c.limited);
	ack(&g, 1, 1, 10001);
	CHECK(g.c.limited);
	CHECK(leave(&g, true, 20000));
	ack(&g, 2, 2, 30000);
	CHECK(!g.c.limited);
	ring_fini(&g);
}

static void
losses_by_number_and_by_time(void)
{
	struct ring g;

	ring_init(&g, SIZE_MAX);
	for (unsigned i = 0; i < 4; i++)
		CHECK(leave(&g, true, 100 * i));
	ack(&g, 3, 3, 10300);
	CHECK(g.l.bytes == 1000 && calls[1] == 1 && !g.l.persistent); /* 0, by number */
	CHECK_EQ(arq_sent_deadline(&g.s, &g.t), 100 + 10000 * 9 / 8);
	arq_sent_detect(&g.s, &g.t, &g.l, 100 + 10000 * 9 / 8 - 1);
	CHECK_EQ(g.l.bytes, 0);
	arq_sent_detect(&g.s, &g.t, &g.l, 200 + 10000 * 9 / 8);
	CHECK(g.l.bytes == 2000 && g.l.sent_at == 200 && calls[1] == 3);
	CHECK(g.s.flying == 0 && g.s.inflight == 0 && g.s.lost == 3);
	CHECK_EQ(arq_sent_deadline(&g.s, &g.t), UINT64_MAX);
	ack(&g, 0, 2, 12000); /* they were only late */
	CHECK(g.s.threshold == 4 && g.t.late == 3 && calls[0] == 4);
	for (unsigned i = 0; i < 200; i++)
		CHECK(leave(&g, true, 20000));
	ack(&g, 203, 203, 30000);
	ack(&g, 4, 203, 31000);
	CHECK_EQ(g.s.threshold, ARQ_THRESHOLD_MAX);
	ring_fini(&g);
}

static void
nothing_for_long_is_persistent(void)
{
	struct ring g;

	for (int gap = 0; gap < 2; gap++) {
		ring_init(&g, SIZE_MAX);
		for (unsigned i = 0; i < 10; i++)
			CHECK(leave(&g, true, i * 20000)); /* PTO is 31 ms */
		if (gap)
			ack(&g, 3, 3, 70000); /* something came through */
		ack(&g, 9, 9, 190000);
		CHECK_EQ(g.l.persistent, !gap);
		ring_fini(&g);
	}
}

static void
a_retry_is_no_loss(void)
{
	struct ring g;

	ring_init(&g, SIZE_MAX);
	CHECK(leave(&g, false, 0) && leave(&g, true, 0) && leave(&g, true, 0));
	arq_sent_retry(&g.s, &g.t, 50000);
	CHECK(calls[1] == 1 && g.s.flying == 1 && g.s.lost == 0 && g.s.inflight == 1000);
	ack(&g, 1, 1, 51000);
	CHECK(calls[0] == 1 && g.s.threshold == ARQ_THRESHOLD && g.t.late == 1);
	arq_sent_retry(&g.s, &g.t, 52000);
	arq_sent_retry(&g.s, &g.t, 52000); /* nothing left: nothing happens */
	CHECK(calls[1] == 2 && g.s.flying == 0);
	ring_fini(&g);
}

TEST_MAIN(TEST(numbers_come_back), TEST(old_numbers_count_as_seen),
	  TEST(an_ack_has_the_newest_24_ranges), TEST(an_ack_does_not_look_back_for_ever),
	  TEST(round_trips_are_smoothed), TEST(acks_keep_a_quarter_of_a_full_ring),
	  TEST(the_ring_grows_and_keeps_all), TEST(rates_do_not_count_idle_time),
	  TEST(rates_count_the_slower_side), TEST(limited_until_what_was_out_is_acked),
	  TEST(losses_by_number_and_by_time), TEST(nothing_for_long_is_persistent),
	  TEST(a_retry_is_no_loss))
