/* SPDX-License-Identifier: ISC */
/*
 * Two rings for each priority. What went before waiting bulk is a debt to it, larger
 * for what may take less of the line.
 */
#include "core/sched.h"

#define BULK_OWED 1200 /* about a packet: what bulk sends when it is owed */

/*
 * What a byte adds to the debt; a byte of bulk pays off PAID. Isochronous: 1 for 4, so
 * that it gets 80 %; others: 1 for 18, so that bulk keeps 5 % (it is paid afterwards).
 */
#define PAID      36
static const uint8_t debt_of[STREAM_PRIOS] = {2, 2, 2, 9, 0};

static bool
waits(const struct sched *s, enum stream_prio p)
{
	return !list_empty(&s->urgent[p]) || !list_empty(&s->plain[p]);
}

static bool
place(struct list *ring, struct list *l, bool want)
{
	bool in = !list_empty(l);

	if (want && !in)
		list_add(ring, l);
	else if (!want && in)
		list_del(l);
	return want && !in;
}

static void
to_the_end(struct list *ring, struct list *l)
{
	if (list_empty(l))
		return;
	list_del(l);
	list_add(ring, l);
}

void
sched_init(struct sched *s)
{
	for (size_t p = 0; p < STREAM_PRIOS; p++) {
		list_init(&s->urgent[p]);
		list_init(&s->plain[p]);
	}
	s->owed = 0;
}

void
sched_join(struct sched_item *i, enum stream_prio prio)
{
	ASSERT(prio < STREAM_PRIOS);
	list_init(&i->urgent);
	list_init(&i->plain);
	i->prio = prio;
}

void
sched_leave(struct sched_item *i)
{
	list_del(&i->urgent);
	list_del(&i->plain);
}

bool
sched_want(struct sched *s, struct sched_item *i, bool urgent, bool plain)
{
	bool a = place(&s->urgent[i->prio], &i->urgent, urgent);
	bool b = place(&s->plain[i->prio], &i->plain, plain);

	return a || b;
}

static struct sched_item *
first_of(const struct sched *s, enum stream_prio p)
{
	if (!list_empty(&s->urgent[p]))
		return CONTAINER_OF(s->urgent[p].next, struct sched_item, urgent);
	if (!list_empty(&s->plain[p]))
		return CONTAINER_OF(s->plain[p].next, struct sched_item, plain);
	return NULL;
}

struct sched_item *
sched_next(const struct sched *s)
{
	struct sched_item *i = NULL;

	if (s->owed >= PAID * BULK_OWED)
		i = first_of(s, STREAM_PRIO_BULK);
	for (size_t p = 0; i == NULL && p < STREAM_PRIOS; p++)
		i = first_of(s, (enum stream_prio)p);
	return i;
}

void
sched_sent(struct sched *s, struct sched_item *i, size_t n)
{
	if (!waits(s, STREAM_PRIO_BULK))
		s->owed = 0;
	else if (i->prio != STREAM_PRIO_BULK)
		s->owed += (int64_t)n * debt_of[i->prio];
	else if (s->owed > 0)
		s->owed -= (int64_t)n * PAID;
	to_the_end(&s->urgent[i->prio], &i->urgent);
	to_the_end(&s->plain[i->prio], &i->plain);
}
