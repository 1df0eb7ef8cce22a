/* SPDX-License-Identifier: ISC */
/*
 * Received numbers are ranges with a floor: when the set is full the oldest
 * range goes below the floor, and what is missing there is never acknowledged
 * (its sender sends the contents again under a new number).
 */
#include "core/arq_recv.h"
#include "core/cur.h"
#include "core/frame.h"
#include "core/mem.h"

#define HALF 0x80000000u

uint64_t
arq_recv_number(uint64_t next, uint32_t low)
{
	uint32_t ahead = low - (uint32_t)next;
	uint64_t behind = (uint32_t)next - low;

	if (ahead < HALF || behind > next)
		return next + ahead;
	return next - behind;
}

void
arq_recv_init(struct arq_recv *v)
{
	memset(v, 0, sizeof(*v));
}

static void
forget_oldest(struct arq_recv *v)
{
	v->floor = v->got.r[0].to;
	ASSERT(ranges_remove(&v->got, 0, v->floor) == ERR_OK);
}

bool
arq_recv_seen(struct arq_recv *v, uint64_t number)
{
	if (v->got.n == RANGES_MAX) /* so that arq_recv_add always has room */
		forget_oldest(v);
	return number < v->floor || ranges_has(&v->got, number);
}

void
arq_recv_add(struct arq_recv *v, uint64_t number, enum arq_asks asks, uint64_t now)
{
	bool alone = asks == ARQ_ASKS_SOON && number == v->next && !v->ack_pending;

	ASSERT(ranges_add(&v->got, number, number + 1) == ERR_OK);
	if (number >= v->next) {
		v->next = number + 1;
		v->newest = now;
	}
	if (asks == ARQ_ASKS_NOT)
		return;
	v->ack_pending = true;
	v->ack_at = alone ? now + ARQ_ACK_WAIT : now;
}

uint64_t
arq_recv_deadline(const struct arq_recv *v)
{
	return v->ack_pending ? v->ack_at : UINT64_MAX;
}

void
arq_recv_write(struct arq_recv *v, struct wr *w, uint64_t now)
{
	uint64_t delay = now - v->newest;
	uint64_t from = v->next > ARQ_ACK_SPAN ? v->next - ARQ_ACK_SPAN : 0;
	uint8_t n = 0;

	while (n < ARQ_ACK_SEND && n < v->got.n && v->got.r[v->got.n - 1 - n].to > from)
		n++;
	wr_u8(w, FRAME_ACK);
	wr_le32(w, delay < UINT32_MAX ? (uint32_t)delay : UINT32_MAX);
	wr_u8(w, n);
	for (uint8_t i = 0; i < n; i++) {
		const struct range *r = &v->got.r[v->got.n - 1 - i];

		wr_le32(w, (uint32_t)(r->to - 1));
		wr_le32(w, (uint32_t)(r->from > from ? r->from : from));
	}
	v->ack_pending = false;
}

int
arq_recv_ack(struct rd *r, uint64_t next, struct arq_ack *a)
{
	uint64_t before = next; /* each range ends below the one before it */

	a->delay_us = rd_le32(r);
	a->n = rd_u8(r);
	if (r->bad)
		return ERR_SHORT;
	if (a->n == 0 || a->n > ARQ_ACK_TAKE)
		return ERR_PROTO;
	for (unsigned i = 0; i < a->n; i++) {
		uint64_t last = arq_recv_number(next, rd_le32(r));
		uint64_t first = arq_recv_number(next, rd_le32(r));

		if (r->bad)
			return ERR_SHORT;
		if (last >= before || first > last)
			return ERR_PROTO;
		a->r[i] = (struct range){first, last + 1};
		before = first;
	}
	return ERR_OK;
}
