/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Links that find out how long their packets may be, over paths that swallow longer
 * ones without a word. Sizes are those of datagrams, as in the table of core/pmtu.c.
 */
#include "core/arq_link.h"
#include "test/core/arq_sim.h"

#define SECOND 1000000u
#define LINE   2500000u /* 20 Mbit/s */
#define EXTRA  38

static const struct arq_conf find = {.mtu = 1200 - EXTRA,
				     .mtu_max = 8900 - EXTRA,
				     .extra = EXTRA},
			     find_cubic = {.mtu = 1200 - EXTRA,
					   .mtu_max = 8900 - EXTRA,
					   .extra = EXTRA,
					   .cubic = true};

static const struct sim_net line = {.delay_us = 20000, .rate = LINE, .queue = 256000};

static uint64_t
mtu(const struct sim *s, int end)
{
	struct arq_stats st;

	arq_stats(s->end[end].a, &st);
	CHECK_EQ(st.mtu, s->end[end].a->cc.mtu + EXTRA);
	return st.mtu;
}

static void
say(struct sim *s, int end, uint64_t n)
{
	s->end[end].total += n;
	sim_flush(s, end);
}

/* What the path takes, and what is found. */
static void
finds_the_largest_size(void)
{
	static const uint16_t row[][2] = {
	    {1200, 1200}, {1231, 1200}, {1232, 1232}, {1252, 1252}, {1300, 1252},
	    {1352, 1352}, {1371, 1352}, {1372, 1372}, {1392, 1392}, {1412, 1412},
	    {1432, 1432}, {1444, 1444}, {1452, 1452}, {1464, 1464}, {1472, 1472},
	    {1500, 1472}, {4000, 4000}, {8439, 4000}, {8452, 8440}, {8868, 8840},
	    {8900, 8900}, {9000, 8900}};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct sim s;
		struct sim_net net = line;

		net.mtu = row[i][0] - EXTRA;
		sim_init(&s, &net, i % 2 ? &find : &find_cubic, (uint32_t)i);
		say(&s, 0, 1000);
		sim_run(&s, 20 * SECOND);
		CHECK_EQ(mtu(&s, 0), row[i][1]);
		CHECK_EQ(mtu(&s, 1), 1200); /* has said nothing, knows no round trip */
		CHECK_EQ(s.end[0].a->sent.lost, 0); /* tries are not lost packets */
		CHECK_EQ(s.end[0].a->cc.u.bbr.round_lost * (i % 2), 0);
		CHECK(arq_idle(s.end[0].a) && s.end[0].err == ERR_OK);
		sim_fini(&s);
	}
}

/* The most common paths are known at once. */
static void
takes_few_round_trips(void)
{
	static const struct sim_net lan = {.delay_us = 100};
	struct sim s;

	sim_init(&s, &lan, &find, 1);
	say(&s, 0, 1000);
	sim_run(&s, 1000);
	CHECK_EQ(mtu(&s, 0), 8900);
	CHECK_EQ(s.end[0].numbers, 3);
	CHECK_EQ(arq_deadline(s.end[0].a), SIM_NEVER); /* and that is all */
	sim_fini(&s);
	sim_init(&s, &lan, &find, 1);
	s.net.mtu = 1472 - EXTRA;
	say(&s, 0, 1000);
	sim_run(&s, 1000);
	CHECK_EQ(mtu(&s, 0), 1472);
	sim_fini(&s);
}

/* A pinned size: no other is used, nothing is tried. */
static void
pinned(void)
{
	static const struct arq_conf conf = {.mtu = 1200 - EXTRA, .extra = EXTRA};
	struct sim s;

	sim_init(&s, &line, &conf, 1); /* the sim checks the size of each packet */
	say(&s, 0, 1000);
	sim_run(&s, 2000 * SECOND);
	CHECK_EQ(mtu(&s, 0), 1200);
	CHECK_EQ(s.end[0].numbers, 1);
	arq_moved(s.end[0].a, s.now);
	sim_run(&s, 2000 * SECOND);
	CHECK_EQ(s.end[0].numbers, 2); /* a PING */
	sim_fini(&s);
}

/* Each side for itself, in the middle of the data of both, on a bad line. */
static void
both_ways_with_losses(void)
{
	for (uint32_t seed = 1; seed <= 10; seed++) {
		struct sim s;
		struct sim_net net = line;

		net.loss = 300;
		net.reorder = 300;
		net.late_us = 5000;
		net.mtu = 1472 - EXTRA;
		sim_init(&s, &net, &find, seed);
		say(&s, 0, 3000000);
		say(&s, 1, 2000000);
		sim_run(&s, 30 * SECOND);
		CHECK(sim_all_acked(&s.end[0]) && sim_all_acked(&s.end[1]));
		CHECK_EQ(mtu(&s, 0), 1472);
		CHECK_EQ(mtu(&s, 1), 1472);
		sim_fini(&s);
	}
}

static uint64_t
goodput(struct sim *s, uint64_t us)
{
	uint64_t before = s->end[1].got;

	sim_run(s, us);
	return (s->end[1].got - before) * SECOND / us;
}

/* CUBIC only: when it last thought that the line was full. */
static uint64_t
cut_at(const struct sim *s)
{
	const struct cc *cc = &s->end[0].a->cc;

	return cc->algo == &cc_cubic ? cc->u.cubic.cut_at : 0;
}

/* The path shrinks under a full line: half a second later it is full again. */
static void
a_path_shrinks_under_load(void)
{
	static const uint16_t to[] = {1472, 1400, 1280, 1200};

	for (size_t i = 0; i < 2 * ARRAY_LEN(to); i++) {
		struct sim s;
		uint16_t small = to[i / 2];
		uint64_t cut, end;

		sim_init(&s, &line, i % 2 ? &find : &find_cubic, (uint32_t)i);
		say(&s, 0, UINT64_MAX / 2);
		sim_run(&s, 3 * SECOND);
		CHECK_EQ(mtu(&s, 0), 8900);
		CHECK(goodput(&s, SECOND) > LINE * 9ull / 10);
		CHECK_EQ(s.end[0].a->sent.pmtu.holes, 0);
		s.net.mtu = small - EXTRA;
		end = s.now + SECOND / 2;
		sim_run(&s, SECOND / 5); /* what was lost in the queue is known */
		cut = cut_at(&s);
		while (mtu(&s, 0) != 1200 && sim_step(&s, end))
			;
		CHECK_EQ(mtu(&s, 0), 1200);
		sim_run(&s, SECOND / 20); /* the last of the long ones are missed now */
		CHECK_EQ(cut_at(&s), cut);
		CHECK(goodput(&s, 2 * SECOND) > LINE * 8ull / 10);
		sim_run(&s, 18 * SECOND);
		CHECK(mtu(&s, 0) > small - 60u && mtu(&s, 0) <= small);
		CHECK(goodput(&s, 2 * SECOND) > LINE * 8ull / 10);
		CHECK(s.end[0].err == ERR_OK && s.end[1].err == ERR_OK);
		CHECK_EQ(ranges_first(&s.end[1].early)->from, 0);
		s.end[0].total = s.end[0].next; /* and nothing is missing */
		sim_run(&s, 5 * SECOND);
		CHECK(sim_all_acked(&s.end[0]));
		sim_fini(&s);
	}
}

/* The same with one packet at a time: after four time-outs it is noticed. */
static void
a_path_shrinks_between_questions(void)
{
	struct sim s;
	uint64_t probes = 0;
	struct arq_stats st;

	sim_init(&s, &line, &find, 1);
	say(&s, 0, 8000);
	sim_run(&s, SECOND);
	CHECK_EQ(mtu(&s, 0), 8900);
	s.net.mtu = 1472 - EXTRA;
	for (int i = 0; i < 20; i++) {
		say(&s, 0, 8000);
		sim_run(&s, SECOND / 2);
		CHECK(sim_all_acked(&s.end[0]));
	}
	arq_stats(s.end[0].a, &st);
	probes = st.probes;
	CHECK(probes >= 3 && probes <= 5);
	CHECK_EQ(mtu(&s, 0), 1472);
	sim_fini(&s);
}

/* Random loss, however bad, is no black hole; nor is a line that was cut. */
static void
loss_is_no_black_hole(void)
{
	struct sim s;
	struct sim_net net = line;

	net.loss = 1000;
	sim_init(&s, &net, &find, 1);
	say(&s, 0, UINT64_MAX / 2);
	say(&s, 1, UINT64_MAX / 2);
	for (int i = 0; i < 30; i++) {
		sim_run(&s, SECOND);
		CHECK_EQ(s.end[0].a->sent.pmtu.holes, 0);
	}
	CHECK_EQ(mtu(&s, 0), 8900);
	s.net.cut = true;
	sim_run(&s, SECOND);
	s.net.cut = false;
	sim_run(&s, 5 * SECOND); /* it may be taken for one, but not for long */
	CHECK_EQ(mtu(&s, 0), 8900);
	sim_fini(&s);
}

/* What was not there is tried again after ten minutes, and not before. */
static void
a_path_grows(void)
{
	struct sim s;
	uint64_t numbers;

	sim_init(&s, &line, &find, 1);
	s.net.mtu = 1472 - EXTRA;
	say(&s, 0, 1000);
	sim_run(&s, 30 * SECOND);
	CHECK_EQ(mtu(&s, 0), 1472);
	s.net.mtu = 0;
	numbers = s.end[0].numbers;
	sim_run(&s, 569 * SECOND);
	CHECK_EQ(s.end[0].numbers, numbers);
	sim_run(&s, 4 * SECOND);
	CHECK_EQ(mtu(&s, 0), 8900);
	sim_fini(&s);
}

static void
another_path_is_another_size(void)
{
	struct sim s;

	sim_init(&s, &line, &find, 1);
	say(&s, 0, UINT64_MAX / 2);
	sim_run(&s, 2 * SECOND);
	CHECK_EQ(mtu(&s, 0), 8900);
	s.net.mtu = 1300 - EXTRA;
	arq_moved(s.end[0].a, s.now);
	CHECK_EQ(mtu(&s, 0), 1200);
	sim_run(&s, 10 * SECOND);
	CHECK_EQ(mtu(&s, 0), 1252);
	CHECK_EQ(s.end[0].a->sent.pmtu.holes, 0);
	sim_fini(&s);
}

static void
grow(struct pmtu *p, uint64_t number, uint64_t now)
{
	while (pmtu_tick(p, now), pmtu_probe(p) > 0) {
		pmtu_probed(p, number, now + 1000);
		pmtu_arrived(p, number, number + 1, now);
	}
	CHECK_EQ(p->size, 8862);
}

/* Only what is lost behind the last long one that got through counts. */
static void
a_burst_is_no_black_hole(void)
{
	struct pmtu p;

	pmtu_init(&p, 1162, 8862, EXTRA);
	grow(&p, 10, SECOND);
	pmtu_acked(&p, 100, 8862);
	for (uint64_t n = 50; n < 99; n++)
		pmtu_lost(&p, n, 8862);
	CHECK(!pmtu_hole(&p, 101, 110, SECOND));
	for (uint64_t n = 101; n < 110; n++)
		pmtu_lost(&p, n, 1162);
	CHECK(!pmtu_hole(&p, 110, 111, SECOND));
	for (uint64_t n = 111; n < 114; n++)
		pmtu_lost(&p, n, 8862);
	CHECK(!pmtu_hole(&p, 114, 115, SECOND));
	pmtu_acked(&p, 115, 8862);
	pmtu_lost(&p, 116, 8862);
	CHECK(!pmtu_hole(&p, 117, 118, SECOND));
	CHECK_EQ(p.size, 8862);
}

/* Long packets that are tried get through, those with data do not: ever more patience. */
static void
black_holes_in_a_row(void)
{
	struct pmtu p;
	uint64_t now = 5 * SECOND, n = 0;

	pmtu_init(&p, 1162, 8862, EXTRA);
	for (uint64_t wait = SECOND; wait < 4000ull * SECOND; wait *= 2) {
		grow(&p, ++n, now);
		CHECK_EQ(pmtu_deadline(&p), UINT64_MAX);
		for (int i = 0; i < PMTU_HOLE; i++) {
			CHECK(!pmtu_hole(&p, n + 2, n + 2, now));
			pmtu_lost(&p, ++n, 8862);
		}
		CHECK(!pmtu_hole(&p, n - 1, n + 1, now)); /* nothing came behind them */
		CHECK(pmtu_hole(&p, n + 1, n + 2, now));
		CHECK_EQ(p.size, 1162);
		n++;
		CHECK_EQ(pmtu_deadline(&p) - now,
			 wait < PMTU_AGAIN_US ? wait : PMTU_AGAIN_US);
		now = pmtu_deadline(&p);
	}
}

TEST_MAIN(TEST(finds_the_largest_size), TEST(takes_few_round_trips), TEST(pinned),
	  TEST(both_ways_with_losses), TEST(a_path_shrinks_under_load),
	  TEST(a_path_shrinks_between_questions), TEST(loss_is_no_black_hole),
	  TEST(a_path_grows), TEST(another_path_is_another_size),
	  TEST(a_burst_is_no_black_hole), TEST(black_holes_in_a_row))
