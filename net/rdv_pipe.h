/* SPDX-License-Identifier: ISC */
/*
 * One conversation at a rendezvous as a struct tcp: whoever has that cannot tell it
 * from a connection over the network. Between them is a pair of sockets. Parcels are
 * numbered from 0; one that is missing, comes twice or out of turn ends it.
 */
#ifndef NET_RDV_PIPE_H
#define NET_RDV_PIPE_H

#include "core/rdv_wire.h"
#include "net/tcp.h"

struct rdv_conn;
struct rdv_pipe;

/*
 * Its other end has closed, or it broke: call rdv_pipe_free, now or later. From the
 * loop, once.
 */
typedef void rdv_pipe_closed(void *arg);

/*
 * A pipe whose end `far` (made with tcp_new, not connected) becomes connected: fd and
 * names; its connected op is the caller's business. out: the number of the first
 * parcel that it sends. NULL: out of something.
 */
struct rdv_pipe *
rdv_pipe_new(struct event_base *, struct tcp *far, const struct rdv_address *with,
	     uint32_t out, rdv_pipe_closed *, void *arg);
void rdv_pipe_free(struct rdv_pipe *);

/* Where it sends to; NULL: nowhere any more. */
void rdv_pipe_through(struct rdv_pipe *, struct rdv_conn *);

/* An empty parcel: the first of each direction. */
void rdv_pipe_greet(struct rdv_pipe *);

/* One for it; a wrong one breaks it, the last one ends it. */
void rdv_pipe_parcel(struct rdv_pipe *, const struct rdv_parcel *);

const struct rdv_address *rdv_pipe_with(const struct rdv_pipe *);

#endif
