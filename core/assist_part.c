/* SPDX-License-Identifier: ISC */
/*
 * What takes care of an endpoint, or of a disk's two: for which there is something, and
 * its ends to the kernel and to the far end.
 */
#include "core/assist_face.h"
#include "core/assist_impl.h"
#include "core/mem.h"

/* --- its ends --- */

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

/* --- which --- */

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

void
assist_forget(struct assist *a, struct assist_part *p)
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

struct assist_part *
assist_part_of(struct assist *a, const struct import_request *q)
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

struct unit *
assist_find_unit(const struct assist *a, uint8_t ep)
{
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if (a->unit[i] != NULL && unit_has(a->unit[i], ep))
			return a->unit[i];
	return NULL;
}

static struct unit **
room_for_unit(struct assist *a)
{
	for (unsigned i = 0; i < ASSIST_UNITS; i++)
		if (a->unit[i] == NULL)
			return &a->unit[i];
	return NULL;
}

struct unit *
assist_unit_of(struct assist *a, const struct import_request *q)
{
	uint8_t in, out, iface;
	struct unit *u, **room = room_for_unit(a);

	if (q->type != URB_BULK || !assist_is_on(a, ASSIST_STORAGE))
		return NULL;
	if ((u = assist_find_unit(a, q->ep)) != NULL)
		return u;
	if (room == NULL || !assist_face_disk(a->import, q->ep, &in, &out, &iface))
		return NULL;
	*room = u = unit_new(a->pool, in, out, iface, &a->stats[ASSIST_STORAGE],
			     &ahead_ops, a->ops->now == NULL ? NULL : on_now, a);
	if (a->cache && u != NULL)
		unit_cache(u, &a->cached);
	return u;
}
