/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Links over bad paths, in virtual time. SIM_SEEDS sets how many.
 */
#include "core/arq_link.h"
#include "test/core/arq_sim.h"

#define SECOND 1000000u
#define LINE   12500000u /* 100 Mbit/s */

static const struct arq_conf plain = {.mtu = 1200}, cubic = {.mtu = 1200, .cubic = true};

static const struct sim_net bad_paths[] = {
    {.delay_us = 100},
    {.delay_us = 0, .loss = 500},
    {.delay_us = 10000, .loss = 100},
    {.delay_us = 25000, .loss = 2000, .dup = 1000},
    {.delay_us = 10000, .reorder = 1000, .late_us = 8000},
    {.delay_us = 1000, .reorder = 5000, .late_us = 50000, .loss = 500, .dup = 500},
    {.delay_us = 5000, .rate = 250000, .queue = 20000},
    {.delay_us = 300000, .loss = 1000, .reorder = 2000, .late_us = 100000},
};

static void
one_seed(uint32_t seed)
{
	struct sim s;

	sim_init(&s, &bad_paths[seed % ARRAY_LEN(bad_paths)], seed & 8 ? &cubic : &plain,
		 seed + 1);
	s.end[0].total = 200000 + seed * 777;
	s.end[1].total = seed & 16 ? 150000 : 0;
	s.end[0].pool_fail = seed % 5;
	sim_flush(&s, 0);
	sim_flush(&s, 1);
	sim_run(&s, 1000 * SECOND);
	for (int i = 0; i < 2; i++) {
		CHECK(sim_all_acked(&s.end[i]) && arq_idle(s.end[i].a));
		CHECK_EQ(s.end[i].a->sent.inflight, 0);
		CHECK_EQ(s.end[i].err, ERR_OK);
		CHECK_EQ(arq_deadline(s.end[i].a), SIM_NEVER);
	}
	sim_fini(&s);
}

static void
bad_paths_lose_nothing(void)
{
	const char *n = getenv("SIM_SEEDS");
	uint32_t seeds = n != NULL ? (uint32_t)atoi(n) : 160;

	for (uint32_t seed = 0; seed < seeds && !test_failed; seed++) {
		one_seed(seed);
		if (test_failed)
			printf("# seed %u\n", seed);
	}
}

/* Bytes per second at the other side, after `start` seconds. */
static uint64_t
goodput(struct sim *s, uint64_t start, uint64_t seconds)
{
	uint64_t before;

	s->end[0].total = UINT64_MAX / 2;
	sim_flush(s, 0);
	sim_run(s, start * SECOND);
	before = s->end[1].got;
	s->end[0].most_at_once = 0;
	sim_run(s, seconds * SECOND);
	CHECK(s->end[0].err == ERR_OK && s->end[1].err == ERR_OK);
	return (s->end[1].got - before) / seconds;
}

static const struct sim_net lossy = {
    .delay_us = 25000, .loss = 100, .rate = LINE, .queue = 256000};

static void
random_loss_does_not_slow_the_rate(void)
{
	struct sim s;

	sim_init(&s, &lossy, &plain, 5);
	CHECK(goodput(&s, 1, 12) > LINE * 9ull / 10); /* one PROBE_RTT is in it */
	CHECK(s.end[0].a->cc.min_rtt_us < 51000);
	/* a burst is a millisecond at most 1.25 times the line, and one packet */
	CHECK(s.end[0].most_at_once < LINE / 1000 * 13 / 10 + 1200);
	sim_fini(&s);
	sim_init(&s, &lossy, &cubic, 5);
	CHECK(goodput(&s, 1, 12) < LINE / 10); /* why it is not the default */
	sim_fini(&s);
}

static void
cubic_fills_a_clean_line(void)
{
	struct sim s;
	struct sim_net net = lossy;

	net.loss = 0;
	sim_init(&s, &net, &cubic, 5);
	CHECK(goodput(&s, 2, 10) > LINE * 9ull / 10);
	sim_fini(&s);
}

static void
the_queue_stays_short(void)
{
	struct sim s;
	struct sim_net net = lossy;

	net.loss = 0;
	sim_init(&s, &net, &plain, 5);
	(void)goodput(&s, 2, 8);
	CHECK(s.end[0].a->rtt.smooth < 50000 + 10000);
	CHECK(s.end[0].a->sent.lost * 50 < s.end[0].numbers);
	sim_fini(&s);
}

static void
a_fast_line_has_64_packets_at_once(void)
{
	static const struct sim_net net = {
	    .delay_us = 100, .rate = 500000000, .queue = 4000000};
	struct sim s;

	sim_init(&s, &net, &plain, 5);
	sim_flush(&s, 0);
	CHECK(goodput(&s, 0, 1) > 400000000);
	CHECK(s.end[0].most_at_once <= 65 * 1200);
	sim_fini(&s);
}

/* A tenth of the packets are late by up to 4 ms: few are sent twice. */
static void
reordering_is_learned(void)
{
	struct sim s;
	struct sim_net net = lossy;
	uint64_t lost, sent;

	net.loss = 0;
	net.reorder = 1000;
	net.late_us = 4000;
	sim_init(&s, &net, &plain, 5);
	(void)goodput(&s, 1, 2);
	CHECK(s.end[0].a->sent.threshold > 20 && s.end[0].a->sent.threshold <= 64);
	lost = s.end[0].a->sent.lost;
	sent = s.end[0].numbers;
	CHECK(goodput(&s, 0, 5) > LINE * 9ull / 10);
	CHECK((s.end[0].a->sent.lost - lost) * 200 < s.end[0].numbers - sent);
	sim_fini(&s);
}

/* The line becomes ten times slower, then fast again. */
static void
follows_the_line(void)
{
	struct sim s;
	uint64_t lost, sent;

	sim_init(&s, &lossy, &plain, 5);
	(void)goodput(&s, 1, 2);
	s.net.rate = LINE / 10;
	(void)goodput(&s, 0, 2);
	lost = s.end[0].a->sent.lost;
	sent = s.end[0].numbers;
	CHECK(goodput(&s, 0, 5) > LINE / 10 * 8ull / 10);
	CHECK((s.end[0].a->sent.lost - lost) * 20 < s.end[0].numbers - sent);
	s.net.rate = LINE;
	(void)goodput(&s, 0, 2);
	CHECK(goodput(&s, 0, 3) > LINE * 8ull / 10);
	sim_fini(&s);
}

/* The path becomes three times longer, then short again. */
static void
follows_the_path(void)
{
	struct sim s;

	sim_init(&s, &lossy, &plain, 5);
	CHECK(goodput(&s, 1, 1) > LINE * 8ull / 10);
	s.net.delay_us = 75000;
	(void)goodput(&s, 0, 5);
	CHECK(goodput(&s, 0, 2) > LINE * 8ull / 10);
	s.net.delay_us = 25000;
	CHECK(goodput(&s, 1, 2) > LINE * 8ull / 10);
	CHECK(s.end[0].a->cc.min_rtt_us < 51000);
	sim_fini(&s);
}

/* Small exchanges, then bulk: the start is not spoilt by having been idle. */
static void
small_talk_teaches_nothing(void)
{
	struct sim s;

	sim_init(&s, &lossy, &plain, 5);
	for (int i = 0; i < 100; i++) {
		s.end[0].total += 64;
		sim_flush(&s, 0);
		sim_run(&s, 100000);
	}
	CHECK(goodput(&s, 1, 4) > LINE * 8ull / 10);
	CHECK(s.end[0].a->cc.u.bbr.full); /* and the start ended */
	sim_fini(&s);
}

TEST_MAIN(TEST(bad_paths_lose_nothing), TEST(random_loss_does_not_slow_the_rate),
	  TEST(cubic_fills_a_clean_line), TEST(the_queue_stays_short),
	  TEST(a_fast_line_has_64_packets_at_once), TEST(reordering_is_learned),
	  TEST(follows_the_line), TEST(follows_the_path),
	  TEST(small_talk_teaches_nothing))
