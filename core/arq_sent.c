/* SPDX-License-Identifier: ISC */
/*
 * The ring of sent packets. Times grow with numbers, so the oldest packet in
 * flight is always the first to be lost, and looking at it alone is enough.
 */
#include "core/arq_sent.h"
#include "core/arq_rtt.h"
#include "core/cc.h"
#include "core/mem.h"

#define PERSISTENT 3 /* RFC 9002 7.6.1: so many PTOs of nothing but losses */
#define KEEP       2 /* PTOs that a lost packet is remembered */

/* What one ACK did. */
struct tally {
	struct arq_rtt *rtt;
	struct cc_ack *c;
	uint64_t delivered_at, first_at; /* of the newest packet */
};

static struct arq_packet *
at(const struct arq_sent *s, uint64_t number)
{
	return &s->ring[number & (s->size - 1)];
}

bool
arq_sent_init(struct arq_sent *s, struct pool *pool, const struct arq_ops *ops, void *arg)
{
	memset(s, 0, sizeof(*s));
	s->pool = pool;
	s->ops = ops;
	s->arg = arg;
	s->size = ARQ_SENT_FIRST;
	s->threshold = ARQ_THRESHOLD;
	pmtu_init(&s->pmtu, ARQ_PACKET_MAX, ARQ_PACKET_MAX, 0);
	s->ring = pool_get(pool, s->size * sizeof(*s->ring));
	return s->ring != NULL;
}

void
arq_sent_fini(struct arq_sent *s)
{
	pool_put(s->pool, s->ring, s->size * sizeof(*s->ring));
	s->ring = NULL;
}

static void
set_base(struct arq_sent *s, uint64_t base)
{
	s->base = base;
	ASSERT(ranges_remove(&s->done, 0, base) == ERR_OK); /* cuts at an end only */
}

/*
 * Moves low to the oldest in flight, and base behind what needs no memory. As long as
 * nothing is answered the path may just be slow: then all is kept.
 */
static void
settle(struct arq_sent *s, const struct arq_rtt *t, uint64_t now)
{
	uint64_t base = s->base, keep_us = KEEP * arq_rtt_pto(t);
	bool keep = t->backoff > 0;

	while (s->low < s->next && at(s, s->low)->state != ARQ_FLYING)
		s->low++;
	while (base < s->low && (at(s, base)->state == ARQ_FREE ||
				 (!keep && now - at(s, base)->at >= keep_us)))
		base++;
	if (base != s->base)
		set_base(s, base);
}

static bool
grow(struct arq_sent *s)
{
	uint32_t size = s->size * 2;
	struct arq_packet *ring;

	if (s->size >= ARQ_SENT_MAX)
		return false;
	if ((ring = pool_get(s->pool, size * sizeof(*ring))) == NULL)
		return false;
	for (uint64_t n = s->base; n < s->next; n++)
		ring[n & (size - 1)] = *at(s, n);
	pool_put(s->pool, s->ring, s->size * sizeof(*ring));
	s->ring = ring;
	s->size = size;
	return true;
}

bool
arq_sent_room(struct arq_sent *s, const struct arq_rtt *t, bool asks, uint64_t now)
{
	uint64_t used = s->next - s->base, spare = asks ? s->size / 4 : 0;

	if (used + spare < s->size)
		return true;
	settle(s, t, now);
	if (s->next - s->base + spare < s->size || grow(s))
		return true;
	if (s->low != s->base) /* better not to notice a late one */
		set_base(s, s->low);
	return s->next - s->base + spare < s->size;
}

struct arq_packet *
arq_sent_slot(struct arq_sent *s)
{
	return at(s, s->next);
}

void
arq_sent_push(struct arq_sent *s, bool asks, uint16_t bytes, bool limited, uint64_t now)
{
	struct arq_packet *p = at(s, s->next);

	ASSERT(s->next - s->base < s->size);
	s->next++;
	p->state = asks ? ARQ_FLYING : ARQ_FREE;
	p->at = now;
	if (!asks)
		return;
	if (s->flying == 0)
		s->delivered_at = s->first_at = now;
	p->bytes = bytes;
	p->delivered = s->delivered;
	p->delivered_at = s->delivered_at;
	p->first_at = s->first_at;
	p->limited = limited || s->limited_until != 0;
	s->inflight += bytes;
	s->flying++;
}

void
arq_sent_limited(struct arq_sent *s)
{
	uint64_t until = s->delivered + s->inflight;

	s->limited_until = until > 0 ? until : 1;
}

static void
land(struct arq_sent *s, struct arq_packet *p, enum arq_state state)
{
	ASSERT(p->state == ARQ_FLYING);
	p->state = (uint8_t)state;
	s->inflight -= p->bytes;
	s->flying--;
}

/* A packet given up that arrives after all: be more patient with the next. */
static void
learn(struct arq_sent *s, enum arq_state was, uint64_t number, struct arq_rtt *t)
{
	uint64_t behind = s->newest - number;

	if (number < s->path)
		return;
	if (was == ARQ_LOST && behind > s->threshold)
		s->threshold =
		    behind < ARQ_THRESHOLD_MAX ? (uint32_t)behind : ARQ_THRESHOLD_MAX;
	if (was == ARQ_LATE && t->late < ARQ_RTT_LATE_MAX)
		t->late++;
}

static void
ack_one(struct arq_sent *s, uint64_t number, struct tally *y)
{
	struct arq_packet *p = at(s, number);
	enum arq_state was = p->state;

	if (was == ARQ_FREE)
		return;
	if (was == ARQ_FLYING)
		land(s, p, ARQ_FREE);
	p->state = ARQ_FREE;
	learn(s, was, number, y->rtt);
	pmtu_acked(&s->pmtu, number, p->bytes);
	s->delivered += p->bytes;
	y->c->bytes += p->bytes;
	y->c->sent_at = p->at; /* numbers come in order: the newest is the last */
	y->c->was_delivered = p->delivered;
	y->c->limited = p->limited;
	y->delivered_at = p->delivered_at;
	y->first_at = p->first_at;
	for (unsigned i = 0; i < p->nrefs; i++)
		s->ops->acked(s->arg, &p->refs[i]);
}

/* Each number of the range that was not acknowledged before. */
static void
ack_range(struct arq_sent *s, uint64_t from, uint64_t to, struct tally *y)
{
	while (from < to) {
		const struct range *r = ranges_after(&s->done, from);
		bool meets = r != NULL && r->from < to;
		uint64_t end = meets ? r->from : to;

		for (; from < end; from++)
			ack_one(s, from, y);
		from = meets ? r->to : to;
	}
}

/* draft-cheng-iccrg-delivery-rate-estimation 3.3, by the newest packet. */
static void
measure(struct arq_sent *s, const struct tally *y)
{
	struct cc_ack *c = y->c;
	uint64_t sending = c->sent_at - y->first_at, acking = c->now - y->delivered_at;

	c->rate =
	    cc_rate(s->delivered - c->was_delivered, sending > acking ? sending : acking);
	s->delivered_at = c->now;
	if (c->sent_at > s->first_at)
		s->first_at = c->sent_at;
	if (s->delivered > s->limited_until)
		s->limited_until = 0;
}

void
arq_sent_acked(struct arq_sent *s, const struct arq_ack *a, struct arq_rtt *t,
	       struct cc_ack *c, uint64_t now)
{
	struct tally y = {.rtt = t, .c = c};
	uint64_t top = a->r[0].to;

	*c = (struct cc_ack){.now = now};
	for (unsigned i = a->n; i-- > 0;) {
		uint64_t from = a->r[i].from > s->base ? a->r[i].from : s->base;

		if (from >= a->r[i].to)
			continue;
		ack_range(s, from, a->r[i].to, &y);
		if (ranges_add(&s->done, from, a->r[i].to) != ERR_OK)
			continue; /* those will be looked at again */
	}
	if (c->bytes > 0)
		measure(s, &y);
	if (c->bytes > 0 && top > s->newest && top > s->base)
		c->rtt_us = now > at(s, top - 1)->at ? now - at(s, top - 1)->at : 1;
	if (top > s->newest)
		s->newest = top;
	c->inflight = s->inflight;
	c->delivered = s->delivered;
}

static void
give_up(struct arq_sent *s, enum arq_state why)
{
	struct arq_packet *p = at(s, s->low);

	land(s, p, why);
	pmtu_lost(&s->pmtu, s->low, p->bytes);
	for (unsigned i = 0; i < p->nrefs; i++)
		s->ops->lost(s->arg, &p->refs[i]);
}

static void
detect(struct arq_sent *s, const struct arq_rtt *t, struct cc_loss *l)
{
	uint64_t late = arq_rtt_loss(t), since = 0, after = UINT64_MAX, now = l->now;

	for (settle(s, t, now); s->low < s->newest; settle(s, t, now)) {
		const struct arq_packet *p = at(s, s->low);
		bool old = s->low < s->path;
		bool passed = !old && s->newest - s->low > s->threshold;

		if (!passed && now - p->at < (old ? s->path_late : late))
			return;
		if (s->low != after || s->low == s->path) /* something between arrived */
			since = p->at;
		after = s->low + 1;
		if (!old && p->bytes <= s->pmtu.size) {
			l->bytes += p->bytes;
			l->sent_at = p->at;
			l->persistent |= p->at - since > PERSISTENT * arq_rtt_pto(t);
		}
		s->lost++;
		give_up(s, passed ? ARQ_LOST : ARQ_LATE);
	}
}

void
arq_sent_detect(struct arq_sent *s, const struct arq_rtt *t, struct cc_loss *l,
		uint64_t now)
{
	*l = (struct cc_loss){.now = now};
	detect(s, t, l);
	if (s->newest > 0 && pmtu_hole(&s->pmtu, s->newest - 1, s->next, now))
		l->bytes = 0;
}

void
arq_sent_retry(struct arq_sent *s, const struct arq_rtt *t, uint64_t now)
{
	settle(s, t, now);
	if (s->low < s->next)
		give_up(s, ARQ_TRIED);
}

void
arq_sent_moved(struct arq_sent *s, uint64_t late, uint64_t now)
{
	for (uint64_t n = s->base; n < s->next; n++)
		at(s, n)->bytes = 0;
	s->inflight = 0;
	s->path = s->next;
	s->path_late = late;
	s->threshold = ARQ_THRESHOLD;
	s->delivered_at = s->first_at = now;
	s->limited_until = 0;
	pmtu_reset(&s->pmtu, s->next, now);
}

uint64_t
arq_sent_deadline(const struct arq_sent *s, const struct arq_rtt *t)
{
	if (s->low >= s->newest)
		return UINT64_MAX;
	return at(s, s->low)->at + (s->low < s->path ? s->path_late : arq_rtt_loss(t));
}
