/* SPDX-License-Identifier: ISC */
/*
 * The frame around the rows: tabs above, state and keys below; and the mouse.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

struct ui *
ui_new(struct model *m, const struct ui_ops *ops, void *arg)
{
	struct ui *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->m = m;
	u->ops = ops;
	u->arg = arg;
	return u;
}

void
ui_free(struct ui *u)
{
	if (u == NULL)
		return;
	free(u->box.qr);
	free(u->item);
	free(u);
}

void
ui_say(struct ui *u, bool bad, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(u->toast, sizeof(u->toast), fmt, ap);
	va_end(ap);
	u->toast_bad = bad;
}

/* --- drawing --- */

static const char *const tab_name[UI_TABS] = {"This machine", "Peers", "Attached", "Log"};
static const char *const tab_short[UI_TABS] = {"Here", "Peer", "Att", "Log"};

#define TABS_Y 0
#define HEAD_Y 1
#define ROWS_Y 2
#define FOOT   2 /* rows below */

/* " 2 Peers ", with an exclamation mark while somebody asks for something. */
static unsigned
tab_text(const struct ui *u, unsigned width, unsigned tab, char *buf, size_t cap)
{
	bool asked = tab == UI_PEERS && u->m->asks.n > 0;

	return (unsigned)snprintf(buf, cap, " %u %s%s ", tab + 1,
				  width < 60 ? tab_short[tab] : tab_name[tab],
				  asked ? "!" : "");
}

static void
draw_tabs(const struct ui *u, struct grid *g)
{
	unsigned x = 0;
	char buf[40];

	for (unsigned i = 0; i < UI_TABS; i++) {
		unsigned style = i == u->tab ? GRID_TITLE | GRID_CURSOR : GRID_PLAIN;
		unsigned n = tab_text(u, g->w, i, buf, sizeof(buf));

		x = grid_text(g, x, TABS_Y, n, style, buf);
	}
	if (x < g->w)
		grid_text(g, x, TABS_Y, g->w - x, GRID_PLAIN, "");
}

static void
draw_rows(struct ui *u, struct grid *g, uint64_t now_s)
{
	unsigned room = g->h > ROWS_Y + FOOT ? g->h - ROWS_Y - FOOT : 0;
	unsigned *top = &u->top[u->tab], at = u->cursor[u->tab];

	u->page = room;
	u->width = g->w;
	if (room == 0)
		return;
	if (at < *top)
		*top = at;
	if (at >= *top + room)
		*top = at - room + 1;
	if (*top > 0 && *top + room > u->items)
		*top = u->items > room ? u->items - room : 0;
	for (unsigned i = 0; i < room && *top + i < u->items; i++)
		view_row(u, g, ROWS_Y + i, &u->item[*top + i],
			 *top + i == at ? GRID_CURSOR : GRID_PLAIN, now_s);
	if (u->items == 0)
		grid_text(g, 2, ROWS_Y, g->w > 2 ? g->w - 2 : 0, GRID_DIM, view_empty(u));
}

static unsigned
links_up(const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->peers.n; i++)
		n += model_peer(m, i)->link.up;
	return n;
}

/* Who we are, where we can be found, how many lines there are. */
static void
draw_state(const struct ui *u, struct grid *g, unsigned y)
{
	const struct model *m = u->m;
	unsigned n = links_up(m);
	char rdv[MODEL_TEXT + 40] = "";

	if (m->rdvs > 0 && g->w < 60)
		snprintf(rdv, sizeof(rdv), "  rdv %u/%u", m->rdvs_up, m->rdvs);
	else if (m->rdvs > 0)
		snprintf(rdv, sizeof(rdv), "  rendezvous %u of %u%s%s", m->rdvs_up,
			 m->rdvs, g->w < 100 ? "" : ": ", g->w < 100 ? "" : m->rdv);
	if (g->w < 60)
		grid_fmt(g, 0, y, g->w, GRID_DIM, "%.7s %s%s  %u up, %u att", m->identity,
			 m->serving ? "serving" : "no serve", rdv, n, m->attached.n);
	else
		grid_fmt(g, 0, y, g->w, GRID_DIM,
			 "%s%s%.7s  %s%s%s  %u link%s, %u attached", m->name,
			 m->name[0] != '\0' ? " " : "", m->identity,
			 m->serving ? "serving " : "not serving", m->serve, rdv, n,
			 n == 1 ? "" : "s", m->attached.n);
}

static void
draw_foot(const struct ui *u, struct grid *g)
{
	unsigned y = g->h - FOOT;
	char hint[300];

	if (u->toast[0] != '\0')
		grid_text(g, 0, y, g->w, u->toast_bad ? GRID_BAD : GRID_GOOD, u->toast);
	else if (u->filtering || u->filter[0] != '\0')
		grid_fmt(g, 0, y, g->w, GRID_TITLE, "/%s%s", u->filter,
			 u->filtering ? "_" : "");
	else
		draw_state(u, g, y);
	keys_hint(u, g->w, hint, sizeof(hint));
	grid_text(g, 0, y + 1, g->w, GRID_DIM, hint);
}

void
ui_draw(struct ui *u, struct grid *g, uint64_t now_s)
{
	grid_clear(g);
	ui_items(u);
	draw_tabs(u, g);
	if (g->h > HEAD_Y)
		view_head(u, g, HEAD_Y);
	draw_rows(u, g, now_s);
	if (g->h >= FOOT + 1)
		draw_foot(u, g);
	box_draw(u, g);
}

/* --- keys, and the mouse --- */

void
ui_key(struct ui *u, int key)
{
	enum ui_tab tab = u->tab;

	ui_items(u);
	keys_press(u, key);
	if (u->tab == tab)
		ui_keep(u);
	ui_items(u);
}

static void
click_tab(struct ui *u, unsigned x)
{
	unsigned end = 0;
	char buf[40];

	for (unsigned i = 0; i < UI_TABS; i++) {
		end += tab_text(u, u->width, i, buf, sizeof(buf));
		if (x < end) {
			u->tab = (enum ui_tab)i;
			return;
		}
	}
}

static void
click_row(struct ui *u, unsigned row)
{
	if (u->cursor[u->tab] == row)
		keys_press(u, UI_KEY_ENTER);
	else {
		u->cursor[u->tab] = row;
		ui_keep(u);
	}
}

void
ui_click(struct ui *u, unsigned x, unsigned y)
{
	if (u->box.kind != BOX_NONE)
		return;
	ui_items(u);
	if (y == TABS_Y)
		click_tab(u, x);
	else if (y >= ROWS_Y && y - ROWS_Y < u->page &&
		 u->top[u->tab] + y - ROWS_Y < u->items)
		click_row(u, u->top[u->tab] + y - ROWS_Y);
	ui_items(u);
}

void
ui_wheel(struct ui *u, int by)
{
	int key = by < 0 ? UI_KEY_UP : UI_KEY_DOWN;

	for (int i = by < 0 ? -by : by; i > 0 && i < 100; i--)
		ui_key(u, key);
}
