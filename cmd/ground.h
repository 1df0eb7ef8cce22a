/* SPDX-License-Identifier: ISC */
/*
 * What a link stands on: when this machine's addresses or routes change it may be dead,
 * or there may be a better one; this is known at once, and not by silence.
 */
#ifndef CMD_GROUND_H
#define CMD_GROUND_H

#include <stdbool.h>
#include <stdint.h>

#define GROUND_WAIT_US  1000000 /* and four round trips, for a sign of life */
#define GROUND_DOUBT_US 500000  /* the same, when the peer may be gone */

struct event;
struct event_base;
struct link;
struct moves;

struct ground {
	/* The link cannot go on. */
	void (*lost)(void *arg, int err, const char *why);
	/* There is none that is up, and now one might be made. */
	void (*hope)(void *arg, bool addresses);
	/* It goes on, but by other addresses it might be better. */
	void (*better)(void *arg);
	void *arg;

	struct link *link; /* that is up, or NULL; the rest is private */
	struct moves *moves;
	struct event *verdict;
	uint64_t asked_at; /* us, for the sign of life */
	const char *why;   /* it was asked for */
};

/* Nothing is told if the kernel does not let us know. */
void ground_start(struct ground *, struct event_base *);
void ground_stop(struct ground *);

/* The peer may be gone: lost follows if it does not answer. */
void ground_doubt(struct ground *);

/* The link that is up from now on; NULL: none. */
void ground_watch(struct ground *, struct link *);

#endif
