/* SPDX-License-Identifier: ISC */
/*
 * A host at a rendezvous: one connection, and a conversation for each guest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/bucket.h"
#include "core/list.h"
#include "core/log.h"
#include "core/text.h"
#include "net/clock.h"
#include "net/moves.h"
#include "net/rdv_pipe.h"
#include "net/rdv_stand.h"
#include "net/tcp_conn.h"

#define STRANGER 1 /* the family of a seat in the gate: an id's */

/* For those who have not been admitted, by their id. */
static const struct gate_conf strangers = {
    .strangers = 32, .per_network = 4, .per_second = 10, .burst = 30};
#define ADMIT_US 10000000

/*
 * What is declined costs a message, and the rendezvous ends who sends too many (of 500,
 * and 50 a second, those who are let in may cause 40): a flood is not answered.
 */
static const struct bucket_conf answers = {.burst = 100, .per_second = 5};

struct rdv_stand {
	const struct rdv_env *env;
	struct rdv_uri uri;
	uint8_t instance[RDV_INSTANCE];
	const struct tcp_listener_ops *ops;
	void *arg;
	struct rdv_conn *conn; /* NULL: a try is due */
	bool up;
	unsigned tries; /* that failed */
	bool taken;     /* the last one because another has come under our id */
	char why[128];
	struct event *timer;
	struct gate gate;
	struct bucket answers; /* to those who are declined */
	struct list talks;     /* talk.link */
};

/* One guest. */
struct talk {
	struct list link; /* in stand.talks */
	struct rdv_stand *of;
	struct rdv_pipe *pipe;
	struct tcp *stranger; /* until it is admitted: we have a seat of the gate */
	int seat;
};

/* --- guests --- */

static void
unseat(struct talk *k)
{
	if (k->seat >= 0)
		gate_leave(&k->of->gate, k->seat);
	k->seat = -1;
	if (k->stranger != NULL)
		k->stranger->maker = NULL;
	k->stranger = NULL;
}

/* tcp.made: admitted, or closed. */
static void
decided(struct tcp *t)
{
	if (t->maker != NULL)
		unseat(t->maker);
}

static void
too_late(struct tcp *t)
{
	tcp_close(t, ERR_TIMEOUT);
}

static void
talk_free(struct talk *k)
{
	unseat(k);
	rdv_pipe_free(k->pipe);
	list_del(&k->link);
	free(k);
}

static void
on_pipe_closed(void *arg)
{
	talk_free(arg);
}

static struct talk *
find(struct rdv_stand *s, const struct rdv_address *a)
{
	struct list *l;

	LIST_EACH (&s->talks, l) {
		struct talk *k = CONTAINER_OF(l, struct talk, link);

		if (memcmp(rdv_pipe_with(k->pipe), a, sizeof(*a)) == 0)
			return k;
	}
	return NULL;
}

static void
dress(struct rdv_stand *s, struct tcp *t, const struct rdv_parcel *p)
{
	const char *ip = rdv_conn_local_ip(s->conn);

	text_copy(t->peer, sizeof(t->peer), rdv_conn_where(s->conn));
	if ((p->flags & RDV_NEAR) != 0 && tcp_is_loopback(ip))
		text_copy(t->local, sizeof(t->local), ip);
}

/* NULL: out of something. */
static struct talk *
talk_new(struct rdv_stand *s, struct tcp *t, const struct rdv_parcel *p)
{
	struct talk *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->of = s;
	k->seat = -1;
	list_init(&k->link);
	k->pipe = rdv_pipe_new(s->env->base, t, &p->with, 0, on_pipe_closed, k);
	if (k->pipe == NULL) {
		free(k);
		return NULL;
	}
	list_add(&s->talks, &k->link);
	rdv_pipe_through(k->pipe, s->conn);
	return k;
}

static void
offer(struct rdv_stand *s, struct tcp *t)
{
	tcp_enter(t);
	tcp_after(t, ADMIT_US, too_late);
	s->ops->accepted(s->arg, t);
	if (t->ops == NULL)
		t->dead = true;
	tcp_leave(t);
}

/* What was sent is no part of a conversation that we know, or of one too many. */
static void
decline(struct rdv_stand *s, const struct rdv_parcel *p)
{
	const struct rdv_parcel no = {.with = p->with, .flags = RDV_LAST};

	if ((p->flags & RDV_LAST) == 0 &&
	    bucket_take(&s->answers, &answers, 1, clock_us()))
		rdv_conn_send(s->conn, &no);
}

static void
welcome(struct rdv_stand *s, const struct rdv_parcel *p)
{
	struct gate_network who = {.family = STRANGER};
	struct tcp *t = NULL;
	struct talk *k;
	int seat;

	memcpy(who.prefix, p->with.id, sizeof(who.prefix));
	if ((seat = gate_enter(&s->gate, &who, clock_us())) < 0) {
		log_debug("rendezvous %s refuses a stranger", s->uri.addr);
		decline(s, p);
		return;
	}
	if ((t = tcp_new(s->env->base, NULL, NULL)) == NULL ||
	    (k = talk_new(s, t, p)) == NULL) {
		tcp_free(t);
		gate_leave(&s->gate, seat);
		decline(s, p);
		return;
	}
	k->seat = seat;
	k->stranger = t;
	t->maker = k;
	t->made = decided;
	dress(s, t, p);
	rdv_pipe_greet(k->pipe);
	rdv_pipe_parcel(k->pipe, p);
	offer(s, t);
}

/* --- the connection --- */

static void
after(struct rdv_stand *s, uint64_t us)
{
	struct timeval tv;
	uint8_t dice;

	ident_random(&dice, 1);
	tv = clock_tv(us - us / 4 + us / 2 * dice / 256);
	event_add(s->timer, &tv);
}

static uint64_t
pause_us(const struct rdv_stand *s, int err)
{
	uint64_t us = RDV_BACK_US;

	if (err == ERR_BUSY)
		return RDV_BACK_TAKE_US;
	for (unsigned i = 0; i < s->tries && us < RDV_BACK_MAX_US; i++)
		us *= 2;
	return us < RDV_BACK_MAX_US ? us : RDV_BACK_MAX_US;
}

static void
on_joined(void *arg)
{
	struct rdv_stand *s = arg;

	s->up = true;
	s->tries = 0;
	log_info("rendezvous %s registered", s->uri.addr);
}

static void
on_parcel(void *arg, const struct rdv_parcel *p)
{
	struct rdv_stand *s = arg;
	struct talk *k = find(s, &p->with);

	if (k != NULL)
		rdv_pipe_parcel(k->pipe, p);
	else if (p->number == 0 && (p->flags & RDV_LAST) == 0)
		welcome(s, p);
	else
		decline(s, p);
}

static void
on_absent(void *arg, const struct rdv_address *a)
{
	struct talk *k = find(arg, a);

	if (k == NULL)
		return;
	rdv_pipe_through(k->pipe, NULL);
	talk_free(k);
}

/* Guests that are through do not need their conversations. */
static void
drop(struct rdv_stand *s)
{
	while (!list_empty(&s->talks)) {
		struct talk *k = CONTAINER_OF(s->talks.next, struct talk, link);

		talk_free(k);
	}
	rdv_conn_free(s->conn);
	s->conn = NULL;
	s->up = false;
}

static void
on_closed(void *arg, int err, const char *why)
{
	struct rdv_stand *s = arg;

	if (s->up || strcmp(s->why, why) != 0)
		log_warn("rendezvous %s lost reason=\"%s\"", s->uri.addr, why);
	text_copy(s->why, sizeof(s->why), why);
	drop(s);
	s->taken = err == ERR_BUSY;
	after(s, pause_us(s, err));
	s->tries++;
}

static const struct rdv_conn_ops conn_ops = {
    .joined = on_joined, .parcel = on_parcel, .absent = on_absent, .closed = on_closed};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct rdv_stand *s = arg;

	(void)fd;
	(void)what;
	s->conn = rdv_conn_new(s->env, &s->uri, RDV_HOST, s->instance, &conn_ops, s);
	if (s->conn == NULL)
		after(s, RDV_BACK_MAX_US);
}

struct rdv_stand *
rdv_stand_new(const struct rdv_env *env, const struct rdv_uri *uri,
	      const uint8_t process[RDV_PROCESS], const struct tcp_listener_ops *ops,
	      void *arg)
{
	struct rdv_stand *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = env;
	s->uri = *uri;
	ident_random(s->instance, sizeof(s->instance));
	memcpy(s->instance, process, RDV_PROCESS);
	s->ops = ops;
	s->arg = arg;
	list_init(&s->talks);
	gate_init(&s->gate, &strangers, clock_us());
	bucket_init(&s->answers, &answers, clock_us());
	if ((s->timer = evtimer_new(env->base, on_timer, s)) == NULL) {
		free(s);
		return NULL;
	}
	event_active(s->timer, EV_TIMEOUT, 1);
	return s;
}

void
rdv_stand_free(struct rdv_stand *s)
{
	if (s == NULL)
		return;
	drop(s);
	event_free(s->timer);
	free(s);
}

void
rdv_stand_moved(struct rdv_stand *s, bool addresses)
{
	const char *ip = s->conn != NULL ? rdv_conn_local_ip(s->conn) : "";

	if (s->conn == NULL && s->tries > 1 && !s->taken) {
		s->tries = 0;
		after(s, RDV_BACK_US);
	}
	if (s->conn == NULL || !addresses || moves_have(ip))
		return;
	if (s->up)
		log_info(
		    "rendezvous %s is called again reason=\"our address %s is gone\"",
		    s->uri.addr, ip);
	drop(s);
	s->tries = 0;
	event_active(s->timer, EV_TIMEOUT, 1);
}

const struct rdv_uri *
rdv_stand_uri(const struct rdv_stand *s)
{
	return &s->uri;
}

bool
rdv_stand_up(const struct rdv_stand *s)
{
	return s->up;
}

const char *
rdv_stand_why(const struct rdv_stand *s)
{
	return s->why;
}
