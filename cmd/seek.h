/* SPDX-License-Identifier: ISC */
/*
 * A link that goes through a relay looks for a direct way again, while it carries
 * everything: now and then another link is made beside it that will have no relay, and
 * takes over once it is there. Each time in vain doubles the pause.
 */
#ifndef CMD_SEEK_H
#define CMD_SEEK_H

#include <stdint.h>

#include "net/link.h"

#define SEEK_MIN_US 1000000u
#define SEEK_MAX_US 3600000000u /* it doubles until here */

struct event;

struct seek {
	const struct link_env *env;
	const struct link_target *target;
	uint64_t first_us; /* pause; 0: never */

	/* As of struct rekey. */
	struct session *(*take)(void *arg, struct link *);
	void *arg;

	struct link *link; /* the relayed one; the rest is private */
	struct link_target direct;
	struct link *next; /* on its way */
	struct event *timer;
	unsigned tries;
};

/* The session goes by this link from now on, relayed or not. */
void seek_watch(struct seek *, struct link *);

/* The addresses have changed, and with them the hopes: now. */
void seek_now(struct seek *);

/* The link is gone: so is what was on its way. */
void seek_stop(struct seek *);

#endif
