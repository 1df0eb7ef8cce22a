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

static uint64_t
clock_of(const struct end *d)
{
	return d->ends->now + (uint64_t)d->ahead;
}

static void
drop(struct ends_link *l)
{
	struct end *d = l->of;

	arq_free(l->arq);
	l->arq = NULL;
	if (d->carries != l)
		return;
	d->carries = NULL;
	d->arq = NULL;
	d->failed = ERR_OK;
}

static void
carry(struct ends_link *l)
{
	struct end *d = l->of;

	if (d->carries != NULL)
		drop(d->carries);
	d->carries = l;
	d->arq = l->arq;
	d->failed = ERR_OK;
}

static struct session *
on_fresh(void *arg)
{
	struct ends_link *l = arg;

	assert(l->of->ends->generation == 1);
	return l->of->session;
}

static struct session *
on_resume(void *arg, const struct door_resume *q)
{
	struct ends_link *l = arg;
	struct ends *e = l->of->ends;

	assert(q->generation <= e->generation && q->id[0] == 77);
	if (q->generation <= e->taken) {
		e->refused++;
		return NULL;
	}
	e->taken = q->generation;
	carry(l);
	return l->of->session;
}

static void
on_resumed(void *arg, bool yes)
{
	struct ends_link *l = arg;

	assert(yes);
	l->of->ends->resumed++;
}

static const struct door_ops door_ops = {on_fresh, on_resume, on_resumed};

/* One that has no arq; if all have, the oldest that only waits. */
static struct ends_link *
spare(struct end *d)
{
	struct ends_link *l = NULL;

	for (int i = 0; i < ENDS_LINKS; i++) {
		struct ends_link *k = &d->link[i];

		if (k->arq == NULL)
			return k;
		if (k != d->carries &&
		    (l == NULL || (uint8_t)(l->number - k->number) < 128))
			l = k;
	}
	drop(l);
	return l;
}

static struct ends_link *
link_new(struct ends *e, int i)
{
	struct end *d = &e->end[i];
	struct ends_link *l = spare(d);

	l->of = d;
	l->number = (uint8_t)e->generation;
	door_init(&l->door, i == 1, &door_ops, l);
	l->arq = arq_new(&d->pool, &e->arq, &door_arq_ops, &l->door, clock_of(d));
	assert(l->arq != NULL);
	return l;
}

void
ends_dial(struct ends *e)
{
	const struct door_resume ask = {.id = {77}, .generation = ++e->generation};
	struct ends_link *l;

	ends_lose(e, 0);
	carry(l = link_new(e, 0));
	if (e->generation == 1)
		door_carry(&l->door, e->end[0].session);
	else
		door_ask(&l->door, e->end[0].session, &ask);
	l = link_new(e, 1);
	if (e->generation == 1)
		carry(l);
}

void
ends_lose(struct ends *e, int i)
{
	if (e->end[i].carries != NULL)
		drop(e->end[i].carries);
}

void
ends_unlink(struct ends *e)
{
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < ENDS_LINKS; k++)
			if (e->end[i].link[k].arq != NULL)
				drop(&e->end[i].link[k]);
	net_cut(e->net, true);
	net_cut(e->net, false);
}

void
ends_relink(struct ends *e)
{
	ends_unlink(e);
	ends_dial(e);
}

void
ends_move(struct ends *e, const struct net_conf to[2])
{
	net_change(e->net, to);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < ENDS_LINKS; k++)
			if (e->end[i].link[k].arq != NULL)
				arq_moved(e->end[i].link[k].arq, clock_of(&e->end[i]));
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

		d->ends = e;
		d->pool = (struct pool){heap_get, heap_put, NULL, conf->budget, 0};
		d->session = session_new(&d->pool, conf->window, ops[i], arg[i]);
		assert(d->session != NULL);
		session_peer_window(d->session, conf->window);
	}
	ends_dial(e);
}

bool
ends_fini(struct ends *e)
{
	bool clean = true;

	ends_unlink(e);
	for (int i = 0; i < 2; i++) {
		session_free(e->end[i].session);
		clean &= e->end[i].pool.used == 0;
	}
	net_free(e->net);
	return clean;
}

static void
judge(struct ends_link *l, int err)
{
	if (err == ERR_OK)
		return;
	if (l->of->carries == l)
		l->of->failed = err;
	else
		drop(l);
}

static bool
lives(const struct ends_link *l)
{
	return l->arq != NULL && !l->of->asleep &&
	       (l->of->carries != l || l->of->failed == ERR_OK);
}

static void
take(struct end *d, const uint8_t *p, size_t n)
{
	for (int k = 0; k < ENDS_LINKS; k++) {
		struct ends_link *l = &d->link[k];

		if (!lives(l) || l->number != p[0])
			continue;
		judge(l, arq_input(l->arq, p + 1, n - 1, clock_of(d)));
		return;
	}
}

static void
hear(struct ends *e, int i)
{
	struct end *d = &e->end[i];
	uint8_t buf[NET_PACKET_MAX];
	size_t n;

	for (int k = 0; k < ARQ_BURST && d->busy <= e->now; k++) {
		if ((n = net_recv(e->net, i, buf, e->now)) == 0)
			break;
		take(d, buf, n);
	}
	for (int k = 0; k < ENDS_LINKS && d->busy <= e->now; k++) {
		struct ends_link *l = &d->link[k];

		if (lives(l) && arq_deadline(l->arq) <= clock_of(d))
			judge(l, arq_tick(l->arq, clock_of(d)));
	}
}

static void
speak(struct ends *e, struct ends_link *l, int i)
{
	uint8_t buf[NET_PACKET_MAX] = {l->number};
	size_t n;

	for (int k = 0; lives(l) && l->of->busy <= e->now && k < ARQ_BURST; k++) {
		n = arq_output(l->arq, buf + 1, sizeof(buf) - 1, clock_of(l->of));
		if (n == 0)
			break;
		net_send(e->net, i, buf, n + 1, e->now);
	}
}

static uint64_t
next_event(const struct ends *e)
{
	uint64_t t = UINT64_MAX, at;

	for (int i = 0; i < 2; i++) {
		const struct end *d = &e->end[i];

		at = net_next_at(e->net, i);
		for (int k = 0; k < ENDS_LINKS; k++) {
			uint64_t due;

			if (!lives(&d->link[k]))
				continue;
			due = arq_deadline(d->link[k].arq);
			if (due != UINT64_MAX && due != 0) /* by its clock */
				due -= (uint64_t)d->ahead;
			if ((int64_t)due < 0 && due != UINT64_MAX)
				due = 0;
			at = due < at ? due : at;
		}
		at = at > d->busy ? at : d->busy; /* what comes meanwhile waits */
		t = at < t ? at : t;
	}
	return t;
}

bool
ends_step(struct ends *e, uint64_t until)
{
	uint64_t t;

	for (int i = 0; i < 2; i++) {
		hear(e, i);
		for (int k = 0; k < ENDS_LINKS; k++)
			speak(e, &e->end[i].link[k], i);
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
	return e->end[0].arq != NULL && e->end[1].arq != NULL &&
	       arq_idle(e->end[0].arq) && arq_idle(e->end[1].arq);
}

int
ends_failed(const struct ends *e)
{
	return e->end[0].failed != ERR_OK ? e->end[0].failed : e->end[1].failed;
}
