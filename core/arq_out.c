/* SPDX-License-Identifier: ISC */
/*
 * Packets that leave: whether one may, and what is in it.
 */
#include "core/arq_link.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/mem.h"

#define TRY_PTOS   2      /* a packet of a new size is lost after so many, */
#define TRY_MIN_US 200000 /* but not before */

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

uint64_t
arq_output_at(const struct arq *a)
{
	if (a->blocked)
		return UINT64_MAX;
	if (a->recv.ack_pending || a->probes > 0)
		return 0;
	if (window_open(a) && (wants(a) || pmtu_probe(&a->sent.pmtu) > 0))
		return pacer_deadline(&a->pacer, a->cc.rate, a->cc.mtu);
	return UINT64_MAX;
}
