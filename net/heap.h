/* SPDX-License-Identifier: ISC */
/*
 * Pools for core/ on a host: the heap behind a budget.
 */
#ifndef NET_HEAP_H
#define NET_HEAP_H

#include "core/mem.h"

void heap_pool(struct pool *, size_t budget);

#endif
