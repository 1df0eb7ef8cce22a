/* SPDX-License-Identifier: ISC */
/*
 * Of each endpoint it is enough to know how far its requests have ended: they do so in
 * their order, but for those that are taken back, which nobody relies on. How they ended
 * is known of the last 64.
 */
#include "core/after.h"
#include "core/mem.h"

#define MASK  0x07ffffffu
#define AHEAD 0x04000000u /* those up to there are to come */
#define KNOWN 64

struct after_one {
	struct list link; /* in after.held */
	uint32_t name;
	bool if_well;
	uint64_t tag;
	void *request;
};

void
after_init(struct after *a, struct pool *pool)
{
	memset(a, 0, sizeof(*a));
	a->pool = pool;
	list_init(&a->held);
}

static void *
let_go(struct after *a, struct after_one *o)
{
	void *request = o->request;

	list_del(&o->link);
	pool_put(a->pool, o, sizeof(*o));
	return request;
}

void
after_fini(struct after *a)
{
	while (!list_empty(&a->held))
		(void)let_go(a, CONTAINER_OF(a->held.next, struct after_one, link));
}

/* The 27 low bits are compared. */
enum after_turn
after_turn(const struct after *a, uint32_t name, bool if_well)
{
	const struct after_stream *s = &a->stream[name >> 27];
	uint32_t to = (uint32_t)s->ended, back = (to - 1 - name) & MASK;

	if (name >> 28 == 0)
		return AFTER_GO;
	if (((name - to) & MASK) < AHEAD)
		return AFTER_WAIT;
	if (if_well && (back >= KNOWN || (s->well >> back & 1) == 0))
		return AFTER_SKIP;
	return AFTER_GO;
}

bool
after_hold(struct after *a, uint32_t name, bool if_well, uint64_t tag, void *request)
{
	struct after_one *o = pool_get(a->pool, sizeof(*o));

	if (o == NULL)
		return false;
	o->name = name;
	o->if_well = if_well;
	o->tag = tag;
	o->request = request;
	list_add(&a->held, &o->link);
	return true;
}

void
after_ended(struct after *a, uint8_t ep, uint64_t index, bool well)
{
	struct after_stream *s = &a->stream[after_name(ep, 0) >> 27];

	if (index >= s->ended) {
		uint64_t n = index + 1 - s->ended;

		s->well = n < KNOWN ? s->well << n : 0;
		s->ended = index + 1;
	}
	if (well && s->ended - 1 - index < KNOWN)
		s->well |= 1ull << (s->ended - 1 - index);
}

void *
after_next(struct after *a, uint64_t *tag, enum after_turn *turn)
{
	struct list *l;

	LIST_EACH (&a->held, l) {
		struct after_one *o = CONTAINER_OF(l, struct after_one, link);

		*turn = after_turn(a, o->name, o->if_well);
		*tag = o->tag;
		if (*turn != AFTER_WAIT)
			return let_go(a, o);
	}
	return NULL;
}

void *
after_take(struct after *a, uint64_t tag)
{
	struct list *l;

	LIST_EACH (&a->held, l) {
		struct after_one *o = CONTAINER_OF(l, struct after_one, link);

		if (o->tag == tag)
			return let_go(a, o);
	}
	return NULL;
}
