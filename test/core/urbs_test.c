/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/urbs.h"
#include "test/test.h"

#define MANY 5000

static struct urbs_node nodes[MANY];

/* Tags of one stream differ in their upper bits only. */
static uint64_t
key_of(unsigned i)
{
	return i % 2 ? (uint64_t)i << 32 | 7 : i;
}

static void
finds_each_and_only_those(void)
{
	struct urbs t;

	urbs_init(&t);
	for (unsigned i = 0; i < MANY; i++)
		urbs_add(&t, &nodes[i], key_of(i));
	CHECK_EQ(t.count, MANY);
	for (unsigned i = 0; i < MANY; i += 3)
		urbs_del(&t, &nodes[i]);
	for (unsigned i = 0; i < MANY; i++)
		CHECK(urbs_find(&t, key_of(i)) == (i % 3 == 0 ? NULL : &nodes[i]));
	CHECK(urbs_find(&t, UINT64_MAX) == NULL);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 3 != 0)
			urbs_del(&t, &nodes[i]);
	CHECK_EQ(t.count, 0);
}

static void
neighbours_are_spread(void)
{
	struct urbs t;
	unsigned used = 0;

	urbs_init(&t);
	for (unsigned i = 0; i < URBS_BUCKETS; i++)
		urbs_add(&t, &nodes[i], (uint64_t)i << 5 | 2); /* one endpoint's tags */
	for (unsigned i = 0; i < URBS_BUCKETS; i++)
		used += t.bucket[i] != NULL;
	CHECK(used > URBS_BUCKETS / 2);
}

TEST_MAIN(TEST(finds_each_and_only_those), TEST(neighbours_are_spread))
