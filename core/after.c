/* SPDX-License-Identifier: ISC */
/*
 * Of each endpoint it is enough to know how far its requests have ended: they do so in
 * their order, but for those that are taken back, which nobody relies on.
 */
#include "core/after.h"
#include "core/mem.h"

struct after_one {
	struct list link; /* in after.held */
	uint32_t name;
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

/* Of 28 bits: those up to 2^27 ahead are to come. */
bool
after_waits(const struct after *a, uint32_t name)
{
	uint32_t to = (uint32_t)a->ended[name >> 28];

	return name >> 28 != 0 && ((name - to) & 0x0fffffff) < 0x08000000;
}

bool
after_hold(struct after *a, uint32_t name, uint64_t tag, void *request)
{
	struct after_one *o = pool_get(a->pool, sizeof(*o));

	if (o == NULL)
		return false;
	o->name = name;
	o->tag = tag;
	o->request = request;
	list_add(&a->held, &o->link);
	return true;
}

void
after_ended(struct after *a, uint8_t ep, uint64_t index)
{
	if (index >= a->ended[ep & 15])
		a->ended[ep & 15] = index + 1;
}

void *
after_next(struct after *a)
{
	struct list *l;

	LIST_EACH (&a->held, l) {
		struct after_one *o = CONTAINER_OF(l, struct after_one, link);

		if (!after_waits(a, o->name))
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
