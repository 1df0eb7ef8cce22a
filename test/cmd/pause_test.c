/* SPDX-License-Identifier: ISC */
/* link: cmd */
#include "cmd/pause.h"
#include "test/test.h"

#define MIDDLE 128 /* of the dice */

static void
doubles_to_two_seconds(void)
{
	static const uint64_t want[] = {0,       250000,  500000,  1000000,
					2000000, 2000000, 2000000, 2000000};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		CHECK_EQ(pause_us(i, 1000000, MIDDLE), want[i]);
	CHECK_EQ(pause_us(UINT32_MAX, 1000000, MIDDLE), 2000000);
}

/* It never ends, but after ten minutes it is asked every half minute only. */
static void
is_patient_later(void)
{
	CHECK_EQ(pause_us(300, 599999999, MIDDLE), 2000000);
	CHECK_EQ(pause_us(300, 600000000, MIDDLE), 30000000);
	CHECK_EQ(pause_us(UINT32_MAX, UINT64_MAX, MIDDLE), 30000000);
}

static void
chance_is_a_quarter(void)
{
	uint64_t sum = 0;

	for (unsigned dice = 0; dice < 256; dice++) {
		uint64_t us = pause_us(4, 0, (uint8_t)dice);

		CHECK(us >= 1500000 && us < 2500000);
		CHECK(dice == 0 || us > pause_us(4, 0, (uint8_t)(dice - 1)));
		CHECK_EQ(pause_us(0, 0, (uint8_t)dice), 0);
		sum += us;
	}
	CHECK(sum / 256 > 1990000 && sum / 256 < 2010000);
}

/* A server that is not there says nothing, and a try of five seconds is pause enough. */
static void
a_long_try_is_a_pause(void)
{
	CHECK_EQ(pause_end(2000000, 10000000, 10000100), 12000000);
	CHECK_EQ(pause_end(2000000, 10000000, 15000000), 15000000);
	CHECK_EQ(pause_end(0, 10000000, 10000000), 10000000);
}

TEST_MAIN(TEST(doubles_to_two_seconds), TEST(is_patient_later), TEST(chance_is_a_quarter),
	  TEST(a_long_try_is_a_pause))
