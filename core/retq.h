/* SPDX-License-Identifier: ISC */
/*
 * Replies on their way to the kernel: a queue of RET_SUBMIT and RET_UNLINK, each
 * header and its data in one piece. Replies without data can always be had: some
 * are kept apart for when the pool is empty.
 */
#ifndef CORE_RETQ_H
#define CORE_RETQ_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/list.h"
#include "core/usbip.h"

#ifndef RETQ_SPARES
#define RETQ_SPARES 64
#endif

struct ret {
	struct list link; /* in retq.out, retq.spare, or its owner's list */
	uint32_t seqnum;
	uint64_t charge; /* part of retq.charged */
	size_t room;     /* bytes for data */
	size_t len;      /* bytes to be sent */
	uint8_t bytes[]; /* header, then room */
};

struct retq {
	struct pool *pool;
	struct list out, spare;
	unsigned spares;
	size_t sent;      /* of the first in out */
	uint64_t queued;  /* replies ever put into out */
	uint64_t charged; /* by those that are out: made and not yet given back */
};

int retq_init(struct retq *, struct pool *) MUST_CHECK;
void retq_fini(struct retq *);

/* With room for data, or NULL. */
struct ret *retq_get(struct retq *, uint32_t seqnum, size_t room, uint64_t charge);

/* Without room for data; NULL only if the spare ones are used up too. */
struct ret *retq_spare(struct retq *, uint32_t seqnum);

/* Gives back one that is in no list. */
void retq_put(struct retq *, struct ret *);

/* To be sent; actual counts as data to be sent only if there is room for it. */
void retq_ret_submit(struct retq *, struct ret *, const struct usbip_ret_submit *);
/* The same, where n bytes of the room follow the header. */
void
retq_ret_bytes(struct retq *, struct ret *, const struct usbip_ret_submit *, size_t n);
void retq_ret_unlink(struct retq *, struct ret *, int32_t status);

size_t retq_output(const struct retq *, const uint8_t **);
void retq_sent(struct retq *, size_t n);

#endif
