/* SPDX-License-Identifier: ISC */
/*
 * Part of net/bus: who is connected to this node, as subscriptions, and the news of it
 * to and from other nodes. It does not know what the parcels hold.
 */
#ifndef NET_BUS_HERE_H
#define NET_BUS_HERE_H

#include "net/bus.h"
#include "net/bus_queue.h"

struct bus_here;
struct __natsConnection;

/* What is heard, bus_heard.kind; the first byte of the messages is one of the first two.
 */
enum { BUS_PARCEL = 1, BUS_CAME = 2, BUS_NOBODY = 3, BUS_AGAIN = 4 };

#define BUS_MESSAGE (RDV_BODY + 128) /* the longest */

/* To this host or guest; an instance of zeros: any of this host. */
void bus_subject(const struct rdv_address *, bool host, char text[BUS_SUBJECT]);

/* NULL: out of memory. The queue hears parcels for those who are here, and news. */
struct bus_here *bus_here_new(struct bus_queue *);
void bus_here_free(struct bus_here *); /* before the connection; NULL is fine */

/* A natsStatus. */
int bus_here_start(struct bus_here *, struct __natsConnection *) MUST_CHECK;

void bus_here_came(struct bus_here *, const struct rdv_address *, bool host);
void bus_here_went(struct bus_here *, const struct rdv_address *, bool host);

/* Another node has a host: bus_ops.replaced of ours that give way to it. */
void bus_here_news(struct bus_here *, struct rd *, const struct bus_ops *, void *arg);

/* Connected again: tells of all hosts, as what was said meanwhile is lost. */
void bus_here_again(struct bus_here *);

#endif
