/* SPDX-License-Identifier: ISC */
/*
 * A server as the attach side sees it: dials, proves, says hello, and offers
 * its devices through core/imports. Used by attach, list and bench.
 */
#ifndef CMD_REMOTE_H
#define CMD_REMOTE_H

#include "cmd/loop.h"
#include "cmd/target.h"
#include "core/imports.h"

struct remote;

struct remote_ops {
	void (*ready)(void *arg); /* welcomed: imports can be used, each time anew */
	void (*device)(void *arg, const struct wire_device *); /* as imports_ops */
	int (*bench)(void *arg, const struct session_msg *);
	void (*turn)(void *arg); /* packets came in; may be NULL */

	/*
	 * The session is over: its imports are let go of before this returns. Another
	 * will be tried, for ever; ready follows when there is one. NULL: the remote is
	 * down with its first link instead.
	 */
	void (*lost)(void *arg, const char *why);

	/* The last call. why: one line for people ("" when we closed it). */
	void (*down)(void *arg, int err, const char *why);
};

/*
 * target must stay. grace_us: how long a session waits for a new link, where ops->lost
 * is there. NULL: out of memory.
 */
struct remote *remote_connect(struct loop *, struct ctx *, struct target *,
			      uint64_t grace_us, const struct remote_ops *, void *arg);

/* Also the first link is tried again and again, until the server refuses. */
void remote_insist(struct remote *);

/* Nothing is compressed (core/pack); the server hears of it when a session begins. */
void remote_plain(struct remote *, bool yes);

/* Instead of remote_connect's; the server hears of it when a session begins. */
void remote_set_grace(struct remote *, uint64_t grace_us);

/* Ends the link; down follows. */
void remote_close(struct remote *);

/* Frees after down. */
void remote_free(struct remote *);

struct imports *remote_imports(struct remote *); /* NULL: no session */
struct session *remote_session(struct remote *);
struct link *remote_link(struct remote *); /* NULL: none now */

/* Welcomed, and not lost since. */
bool remote_ready(const struct remote *);

/* Microseconds that the session has waited for a link; 0: it has one, or is none. */
uint64_t remote_held_us(const struct remote *);

/* How many links have carried the session so far; 0: there is none. */
uint64_t remote_links(const struct remote *);
struct pool *remote_pool(struct remote *);

#endif
