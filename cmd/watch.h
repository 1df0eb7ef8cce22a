/* SPDX-License-Identifier: ISC */
/*
 * Clients of a control socket that want to see each change of a status: they get it at
 * once, and again whenever it differs. Nothing runs while nobody watches.
 */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

#define WATCHERS 8

struct ctl_conn;
struct event_base;
struct event;

/* Writes the status as one line of JSON; false: it does not fit. */
typedef bool watch_fn(void *arg, char *buf, size_t cap);

struct watch {
	struct event *tick;
	watch_fn *build;
	void *arg;
	char *line, *old; /* CTL_LINE_MAX each */
	unsigned n;
	unsigned still; /* looks that found no change */
	struct {
		struct ctl_conn *conn;
		bool behind; /* has not got `line` */
	} of[WATCHERS];
};

int watch_init(struct watch *, struct event_base *, watch_fn *, void *arg) MUST_CHECK;

/* Before ctl_free. */
void watch_fini(struct watch *);

/* ERR_FULL: there are too many. */
int watch_add(struct watch *, struct ctl_conn *) MUST_CHECK;

/*
 * Something may have changed: it is looked at soon. Cheap, for where it happens often;
 * what nobody pokes is seen within two seconds.
 */
void watch_poke(struct watch *);
void watch_gone(struct watch *, struct ctl_conn *);

#endif
