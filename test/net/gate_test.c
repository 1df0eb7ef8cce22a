/* SPDX-License-Identifier: ISC */
/* link: net */
#include "net/gate.h"
#include "test/test.h"

static const struct gate_conf wide = {GATE_SEATS, GATE_SEATS, 1000, 1000};

static struct gate_network
ipv4(unsigned last)
{
	const uint8_t a[4] = {192, 0, 2, (uint8_t)last};

	return gate_network(a, sizeof(a));
}

static int
enter(struct gate *g, unsigned last, uint64_t now_us)
{
	struct gate_network w = ipv4(last);

	return gate_enter(g, &w, now_us);
}

static void
networks(void)
{
	static const struct {
		const char *what;
		uint8_t a[16], b[16];
		bool same;
	} t[] = {
	    {"one /64",
	     {0x20, 1, 0, 0, 0, 0, 0, 7, 1},
	     {0x20, 1, 0, 0, 0, 0, 0, 7, 2},
	     true},
	    {"two /64",
	     {0x20, 1, 0, 0, 0, 0, 0, 7, 1},
	     {0x20, 1, 0, 0, 0, 0, 0, 8, 1},
	     false},
	    {"mapped",
	     {[10] = 0xff, 0xff, 192, 0, 2, 1},
	     {[10] = 0xff, 0xff, 192, 0, 2, 2},
	     false},
	};
	const uint8_t four[4] = {192, 0, 2, 1};
	struct gate_network w = gate_network(four, 4), m = gate_network(t[2].a, 16);

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct gate_network a = gate_network(t[i].a, 16);
		struct gate_network b = gate_network(t[i].b, 16);

		CHECK_EQ(memcmp(&a, &b, sizeof(a)) == 0, t[i].same);
	}
	CHECK(memcmp(&w, &m, sizeof(w)) == 0); /* mapped is the same as plain */
}

static void
seats_in_all(void)
{
	struct gate g;
	int seat = -1;

	gate_init(&g, &wide, 0);
	for (unsigned i = 0; i < GATE_SEATS; i++)
		CHECK((seat = enter(&g, i, 0)) >= 0);
	CHECK_EQ(enter(&g, 200, 0), ERR_FULL);
	gate_leave(&g, seat);
	CHECK_EQ(enter(&g, 200, 0), seat);
	CHECK_EQ(enter(&g, 201, 0), ERR_FULL);
}

static void
seats_of_a_network(void)
{
	const struct gate_conf conf = {64, 8, 1000, 1000};
	struct gate g;
	int seat = -1;

	gate_init(&g, &conf, 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK((seat = enter(&g, 1, 0)) >= 0);
	CHECK_EQ(enter(&g, 1, 0), ERR_BUSY);
	CHECK(enter(&g, 2, 0) >= 0);
	gate_leave(&g, seat);
	CHECK(enter(&g, 1, 0) >= 0);
	CHECK_EQ(enter(&g, 1, 0), ERR_BUSY);
}

static void
bucket(void)
{
	const struct gate_conf conf = {64, 64, 20, 40};
	struct gate g;
	uint64_t now = 7000000;
	int seat;

	gate_init(&g, &conf, now);
	for (unsigned i = 0; i < 40; i++) {
		CHECK((seat = enter(&g, i, now)) >= 0);
		gate_leave(&g, seat);
	}
	CHECK_EQ(enter(&g, 1, now), ERR_FULL);
	CHECK_EQ(enter(&g, 1, now + 49999), ERR_FULL);
	CHECK(enter(&g, 1, now + 50000) >= 0); /* 20 a second */
	CHECK_EQ(enter(&g, 1, now + 50000), ERR_FULL);
	CHECK_EQ(enter(&g, 1, now), ERR_FULL); /* a clock that goes back gives nothing */
}

/* However long it was quiet, no more than a burst. */
static void
bucket_has_a_rim(void)
{
	const struct gate_conf conf = {64, 64, 20, 3};
	struct gate g;
	const uint64_t now = UINT64_MAX - 1;

	gate_init(&g, &conf, 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(enter(&g, 1, now) >= 0);
	CHECK_EQ(enter(&g, 1, now), ERR_FULL);
}

/* Who is refused for another reason does not use up what others need. */
static void
refused_takes_nothing(void)
{
	const struct gate_conf conf = {64, 1, 20, 2};
	struct gate g;

	gate_init(&g, &conf, 0);
	CHECK(enter(&g, 1, 0) >= 0);
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(enter(&g, 1, 0), ERR_BUSY);
	CHECK(enter(&g, 2, 0) >= 0);
	CHECK_EQ(enter(&g, 3, 0), ERR_FULL);
}

TEST_MAIN(TEST(networks), TEST(seats_in_all), TEST(seats_of_a_network), TEST(bucket),
	  TEST(bucket_has_a_rim), TEST(refused_takes_nothing))
