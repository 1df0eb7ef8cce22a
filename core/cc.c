/* SPDX-License-Identifier: ISC */
/*
 * What both controllers share: sums without floats, the smallest round trip.
 */
#include "core/cc.h"
#include "core/mem.h"

#define SECOND   1000000u
#define RATE_MAX 100000000000u /* bytes/s; times RTT_MAX it fits in 64 bits */
#define RTT_MAX  60000000u     /* us */

static uint64_t
at_most(uint64_t x, uint64_t max)
{
	return x < max ? x : max;
}

uint64_t
cc_gain(uint64_t x, uint64_t gain)
{
	return x * gain / 1000;
}

uint64_t
cc_bytes(uint64_t rate, uint64_t us)
{
	return at_most(rate, RATE_MAX) * at_most(us, RTT_MAX) / SECOND;
}

uint64_t
cc_rate(uint64_t bytes, uint64_t us)
{
	return at_most(at_most(bytes, UINT64_MAX / SECOND) * SECOND / (us > 0 ? us : 1),
		       RATE_MAX);
}

void
cc_set_rate(struct cc *cc, uint64_t rate, uint64_t srtt_us)
{
	uint64_t least = cc_rate(CC_MIN_PACKETS * cc->mtu, srtt_us);

	cc->rate = at_most(rate > least ? rate : least, RATE_MAX);
	if (cc->rate == 0)
		cc->rate = 1;
}

bool
cc_min_rtt(struct cc *cc, const struct cc_ack *a)
{
	if (a->rtt_us == 0)
		return true;
	if (cc->min_rtt_us != 0 && a->rtt_us > cc->min_rtt_us)
		return a->now - cc->min_rtt_at < CC_MIN_RTT_US;
	cc->min_rtt_us = a->rtt_us;
	cc->min_rtt_at = a->now;
	return true;
}

bool
cc_near(const struct cc *cc)
{
	return cc->min_rtt_us < CC_NEAR_US;
}

void
cc_init(struct cc *cc, const struct cc_algo *algo, uint64_t mtu)
{
	memset(cc, 0, sizeof(*cc));
	cc->algo = algo;
	cc->mtu = mtu;
	cc->cwnd = CC_FIRST_PACKETS * mtu;
	cc->rate = cc_rate(cc->cwnd, 1000); /* nothing known: all of it at once */
	algo->init(cc);
}

void
cc_acked(struct cc *cc, const struct cc_ack *a)
{
	cc->algo->acked(cc, a);
}

void
cc_lost(struct cc *cc, const struct cc_loss *l)
{
	cc->algo->lost(cc, l);
}
