/* SPDX-License-Identifier: ISC */
/*
 * One thread for the calls of one open device that block (set_configuration,
 * reset, clear_halt, driver detach; reads and fsync of a virtual disk's file).
 * Jobs run one after another; each one's end is told in the loop.
 */
#ifndef USB_WORKER_H
#define USB_WORKER_H

#include "core/err.h"

struct event_base;
struct worker;

struct worker_job {
	void (*run)(struct worker_job *);  /* in the thread */
	void (*done)(struct worker_job *); /* in the loop, after run */
	struct worker_job *next;           /* the worker's */
};

/* NULL when there is no thread or eventfd to be had. */
struct worker *worker_new(struct event_base *);

/* The job belongs to the worker until done was called. */
void worker_do(struct worker *, struct worker_job *);

/*
 * Waits for the jobs that are out, drops none: call when no job is out, or accept
 * that done is called for those that are, from inside. May be called from a
 * job's done. NULL is fine.
 */
void worker_free(struct worker *);

#endif
