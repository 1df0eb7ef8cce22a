/* SPDX-License-Identifier: ISC */
/*
 * The link's packets put together: what to send and when. The parts are in
 * arq_in (what arrives), arq_sent (loss), arq_recv (ACKs), arq_rtt, pmtu (how
 * long), cc (how much) and pacer (how fast).
 */
#include "core/arq_link.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/mem.h"

#define PROBES       2
#define DEAD_PTOS    3       /* no peer is dead before */
#define DEAD_FIRST   5000000 /* us; the same while no round trip is known */
#define NOT_OUR_TURN 6       /* a sixth later */
#define TRY_PTOS     2       /* a packet of a new size is lost after so many, */
#define TRY_MIN_US   200000  /* but not before */

struct arq *
arq_new(struct pool *pool, const struct arq_conf *conf, const struct arq_ops *ops,
	void *arg, uint64_t now)
{
	struct arq *a = pool_zget(pool, sizeof(*a));

	size_t most = conf->mtu_max > conf->mtu ? conf->mtu_max : conf->mtu;

	ASSERT(conf->mtu >= ARQ_PACKET_MIN && most <= ARQ_PACKET_MAX);
	if (a == NULL)
		return NULL;
	if (!arq_sent_init(&a->sent, pool, ops, arg)) {
		pool_put(pool, a, sizeof(*a));
		return NULL;
	}
	a->pool = pool;
	a->ops = ops;
	a->arg = arg;
	a->conf = *conf;
	a->heard = a->asked = now;
	arq_recv_init(&a->recv);
	arq_rtt_init(&a->rtt);
	pmtu_init(&a->sent.pmtu, conf->mtu, most, conf->extra);
	cc_init(&a->cc, conf->cubic ? &cc_cubic : &cc_bbr, conf->mtu);
	return a;
}

void
arq_free(struct arq *a)
{
	if (a == NULL)
		return;
	arq_sent_fini(&a->sent);
	pool_put(a->pool, a, sizeof(*a));
}

int
arq_fail(struct arq *a, int err)
{
	if (a->err == ERR_OK)
		a->err = err;
	return a->err;
}

/* --- the session's time --- */

void
arq_clock(struct arq *a, uint64_t now)
{
	if (a->ops->clock != NULL)
		a->ops->clock(a->arg, now);
}

static uint64_t
session_at(const struct arq *a)
{
	return a->ops->deadline != NULL ? a->ops->deadline(a->arg) : UINT64_MAX;
}

/* --- losses and probes --- */

void
arq_detect(struct arq *a, uint64_t now)
{
	struct cc_loss l;

	arq_sent_detect(&a->sent, &a->rtt, &l, now);
	a->cc.mtu = a->sent.pmtu.size;
	if (l.bytes > 0)
		cc_lost(&a->cc, &l);
	if (a->sent.flying == 0 && a->probes == 0)
		a->asked_at = 0;
}

/* When the peer is asked again because nothing else would tell. */
static uint64_t
probe_at(const struct arq *a)
{
	if (a->sent.flying == 0 || a->probes > 0 || a->sent.low < a->sent.newest)
		return UINT64_MAX;
	return a->asked + arq_rtt_backed_off(&a->rtt);
}

/*
 * The sides ask in turn, because who asks is woken twice, and not both at once: who did
 * not ask last is a bit sooner.
 */
static uint64_t
keepalive_at(const struct arq *a)
{
	uint64_t since = a->heard > a->asked ? a->heard : a->asked;
	uint64_t wait = a->conf.keepalive_us;

	if (wait == 0 || a->ping)
		return UINT64_MAX;
	return since + wait + (a->turn ? 0 : wait / NOT_OUR_TURN);
}

static uint64_t
dead_at(const struct arq *a)
{
	uint64_t wait = a->rtt.smooth > 0 ? DEAD_PTOS * arq_rtt_pto(&a->rtt) : DEAD_FIRST;

	if (a->conf.dead_us == 0 || a->asked_at == 0)
		return UINT64_MAX;
	if (wait < a->conf.dead_us)
		wait = a->conf.dead_us;
	return (a->heard > a->asked_at ? a->heard : a->asked_at) + wait;
}

/*
 * RFC 9002 6.2.4: two packets, so that one more loss does not cost a timeout; also if
 * the second has nothing to carry, for the peer may be taken for dead.
 */
static void
start_probe(struct arq *a, uint64_t now)
{
	a->rtt.backoff++;
	a->stats.probes++;
	for (a->probes = 0; a->probes < PROBES; a->probes++)
		arq_sent_retry(&a->sent, &a->rtt, now);
}

int
arq_tick(struct arq *a, uint64_t now)
{
	int err;

	if (a->err != ERR_OK || a->closing == ARQ_CLOSED)
		return a->err;
	a->blocked = false;
	arq_clock(a, now);
	if (now >= dead_at(a))
		return arq_fail(a, ERR_TIMEOUT);
	arq_detect(a, now);
	if (now >= probe_at(a))
		start_probe(a, now);
	if (now >= keepalive_at(a))
		a->ping = true;
	if (a->rtt.smooth > 0)
		pmtu_tick(&a->sent.pmtu, now);
	if (now >= session_at(a) && (err = a->ops->turn(a->arg)) != ERR_OK)
		return arq_fail(a, err);
	return a->err;
}

/* --- out --- */

static bool
window_open(const struct arq *a)
{
	return a->sent.inflight + a->cc.mtu <= a->cc.cwnd;
}

static bool
wants(const struct arq *a)
{
	return a->ping || a->ops->pending(a->arg);
}

void
arq_look_limited(struct arq *a, uint64_t now)
{
	if (window_open(a) && pacer_ready(&a->pacer, now) && !wants(a))
		arq_sent_limited(&a->sent);
}

/* Keeps the time that congestion control costs. */
static void
look_held(struct arq *a, bool held, uint64_t now)
{
	if (a->held != 0)
		a->stats.held_us += now - a->held;
	a->held = held ? now : 0;
}

static size_t
close_packet(struct arq *a, uint8_t *buf, size_t cap, uint64_t now)
{
	struct wr w;

	wr_init(&w, buf, cap);
	wr_le32(&w, (uint32_t)a->sent.next);
	a->closing = ARQ_CLOSED;
	if (a->recv.ack_pending)
		arq_recv_write(&a->recv, &w, now);
	wr_u8(&w, FRAME_CLOSE);
	wr_u8(&w, (uint8_t)a->mine);
	ASSERT(!w.bad);
	a->stats.sent++;
	a->stats.bytes_out += (uint64_t)(w.p - buf);
	return (size_t)(w.p - buf);
}

/* Frames of the session, or a PING; false: there are none. */
static bool
write_asking(struct arq *a, struct arq_packet *p, struct wr *w)
{
	size_t refs = ARQ_REFS, n = 0;

	if (a->ops->pending(a->arg)) {
		n = a->ops->fill(a->arg, w->p, wr_left(w), p->refs, &refs);
		ASSERT(n <= wr_left(w) && refs <= ARQ_REFS);
		w->p += n;
	}
	p->nrefs = n > 0 ? (uint8_t)refs : 0;
	if (n == 0 && (a->ping || a->probes > 0)) {
		wr_u8(w, FRAME_PING);
		n = 1;
	}
	return n > 0;
}

static void
pace(struct arq *a, size_t n, uint64_t now)
{
	a->pacer.near = cc_near(&a->cc);
	a->pacer.trip_us = a->rtt.smooth;
	pacer_sent(&a->pacer, n, a->cc.rate, a->cc.mtu, now);
}

static void
packet_left(struct arq *a, bool asks, size_t n, uint64_t now)
{
	arq_sent_push(&a->sent, asks, (uint16_t)n, a->cc.held, now);
	a->stats.sent++;
	a->stats.bytes_out += n;
	if (!asks)
		return;
	a->asked = now;
	a->turn = false;
	if (a->asked_at == 0)
		a->asked_at = now > 0 ? now : 1;
	a->ping = false;
	if (a->probes > 0)
		a->probes--;
	pace(a, n, now);
}

/*
 * A packet of a size that is tried. It is not among those in flight: that it is lost
 * says nothing of congestion, and neither is it a sign of life.
 */
static size_t
build_try(struct arq *a, uint8_t *buf, size_t n, uint64_t now)
{
	uint64_t wait = TRY_PTOS * arq_rtt_pto(&a->rtt);
	struct wr w;

	wr_init(&w, buf, n);
	wr_le32(&w, (uint32_t)a->sent.next);
	wr_u8(&w, FRAME_PING);
	memset(w.p, FRAME_PAD, wr_left(&w));
	pmtu_probed(&a->sent.pmtu, a->sent.next,
		    now + (wait > TRY_MIN_US ? wait : TRY_MIN_US));
	arq_sent_push(&a->sent, false, (uint16_t)n, false, now);
	a->stats.sent++;
	a->stats.bytes_out += n;
	pace(a, n, now);
	return n;
}

/* asks: it may hold more than an ACK. */
static size_t
build(struct arq *a, uint8_t *buf, size_t cap, bool asks, uint64_t now)
{
	struct wr w;
	bool ack = a->recv.ack_pending;

	wr_init(&w, buf, cap);
	wr_le32(&w, (uint32_t)a->sent.next);
	if (ack)
		arq_recv_write(&a->recv, &w, now);
	if (asks && !write_asking(a, arq_sent_slot(&a->sent), &w)) {
		a->blocked = true;
		asks = false;
	}
	if (!ack && !asks)
		return 0;
	packet_left(a, asks, (size_t)(w.p - buf), now);
	return (size_t)(w.p - buf);
}

size_t
arq_output(struct arq *a, uint8_t *buf, size_t cap, uint64_t now)
{
	bool open, wanted, asks;
	size_t most = a->probes > 0 ? a->sent.pmtu.base : a->sent.pmtu.size;
	size_t try = pmtu_probe(&a->sent.pmtu);

	ASSERT(cap >= ARQ_PACKET_MIN && cap >= try);
	cap = cap < most ? cap : most;
	if (a->closing == ARQ_CLOSING)
		return close_packet(a, buf, cap, now);
	if (a->closing == ARQ_CLOSED || a->err != ERR_OK)
		return 0;
	arq_clock(a, now);
	open = window_open(a) && pacer_ready(&a->pacer, now);
	wanted = wants(a);
	look_held(a, wanted && !open, now);
	if (!wanted || !window_open(a))
		pacer_rest(&a->pacer, !wanted);
	if (open && a->probes == 0 && try > 0 &&
	    arq_sent_room(&a->sent, &a->rtt, true, now))
		return build_try(a, buf, try, now);
	if (open && !wanted)
		arq_sent_limited(&a->sent);
	asks = a->probes > 0 || (open && wanted);
	if (asks && arq_sent_room(&a->sent, &a->rtt, a->probes == 0, now))
		return build(a, buf, cap, true, now);
	a->blocked |= asks || (open && try > 0);
	if (!a->recv.ack_pending)
		return 0;
	if (arq_sent_room(&a->sent, &a->rtt, false, now))
		return build(a, buf, cap, false, now);
	a->blocked = true;
	return 0;
}

/* --- about it --- */

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When arq_output has something; 0: now. */
static uint64_t
output_at(const struct arq *a)
{
	if (a->blocked)
		return UINT64_MAX;
	if (a->recv.ack_pending || a->probes > 0)
		return 0;
	if (window_open(a) && (wants(a) || pmtu_probe(&a->sent.pmtu) > 0))
		return pacer_deadline(&a->pacer, a->cc.rate, a->cc.mtu);
	return UINT64_MAX;
}

uint64_t
arq_deadline(const struct arq *a)
{
	uint64_t t;

	if (a->closing == ARQ_CLOSING)
		return 0;
	if (a->err != ERR_OK || a->closing == ARQ_CLOSED)
		return UINT64_MAX;
	t = sooner(output_at(a), arq_sent_deadline(&a->sent, &a->rtt));
	t = sooner(t, probe_at(a));
	t = sooner(t, keepalive_at(a));
	if (a->rtt.smooth > 0)
		t = sooner(t, pmtu_deadline(&a->sent.pmtu));
	t = sooner(t, session_at(a));
	return sooner(t, dead_at(a));
}

void
arq_ping(struct arq *a)
{
	a->ping = true;
}

uint64_t
arq_heard(const struct arq *a)
{
	return a->heard;
}

void
arq_close(struct arq *a, enum arq_close why)
{
	if (a->closing != ARQ_OPEN)
		return;
	a->closing = ARQ_CLOSING;
	a->mine = why;
}

enum arq_close
arq_close_reason(const struct arq *a)
{
	return a->theirs;
}

bool
arq_idle(const struct arq *a)
{
	return a->sent.flying == 0 && !a->ops->pending(a->arg);
}

uint64_t
arq_inflight(const struct arq *a)
{
	return a->sent.inflight;
}

void
arq_stats(const struct arq *a, struct arq_stats *s)
{
	*s = a->stats;
	s->lost = a->sent.lost;
	s->srtt_us = a->rtt.smooth;
	s->min_rtt_us = a->cc.min_rtt_us;
	s->cwnd = a->cc.cwnd;
	s->inflight = a->sent.inflight;
	s->mtu = a->sent.pmtu.size + a->conf.extra;
	s->rate = a->cc.rate;
	s->cc = a->cc.algo->name;
	s->cc_state = a->cc.algo->state(&a->cc);
}

void
arq_goodput(const struct arq *a, uint64_t now, uint64_t *out, uint64_t *in)
{
	*out = meter_rate(&a->out, now);
	*in = meter_rate(&a->in, now);
}
