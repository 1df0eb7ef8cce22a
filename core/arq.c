/* SPDX-License-Identifier: ISC */
/*
 * The link and its time: when it asks, gives up, or has something to do. The parts are
 * in arq_in (what arrives), arq_out (what leaves), arq_sent (loss), arq_recv (ACKs),
 * arq_rtt, pmtu (how long), cc (how much) and pacer (how fast).
 */
#include "core/arq_link.h"
#include "core/mem.h"

#define PROBES       2
#define DEAD_PTOS    3       /* no peer is dead before */
#define DEAD_FIRST   5000000 /* us; the same while no round trip is known */
#define NOT_OUR_TURN 6       /* a sixth later */

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

/* --- about it --- */

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
arq_deadline(const struct arq *a)
{
	uint64_t t;

	if (a->closing == ARQ_CLOSING)
		return 0;
	if (a->err != ERR_OK || a->closing == ARQ_CLOSED)
		return UINT64_MAX;
	t = sooner(arq_output_at(a), arq_sent_deadline(&a->sent, &a->rtt));
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
