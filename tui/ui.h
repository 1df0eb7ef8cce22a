/* SPDX-License-Identifier: ISC */
/*
 * The browser without a terminal: it is told of keys and of what commands said, draws
 * a grid from a model, and asks its owner to run commands. It decides nothing that a
 * command decides.
 */
#ifndef TUI_UI_H
#define TUI_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/grid.h"
#include "tui/model.h"

enum ui_tab { UI_LOCAL, UI_PEERS, UI_ATTACHED, UI_LOG, UI_TABS };

/* Keys beyond characters, which are Unicode. */
enum {
	UI_KEY_UP = 0x110000,
	UI_KEY_DOWN,
	UI_KEY_LEFT,
	UI_KEY_RIGHT,
	UI_KEY_PAGE_UP,
	UI_KEY_PAGE_DOWN,
	UI_KEY_HOME,
	UI_KEY_END,
	UI_KEY_BACK, /* backspace */
	UI_KEY_BACK_TAB,
	UI_KEY_TAB = '\t',
	UI_KEY_ENTER = '\n',
	UI_KEY_ESC = 27,
};

/* What the owner is asked to run; each is a command of usbp2p. */
enum ui_verb {
	UI_SHARE,
	UI_UNSHARE,
	UI_NICK,
	UI_ATTACH,
	UI_DETACH,
	UI_RESET,
	UI_DESCRIBE,
	UI_LIST,
	UI_KNOWN, /* the list of peers */
	UI_WHO,   /* our id */
	UI_INVITE,
	UI_TICKET,
	UI_ACCEPT,
	UI_ACCEPT_DEV,
	UI_REFUSE,
	UI_BENCH,
	UI_FORGET,
	UI_RENAME,
	UI_DOCTOR,
	UI_VERBS
};

struct ui_job {
	enum ui_verb verb;
	char peer[80], busid[32]; /* peer: a name, or the id of one without */
	char mode[20];            /* NICK: stays as it is; "": exclusive */
	bool part;                /* likewise */
	char arg[2100];           /* a ticket, or a name */
};

struct ui_ops {
	void (*run)(void *arg, const struct ui_job *);
	void (*copy)(void *arg, const char *text); /* to the clipboard */
	void (*quit)(void *arg);
};

/* `m` stays the caller's, and outlives it. */
struct ui;
struct ui *ui_new(struct model *m, const struct ui_ops *, void *arg);
void ui_free(struct ui *);

/* now_s: unix seconds, for "since". */
void ui_draw(struct ui *, struct grid *, uint64_t now_s);
void ui_key(struct ui *, int key);

/* A press of the mouse's first button; the second one on a row is Enter. */
void ui_click(struct ui *, unsigned x, unsigned y);

/* Its wheel, by so many rows; < 0: up. */
void ui_wheel(struct ui *, int by);

/*
 * A job is over: its exit code, and what it has printed (stdout for `out`). The caller
 * has fed lists to the model. quiet: no key has asked for it.
 */
void ui_done(struct ui *, const struct ui_job *, bool quiet, int code, const char *out,
	     const char *err);

/* The ticket that is shown, as cells: size * size, 0 or 1. Copied. */
void ui_qr(struct ui *, const unsigned char *dark, unsigned size);

/* The help screen's lines, for the manual: key, what it does, where. NULL ends them. */
const char *ui_help_line(unsigned i);

/* Keys of the table, one or two a row (else 0), for tests that press each; false: no row.
 */
bool ui_table_keys(unsigned i, int key[2]);
const char *ui_table_name(unsigned i);

#endif
