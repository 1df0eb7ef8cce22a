/* SPDX-License-Identifier: ISC */
/*
 * What the files of the browser share: its state, the rows of a tab, and boxes.
 */
#ifndef TUI_UI_IMPL_H
#define TUI_UI_IMPL_H

#include "tui/ui.h"

#define UI_BUSY 16 /* commands at once that rows show */

/* One row: a peer, a device (of a peer, or here), or a line of the log. */
struct item {
	const struct model_peer *peer;
	const struct model_dev *dev;
	const struct model_line *line;
};

enum box_kind {
	BOX_NONE,
	BOX_ASK,  /* y or n */
	BOX_LINE, /* wants a text */
	BOX_TEXT, /* shows one */
	BOX_HELP
};

struct box {
	enum box_kind kind;
	char title[80];
	char text[6000];  /* lines */
	char input[2100]; /* BOX_LINE */
	char copy[2100];  /* what `c` takes away */
	struct ui_job job;
	unsigned top;
};

struct ui {
	struct model *m;
	const struct ui_ops *ops;
	void *arg;
	enum ui_tab tab;
	unsigned cursor[UI_TABS], top[UI_TABS], sort[UI_TABS];
	unsigned page, width; /* rows and columns of the last drawing */
	char filter[64];
	bool filtering;
	struct item *item; /* of this tab, by ui_items */
	unsigned items, items_cap;
	struct ui_job busy[UI_BUSY];
	unsigned busy_n;
	char toast[240];
	bool toast_bad;
	struct box box;
};

/* tui/items.c: fills ui->item; keeps the cursor inside. */
void ui_items(struct ui *);
const struct item *ui_item(const struct ui *); /* under the cursor; NULL: none */
const char *ui_sort_name(const struct ui *);

/* What is under way for this device; NULL: nothing. */
const struct ui_job *ui_busy(const struct ui *, const char *peer, const char *busid);

/* tui/views.c: the heads of a tab's columns, and one row. */
void view_head(const struct ui *, struct grid *, unsigned y);
void view_row(const struct ui *, struct grid *, unsigned y, const struct item *,
	      unsigned style, uint64_t now_s);
const char *view_empty(const struct ui *);

/* tui/box.c */
void box_draw(const struct box *, struct grid *);

/* true: the key was meant for it. */
bool box_key(struct ui *, int key);
void box_ask(struct ui *, const char *title, const struct ui_job *, const char *text);
void box_line(struct ui *, const char *title, const struct ui_job *, const char *text);
void box_show(struct ui *, const char *title, const char *text);

/* tui/keys.c */
void keys_press(struct ui *, int key);
void keys_hint(const struct ui *, char *buf, size_t cap);
void ui_run(struct ui *, const struct ui_job *);
void ui_move(struct ui *, int by);

/* tui/details.c: all that is known of a row, as text. */
void details_text(const struct item *, char *buf, size_t cap);

#endif
