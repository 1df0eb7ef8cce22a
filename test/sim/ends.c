/* SPDX-License-Identifier: ISC */
/*
 * The loop of a process with one link, twice, with a clock that waits for nobody.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/ends.h"

#define STILL_MAX 1000 /* turns; an arq that spins would never end the test */

const struct arq_conf ends_arq = {
    .mtu = 1200,
    .keepalive_us = 10000000,
    .dead_us = 30000000,
};

static void *
heap_get(void *arg, size_t n)
{
	(void)arg;
	return malloc(n);
}

static void
heap_put(void *arg, void *p, size_t n)
{
	(void)arg;
	memset(p, 0xdd, n < 256 ? n : 256); /* what is given back is not read again */
	free(p);
}

static struct session *
on_fresh(void *arg)
{
	struct ends *e = arg;

	assert(e->generation == 1);
	return e->end[1].session;
}

static struct session *
on_resume(void *arg, const struct door_resume *q)
{
	struct ends *e = arg;

	assert(q->generation == e->generation && q->id[0] == 77);
	return e->end[1].session;
}

static void
on_resumed(void *arg, bool yes)
{
	struct ends *e = arg;

	assert(yes);
	e->resumed++;
}

static const struct door_ops door_ops = {on_fresh, on_resume, on_resumed};

static void
link_up(struct ends *e)
{
	const struct door_resume ask = {.id = {77}, .generation = ++e->generation};

	for (int i = 0; i < 2; i++) {
		struct end *d = &e->end[i];

		door_init(&d->door, i == 1, &door_ops, e);
		if (i == 0 && e->generation == 1)
			door_carry(&d->door, d->session);
		else if (i == 0)
			door_ask(&d->door, d->session, &ask);
		d->arq = arq_new(&d->pool, &e->arq, &door_arq_ops, &d->door, e->now);
		assert(d->arq != NULL);
	}
}

void
ends_unlink(struct ends *e)
{
	for (int i = 0; i < 2; i++) {
		arq_free(e->end[i].arq);
		e->end[i].arq = NULL;
		e->end[i].failed = ERR_OK;
	}
	net_cut(e->net, true);
	net_cut(e->net, false);
}

void
ends_relink(struct ends *e)
{
	ends_unlink(e);
	link_up(e);
}

void
ends_init(struct ends *e, uint64_t seed, const struct ends_conf *conf,
	  const struct session_ops *const ops[2], void *const arg[2])
{
	memset(e, 0, sizeof(*e));
	e->now = 1000000;
	e->arq = conf->arq;
	e->net = net_new(seed, conf->to);
	for (int i = 0; i < 2; i++) {
		struct end *d = &e->end[i];

		d->pool = (struct pool){heap_get, heap_put, NULL, conf->budget, 0};
		d->session = session_new(&d->pool, conf->window, ops[i], arg[i]);
		assert(d->session != NULL);
		session_peer_window(d->session, conf->window);
	}
	link_up(e);
}

bool
ends_fini(struct ends *e)
{
	bool clean = true;

	for (int i = 0; i < 2; i++) {
		arq_free(e->end[i].arq);
		session_free(e->end[i].session);
		clean &= e->end[i].pool.used == 0;
	}
	net_free(e->net);
	return clean;
}

/* When its loop has to look next, if nothing arrives. */
static uint64_t
end_deadline(const struct end *d)
{
	uint64_t t = arq_deadline(d->arq);

	return t > d->asleep ? t : d->asleep;
}

static void
hear(struct ends *e, int i)
{
	struct end *d = &e->end[i];
	uint8_t buf[NET_PACKET_MAX];
	size_t n;

	for (int k = 0; k < ARQ_BURST && d->asleep <= e->now; k++) {
		if ((n = net_recv(e->net, i, buf, e->now)) == 0)
			break;
		if (d->failed == ERR_OK && d->arq != NULL)
			d->failed = arq_input(d->arq, buf, n, e->now);
	}
	if (d->failed == ERR_OK && d->arq != NULL && end_deadline(d) <= e->now)
		d->failed = arq_tick(d->arq, e->now);
}

static void
speak(struct ends *e, int i)
{
	struct end *d = &e->end[i];
	uint8_t buf[NET_PACKET_MAX];
	size_t n;

	for (int k = 0; d->arq != NULL && d->asleep <= e->now && k < ARQ_BURST; k++) {
		if ((n = arq_output(d->arq, buf, sizeof(buf), e->now)) == 0)
			break;
		net_send(e->net, i, buf, n, e->now);
	}
}

static uint64_t
next_event(const struct ends *e)
{
	uint64_t t = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		const struct end *d = &e->end[i];
		uint64_t comes = net_next_at(e->net, i);

		if (d->asleep > e->now) /* what comes meanwhile waits */
			comes = comes > d->asleep ? comes : d->asleep;
		t = comes < t ? comes : t;
		if (d->failed == ERR_OK && d->arq != NULL && end_deadline(d) < t)
			t = end_deadline(d);
	}
	return t;
}

bool
ends_step(struct ends *e, uint64_t until)
{
	uint64_t t;

	for (int i = 0; i < 2; i++) {
		hear(e, i);
		speak(e, i);
	}
	t = next_event(e);
	e->still = t <= e->now ? e->still + 1 : 0;
	assert(e->still < STILL_MAX);
	if (t > e->now)
		e->now = t < until ? t : until;
	return e->now < until;
}

bool
ends_idle(const struct ends *e)
{
	return e->end[0].arq != NULL && arq_idle(e->end[0].arq) &&
	       arq_idle(e->end[1].arq);
}

int
ends_failed(const struct ends *e)
{
	return e->end[0].failed != ERR_OK ? e->end[0].failed : e->end[1].failed;
}
