/* SPDX-License-Identifier: ISC */
/*
 * Which endpoints are assisted, and how requests and replies find their way.
 */
#include "core/assist_face.h"
#include "core/assist_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

/* What works on single endpoints. */
static const struct row {
	enum assist_kind kind;
	enum urb_type type;
	uint8_t in;                                   /* 0x80 */
	unsigned (*most)(const struct assist_face *); /* 0: leave it alone */
	const struct assist_way *way;
} rows[] = {
    {ASSIST_INTERRUPT, URB_INTERRUPT, 0x80, assist_face_interrupt, &assist_ahead},
    {ASSIST_SERIAL, URB_BULK, 0x80, assist_face_serial, &assist_ahead},
    {ASSIST_SERIAL, URB_BULK, 0x00, assist_face_serial, &assist_behind},
    {ASSIST_ISOCHRONOUS, URB_ISO, 0x80, assist_face_iso, &assist_isoin},
    {ASSIST_ISOCHRONOUS, URB_ISO, 0x00, assist_face_iso, &assist_isoout},
};

/* --- the ends of what works on endpoints --- */

static int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct assist *a = arg;

	return a->ops->submit(a->arg, q, tag);
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	struct assist *a = arg;

	return a->ops->unlink(a->arg, ep, tag);
}

uint64_t
assist_now(const struct assist *a)
{
	return a->ops->now != NULL ? a->ops->now(a->arg) : 0;
}

static void
answer_iso(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	   const uint8_t *data, const struct urb_iso *iso)
{
	struct assist *a = arg;
	struct urb_iso *results;
	uint8_t *room;
	int err = import_reply(a->import, ep, tag, reply, &room, &results);

	ASSERT(err == ERR_OK);
	if (room != NULL)
		memcpy(room, data, reply->actual);
	for (uint32_t i = 0; results != NULL && i < reply->packets; i++) {
		results[i].actual = iso[i].actual;
		results[i].status = iso[i].status;
	}
	err = import_reply_end(a->import);
	ASSERT(err == ERR_OK);
}

void
assist_answer(void *assist, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	      const uint8_t *data)
{
	answer_iso(assist, ep, tag, reply, data, NULL);
}

static uint64_t
on_now(void *arg)
{
	const struct assist *a = arg;

	return assist_now(a);
}

static uint64_t
on_trip(void *arg)
{
	const struct assist *a = arg;

	return a->trip;
}

static const struct ahead_ops ahead_ops = {on_submit,  on_unlink, assist_answer,
					   answer_iso, on_now,    on_trip};

struct assist_part *
assist_find(const struct assist *a, uint8_t ep)
{
	struct list *l;

	LIST_EACH (&a->parts, l) {
		struct assist_part *p = CONTAINER_OF(l, struct assist_part, link);

		if (p->ep == ep)
			return p;
	}
	return NULL;
}

static void
forget(struct assist *a, struct assist_part *p)
{
	p->way->free(p->it);
	list_del(&p->link);
	a->n--;
	pool_put(a->pool, p, sizeof(*p));
}

static struct assist_part *
start(struct assist *a, uint8_t ep, const struct row *row, unsigned most)
{
	struct assist_part *p =
	    a->n < ASSIST_PARTS ? pool_zget(a->pool, sizeof(*p)) : NULL;

	if (p == NULL)
		return NULL;
	p->ep = ep;
	p->kind = row->kind;
	p->way = row->way;
	p->it = p->way->make(a->pool, ep, most, &a->stats[p->kind], &ahead_ops, a);
	if (p->it == NULL) {
		pool_put(a->pool, p, sizeof(*p));
		return NULL;
	}
	list_add(&a->parts, &p->link);
	a->n++;
	assist_held_meet(a, p);
	return p;
}

/* What takes care of the endpoint, also from now on; NULL: it goes the plain way. */
static struct assist_part *
part_of(struct assist *a, const struct import_request *q)
{
	struct assist_part *p = assist_find(a, q->ep);
	struct assist_face face;
	unsigned most;

	if (p != NULL) /* or the endpoint was another when it began */
		return (p->kind == ASSIST_ISOCHRONOUS) == (q->packets > 0) ? p : NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];

		if (!assist_is_on(a, r->kind) || r->type != q->type ||
		    r->in != (q->ep & 0x80) || !assist_face_of(&face, a->import, q->ep))
			continue;
		if ((most = r->most(&face)) > 0)
			return start(a, q->ep, r, most);
	}
	return NULL;
}

/* Likewise a disk's, both of whose endpoints it has. */
static struct unit *
unit_of(struct assist *a, const struct import_request *q)
{
	uint8_t in, out, iface;
	struct unit **free = NULL;

	if (q->type != URB_BULK || !assist_is_on(a, ASSIST_STORAGE))
		return NULL;
	for (unsigned i = 0; i < ASSIST_UNITS; i++) {
		if (a->unit[i] != NULL && unit_has(a->unit[i], q->ep))
			return a->unit[i];
		if (a->unit[i] == NULL)
			free = &a->unit[i];
	}
	if (free != NULL && assist_face_disk(a->import, q->ep, &in, &out, &iface))
		*free = unit_new(a->pool, in, out, iface, &a->stats[ASSIST_STORAGE],
				 &ahead_ops, a->ops->now == NULL ? NULL : on_now, a);
	if (a->cache && free != NULL && *free != NULL)
		unit_cache(*free, &a->cached);
	return free == NULL ? NULL : *free;
}

static struct unit *
find_unit(const struct assist *a, uint8_t ep)
{
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if (a->unit[i] != NULL && unit_has(a->unit[i], ep))
			return a->unit[i];
	return NULL;
}

/* After all that may have ended something. */
static void
go_on(struct assist *a)
{
	struct list *l, *n;

	assist_held_go_on(a);
	LIST_EACH_SAFE (&a->parts, l, n) {
		struct assist_part *p = CONTAINER_OF(l, struct assist_part, link);

		if (p->way->idle(p->it))
			forget(a, p);
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
	if ((unit = unit_of(a, q)) != NULL)
		return unit_submit(unit, q, a->next_tag++ | ASSIST_TAG, tag);
	if ((p = part_of(a, q)) == NULL)
		return a->ops->submit(a->arg, q, tag);
	*tag = a->next_tag++ | ASSIST_TAG;
	return p->way->take(p->it, q, *tag);
}

void
assist_sent(struct assist *a, uint8_t ep)
{
	struct assist_part *p = assist_find(a, ep);
	struct unit *unit = find_unit(a, ep);

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
	struct unit *unit = find_unit(a, ep);
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
		forget(a, CONTAINER_OF(a->parts.next, struct assist_part, link));
	assist_held_free(a);
	pool_put(a->pool, a, sizeof(*a));
}
