/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/list.h"
#include "test/test.h"

static unsigned gets, putbacks;
static bool empty;

static void *
get(void *arg, size_t n)
{
	(void)arg;
	gets++;
	return empty ? NULL : malloc(n);
}

static void
put(void *arg, void *p, size_t n)
{
	(void)arg;
	(void)n;
	putbacks++;
	free(p);
}

static void
budget_ends(void)
{
	struct pool p = {get, put, NULL, 100, 0};
	void *a, *b;

	gets = putbacks = 0;
	empty = false;
	CHECK((a = pool_get(&p, 60)) != NULL);
	CHECK(pool_get(&p, 41) == NULL);
	CHECK((b = pool_get(&p, 40)) != NULL);
	CHECK_EQ(p.used, 100);
	CHECK(pool_get(&p, 1) == NULL);
	CHECK(pool_get(&p, SIZE_MAX) == NULL);
	CHECK_EQ(gets, 2); /* the outside was not asked for what is over budget */
	pool_put(&p, a, 60);
	CHECK_EQ(p.used, 40);
	CHECK((a = pool_get(&p, 60)) != NULL);
	pool_put(&p, a, 60);
	pool_put(&p, b, 40);
	CHECK_EQ(p.used, 0);
	CHECK_EQ(putbacks, 3);
}

static void
outside_has_none(void)
{
	struct pool p = {get, put, NULL, 100, 0};

	empty = true;
	CHECK(pool_get(&p, 10) == NULL);
	CHECK(pool_zget(&p, 10) == NULL);
	CHECK_EQ(p.used, 0);
}

static void
zget_clears_and_put_takes_null(void)
{
	struct pool p = TEST_POOL(100);
	static const uint8_t zero[100];
	uint8_t *m = pool_get(&p, 100);

	memset(m, 0xff, 100);
	pool_put(&p, m, 100);
	CHECK((m = pool_zget(&p, 100)) != NULL && memcmp(m, zero, 100) == 0);
	pool_put(&p, NULL, 100);
	CHECK_EQ(p.used, 100);
	pool_put(&p, m, 100);
	CHECK_EQ(p.used, 0);
}

struct item {
	int n;
	struct list link; /* in head */
};

static void
lists(void)
{
	struct item i[4];
	struct list head, *l, *n;
	int sum = 0;

	list_init(&head);
	CHECK(list_empty(&head));
	for (int k = 0; k < 4; k++) {
		i[k].n = k;
		list_add(&head, &i[k].link);
	}
	LIST_EACH (&head, l) {
		CHECK_EQ(CONTAINER_OF(l, struct item, link)->n, sum);
		sum++;
	}
	CHECK_EQ(sum, 4);
	list_del(&i[2].link);
	list_del(&i[2].link);
	LIST_EACH_SAFE (&head, l, n) {
		sum += CONTAINER_OF(l, struct item, link)->n;
		list_del(l);
	}
	CHECK_EQ(sum, 4 + 0 + 1 + 3);
	CHECK(list_empty(&head));
}

TEST_MAIN(TEST(budget_ends), TEST(outside_has_none), TEST(zget_clears_and_put_takes_null),
	  TEST(lists))
