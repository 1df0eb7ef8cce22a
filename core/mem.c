/* SPDX-License-Identifier: ISC */
/*
 * Pools: counting what is out against a budget.
 */
#include "core/mem.h"

void *
pool_get(struct pool *p, size_t n)
{
	void *m;

	if (n > p->budget || p->used > p->budget - n)
		return NULL;
	if ((m = p->get(p->arg, n)) != NULL)
		p->used += n;
	return m;
}

void *
pool_zget(struct pool *p, size_t n)
{
	void *m = pool_get(p, n);

	if (m != NULL)
		memset(m, 0, n);
	return m;
}

void
pool_put(struct pool *p, void *m, size_t n)
{
	if (m == NULL)
		return;
	ASSERT(p->used >= n);
	p->used -= n;
	p->put(p->arg, m, n);
}
