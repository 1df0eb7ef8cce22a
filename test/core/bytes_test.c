/* SPDX-License-Identifier: ISC */
/* link: core */
#include <stdbool.h>

#include "core/bytes.h"
#include "test/test.h"

static uint8_t
at(uint64_t off)
{
	return (uint8_t)(off * 7 + (off >> 11));
}

static void
put(struct bytes *b, uint64_t off, size_t n)
{
	static uint8_t buf[1 << 20];

	for (size_t i = 0; i < n; i++)
		buf[i] = at(off + i);
	CHECK_EQ(bytes_room(b, off, n), ERR_OK);
	bytes_put(b, off, buf, n);
}

static bool
holds(const struct bytes *b, uint64_t off, size_t n)
{
	static uint8_t buf[1 << 20];

	bytes_get(b, off, buf, n);
	for (size_t i = 0; i < n; i++)
		if (buf[i] != at(off + i))
			return false;
	return true;
}

static void
byte_by_byte(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	struct bytes b;

	bytes_init(&b, &pool);
	for (uint64_t i = 0; i < 3 * BYTES_BLOCK; i++)
		put(&b, i, 1);
	CHECK(holds(&b, 0, 3 * BYTES_BLOCK));
	for (uint64_t i = 0; i < 3 * BYTES_BLOCK; i++) {
		CHECK(holds(&b, i, 1));
		bytes_drop(&b, i + 1);
	}
	CHECK_EQ(pool.used, 0);
	bytes_fini(&b);
}

static void
a_window_moves_far(void)
{
	struct pool pool = TEST_POOL(16 << 20);
	uint64_t tail = 0, head = 0, seed = 1;
	struct bytes b;

	bytes_init(&b, &pool);
	while (tail < (100u << 20)) {
		size_t n;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		n = (size_t)(seed >> 33) % 70000;
		if (head - tail < 300000) {
			put(&b, head, n);
			head += n;
			continue;
		}
		CHECK(holds(&b, tail, n));
		tail += n;
		bytes_drop(&b, tail);
		CHECK(pool.used < 1000000);
	}
	CHECK(holds(&b, tail, (size_t)(head - tail)));
	bytes_drop(&b, head);
	CHECK_EQ(pool.used, 0);
}

static void
holes_are_filled_later(void)
{
	struct pool pool = TEST_POOL(16 << 20);
	const uint64_t far = 60 * BYTES_BLOCK + 11;
	struct bytes b;

	bytes_init(&b, &pool);
	put(&b, far, 100); /* grows the ring before there is a first block */
	put(&b, 0, 10);
	put(&b, 2 * BYTES_BLOCK - 3, 6);
	CHECK(holds(&b, far, 100));
	CHECK_EQ(b.end, far + 100);
	bytes_drop(&b, 5);
	for (uint64_t o = 10; o < far; o += 1000)
		put(&b, o, o + 1000 < far ? 1000 : (size_t)(far - o));
	CHECK(holds(&b, 5, (size_t)(far + 95)));
	bytes_drop(&b, far);
	CHECK(holds(&b, far, 100));
	CHECK_EQ(pool.used, BYTES_BLOCK + 64 * sizeof(void *));
	bytes_fini(&b);
	CHECK_EQ(pool.used, 0);
}

static void
the_middle_of_64_bits(void)
{
	struct pool pool = TEST_POOL(16 << 20);
	struct bytes b;

	bytes_init(&b, &pool);
	b.start = b.end = (uint64_t)1 << 40;
	put(&b, b.end, 100000);
	CHECK(holds(&b, ((uint64_t)1 << 40) + 1, 99999));
	bytes_fini(&b);
	CHECK_EQ(pool.used, 0);
}

static void
without_memory(void)
{
	struct pool pool = TEST_POOL(16 << 20);
	struct bytes b;

	bytes_init(&b, &pool);
	put(&b, 0, 5000);
	for (size_t budget = 0; budget < 30 * BYTES_BLOCK; budget += BYTES_BLOCK / 2) {
		pool.budget = budget;
		CHECK_EQ(bytes_room(&b, 5000, 40 * BYTES_BLOCK), ERR_NOMEM);
		bytes_trim(&b);
		CHECK(holds(&b, 0, 5000));
		CHECK(pool.used <= 2 * BYTES_BLOCK + 64 * sizeof(void *));
	}
	pool.budget = 1 << 20;
	put(&b, 5000, 40 * BYTES_BLOCK);
	CHECK(holds(&b, 0, 5000 + 40 * BYTES_BLOCK));
	bytes_fini(&b);
	CHECK_EQ(bytes_room(&b, b.end, SIZE_MAX / 4), ERR_NOMEM);
	bytes_init(&b, &pool);
	pool.budget = 5 * BYTES_BLOCK / 2;
	CHECK_EQ(bytes_room(&b, 0, 3 * BYTES_BLOCK), ERR_NOMEM);
	CHECK_EQ(pool.used, 2 * BYTES_BLOCK);
	bytes_trim(&b);
	CHECK_EQ(pool.used, 0);
}

static void
nothing_is_fine(void)
{
	struct pool pool = TEST_POOL(0);
	struct bytes b;

	bytes_init(&b, &pool);
	CHECK_EQ(bytes_room(&b, 0, 0), ERR_OK);
	bytes_put(&b, 100, NULL, 0);
	bytes_get(&b, 0, NULL, 0);
	bytes_drop(&b, 0);
	bytes_trim(&b);
	CHECK_EQ(b.end, 0);
	CHECK_EQ(bytes_room(&b, 0, 1), ERR_NOMEM);
	bytes_fini(&b);
}

TEST_MAIN(TEST(byte_by_byte), TEST(a_window_moves_far), TEST(holes_are_filled_later),
	  TEST(the_middle_of_64_bits), TEST(without_memory), TEST(nothing_is_fine))
