/* SPDX-License-Identifier: ISC */
/*
 * What cmd/remote.c and cmd/remote_session.c share; nobody else includes this.
 */
#ifndef CMD_REMOTE_PARTS_H
#define CMD_REMOTE_PARTS_H

#include "cmd/ground.h"
#include "cmd/rekey.h"
#include "cmd/remote.h"
#include "cmd/seek.h"
#include "core/door.h"

struct event;

struct remote {
	struct loop *loop;
	struct ctx *ctx;
	struct target *target;
	uint64_t grace_us;
	const struct remote_ops *ops;
	void *arg;
	struct pool pool;
	struct link *link;  /* NULL: none now */
	struct rekey rekey; /* the one that takes over from it, */
	struct seek seek;   /* the same, should it be relayed */
	struct ground ground;
	struct session *session;
	struct imports *imports;
	bool ready;   /* the session was welcomed */
	bool was;     /* one was, once */
	bool insists; /* on the first one, too */
	bool closing; /* by our owner */
	bool plain;   /* it does not want compression */

	uint8_t server[WIRE_ID]; /* the process that has the session */
	bool stranger;           /* the link is with another one */

	uint8_t id[DOOR_ID]; /* of the session */
	uint64_t generation;
	uint64_t links; /* that have carried it */
	uint8_t key[IDENT_MAC];

	struct event *timer;       /* the next try, or the end of the session's grace */
	struct event *end;         /* closed without a link: down */
	uint64_t lost_at;          /* us, when the link was lost; 0: it is there */
	unsigned tries;            /* since then */
	uint64_t tried_at, try_at; /* us, the last one and the next */
};

/* cmd/remote_session.c: a new one, that says hello; and the end of the one there is. */
int remote_begin(struct remote *) MUST_CHECK;
void remote_end_session(struct remote *, const char *why);

/* cmd/remote.c: the session goes by its link from now on. */
void remote_carries(struct remote *);

#endif
