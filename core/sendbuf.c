/* SPDX-License-Identifier: ISC */
/*
 * What to send again is kept as ranges. Where that is not possible (set or
 * pool full) next goes back instead: bytes are sent twice, never forgotten.
 */
#include "core/sendbuf.h"
#include "core/mem.h"
#include "core/ranges.h"

void
sendbuf_init(struct sendbuf *b, struct pool *pool, uint64_t limit)
{
	bytes_init(&b->bytes, pool);
	spans_init(&b->acked, pool);
	spans_init(&b->lost, pool);
	b->next = 0;
	b->limit = limit;
}

void
sendbuf_fini(struct sendbuf *b)
{
	bytes_fini(&b->bytes);
	spans_fini(&b->acked);
	spans_fini(&b->lost);
}

int
sendbuf_room(struct sendbuf *b, size_t n)
{
	int r = bytes_room(&b->bytes, b->bytes.end, n);

	if (r != ERR_OK)
		bytes_trim(&b->bytes);
	return r;
}

void
sendbuf_append(struct sendbuf *b, const void *p, size_t n)
{
	bytes_put(&b->bytes, b->bytes.end, p, n);
}

uint64_t
sendbuf_new(const struct sendbuf *b)
{
	uint64_t to = b->limit < b->bytes.end ? b->limit : b->bytes.end;

	return to > b->next ? to - b->next : 0;
}

size_t
sendbuf_take(struct sendbuf *b, uint64_t *off, uint8_t *dst, size_t cap)
{
	const struct range *again = spans_first(&b->lost);
	uint64_t n = again != NULL ? again->to - again->from : sendbuf_new(b);

	if (n > cap)
		n = cap;
	*off = again != NULL ? again->from : b->next;
	bytes_get(&b->bytes, *off, dst, (size_t)n);
	if (again != NULL)
		spans_remove(&b->lost, *off, *off + n);
	else
		b->next += n;
	return (size_t)n;
}

/* Bytes up to una are with the peer: nobody asks for them again. */
static void
advance(struct sendbuf *b, uint64_t una)
{
	una = spans_absorb(&b->acked, una);
	spans_remove(&b->lost, 0, una);
	if (b->next < una)
		b->next = una;
	bytes_drop(&b->bytes, una);
}

void
sendbuf_acked(struct sendbuf *b, uint64_t off, uint64_t n)
{
	uint64_t una = b->bytes.start, to = off + n;

	if (to <= una || to > b->bytes.end)
		return; /* known already, or of a stream that had this number before */
	if (off <= una)
		advance(b, to);
	else if (spans_add(&b->acked, off, to) == ERR_OK)
		spans_remove(&b->lost, off, to);
	else
		sendbuf_lost(b, off, n); /* we cannot remember, so ask again */
}

void
sendbuf_lost(struct sendbuf *b, uint64_t off, uint64_t n)
{
	uint64_t una = b->bytes.start, to = off + n;

	if (to <= una || to > b->bytes.end)
		return;
	if (off < una)
		off = una;
	if (to > b->next)
		to = b->next; /* next went back and will come here again */
	if (spans_covers(&b->acked, off, to) || spans_add(&b->lost, off, to) == ERR_OK)
		return;
	spans_remove(&b->lost, off, UINT64_MAX);
	b->next = off;
}

void
sendbuf_repeat(struct sendbuf *b, uint64_t n)
{
	ASSERT(!sendbuf_has_lost(b) && n <= b->next - b->bytes.start);
	b->next -= n;
}

void
sendbuf_rewind(struct sendbuf *b)
{
	spans_remove(&b->lost, 0, UINT64_MAX);
	b->next = b->bytes.start;
}

void
sendbuf_limit(struct sendbuf *b, uint64_t limit)
{
	if (b->limit < limit)
		b->limit = limit;
}
