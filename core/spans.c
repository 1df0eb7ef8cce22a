/* SPDX-License-Identifier: ISC */
/*
 * The set comes from the pool with its first range and goes with its last.
 */
#include "core/spans.h"
#include "core/mem.h"
#include "core/ranges.h"

static void
free_if_empty(struct spans *s)
{
	if (s->set != NULL && s->set->n == 0)
		spans_fini(s);
}

void
spans_init(struct spans *s, struct pool *pool)
{
	s->pool = pool;
	s->set = NULL;
}

void
spans_fini(struct spans *s)
{
	pool_put(s->pool, s->set, sizeof(*s->set));
	s->set = NULL;
}

int
spans_add(struct spans *s, uint64_t from, uint64_t to)
{
	if (from >= to)
		return ERR_OK;
	if (s->set == NULL) {
		if ((s->set = pool_get(s->pool, sizeof(*s->set))) == NULL)
			return ERR_FULL;
		ranges_init(s->set);
	}
	return ranges_add(s->set, from, to);
}

void
spans_remove(struct spans *s, uint64_t from, uint64_t to)
{
	if (s->set == NULL || ranges_remove(s->set, from, to) != ERR_OK)
		return;
	free_if_empty(s);
}

const struct range *
spans_first(const struct spans *s)
{
	return s->set != NULL ? ranges_first(s->set) : NULL;
}

bool
spans_covers(const struct spans *s, uint64_t from, uint64_t to)
{
	return s->set != NULL ? ranges_covers(s->set, from, to) : from >= to;
}

uint64_t
spans_absorb(struct spans *s, uint64_t x)
{
	const struct range *r = spans_first(s);

	if (r == NULL || r->from > x)
		return x;
	while (r != NULL && r->from <= x) {
		x = r->to > x ? r->to : x;
		spans_remove(s, 0, r->to);
		r = spans_first(s);
	}
	return x;
}
