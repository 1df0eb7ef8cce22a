/* SPDX-License-Identifier: ISC */
/*
 * Urbs in their order, those that were told first.
 */
#include "core/told.h"
#include "core/mem.h"

void
told_init(struct told *q)
{
	list_init(&q->all);
	q->n = 0;
	q->amount = 0;
}

static struct told_urb *
urb_at(struct list *l)
{
	return CONTAINER_OF(l, struct told_urb, link);
}

void
told_add(struct told *q, struct told_urb *u)
{
	list_add(&q->all, &u->link);
}

void
told_named(struct told *q)
{
	if (!list_empty(&q->all))
		urb_at(q->all.prev)->named = true;
}

void
told_tell(struct told *q, struct told_urb *u)
{
	u->told = true;
	q->n++;
	q->amount += u->amount;
}

void
told_del(struct told *q, struct told_urb *u)
{
	list_del(&u->link);
	if (!u->told)
		return;
	q->n--;
	q->amount -= u->amount;
}

struct told_urb *
told_first(const struct told *q)
{
	return list_empty(&q->all) ? NULL : urb_at(q->all.next);
}

struct told_urb *
told_next(const struct told *q)
{
	struct list *l;

	LIST_EACH (&q->all, l)
		if (!urb_at(l)->told)
			return urb_at(l);
	return NULL;
}

struct told_urb *
told_by_tag(const struct told *q, uint64_t tag)
{
	struct list *l;

	LIST_EACH (&q->all, l)
		if (!urb_at(l)->told && urb_at(l)->tag == tag)
			return urb_at(l);
	return NULL;
}

struct told_urb *
told_by_far(const struct told *q, uint64_t far)
{
	struct list *l;

	LIST_EACH (&q->all, l)
		if (urb_at(l)->is_sent && urb_at(l)->far == far)
			return urb_at(l);
	return NULL;
}
