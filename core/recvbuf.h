/* SPDX-License-Identifier: ISC */
/*
 * The receiving half of one stream: bytes from the first one not yet consumed,
 * in whatever order they come, and the window told to the sender. What was
 * accepted is never dropped. It knows offsets, not messages.
 */
#ifndef CORE_RECVBUF_H
#define CORE_RECVBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/spans.h"

struct recvbuf {
	struct bytes bytes;  /* from the first byte not consumed */
	uint64_t contiguous; /* everything before it is there */
	uint64_t told;       /* the sender may send before it, highest ever told */
	uint32_t window;     /* bytes kept */
	struct spans ahead;  /* behind contiguous */
};

void recvbuf_init(struct recvbuf *, struct pool *, uint32_t window);
void recvbuf_fini(struct recvbuf *);

/* ERR_PROTO: beyond the window. ERR_FULL: no room, it has to come again. */
int recvbuf_put(struct recvbuf *, uint64_t off, const uint8_t *, size_t n) MUST_CHECK;

/* The next byte to consume. */
static inline uint64_t
recvbuf_at(const struct recvbuf *b)
{
	return b->bytes.start;
}

void recvbuf_get(const struct recvbuf *, uint64_t off, void *, size_t n);
void recvbuf_consume(struct recvbuf *, size_t n);

/*
 * The sender should be told a new window: a quarter of it is free again, or
 * the sender cannot reach need, which the reader waits for.
 */
bool recvbuf_due(const struct recvbuf *, uint64_t need);

/* The window to tell now; counts as told. */
uint64_t recvbuf_tell(struct recvbuf *);

#endif
