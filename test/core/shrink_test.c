/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
#include "core/shrink.h"
#include "test/test.h"

#define MS    1000ull
#define LINE  80000u /* ps: 12.5 MB/s, 100 Mbit/s */
#define LARGE 65536u

/* A link that moves on: so long, held back for so long of it, so many bytes. */
static struct shrink_link link;

static uint64_t
after(struct shrink_price *p, uint64_t us, uint64_t held, uint64_t bytes)
{
	link.now_us += us;
	link.held_us += held;
	link.bytes += bytes;
	return shrink_look(p, &link);
}

static struct shrink_price
fresh(void)
{
	link = (struct shrink_link){.now_us = 1000000, .held_us = 123, .bytes = 456};
	return (struct shrink_price){.from = link};
}

static void
price_of_a_link(void)
{
	static const struct {
		const char *what;
		uint64_t us, held, bytes, price;
	} rows[] = {
	    {"nothing has left", 1000, 0, 0, 0},
	    {"too little to tell", 50 * MS, 50 * MS, SHRINK_WINDOW - 1, 0},
	    {"100 Mbit/s, held back all the time", 8 * MS, 8 * MS, 100000, LINE},
	    {"half of the time", 16 * MS, 8 * MS, 100000, LINE},
	    {"never", 8 * MS, 0, 100000, 0},
	    {"20 kB/s: fewer bytes do", 2000 * MS, 2000 * MS, 40000, 50000000},
	    {"idle: a few bytes of others", 2000 * MS, 2000 * MS, 1000, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shrink_price p = fresh();

		if (after(&p, rows[i].us, rows[i].held, rows[i].bytes) == rows[i].price)
			continue;
		printf("# %s: %llu\n", rows[i].what, (unsigned long long)p.ps);
		CHECK(!"the price");
	}
}

/* What was compressed leaves without waiting: that does not make the line free. */
static void
price_stays_while_it_helps(void)
{
	struct shrink_price p = fresh();

	CHECK_EQ(after(&p, 8 * MS, 8 * MS, 100000), LINE);
	for (unsigned i = 0; i < 40; i++)
		CHECK_EQ(after(&p, 100 * MS, 0, 70000), LINE);
	CHECK_EQ(after(&p, 1000 * MS, 0, 70000), 0); /* but is asked for anew */
}

static void
price_follows_the_line(void)
{
	struct shrink_price p = fresh();

	CHECK_EQ(after(&p, 8 * MS, 8 * MS, 100000), LINE);
	CHECK_EQ(after(&p, 80 * MS, 80 * MS, 100000), 10 * LINE); /* slower */
	CHECK_EQ(after(&p, 8 * MS, 8 * MS, 100000), LINE);        /* as it was: so many
								     bytes in so short */
	CHECK_EQ(after(&p, 1 * MS, 0, 100000), 0); /* more than it could take */
}

/* Nothing is sent for long: nobody knows what the line is now. */
static void
price_grows_old(void)
{
	struct shrink_price p = fresh();

	CHECK_EQ(after(&p, 8 * MS, 8 * MS, 100000), LINE);
	CHECK_EQ(after(&p, 4000 * MS, 0, 100), LINE);
	CHECK_EQ(after(&p, 4000 * MS, 0, 100), LINE);
	CHECK_EQ(after(&p, 4000 * MS, 0, 100), 0);
}

/* The session goes on over another: its counts begin again. */
static void
another_link(void)
{
	struct shrink_price p = fresh();

	CHECK_EQ(after(&p, 8 * MS, 8 * MS, 100000), LINE);
	link.bytes = link.held_us = 10;
	CHECK_EQ(after(&p, 1, 0, 0), 0);
	CHECK_EQ(after(&p, 8 * MS, 8 * MS, 100000), LINE);
}

static void
which_are_tried(void)
{
	static const struct {
		uint64_t ps, n;
		bool wants;
	} rows[] = {
	    {LINE, SHRINK_LEAST - 1, false},
	    {LINE, SHRINK_LEAST, true},
	    {LINE, SHRINK_MOST, true},
	    {LINE, SHRINK_MOST + 1, false},
	    {SHRINK_FREE_PS, LARGE, false},
	    {SHRINK_FREE_PS + 1, LARGE, true},
	    {0, LARGE, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shrink s = {0};

		CHECK_EQ(shrink_wants(&s, rows[i].ps, rows[i].n), rows[i].wants);
	}
}

static void
what_pays(void)
{
	static const struct {
		uint64_t ps, saved, ns;
		bool pays;
	} rows[] = {
	    {LINE, LARGE / 2, 100000, true},    /* 2.6 ms for 0.1 ms */
	    {LINE, LARGE / 2, 1300000, true},   /* for 1.3 ms */
	    {LINE, LARGE / 2, 1320000, false},  /* for more than half */
	    {LINE, 0, 0, false},                /* it does not shrink */
	    {5000, LARGE / 2, 100000, false},   /* 1.6 Gbit/s and a slow processor */
	    {5000, LARGE / 2, 50000, true},     /* and a quicker one */
	    {UINT32_MAX, SHRINK_MOST, 0, true}, /* no sum is too large */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shrink s = {0};

		CHECK_EQ(shrink_pays(&s, rows[i].ps, rows[i].saved, rows[i].ns),
			 rows[i].pays);
		CHECK_EQ(s.on, rows[i].pays);
	}
}

/* How many of n messages are tried. */
static unsigned
tried(struct shrink *s, unsigned n, uint64_t saved)
{
	unsigned tries = 0;

	while (n-- > 0)
		if (shrink_wants(s, LINE, LARGE)) {
			tries++;
			(void)shrink_pays(s, LINE, saved, 1000);
		}
	return tries;
}

/* What does not shrink is looked at less and less; what does is tried each time. */
static void
backs_off(void)
{
	struct shrink s = {0};

	CHECK_EQ(tried(&s, 262, 0), 8); /* 2, 4, 8 ... 128 lie between */
	CHECK(!s.on);
	CHECK_EQ(tried(&s, 12900, 0), 100);
	while (!shrink_wants(&s, LINE, LARGE))
		CHECK(!s.on);
	CHECK(shrink_pays(&s, LINE, LARGE / 2, 1000) && s.on);
	CHECK_EQ(tried(&s, 100, LARGE / 2), 100); /* and then all are tried again */
	CHECK(s.on);
}

/* One that does not shrink is forgiven, as are a few behind one another. */
static void
is_patient(void)
{
	struct shrink s = {0};

	for (unsigned i = 0; i < 100; i++) {
		CHECK_EQ(tried(&s, 1, LARGE / 2), 1);
		CHECK_EQ(tried(&s, 3, 0), 3);
		CHECK(s.on);
	}
	CHECK_EQ(tried(&s, 1000, LARGE / 2), 1000);
	CHECK_EQ(tried(&s, 15, 0), 15);
	CHECK(s.on);
	CHECK_EQ(tried(&s, 1, 0), 1);
	CHECK(!s.on);
	CHECK_EQ(tried(&s, 262, 0), 8);
}

/* The line is free again: it is not on any more. */
static void
ends_with_the_need(void)
{
	struct shrink s = {0};

	CHECK(shrink_pays(&s, LINE, LARGE / 2, 1000) && s.on);
	CHECK(!shrink_wants(&s, 100, 100) && s.on); /* which says nothing */
	CHECK(!shrink_wants(&s, 100, LARGE) && !s.on);
}

TEST_MAIN(TEST(price_of_a_link), TEST(price_stays_while_it_helps),
	  TEST(price_follows_the_line), TEST(price_grows_old), TEST(another_link),
	  TEST(which_are_tried), TEST(what_pays), TEST(backs_off), TEST(is_patient),
	  TEST(ends_with_the_need))
