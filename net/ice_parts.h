/* SPDX-License-Identifier: ISC */
/*
 * What net/ice.c, net/ice_gather.c and net/ice_path.c share; nobody else includes this.
 */
#ifndef NET_ICE_PARTS_H
#define NET_ICE_PARTS_H

#include "net/gpump.h"
#include "net/ice.h"
#include "net/ice_cand.h"

#define ICE_COMPONENT 1

/* What happened and has not been told yet; told in this order. */
enum {
	ICE_GATHERED = 1,
	ICE_FOUND = 2,
	ICE_LAST = 4,
	ICE_CONNECTED = 8,
	ICE_MOVED = 16,
	ICE_WANTED = 32,
	ICE_FAILED = 64
};

struct ice_names;
struct _NiceAgent;
struct _NiceCandidate;

struct ice {
	struct gpump *pump;
	const struct ice_ops *ops;
	void *arg;
	struct _NiceAgent *agent;
	unsigned stream;
	enum ice_scope scope; /* of the addresses that may be used */
	bool relay_only, direct;
	bool lend;                  /* relays may be found by ops->wanted */
	struct ice_servers servers; /* numbers only, once names is done */
	struct ice_names *names;    /* being looked up, or NULL */
	struct event *relays;       /* set: they are asked when it fires; may be NULL */
	bool relays_due;
	struct event_base *base;
	struct evdns_base *dns;

	struct ice_desc ours; /* what we found */
	unsigned told_ours;   /* of its candidates */
	bool all_ours;        /* there will be no more */
	unsigned theirs;      /* candidates of the peer that are used */
	bool all_theirs;
	bool hopeless; /* no pair works now */

	unsigned news, told;
	unsigned batch; /* packets of this turn */
	uint64_t turn;
	bool inside; /* an op is on the stack */
	bool dead;   /* ice_free was called from it */
	struct gpump_job job;
};

/* net/ice_gather.c: ERR_OK, or there is no address to gather on. */
int ice_gather(struct ice *, const struct ice_conf *) MUST_CHECK;

/* A candidate that libnice found: into ours, if it is to be told. */
bool ice_gather_add(struct ice *, struct _NiceCandidate *);

void ice_gather_end(struct ice *);

/* net/ice.c */
void ice_all_found(struct ice *);
void ice_receive(struct ice *, bool on);
void ice_happened(struct ice *, unsigned what);

#endif
