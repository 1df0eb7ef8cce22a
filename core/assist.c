/* SPDX-License-Identifier: ISC */
/*
 * How requests and replies find their way: to what takes care of their endpoint, or
 * past it.
 */
#include "core/assist_impl.h"
#include "core/mem.h"

/* After all that may have ended something. */
static void
go_on(struct assist *a)
{
	struct list *l, *n;

	assist_held_go_on(a);
	LIST_EACH_SAFE (&a->parts, l, n) {
		struct assist_part *p = CONTAINER_OF(l, struct assist_part, link);

		if (p->way->idle(p->it))
			assist_forget(a, p);
	}
}

/* --- what the engine asks for --- */

int
assist_submit(struct assist *a, const struct import_request *q, uint64_t *tag)
{
	struct assist_part *p;
	struct unit *unit;

	if ((q->ep & 15) == 0)
		return assist_control(a, q, tag);
	if ((unit = assist_unit_of(a, q)) != NULL)
		return unit_submit(unit, q, a->next_tag++ | ASSIST_TAG, tag);
	if ((p = assist_part_of(a, q)) == NULL)
		return a->ops->submit(a->arg, q, tag);
	*tag = a->next_tag++ | ASSIST_TAG;
	return p->way->take(p->it, q, *tag);
}

void
assist_sent(struct assist *a, uint8_t ep)
{
	struct assist_part *p = assist_find(a, ep);
	struct unit *unit = assist_find_unit(a, ep);

	if (p != NULL)
		p->way->go(p->it);
	else if (unit != NULL)
		unit_go(unit);
	else if ((ep & 15) == 0 && !list_empty(&a->held))
		CONTAINER_OF(a->held.prev, struct assist_held, link)->named = true;
	go_on(a);
}

int
assist_unlink(struct assist *a, uint8_t ep, uint64_t tag)
{
	struct assist_part *p = assist_find(a, ep);
	struct unit *unit = assist_find_unit(a, ep);
	struct assist_held *h;
	int err = ERR_OK;

	if (unit != NULL && unit_unlink(unit, ep, tag)) {
		go_on(a);
		return ERR_OK;
	}
	if ((tag & ASSIST_TAG) == 0)
		return a->ops->unlink(a->arg, ep, tag);
	if (p != NULL)
		p->way->unlink(p->it, tag);
	else if ((h = assist_held_find(a, tag, false)) != NULL)
		err = assist_held_unlink(a, h);
	go_on(a);
	return err;
}

/* --- what the far end answers --- */

/* ERR_NODEV: it is for somebody else, who may have to be told another thing. */
static int
to_unit(struct assist *a, uint8_t ep, uint64_t *tag, struct import_reply *r,
	uint8_t **data)
{
	int err = ERR_NODEV;

	a->units_own = false;
	a->seen = NULL;
	for (unsigned i = 0; i < ASSIST_UNITS && err == ERR_NODEV; i++) {
		struct unit *b = a->unit[i];

		if (b == NULL || ((ep & 15) != 0 && !unit_has(b, ep)))
			continue;
		err = unit_reply(b, ep, tag, r, data);
		if (err == ERR_OK || (ep & 15) != 0)
			a->replying_unit = b;
	}
	a->units_own = err == ERR_OK;
	return err;
}

int
assist_reply(struct assist *a, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	     uint8_t **data, struct urb_iso **iso)
{
	struct assist_part *p = assist_find(a, ep);
	struct import_reply r = *reply;
	int err = ERR_NODEV;

	a->replying = NULL;
	a->replying_unit = NULL;
	a->ending = NULL;
	*iso = NULL;
	if ((tag & ASSIST_TAG) != 0)
		return ERR_PROTO;
	if ((err = to_unit(a, ep, &tag, &r, data)) != ERR_NODEV)
		return err;
	if (p != NULL)
		err = p->way->reply(p->it, tag, reply, data, iso);
	if (err == ERR_OK)
		a->replying = p;
	if (err != ERR_NODEV)
		return err;
	if ((ep & 15) == 0 && (a->ending = assist_held_find(a, tag, true)) != NULL) {
		tag = a->ending->tag;
		a->ending->done = reply->status == 0;
	}
	err = import_reply(a->import, ep, tag, &r, data, iso);
	a->seen = *data;
	a->seen_n = r.actual;
	return err;
}

int
assist_reply_end(struct assist *a)
{
	struct assist_held *h = a->ending;
	struct unit *unit = a->replying_unit;
	int err = ERR_OK;

	if (unit != NULL && a->seen != NULL)
		unit_saw(unit, a->seen, a->seen_n);
	if (a->replying != NULL)
		err = a->replying->way->reply_end(a->replying->it);
	else if (!a->units_own)
		err = import_reply_end(a->import);
	if (err == ERR_OK && h != NULL)
		assist_held_end(a, h, h->done);
	if (unit != NULL && err == ERR_OK)
		unit_reply_end(unit);
	a->replying_unit = NULL;
	a->replying = NULL;
	a->ending = NULL;
	go_on(a);
	return err;
}

/* --- time --- */

uint64_t
assist_turn(struct assist *a, uint64_t trip)
{
	uint64_t at = UINT64_MAX, next;
	struct list *l;

	a->trip = trip;
	LIST_EACH (&a->parts, l) {
		struct assist_part *p = CONTAINER_OF(l, struct assist_part, link);

		next = p->way->turn != NULL ? p->way->turn(p->it) : UINT64_MAX;
		at = next < at ? next : at;
	}
	go_on(a);
	next = assist_held_until(a);
	return next < at ? next : at;
}

bool
assist_is_on(const struct assist *a, enum assist_kind kind)
{
	return (a->off & 1u << kind) == 0;
}

const struct ahead_stats *
assist_stats(const struct assist *a, enum assist_kind kind)
{
	return &a->stats[kind];
}

void
assist_cache(struct assist *a)
{
	a->cache = assist_is_on(a, ASSIST_STORAGE);
}

const struct unit_cached *
assist_cached(const struct assist *a)
{
	return a->cache ? &a->cached : NULL;
}

struct assist *
assist_new(struct pool *pool, struct import *im, uint32_t off,
	   const struct assist_ops *ops, void *arg)
{
	struct assist *a = pool_zget(pool, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->pool = pool;
	a->import = im;
	a->off = off;
	a->ops = ops;
	a->arg = arg;
	list_init(&a->parts);
	list_init(&a->held);
	return a;
}

void
assist_free(struct assist *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		unit_free(a->unit[i]);
	while (!list_empty(&a->parts))
		assist_forget(a, CONTAINER_OF(a->parts.next, struct assist_part, link));
	assist_held_free(a);
	pool_put(a->pool, a, sizeof(*a));
}
