/* SPDX-License-Identifier: ISC */
/*
 * What comes in at a rendezvous, and where it goes.
 */
#include "core/rdv_impl.h"

static void
broken(struct rdv_peer *p)
{
	p->of->stats.broken++;
	rdv_end(p, RDV_END_BROKEN);
}

static void
on_join(struct rdv_peer *p, struct rd *body)
{
	struct rdv *r = p->of;
	struct rdv_joined reply = {RDV_MAJOR, RDV_MINOR, (uint16_t)r->conf->idle_s};
	struct rdv_address a = {{0}, {0}};
	struct rdv_join j;
	uint8_t b[8];
	struct wr w;

	if (rdv_get_join(body, &j) != ERR_OK || p->state != RDV_IS_NEW) {
		broken(p);
		return;
	}
	if (j.major != RDV_MAJOR) {
		rdv_end(p, RDV_END_VERSION);
		return;
	}
	memcpy(a.id, p->account[RDV_ID]->key, sizeof(a.id));
	if (j.role == RDV_GUEST)
		memcpy(a.instance, j.instance, sizeof(a.instance));
	rdv_replace(rdv_find(r, j.role == RDV_HOST, &a));
	memcpy(p->instance, j.instance, sizeof(p->instance));
	p->role = j.role;
	p->state = RDV_IS_JOINED;
	r->stats.joins++;
	r->stats.hosts += j.role == RDV_HOST;
	a = rdv_address_of(p);
	wr_init(&w, b, sizeof(b));
	rdv_put_joined(&w, &reply);
	if (r->ops->came != NULL)
		r->ops->came(r->arg, &a, p->role == RDV_HOST);
	rdv_send(p, RDV_JOINED, b, &w);
}

static void
tell_absent(struct rdv_peer *p, const struct rdv_address *a)
{
	uint8_t b[PEERID + RDV_INSTANCE];
	struct wr w;

	p->of->stats.absent++;
	wr_init(&w, b, sizeof(b));
	rdv_put_address(&w, a);
	rdv_send(p, RDV_ABSENT, b, &w);
}

static void
deliver(struct rdv_peer *to, const struct rdv_address *from, uint8_t flags,
	const struct rdv_parcel *q)
{
	struct rdv_parcel d = *q;
	uint8_t b[RDV_BODY];
	struct wr w;

	d.with = *from;
	d.flags = flags;
	wr_init(&w, b, sizeof(b));
	rdv_put_parcel(&w, &d);
	rdv_send(to, RDV_DELIVER, b, &w);
}

/* Hosts speak to guests, and guests to hosts. */
static void
on_send(struct rdv_peer *p, struct rd *body)
{
	struct rdv *r = p->of;
	bool to_host = p->role == RDV_GUEST;
	struct rdv_address from = rdv_address_of(p);
	struct rdv_parcel q;
	struct rdv_peer *to;

	if (rdv_get_parcel(body, &q) != ERR_OK || (q.flags & ~RDV_LAST) != 0) {
		broken(p);
		return;
	}
	r->stats.parcels++;
	r->stats.bytes += q.n;
	if ((to = rdv_find(r, to_host, &q.with)) != NULL)
		deliver(to, &from, q.flags | (p->near ? RDV_NEAR : 0), &q);
	else if (r->ops->elsewhere == NULL ||
		 !r->ops->elsewhere(r->arg, &from, p->role == RDV_HOST, &q))
		tell_absent(p, &q.with);
}

static void
on_ping(struct rdv_peer *p, struct rd *body)
{
	struct wr w;
	uint8_t b[1];

	(void)body;
	wr_init(&w, b, sizeof(b));
	rdv_send(p, RDV_PONG, b, &w);
}

static void
on_turn(struct rdv_peer *p, struct rd *body)
{
	struct rdv_relays t;
	uint8_t b[RDV_BODY];
	struct wr w;

	(void)body;
	memset(&t, 0, sizeof(t));
	if (!p->of->ops->relays(p->of->arg, p->account[RDV_ID]->key, &t))
		memset(&t, 0, sizeof(t));
	wr_init(&w, b, sizeof(b));
	rdv_put_relays(&w, &t);
	rdv_send(p, RDV_RELAYS, b, &w);
}

static bool
take(struct rdv_peer *p, enum rdv_what what, uint32_t n, uint64_t now)
{
	for (unsigned k = 0; k < RDV_KINDS; k++)
		if (!rdv_account_take(p->account[k], what, n, now))
			return false;
	return true;
}

/* A guest's first parcel to a host begins a conversation. */
static bool
opens(const struct rdv_peer *p, uint8_t type, const uint8_t *body)
{
	static const uint8_t first[4];

	return type == RDV_SEND && p->role == RDV_GUEST &&
	       memcmp(body + PEERID + RDV_INSTANCE, first, sizeof(first)) == 0;
}

static bool
affords(struct rdv_peer *p, uint8_t type, const uint8_t *body, size_t n, uint64_t now)
{
	return take(p, RDV_MESSAGES, 1, now) && take(p, RDV_BYTES, (uint32_t)n, now) &&
	       (!opens(p, type, body) || take(p, RDV_OPENS, 1, now));
}

static void
run(struct rdv_peer *p, uint8_t type, const uint8_t *body, size_t n)
{
	static const struct {
		uint8_t type;
		void (*run)(struct rdv_peer *, struct rd *);
	} handlers[] = {
	    {RDV_JOIN, on_join},
	    {RDV_SEND, on_send},
	    {RDV_PING, on_ping},
	    {RDV_TURN, on_turn},
	};
	struct rd r;

	rd_init(&r, body, n);
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == type)
			handlers[i].run(p, &r);
}

void
rdv_input(struct rdv_peer *p, uint8_t type, const uint8_t *body, size_t n, uint64_t now)
{
	int err = rdv_wire_check(type, RDV_PEER, n);

	if (p->state == RDV_IS_ENDED)
		return;
	if ((err != ERR_OK && err != ERR_NODEV) ||
	    (p->state == RDV_IS_NEW) != (type == RDV_JOIN)) {
		broken(p);
		return;
	}
	p->of->now_us = p->heard_us = now;
	list_del(&p->heard);
	list_add(&p->of->heard, &p->heard);
	if (!affords(p, type, body, n, now)) {
		p->of->stats.limited++;
		rdv_end(p, RDV_END_LIMIT);
	} else if (err == ERR_OK) {
		run(p, type, body, n);
	}
}

/* --- other nodes --- */

bool
rdv_deliver(struct rdv *r, const struct rdv_address *from, bool host,
	    const struct rdv_parcel *q)
{
	struct rdv_peer *to = rdv_find(r, !host, &q->with);

	if (to == NULL)
		return false;
	deliver(to, from, q->flags, q);
	return true;
}

void
rdv_absent(struct rdv *r, const struct rdv_address *to, bool host,
	   const struct rdv_address *absent)
{
	struct rdv_peer *p = rdv_find(r, host, to);

	if (p != NULL)
		tell_absent(p, absent);
}
