/* SPDX-License-Identifier: ISC */
/*
 * Boxes over the rows: a question, a line to type, a text to read.
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
		size_t n = strcspn(text, "\n"),
		       fit = n < sizeof(line) - 1 ? n : sizeof(line) - 1;

		memcpy(line, text, fit);
		line[fit] = '\0';
		while (fit > 1 && grid_columns(g, line) > w) {
			fit--;
			while (fit > 1 && ((unsigned char)line[fit] & 0xc0) == 0x80)
				fit--;
			line[fit] = '\0';
		}
		if (row >= skip && row - skip < room)
			grid_text(g, f->x + 2, f->y + 1 + row - skip, w, GRID_PLAIN,
				  line);
		row++;
		text += fit;
		if (*text == '\n' && fit == n)
			text++;
	}
	return row;
}

static struct frame
middle(const struct grid *g, unsigned w, unsigned h)
{
	struct frame f;

	f.w = w < g->w ? w : g->w;
	f.h = h < g->h ? h : g->h;
	f.x = (g->w - f.w) / 2;
	f.y = (g->h - f.h) / 2;
	return f;
}

static void
show_foot(struct grid *g, const struct frame *f, const char *keys)
{
	unsigned n = grid_columns(g, keys);

	if (f->w > n + 4 && f->h > 2)
		grid_text(g, f->x + f->w - n - 2, f->y + f->h - 1, n, GRID_DIM, keys);
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

void
box_draw(const struct box *b, struct grid *g)
{
	static const char *const keys[] = {
	    [BOX_ASK] = "y yes, n no",
	    [BOX_LINE] = "Enter, Esc",
	    [BOX_TEXT] = "c copy, Esc",
	    [BOX_HELP] = "Esc",
	};
	struct frame f = {0, 0, 64 < g->w ? 64 : g->w, 100};
	unsigned rows = paragraph(g, &(struct frame){0, 0, f.w, 0}, 0, b->text);

	if (b->kind == BOX_NONE)
		return;
	f = middle(g, b->kind == BOX_TEXT ? 84 : 64, 0);
	rows = paragraph(g, &(struct frame){0, 0, f.w, 0}, 0, b->text);
	f = middle(g, f.w, rows + 2 + (b->kind == BOX_LINE ? 1 : 0));
	border(g, &f, b->title);
	paragraph(g, &f, b->top, b->text);
	if (b->kind == BOX_LINE)
		draw_line(b, g, &f);
	show_foot(g, &f,
		  b->copy[0] == '\0' && b->kind == BOX_TEXT ? "Esc" : keys[b->kind]);
}

/* --- opening --- */

static struct box *
open_box(struct ui *u, enum box_kind kind, const char *title, const char *text)
{
	memset(&u->box, 0, sizeof(u->box));
	u->box.kind = kind;
	text_copy(u->box.title, sizeof(u->box.title), title);
	text_copy(u->box.text, sizeof(u->box.text), text);
	return &u->box;
}

void
box_ask(struct ui *u, const char *title, const struct ui_job *j, const char *text)
{
	open_box(u, BOX_ASK, title, text)->job = *j;
}

void
box_line(struct ui *u, const char *title, const struct ui_job *j, const char *text)
{
	open_box(u, BOX_LINE, title, text)->job = *j;
}

void
box_show(struct ui *u, const char *title, const char *text)
{
	open_box(u, BOX_TEXT, title, text);
}

/* --- keys --- */

static void
type(struct box *b, int key)
{
	size_t n = strlen(b->input);

	if (key == UI_KEY_BACK && n > 0) {
		do
			b->input[--n] = '\0';
		while (n > 0 && ((unsigned char)b->input[n] & 0xc0) == 0x80);
	} else if (key >= ' ' && key < 0x7f && n + 1 < sizeof(b->input)) {
		b->input[n] = (char)key;
		b->input[n + 1] = '\0';
	}
}

static void
scroll(struct box *b, int key)
{
	if ((key == UI_KEY_DOWN || key == 'j') && b->top < 200)
		b->top++;
	else if ((key == UI_KEY_UP || key == 'k') && b->top > 0)
		b->top--;
	else if (key == UI_KEY_ESC || key == 'q' || key == UI_KEY_ENTER || key == ' ')
		b->kind = BOX_NONE;
}

bool
box_key(struct ui *u, int key)
{
	struct box *b = &u->box;

	if (b->kind == BOX_NONE)
		return false;
	if (b->kind == BOX_TEXT && key == 'c' && b->copy[0] != '\0') {
		u->ops->copy(u->arg, b->copy);
		text_copy(u->toast, sizeof(u->toast), "copied");
	} else if (b->kind == BOX_TEXT || b->kind == BOX_HELP) {
		scroll(b, key);
	} else if (key == UI_KEY_ESC || (b->kind == BOX_ASK && key == 'n')) {
		b->kind = BOX_NONE;
	} else if (b->kind == BOX_ASK && key == 'y') {
		b->kind = BOX_NONE;
		ui_run(u, &b->job);
	} else if (b->kind == BOX_LINE && key == UI_KEY_ENTER) {
		if (b->input[0] == '\0')
			return true;
		b->kind = BOX_NONE;
		text_copy(b->job.arg, sizeof(b->job.arg), b->input);
		ui_run(u, &b->job);
	} else if (b->kind == BOX_LINE) {
		type(b, key);
	}
	return true;
}
