/* SPDX-License-Identifier: ISC */
/*
 * The urbs of one OUT endpoint in their order, of which the drivers of the first ones
 * were told that they are done although they are not. When one is told, and what becomes
 * of it, is not known here.
 */
#ifndef CORE_TOLD_H
#define CORE_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

struct told_urb {
	struct list link; /* in told.all */
	uint64_t tag;     /* of the driver */
	uint64_t far;     /* of the far end, if it is_sent */
	uint64_t amount;  /* bytes, or us that it lasts */
	bool is_sent;
	bool named;   /* who asked knows its tag */
	bool told;    /* its driver was told that it is done */
	bool leaving; /* its driver takes it back */
};

struct told {
	struct list all;
	unsigned n;      /* that were told, */
	uint64_t amount; /* and theirs in all */
};

void told_init(struct told *);

/* It is the last one from now on, and not told. */
void told_add(struct told *, struct told_urb *);

/* Who asked for the last one knows its tag. */
void told_named(struct told *);

/* Its driver is about to be told; all those before it were. */
void told_tell(struct told *, struct told_urb *);

/* It is not among them any more. */
void told_del(struct told *, struct told_urb *);

/* The first of all, and of those that were not told; NULL: there is none. */
struct told_urb *told_first(const struct told *);
struct told_urb *told_next(const struct told *);

/* One that was not told, by the driver's tag; one that was sent, by the far end's. */
struct told_urb *told_by_tag(const struct told *, uint64_t tag);
struct told_urb *told_by_far(const struct told *, uint64_t far);

#endif
