/* SPDX-License-Identifier: ISC */
/*
 * Does what core/link's table says, with net/tcp, net/tls, net/ice, net/dtls and
 * core/arq. Signalling's messages are here (net/link_signal.c has their bodies);
 * it does not know what the session's messages mean.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/b32.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/session.h"
#include "net/clock.h"
#include "net/dtls.h"
#include "net/link_parts.h"
#include "net/rdv_lend.h"

void
link_fail(struct link *l, int err, const char *why)
{
	if (l->err == ERR_OK) {
		l->err = err;
		snprintf(l->why, sizeof(l->why), "%s", why != NULL ? why : err_text(err));
	}
	link_event(l, LINK_EV_FAILED);
}

/* --- actions --- */

static void
do_handshake(struct link *l)
{
	int err;

	l->dtls = dtls_new(l->env->ident, l->serve, l->peer, l->env->mtu - 1, 50000,
			   &link_dtls_ops, l);
	if (l->dtls == NULL) {
		link_fail(l, ERR_NOMEM, NULL);
		return;
	}
	if (l->env->chacha)
		dtls_want_chacha(l->dtls);
	if ((err = dtls_start(l->dtls, clock_us())) != ERR_OK)
		link_fail(l, err, NULL);
	for (unsigned i = 0; i < l->earlies && l->state != LINK_DOWN; i++)
		link_packet(l, l->early[i].p, l->early[i].n);
	l->earlies = 0;
	event_active(l->work, EV_TIMEOUT, 1);
}

/* One packet says it; if that is lost the peer notices by silence. */
static void
do_goodbye(struct link *l)
{
	link_flush(l);
	if (l->state != LINK_CLOSING)
		return;
	if (l->arq != NULL) /* not yet there when `up` closes */
		arq_close(l->arq, ARQ_CLOSE_DONE);
	link_flush(l);
	link_event(l, LINK_EV_DRAINED);
}

static void
do_teardown(struct link *l)
{
	struct timeval now = {0, 0};

	event_del(l->timer);
	event_add(l->reaper, &now);
}

static void
do_nothing(struct link *l)
{
	(void)l;
}

void
link_event(struct link *l, enum link_event ev)
{
	static void (*const act[])(struct link *) = {
	    [LINK_DO_NOTHING] = do_nothing,   [LINK_DO_GREET] = link_greet,
	    [LINK_DO_GATHER] = link_gather,   [LINK_DO_DESCRIBE] = link_describe,
	    [LINK_DO_CHECK] = link_check,     [LINK_DO_HANDSHAKE] = do_handshake,
	    [LINK_DO_CARRY] = link_carry,     [LINK_DO_GOODBYE] = do_goodbye,
	    [LINK_DO_TEARDOWN] = do_teardown,
	};

	act[link_step(&l->state, ev, l->name)](l);
}

/* --- the loop --- */

static void
link_free(struct link *l)
{
	if (l->timer != NULL)
		event_free(l->timer);
	if (l->work != NULL)
		event_free(l->work);
	if (l->reaper != NULL)
		event_free(l->reaper);
	if (l->pace != NULL)
		event_free(l->pace);
	free(l->out);
	free(l);
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	link_tell_end(l);
	twin_free(l->twin);
	l->twin = NULL;
	arq_free(l->arq); /* before the owner lets go of the session */
	l->arq = NULL;
	if (l->ice != NULL)
		ice_free(l->ice);
	l->ice = NULL;
	rdv_lend_free(l->lend);
	l->lend = NULL;
	if (!l->dropped)
		l->ops->down(l->arg, l->err, l->why);
	dtls_free(l->dtls);
	tls_free(l->tls);
	link_hang_up(l);
	link_free(l);
}

static void
on_work(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	int err;

	(void)fd;
	(void)what;
	if (l->state == LINK_DOWN)
		return;
	if (l->door.state == DOOR_OPEN)
		l->ops->turn(l->arg);
	if (l->door.session != NULL &&
	    (err = session_failed(l->door.session)) != ERR_OK) {
		link_fail(l, err, NULL);
		return;
	}
	link_flush(l);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	uint64_t now = clock_us();
	int err = ERR_OK;

	(void)fd;
	(void)what;
	if (l->state < LINK_UP && now >= l->setup_end)
		err = ERR_TIMEOUT;
	if (err == ERR_OK && l->dtls != NULL && now >= dtls_deadline(l->dtls))
		err = dtls_tick(l->dtls, now);
	if (err == ERR_OK && l->arq != NULL)
		err = arq_tick(l->arq, now);
	if (err != ERR_OK)
		link_fail(l, err, NULL);
	else if (l->state != LINK_DOWN)
		link_flush(l);
}

static struct link *
link_new(const struct link_env *env, bool serve, const struct link_ops *ops, void *arg)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->env = env;
	l->serve = serve;
	l->ops = ops;
	l->arg = arg;
	l->state = serve ? LINK_GREETING : LINK_DIALING;
	l->burst = ARQ_BURST;
	l->setup_end = clock_us() + LINK_SETUP_US;
	l->out = malloc((size_t)ARQ_BURST * LINK_SLOT);
	l->timer = evtimer_new(env->base, on_timer, l);
	l->work = event_new(env->base, -1, 0, on_work, l);
	l->reaper = evtimer_new(env->base, on_reap, l);
	snprintf(l->name, sizeof(l->name), "new");
	if (l->out != NULL && l->timer != NULL && l->work != NULL && l->reaper != NULL) {
		link_rearm(l);
		return l;
	}
	link_free(l);
	return NULL;
}

struct link *
link_dial(const struct link_env *env, const struct link_target *t,
	  const struct link_ops *ops, void *arg)
{
	struct link *l = link_new(env, false, ops, arg);
	uint8_t number;

	if (l == NULL)
		return NULL;
	ident_random(&number, 1);
	l->number = number % 32;
	l->target = *t;
	memcpy(l->peer, t->id, sizeof(l->peer));
	link_signal_dial(l);
	return l;
}

struct link *
link_accept(const struct link_env *env, struct tcp *tcp, const struct link_ops *ops,
	    void *arg)
{
	struct link *l = link_new(env, true, ops, arg);

	if (l != NULL)
		link_signal_accept(l, tcp);
	return l;
}

void
link_close(struct link *l)
{
	link_event(l, LINK_EV_CLOSE);
}

void
link_abort(struct link *l, int err, const char *why)
{
	if (l->state != LINK_DOWN)
		link_fail(l, err, why);
}

void
link_wake(struct link *l)
{
	if (l->state != LINK_DOWN)
		event_active(l->work, EV_TIMEOUT, 1);
}

const uint8_t *
link_peer(const struct link *l)
{
	return l->peer;
}

const char *
link_where(const struct link *l)
{
	return l->where;
}

int
link_channel(const struct link *l, struct proof_channel *c)
{
	memcpy(l->serve ? c->server : c->client, ident_id(l->env->ident), IDENT_ID);
	memcpy(l->serve ? c->client : c->server, l->peer, IDENT_ID);
	if (l->state == LINK_UP)
		return dtls_exporter(l->dtls, "EXPORTER-usbp2p-dtls", c->exporter);
	return tls_exporter(l->tls, "EXPORTER-usbp2p-tls", c->exporter);
}

void
link_ping(struct link *l)
{
	if (l->arq == NULL)
		return;
	arq_ping(l->arq);
	link_wake(l);
}

uint64_t
link_silence_us(const struct link *l)
{
	return l->arq == NULL ? UINT64_MAX : clock_us() - arq_heard(l->arq);
}

bool
link_stats(const struct link *l, struct arq_stats *s)
{
	if (l->arq == NULL)
		return false;
	arq_stats(l->arq, s);
	s->duplicates += dtls_dropped(l->dtls); /* which sees them first */
	return true;
}

void
link_goodput(const struct link *l, uint64_t *out, uint64_t *in)
{
	*out = *in = 0;
	if (l->arq != NULL)
		arq_goodput(l->arq, clock_us(), out, in);
}

void
link_drops(const struct link *l, struct dtls_drops *s)
{
	*s = (struct dtls_drops){0};
	if (l->dtls != NULL)
		dtls_drops(l->dtls, s);
}

void
link_path(const struct link *l, char *buf, size_t cap)
{
	buf[0] = '\0';
	if (l->ice != NULL)
		ice_path(l->ice, buf, cap);
}

const char *
link_kind(const struct link *l)
{
	return l->ice != NULL ? ice_kind(l->ice) : "";
}

const char *
link_carrier(const struct link *l)
{
	return l->twin != NULL ? twin_kind(l->twin) : "libnice";
}

const char *
link_cipher(const struct link *l)
{
	return dtls_cipher(l->dtls);
}
