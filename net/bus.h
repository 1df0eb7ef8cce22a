/* SPDX-License-Identifier: ISC */
/*
 * Several rendezvous as one, over NATS: each node subscribes for those who are
 * connected to it, so that who is there is known where the subscriptions are, and
 * nowhere else. libnats has threads of its own; what they hear comes to the loop
 * through a queue with a fixed end.
 *
 *	usbp2p.h.ID.INSTANCE    to that host; INSTANCE may be "any"
 *	usbp2p.g.ID.INSTANCE    to that guest
 *	usbp2p.came             to all nodes: a host has come
 *	usbp2p.n.NODE.NUMBER    to a node: what it sent with this number found nobody
 */
#ifndef NET_BUS_H
#define NET_BUS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/rdv_wire.h"

struct bus;
struct event_base;

struct bus_ops {
	/* For one of ours; false: it is not here (any more). */
	bool (*parcel)(void *arg, const struct rdv_address *from, bool host,
		       const struct rdv_parcel *);

	/* What this one of ours sent has found nobody. */
	void (*absent)(void *arg, const struct rdv_address *to, bool host,
		       const struct rdv_address *absent);

	/* This host of ours gives way to a newer one on another node. */
	void (*replaced)(void *arg, const struct rdv_address *);
};

/*
 * url: "nats://[USER:PASSWORD@]HOST:PORT", several with commas; tls:// for TLS. It need
 * not be there yet: it is tried for ever. tls_leave_at_exit must have been called.
 * ERR_USAGE, ERR_NOMEM: why says it.
 */
int bus_new(struct bus **, struct event_base *, const char *url, const struct bus_ops *,
	    void *arg, char *why, size_t cap) MUST_CHECK;
void bus_free(struct bus *);

/* Who came to this node and who left. */
void bus_came(struct bus *, const struct rdv_address *, bool host);
void bus_went(struct bus *, const struct rdv_address *, bool host);

/* A parcel for another node; false: there is none now. absent may follow. */
bool bus_send(struct bus *, const struct rdv_address *from, bool host,
	      const struct rdv_parcel *);

/* Connected now. */
bool bus_up(const struct bus *);

#endif
