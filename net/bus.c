/* SPDX-License-Identifier: ISC */
/*
 * NATS for the rendezvous: addresses as subjects, parcels as messages. It does not know
 * who is here; the rendezvous does.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <nats/nats.h>

#include "core/list.h"
#include "core/log.h"
#include "net/bus.h"
#include "net/ident.h"

#define NEWS    "usbp2p.came"
#define SUBJECT 160
#define CHAINS  4096
#define PENDING 8192             /* parcels whose answer we may yet hear */
#define QUEUED  (64 << 20)       /* bytes that wait for the loop */
#define TURN    128              /* messages of a turn of it */
#define BUFFER  (1 << 20)        /* bytes that wait for a connection */
#define MESSAGE (RDV_BODY + 128) /* the longest */

enum { PARCEL = 1, CAME = 2, NOBODY = 3, AGAIN = 4 };

/* One of ours. */
struct sub {
	struct list chain; /* in bus.chain */
	struct rdv_address who;
	bool host;
	uint64_t stamp;               /* when it came, unix us: the newer host stays */
	natsSubscription *nats, *any; /* any: of a host, whichever it is */
};

struct pending {
	struct rdv_address from, to;
	bool host;
	uint32_t number; /* 0: free */
};

/* From the threads of libnats to the loop. */
struct heard {
	struct heard *next;
	uint8_t kind;
	size_t n;
	char reply[SUBJECT];
	uint8_t body[];
};

struct bus {
	const struct bus_ops *ops;
	void *arg;
	natsOptions *options;
	natsConnection *nats;
	natsSubscription *inbox, *news;
	char node[33];
	struct list chain[CHAINS];
	struct pending pending[PENDING];
	uint32_t number;
	int fd;
	struct event *event;
	pthread_mutex_t lock; /* of what follows */
	struct heard *first, **last;
	size_t queued;
};

static void
hex(const uint8_t *p, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*text++ = digits[p[i] >> 4];
		*text++ = digits[p[i] & 15];
	}
	*text = '\0';
}

static void
subject_of(const struct rdv_address *a, bool host, char text[SUBJECT])
{
	static const uint8_t any[RDV_INSTANCE];
	char id[2 * PEERID + 1], instance[2 * RDV_INSTANCE + 1];

	hex(a->id, PEERID, id);
	hex(a->instance, RDV_INSTANCE, instance);
	if (memcmp(a->instance, any, sizeof(any)) == 0)
		snprintf(instance, sizeof(instance), "any");
	snprintf(text, SUBJECT, "usbp2p.%s.%s.%s", host ? "h" : "g", id, instance);
}

static void
wake(struct bus *b)
{
	const uint64_t one = 1;

	(void)!write(b->fd, &one, sizeof(one));
}

/* --- threads of libnats --- */

static void
push(struct bus *b, uint8_t kind, const char *reply, const void *body, size_t n)
{
	struct heard *h = malloc(sizeof(*h) + n);

	if (h == NULL)
		return;
	*h = (struct heard){.kind = kind, .n = n};
	snprintf(h->reply, sizeof(h->reply), "%s", reply);
	memcpy(h->body, body, n);
	pthread_mutex_lock(&b->lock);
	if (b->queued + sizeof(*h) + n <= QUEUED) {
		b->queued += sizeof(*h) + n;
		*b->last = h;
		b->last = &h->next;
		h = NULL;
	}
	pthread_mutex_unlock(&b->lock);
	free(h);
	wake(b);
}

static void
on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
	const uint8_t *p = (const uint8_t *)natsMsg_GetData(msg);
	int n = natsMsg_GetDataLength(msg);
	const char *reply = natsMsg_GetReply(msg);

	(void)nc;
	(void)sub;
	if (n > 1 && n <= MESSAGE && (p[0] == PARCEL || p[0] == CAME))
		push(arg, p[0], reply != NULL ? reply : "", p + 1, (size_t)n - 1);
	natsMsg_Destroy(msg);
}

/* No responders, or a node where the one has just left. */
static void
on_inbox(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
	const char *dot = strrchr(natsMsg_GetSubject(msg), '.');
	uint32_t number = (uint32_t)strtoul(dot + 1, NULL, 10);

	(void)nc;
	(void)sub;
	push(arg, NOBODY, "", &number, sizeof(number));
	natsMsg_Destroy(msg);
}

static void
on_reconnected(natsConnection *nc, void *arg)
{
	(void)nc;
	push(arg, AGAIN, "", "", 0);
}

/* --- the loop --- */

static struct sub *
find(struct bus *b, const struct rdv_address *a, bool host)
{
	struct list *chain = &b->chain[(a->id[0] | a->id[1] << 8) % CHAINS], *l;

	LIST_EACH (chain, l) {
		struct sub *s = CONTAINER_OF(l, struct sub, chain);

		if (s->host == host && memcmp(&s->who, a, sizeof(*a)) == 0)
			return s;
	}
	return NULL;
}

static void
tell_came(struct bus *b, const struct sub *s)
{
	uint8_t m[64];
	struct wr w;

	wr_init(&w, m, sizeof(m));
	wr_u8(&w, CAME);
	rdv_put_address(&w, &s->who);
	wr_le64(&w, s->stamp);
	(void)natsConnection_Publish(b->nats, NEWS, m, (int)(w.p - m));
}

/* Ours gives way when the other came later, and is another process. */
static bool
is_older(const struct sub *s, const struct rdv_address *a, uint64_t stamp)
{
	int other = memcmp(a->instance, s->who.instance, RDV_PROCESS);

	return s->host && memcmp(s->who.id, a->id, PEERID) == 0 && other != 0 &&
	       (stamp > s->stamp || (stamp == s->stamp && other > 0));
}

static void
hear_came(struct bus *b, struct rd *r)
{
	struct list *chain, *l, *n;
	struct rdv_address a, ours;
	uint64_t stamp;

	rd_bytes(r, a.id, PEERID);
	rd_bytes(r, a.instance, RDV_INSTANCE);
	stamp = rd_le64(r);
	if (r->bad)
		return;
	chain = &b->chain[(a.id[0] | a.id[1] << 8) % CHAINS];
	LIST_EACH_SAFE (chain, l, n) {
		const struct sub *s = CONTAINER_OF(l, struct sub, chain);

		if (!is_older(s, &a, stamp))
			continue;
		ours = s->who;
		b->ops->replaced(b->arg, &ours);
	}
}

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
hear_nobody(struct bus *b, const struct heard *h)
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

/* What was said while there was no connection is lost. */
static void
hear_again(struct bus *b)
{
	struct list *l;

	log_info("rendezvous nats connected");
	for (unsigned i = 0; i < CHAINS; i++)
		LIST_EACH (&b->chain[i], l) {
			const struct sub *s = CONTAINER_OF(l, struct sub, chain);

			if (s->host)
				tell_came(b, s);
		}
}

static void
hear(struct bus *b, const struct heard *h)
{
	struct rd r;

	rd_init(&r, h->body, h->n);
	if (h->kind == PARCEL)
		hear_parcel(b, &r, h->reply);
	else if (h->kind == CAME)
		hear_came(b, &r);
	else if (h->kind == NOBODY)
		hear_nobody(b, h);
	else
		hear_again(b);
}

static struct heard *
take(struct bus *b)
{
	struct heard *h;

	pthread_mutex_lock(&b->lock);
	if ((h = b->first) != NULL) {
		b->queued -= sizeof(*h) + h->n;
		if ((b->first = h->next) == NULL)
			b->last = &b->first;
	}
	pthread_mutex_unlock(&b->lock);
	return h;
}

/* Those who are connected have their turn between many from other nodes. */
static void
on_heard(evutil_socket_t fd, short what, void *arg)
{
	struct bus *b = arg;
	struct heard *h;
	uint64_t n;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	for (unsigned i = 0; i < TURN; i++) {
		if ((h = take(b)) == NULL)
			return;
		hear(b, h);
		free(h);
	}
	wake(b);
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
		s = natsOptions_SetReconnectedCB(o, on_reconnected, b);
	if (s == NATS_OK)
		s = natsOptions_SetRetryOnFailedConnect(o, true, on_reconnected, b);
	return s;
}

static natsStatus
dial(struct bus *b, const char *url)
{
	char subject[SUBJECT];
	natsStatus s = natsOptions_Create(&b->options);

	if (s == NATS_OK)
		s = set_options(b, url);
	if (s == NATS_OK)
		s = natsConnection_Connect(&b->nats, b->options);
	if (s == NATS_NOT_YET_CONNECTED)
		s = NATS_OK;
	snprintf(subject, sizeof(subject), "usbp2p.n.%s.*", b->node);
	if (s == NATS_OK)
		s = natsConnection_Subscribe(&b->inbox, b->nats, subject, on_inbox, b);
	if (s == NATS_OK)
		s = natsConnection_Subscribe(&b->news, b->nats, NEWS, on_message, b);
	return s;
}

int
bus_new(struct bus **out, struct event_base *base, const char *url,
	const struct bus_ops *ops, void *arg, char *why, size_t cap)
{
	struct bus *b = calloc(1, sizeof(*b));
	uint8_t node[16];
	natsStatus s;

	*out = NULL;
	snprintf(why, cap, "%s", err_text(ERR_NOMEM));
	if (b == NULL)
		return ERR_NOMEM;
	b->ops = ops;
	b->arg = arg;
	b->last = &b->first;
	pthread_mutex_init(&b->lock, NULL);
	for (unsigned i = 0; i < CHAINS; i++)
		list_init(&b->chain[i]);
	ident_random(node, sizeof(node));
	hex(node, sizeof(node), b->node);
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	b->event = event_new(base, b->fd, EV_READ | EV_PERSIST, on_heard, b);
	if (b->fd < 0 || b->event == NULL || event_add(b->event, NULL) != 0) {
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

static void
forget(struct sub *s)
{
	natsSubscription_Destroy(s->nats); /* unsubscribes */
	natsSubscription_Destroy(s->any);
	list_del(&s->chain);
	free(s);
}

void
bus_free(struct bus *b)
{
	struct heard *h;

	if (b == NULL)
		return;
	for (unsigned i = 0; i < CHAINS; i++)
		while (!list_empty(&b->chain[i]))
			forget(CONTAINER_OF(b->chain[i].next, struct sub, chain));
	natsSubscription_Destroy(b->inbox);
	natsSubscription_Destroy(b->news);
	natsConnection_Close(b->nats);
	natsConnection_Destroy(b->nats);
	natsOptions_Destroy(b->options);
	nats_CloseAndWait(2000); /* its threads know us */
	while ((h = take(b)) != NULL)
		free(h);
	if (b->event != NULL)
		event_free(b->event);
	if (b->fd >= 0)
		close(b->fd);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* --- who is here --- */

static uint64_t
unix_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* One of several connections of a host gets what is for any of them. */
static natsStatus
subscribe(struct bus *b, struct sub *s)
{
	struct rdv_address any = s->who;
	char subject[SUBJECT];
	natsStatus r;

	subject_of(&s->who, s->host, subject);
	r = natsConnection_Subscribe(&s->nats, b->nats, subject, on_message, b);
	if (r != NATS_OK || !s->host)
		return r;
	memset(any.instance, 0, sizeof(any.instance));
	subject_of(&any, true, subject);
	return natsConnection_QueueSubscribe(&s->any, b->nats, subject, "host",
					     on_message, b);
}

void
bus_came(struct bus *b, const struct rdv_address *a, bool host)
{
	struct sub *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return;
	s->who = *a;
	s->host = host;
	s->stamp = unix_us();
	list_init(&s->chain);
	list_add(&b->chain[(a->id[0] | a->id[1] << 8) % CHAINS], &s->chain);
	if (subscribe(b, s) != NATS_OK) {
		log_warn("rendezvous nats does not take a subscription");
		forget(s);
	} else if (host) {
		tell_came(b, s);
	}
}

void
bus_went(struct bus *b, const struct rdv_address *a, bool host)
{
	struct sub *s = find(b, a, host);

	if (s != NULL)
		forget(s);
}

bool
bus_send(struct bus *b, const struct rdv_address *from, bool host,
	 const struct rdv_parcel *p)
{
	char subject[SUBJECT], reply[SUBJECT];
	struct pending *q;
	uint8_t m[MESSAGE];
	struct wr w;

	if (!bus_up(b))
		return false;
	if (++b->number == 0)
		b->number = 1;
	q = &b->pending[b->number % PENDING];
	*q = (struct pending){*from, p->with, host, b->number};
	subject_of(&p->with, !host, subject);
	snprintf(reply, sizeof(reply), "usbp2p.n.%s.%u", b->node, b->number);
	wr_init(&w, m, sizeof(m));
	wr_u8(&w, PARCEL);
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
