/* SPDX-License-Identifier: ISC */
/*
 * Cells, and the way of a string into them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/text.h"
#include "tui/grid.h"

#define GRID_MAX 1000 /* columns, and rows */

int
grid_resize(struct grid *g, unsigned w, unsigned h)
{
	struct grid_cell *cell;

	w = w > GRID_MAX ? GRID_MAX : w;
	h = h > GRID_MAX ? GRID_MAX : h;
	cell = calloc((size_t)w * h + 1, sizeof(*cell));
	if (cell == NULL)
		return ERR_NOMEM;
	free(g->cell);
	g->cell = cell;
	g->w = w;
	g->h = h;
	grid_clear(g);
	return ERR_OK;
}

void
grid_free(struct grid *g)
{
	free(g->cell);
	g->cell = NULL;
	g->w = g->h = 0;
}

void
grid_clear(struct grid *g)
{
	for (size_t i = 0; i < (size_t)g->w * g->h; i++)
		g->cell[i] = (struct grid_cell){" ", GRID_PLAIN};
}

const struct grid_cell *
grid_at(const struct grid *g, unsigned x, unsigned y)
{
	return x < g->w && y < g->h ? &g->cell[(size_t)y * g->w + x] : NULL;
}

static void
put(struct grid *g, unsigned x, unsigned y, unsigned style, const char *glyph, size_t n)
{
	struct grid_cell *c;

	if (x >= g->w || y >= g->h)
		return;
	c = &g->cell[(size_t)y * g->w + x];
	memcpy(c->glyph, glyph, n);
	c->glyph[n] = '\0';
	c->style = (uint8_t)style;
}

/* Bytes of the UTF-8 character at s; 0: it is none. Surrogates and overlong ones are
 * none. */
static size_t
decode(const char *s, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80   ? 1
		   : u[0] < 0xc0 ? 0
		   : u[0] < 0xe0 ? 2
		   : u[0] < 0xf0 ? 3
		   : u[0] < 0xf8 ? 4
				 : 0;

	if (n == 0)
		return 0;
	*c = n == 1 ? u[0] : u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (u[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : n;
}

/* What is drawn for the character at s: its bytes, and how many columns. */
struct glyph {
	const char *s;
	size_t bytes, step;
	unsigned columns;
};

/* Characters that turn the direction of writing, or join, have no place in a cell. */
static bool
unwelcome(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffc) || (c >= 0xe000 && c <= 0xf8ff) ||
	       c >= 0xe0000;
}

static struct glyph
next(const struct grid *g, const char *s)
{
	struct glyph q = {"?", 1, 1, 1};
	uint32_t c = 0;
	size_t n = decode(s, &c);
	int w;

	if (n == 0)
		return q;
	q.step = n;
	if (c < 0x80) {
		if (c >= 0x20 && c < 0x7f)
			q.s = s;
		return q;
	}
	w = wcwidth((wchar_t)c);
	if (g->ascii || unwelcome(c) || w < 1 || w > 2)
		return q;
	q.s = s;
	q.bytes = n;
	q.columns = (unsigned)w;
	return q;
}

unsigned
grid_columns(const struct grid *g, const char *text)
{
	unsigned n = 0;

	while (*text != '\0') {
		struct glyph q = next(g, text);

		n += q.columns;
		text += q.step;
	}
	return n;
}

unsigned
grid_text(struct grid *g, unsigned x, unsigned y, unsigned width, unsigned style,
	  const char *text)
{
	unsigned at = 0, room;

	if (x >= g->w || y >= g->h)
		return x;
	width = width > g->w - x ? g->w - x : width;
	room = grid_columns(g, text) > width && width > 0 ? width - 1 : width;
	while (*text != '\0') {
		struct glyph q = next(g, text);

		if (at + q.columns > room)
			break;
		put(g, x + at, y, style, q.s, q.bytes);
		if (q.columns == 2)
			put(g, x + at + 1, y, style, "", 0);
		at += q.columns;
		text += q.step;
	}
	if (*text != '\0' && at < width)
		put(g, x + at++, y, style, "~", 1);
	while (at < width)
		put(g, x + at++, y, style, " ", 1);
	return x + width;
}

unsigned
grid_fmt(struct grid *g, unsigned x, unsigned y, unsigned width, unsigned style,
	 const char *fmt, ...)
{
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return grid_text(g, x, y, width, style, buf);
}

const char *
grid_glyph(const struct grid *g, const char *a, const char *b)
{
	return g->ascii ? b : a;
}

void
grid_row(const struct grid *g, unsigned y, char *buf, size_t cap)
{
	struct text t;

	text_init(&t, buf, cap);
	for (unsigned x = 0; x < g->w; x++)
		text_str(&t, grid_at(g, x, y)->glyph);
	while (t.len > 0 && buf[t.len - 1] == ' ')
		buf[--t.len] = '\0';
}
