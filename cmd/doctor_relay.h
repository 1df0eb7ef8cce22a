/* SPDX-License-Identifier: ISC */
/*
 * Whether a TURN server gives us a relay: it is asked as a link would ask it. It does
 * not know how long to wait, nor what the others say.
 */
#ifndef CMD_DOCTOR_RELAY_H
#define CMD_DOCTOR_RELAY_H

#include "cmd/doctor.h"
#include "cmd/loop.h"

struct doctor_relay {
	struct doctor *d;
	struct ice *ice; /* NULL: decided */
	char where[ICE_HOST + 24];
	void (*done)(void *arg, bool good);
	void *arg;
};

/* done follows, maybe at once, when it is decided and said. */
void
doctor_relay_try(struct doctor_relay *, struct doctor *, struct loop *,
		 const struct ice_turn *, void (*done)(void *arg, bool good), void *arg);

/* Undecided until now: it does not relay. */
void doctor_relay_late(struct doctor_relay *);

/* Without a word. */
void doctor_relay_stop(struct doctor_relay *);

#endif
