/* SPDX-License-Identifier: ISC */
/*
 * Tags that were unlinked before they came. Bounded: the oldest is forgotten
 * (most are of requests that have ended already and never come).
 */
#ifndef CORE_TOMBS_H
#define CORE_TOMBS_H

#include <stdbool.h>
#include <stdint.h>

/* As many as one end may have open that it reads ahead with (core/ahead): it takes them
 * back all at once, by a stream that may be quicker than theirs. */
#define TOMBS_MAX 1024

struct tombs {
	uint64_t tag[TOMBS_MAX]; /* ring */
	unsigned count, oldest;
};

/* All zero is an empty one. */
void tombs_add(struct tombs *, uint64_t tag);

/* Whether it was there; it is not any more. */
bool tombs_take(struct tombs *, uint64_t tag);

#endif
