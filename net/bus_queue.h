/* SPDX-License-Identifier: ISC */
/*
 * From the threads of libnats to the loop: a queue with a fixed end, in bytes. It does
 * not know what is said in it, nor NATS.
 */
#ifndef NET_BUS_QUEUE_H
#define NET_BUS_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#define BUS_SUBJECT 160 /* of NATS, with NUL */

struct bus_queue;
struct event_base;

struct bus_heard {
	struct bus_heard *next;
	uint8_t kind;
	char reply[BUS_SUBJECT]; /* where an answer goes, or "" */
	size_t n;
	uint8_t body[];
};

/* heard: from the loop, borrowed until return. NULL: out of memory. */
struct bus_queue *
bus_queue_new(struct event_base *, void (*heard)(void *arg, const struct bus_heard *),
	      void *arg);

/* When no other thread knows it any more. */
void bus_queue_free(struct bus_queue *);

/* From any thread. What does not fit is lost. */
void bus_queue_put(struct bus_queue *, uint8_t kind, const char *reply, const void *body,
		   size_t n);

#endif
