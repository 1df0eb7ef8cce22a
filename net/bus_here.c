/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nats/nats.h>

#include "core/list.h"
#include "core/log.h"
#include "core/text.h"
#include "net/bus_here.h"

#define NEWS   "usbp2p.came"
#define CHAINS 4096

/* One of ours. */
struct sub {
	struct list chain; /* in bus_here.chain */
	struct rdv_address who;
	bool host;
	uint64_t stamp;               /* when it came, unix us: the newer host stays */
	natsSubscription *nats, *any; /* any: of a host, whichever it is */
};

struct bus_here {
	struct bus_queue *queue;
	natsConnection *nats;
	natsSubscription *news;
	struct list chain[CHAINS];
};

void
bus_subject(const struct rdv_address *a, bool host, char text[BUS_SUBJECT])
{
	static const uint8_t any[RDV_INSTANCE];
	struct text t;

	text_init(&t, text, BUS_SUBJECT);
	text_str(&t, host ? "usbp2p.h." : "usbp2p.g.");
	text_bytes(&t, a->id, PEERID);
	text_char(&t, '.');
	if (memcmp(a->instance, any, sizeof(any)) == 0)
		text_str(&t, "any");
	else
		text_bytes(&t, a->instance, RDV_INSTANCE);
}

/* From a thread of libnats. */
static void
on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
	const uint8_t *p = (const uint8_t *)natsMsg_GetData(msg);
	int n = natsMsg_GetDataLength(msg);
	const char *reply = natsMsg_GetReply(msg);

	(void)nc;
	(void)sub;
	if (n > 1 && n <= BUS_MESSAGE && (p[0] == BUS_PARCEL || p[0] == BUS_CAME))
		bus_queue_put(arg, p[0], reply != NULL ? reply : "", p + 1,
			      (size_t)n - 1);
	natsMsg_Destroy(msg);
}

struct bus_here *
bus_here_new(struct bus_queue *q)
{
	struct bus_here *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->queue = q;
	for (unsigned i = 0; i < CHAINS; i++)
		list_init(&h->chain[i]);
	return h;
}

int
bus_here_start(struct bus_here *h, natsConnection *nats)
{
	h->nats = nats;
	return (int)natsConnection_Subscribe(&h->news, nats, NEWS, on_message, h->queue);
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
bus_here_free(struct bus_here *h)
{
	if (h == NULL)
		return;
	for (unsigned i = 0; i < CHAINS; i++)
		while (!list_empty(&h->chain[i]))
			forget(CONTAINER_OF(h->chain[i].next, struct sub, chain));
	natsSubscription_Destroy(h->news);
	free(h);
}

static struct list *
chain_of(struct bus_here *h, const struct rdv_address *a)
{
	return &h->chain[(a->id[0] | a->id[1] << 8) % CHAINS];
}

static struct sub *
find(struct bus_here *h, const struct rdv_address *a, bool host)
{
	struct list *chain = chain_of(h, a), *l;

	LIST_EACH (chain, l) {
		struct sub *s = CONTAINER_OF(l, struct sub, chain);

		if (s->host == host && memcmp(&s->who, a, sizeof(*a)) == 0)
			return s;
	}
	return NULL;
}

static void
tell_came(struct bus_here *h, const struct sub *s)
{
	uint8_t m[64];
	struct wr w;

	wr_init(&w, m, sizeof(m));
	wr_u8(&w, BUS_CAME);
	rdv_put_address(&w, &s->who);
	wr_le64(&w, s->stamp);
	(void)natsConnection_Publish(h->nats, NEWS, m, (int)(w.p - m));
}

static uint64_t
unix_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* One of several connections of a host gets what is for any of them. */
static natsStatus
subscribe(struct bus_here *h, struct sub *s)
{
	struct rdv_address any = s->who;
	char subject[BUS_SUBJECT];
	natsStatus r;

	bus_subject(&s->who, s->host, subject);
	r = natsConnection_Subscribe(&s->nats, h->nats, subject, on_message, h->queue);
	if (r != NATS_OK || !s->host)
		return r;
	memset(any.instance, 0, sizeof(any.instance));
	bus_subject(&any, true, subject);
	return natsConnection_QueueSubscribe(&s->any, h->nats, subject, "host",
					     on_message, h->queue);
}

void
bus_here_came(struct bus_here *h, const struct rdv_address *a, bool host)
{
	struct sub *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return;
	s->who = *a;
	s->host = host;
	s->stamp = unix_us();
	list_init(&s->chain);
	list_add(chain_of(h, a), &s->chain);
	if (subscribe(h, s) != NATS_OK) {
		log_warn("rendezvous nats does not take a subscription");
		forget(s);
	} else if (host) {
		tell_came(h, s);
	}
}

void
bus_here_went(struct bus_here *h, const struct rdv_address *a, bool host)
{
	struct sub *s = find(h, a, host);

	if (s != NULL)
		forget(s);
}

/* --- news --- */

/* Ours gives way when the other came later, and is another process. */
static bool
is_older(const struct sub *s, const struct rdv_address *a, uint64_t stamp)
{
	int other = memcmp(a->instance, s->who.instance, RDV_PROCESS);

	return s->host && memcmp(s->who.id, a->id, PEERID) == 0 && other != 0 &&
	       (stamp > s->stamp || (stamp == s->stamp && other > 0));
}

void
bus_here_news(struct bus_here *h, struct rd *r, const struct bus_ops *ops, void *arg)
{
	struct list *chain, *l, *n;
	struct rdv_address a, ours;
	uint64_t stamp;

	rd_bytes(r, a.id, PEERID);
	rd_bytes(r, a.instance, RDV_INSTANCE);
	stamp = rd_le64(r);
	if (r->bad)
		return;
	chain = chain_of(h, &a);
	LIST_EACH_SAFE (chain, l, n) {
		const struct sub *s = CONTAINER_OF(l, struct sub, chain);

		if (!is_older(s, &a, stamp))
			continue;
		ours = s->who;
		ops->replaced(arg, &ours);
	}
}

void
bus_here_again(struct bus_here *h)
{
	struct list *l;

	log_info("rendezvous nats connected");
	for (unsigned i = 0; i < CHAINS; i++)
		LIST_EACH (&h->chain[i], l) {
			const struct sub *s = CONTAINER_OF(l, struct sub, chain);

			if (s->host)
				tell_came(h, s);
		}
}
