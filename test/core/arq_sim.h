/* SPDX-License-Identifier: ISC */
/*
 * Two links over a made-up network with a virtual clock, everything from one
 * seed. Each end has a session double: one stream of bytes that are known from
 * their offset, sent, lost, sent again and counted at the other side.
 */
#ifndef TEST_CORE_ARQ_SIM_H
#define TEST_CORE_ARQ_SIM_H

#include "core/arq.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/ranges.h"
#include "test/test.h"

#define SIM_NEVER UINT64_MAX

struct sim_net {
	uint64_t delay_us; /* one way */
	uint32_t loss;     /* of 10000 */
	uint32_t reorder;  /* of 10000 are late by up to late_us */
	uint64_t late_us;
	uint32_t dup;   /* of 10000 */
	uint64_t rate;  /* bytes per second; 0: no limit */
	uint64_t queue; /* bytes before the bottleneck; more are dropped */
	bool cut;       /* nothing gets through */
	size_t mtu;     /* longer packets vanish; 0: none do */
};

struct sim_packet {
	uint64_t at, order;
	size_t n;
	uint8_t b[ARQ_PACKET_MAX];
};

struct sim_end {
	struct sim *sim;
	struct sim_end *peer;
	struct arq *a;
	struct pool pool;
	unsigned pool_fail; /* every so-manieth get fails; 0: none */
	unsigned pool_gets;
	int err;
	/* sending */
	uint64_t total, next, acked_bytes;
	struct ranges lost, acked;
	/* receiving */
	uint64_t got;
	struct ranges early;
	unsigned full; /* so many frames are refused first */
	unsigned turns, frames;
	bool wrong; /* bytes that nobody sent */
	/* what was seen on the wire */
	uint64_t numbers, out_bytes, now_bytes, most_at_once;
	uint64_t out_at; /* of the last packet */
	unsigned drop;   /* lose so many of the next packets */
	size_t mtu;
};

struct sim {
	uint64_t now, order, free_at[2];
	uint32_t seed;
	struct sim_net net;
	struct sim_end end[2];
	struct sim_packet **heap;
	size_t flying, room;
};

static inline uint32_t
sim_rnd(struct sim *s, uint32_t below)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 17;
	s->seed ^= s->seed << 5;
	return s->seed % below;
}

/* --- the session double --- */

static inline size_t
sim_chunk(struct sim_end *e, uint64_t *off, size_t max)
{
	const struct range *r = ranges_first(&e->lost);
	uint64_t n;

	if (r != NULL) {
		*off = r->from;
		n = r->to - r->from < max ? r->to - r->from : max;
		CHECK_EQ(ranges_remove(&e->lost, r->from, r->from + n), ERR_OK);
		return (size_t)n;
	}
	*off = e->next;
	n = e->total - e->next < max ? e->total - e->next : max;
	e->next += n;
	return (size_t)n;
}

static inline bool
sim_pending(const void *arg)
{
	const struct sim_end *e = arg;

	return e->lost.n > 0 || e->next < e->total;
}

static inline size_t
sim_fill(void *arg, uint8_t *buf, size_t cap, struct arq_ref *ref, size_t *refs)
{
	struct sim_end *e = arg;
	size_t used = 0, i;

	for (i = 0; i < *refs && cap - used > FRAME_STREAM_HEAD && sim_pending(e); i++) {
		struct wr w;
		uint64_t off;
		size_t n = sim_chunk(e, &off, cap - used - FRAME_STREAM_HEAD);

		wr_init(&w, buf + used, FRAME_STREAM_HEAD);
		wr_u8(&w, FRAME_STREAM);
		wr_le32(&w, 7);
		wr_le64(&w, off);
		wr_le16(&w, (uint16_t)n);
		used += FRAME_STREAM_HEAD;
		for (size_t k = 0; k < n; k++)
			buf[used + k] = (uint8_t)((off + k) * 31 >> 3);
		used += n;
		ref[i] = (struct arq_ref){7, off, (uint16_t)n, FRAME_STREAM};
	}
	*refs = i;
	return used;
}

static inline void
sim_acked(void *arg, const struct arq_ref *r)
{
	struct sim_end *e = arg;

	CHECK(r->sid == 7 && r->kind == FRAME_STREAM && r->off + r->len <= e->next);
	/* a full set is not what is tested here: then it goes out once more */
	if (ranges_add(&e->acked, r->off, r->off + r->len) != ERR_OK)
		CHECK_EQ(ranges_add(&e->lost, r->off, r->off + r->len), ERR_OK);
	else
		(void)!ranges_remove(&e->lost, r->off, r->off + r->len);
}

static inline void
sim_lost(void *arg, const struct arq_ref *r)
{
	struct sim_end *e = arg;

	CHECK(r->sid == 7 && r->off + r->len <= e->next);
	if (!ranges_covers(&e->acked, r->off, r->off + r->len))
		CHECK_EQ(ranges_add(&e->lost, r->off, r->off + r->len), ERR_OK);
}

static inline int
sim_frame(void *arg, const uint8_t *p, size_t n, size_t *used)
{
	struct sim_end *e = arg;
	uint64_t off;
	uint16_t len;
	const uint8_t *b;
	struct rd r;

	rd_init(&r, p, n);
	if (rd_u8(&r) != FRAME_STREAM)
		return ERR_PROTO;
	(void)rd_le32(&r);
	off = rd_le64(&r);
	len = rd_le16(&r);
	b = rd_lend(&r, len);
	if (r.bad || off > UINT64_MAX - len)
		return ERR_PROTO;
	if (e->full > 0) {
		e->full--;
		return ERR_FULL;
	}
	for (uint16_t k = 0; k < len; k++)
		e->wrong |= b[k] != (uint8_t)((off + k) * 31 >> 3);
	if (ranges_add(&e->early, off, off + len) != ERR_OK)
		return ERR_FULL;
	*used = n - rd_left(&r);
	e->frames++;
	if (ranges_first(&e->early) != NULL && ranges_first(&e->early)->from == 0)
		e->got = ranges_first(&e->early)->to;
	return ERR_OK;
}

static inline int
sim_turn(void *arg)
{
	((struct sim_end *)arg)->turns++;
	return ERR_OK;
}

static const struct arq_ops sim_ops = {sim_fill,  sim_pending, sim_acked, sim_lost,
				       sim_frame, sim_turn,    NULL,      NULL};

/* --- the network: a heap by time of arrival --- */

static inline bool
sim_before(const struct sim_packet *a, const struct sim_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void
sim_push(struct sim *s, struct sim_packet *p)
{
	size_t i = s->flying++;

	if (s->flying > s->room) {
		s->room = s->room * 2 + 64;
		s->heap = realloc(s->heap, s->room * sizeof(*s->heap));
	}
	for (; i > 0 && sim_before(p, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = p;
}

static inline struct sim_packet *
sim_pop(struct sim *s)
{
	struct sim_packet *top = s->heap[0], *last = s->heap[--s->flying];
	size_t i = 0, c;

	while ((c = 2 * i + 1) < s->flying) {
		if (c + 1 < s->flying && sim_before(s->heap[c + 1], s->heap[c]))
			c++;
		if (!sim_before(s->heap[c], last))
			break;
		s->heap[i] = s->heap[c];
		i = c;
	}
	s->heap[i] = last;
	return top;
}

/* When a packet put in now comes out at the other side; SIM_NEVER: dropped. */
static inline uint64_t
sim_arrival(struct sim *s, int from, size_t n)
{
	const struct sim_net *net = &s->net;
	uint64_t at = s->now;

	if (net->cut || (net->mtu > 0 && n > net->mtu) || sim_rnd(s, 10000) < net->loss)
		return SIM_NEVER;
	if (net->rate > 0) {
		uint64_t start =
		    s->free_at[from] > at * 1000 ? s->free_at[from] : at * 1000;

		if ((start - at * 1000) * net->rate / 1000000000 > net->queue)
			return SIM_NEVER;
		s->free_at[from] = start + n * 1000000000ull / net->rate;
		at = s->free_at[from] / 1000;
	}
	if (net->late_us > 0 && sim_rnd(s, 10000) < net->reorder)
		at += sim_rnd(s, (uint32_t)net->late_us);
	return at + net->delay_us;
}

static inline void
sim_carry(struct sim *s, int from, const uint8_t *b, size_t n)
{
	unsigned copies = sim_rnd(s, 10000) < s->net.dup ? 2 : 1;

	while (copies-- > 0) {
		uint64_t at = sim_arrival(s, from, n);
		struct sim_packet *p;

		if (at == SIM_NEVER)
			continue;
		p = malloc(sizeof(*p));
		p->at = at;
		p->order = s->order++ << 1 | (unsigned)from;
		p->n = n;
		memcpy(p->b, b, n);
		sim_push(s, p);
	}
}

/* --- running --- */

static inline void *
sim_get(void *arg, size_t n)
{
	struct sim_end *e = arg;

	e->pool_gets++;
	if (e->pool_fail > 0 && e->pool_gets % e->pool_fail == 0)
		return NULL;
	return malloc(n);
}

static inline void
sim_init(struct sim *s, const struct sim_net *net, const struct arq_conf *conf,
	 uint32_t seed)
{
	memset(s, 0, sizeof(*s));
	s->net = *net;
	s->seed = seed * 2654435761u | 1;
	s->now = 1000000;
	for (int i = 0; i < 2; i++) {
		struct sim_end *e = &s->end[i];

		e->sim = s;
		e->peer = &s->end[1 - i];
		e->mtu = conf->mtu_max > 0 ? conf->mtu_max : conf->mtu;
		e->pool = (struct pool){sim_get, test_heap_put, e, SIZE_MAX, 0};
		e->a = arq_new(&e->pool, conf, &sim_ops, e, s->now);
		CHECK(e->a != NULL);
	}
}

static inline void
sim_fini(struct sim *s)
{
	for (int i = 0; i < 2; i++) {
		arq_free(s->end[i].a);
		CHECK_EQ(s->end[i].pool.used, 0);
		CHECK(!s->end[i].wrong);
	}
	while (s->flying > 0)
		free(sim_pop(s));
	free(s->heap);
}

static inline void
sim_saw(struct sim *s, struct sim_end *e, const uint8_t *b, size_t n)
{
	struct rd r;

	rd_init(&r, b, n);
	CHECK_EQ(rd_le32(&r), (uint32_t)e->numbers); /* each number once, none left out */
	CHECK(n <= e->mtu);
	e->numbers++;
	e->out_bytes += n;
	e->now_bytes = s->now == e->out_at ? e->now_bytes + n : n;
	e->out_at = s->now;
	if (e->now_bytes > e->most_at_once)
		e->most_at_once = e->now_bytes;
}

static inline void
sim_flush(struct sim *s, int i)
{
	struct sim_end *e = &s->end[i];
	uint8_t b[ARQ_PACKET_MAX];
	size_t n;

	for (unsigned k = 0; k < ARQ_BURST; k++) {
		if ((n = arq_output(e->a, b, sizeof(b), s->now)) == 0)
			return;
		sim_saw(s, e, b, n);
		if (e->drop > 0)
			e->drop--;
		else
			sim_carry(s, i, b, n);
	}
}

static inline void
sim_deliver(struct sim *s)
{
	while (s->flying > 0 && s->heap[0]->at <= s->now) {
		struct sim_packet *p = sim_pop(s);
		struct sim_end *e = &s->end[1 - (p->order & 1)];
		uint8_t *copy = malloc(p->n); /* exactly, so that ASan sees the end */
		int r;

		memcpy(copy, p->b, p->n);
		r = arq_input(e->a, copy, p->n, s->now);
		if (e->err == ERR_OK)
			e->err = r;
		free(copy);
		free(p);
	}
}

/* One turn of both loops; false: nothing will ever happen, or not before end. */
static inline bool
sim_step(struct sim *s, uint64_t end)
{
	uint64_t t = s->flying > 0 ? s->heap[0]->at : SIM_NEVER;

	for (int i = 0; i < 2; i++)
		if (arq_deadline(s->end[i].a) < t)
			t = arq_deadline(s->end[i].a);
	if (t == SIM_NEVER || t > end) {
		s->now = t == SIM_NEVER ? s->now : end;
		return false;
	}
	if (t > s->now)
		s->now = t;
	sim_deliver(s);
	for (int i = 0; i < 2; i++) {
		struct sim_end *e = &s->end[i];

		if (arq_deadline(e->a) <= s->now) {
			int r = arq_tick(e->a, s->now);

			if (e->err == ERR_OK)
				e->err = r;
		}
		sim_flush(s, i);
	}
	return true;
}

/* Runs for us; CHECKs that no time stands still for long. */
static inline void
sim_run(struct sim *s, uint64_t us)
{
	uint64_t end = s->now + us, last = s->now;
	unsigned same = 0;

	while (sim_step(s, end)) {
		same = s->now == last ? same + 1 : 0;
		last = s->now;
		if (same > 2000) {
			CHECK(!"the clock stands still");
			return;
		}
	}
}

static inline bool
sim_all_acked(const struct sim_end *e)
{
	return e->total == 0 ||
	       (ranges_covers(&e->acked, 0, e->total) && e->peer->got == e->total);
}

#endif
