/* SPDX-License-Identifier: ISC */
/*
 * The rendezvous without its sockets: who is there, what goes to whom, and who asks
 * for too much. It holds nothing but those who are connected; what they say to one
 * another passes through and is not kept.
 *
 * An id was proved (TLS) before it comes here. Of two hosts of one id that are not one
 * process, and of two of one id and instance, the newer stays; the older is told and
 * ended.
 */
#ifndef CORE_RDV_H
#define CORE_RDV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rdv_account.h"
#include "core/rdv_wire.h"

struct rdv;
struct rdv_peer;

struct rdv_conf {
	unsigned peers; /* connections in all */
	uint32_t idle_s;
	struct rdv_rates id, network;
};

/*
 * What `usbp2p rendezvous` has. Of one id: 8 connections, 30 joins at once and one a
 * second, 500 messages and 50/s, 1 MiB and 256 KiB/s, 20 conversations and 5/s. Of
 * one network (IPv4 address, IPv6 /64): 256 connections, 512 joins and 20/s, 4000
 * messages and 1000/s, 8 MiB and 2 MiB/s, 200 conversations and 50/s.
 */
extern const struct rdv_conf rdv_usual;

/*
 * Allows one network n connections: behind one NAT, or one load balancer, there may be
 * many. With more than usual its other limits grow in proportion.
 */
void rdv_allow_network(struct rdv_conf *, unsigned n);

/* All of them may be called from inside rdv_ calls; conn is what rdv_enter was given. */
struct rdv_ops {
	/* Queues a message; an error (ERR_FULL: too much is queued) ends the receiver. */
	int (*send)(void *conn, uint8_t type, const uint8_t *body, size_t n);

	/* It was told why: close it when that is written, then rdv_leave. */
	void (*end)(void *conn);

	/* Credentials for TURN servers; false: there are none. */
	bool (*relays)(void *arg, const uint8_t id[PEERID], struct rdv_relays *);

	/*
	 * For other nodes, each may be NULL: who came and went, and a parcel for one
	 * that is not here (false: nowhere; rdv_absent may follow later).
	 */
	void (*came)(void *arg, const struct rdv_address *, bool host);
	void (*went)(void *arg, const struct rdv_address *, bool host);
	bool (*elsewhere)(void *arg, const struct rdv_address *from, bool host,
			  const struct rdv_parcel *);
};

struct rdv_stats {
	unsigned peers, hosts;                                  /* now */
	uint64_t joins, parcels, bytes;                         /* since the start */
	uint64_t absent, replaced, limited, slow, idle, broken; /* the same */
};

/* seed: random. NULL: the pool has no room. conf and ops must stay. */
struct rdv *rdv_new(struct pool *, const struct rdv_conf *, const struct rdv_ops *,
		    void *arg, uint64_t seed);
void rdv_free(struct rdv *); /* all have left */

/*
 * A connection of this id from this network (its first bytes; the rest zeros). near:
 * from this machine. ERR_FULL: no room; ERR_BUSY: a limit of that id or network. It
 * was told nothing then.
 */
int rdv_enter(struct rdv *, struct rdv_peer **, const uint8_t id[PEERID],
	      const uint8_t network[PEERID], bool near, void *conn,
	      uint64_t now_us) MUST_CHECK;

/* Frees; not from inside an op. */
void rdv_leave(struct rdv_peer *, uint64_t now_us);

/* One message of it. Nothing more counts after ops->end. */
void rdv_input(struct rdv_peer *, uint8_t type, const uint8_t *body, size_t n,
	       uint64_t now_us);

/* When rdv_tick wants to be called; UINT64_MAX: never. */
uint64_t rdv_deadline(const struct rdv *);
void rdv_tick(struct rdv *, uint64_t now_us);

/* From another node: a parcel for one here; false: it is not. */
bool rdv_deliver(struct rdv *, const struct rdv_address *from, bool host,
		 const struct rdv_parcel *);

/* To the sender, if it is still here: what it sent to is nowhere. */
void rdv_absent(struct rdv *, const struct rdv_address *to, bool host,
		const struct rdv_address *absent);

/* This host gives way to one that came to another node. */
void rdv_replaced(struct rdv *, const struct rdv_address *);

void rdv_stats(const struct rdv *, struct rdv_stats *);

#endif
