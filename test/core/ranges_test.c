/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/ranges.h"
#include "test/test.h"

#define SPAN (4 * RANGES_MAX)

static uint32_t
rnd(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

static bool
sound(const struct ranges *s)
{
	for (uint16_t i = 0; i < s->n; i++)
		if (s->r[i].from >= s->r[i].to ||
		    (i > 0 && s->r[i - 1].to >= s->r[i].from))
			return false;
	return s->n <= RANGES_MAX;
}

static void
joins_and_cuts(void)
{
	struct ranges s;

	ranges_init(&s);
	CHECK(ranges_first(&s) == NULL);
	CHECK_EQ(ranges_add(&s, 10, 20), ERR_OK);
	CHECK_EQ(ranges_add(&s, 30, 40), ERR_OK);
	CHECK_EQ(ranges_add(&s, 5, 5), ERR_OK);
	CHECK_EQ(s.n, 2);
	CHECK_EQ(ranges_add(&s, 20, 30), ERR_OK);
	CHECK_EQ(s.n, 1);
	CHECK(ranges_first(&s)->from == 10 && ranges_first(&s)->to == 40);
	CHECK(ranges_has(&s, 10) && ranges_has(&s, 39));
	CHECK(!ranges_has(&s, 9) && !ranges_has(&s, 40));
	CHECK(ranges_covers(&s, 10, 40) && !ranges_covers(&s, 10, 41));
	CHECK(ranges_covers(&s, 99, 99));
	CHECK(ranges_after(&s, 0) == &s.r[0] && ranges_after(&s, 39) == &s.r[0]);
	CHECK(ranges_after(&s, 40) == NULL && ranges_after(&s, UINT64_MAX) == NULL);
	CHECK_EQ(ranges_remove(&s, 15, 25), ERR_OK);
	CHECK_EQ(s.n, 2);
	CHECK(!ranges_covers(&s, 12, 30) && ranges_has(&s, 14) && !ranges_has(&s, 15));
	CHECK_EQ(ranges_remove(&s, 0, 100), ERR_OK);
	CHECK_EQ(s.n, 0);
}

static void
the_ends_of_the_numbers(void)
{
	struct ranges s;

	ranges_init(&s);
	CHECK_EQ(ranges_add(&s, UINT64_MAX - 1, UINT64_MAX), ERR_OK);
	CHECK_EQ(ranges_add(&s, 0, 1), ERR_OK);
	CHECK(ranges_has(&s, UINT64_MAX - 1) && !ranges_has(&s, UINT64_MAX));
	CHECK(ranges_has(&s, 0) && !ranges_has(&s, 1));
	CHECK_EQ(ranges_add(&s, 0, UINT64_MAX), ERR_OK);
	CHECK_EQ(s.n, 1);
}

static void
full_changes_nothing(void)
{
	struct ranges s, before;

	memset(&s, 0, sizeof(s)); /* padding too: the whole is compared */
	ranges_init(&s);
	for (uint64_t i = 0; i < RANGES_MAX; i++)
		CHECK_EQ(ranges_add(&s, i * 10, i * 10 + 5), ERR_OK);
	before = s;
	CHECK_EQ(ranges_add(&s, 7, 8), ERR_FULL);
	CHECK_EQ(ranges_remove(&s, 11, 12), ERR_FULL);
	CHECK(memcmp(&s, &before, sizeof(s)) == 0);
	CHECK_EQ(ranges_add(&s, 5, 6), ERR_OK); /* grows one */
	CHECK_EQ(ranges_remove(&s, 10, 11), ERR_OK);
	CHECK_EQ(ranges_remove(&s, 14, 22), ERR_OK);
	CHECK_EQ(ranges_add(&s, 0, 12), ERR_OK); /* joins two */
	CHECK_EQ(s.n, RANGES_MAX - 1);
	CHECK(sound(&s));
}

/* Against a plain array of flags. */
static void
like_a_plain_set(void)
{
	static bool want[SPAN + 1], was[SPAN + 1];
	struct ranges s;
	uint32_t seed = 1;

	ranges_init(&s);
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t from = rnd(&seed) % SPAN, to = from + rnd(&seed) % 6;
		bool add = rnd(&seed) % 3 != 0;
		int r;

		to = to > SPAN ? SPAN : to;
		memcpy(was, want, sizeof(was));
		for (uint32_t x = from; x < to; x++)
			want[x] = add;
		r = add ? ranges_add(&s, from, to) : ranges_remove(&s, from, to);
		if (r == ERR_FULL)
			memcpy(want, was, sizeof(want));
		CHECK(r == ERR_OK || (r == ERR_FULL && s.n == RANGES_MAX));
		CHECK(sound(&s));
		for (uint32_t x = from < 8 ? 0 : from - 8; x < to + 8 && x <= SPAN; x++)
			CHECK(ranges_has(&s, x) == want[x]);
		if (step % 1000 == 0) {
			CHECK_EQ(ranges_remove(&s, 0, SPAN), ERR_OK);
			memset(want, 0, sizeof(want));
		}
	}
}

TEST_MAIN(TEST(joins_and_cuts), TEST(the_ends_of_the_numbers), TEST(full_changes_nothing),
	  TEST(like_a_plain_set))
