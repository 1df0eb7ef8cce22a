/* SPDX-License-Identifier: ISC */
/*
 * The heap as a pool, and the end when core/ finds a bug.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/heap.h"

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

_Noreturn void
core_panic(const char *file, int line)
{
	fprintf(stderr, "usbp2p: bug at %s:%d, please report it\n", file, line);
	abort();
}
