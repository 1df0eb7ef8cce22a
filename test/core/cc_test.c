/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/cc.h"
#include "core/pacer.h"
#include "test/test.h"

#define MTU    1200u
#define RTT    50000u
#define LINE   12500000u /* bytes per second */
#define SECOND 1000000u

/* A path that delivers LINE and makes a queue of what is beyond it. */
struct path {
	struct cc cc;
	uint64_t now, delivered, rate, rtt;
	uint64_t use; /* of 100: how much of the window there is data for */
	bool limited;
};

static void
start(struct path *p, const struct cc_algo *algo)
{
	memset(p, 0, sizeof(*p));
	cc_init(&p->cc, algo, MTU);
	p->now = SECOND;
	p->rate = LINE;
	p->rtt = RTT;
	p->use = 100;
}

/* One round: what the window and the rate allow goes out and is acknowledged. */
static void
round_trip(struct path *p)
{
	uint64_t sent = cc_bytes(p->cc.rate, p->rtt), took;

	sent = (sent < p->cc.cwnd ? sent : p->cc.cwnd) * p->use / 100;
	took = sent * SECOND / p->rate > p->rtt ? sent * SECOND / p->rate : p->rtt;
	for (unsigned i = 0; i < 4; i++) {
		struct cc_ack a = {
		    .now = p->now + took * (i + 1) / 4,
		    .bytes = sent / 4,
		    .inflight = sent * 9 / 10,
		    .rtt_us = took,
		    .srtt_us = took,
		    .sent_at = p->now + 1,
		    .delivered = p->delivered + sent / 4 * (i + 1),
		    .was_delivered = p->delivered,
		    .rate = cc_rate(sent, took),
		    .limited = p->limited,
		};

		cc_acked(&p->cc, &a);
	}
	p->now += took;
	p->delivered += sent / 4 * 4;
}

static void
rounds(struct path *p, unsigned n)
{
	while (n-- > 0)
		round_trip(p);
}

static void
lose(struct path *p, uint64_t bytes, bool persistent)
{
	const struct cc_loss l = {p->now, bytes, p->now, persistent};

	p->now++;
	cc_lost(&p->cc, &l);
}

static bool
near(uint64_t x, uint64_t want, uint64_t percent)
{
	bool ok = x * 100 >= want * (100 - percent) && x * 100 <= want * (100 + percent);

	if (!ok)
		printf("# %llu is not near %llu\n", (unsigned long long)x,
		       (unsigned long long)want);
	return ok;
}

static void
sums_do_not_overflow(void)
{
	CHECK_EQ(cc_bytes(LINE, RTT), 625000);
	CHECK_EQ(cc_rate(625000, RTT), LINE);
	CHECK_EQ(cc_gain(1000, 2885), 2885);
	CHECK_EQ(cc_rate(100, 0), 100 * SECOND);
	CHECK(cc_rate(UINT64_MAX, 1) > cc_rate(SECOND, SECOND));
	CHECK(cc_bytes(UINT64_MAX, UINT64_MAX) > cc_bytes(LINE, RTT));
}

static void
both_start_with_32_packets(void)
{
	struct path p;

	start(&p, &cc_bbr);
	CHECK(p.cc.cwnd == 32 * MTU && p.cc.rate == 32000 * MTU);
	start(&p, &cc_cubic);
	CHECK(p.cc.cwnd == 32 * MTU && p.cc.rate == 32000 * MTU);
}

static void
bbr_finds_the_line(void)
{
	struct path p;
	uint64_t least = UINT64_MAX, most = 0;

	start(&p, &cc_bbr);
	rounds(&p, 12);
	CHECK_EQ(p.cc.min_rtt_us, RTT);
	for (int i = 0; i < 16; i++) {
		round_trip(&p);
		least = p.cc.rate < least ? p.cc.rate : least;
		most = p.cc.rate > most ? p.cc.rate : most;
	}
	CHECK(near(most, LINE * 125ull / 100, 2)); /* probes */
	CHECK(least < LINE);                       /* and makes up for it */
	CHECK(near(p.cc.cwnd, 625000 * 135 / 100 + 8 * MTU, 3));
}

static void
bbr_does_not_mind_losses(void)
{
	struct path p;

	start(&p, &cc_bbr);
	for (int i = 0; i < 200; i++) {
		round_trip(&p);
		lose(&p, 625000 / 20, false);
	}
	CHECK(p.cc.cwnd > 800000);
}

/* Limited samples neither lower the estimate nor end the start. */
static void
bbr_limited_samples_only_raise(void)
{
	struct path p;
	struct cc_bbr_state was;
	uint64_t cwnd;

	start(&p, &cc_bbr);
	p.limited = true;
	p.use = 1;
	rounds(&p, 50);
	CHECK_EQ(p.cc.cwnd, 32 * MTU);
	CHECK(p.cc.rate >= 32 * MTU * SECOND / RTT);
	CHECK(!p.cc.u.bbr.full);
	p.limited = false;
	p.use = 100;
	rounds(&p, 14);
	cwnd = p.cc.cwnd;
	p.limited = true;
	p.use = 10;
	memset(p.cc.u.bbr.bw, 0, sizeof(p.cc.u.bbr.bw));
	p.cc.u.bbr.bw[(p.cc.u.bbr.slot + 1) % CC_BW_ROUNDS] = LINE; /* the next to go */
	was = p.cc.u.bbr;
	rounds(&p, 40);
	CHECK(near(p.cc.cwnd, cwnd, 2));
	CHECK(memcmp(p.cc.u.bbr.bw, was.bw, sizeof(was.bw)) == 0);
	p.use = 100;
	p.rate = LINE * 2;
	rounds(&p, 8); /* one of them probes */
	CHECK(p.cc.cwnd > cwnd * 11 / 10);
}

static void
bbr_forgets_after_ten_rounds(void)
{
	struct path p;

	start(&p, &cc_bbr);
	rounds(&p, 14);
	p.rate = LINE / 4;
	rounds(&p, 5);
	CHECK(p.cc.cwnd > 625000);
	rounds(&p, 8);
	CHECK(p.cc.cwnd < 625000 / 4 * 2);
}

static void
bbr_forgets_at_once_when_much_is_lost(void)
{
	struct path p;

	start(&p, &cc_bbr);
	rounds(&p, 14);
	p.rate = LINE / 4;
	for (int i = 0; i < 3; i++) {
		round_trip(&p);
		lose(&p, 1000000, false);
	}
	CHECK(p.cc.cwnd < 625000 / 4 * 2);
}

/* Runs for us and says for how long it probed; *least: the smallest window. */
static uint64_t
probed(struct path *p, uint64_t us, uint64_t *least)
{
	uint64_t until = p->now + us, held = 0, last;

	*least = UINT64_MAX;
	while (p->now < until) {
		last = p->now;
		round_trip(p);
		held += p->cc.held ? p->now - last : 0;
		*least = p->cc.cwnd < *least ? p->cc.cwnd : *least;
	}
	return held;
}

/* The path gets a bit longer: after ten seconds the queue is emptied to see it. */
static void
bbr_measures_the_round_trip_anew(void)
{
	struct path p;
	uint64_t least, held;

	start(&p, &cc_bbr);
	rounds(&p, 20);
	p.rtt = RTT * 13 / 10;
	CHECK_EQ(probed(&p, 8500000, &least), 0);
	held = probed(&p, 3 * SECOND, &least);
	CHECK(held >= 2 * RTT && held <= 5 * RTT && !p.cc.held);
	CHECK_EQ(least, 4 * MTU);
	CHECK_EQ(p.cc.min_rtt_us, p.rtt);
	CHECK_EQ(probed(&p, 9 * SECOND, &least), 0);
	CHECK(p.cc.cwnd > 625000 * 13 / 10 * 13 / 10);
}

/* Much longer: the window would starve it for ten seconds, so at once. */
static void
bbr_notices_a_longer_path(void)
{
	struct path p;
	uint64_t least;

	start(&p, &cc_bbr);
	rounds(&p, 20);
	p.rtt = 3 * RTT;
	CHECK(probed(&p, 4 * SECOND, &least) > 0);
	CHECK_EQ(p.cc.min_rtt_us, 3 * RTT);
	rounds(&p, 30);
	CHECK(p.cc.cwnd > 3 * 625000);
}

/* An application that sends little made no queue: its samples will do. */
static void
bbr_needs_no_probe_when_limited(void)
{
	struct path p;

	start(&p, &cc_bbr);
	rounds(&p, 20);
	p.rtt = 2 * RTT;
	p.limited = true;
	for (uint64_t until = p.now + 12 * SECOND; p.now < until;) {
		round_trip(&p);
		CHECK(!p.cc.held);
	}
	CHECK_EQ(p.cc.min_rtt_us, 2 * RTT);
}

static void
bbr_has_room_for_turns_of_the_loop(void)
{
	struct path p;

	start(&p, &cc_bbr);
	p.rtt = 200;
	p.rate = 100000000;
	rounds(&p, 40);
	CHECK(p.cc.cwnd >= 160 * MTU + 20000);
}

static void
cubic_cuts_once_a_round(void)
{
	struct path p;
	uint64_t cwnd;

	start(&p, &cc_cubic);
	rounds(&p, 4);
	CHECK_EQ(p.cc.cwnd, 32 * 16 * MTU); /* slow start doubles */
	cwnd = p.cc.cwnd;
	lose(&p, MTU, false);
	CHECK_EQ(p.cc.cwnd, cwnd * 7 / 10);
	cc_lost(&p.cc, &(struct cc_loss){p.now, MTU, p.now - 100, false});
	CHECK_EQ(p.cc.cwnd, cwnd * 7 / 10); /* left before the cut */
	cc_acked(&p.cc, &(struct cc_ack){.now = p.now + 1,
					 .bytes = cwnd,
					 .rtt_us = RTT,
					 .srtt_us = RTT,
					 .sent_at = p.now - 100});
	CHECK_EQ(p.cc.cwnd, cwnd * 7 / 10); /* so did this */
	lose(&p, MTU, false);
	CHECK(near(p.cc.cwnd, cwnd * 49 / 100, 1));
	for (int i = 0; i < 40; i++)
		lose(&p, MTU, false);
	CHECK_EQ(p.cc.cwnd, 4 * MTU);
	CHECK(p.cc.rate > 0);
}

/* RFC 9438: back at the old window after K = cbrt(wmax * 0.3 / 0.4) seconds. */
static void
cubic_comes_back_along_its_curve(void)
{
	struct path p;
	uint64_t wmax, cut;

	start(&p, &cc_cubic);
	p.rtt = 200000; /* long enough for Reno to be slower */
	rounds(&p, 4);
	wmax = p.cc.cwnd; /* 512 packets: K = 7.27 s */
	lose(&p, MTU, false);
	cut = p.now;
	while (p.now < cut + 4 * SECOND)
		round_trip(&p);
	CHECK(near(p.cc.cwnd, wmax - 13800ull * MTU / 1000, 3)); /* 0.4 * 3.27^3 */
	while (p.now < cut + 7270000)
		round_trip(&p);
	CHECK(near(p.cc.cwnd, wmax, 2));
	while (p.now < cut + 14540000)
		round_trip(&p);
	CHECK(p.cc.cwnd > wmax + 100 * MTU);
}

static void
cubic_is_not_slower_than_reno(void)
{
	struct path p;
	uint64_t cwnd, before;

	start(&p, &cc_cubic);
	p.rtt = 2000;
	p.rate = 100000000;
	rounds(&p, 1);
	lose(&p, MTU, false);
	cwnd = p.cc.cwnd;
	before = p.now;
	rounds(&p, 40);
	CHECK(p.now - before < 200000); /* too short for the cubic curve */
	CHECK(near(p.cc.cwnd, cwnd + 40 * 529ull * MTU / 1000, 10));
}

static void
cubic_does_not_grow_unused(void)
{
	struct path p;
	uint64_t cwnd;

	start(&p, &cc_cubic);
	p.limited = true;
	rounds(&p, 10);
	CHECK_EQ(p.cc.cwnd, 32 * MTU);
	p.limited = false;
	rounds(&p, 3);
	lose(&p, MTU, false);
	rounds(&p, 4);
	cwnd = p.cc.cwnd;
	p.limited = true;
	rounds(&p, 400); /* 20 s in which the curve must stand still */
	CHECK_EQ(p.cc.cwnd, cwnd);
	p.limited = false;
	rounds(&p, 1);
	CHECK(p.cc.cwnd < cwnd + cwnd / 20);
}

static void
cubic_starts_again_after_an_outage(void)
{
	struct path p;
	uint64_t half;

	start(&p, &cc_cubic);
	rounds(&p, 4);
	lose(&p, MTU, false);
	half = p.cc.u.cubic.ssthresh;
	lose(&p, MTU, true);
	CHECK_EQ(p.cc.cwnd, 4 * MTU);
	rounds(&p, 1);
	CHECK_EQ(p.cc.cwnd, 8 * MTU);
	rounds(&p, 8);
	CHECK(p.cc.cwnd >= half);
}

/* Somebody who has more, always or not between, asked every so many microseconds. */
static uint64_t
greedy(uint64_t rate, uint64_t step_us, uint64_t us, bool rests)
{
	struct pacer p = {0};
	uint64_t sent = 0;

	for (uint64_t now = SECOND; now < SECOND + us; now += step_us)
		while (pacer_ready(&p, now)) {
			pacer_sent(&p, MTU, rate, MTU, now);
			sent += MTU;
			if (rests && !pacer_ready(&p, now))
				pacer_rest(&p, true);
		}
	return sent;
}

/* What leaves in us, but at most 64 packets. */
static uint64_t
burst_of(uint64_t rate, uint64_t us)
{
	uint64_t n = cc_bytes(rate, us);

	return n < 64 * MTU ? n : 64 * MTU;
}

static void
pacer_keeps_the_rate(void)
{
	static const uint64_t rates[] = {1000, 100000, LINE, 125000000, 1000000000};

	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		uint64_t rate = rates[i], allowed = rate / 10;
		uint64_t burst = burst_of(rate, 1000), late = burst_of(rate, 10000);

		CHECK(greedy(rate, 1, 100000, false) <= allowed + late + MTU);
		CHECK(greedy(rate, 1, 100000, false) >= allowed);
		CHECK(greedy(rate, 50000, 100000, true) <= late + burst + 2 * MTU);
		CHECK(greedy(rate, 50000, 100000, true) >= late + burst);
		CHECK(greedy(rate, 50000, 100000, false) <= 2 * (late + MTU));
		CHECK(greedy(rate, 50000, 100000, false) >= 2 * late);
	}
}

/* A loop that has its turn every 5 ms still sends at the rate of 100 Mbit/s. */
static void
pacer_knows_who_is_late(void)
{
	CHECK(greedy(LINE, 5000, SECOND, false) >= LINE);
	CHECK(greedy(LINE, 5000, SECOND, true) < LINE / 4);
}

/* Packets that leave at once after a second's rest, at 100 Mbit/s. */
static unsigned
at_once(struct pacer p, bool idle)
{
	unsigned n = 0;

	pacer_sent(&p, MTU, LINE, MTU, SECOND);
	pacer_rest(&p, idle);
	for (; pacer_ready(&p, 2 * SECOND) && n < 1000; n++)
		pacer_sent(&p, MTU, LINE, MTU, 2 * SECOND);
	return n;
}

/*
 * A closed window is no reason for a burst on a path, but to a near peer it is none
 * against; and who had nothing to send has half a round trip's worth.
 */
static void
pacer_does_not_let_peers_wait(void)
{
	static const struct {
		struct pacer p;
		bool idle;
		unsigned packets;
	} cases[] = {
	    {{.trip_us = 0}, true, 11},    {{.trip_us = 50000}, false, 11},
	    {{.near = true}, false, 64},   {{.trip_us = 50000}, true, 64},
	    {{.trip_us = 4000}, true, 21},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned n = at_once(cases[i].p, cases[i].idle);

		CHECK(n >= cases[i].packets && n <= cases[i].packets + 1);
	}
}

static void
pacer_wakes_for_a_batch(void)
{
	struct pacer p = {.rested = true};
	uint64_t at;

	pacer_sent(&p, MTU, 1000, MTU, SECOND); /* 1.2 s a packet */
	CHECK_EQ(pacer_deadline(&p, 1000, MTU), SECOND + 1200000 - 1000);
	p.next_ns = 0;
	while (pacer_ready(&p, SECOND))
		pacer_sent(&p, MTU, 125000000, MTU, SECOND);
	at = pacer_deadline(&p, 125000000, MTU);
	CHECK(at > SECOND + 300 && at < SECOND + 320); /* half of 64 packets */
	CHECK(pacer_ready(&p, at));
	CHECK(!pacer_ready(&p, SECOND));
}

TEST_MAIN(TEST(sums_do_not_overflow), TEST(both_start_with_32_packets),
	  TEST(bbr_finds_the_line), TEST(bbr_does_not_mind_losses),
	  TEST(bbr_limited_samples_only_raise), TEST(bbr_forgets_after_ten_rounds),
	  TEST(bbr_forgets_at_once_when_much_is_lost),
	  TEST(bbr_measures_the_round_trip_anew), TEST(bbr_notices_a_longer_path),
	  TEST(bbr_needs_no_probe_when_limited), TEST(bbr_has_room_for_turns_of_the_loop),
	  TEST(cubic_cuts_once_a_round), TEST(cubic_comes_back_along_its_curve),
	  TEST(cubic_is_not_slower_than_reno), TEST(cubic_does_not_grow_unused),
	  TEST(cubic_starts_again_after_an_outage), TEST(pacer_keeps_the_rate),
	  TEST(pacer_knows_who_is_late), TEST(pacer_wakes_for_a_batch),
	  TEST(pacer_does_not_let_peers_wait))
