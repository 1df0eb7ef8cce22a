/* SPDX-License-Identifier: ISC */
/*
 * NATS for the rendezvous: the connection, and parcels as messages to and from other
 * nodes. Who is at this one is known in bus_here.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nats/nats.h>

#include "core/log.h"
#include "core/text.h"
#include "net/bus.h"
#include "net/bus_here.h"
#include "net/ident.h"

#define PENDING 8192      /* parcels whose answer we may yet hear */
#define BUFFER  (1 << 20) /* bytes that wait for a connection */

struct pending {
	struct rdv_address from, to;
	bool host;
	uint32_t number; /* 0: free */
};

struct bus {
	const struct bus_ops *ops;
	void *arg;
	natsOptions *options;
	natsConnection *nats;
	natsSubscription *inbox;
	char node[33];
	struct bus_here *here;
	struct pending pending[PENDING];
	uint32_t number;
	struct bus_queue *queue;
};

/* --- threads of libnats --- */

/* No responders, or a node where the one has just left. */
static void
on_inbox(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
	const char *dot = strrchr(natsMsg_GetSubject(msg), '.');
	uint32_t number = (uint32_t)strtoul(dot + 1, NULL, 10);

	(void)nc;
	(void)sub;
	bus_queue_put(arg, BUS_NOBODY, "", &number, sizeof(number));
	natsMsg_Destroy(msg);
}

static void
on_reconnected(natsConnection *nc, void *arg)
{
	(void)nc;
	bus_queue_put(arg, BUS_AGAIN, "", "", 0);
}

/* --- the loop --- */

static void
hear_parcel(struct bus *b, struct rd *r, const char *reply)
{
	struct rdv_address from;
	struct rdv_parcel p;
	bool host;

	host = rd_u8(r) != 0;
	rd_bytes(r, from.id, PEERID);
	rd_bytes(r, from.instance, RDV_INSTANCE);
	if (rdv_get_parcel(r, &p) != ERR_OK)
		return;
	p.flags &= RDV_LAST;
	if (!b->ops->parcel(b->arg, &from, host, &p) && reply[0] != '\0')
		(void)natsConnection_Publish(b->nats, reply, "", 0);
}

static void
hear_nobody(struct bus *b, const struct bus_heard *h)
{
	struct pending *p, was;
	uint32_t number;

	memcpy(&number, h->body, sizeof(number));
	p = &b->pending[number % PENDING];
	if (number == 0 || p->number != number)
		return;
	was = *p;
	p->number = 0;
	b->ops->absent(b->arg, &was.from, was.host, &was.to);
}

static void
on_heard(void *arg, const struct bus_heard *h)
{
	struct bus *b = arg;
	struct rd r;

	rd_init(&r, h->body, h->n);
	if (h->kind == BUS_PARCEL)
		hear_parcel(b, &r, h->reply);
	else if (h->kind == BUS_CAME)
		bus_here_news(b->here, &r, b->ops, b->arg);
	else if (h->kind == BUS_NOBODY)
		hear_nobody(b, h);
	else
		bus_here_again(b->here);
}

/* --- start and end --- */

static natsStatus
set_options(struct bus *b, const char *url)
{
	natsOptions *o = b->options;
	natsStatus s = natsOptions_SetURL(o, url);

	if (s == NATS_OK)
		s = natsOptions_UseGlobalMessageDelivery(o, true);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(o, -1);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectWait(o, 100);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectBufSize(o, BUFFER);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(o, 2000);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(o, true);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectedCB(o, on_reconnected, b->queue);
	if (s == NATS_OK)
		s = natsOptions_SetRetryOnFailedConnect(o, true, on_reconnected,
							b->queue);
	return s;
}

static natsStatus
dial(struct bus *b, const char *url)
{
	char subject[BUS_SUBJECT];
	natsStatus s = natsOptions_Create(&b->options);

	if (s == NATS_OK)
		s = set_options(b, url);
	if (s == NATS_OK)
		s = natsConnection_Connect(&b->nats, b->options);
	if (s == NATS_NOT_YET_CONNECTED)
		s = NATS_OK;
	snprintf(subject, sizeof(subject), "usbp2p.n.%s.*", b->node);
	if (s == NATS_OK)
		s = natsConnection_Subscribe(&b->inbox, b->nats, subject, on_inbox,
					     b->queue);
	if (s == NATS_OK)
		s = (natsStatus)bus_here_start(b->here, b->nats);
	return s;
}

int
bus_new(struct bus **out, struct event_base *base, const char *url,
	const struct bus_ops *ops, void *arg, char *why, size_t cap)
{
	struct bus *b = calloc(1, sizeof(*b));
	uint8_t node[16];
	struct text t;
	natsStatus s;

	*out = NULL;
	snprintf(why, cap, "%s", err_text(ERR_NOMEM));
	if (b == NULL)
		return ERR_NOMEM;
	b->ops = ops;
	b->arg = arg;
	ident_random(node, sizeof(node));
	text_init(&t, b->node, sizeof(b->node));
	text_bytes(&t, node, sizeof(node));
	if ((b->queue = bus_queue_new(base, on_heard, b)) == NULL ||
	    (b->here = bus_here_new(b->queue)) == NULL) {
		bus_free(b);
		return ERR_NOMEM;
	}
	if ((s = dial(b, url)) != NATS_OK) {
		snprintf(why, cap, "--nats %s: %s", url, natsStatus_GetText(s));
		bus_free(b);
		return ERR_USAGE;
	}
	*out = b;
	return ERR_OK;
}

void
bus_free(struct bus *b)
{
	if (b == NULL)
		return;
	bus_here_free(b->here);
	natsSubscription_Destroy(b->inbox);
	natsConnection_Close(b->nats);
	natsConnection_Destroy(b->nats);
	natsOptions_Destroy(b->options);
	nats_CloseAndWait(2000); /* its threads know us */
	bus_queue_free(b->queue);
	free(b);
}

void
bus_came(struct bus *b, const struct rdv_address *a, bool host)
{
	bus_here_came(b->here, a, host);
}

void
bus_went(struct bus *b, const struct rdv_address *a, bool host)
{
	bus_here_went(b->here, a, host);
}

/*
 * Or is on its way from a NATS node that has gone to another: libnats keeps what is sent
 * until then. Nobody is called absent who only cannot be asked for a moment.
 */
static bool
may_send(const struct bus *b)
{
	return bus_up(b) ||
	       natsConnection_Status(b->nats) == NATS_CONN_STATUS_RECONNECTING;
}

bool
bus_send(struct bus *b, const struct rdv_address *from, bool host,
	 const struct rdv_parcel *p)
{
	char subject[BUS_SUBJECT], reply[BUS_SUBJECT];
	struct pending *q;
	uint8_t m[BUS_MESSAGE];
	struct wr w;

	if (!may_send(b))
		return false;
	if (++b->number == 0)
		b->number = 1;
	q = &b->pending[b->number % PENDING];
	*q = (struct pending){*from, p->with, host, b->number};
	bus_subject(&p->with, !host, subject);
	snprintf(reply, sizeof(reply), "usbp2p.n.%s.%u", b->node, b->number);
	wr_init(&w, m, sizeof(m));
	wr_u8(&w, BUS_PARCEL);
	wr_u8(&w, host);
	rdv_put_address(&w, from);
	rdv_put_parcel(&w, p);
	if (!w.bad && natsConnection_PublishRequest(b->nats, subject, reply, m,
						    (int)(w.p - m)) == NATS_OK)
		return true;
	q->number = 0;
	return false;
}

bool
bus_up(const struct bus *b)
{
	return natsConnection_Status(b->nats) == NATS_CONN_STATUS_CONNECTED;
}
