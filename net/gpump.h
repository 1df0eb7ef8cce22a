/* SPDX-License-Identifier: ISC */
/*
 * Runs a GMainContext inside the libevent loop: asks it for its fds and its
 * timeout, waits for them with libevent, dispatches. No thread.
 *
 * After calling into libnice from outside a dispatch, kick the pump, or its new
 * timers and fds are not seen.
 */
#ifndef NET_GPUMP_H
#define NET_GPUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

struct event_base;
struct gpump;
struct _GMainContext;

/* Something to do when GLib is not on the stack. list_init(&link) once. */
struct gpump_job {
	struct list link; /* in gpump.jobs */
	void (*run)(struct gpump_job *);
};

/* NULL: out of memory or file descriptors. */
struct gpump *gpump_new(struct event_base *);

/* Not from inside a dispatch or a job. Free what uses it (ice) before. */
void gpump_free(struct gpump *);

struct _GMainContext *gpump_context(struct gpump *);
void gpump_kick(struct gpump *);

/*
 * Runs the job at the end of this turn or of the next, from the loop; once,
 * however often it was asked for. Taken back with list_del(&job->link).
 */
void gpump_later(struct gpump *, struct gpump_job *);

/*
 * Something goes on in it for which nobody else waits (+1), and has ended (-1); the
 * owner waits a moment with gpump_free while there is any.
 */
void gpump_linger(struct gpump *, int change);
bool gpump_lingers(const struct gpump *);

/* Wake-ups so far: an idle pump has none. */
uint64_t gpump_turns(const struct gpump *);

#endif
