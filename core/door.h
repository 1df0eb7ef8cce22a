/* SPDX-License-Identifier: ISC */
/*
 * Which session a link carries. It stands between the two: a new link begins a
 * session, or goes on with one whose link was lost (RESUME, RESUMED of
 * core/frame.h). Both say how far each stream has come to them, what is missing is
 * sent again, and the streams go on as if nothing had been: no message is lost, none
 * comes twice.
 *
 * The attach side says what it wants, the serve side learns it from the first frame.
 */
#ifndef CORE_DOOR_H
#define CORE_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arq.h"
#include "core/err.h"

struct session;

#define DOOR_ID    16
#define DOOR_PROOF 32

/* What is asked for. */
struct door_resume {
	uint8_t id[DOOR_ID];       /* of the session, as in HELLO */
	uint64_t generation;       /* larger than any that was ever accepted */
	uint8_t proof[DOOR_PROOF]; /* that it knows the first link's keys */
};

struct door_ops {
	/* Serve: a new session; NULL ends the link. */
	struct session *(*fresh)(void *arg);

	/*
	 * Serve: the session of that id, if the proof is right and the generation
	 * new; its old link must be let go of before this returns. NULL: there is
	 * none (any more).
	 */
	struct session *(*resume)(void *arg, const struct door_resume *);

	/*
	 * Attach: the answer. true: the session goes on. false: the server does not
	 * have it; door_carry a new one, from here or later.
	 */
	void (*resumed)(void *arg, bool yes);
};

enum door_state {
	DOOR_CLOSED, /* no session */
	DOOR_ASKING, /* attach: RESUME was said */
	DOOR_OPEN
};

/* The owner's; its contents are the door's. */
struct door {
	const struct door_ops *ops;
	void *arg;
	bool serve;
	enum door_state state;
	struct session *session; /* carried, or to be; not the door's */
	struct door_resume ask;  /* ASKING; serve: the last that was asked for */
	bool tell;               /* RESUME or RESUMED has to be sent */
	uint64_t answer;         /* of RESUMED */
};

void door_init(struct door *, bool serve, const struct door_ops *, void *arg);

/* Attach: a new session. */
void door_carry(struct door *, struct session *);

/* Attach: goes on with a session whose link is gone (its arq is freed). */
void door_ask(struct door *, struct session *, const struct door_resume *);

/* What core/arq asks for: pass with the door as argument. */
extern const struct arq_ops door_arq_ops;

#endif
