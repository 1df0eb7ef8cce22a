/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/keyuse.h"
#include "test/test.h"

static void
sent(struct keyuse *k, unsigned times, size_t n)
{
	while (times-- > 0)
		keyuse_sent(k, n);
}

static void
got(struct keyuse *k, unsigned times, size_t n)
{
	while (times-- > 0)
		keyuse_got(k, n);
}

static void
each_direction_has_its_key(void)
{
	struct keyuse k;

	keyuse_init(&k, 100);
	sent(&k, 99, 1200);
	got(&k, 99, 1200);
	CHECK(!keyuse_worn(&k));
	got(&k, 1, 1200);
	CHECK(keyuse_worn(&k) && !keyuse_over(&k));
	keyuse_init(&k, 100);
	sent(&k, 100, 1200);
	CHECK(keyuse_worn(&k));
}

/* 2^27 packets, 2^24 above 2 KiB. */
static void
long_packets_count_for_eight(void)
{
	struct keyuse k;

	keyuse_init(&k, 800);
	sent(&k, 99, 2049);
	sent(&k, 7, 2048);
	CHECK(!keyuse_worn(&k));
	sent(&k, 1, 1);
	CHECK(keyuse_worn(&k));
	keyuse_init(&k, 800);
	got(&k, 100, 8900);
	CHECK(keyuse_worn(&k));
}

static void
as_many_again_and_it_is_over(void)
{
	struct keyuse k;

	keyuse_init(&k, 0);
	k.out = (1u << 27) - 1;
	CHECK(!keyuse_worn(&k));
	sent(&k, 1, 100);
	CHECK(keyuse_worn(&k));
	k.in = (1u << 28) - 1;
	CHECK(!keyuse_over(&k));
	got(&k, 1, 100);
	CHECK(keyuse_over(&k));
	keyuse_init(&k, 0);
	k.out = (1u << 28) - 8;
	sent(&k, 1, 9000);
	CHECK(keyuse_over(&k));
}

TEST_MAIN(TEST(each_direction_has_its_key), TEST(long_packets_count_for_eight),
	  TEST(as_many_again_and_it_is_over))
