/* SPDX-License-Identifier: ISC */
/*
 * Who sends next: strict priorities, in each the urgent ones (windows, lost
 * data) before the others, round-robin among equals. When higher priorities would
 * take all, bulk gets one byte in twenty, and one in five when they are isochronous.
 * It knows no stream.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"
#include "core/stream.h"

struct sched_item {
	struct list urgent, plain; /* in sched.urgent[prio], sched.plain[prio] */
	enum stream_prio prio;
};

struct sched {
	struct list urgent[STREAM_PRIOS], plain[STREAM_PRIOS];
	int64_t owed; /* for what went before waiting bulk, less what it got for it */
};

void sched_init(struct sched *);
void sched_join(struct sched_item *, enum stream_prio);
void sched_leave(struct sched_item *);

/* What the item has to send. It keeps its place if it has one. true: it is new. */
bool sched_want(struct sched *, struct sched_item *, bool urgent, bool plain);

/* Whose turn it is; NULL: nobody wants to send. */
struct sched_item *sched_next(const struct sched *);

/* The item has sent n bytes: behind the others with it. Then sched_want. */
void sched_sent(struct sched *, struct sched_item *, size_t n);

#endif
