/* SPDX-License-Identifier: ISC */
/*
 * How many requests are open at the far end, and which.
 */
#include "core/ahead_impl.h"
#include "core/mem.h"

static int
fetch(struct ahead *x, uint32_t len, bool early)
{
	struct ahead_got *f = pool_get(x->pool, sizeof(*f) + len);
	struct import_request q = x->model;
	int err;

	if (f == NULL)
		return ERR_NOMEM;
	memset(f, 0, sizeof(*f));
	f->len = q.len = len;
	f->early = early;
	if ((err = x->ops->submit(x->arg, &q, &f->tag)) != ERR_OK) {
		pool_put(x->pool, f, sizeof(*f) + len);
		return err;
	}
	list_add(&x->open, &f->link);
	x->opens++;
	return ERR_OK;
}

/* The reader that the next fetch will be for; or the list, if it is for none. */
static struct list *
next_reader(struct ahead *x, unsigned have)
{
	struct list *l = x->readers.next;

	while (have-- > 0 && l != &x->readers)
		l = l->next;
	return l;
}

/* For that reader; *l gets the one after it. */
static int
fetch_for(struct ahead *x, struct list **l)
{
	uint32_t len;

	if (*l == &x->readers)
		return fetch(x, x->model.len, true);
	len = CONTAINER_OF(*l, struct ahead_reader, link)->len;
	*l = (*l)->next;
	return fetch(x, len, false);
}

/*
 * Of a stream nothing gets old: so many that one that ends each half of a millisecond has
 * one behind it from the beginning.
 */
static unsigned
of_stream(const struct ahead *x)
{
	uint64_t n = AHEAD_STREAM + x->ops->trip(x->arg) / 500;

	return n < x->most ? (unsigned)n : x->most;
}

/* How many fetches there should be. */
static unsigned
wanted(const struct ahead *x)
{
	uint32_t room = AHEAD_BYTES / (x->model.len > 0 ? x->model.len : 1);
	unsigned depth = x->model.type == URB_BULK ? of_stream(x) : x->depth;

	depth = depth < room ? depth : room;

	return x->waiting > depth ? x->waiting : depth;
}

/* Several at a time when there is no hurry: they share a packet. */
int
ahead_fetch(struct ahead *x)
{
	unsigned have = x->opens + x->kept, want = wanted(x);
	struct list *l;
	int err = ERR_OK;

	if (x->waiting == 0 || x->bars > 0 || x->stopping || have >= want ||
	    (have > x->waiting && want - have < want / 4))
		return ERR_OK;
	l = next_reader(x, have);
	for (; have < want && err == ERR_OK; have++)
		err = fetch_for(x, &l);
	return x->opens + x->kept == 0 ? err : ERR_OK;
}

/*
 * The youngest first: data that come meanwhile go to an older one, and stay in order.
 * One whose UNLINK cannot be sent is tried again when something else has ended.
 */
void
ahead_take_back(struct ahead *x)
{
	struct list *l;

	for (l = x->open.prev; l != &x->open; l = l->prev) {
		struct ahead_got *f = CONTAINER_OF(l, struct ahead_got, link);

		if (!f->cancelled && x->ops->unlink(x->arg, x->ep, f->tag) == ERR_OK)
			f->cancelled = true;
	}
}
