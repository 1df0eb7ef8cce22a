/* SPDX-License-Identifier: ISC */
/*
 * The sending half of one stream: bytes from the first unacknowledged one on,
 * what of them the peer has, what has to be sent again. It knows offsets, not
 * messages and not packets.
 *
 *	una <= next <= end; lost is within [una, next), acked within (una, end)
 */
#ifndef CORE_SENDBUF_H
#define CORE_SENDBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/spans.h"

struct sendbuf {
	struct bytes bytes; /* [una, end) */
	uint64_t next;      /* first byte to send that is not in lost */
	uint64_t limit;     /* the peer takes bytes before it */
	struct spans acked; /* behind una */
	struct spans lost;
};

void sendbuf_init(struct sendbuf *, struct pool *, uint64_t limit);
void sendbuf_fini(struct sendbuf *);

/* Room for n bytes to append. ERR_NOMEM: nothing has changed. */
int sendbuf_room(struct sendbuf *, size_t n) MUST_CHECK;
void sendbuf_append(struct sendbuf *, const void *, size_t n);

/* Bytes the peer has not acknowledged. */
static inline uint64_t
sendbuf_unacked(const struct sendbuf *b)
{
	return b->bytes.end - b->bytes.start;
}

/* Bytes that never left, also those that the peer does not take yet. */
static inline uint64_t
sendbuf_unsent(const struct sendbuf *b)
{
	return b->bytes.end - b->next;
}

static inline bool
sendbuf_has_lost(const struct sendbuf *b)
{
	return !spans_empty(&b->lost);
}

/* Bytes behind next that the peer takes. */
uint64_t sendbuf_new(const struct sendbuf *);

/* Copies at most cap bytes to send, lost ones first; returns how many. */
size_t sendbuf_take(struct sendbuf *, uint64_t *off, uint8_t *dst, size_t cap);

void sendbuf_acked(struct sendbuf *, uint64_t off, uint64_t n);
void sendbuf_lost(struct sendbuf *, uint64_t off, uint64_t n);

/* The n bytes before the next one, of which none is lost, go again with it. */
void sendbuf_repeat(struct sendbuf *, uint64_t n);

/*
 * A new link carries it: what was on its way on the old one is sent again, from the
 * first byte that the peer is not known to have.
 */
void sendbuf_rewind(struct sendbuf *);

/* The peer takes bytes before limit; one that is lower than before is ignored. */
void sendbuf_limit(struct sendbuf *, uint64_t limit);

#endif
