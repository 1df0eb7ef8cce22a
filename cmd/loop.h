/* SPDX-License-Identifier: ISC */
/*
 * What every command that talks to peers has: one event loop, this machine's
 * identity, libnice's pump, and an end by SIGINT or SIGTERM.
 */
#ifndef CMD_LOOP_H
#define CMD_LOOP_H

#include "cmd/cmd.h"
#include "core/mem.h"
#include "core/rdv_wire.h"
#include "net/ice.h"
#include "net/link.h"

struct event;
struct notify;

struct loop {
	struct event_base *base;
	struct evdns_base *dns;
	struct gpump *pump;
	struct ident *ident;
	struct link_env env;
	const struct conf *conf;
	struct ice_servers servers; /* of env; may change between links */
	struct pool pool;           /* of the links */
	struct rdv_relays relays;   /* lent by a rendezvous, */
	uint64_t lent_until;        /* until then, microseconds of clock_us() */
	bool stun_fixed;            /* an option said servers.stun */
	struct event *sigint, *sigterm, *sighup;
	struct notify *notify;     /* NULL: we are no service */
	const char *dir;           /* state directory */
	void (*stop)(void *arg);   /* asked to end; calls loop_exit when done */
	void (*reload)(void *arg); /* SIGHUP; NULL: as the others */
	void *arg;
	int code;
};

/* Budgets of one session, both sides (DESIGN.md 9: memory and credit). */
#define LOOP_WINDOW  (32u << 20)  /* bytes of one stream that we keep */
#define LOOP_URB_MAX (8u << 20)   /* longest transfer */
#define LOOP_URBS    (32u << 20)  /* urb bytes of one peer */
#define LOOP_SESSION (256u << 20) /* bytes of one session's streams */

/* Makes the state directory and all of it. Errors were printed. */
int
loop_start(struct loop *, struct ctx *, void (*stop)(void *arg), void *arg) MUST_CHECK;

/*
 * Everything is prepared: gives up what it does not need of root's power, tells the
 * service manager. Runs until loop_exit; returns the code that was given there.
 */
int loop_run(struct loop *);
void loop_exit(struct loop *, int code);
void loop_end(struct loop *);

/* conf has changed: links from now on are of the new one. */
void loop_reload(struct loop *);

#endif
