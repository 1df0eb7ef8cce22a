/* SPDX-License-Identifier: ISC */
/*
 * The terminal: a grid onto the screen, keys and clicks from it. The one file that
 * knows ncurses.
 */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include <stdbool.h>

#include "tui/grid.h"

struct term_event {
	int key;   /* as in tui/ui.h; 0: none */
	int wheel; /* rows, < 0: up */
	bool click;
	unsigned x, y;
};

/*
 * Takes the terminal of stdin and stdout. ERR_LACKING: it is none, or of no known
 * kind. `g` gets its size, and `ascii` if its locale has no UTF-8.
 */
int term_open(struct grid *g, char *why, size_t cap) MUST_CHECK;

/* Gives it back as it was. */
void term_close(void);

/* The terminal has another size now (SIGWINCH). */
void term_resize(struct grid *);

/* Changes the screen where it differs from the grid. */
void term_show(const struct grid *);

/* What has been typed; false: no more for now. Never waits. */
bool term_next(struct term_event *);

/* Sets the terminal's clipboard (OSC 52). */
void term_copy(const char *text);

#endif
