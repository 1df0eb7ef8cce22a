/* SPDX-License-Identifier: ISC */
/*
 * The rate-based controller, after draft-cardwell-iccrg-bbr-congestion-control
 * with the constants that were measured (TRANSPORT.md 1.3): what the path can
 * carry is the best delivery rate of ten rounds times the smallest round trip
 * of ten seconds. It starts by doubling, drains the queue that made, then
 * cycles: a bit faster, a bit slower, six rounds at the estimate.
 */
#include "core/cc.h"
#include "core/mem.h"

enum { STARTUP, DRAIN, CYCLE, PROBE_RTT };

#define GREW         1150  /* a probe has found so much more: at once again */
#define FULL_GAIN    1250  /* the start goes on while a round brings so much more */
#define FULL_ROUNDS  3     /* rounds without it: the pipe is full */
#define PROBE_US     20000 /* how long the queue is kept empty, or two round trips */
#define NEAR_PACKETS 160   /* more than the path holds, for what the loops hold */
#define PATH_PACKETS 8
#define HEAVY_LOSS   3 /* losing more than one byte in so many: forget old rates */
#define START_LOSS   8 /* the same in a round that did not grow: the pipe is full */

/*
 * The queue is at most cwnd_gain less one round trip. The start doubles each round: its
 * window needs no more than 2, which leaves a router with a queue of one round trip
 * nothing to drop. What 1.35 leaves beside a CUBIC flow is half a line; 1.5 left a third.
 */
static const uint16_t pace_gain[] = {2885, 350, 0, 1000}; /* by state; 0: by phase */
static const uint16_t cwnd_gain[] = {2000, 2000, 1350, 0};
static const uint16_t phase_gain[] = {1250, 750, 1000, 1000, 1000, 1000, 1000, 1000};

static uint64_t
bandwidth(const struct cc *cc)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < CC_BW_ROUNDS; i++)
		if (cc->u.bbr.bw[i] > max)
			max = cc->u.bbr.bw[i];
	return max;
}

static uint64_t
bdp(const struct cc *cc)
{
	return cc_bytes(bandwidth(cc), cc->min_rtt_us);
}

static void
enter(struct cc *cc, uint8_t state, uint64_t now)
{
	struct cc_bbr_state *b = &cc->u.bbr;

	b->state = state;
	b->phase = 2;
	b->phase_at = now;
	b->probe_until = 0;
	b->probe_min = b->cycle_min = UINT64_MAX;
	b->probed_bw = UINT64_MAX / GREW; /* there was none */
	cc->held = state == PROBE_RTT;
}

/* The round that ends lost more than one byte of so many. */
static bool
lost_one_in(const struct cc_bbr_state *b, const struct cc_ack *a, uint64_t many)
{
	return b->round_lost > (a->delivered - b->round_start + b->round_lost) / many;
}

/* The start is over when three rounds in a row brought nothing, or one losses. */
static void
check_full(struct cc *cc, const struct cc_ack *a)
{
	struct cc_bbr_state *b = &cc->u.bbr;
	uint64_t bw = bandwidth(cc);

	if (bw >= cc_gain(b->full_bw, FULL_GAIN)) {
		b->full_bw = bw;
		b->full_rounds = 0;
	} else if (++b->full_rounds >= FULL_ROUNDS || lost_one_in(b, a, START_LOSS)) {
		b->full = true;
		enter(cc, DRAIN, a->now);
	}
}

/*
 * Heavy loss in a round means that the path became slower: old rates are
 * forgotten at once, not after ten rounds of overrunning it.
 */
static void
age(struct cc_bbr_state *b, const struct cc_ack *a)
{
	uint64_t now = b->bw[b->slot];

	if (b->full && now > 0 && lost_one_in(b, a, HEAVY_LOSS)) {
		memset(b->bw, 0, sizeof(b->bw));
		b->bw[b->slot] = now;
	}
	b->slot = (uint8_t)((b->slot + 1) % CC_BW_ROUNDS);
	b->bw[b->slot] = 0;
}

static void
note_rate(struct cc *cc, const struct cc_ack *a)
{
	struct cc_bbr_state *b = &cc->u.bbr;
	bool round = a->was_delivered >= b->round_end;

	if (round && !a->limited)
		age(b, a);
	if (a->rate > b->bw[b->slot] && (!a->limited || a->rate > bandwidth(cc)))
		b->bw[b->slot] = a->rate;
	if (!round)
		return;
	if (b->state == STARTUP && !a->limited && a->rate > 0)
		check_full(cc, a);
	b->round_end = b->round_start = a->delivered;
	b->round_lost = 0;
}

/* The queue is our own while a round trip is what the window takes to flow. */
static bool
outgrown(const struct cc *cc)
{
	uint64_t bw = bandwidth(cc);

	return !cc_near(cc) && bw > 0 && cc->u.bbr.cycle_min != UINT64_MAX &&
	       cc->u.bbr.cycle_min > cc->cwnd * 1000 / (bw / 1000 + 1);
}

/* The probe found more, and no queue: the line has become faster. */
static bool
grew(const struct cc *cc, const struct cc_ack *a)
{
	return bandwidth(cc) >= cc_gain(cc->u.bbr.probed_bw, GREW) && a->rtt_us > 0 &&
	       a->rtt_us <= cc->min_rtt_us + cc->min_rtt_us / 8;
}

/*
 * A probing phase lasts a round trip, a slower one until the queue is gone.
 * false: in a whole cycle no round trip was as short as it could have been.
 */
static bool
cycle(struct cc *cc, const struct cc_ack *a)
{
	struct cc_bbr_state *b = &cc->u.bbr;
	uint64_t took = a->now - b->phase_at;
	bool good = true;

	if (phase_gain[b->phase] < 900) {
		if (a->inflight > bdp(cc) && took < 4 * cc->min_rtt_us)
			return true;
	} else if (took <= cc->min_rtt_us) {
		return true;
	}
	b->phase_at = a->now;
	b->phase = (uint8_t)((b->phase + 1) % ARRAY_LEN(phase_gain));
	if (b->phase == 3 && grew(cc, a)) /* what it did is known a round later */
		b->phase = 0;
	if (b->phase == 0) {
		good = !outgrown(cc);
		b->cycle_min = UINT64_MAX;
		b->probed_bw = bandwidth(cc);
	}
	return good;
}

static void
set_min_rtt(struct cc *cc, uint64_t rtt, uint64_t now)
{
	cc->min_rtt_us = rtt;
	cc->min_rtt_at = now;
}

/* With four packets in flight our queue is gone: measure. */
static void
probe_rtt(struct cc *cc, const struct cc_ack *a)
{
	struct cc_bbr_state *b = &cc->u.bbr;
	uint64_t rounds = 2 * cc->min_rtt_us;

	if (b->probe_until == 0) {
		if (a->inflight <= cc->cwnd)
			b->probe_until = a->now + (rounds > PROBE_US ? rounds : PROBE_US);
		return;
	}
	if (a->rtt_us > 0 && a->rtt_us < b->probe_min)
		b->probe_min = a->rtt_us;
	if (a->now < b->probe_until || b->probe_min == UINT64_MAX)
		return;
	set_min_rtt(cc, b->probe_min, a->now);
	enter(cc, b->full ? CYCLE : STARTUP, a->now);
}

static void
set_limits(struct cc *cc, const struct cc_ack *a)
{
	const struct cc_bbr_state *b = &cc->u.bbr;
	uint64_t pace = pace_gain[b->state], bw = bandwidth(cc), least = CC_MIN_PACKETS;
	uint64_t more = cc_near(cc) ? NEAR_PACKETS : PATH_PACKETS;

	if (bw == 0)
		return;
	if (pace == 0)
		pace = phase_gain[b->phase];
	if (b->state == STARTUP) { /* short exchanges say nothing about the path */
		uint64_t first = cc_rate(CC_FIRST_PACKETS * cc->mtu, a->srtt_us);

		bw = bw > first ? bw : first;
		least = CC_FIRST_PACKETS;
	}
	cc_set_rate(cc, cc_gain(bw, pace), a->srtt_us);
	cc->cwnd = cc_gain(bdp(cc), cwnd_gain[b->state]);
	if (b->state != PROBE_RTT)
		cc->cwnd += more * cc->mtu;
	if (cc->cwnd < least * cc->mtu)
		cc->cwnd = least * cc->mtu;
}

static void
acked(struct cc *cc, const struct cc_ack *a)
{
	struct cc_bbr_state *b = &cc->u.bbr;
	bool good = cc_min_rtt(cc, a);

	if (a->rtt_us > 0 && a->rtt_us < b->cycle_min)
		b->cycle_min = a->rtt_us;
	note_rate(cc, a);
	if (b->state == DRAIN && a->inflight <= bdp(cc))
		enter(cc, CYCLE, a->now);
	if (b->state == CYCLE)
		good = cycle(cc, a) && good;
	if (b->state == PROBE_RTT)
		probe_rtt(cc, a);
	else if (!good && a->limited && a->rtt_us > 0) /* no queue: as good as a probe */
		set_min_rtt(cc, a->rtt_us, a->now);
	else if (!good && !a->limited)
		enter(cc, PROBE_RTT, a->now);
	set_limits(cc, a);
}

static void
lost(struct cc *cc, const struct cc_loss *l)
{
	cc->u.bbr.round_lost += l->bytes;
}

static void
init(struct cc *cc)
{
	enter(cc, STARTUP, 0);
}

static const char *
state(const struct cc *cc)
{
	static const char *const name[] = {[STARTUP] = "startup",
					   [DRAIN] = "drain",
					   [CYCLE] = "cycle",
					   [PROBE_RTT] = "probe_rtt"};

	return name[cc->u.bbr.state];
}

const struct cc_algo cc_bbr = {"bbr", init, acked, lost, state};
