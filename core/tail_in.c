/* SPDX-License-Identifier: ISC */
/*
 * One sorted list. Pieces come mostly in order, and are asked for from the front.
 */
#include "core/tail_in.h"
#include "core/mem.h"

struct piece {
	struct list link; /* in tail_in.pieces */
	uint64_t index;
	uint32_t off, n;
	uint8_t bytes[];
};

static struct piece *
piece_of(struct list *l)
{
	return CONTAINER_OF(l, struct piece, link);
}

void
tail_in_init(struct tail_in *t, struct pool *pool)
{
	t->pool = pool;
	list_init(&t->pieces);
	t->bytes = 0;
	t->n = 0;
}

static void
drop(struct tail_in *t, struct piece *k)
{
	list_del(&k->link);
	t->bytes -= sizeof(*k) + k->n;
	t->n--;
	pool_put(t->pool, k, sizeof(*k) + k->n);
}

void
tail_in_fini(struct tail_in *t)
{
	while (!list_empty(&t->pieces))
		drop(t, piece_of(t->pieces.next));
}

static bool
is_behind(const struct piece *k, uint64_t index, uint32_t off)
{
	return k->index < index || (k->index == index && k->off < off);
}

bool
tail_in_add(struct tail_in *t, uint64_t index, uint32_t off, const uint8_t *p, uint32_t n)
{
	struct list *at = t->pieces.prev, *next;
	struct piece *k;

	while (at != &t->pieces && !is_behind(piece_of(at), index, off))
		at = at->prev;
	next = at->next;
	if (at != &t->pieces && piece_of(at)->index == index &&
	    piece_of(at)->n > off - piece_of(at)->off)
		return false;
	if (next != &t->pieces && piece_of(next)->index == index &&
	    n > piece_of(next)->off - off)
		return false;
	if (t->n == TAIL_IN_PIECES || t->bytes + sizeof(*k) + n > TAIL_IN_MAX ||
	    (k = pool_get(t->pool, sizeof(*k) + n)) == NULL)
		return false;
	k->index = index;
	k->off = off;
	k->n = n;
	memcpy(k->bytes, p, n);
	list_add(next, &k->link); /* before it */
	t->bytes += sizeof(*k) + n;
	t->n++;
	return true;
}

uint32_t
tail_in_have(const struct tail_in *t, uint64_t index, uint32_t n)
{
	uint32_t have = 0;
	struct list *l;

	LIST_EACH (&t->pieces, l) {
		const struct piece *k = piece_of(l);

		if (k->index > index || (k->index == index && k->off >= n))
			break;
		if (k->index == index)
			have += k->n < n - k->off ? k->n : n - k->off;
	}
	return have;
}

uint32_t
tail_in_end(const struct tail_in *t, uint64_t index)
{
	uint32_t end = 0;
	struct list *l;

	LIST_EACH (&t->pieces, l) {
		const struct piece *k = piece_of(l);

		if (k->index > index)
			break;
		if (k->index == index)
			end = k->off + k->n;
	}
	return end;
}

bool
tail_in_read(const struct tail_in *t, uint64_t index, uint32_t off, uint8_t *dst,
	     uint32_t n)
{
	uint32_t have = 0, end = off + n;
	struct list *l;

	if (dst != NULL)
		memset(dst, 0, n);
	LIST_EACH (&t->pieces, l) {
		const struct piece *k = piece_of(l);
		uint32_t from = k->off > off ? k->off : off;
		uint32_t to = k->off + k->n < end ? k->off + k->n : end;

		if (k->index > index || (k->index == index && k->off >= end))
			break;
		if (k->index < index || from >= to)
			continue;
		if (dst != NULL)
			memcpy(dst + (from - off), k->bytes + (from - k->off), to - from);
		have += to - from;
	}
	return have == n;
}

void
tail_in_drop(struct tail_in *t, uint64_t before)
{
	while (!list_empty(&t->pieces) && piece_of(t->pieces.next)->index < before)
		drop(t, piece_of(t->pieces.next));
}
