/* SPDX-License-Identifier: ISC */
/*
 * One connection to a rendezvous: TCP, TLS with its key pinned, JOIN, and signs of
 * life. It does not know what the parcels hold.
 */
#ifndef NET_RDV_CONN_H
#define NET_RDV_CONN_H

#include "core/rdv_uri.h"
#include "core/rdv_wire.h"
#include "net/ident.h"

#define RDV_JOIN_US 10000000 /* from the first look-up to JOINED */

struct event_base;
struct evdns_base;
struct rdv_conn;

/* What all connections of a process share; must outlive them. */
struct rdv_env {
	struct event_base *base;
	struct evdns_base *dns;
	const struct ident *ident;

	/* What it gives for its TURN servers, now and then anew; NULL: not asked for. */
	void (*relays)(void *arg, const struct rdv_relays *);
	void *arg;
};

/* From the loop; each may free the connection. NULL, but for closed: not of interest. */
struct rdv_conn_ops {
	void (*up)(void *arg);     /* JOIN is sent, parcels may be */
	void (*joined)(void *arg); /* and it was answered */
	void (*parcel)(void *arg, const struct rdv_parcel *);
	void (*absent)(void *arg, const struct rdv_address *);

	/* The last call: free it. why: one line for people. */
	void (*closed)(void *arg, int err, const char *why);
};

/* No op from inside. NULL: out of memory. */
struct rdv_conn *rdv_conn_new(const struct rdv_env *, const struct rdv_uri *,
			      enum rdv_role, const uint8_t instance[RDV_INSTANCE],
			      const struct rdv_conn_ops *, void *arg);
void rdv_conn_free(struct rdv_conn *);

/* Lost when it is not up, or closing: closed follows. */
void rdv_conn_send(struct rdv_conn *, const struct rdv_parcel *);

/* "127.0.0.1:13241"; and our own address without port, "" when not connected. */
const char *rdv_conn_where(const struct rdv_conn *);
const char *rdv_conn_local_ip(const struct rdv_conn *);

#endif
