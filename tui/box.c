/* SPDX-License-Identifier: ISC */
/*
 * Boxes over the rows are drawn: a question, a line to type, a text to read, a code for a
 * camera.
 */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

struct frame {
	unsigned x, y, w, h;
};

static void
border(struct grid *g, const struct frame *f, const char *title)
{
	const char *bar = grid_glyph(g, "─", "-");

	for (unsigned y = 0; y < f->h; y++)
		grid_text(g, f->x, f->y + y, f->w, GRID_PLAIN, "");
	for (unsigned x = 0; x < f->w; x++) {
		grid_text(g, f->x + x, f->y, 1, GRID_DIM, bar);
		grid_text(g, f->x + x, f->y + f->h - 1, 1, GRID_DIM, bar);
	}
	for (unsigned y = 1; y + 1 < f->h; y++) {
		grid_text(g, f->x, f->y + y, 1, GRID_DIM, grid_glyph(g, "│", "|"));
		grid_text(g, f->x + f->w - 1, f->y + y, 1, GRID_DIM,
			  grid_glyph(g, "│", "|"));
	}
	if (f->w > 6) {
		unsigned n = grid_columns(g, title);

		grid_text(g, f->x + 2, f->y, n < f->w - 4 ? n : f->w - 4, GRID_TITLE,
			  title);
	}
}

/* Bytes of the line that fit into w columns: whole words, if there is more than one. */
static size_t
fitting(const struct grid *g, char *line, size_t n, unsigned w)
{
	size_t fit = n;

	while (fit > 1 && grid_columns(g, line) > w) {
		fit--;
		while (fit > 1 && ((unsigned char)line[fit] & 0xc0) == 0x80)
			fit--;
		line[fit] = '\0';
	}
	for (size_t i = fit; fit < n && i > w / 2; i--)
		if (line[i - 1] == ' ')
			return i;
	return fit;
}

/*
 * Draws a text, lines longer than `w` go on in the next row, from line `skip` on. Returns
 * how many rows all of it would need.
 */
static unsigned
paragraph(struct grid *g, const struct frame *f, unsigned skip, const char *text)
{
	unsigned w = f->w > 4 ? f->w - 4 : 1, room = f->h > 2 ? f->h - 2 : 0, row = 0;
	char line[1024];

	while (*text != '\0') {
		size_t n = strcspn(text, "\n"), fit;

		n = n < sizeof(line) - 1 ? n : sizeof(line) - 1;
		memcpy(line, text, n);
		line[n] = '\0';
		fit = fitting(g, line, n, w);
		line[fit] = '\0';
		if (row >= skip && row - skip < room)
			grid_text(g, f->x + 2, f->y + 1 + row - skip, w, GRID_PLAIN,
				  line);
		row++;
		text += fit;
		text += *text == '\n';
	}
	return row;
}

/* The keys of the moment stay in sight below it. */
static struct frame
middle(const struct grid *g, unsigned w, unsigned h)
{
	unsigned room = g->h > 4 ? g->h - 1 : g->h;
	struct frame f;

	f.w = w < g->w ? w : g->w;
	f.h = h < room ? h : room;
	f.x = (g->w - f.w) / 2;
	f.y = (room - f.h) / 2;
	return f;
}

static void
draw_line(const struct box *b, struct grid *g, const struct frame *f)
{
	unsigned w = f->w > 6 ? f->w - 6 : 1, n = grid_columns(g, b->input);
	const char *s = b->input;

	/* the end of what was typed stays in sight */
	while (n >= w && *s != '\0') {
		s++;
		while (((unsigned char)*s & 0xc0) == 0x80)
			s++;
		n = grid_columns(g, s);
	}
	grid_text(g, f->x + 2, f->y + f->h - 2, 2, GRID_TITLE, ">");
	grid_text(g, f->x + 4, f->y + f->h - 2, w, GRID_PLAIN, s);
	grid_text(g, f->x + 4 + n, f->y + f->h - 2, 1, GRID_CURSOR, "");
}

/* The keys that this box has beyond those of the bottom line. */
static void
show_foot(const struct box *b, struct grid *g, const struct frame *f)
{
	const char *keys = b->top < b->rows     ? " PgDn more "
			   : b->qr != NULL      ? " c copy, Q QR code "
			   : b->copy[0] != '\0' ? " c copy "
						: "";
	unsigned n = (unsigned)strlen(keys);

	if (f->w > n + 4 && f->h > 2)
		grid_text(g, f->x + f->w - n - 2, f->y + f->h - 1, n, GRID_DIM, keys);
}

/* The code alone, or that the terminal is too small for it. */
static void
draw_code(const struct box *b, struct grid *g)
{
	unsigned w = code_columns(b, g), h = code_rows(b, g);

	grid_clear(g);
	if (w <= g->w && h <= g->h)
		code_draw(b, g, (g->w - w) / 2, (g->h - h) / 2, h);
	else
		grid_fmt(g, 0, 0, g->w, GRID_WARN, "The code needs %ux%u. Q: back", w, h);
}

/* Below the text, where there is room for it. */
static bool
has_room(const struct box *b, const struct grid *g, unsigned rows)
{
	return b->qr != NULL && code_columns(b, g) + 4 <= g->w &&
	       rows + code_rows(b, g) + 3 <= g->h;
}

void
box_draw(struct ui *u, struct grid *g)
{
	struct box *b = &u->box;
	struct frame f;
	unsigned rows, more = b->kind == BOX_LINE;

	if (b->kind == BOX_NONE)
		return;
	if (b->qr_alone) {
		draw_code(b, g);
		return;
	}
	f = middle(g, b->kind == BOX_TEXT ? 84 : 64, 0);
	rows = paragraph(g, &(struct frame){0, 0, f.w, 0}, 0, b->text);
	if (has_room(b, g, rows))
		more = code_rows(b, g);
	f = middle(g, f.w, rows + 2 + more);
	b->rows = rows + 2 + more > f.h ? rows + 2 + more - f.h : 0;
	b->top = b->top > b->rows ? b->rows : b->top;
	border(g, &f, b->title);
	paragraph(g, &f, b->top, b->text);
	if (b->kind == BOX_LINE)
		draw_line(b, g, &f);
	else if (more > 0)
		code_draw(b, g, f.x + (f.w - code_columns(b, g)) / 2, f.y + 1 + rows,
			  more);
	show_foot(b, g, &f);
}
