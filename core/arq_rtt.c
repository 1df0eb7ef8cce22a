/* SPDX-License-Identifier: ISC */
/*
 * Smoothing as in RFC 9002 5.3, in microseconds and integers.
 */
#include "core/arq_rtt.h"

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void
arq_rtt_init(struct arq_rtt *t)
{
	*t = (struct arq_rtt){.late = 1};
}

void
arq_rtt_sample(struct arq_rtt *t, uint64_t rtt, uint64_t delay, uint64_t min_rtt)
{
	uint64_t off;

	t->latest = rtt = larger(rtt, 1);
	if (t->smooth == 0) {
		t->smooth = rtt;
		t->var = rtt / 2;
		return;
	}
	if (rtt >= min_rtt + delay)
		rtt -= delay;
	off = t->smooth > rtt ? t->smooth - rtt : rtt - t->smooth;
	t->var = (3 * t->var + off) / 4;
	t->smooth = larger((7 * t->smooth + rtt) / 8, 1);
}

uint64_t
arq_rtt_pto(const struct arq_rtt *t)
{
	if (t->smooth == 0)
		return ARQ_RTT_FIRST_PTO;
	return t->smooth + larger(4 * t->var, ARQ_RTT_GRAIN) + ARQ_RTT_ACK_DELAY;
}

uint64_t
arq_rtt_backed_off(const struct arq_rtt *t)
{
	uint64_t pto = arq_rtt_pto(t), most = larger(pto, ARQ_RTT_MAX_PTO);
	unsigned n = t->backoff < 16 ? t->backoff : 16;

	return pto << n < most ? pto << n : most;
}

uint64_t
arq_rtt_loss(const struct arq_rtt *t)
{
	if (t->smooth == 0)
		return ARQ_RTT_FIRST_PTO;
	return larger(larger(t->smooth, t->latest) * (8 + t->late) / 8, ARQ_RTT_GRAIN);
}
