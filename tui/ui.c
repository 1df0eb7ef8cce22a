/* SPDX-License-Identifier: ISC */
/*
 * The frame around the rows: tabs above, state and keys below; and what comes back from
 * commands.
 */
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
	free(u->item);
	free(u);
}

/* --- drawing --- */

static const char *const tab_name[UI_TABS] = {"This machine", "Peers", "Attached", "Log"};
static const char *const tab_short[UI_TABS] = {"Here", "Peer", "Att", "Log"};

#define TABS_Y 0
#define HEAD_Y 1
#define ROWS_Y 2
#define FOOT   2 /* rows below */

static const char *
tab_text(unsigned width, unsigned tab)
{
	return width < 60 ? tab_short[tab] : tab_name[tab];
}

static void
draw_tabs(const struct ui *u, struct grid *g)
{
	unsigned x = 0;

	for (unsigned i = 0; i < UI_TABS; i++) {
		const char *name = tab_text(g->w, i);
		unsigned style = i == u->tab ? GRID_TITLE | GRID_CURSOR : GRID_PLAIN;

		x = grid_fmt(g, x, TABS_Y, (unsigned)strlen(name) + 4, style, " %u %s",
			     i + 1, name);
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

static void
draw_state(const struct ui *u, struct grid *g, unsigned y)
{
	const struct model *m = u->m;
	unsigned n = links_up(m);
	char id[12];

	if (u->filtering || u->filter[0] != '\0') {
		grid_fmt(g, 0, y, g->w, GRID_TITLE, "/%s%s", u->filter,
			 u->filtering ? "_" : "");
		return;
	}
	if (u->toast[0] != '\0') {
		grid_text(g, 0, y, g->w, u->toast_bad ? GRID_BAD : GRID_GOOD, u->toast);
		return;
	}
	text_copy(id, sizeof(id), m->identity);
	grid_fmt(g, 0, y, g->w, GRID_DIM, "%s %s  %s%s  %u link%s, %u attached", m->name,
		 id, m->serving ? "serving " : "not serving", m->serve, n,
		 n == 1 ? "" : "s", m->attached.n);
}

void
ui_draw(struct ui *u, struct grid *g, uint64_t now_s)
{
	char hint[300];

	grid_clear(g);
	ui_items(u);
	draw_tabs(u, g);
	if (g->h > HEAD_Y)
		view_head(u, g, HEAD_Y);
	draw_rows(u, g, now_s);
	if (g->h >= FOOT + 1) {
		keys_hint(u, hint, sizeof(hint));
		draw_state(u, g, g->h - 2);
		grid_text(g, 0, g->h - 1, g->w, GRID_DIM, hint);
	}
	box_draw(&u->box, g);
}

/* --- keys --- */

static void
filter_key(struct ui *u, int key)
{
	size_t n = strlen(u->filter);

	if (key == UI_KEY_ENTER)
		u->filtering = false;
	else if (key == UI_KEY_ESC) {
		u->filtering = false;
		u->filter[0] = '\0';
	} else if (key == UI_KEY_BACK && n > 0)
		u->filter[n - 1] = '\0';
	else if (key >= ' ' && key < 0x7f && n + 1 < sizeof(u->filter)) {
		u->filter[n] = (char)key;
		u->filter[n + 1] = '\0';
	}
}

void
ui_key(struct ui *u, int key)
{
	ui_items(u);
	if (box_key(u, key))
		return;
	if (u->filtering)
		filter_key(u, key);
	else
		keys_press(u, key);
	ui_items(u);
}

static void
click_tab(struct ui *u, unsigned x)
{
	unsigned end = 0;

	for (unsigned i = 0; i < UI_TABS; i++) {
		end += (unsigned)strlen(tab_text(u->width, i)) + 4;
		if (x < end) {
			u->tab = (enum ui_tab)i;
			return;
		}
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
		u->cursor[u->tab] = u->top[u->tab] + y - ROWS_Y;
	ui_items(u);
}

/* --- results --- */

static void
first_line(char *dst, size_t cap, const char *s)
{
	size_t n = strcspn(s, "\n");

	text_copy(dst, cap, s);
	if (n < cap)
		dst[n] = '\0';
}

static void
forget_busy(struct ui *u, const struct ui_job *j)
{
	for (unsigned i = 0; i < u->busy_n; i++)
		if (u->busy[i].verb == j->verb && strcmp(u->busy[i].peer, j->peer) == 0 &&
		    strcmp(u->busy[i].busid, j->busid) == 0) {
			memmove(&u->busy[i], &u->busy[i + 1],
				(u->busy_n - i - 1) * sizeof(u->busy[0]));
			u->busy_n--;
			return;
		}
}

static const char *const done[UI_VERBS] = {
    [UI_SHARE] = "is shared",
    [UI_UNSHARE] = "is no longer shared",
    [UI_ATTACH] = "is attached",
    [UI_DETACH] = "is detached",
    [UI_LIST] = "",
    [UI_INVITE] = "is invited",
    [UI_TICKET] = "",
    [UI_BENCH] = "is measured",
    [UI_FORGET] = "is forgotten",
    [UI_RENAME] = "is renamed",
};

static void
show_ticket(struct ui *u, const struct ui_job *j, const char *out)
{
	char title[80];

	snprintf(title, sizeof(title), "Ticket for %.60s", j->arg);
	box_show(u, title, out);
	first_line(u->box.copy, sizeof(u->box.copy), out);
}

void
ui_done(struct ui *u, const struct ui_job *j, int code, const char *out, const char *err)
{
	forget_busy(u, j);
	u->toast_bad = code != 0;
	if (code != 0) {
		first_line(u->toast, sizeof(u->toast), err);
		if (u->toast[0] == '\0')
			snprintf(u->toast, sizeof(u->toast), "ended with %d", code);
	} else if (j->verb == UI_TICKET) {
		first_line(u->toast, sizeof(u->toast), out);
	} else if (j->verb == UI_LIST) {
		u->toast[0] = '\0';
	} else {
		snprintf(u->toast, sizeof(u->toast), "%.40s%s%.40s %s",
			 j->verb == UI_INVITE ? j->arg : j->peer,
			 j->peer[0] != '\0' && j->busid[0] != '\0' ? "/" : "", j->busid,
			 done[j->verb]);
	}
	if (code == 0 && j->verb == UI_INVITE)
		show_ticket(u, j, out);
	if (code == 0 && j->verb == UI_BENCH)
		box_show(u, "Bench", out);
}
