/* SPDX-License-Identifier: ISC */
/*
 * What the files of the browser share: its state, the rows of a tab, boxes and keys.
 */
#ifndef TUI_UI_IMPL_H
#define TUI_UI_IMPL_H

#include "tui/ui.h"

#define UI_BUSY 16 /* commands at once that rows show */

/* One row: a request, a peer, a device (of a peer, or here), a hub, a line of the log. */
struct item {
	const struct model_ask *ask;
	const struct model_peer *peer;
	const struct model_dev *dev;
	const struct model_line *line;
	char hub[32];    /* its port, if it is one */
	char branch[24]; /* of the tree: 'b' a bar, ' ' none, 't' a tee, 'l' the last */
};

/* What a row is, while rows come and go around it. */
struct spot {
	char kind; /* of item: 'a'sk, 'p'eer, 'd'evice, 'h'ub; 0: none */
	char peer[80], busid[32];
};

/* Where keys go: a tab, or what stands over it. */
enum place { PLACE_ASK = UI_TABS, PLACE_LINE, PLACE_TEXT, PLACE_FILTER, PLACES };

enum box_kind {
	BOX_NONE,
	BOX_ASK,  /* y or n */
	BOX_LINE, /* wants a text */
	BOX_TEXT, /* shows one */
};

struct box {
	enum box_kind kind;
	char title[80];
	char text[32768]; /* lines */
	char input[2100]; /* BOX_LINE */
	char copy[2100];  /* what `c` takes away */
	struct ui_job job;
	unsigned top, rows; /* of the text; rows: as last drawn, that do not fit */
	unsigned char *qr;  /* size * size cells of the ticket, or NULL */
	unsigned qr_size;
	bool qr_alone; /* nothing else is drawn */
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
	struct spot spot[UI_TABS]; /* under the cursor */
	unsigned log_seen;         /* lines of the log when it was drawn last */
	struct ui_job busy[UI_BUSY];
	unsigned busy_n;
	char toast[240];
	bool toast_bad;
	struct box box;
};

/* ui.c: a line instead of the state, until the next key. */
void
ui_say(struct ui *, bool bad, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* items.c: fills ui->item; the cursor stays on its row, if that is still there. */
void ui_items(struct ui *);
void ui_keep(struct ui *); /* the row that the cursor is on now is its row */
const struct item *ui_item(const struct ui *); /* under the cursor; NULL: none */
const char *ui_sort_name(const struct ui *);

/* What is under way for this device; NULL: nothing. */
const struct ui_job *ui_busy(const struct ui *, const char *peer, const char *busid);

/* tree.c: hubs are put above what is plugged into them, and all get their branches. */
void tree_grow(struct ui *);

/* type.c: a character into a text, or the last one out of it; false: it is no such key.
 */
bool type_key(char *text, size_t cap, int key);

/* views.c: the heads of a tab's columns, and one row. */
void view_head(const struct ui *, struct grid *, unsigned y);
void view_row(const struct ui *, struct grid *, unsigned y, const struct item *,
	      unsigned style, uint64_t now_s);
const char *view_empty(const struct ui *);

/* box.c, code.c */
void box_draw(struct ui *, struct grid *);
void code_draw(const struct box *, struct grid *, unsigned x, unsigned y, unsigned h);
unsigned code_rows(const struct box *, const struct grid *);
unsigned code_columns(const struct box *, const struct grid *);

/* box_open.c */
void box_ask(struct ui *, const char *title, const struct ui_job *, const char *text);
void box_line(struct ui *, const char *title, const struct ui_job *, const char *text,
	      const char *input);
void box_show(struct ui *, const char *title, const char *text);
void box_close(struct ui *);
void box_scroll(struct ui *, int by);

/* keys.c */
enum place keys_place(const struct ui *);
void keys_press(struct ui *, int key);
void keys_hint(const struct ui *, unsigned width, char *buf, size_t cap);

/* acts.c: what keys on rows do. */
struct ui_job act_job(enum ui_verb, const char *peer, const char *busid);
void act_run(struct ui *, const struct ui_job *);

/* Something is under way for it already, and this was said. */
bool act_waits(struct ui *, const char *peer, const char *busid);
void act_share(struct ui *, const struct item *);
void act_attach(struct ui *, const struct item *);
void act_detach(struct ui *, const struct item *);
void act_nick(struct ui *, const struct item *);
void act_reset(struct ui *, const struct item *);

/* acts_peer.c */
void act_accept(struct ui *, const struct item *);
void act_refuse(struct ui *, const struct item *);
void act_refresh(struct ui *, const struct item *);
void act_bench(struct ui *, const struct item *);
void act_forget(struct ui *, const struct item *);
void act_rename(struct ui *, const struct item *);
void act_invite(struct ui *, const struct item *);
void act_ticket(struct ui *, const struct item *);

/* details.c: all that is known of a row, as text. */
void act_details(struct ui *, const struct item *);
void details_text(const struct ui *, const struct item *, char *buf, size_t cap);

#endif
