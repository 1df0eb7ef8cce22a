/* SPDX-License-Identifier: ISC */
/*
 * A list of all by age, and one for each stream.
 */
#include "core/tail_out.h"
#include "core/mem.h"

void
tail_out_init(struct tail_out *t, struct pool *pool)
{
	t->pool = pool;
	list_init(&t->all);
	t->bytes = 0;
}

bool
tail_out_add(struct tail_out *t, const struct tail_piece *k, const void *bytes,
	     struct list *mine)
{
	struct tail_piece *x = pool_get(t->pool, sizeof(*x) + k->len);

	if (x == NULL)
		return false;
	*x = *k;
	x->room = sizeof(*x) + k->len;
	x->until = UINT64_MAX;
	x->p = x->bytes;
	memcpy(x->bytes, bytes, k->len);
	list_add(&t->all, &x->all);
	list_add(mine, &x->mine);
	t->bytes += x->room;
	return true;
}

struct tail_piece *
tail_out_first(const struct list *mine)
{
	if (list_empty(mine))
		return NULL;
	return CONTAINER_OF(mine->next, struct tail_piece, mine);
}

void
tail_out_clock(struct tail_out *t, uint64_t now)
{
	for (struct list *l = t->all.prev; l != &t->all; l = l->prev) {
		struct tail_piece *x = CONTAINER_OF(l, struct tail_piece, all);

		if (x->until != UINT64_MAX)
			break;
		x->until = now + x->patience;
	}
}

struct tail_piece *
tail_out_surplus(const struct tail_out *t)
{
	if (t->bytes <= TAIL_OUT_MAX)
		return NULL;
	return CONTAINER_OF(t->all.next, struct tail_piece, all);
}

void
tail_out_took(struct tail_out *t, struct tail_piece *x, uint32_t n)
{
	x->p += n;
	x->off += n;
	x->len -= n;
	if (x->len > 0)
		return;
	list_del(&x->all);
	list_del(&x->mine);
	t->bytes -= x->room;
	pool_put(t->pool, x, x->room);
}
