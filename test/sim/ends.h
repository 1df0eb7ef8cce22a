/* SPDX-License-Identifier: ISC */
/*
 * Two ends of a link, each a session over an arq, the bad network between them
 * and the clock, which jumps to whatever happens next. What runs on top gives
 * the session's callbacks and may stop the clock at its own times.
 */
#ifndef TEST_SIM_ENDS_H
#define TEST_SIM_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arq.h"
#include "core/door.h"
#include "core/mem.h"
#include "core/session.h"
#include "test/sim/net.h"

struct ends_conf {
	struct net_conf to[2]; /* to[i] is the way to end i */
	struct arq_conf arq;
	uint32_t window; /* of each stream, both ends; known to both at once */
	size_t budget;   /* of each end's pool */
};

#define ENDS_LINKS 4 /* at the serve side: all but one wait for their RESUME */

/* One end of one link. */
struct ends_link {
	struct end *of;
	struct door door;
	struct arq *arq; /* NULL: there is none */
	uint8_t number;  /* first byte of its packets */
};

struct end {
	struct pool pool; /* of the session and the arq, and whoever likes */
	struct session *session;
	struct ends *ends;
	struct ends_link link[ENDS_LINKS];
	struct ends_link *carries; /* the session */
	struct arq *arq;           /* its; NULL: no link */
	int failed;                /* what the arq said; no more packets then */
	int64_t ahead;             /* us that its clock is */
	bool asleep;               /* nothing is done, nothing comes in */
	uint64_t busy;             /* until then it has no turn: its machine has others */
};

struct ends {
	struct end end[2];
	struct net *net;
	uint64_t now;
	struct arq_conf arq;
	uint64_t generation; /* of the last link that was made, */
	uint64_t taken;      /* and of the one that carries the session at the server */
	unsigned resumed;    /* links that went on with the session */
	unsigned refused;    /* that came too late for it */
	unsigned still;      /* turns in which the clock stood: too many is a bug */
};

/* More patient than a host: mtu 1200, PING every 10 s, dead after 30 s. */
extern const struct arq_conf ends_arq;

/* ops[i] and arg[i] are end i's; both look for work after each event, so ops->wake may do
 * nothing. */
void ends_init(struct ends *, uint64_t seed, const struct ends_conf *,
	       const struct session_ops *const ops[2], void *const arg[2]);

/* Frees everything; both pools must be empty then (returns whether). */
bool ends_fini(struct ends *);

/*
 * One turn: what has arrived goes in, what may be sent goes out, then the clock
 * moves to the next event, at most to until. false: it is there.
 */
bool ends_step(struct ends *, uint64_t until);

/* The link is gone at both ends, with all that was on its way. */
void ends_unlink(struct ends *);

/* It is gone at one end, and the other does not know. */
void ends_lose(struct ends *, int end);

/* A new link, which is to go on with the same sessions; also instead of one. */
void ends_relink(struct ends *);

/*
 * The same, but what the server has, and what is on its way, stays: as when a link is
 * followed by another, or was lost by the attach side alone.
 */
void ends_dial(struct ends *);

/* Packets take another path, which the link knows. */
void ends_move(struct ends *, const struct net_conf to[2]);

/* Neither end has anything to send or unacknowledged. */
bool ends_idle(const struct ends *);

/* ERR_OK, or why one of the ends failed. */
int ends_failed(const struct ends *);

#endif
