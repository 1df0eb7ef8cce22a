/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/tombs.h"
#include "test/test.h"

static void
takes_each_once(void)
{
	struct tombs t = {0};

	CHECK(!tombs_take(&t, 0)); /* empty is not tag 0 */
	tombs_add(&t, 5);
	tombs_add(&t, 6);
	tombs_add(&t, 5);
	CHECK_EQ(t.count, 2);
	CHECK(tombs_take(&t, 5));
	CHECK(!tombs_take(&t, 5));
	CHECK(tombs_take(&t, 6));
	CHECK_EQ(t.count, 0);
}

static void
forgets_the_oldest(void)
{
	struct tombs t = {0};

	for (uint64_t tag = 0; tag < 5 * TOMBS_MAX; tag++) {
		tombs_add(&t, tag);
		CHECK(t.count <= TOMBS_MAX);
	}
	CHECK(!tombs_take(&t, 4 * TOMBS_MAX - 1));
	for (uint64_t tag = 4 * TOMBS_MAX; tag < 5 * TOMBS_MAX; tag++)
		CHECK(tombs_take(&t, tag));
	CHECK_EQ(t.count, 0);
}

TEST_MAIN(TEST(takes_each_once), TEST(forgets_the_oldest))
