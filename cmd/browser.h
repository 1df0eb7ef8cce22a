/* SPDX-License-Identifier: ISC */
/*
 * The parts of `tui` and how they know one another:
 *
 *	tui.c       options, start and end, the terminal
 *	tui_jobs.c  commands that are run beside it, and what comes of them
 *	tui_feed.c  what runs in the state directory, as it changes
 */
#ifndef CMD_BROWSER_H
#define CMD_BROWSER_H

#include "cmd/child.h"
#include "cmd/cmd.h"
#include "cmd/follow.h"
#include "tui/ui.h"

#define TUI_JOBS 24 /* commands at once */

struct tui;

struct tui_job {
	struct tui *of; /* NULL: free */
	struct ui_job what;
	bool quiet; /* of ours, not of a key */
	struct child *child;
};

struct tui {
	struct ctx *ctx;
	char self[4096]; /* this program */
	struct event_base *base;
	struct event *in, *redraw, *minute, *sig[4];
	struct follow *follow;
	struct model model;
	struct ui *ui;
	struct grid grid;
	struct tui_job job[TUI_JOBS];
	bool drawn_soon;
};

/* tui.c: soon, and once for all that changes until then. */
void tui_draw_soon(struct tui *);

/* tui_jobs.c */
extern const struct ui_ops tui_ui_ops;
void tui_run(struct tui *, const struct ui_job *, bool quiet);
void tui_ask(struct tui *, enum ui_verb, const char *peer); /* quietly */
void tui_jobs_end(struct tui *);

/* tui_feed.c */
extern const struct follow_ops tui_follow_ops;
void tui_feed_now(struct tui *); /* the model's clock: before it is told anything */

#endif
