/* SPDX-License-Identifier: ISC */
/*
 * What ahead.c (what happens) and ahead_fetch.c (requests at the far end) share; for
 * nobody else.
 */
#ifndef CORE_AHEAD_IMPL_H
#define CORE_AHEAD_IMPL_H

#include "core/ahead.h"

#define AHEAD_START  2u /* open at first */
#define AHEAD_STREAM 8u /* likewise, bulk */

struct ahead_reader {
	struct list link; /* in ahead.readers */
	uint64_t tag;
	uint32_t len;
	bool whole;   /* URB_SHORT_NOT_OK */
	bool named;   /* who asked knows its tag */
	bool leaving; /* the driver takes it back */
	bool later;   /* came behind a bar: what was before is not for it */
};

struct ahead_got {
	struct list link; /* in ahead.open or ahead.ready */
	uint64_t tag;
	uint32_t len, at, actual; /* at: bytes that readers have */
	int32_t status;
	bool early; /* sent when no reader waited for it */
	bool cancelled, unlinked;
	uint8_t data[];
};

struct ahead {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t ep;
	unsigned limit, most; /* as told, and as has proved to be good */
	unsigned depth;       /* how many are to be open and ready now */
	unsigned given;       /* to the driver since it had to wait */
	unsigned since;       /* urbs since the driver had to wait, or depth was less, */
	unsigned lying;       /* and so many at least were ready at each */
	struct import_request model;
	struct list readers, open, ready;
	unsigned waiting;         /* readers that are not leaving */
	unsigned opens, kept;     /* fetches in open and ready */
	struct ahead_got *ending; /* ahead_reply was called, ahead_reply_end not yet */
	unsigned bars;
	bool stopping; /* until nothing is open no fetch is sent */
};

/*
 * Sends what is to be open now. An error: nothing can be sent, and nothing is open or
 * kept.
 */
int ahead_fetch(struct ahead *) MUST_CHECK;

/* Takes back all that is open. */
void ahead_take_back(struct ahead *);

#endif
