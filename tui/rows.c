/* SPDX-License-Identifier: ISC */
/*
 * An array from the heap that doubles.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/rows.h"

void *
rows_at(const struct rows *r, size_t size, unsigned i)
{
	return i < r->n ? (char *)r->row + i * size : NULL;
}

void *
rows_add(struct rows *r, size_t size)
{
	void *p;

	if (r->n == ROWS_MAX)
		return NULL;
	if (r->n == r->cap) {
		unsigned cap = r->cap == 0 ? 8 : r->cap * 2;

		if ((p = realloc(r->row, cap * size)) == NULL)
			return NULL;
		r->row = p;
		r->cap = cap;
	}
	p = (char *)r->row + r->n++ * size;
	memset(p, 0, size);
	return p;
}

void
rows_drop(struct rows *r, size_t size, unsigned i)
{
	char *p = (char *)r->row + i * size;

	memmove(p, p + size, (r->n - i - 1) * size);
	r->n--;
}

void
rows_free(struct rows *r)
{
	free(r->row);
	memset(r, 0, sizeof(*r));
}
