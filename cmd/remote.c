/* SPDX-License-Identifier: ISC */
/*
 * The attach side's connection: a link, a session, and imports on it. A session
 * outlives its link for the grace period (DESIGN.md 1): each new link is asked to go
 * on with it. After that, or when the server has lost it, it begins anew.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/pause.h"
#include "cmd/remote_parts.h"
#include "core/log.h"
#include "core/session.h"
#include "net/clock.h"
#include "net/heap.h"

/* --- link --- */

/* The session goes by this link, for as long as that may be. */
void
remote_carries(struct remote *r)
{
	if (r->ops->lost == NULL)
		return;
	ground_watch(&r->ground, r->link);
	seek_watch(&r->seek, r->link);
}

static int
on_admitted(void *arg, const struct wire_greet *g)
{
	struct remote *r = arg;
	int err = target_keep(r->target, r->ctx, g->name);

	if (err != ERR_OK)
		link_abort(r->link, err, "");
	r->stranger = memcmp(g->instance, r->server, sizeof(r->server)) != 0;
	return err;
}

static struct session *
go_on(struct remote *r)
{
	struct door_resume q = {.generation = ++r->generation};

	memcpy(q.id, r->id, sizeof(q.id));
	return link_resume(r->link, &q, r->key) == ERR_OK ? r->session : NULL;
}

static struct session *
on_up(void *arg)
{
	struct remote *r = arg;

	if (r->session != NULL && r->stranger && r->ready)
		remote_end_session(r, "the server was started again");
	if (r->closing) /* since that was lost */
		return NULL;
	if (r->session != NULL)
		return go_on(r);
	return remote_begin(r) == ERR_OK ? r->session : NULL;
}

static void
on_turn(void *arg)
{
	struct remote *r = arg;

	if (r->ops->turn != NULL)
		r->ops->turn(r->arg);
}

/* --- from link to link --- */

static void
rearm(struct remote *r)
{
	uint64_t now = clock_us(), at = r->link == NULL ? r->try_at : UINT64_MAX;
	struct timeval tv;

	if (r->session != NULL && r->lost_at + r->grace_us < at)
		at = r->lost_at + r->grace_us;
	tv = clock_left(at, now);
	event_add(r->timer, &tv);
}

static void
try_later(struct remote *r)
{
	uint64_t now = clock_us();
	uint8_t dice;

	ident_random(&dice, 1);
	if (r->lost_at == 0)
		r->lost_at = now;
	r->try_at =
	    pause_end(pause_us(r->tries, now - r->lost_at, dice), r->tried_at, now);
	r->tries++;
	rearm(r);
}

static const struct link_ops link_ops;

static void
try_now(struct remote *r)
{
	r->tried_at = clock_us();
	r->link = link_dial(&r->loop->env, &r->target->link, &link_ops, r);
	if (r->link == NULL)
		try_later(r);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct remote *r = arg;
	uint64_t now = clock_us();

	(void)fd;
	(void)what;
	if (r->lost_at == 0 || r->closing)
		return;
	if (r->session != NULL && now >= r->lost_at + r->grace_us) {
		if (r->link != NULL) /* it was to go on with the session */
			link_drop(r->link);
		r->link = NULL;
		remote_end_session(r, "no link for too long");
	}
	if (r->closing) /* since that was lost */
		return;
	if (r->link == NULL && now >= r->try_at)
		try_now(r);
	if (r->link == NULL || r->session != NULL)
		rearm(r);
}

static void
on_resumed(void *arg, bool yes)
{
	struct remote *r = arg;

	r->links += yes;
	if (yes)
		remote_carries(r);
	if (yes && r->lost_at == 0) {
		log_info("session with %s has new keys links=%llu", r->target->name,
			 (unsigned long long)r->links);
		return;
	}
	if (yes) {
		log_info("session with %s goes on after_ms=%llu", r->target->name,
			 (unsigned long long)(clock_us() - r->lost_at) / 1000);
		r->lost_at = 0;
		r->tries = 0;
		event_del(r->timer);
		return;
	}
	/* this link is of no use; the next begins anew, at once */
	r->tries = 0;
	link_abort(r->link, ERR_GONE, "the server does not know the session any more");
}

/* Why a link ends that nobody wanted to end, and that is worth another one. */
static bool
is_death(int err)
{
	return err == ERR_TIMEOUT || err == ERR_UNREACHABLE || err == ERR_NOMEM;
}

/* What no other link would mend. */
static bool
is_final(int err)
{
	return err == ERR_OK || err == ERR_REFUSED || err == ERR_PROTO ||
	       err == ERR_USAGE;
}

static void
stop_successors(struct remote *r)
{
	rekey_stop(&r->rekey);
	seek_stop(&r->seek);
	ground_watch(&r->ground, NULL);
}

static void
on_down(void *arg, int err, const char *why)
{
	struct remote *r = arg;
	bool fresh = r->lost_at == 0; /* it was carrying the session */

	r->link = NULL;
	stop_successors(r); /* which are no faster than what follows */
	if (r->closing || r->ops->lost == NULL || !(r->was || r->insists) ||
	    is_final(err)) {
		event_del(r->timer);
		r->ops->down(r->arg, err, why);
		return;
	}
	if (fresh)
		log_info("link to %s lost reason=\"%s\"", r->target->name, why);
	else
		log_debug("no link to %s yet reason=\"%s\"", r->target->name, why);
	if (err == ERR_GONE || !r->ready || (fresh && !is_death(err)))
		remote_end_session(r, why);
	if (!r->closing)
		try_later(r);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct remote *r = arg;

	(void)fd;
	(void)what;
	event_del(r->timer);
	r->ops->down(r->arg, ERR_OK, "");
}

static void
on_worn(void *arg)
{
	struct remote *r = arg;

	if (r->ready && !r->closing)
		rekey_start(&r->rekey);
}

static void
on_doubt(void *arg)
{
	struct remote *r = arg;

	ground_doubt(&r->ground);
}

static const struct link_ops link_ops = {.admitted = on_admitted,
					 .up = on_up,
					 .resumed = on_resumed,
					 .turn = on_turn,
					 .down = on_down,
					 .worn = on_worn,
					 .doubt = on_doubt};

/* Nothing is lost: what the old one has not delivered goes by this one. */
static struct session *
take_over(void *arg, struct link *l)
{
	struct remote *r = arg;

	stop_successors(r);
	link_drop(r->link);
	r->link = l;
	link_pass(l, &link_ops, r);
	return go_on(r);
}

/* --- what the link stands on --- */

static void
on_uprooted(void *arg, int err, const char *why)
{
	struct remote *r = arg;

	r->tries = 0;
	link_abort(r->link, err, why);
}

/* A try with the addresses of before is given up; others are not, so that some end. */
static void
on_hope(void *arg, bool addresses)
{
	struct remote *r = arg;

	if (!r->was || r->closing)
		return;
	r->tries = 0;
	if (r->link == NULL) {
		r->try_at = pause_end(PAUSE_US, r->tried_at, clock_us());
		rearm(r);
	} else if (addresses) {
		link_abort(r->link, ERR_UNREACHABLE, "addresses here have changed");
	}
}

static void
on_better(void *arg)
{
	struct remote *r = arg;

	if (!r->ready || r->closing)
		return;
	if (link_ground(r->link) == LINK_OTHER)
		rekey_start(&r->rekey);
	seek_now(&r->seek);
}

struct remote *
remote_connect(struct loop *l, struct ctx *ctx, struct target *t, uint64_t grace_us,
	       const struct remote_ops *ops, void *arg)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = l;
	r->ctx = ctx;
	r->target = t;
	r->grace_us = grace_us;
	r->ops = ops;
	r->arg = arg;
	r->rekey = (struct rekey){
	    .env = &l->env, .target = &t->link, .take = take_over, .arg = r};
	r->seek = (struct seek){.env = &l->env,
				.target = &t->link,
				.first_us = l->conf->seek_us,
				.take = take_over,
				.arg = r};
	r->ground = (struct ground){
	    .lost = on_uprooted, .hope = on_hope, .better = on_better, .arg = r};
	if (ops->lost != NULL)
		ground_start(&r->ground, l->base);
	heap_pool(&r->pool, LOOP_SESSION);
	r->timer = evtimer_new(l->base, on_timer, r);
	r->end = evtimer_new(l->base, on_end, r);
	if (r->timer != NULL && r->end != NULL)
		r->link = link_dial(&l->env, &t->link, &link_ops, r);
	if (r->link == NULL) {
		remote_free(r);
		return NULL;
	}
	return r;
}

void
remote_insist(struct remote *r)
{
	r->insists = true;
}

void
remote_close(struct remote *r)
{
	r->closing = true;
	stop_successors(r);
	if (r->link != NULL)
		link_close(r->link);
	else
		event_active(r->end, EV_TIMEOUT, 1); /* not from inside */
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	ground_stop(&r->ground);
	imports_free(r->imports);
	if (r->session != NULL)
		session_free(r->session);
	if (r->timer != NULL)
		event_free(r->timer);
	if (r->end != NULL)
		event_free(r->end);
	free(r);
}

uint64_t
remote_held_us(const struct remote *r)
{
	return r->ready && r->lost_at != 0 ? clock_us() - r->lost_at : 0;
}

struct link *
remote_link(struct remote *r)
{
	return r->link;
}
