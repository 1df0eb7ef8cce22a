/* SPDX-License-Identifier: ISC */
/*
 * A set of ranges (core/ranges) that owns no memory while it is empty, which
 * is nearly always: each stream has three.
 */
#ifndef CORE_SPANS_H
#define CORE_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct pool;
struct range;
struct ranges;

struct spans {
	struct pool *pool;
	struct ranges *set; /* NULL: empty */
};

void spans_init(struct spans *, struct pool *);
void spans_fini(struct spans *);

static inline bool
spans_empty(const struct spans *s)
{
	return s->set == NULL;
}

/* ERR_FULL: the set, or the pool; nothing has changed. */
int spans_add(struct spans *, uint64_t from, uint64_t to) MUST_CHECK;

/* Where the middle of a range cannot be cut out for lack of room it stays. */
void spans_remove(struct spans *, uint64_t from, uint64_t to);

/* The lowest; NULL: empty. Valid until the set changes. */
const struct range *spans_first(const struct spans *);

bool spans_covers(const struct spans *, uint64_t from, uint64_t to);

/* Removes the ranges that start at x or before; returns where they end, or x. */
uint64_t spans_absorb(struct spans *, uint64_t x);

#endif
