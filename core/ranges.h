/* SPDX-License-Identifier: ISC */
/*
 * A bounded, sorted set of numbers as half-open ranges [from, to) that neither
 * touch nor overlap. For offsets and packet numbers that came out of order; it
 * does not know which. A set that is full stays as it is and says so.
 */
#ifndef CORE_RANGES_H
#define CORE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

#ifndef RANGES_MAX
#define RANGES_MAX 256
#endif

struct range {
	uint64_t from, to;
};

struct ranges {
	uint16_t n;
	struct range r[RANGES_MAX]; /* ascending */
};

void ranges_init(struct ranges *);

/* Joins with what it touches. ERR_FULL: it needs one more range than there are. */
int ranges_add(struct ranges *, uint64_t from, uint64_t to) MUST_CHECK;

/* ERR_FULL: it would cut a range in two and there is no room for the second. */
int ranges_remove(struct ranges *, uint64_t from, uint64_t to) MUST_CHECK;

/* The lowest range; NULL: the set is empty. Valid until the set changes. */
const struct range *ranges_first(const struct ranges *);

/* The lowest range that ends behind x: x is in it or before it. NULL: none. */
const struct range *ranges_after(const struct ranges *, uint64_t x);

bool ranges_has(const struct ranges *, uint64_t x);

/* All of [from, to); an empty span is always covered. */
bool ranges_covers(const struct ranges *, uint64_t from, uint64_t to);

#endif
