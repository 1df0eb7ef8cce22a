/* SPDX-License-Identifier: ISC */
/*
 * How rows look: for each tab a table of columns, each with the width of grid that it
 * needs to be shown. One column of a tab takes the rest.
 */
#include "tui/show.h"

#define COLUMNS 12

struct column {
	const char *title;
	unsigned width; /* 0: the rest */
	unsigned from;  /* the grid has at least so many columns */
	void (*show)(struct shown *);
};

static const struct column columns[UI_TABS][COLUMNS] = {
    [UI_LOCAL] = {{"Port", 13, 60, show_port},
		  {"Port", 9, 0, show_port},
		  {"Id", 10, 60, show_id},
		  {"Device", 0, 0, show_product},
		  {"Class", 14, 100, show_class},
		  {"Driver", 13, 80, show_driver},
		  {"Here", 16, 120, show_nodes},
		  {"Shared", 18, 0, show_use},
		  {"Since", 7, 90, show_since}},
    [UI_PEERS] = {{"Peer", 14, 0, show_peer},
		  {"Id", 10, 90, show_id},
		  {"Device or path", 0, 0, show_product},
		  {"Class", 14, 120, show_class},
		  {"", 2, 40, show_health},
		  {"RTT", 9, 60, show_rtt},
		  {"Rate", 11, 80, show_rate},
		  {"", 9, 100, show_rates},
		  {"State", 16, 0, show_remote}},
    [UI_ATTACHED] = {{"Port", 5, 60, show_vport},
		     {"Of", 20, 100, show_where},
		     {"Of", 12, 0, show_where},
		     {"Device", 0, 70, show_product},
		     {"Here", 14, 0, show_nodes},
		     {"Since", 7, 90, show_since},
		     {"URBs", 5, 100, show_inflight},
		     {"Rate", 10, 50, show_rate},
		     {"", 9, 70, show_rates},
		     {"RTT", 9, 110, show_rtts},
		     {"State", 13, 0, show_attached}},
    [UI_LOG] = {{"Time", 9, 50, show_when}, {"What", 0, 0, show_line}},
};

/* Of two with one title the first that fits is shown. */
static bool
is_on(const struct column *all, const struct column *c, unsigned w)
{
	if (c->from > w)
		return false;
	return c == all || c[-1].show != c->show || c[-1].from > w;
}

static unsigned
fixed(const struct column *all, unsigned w)
{
	unsigned sum = 0;

	for (const struct column *c = all; c->show != NULL; c++)
		sum += is_on(all, c, w) ? c->width : 0;
	return sum;
}

static unsigned
cell(const struct column *c, struct grid *g, unsigned x, unsigned y, unsigned w,
     struct shown *d, unsigned style)
{
	unsigned mark = style & GRID_CURSOR;
	char buf[400] = "";

	if (d != NULL) {
		d->buf = buf;
		d->cap = sizeof(buf);
		d->style = style & ~mark;
		c->show(d);
	}
	x = grid_text(g, x, y, w - 1, (d != NULL ? d->style : style) | mark,
		      d != NULL ? buf : c->title);
	return grid_text(g, x, y, 1, mark, "");
}

static void
line(const struct ui *u, struct grid *g, unsigned y, struct shown *d, unsigned style)
{
	const struct column *all = columns[u->tab];
	unsigned used = fixed(all, g->w), x = 0;
	unsigned rest = g->w > used ? g->w - used : 0;

	for (const struct column *c = all; c->show != NULL; c++) {
		unsigned w = c->width == 0 ? rest : c->width;

		if (is_on(all, c, g->w) && w >= 2)
			x = cell(c, g, x, y, w, d, style);
	}
	if (x < g->w)
		grid_text(g, x, y, g->w - x, style & GRID_CURSOR, "");
}

void
view_head(const struct ui *u, struct grid *g, unsigned y)
{
	line(u, g, y, NULL, GRID_DIM);
}

void
view_row(const struct ui *u, struct grid *g, unsigned y, const struct item *it,
	 unsigned style, uint64_t now_s)
{
	struct shown d = {.u = u, .g = g, .it = it, .now_s = now_s};

	line(u, g, y, &d, style);
}

const char *
view_empty(const struct ui *u)
{
	static const char *const text[UI_TABS] = {
	    [UI_LOCAL] = "No USB device is plugged in here.",
	    [UI_PEERS] = "No peers yet: i invites one, a attaches with a ticket.",
	    [UI_ATTACHED] = "Nothing is attached.",
	    [UI_LOG] = "Nothing has happened yet.",
	};

	return u->filter[0] != '\0' ? "Nothing matches the filter." : text[u->tab];
}
