/* SPDX-License-Identifier: ISC */
/*
 * What columns show of a row: each writes a text, and may choose a style.
 */
#ifndef TUI_SHOW_H
#define TUI_SHOW_H

#include "tui/ui_impl.h"

struct shown {
	const struct ui *u;
	const struct grid *g;
	const struct item *it;
	uint64_t now_s;
	char *buf;
	size_t cap;
	unsigned style;
};

/* show.c */
void show_port(struct shown *); /* the physical one, as a tree */
void show_peer(struct shown *);
void show_id(struct shown *);
void show_product(struct shown *);
void show_class(struct shown *);
void show_driver(struct shown *);
void show_since(struct shown *);
void show_vport(struct shown *); /* the kernel's, of what is attached */
void show_where(struct shown *);
void show_nodes(struct shown *);
void show_inflight(struct shown *);
void show_when(struct shown *);
void show_line(struct shown *);

/* show_state.c */
void show_use(struct shown *);
void show_remote(struct shown *);
void show_attached(struct shown *);

/* show_line.c */
void show_health(struct shown *);
void show_rtt(struct shown *);
void show_rate(struct shown *);
void show_rates(struct shown *);
void show_rtts(struct shown *);

#endif
