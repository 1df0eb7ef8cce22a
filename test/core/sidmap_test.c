/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/sidmap.h"
#include "test/test.h"

#define N 1000

static struct sidmap_node node[N];

static void
fill(struct sidmap *m, uint32_t step)
{
	for (uint32_t i = 0; i < N; i++) {
		CHECK(sidmap_find(m, i * step) == NULL);
		node[i].sid = i * step;
		sidmap_add(m, &node[i]);
		CHECK(sidmap_find(m, i * step) == &node[i]);
	}
}

static void
finds_what_is_there(void)
{
	static const uint32_t step[] = {1, 2, 32, 65536, 4194304};
	struct pool pool = TEST_POOL(1 << 20);

	for (size_t k = 0; k < ARRAY_LEN(step); k++) {
		struct sidmap m;

		sidmap_init(&m, &pool);
		CHECK(sidmap_next(&m, NULL) == NULL);
		fill(&m, step[k]);
		for (uint32_t i = 0; i < N; i += 2)
			sidmap_del(&m, &node[i]);
		CHECK_EQ(m.n, N / 2);
		for (uint32_t i = 0; i < N; i++)
			CHECK(sidmap_find(&m, i * step[k]) == (i % 2 ? &node[i] : NULL));
		sidmap_fini(&m);
		CHECK_EQ(pool.used, 0);
	}
}

static void
visits_each_once(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	unsigned seen[N] = {0}, n = 0;
	struct sidmap m;

	sidmap_init(&m, &pool);
	fill(&m, 32);
	for (struct sidmap_node *i = NULL; (i = sidmap_next(&m, i)) != NULL; n++)
		seen[i - node]++;
	CHECK_EQ(n, N);
	for (size_t i = 0; i < N; i++)
		CHECK_EQ(seen[i], 1);
	sidmap_fini(&m);
}

static void
rows_are_short(void)
{
	struct pool pool = TEST_POOL(1 << 20);
	size_t longest = 0;
	struct sidmap m;

	sidmap_init(&m, &pool);
	fill(&m, 32); /* device numbers: what sessions have */
	for (size_t r = 0; r < m.rows; r++) {
		size_t n = 0;

		for (struct sidmap_node *i = m.row[r]; i != NULL; i = i->next)
			n++;
		longest = n > longest ? n : longest;
	}
	CHECK(longest <= 8);
	sidmap_fini(&m);
}

static void
without_memory_it_is_slow(void)
{
	struct pool pool = TEST_POOL(20 * sizeof(void *));
	struct sidmap m;

	sidmap_init(&m, &pool);
	fill(&m, 2);
	CHECK_EQ(m.rows, 16);
	for (uint32_t i = 0; i < N; i++)
		CHECK(sidmap_find(&m, i * 2) == &node[i]);
	sidmap_fini(&m);
	CHECK_EQ(pool.used, 0);
}

TEST_MAIN(TEST(finds_what_is_there), TEST(visits_each_once), TEST(rows_are_short),
	  TEST(without_memory_it_is_slow))
