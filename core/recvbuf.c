/* SPDX-License-Identifier: ISC */
/*
 * Bytes that came out of order lie at their offset already; taking them over
 * when the gap closes is moving one number.
 */
#include "core/recvbuf.h"
#include "core/mem.h"

void
recvbuf_init(struct recvbuf *b, struct pool *pool, uint32_t window)
{
	bytes_init(&b->bytes, pool);
	spans_init(&b->ahead, pool);
	b->contiguous = 0;
	b->told = b->window = window;
}

void
recvbuf_fini(struct recvbuf *b)
{
	bytes_fini(&b->bytes);
	spans_fini(&b->ahead);
}

int
recvbuf_put(struct recvbuf *b, uint64_t off, const uint8_t *p, size_t n)
{
	uint64_t to = off + n;

	if (to < off || to > b->told)
		return ERR_PROTO;
	if (to <= b->contiguous)
		return ERR_OK;
	if (off < b->contiguous) {
		p += b->contiguous - off;
		off = b->contiguous;
	}
	n = (size_t)(to - off);
	if (bytes_room(&b->bytes, off, n) != ERR_OK)
		return ERR_FULL;
	if (off > b->contiguous && spans_add(&b->ahead, off, to) != ERR_OK)
		return ERR_FULL;
	bytes_put(&b->bytes, off, p, n);
	if (off == b->contiguous)
		b->contiguous = spans_absorb(&b->ahead, to);
	return ERR_OK;
}

void
recvbuf_get(const struct recvbuf *b, uint64_t off, void *dst, size_t n)
{
	bytes_get(&b->bytes, off, dst, n);
}

void
recvbuf_consume(struct recvbuf *b, size_t n)
{
	ASSERT(n <= b->contiguous - b->bytes.start);
	bytes_drop(&b->bytes, b->bytes.start + n);
}

bool
recvbuf_due(const struct recvbuf *b, uint64_t need)
{
	uint64_t may = recvbuf_at(b) + b->window;

	return may > b->told && (may - b->told >= b->window / 4 || need > b->told);
}

uint64_t
recvbuf_tell(struct recvbuf *b)
{
	uint64_t may = recvbuf_at(b) + b->window;

	if (b->told < may)
		b->told = may;
	return b->told;
}
