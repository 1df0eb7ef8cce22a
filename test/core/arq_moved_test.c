/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Links whose packets take another path. SIM_SEEDS sets how many random ones.
 */
#include "core/arq_link.h"
#include "test/core/arq_sim.h"

#define SECOND 1000000u
#define LINE   12500000u /* 100 Mbit/s */

static const struct arq_conf plain = {.mtu = 1200}, cubic = {.mtu = 1200, .cubic = true};
static const struct arq_conf grows = {.mtu = 1200, .mtu_max = 8900, .extra = 38};

static const struct sim_net far = {.delay_us = 150000, .rate = 1000000, .queue = 300000};
static const struct sim_net near = {.delay_us = 1000, .rate = LINE, .queue = 250000};

/* Both sides go another way; what is on the old one still arrives, unless that is dead.
 */
static void
move(struct sim *s, const struct sim_net *to, bool dead)
{
	for (size_t i = 0; dead && i < s->flying; i++)
		free(s->heap[i]);
	if (dead)
		s->flying = 0;
	s->net = *to;
	s->free_at[0] = s->free_at[1] = 0;
	for (int i = 0; i < 2; i++) {
		arq_moved(s->end[i].a, s->now);
		sim_flush(s, i);
	}
}

static void
bulk(struct sim *s, uint64_t us)
{
	s->end[0].total = UINT64_MAX / 2;
	sim_flush(s, 0);
	sim_run(s, us);
}

/* Sends no more, and all that was sent has arrived. */
static void
come_to_rest(struct sim *s)
{
	s->end[0].total = s->end[0].next;
	sim_run(s, 100ull * SECOND);
	CHECK(sim_all_acked(&s->end[0]) && arq_idle(s->end[0].a));
	CHECK_EQ(s->end[0].err, ERR_OK);
	CHECK_EQ(s->end[1].err, ERR_OK);
	CHECK_EQ(s->end[0].a->sent.inflight, 0);
}

static void
everything_of_the_path_is_forgotten(void)
{
	static const struct arq_conf *const confs[] = {&plain, &cubic};

	for (int i = 0; i < 2; i++) {
		struct arq *a;
		struct sim s;
		uint64_t next, got;

		sim_init(&s, &far, confs[i], 5);
		bulk(&s, 6ull * SECOND);
		a = s.end[0].a;
		CHECK(a->rtt.smooth > 290000 && a->cc.min_rtt_us > 290000);
		CHECK(a->sent.flying > 100);
		a->sent.threshold = 20;
		a->sent.limited_until = UINT64_MAX;
		a->pacer.next_ns = (s.now + 1) * 1000;
		next = a->sent.next;
		arq_moved(a, s.now);
		CHECK_EQ(a->rtt.smooth, 0);
		CHECK_EQ(a->cc.min_rtt_us, 0);
		CHECK_EQ(a->cc.cwnd, CC_FIRST_PACKETS * 1200);
		CHECK_EQ(a->sent.inflight, 0);
		CHECK_EQ(a->sent.threshold, ARQ_THRESHOLD);
		CHECK_EQ(a->sent.delivered_at, s.now);
		CHECK_EQ(a->sent.limited_until, 0);
		CHECK(pacer_ready(&a->pacer, s.now));
		CHECK_EQ(a->sent.next, next); /* but not the numbers */
		CHECK(a->sent.flying > 100);
		move(&s, &near, false);
		got = s.end[1].got;
		sim_run(&s, 2 * SECOND);
		CHECK(a->cc.min_rtt_us >= 2000 && a->cc.min_rtt_us < 4000);
		CHECK((s.end[1].got - got) / 2 > LINE * 8ull / 10);
		come_to_rest(&s);
		sim_fini(&s);
	}
}

/* New packets overtake hundreds of old ones: none of those is thought lost. */
static void
what_is_late_is_not_lost(void)
{
	struct sim s;

	sim_init(&s, &far, &plain, 5);
	bulk(&s, 400000);
	CHECK(s.end[0].a->sent.flying > 20);
	CHECK_EQ(s.end[0].a->sent.lost, 0);
	s.end[0].total = s.end[0].next + 100000;
	move(&s, &near, false);
	sim_run(&s, SECOND);
	CHECK_EQ(s.end[0].a->sent.lost, 0);
	CHECK_EQ(s.end[0].a->sent.threshold, ARQ_THRESHOLD);
	CHECK_EQ(s.end[1].a->stats.duplicates, 0);
	come_to_rest(&s);
	sim_fini(&s);
}

/* And what was thought lost there and comes after all teaches nothing of the new one. */
static void
the_old_order_is_not_learned(void)
{
	static const struct sim_net mixed = {
	    .delay_us = 150000, .reorder = 3000, .late_us = 100000};
	struct sim s;

	sim_init(&s, &mixed, &plain, 5);
	bulk(&s, 320000);
	s.end[0].total = s.end[0].next + 100000;
	CHECK(s.end[0].a->sent.lost > 0);
	move(&s, &near, false);
	sim_run(&s, SECOND);
	CHECK_EQ(s.end[0].a->sent.threshold, ARQ_THRESHOLD);
	CHECK_EQ(s.end[0].a->rtt.late, 1);
	come_to_rest(&s);
	sim_fini(&s);
}

/* What died with the old path is sent again, soon, and slows nobody. */
static void
what_is_lost_is_no_congestion(void)
{
	static const struct arq_conf *const confs[] = {&plain, &cubic};

	for (int i = 0; i < 2; i++) {
		const struct arq *a;
		struct sim s;
		uint64_t flying;

		sim_init(&s, &near, confs[i], 5);
		a = s.end[0].a;
		s.end[0].total = 20000; /* it knows the path well */
		sim_flush(&s, 0);
		sim_run(&s, SECOND);
		s.end[0].total += 30000;
		sim_flush(&s, 0);
		sim_run(&s, 500);
		flying = a->sent.flying;
		CHECK(flying >= 10);
		move(&s, &near, true);
		sim_run(&s, 20000);
		CHECK(a->sent.lost >= flying);
		CHECK_EQ(s.end[1].got, s.end[0].total);
		CHECK(i == 0 || a->cc.u.cubic.cut_at == 0);
		CHECK(i == 1 || a->cc.u.bbr.round_lost == 0);
		CHECK(a->cc.cwnd >= CC_FIRST_PACKETS * 1200);
		come_to_rest(&s);
		sim_fini(&s);
	}
}

/* Nothing was on its way: the new path is measured all the same, by one packet. */
static void
an_idle_link_looks_at_once(void)
{
	struct sim s;

	sim_init(&s, &far, &plain, 5);
	for (int i = 0; i < 2; i++)
		arq_moved(s.end[i].a, s.now); /* of a link that has said nothing */
	sim_run(&s, SECOND);
	CHECK_EQ(s.end[0].numbers + s.end[1].numbers, 0);
	s.end[0].total = 5000;
	sim_flush(&s, 0);
	sim_run(&s, 5 * SECOND);
	CHECK(arq_idle(s.end[0].a));
	move(&s, &near, false);
	sim_run(&s, 2500);
	CHECK(s.end[0].a->rtt.smooth > 0 && s.end[0].a->rtt.smooth < 3000);
	sim_run(&s, SECOND);
	CHECK(s.end[0].numbers < 15);
	sim_fini(&s);
}

static void
its_length_is_tried_anew(void)
{
	struct sim s;
	struct sim_net narrow = near;

	narrow.mtu = 1500;
	sim_init(&s, &near, &grows, 5);
	bulk(&s, SECOND);
	CHECK_EQ(s.end[0].a->sent.pmtu.size, 8900 - 38);
	move(&s, &narrow, false);
	CHECK_EQ(s.end[0].a->sent.pmtu.size, 1200);
	CHECK_EQ(s.end[0].a->cc.mtu, 1200);
	sim_run(&s, 3 * SECOND);
	CHECK_EQ(s.end[0].a->sent.pmtu.size, 1472 - 38);
	come_to_rest(&s);
	sim_fini(&s);
}

static void
one_seed(uint32_t seed)
{
	static const struct sim_net nets[] = {
	    {.delay_us = 100},
	    {.delay_us = 20000, .loss = 500, .dup = 200},
	    {.delay_us = 5000, .reorder = 1000, .late_us = 20000, .loss = 100},
	    {.delay_us = 100000, .rate = 250000, .queue = 30000},
	};
	struct sim s;

	sim_init(&s, &nets[seed % ARRAY_LEN(nets)], seed & 8 ? &cubic : &plain, seed + 1);
	s.end[0].total = 300000;
	s.end[1].total = seed & 1 ? 200000 : 0;
	for (unsigned i = 0; i < 12; i++) {
		const struct sim_net *to = &nets[sim_rnd(&s, ARRAY_LEN(nets))];

		move(&s, to, sim_rnd(&s, 2) == 0);
		sim_run(&s, sim_rnd(&s, 200000));
	}
	sim_run(&s, 1000ull * SECOND);
	for (int i = 0; i < 2; i++) {
		CHECK(sim_all_acked(&s.end[i]) && arq_idle(s.end[i].a));
		CHECK_EQ(s.end[i].err, ERR_OK);
		CHECK_EQ(arq_deadline(s.end[i].a), SIM_NEVER);
	}
	sim_fini(&s);
}

static void
many_moves_lose_nothing(void)
{
	const char *n = getenv("SIM_SEEDS");
	uint32_t seeds = n != NULL ? (uint32_t)atoi(n) : 100;

	for (uint32_t seed = 0; seed < seeds && !test_failed; seed++) {
		one_seed(seed);
		if (test_failed)
			printf("# seed %u\n", seed);
	}
}

TEST_MAIN(TEST(everything_of_the_path_is_forgotten), TEST(what_is_late_is_not_lost),
	  TEST(the_old_order_is_not_learned), TEST(what_is_lost_is_no_congestion),
	  TEST(an_idle_link_looks_at_once), TEST(its_length_is_tried_anew),
	  TEST(many_moves_lose_nothing))
