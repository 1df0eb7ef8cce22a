/* SPDX-License-Identifier: ISC */
/* link: net core */
#include "core/shrink.h"
#include "net/squeeze.h"
#include "test/test.h"

#define MOST SHRINK_MOST

static uint8_t data[MOST], block[MOST], back[MOST + 1];

/* The same every time. */
static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Words of a small vocabulary: shrinks to about a half. */
static void
fill_text(uint32_t n)
{
	uint32_t seed = 1;

	for (uint32_t i = 0; i < n; i++)
		data[i] = "etaoin shrdlu.\n,cm"[next(&seed) % 3 * (i % 6)];
}

static void
fill_random(uint32_t n)
{
	uint32_t seed = 2;

	for (uint32_t i = 0; i < n; i++)
		data[i] = (uint8_t)next(&seed);
}

static uint32_t
squeeze(uint32_t n, uint32_t cap)
{
	return squeeze_lz4.compress(data, n, block, cap);
}

/* What was written, and not a byte behind it. */
static bool
comes_back(uint32_t left, uint32_t n)
{
	memset(back, 0x77, sizeof(back));
	return squeeze_lz4.expand(block, left, back, n) && memcmp(back, data, n) == 0 &&
	       back[n] == 0x77;
}

static void
round_trip(void)
{
	static const uint32_t sizes[] = {SHRINK_LEAST, 513,    4096, 65535,
					 65536,        122880, MOST};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t n = sizes[i], left;

		memset(data, 0, n);
		left = squeeze(n, n - n / 8);
		CHECK(left > 0 && left < n / 30 && comes_back(left, n));
		fill_text(n);
		left = squeeze(n, n - n / 8);
		CHECK(left > 0 && left < n - n / 8 && comes_back(left, n));
	}
}

/* There is no room for it: nothing is said, nothing is written behind the end. */
static void
does_not_shrink(void)
{
	fill_random(MOST);
	memset(block, 0x55, sizeof(block));
	CHECK_EQ(squeeze(65536, 65536 - 65536 / 8), 0);
	for (uint32_t i = 65536 - 65536 / 8; i < 65536; i++)
		CHECK(block[i] == 0x55);
	CHECK_EQ(squeeze(MOST, MOST - MOST / 8), 0);
	memset(data, 0, 4096);
	CHECK_EQ(squeeze(4096, 10), 0);
}

/* The bytes of the example in usbp2p-protocol(7). */
static void
the_page(void)
{
	static const uint8_t page[12] = {0x1f, 0, 1, 0, 0xff, 0xe8, 0x50};

	memset(data, 0, 512);
	CHECK_EQ(squeeze(512, 448), sizeof(page));
	CHECK(memcmp(block, page, sizeof(page)) == 0);
	CHECK(comes_back(sizeof(page), 512));
}

/* As many bytes as were said, or none. */
static void
other_lengths(void)
{
	uint32_t left;

	fill_text(8192);
	left = squeeze(8192, 7168);
	CHECK(comes_back(left, 8192));
	for (uint32_t n = 0; n < left; n++)
		CHECK(!squeeze_lz4.expand(block, n, back, 8192));
	for (uint32_t n = 1; n <= sizeof(back); n = n < 9000 ? n + 1 : n * 2)
		CHECK_EQ(squeeze_lz4.expand(block, left, back, n), n == 8192);
	CHECK(!squeeze_lz4.expand(block, left + 1, back, 8192));
}

/* Anything may come: it is refused, or is bytes; never more than there is room for. */
static void
corrupt(void)
{
	uint32_t seed = 3, left, refused = 0;

	fill_text(2048);
	left = squeeze(2048, 1792);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t was[1792];

		memcpy(was, block, left);
		for (unsigned k = next(&seed) % 4 + 1; k > 0; k--)
			block[next(&seed) % left] = (uint8_t)next(&seed);
		memset(back, 0x77, 4096);
		refused += !squeeze_lz4.expand(block, left, back, 2048);
		CHECK(back[2048] == 0x77);
		memcpy(block, was, left);
	}
	CHECK(refused > 1000);
	memset(block, 0xff, 4096); /* a bomb: lengths that never end */
	CHECK(!squeeze_lz4.expand(block, 4096, back, MOST));
	memset(block, 0, 4096);
	CHECK(!squeeze_lz4.expand(block, 4096, back, MOST));
}

TEST_MAIN(TEST(round_trip), TEST(does_not_shrink), TEST(the_page), TEST(other_lengths),
	  TEST(corrupt))
