/* SPDX-License-Identifier: ISC */
/*
 * A rectangle of character cells that views draw into. What does not fit is cut,
 * what strangers call their devices stays in its cells: nothing but printable
 * characters of known width gets in. Knows no terminal.
 */
#ifndef TUI_GRID_H
#define TUI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum grid_style {
	GRID_PLAIN,
	GRID_TITLE,
	GRID_DIM,
	GRID_GOOD,
	GRID_WARN,
	GRID_BAD,
	GRID_QR, /* white on black */
	GRID_STYLES,
	GRID_CURSOR = 0x40, /* added to any: the row that a key acts on */
};

struct grid_cell {
	char glyph[5]; /* UTF-8; "": the right half of a wide character */
	uint8_t style;
};

struct grid {
	unsigned w, h;
	bool ascii; /* the terminal shows nothing else */
	struct grid_cell *cell;
};

/* Makes it that large, and blank. ERR_NOMEM leaves it as it was. */
int grid_resize(struct grid *, unsigned w, unsigned h) MUST_CHECK;
void grid_free(struct grid *);
void grid_clear(struct grid *);

/*
 * Draws at most `width` columns of text and blanks the rest of them; outside the grid
 * nothing happens. Returns the column after them. Text that is cut ends in '~'.
 */
unsigned grid_text(struct grid *, unsigned x, unsigned y, unsigned width, unsigned style,
		   const char *text);

/* The same of a printf format. */
unsigned grid_fmt(struct grid *, unsigned x, unsigned y, unsigned width, unsigned style,
		  const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Columns that grid_text would need for all of it. */
unsigned grid_columns(const struct grid *, const char *text);

/* `a` where the terminal knows UTF-8, else `b`. */
const char *grid_glyph(const struct grid *, const char *a, const char *b);

/* A cell; NULL outside. */
const struct grid_cell *grid_at(const struct grid *, unsigned x, unsigned y);

/* Row y as text without trailing blanks, for tests and the manual. */
void grid_row(const struct grid *, unsigned y, char *buf, size_t cap);

#endif
