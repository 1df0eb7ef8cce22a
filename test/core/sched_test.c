/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/sched.h"
#include "test/test.h"

static struct sched s;
static struct sched_item it[6];

static void
fresh(void)
{
	sched_init(&s);
	for (size_t i = 0; i < ARRAY_LEN(it); i++)
		sched_join(&it[i],
			   i < STREAM_PRIOS ? (enum stream_prio)i : STREAM_PRIO_BULK);
}

static long
next(void)
{
	struct sched_item *i = sched_next(&s);

	return i != NULL ? i - it : -1;
}

static void
higher_first_urgent_first(void)
{
	fresh();
	CHECK_EQ(next(), -1);
	CHECK(sched_want(&s, &it[5], false, true));
	CHECK(!sched_want(&s, &it[5], false, true));
	CHECK_EQ(next(), 5);
	CHECK(sched_want(&s, &it[4], false, true));
	CHECK_EQ(next(), 5);
	CHECK(sched_want(&s, &it[4], true, true));
	CHECK_EQ(next(), 4);
	for (int i = 3; i >= 0; i--) {
		CHECK(sched_want(&s, &it[i], i % 2, true));
		CHECK_EQ(next(), i);
	}
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(next(), i);
		CHECK(!sched_want(&s, &it[i], false, false));
	}
	CHECK_EQ(next(), 5);
	sched_leave(&it[5]);
	sched_leave(&it[5]);
	CHECK_EQ(next(), -1);
}

static void
equals_take_turns(void)
{
	fresh();
	for (int urgent = 0; urgent < 2; urgent++) {
		sched_want(&s, &it[4], urgent, true);
		sched_want(&s, &it[5], urgent, true);
		for (int i = 0; i < 10; i++) {
			CHECK_EQ(next(), 4 + i % 2);
			sched_sent(&s, &it[4 + i % 2], 1000);
		}
	}
}

/* Bytes that bulk gets of a million when others would take all. */
static uint64_t
share(enum stream_prio prio, size_t theirs, size_t bulks)
{
	uint64_t all = 0, bulk = 0;

	fresh();
	sched_want(&s, &it[prio], true, true);
	sched_want(&s, &it[4], false, true);
	while (all < 1000000) {
		size_t n = next() == 4 ? bulks : theirs;

		bulk += next() == 4 ? n : 0;
		all += n;
		sched_sent(&s, &it[next()], n);
	}
	return bulk * 1000000 / all;
}

static void
bulk_keeps_a_twentieth(void)
{
	static const size_t n[] = {30, 1180, 8900};

	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		for (size_t j = 0; j < ARRAY_LEN(n); j++) {
			uint64_t got = share(STREAM_PRIO_INTERRUPT, n[i], n[j]);

			CHECK(got >= 50000);
			CHECK(got < 70000);
		}
}

static void
isochronous_leaves_a_fifth(void)
{
	static const size_t n[] = {30, 1180, 8900};

	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		for (size_t j = 0; j < ARRAY_LEN(n); j++) {
			uint64_t got = share(STREAM_PRIO_ISO, n[i], n[j]);

			CHECK(got >= 190000); /* a packet is owed at the end */
			CHECK(got < 220000);
		}
}

/* What is above isochronous waits for neither. */
static void
the_keyboard_is_first(void)
{
	size_t before[STREAM_PRIOS] = {0};

	fresh();
	sched_want(&s, &it[3], false, true);
	sched_want(&s, &it[4], false, true);
	for (int i = 0; i < 10000; i++) {
		if (i % 100 == 50)
			sched_want(&s, &it[2], false, true);
		if (i % 100 >= 50 && i % 100 <= 52)
			before[next()]++;
		if (next() == 2)
			sched_want(&s, &it[2], false, false);
		else
			sched_sent(&s, &it[next()], 1000);
	}
	CHECK_EQ(before[2], 100);
	CHECK(before[4] > 0);
}

static void
bulk_that_does_not_wait_saves_nothing(void)
{
	fresh();
	sched_want(&s, &it[2], false, true);
	for (int i = 0; i < 1000; i++)
		sched_sent(&s, &it[2], 1000);
	sched_want(&s, &it[4], false, true);
	CHECK_EQ(next(), 2);
	sched_sent(&s, &it[2], 20000);
	CHECK_EQ(next(), 2);
	sched_want(&s, &it[4], false, false);
	sched_sent(&s, &it[2], 1000);
	sched_want(&s, &it[4], false, true);
	sched_sent(&s, &it[2], 3000);
	CHECK_EQ(next(), 2);
}

TEST_MAIN(TEST(higher_first_urgent_first), TEST(equals_take_turns),
	  TEST(bulk_keeps_a_twentieth), TEST(isochronous_leaves_a_fifth),
	  TEST(the_keyboard_is_first), TEST(bulk_that_does_not_wait_saves_nothing))
