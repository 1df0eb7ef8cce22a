/* SPDX-License-Identifier: ISC */
/*
 * Packets of the peer: its frames one by one. The link's own are handled here,
 * the others go to the session.
 */
#include "core/arq_link.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/mem.h"

/* What one packet of the peer holds. */
struct in {
	enum arq_asks asks;
	bool session; /* had frames of the session */
	bool acked;   /* had its one ACK */
	bool closed;
};

static int
on_ack(struct arq *a, struct rd *r, struct in *in, uint64_t now)
{
	struct arq_ack ack;
	struct cc_ack c;
	int err = arq_recv_ack(r, a->sent.next, &ack);

	if (err != ERR_OK || in->acked) /* one is enough; many would be work */
		return ERR_PROTO;
	in->acked = true;
	arq_sent_acked(&a->sent, &ack, &a->rtt, &c, now);
	for (unsigned i = 0; i < ack.n; i++)
		pmtu_arrived(&a->sent.pmtu, ack.r[i].from, ack.r[i].to, now);
	if (c.rtt_us > 0)
		arq_rtt_sample(&a->rtt, c.rtt_us, ack.delay_us, a->cc.min_rtt_us);
	if (c.bytes > 0)
		a->rtt.backoff = 0;
	arq_detect(a, now);
	c.srtt_us = a->rtt.smooth;
	c.inflight = a->sent.inflight;
	if (c.bytes > 0) {
		cc_acked(&a->cc, &c);
		meter_add(&a->out, c.bytes, now);
	}
	arq_look_limited(a, now); /* before the packet brings a question to answer */
	return ERR_OK;
}

static int
on_session(struct arq *a, struct rd *r, struct in *in)
{
	size_t used = 0;
	int err = a->ops->frame(a->arg, r->p, rd_left(r), &used);

	if (err != ERR_OK)
		return err;
	ASSERT(used > 0 && used <= rd_left(r));
	r->p += used;
	in->session = true;
	if (in->asks == ARQ_ASKS_NOT)
		in->asks = ARQ_ASKS_SOON;
	return ERR_OK;
}

static int
on_close(struct arq *a, struct rd *r, struct in *in)
{
	uint8_t reason = rd_u8(r);

	if (r->bad || reason > ARQ_CLOSE_LOST)
		return ERR_PROTO;
	a->theirs = reason;
	in->closed = true;
	r->p = r->end;
	return ERR_OK;
}

static int
on_frame(struct arq *a, struct rd *r, struct in *in, uint64_t now)
{
	if (*r->p >= FRAME_SESSION)
		return on_session(a, r, in);
	switch (rd_u8(r)) {
	case FRAME_PAD:
		r->p = r->end;
		return ERR_OK;
	case FRAME_PING:
		in->asks = ARQ_ASKS_NOW;
		return ERR_OK;
	case FRAME_ACK:
		return on_ack(a, r, in, now);
	case FRAME_CLOSE:
		return on_close(a, r, in);
	default:
		return ERR_PROTO;
	}
}

static int
on_packet(struct arq *a, struct rd *r, uint64_t number, uint64_t now)
{
	size_t n = rd_left(r);
	struct in in = {0};
	int err = ERR_OK;

	while (err == ERR_OK && rd_left(r) > 0)
		err = on_frame(a, r, &in, now);
	if (err == ERR_FULL) { /* its number stays unknown: it comes again */
		a->heard = now;
		return ERR_OK;
	}
	if (err != ERR_OK)
		return arq_fail(a, err);
	arq_recv_add(&a->recv, number, in.asks, now);
	a->turn |= in.asks != ARQ_ASKS_NOT;
	a->heard = now;
	a->stats.received++;
	if (in.session)
		meter_add(&a->in, n, now);
	if (in.closed)
		a->err = ERR_CLOSED;
	if (in.session && (err = a->ops->turn(a->arg)) != ERR_OK)
		return arq_fail(a, err);
	return a->err;
}

int
arq_input(struct arq *a, const uint8_t *p, size_t n, uint64_t now)
{
	uint64_t number;
	struct rd r;

	if (a->err != ERR_OK || a->closing != ARQ_OPEN)
		return a->err;
	a->blocked = false;
	arq_clock(a, now);
	rd_init(&r, p, n);
	number = arq_recv_number(a->recv.next, rd_le32(&r));
	if (r.bad || rd_left(&r) == 0 || n > ARQ_PACKET_MAX)
		return arq_fail(a, ERR_PROTO);
	a->stats.bytes_in += n;
	if (arq_recv_seen(&a->recv, number)) {
		a->stats.duplicates++;
		return ERR_OK;
	}
	return on_packet(a, &r, number, now);
}
