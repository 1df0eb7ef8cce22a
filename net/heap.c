/* SPDX-License-Identifier: ISC */
/*
 * The heap as a pool.
 */
#include <stdlib.h>

#include "net/heap.h"

static void *
get(void *arg, size_t n)
{
	(void)arg;
	return malloc(n);
}

static void
put(void *arg, void *p, size_t n)
{
	(void)arg;
	(void)n;
	free(p);
}

void
heap_pool(struct pool *p, size_t budget)
{
	*p = (struct pool){.get = get, .put = put, .budget = budget};
}
