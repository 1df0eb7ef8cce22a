/* SPDX-License-Identifier: ISC */
/*
 * A link whose keys are worn gets a successor while it still carries everything: the
 * next one is made beside it, and takes over once it is there. If it does not come to be
 * another is tried, and the old one goes on as long as it may.
 */
#ifndef CMD_REKEY_H
#define CMD_REKEY_H

#include <stdint.h>

struct link;
struct link_env;
struct link_target;
struct session;

struct rekey {
	const struct link_env *env;
	const struct link_target *target;

	/*
	 * The link is up: it is the owner's from now on, with link_drop for the old one
	 * and link_pass and link_resume for this. Returns the session, as ops->up.
	 */
	struct session *(*take)(void *arg, struct link *);
	void *arg;
	struct link *next; /* on its way; the rest is private */
	unsigned tries;
	uint64_t since, try_at; /* us; since 0: nothing is worn */
};

/* The link is worn: as often as one likes. */
void rekey_start(struct rekey *);

/* The session, or its link, is gone: so is what was on its way. */
void rekey_stop(struct rekey *);

#endif
