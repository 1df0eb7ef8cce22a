/* SPDX-License-Identifier: ISC */
/*
 * A growing array of one kind of row.
 */
#ifndef TUI_ROWS_H
#define TUI_ROWS_H

#include <stddef.h>

#define ROWS_MAX 4096

struct rows {
	void *row;
	unsigned n, cap;
};

/* NULL: there is no such row. */
void *rows_at(const struct rows *, size_t size, unsigned i);

/* One more, all zero; NULL: no memory, or too many. Rows move. */
void *rows_add(struct rows *, size_t size);
void rows_drop(struct rows *, size_t size, unsigned i);
void rows_free(struct rows *);

#endif
