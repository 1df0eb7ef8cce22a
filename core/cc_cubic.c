/* SPDX-License-Identifier: ISC */
/*
 * CUBIC (RFC 9438): after a loss the window is cut to 0.7 and grows along a
 * cubic curve of time that is flat where the loss was; never slower than Reno.
 */
#include "core/cc.h"

#define BETA         700 /* RFC 9438 4.6 */
#define CONVERGE     850 /* (1 + BETA) / 2: RFC 9438 4.7 */
#define RENO_ALPHA   529 /* 3 * (1 - BETA) / (1 + BETA): RFC 9438 4.3 */
#define PACE         1250
#define PACE_START   2000
#define MAX_PACKETS  65536
#define CURVE_MAX_MS 100000 /* its cube times 0.4 mtu fits in 64 bits */

static uint64_t
cube_root(uint64_t x)
{
	uint64_t lo = 0, hi = 2642245; /* the root of 2^64 */

	while (lo < hi) {
		uint64_t mid = (lo + hi + 1) / 2;

		if (mid * mid * mid <= x)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

static uint64_t
least(const struct cc *cc)
{
	return CC_MIN_PACKETS * cc->mtu;
}

/* RFC 9438 4.2: K = cbrt((wmax - cwnd) / C), C = 0.4 packets/s^3, here in ms. */
static void
start_epoch(struct cc *cc, uint64_t now)
{
	struct cc_cubic_state *c = &cc->u.cubic;

	c->epoch_at = now;
	c->reno = cc->cwnd;
	c->reno_part = 0;
	if (c->wmax < cc->cwnd)
		c->wmax = cc->cwnd;
	c->k_ms = cube_root((c->wmax - cc->cwnd) * 2500 / cc->mtu * 1000000);
}

/* The curve at now, a round trip ahead; between cwnd and 1.5 cwnd. */
static uint64_t
curve(const struct cc *cc, const struct cc_ack *a)
{
	const struct cc_cubic_state *c = &cc->u.cubic;
	uint64_t t = (a->now - c->epoch_at + a->srtt_us) / 1000, d, w;
	bool behind = t < c->k_ms;

	d = behind ? c->k_ms - t : t - c->k_ms;
	d = d < CURVE_MAX_MS ? d : CURVE_MAX_MS;
	d = d * d * d / 1000 * (cc->mtu * 2 / 5) / 1000000;
	if (behind)
		w = d < c->wmax ? c->wmax - d : 0;
	else
		w = c->wmax + d;
	if (w < cc->cwnd)
		return cc->cwnd;
	return w < cc->cwnd + cc->cwnd / 2 ? w : cc->cwnd + cc->cwnd / 2;
}

static void
avoid(struct cc *cc, const struct cc_ack *a)
{
	struct cc_cubic_state *c = &cc->u.cubic;
	uint64_t grown;

	if (c->epoch_at == 0)
		start_epoch(cc, a->now);
	c->reno_part += RENO_ALPHA * cc->mtu * a->bytes;
	grown = c->reno_part / (1000 * cc->cwnd);
	c->reno_part -= grown * 1000 * cc->cwnd;
	c->reno += grown;
	cc->cwnd += (curve(cc, a) - cc->cwnd) * a->bytes / cc->cwnd;
	if (cc->cwnd < c->reno)
		cc->cwnd = c->reno;
}

static void
grow(struct cc *cc, const struct cc_ack *a)
{
	struct cc_cubic_state *c = &cc->u.cubic;

	if (a->sent_at <= c->cut_at && c->cut_at != 0)
		return; /* left before the cut: says nothing about the new window */
	if (a->limited) {
		if (c->epoch_at != 0) /* RFC 9438 5.8: no time passes while idle */
			c->epoch_at += a->now - c->ack_at;
		return;
	}
	if (cc->cwnd < c->ssthresh)
		cc->cwnd += a->bytes;
	else
		avoid(cc, a);
	if (cc->cwnd > MAX_PACKETS * cc->mtu)
		cc->cwnd = MAX_PACKETS * cc->mtu;
}

static void
acked(struct cc *cc, const struct cc_ack *a)
{
	struct cc_cubic_state *c = &cc->u.cubic;
	bool start;

	if (!cc_min_rtt(cc, a)) {
		cc->min_rtt_us = a->rtt_us;
		cc->min_rtt_at = a->now;
	}
	grow(cc, a);
	c->ack_at = a->now;
	start = cc->cwnd < c->ssthresh;
	if (a->srtt_us > 0)
		cc_set_rate(
		    cc, cc_gain(cc_rate(cc->cwnd, a->srtt_us), start ? PACE_START : PACE),
		    a->srtt_us);
}

static void
lost(struct cc *cc, const struct cc_loss *l)
{
	struct cc_cubic_state *c = &cc->u.cubic;

	if (c->cut_at != 0 && l->sent_at <= c->cut_at && !l->persistent)
		return; /* one cut for one round trip of losses */
	c->wmax = cc->cwnd < c->wmax ? cc_gain(cc->cwnd, CONVERGE) : cc->cwnd;
	cc->cwnd = l->persistent ? least(cc) : cc_gain(cc->cwnd, BETA);
	if (cc->cwnd < least(cc))
		cc->cwnd = least(cc);
	if (!l->persistent)
		c->ssthresh = cc->cwnd;
	c->cut_at = l->now;
	c->epoch_at = 0;
}

static void
init(struct cc *cc)
{
	cc->u.cubic.ssthresh = UINT64_MAX;
}

static const char *
state(const struct cc *cc)
{
	return cc->cwnd < cc->u.cubic.ssthresh ? "slow_start" : "avoidance";
}

const struct cc_algo cc_cubic = {"cubic", init, acked, lost, state};
