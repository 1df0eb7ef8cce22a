/* SPDX-License-Identifier: ISC */
/*
 * What isoin.c (urbs of the driver) and isoin_fetch.c (requests at the far end) share;
 * for nobody else.
 */
#ifndef CORE_ISOIN_IMPL_H
#define CORE_ISOIN_IMPL_H

#include "core/isobuf.h"
#include "core/isoin.h"
#include "core/isourb.h"
#include "core/list.h"

struct isoin_fetch {
	struct list link; /* in isoin.open or isoin.ready */
	uint64_t tag;
	bool early;      /* sent when no reader waited for it */
	bool is_void;    /* nobody gets what it brings */
	bool cancelled;  /* UNLINK was sent */
	unsigned layout; /* of the packets: isoin.layout then */
	struct isourb u; /* its room is behind it */
};

struct isoin {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t ep;
	struct isobuf buf;
	struct import_request model; /* of the driver's urbs; its packets are */
	struct urb_iso *packets;     /* these */
	unsigned layout;             /* rises with each of them that is another */
	struct list readers, open, ready;
	unsigned waiting; /* readers */
	unsigned have;    /* fetches that are not void */
	unsigned opens;   /* in open */
	unsigned most;    /* of have - waiting: the far end has no room for more */
	struct isoin_fetch *ending;
	unsigned bars;
};

/* Sends as many as there should be, or until that fails. */
int isoin_fetch(struct isoin *) MUST_CHECK;

/*
 * Of those that are open, all but the first `keep` are for nobody, and are taken back,
 * the youngest first.
 */
void isoin_take_back(struct isoin *, unsigned keep);

/* A reply has come for it: it is ready, or gone if nobody gets it. */
void isoin_ended(struct isoin *, struct isoin_fetch *);

/* One goes; all that are ready; those that are open, too. */
void isoin_drop(struct isoin *, struct isoin_fetch *);
void isoin_discard(struct isoin *);
void isoin_clear(struct isoin *);

#endif
