/* SPDX-License-Identifier: ISC */
/* link:  */
#include "core/meter.h"
#include "test/test.h"

#define S 1000000ull

static void
steady(void)
{
	struct meter m = {0};

	CHECK_EQ(meter_rate(&m, 5 * S), 0);
	for (unsigned i = 0; i < 350; i++)
		meter_add(&m, 1000, 5 * S + i * S / 100);
	CHECK_EQ(meter_rate(&m, 5 * S + 349 * S / 100), 100000);
	CHECK_EQ(meter_rate(&m, 5 * S + 399 * S / 100), 100000);
}

/* It ends with silence, and begins anew after it. */
static void
silence(void)
{
	struct meter m = {0};

	meter_add(&m, 4000, S);
	CHECK_EQ(meter_rate(&m, S + S / 2), 4000); /* a second is not over */
	CHECK_EQ(meter_rate(&m, S + S + S / 2), 2666);
	CHECK_EQ(meter_rate(&m, 3 * S), 0);
	meter_add(&m, 100, 100 * S);
	CHECK_EQ(meter_rate(&m, 100 * S), 100);
	meter_add(&m, 100, 101 * S);
	CHECK_EQ(meter_rate(&m, 101 * S), 100);
	CHECK_EQ(meter_rate(&m, 103 * S), 0);
}

TEST_MAIN(TEST(steady), TEST(silence))
