/* SPDX-License-Identifier: ISC */
/*
 * Watches all that runs in a state directory: each control socket there, as they come
 * and go.
 */
#ifndef CMD_FOLLOW_H
#define CMD_FOLLOW_H

#include <stddef.h>

#include "core/err.h"

struct event_base;
struct follow;

struct follow_ops {
	/* A status of the process behind this socket. The line ends in NUL. */
	void (*line)(void *arg, const char *path, const char *line, size_t n);

	/* It has ended, or its socket was never alive. */
	void (*ended)(void *arg, const char *path);

	/* A file of the state directory was written: peers, bound. May be NULL. */
	void (*written)(void *arg);
};

/* NULL: no memory, or no inotify. A directory that is not there is made. */
struct follow *
follow_new(struct event_base *, const char *dir, const struct follow_ops *, void *arg);
void follow_free(struct follow *);

/* Processes that are watched now. */
unsigned follow_count(const struct follow *);

#endif
