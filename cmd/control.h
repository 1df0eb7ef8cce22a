/* SPDX-License-Identifier: ISC */
/*
 * The control socket of a command that stays: run/NAME in the state directory, for its
 * own user, root, and the group of control.group.
 */
#ifndef CMD_CONTROL_H
#define CMD_CONTROL_H

#include "core/err.h"

struct ctl;
struct ctl_ops;
struct ctx;
struct event_base;

/* Errors were printed. */
int control_listen(struct ctl **, const struct ctx *, struct event_base *,
		   const char *name, const struct ctl_ops *, void *arg) MUST_CHECK;

/*
 * The group may have changed: lets it in, and only it. ERR_NODEV: there is no such
 * group; ERR_REFUSED: we are no member of it. Both were logged.
 */
int control_group(struct ctl *, const struct ctx *) MUST_CHECK;

#endif
