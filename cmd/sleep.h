/* SPDX-License-Identifier: ISC */
/*
 * Before this machine sleeps: logind waits a moment (a "delay" inhibitor) until what
 * stands in the way is gone.
 */
#ifndef CMD_SLEEP_H
#define CMD_SLEEP_H

#include "core/err.h"

struct event_base;
struct sleep;

struct sleep_ops {
	void (*going)(void *arg); /* sleep_ready has to follow, within a few seconds */
	void (*back)(void *arg);
};

/* NULL: no system bus, which is no error. Never calls ops from inside. */
struct sleep *sleep_new(struct event_base *, const struct sleep_ops *, void *arg);
void sleep_free(struct sleep *); /* NULL is fine */

/* After going: this machine may sleep now. */
void sleep_ready(struct sleep *);

#endif
