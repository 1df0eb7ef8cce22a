/* SPDX-License-Identifier: ISC */
/*
 * A connection to a rendezvous, as one who meets others there has it.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/log.h"
#include "core/mem.h"
#include "net/clock.h"
#include "net/rdv_conn.h"
#include "net/tcp.h"
#include "net/tls.h"

#define PING_SHARE 3 /* of the time after which the rendezvous would give us up */

static const struct tcp_liveness liveness = {60, 20, 120};

struct rdv_conn {
	const struct rdv_env *env;
	struct rdv_uri uri;
	enum rdv_role role;
	uint8_t instance[RDV_INSTANCE];
	const struct rdv_conn_ops *ops;
	void *arg;
	struct tcp *tcp;
	struct tls_ctx *ctx;
	struct tls *tls; /* NULL: not connected yet */
	struct event *timer;
	uint64_t ping_us; /* 0: not joined */
	uint64_t turn_at; /* when to ask for credentials again */
	bool pinged;      /* and not heard since */
	unsigned inside;  /* our own callbacks, one in another */
	bool dead;        /* rdv_conn_free was called there */
	bool over;        /* closed was called */
	int err;          /* why it ends, with a reason of its own */
	const char *why;
};

static void
destroy(struct rdv_conn *c)
{
	if (c->tls != NULL && c->tcp != NULL) {
		tls_close(c->tls);
		tcp_flush(c->tcp);
	}
	tls_free(c->tls);
	tls_ctx_free(c->ctx);
	if (c->tcp != NULL)
		tcp_free(c->tcp);
	if (c->timer != NULL)
		event_free(c->timer);
	free(c);
}

static void
enter(struct rdv_conn *c)
{
	c->inside++;
}

static void
leave(struct rdv_conn *c)
{
	if (--c->inside == 0 && c->dead)
		destroy(c);
}

void
rdv_conn_free(struct rdv_conn *c)
{
	if (c == NULL)
		return;
	c->dead = c->over = true;
	if (c->inside == 0)
		destroy(c);
}

static void
over(struct rdv_conn *c, int err, const char *why)
{
	if (c->over)
		return;
	c->over = true;
	event_del(c->timer);
	c->ops->closed(c->arg, err, why);
}

static void
after(struct rdv_conn *c, uint64_t us)
{
	struct timeval tv = clock_tv(us);

	event_add(c->timer, &tv);
}

static int
say(struct rdv_conn *c, uint8_t type, const uint8_t *body, size_t n)
{
	return c->tls == NULL ? ERR_STATE : tls_send(c->tls, type, body, n);
}

/* --- time --- */

static void
keep(struct rdv_conn *c)
{
	if (c->pinged) {
		over(c, ERR_TIMEOUT, "the rendezvous is silent");
		return;
	}
	c->pinged = true;
	if (c->env->relays != NULL && clock_us() >= c->turn_at)
		(void)say(c, RDV_TURN, NULL, 0);
	(void)say(c, RDV_PING, NULL, 0);
	after(c, c->ping_us);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct rdv_conn *c = arg;

	(void)fd;
	(void)what;
	enter(c);
	if (c->ping_us == 0)
		over(c, ERR_TIMEOUT, "the rendezvous does not answer");
	else
		keep(c);
	leave(c);
}

/* --- messages --- */

static int
on_joined(struct rdv_conn *c, struct rd *r)
{
	struct rdv_joined j;

	if (rdv_get_joined(r, &j) != ERR_OK || j.major != RDV_MAJOR || c->ping_us != 0)
		return ERR_PROTO;
	c->ping_us = (uint64_t)j.idle_s * 1000000 / PING_SHARE;
	after(c, c->ping_us);
	if (c->ops->joined != NULL)
		c->ops->joined(c->arg);
	return ERR_OK;
}

static int
on_deliver(struct rdv_conn *c, struct rd *r)
{
	struct rdv_parcel p;

	if (rdv_get_parcel(r, &p) != ERR_OK)
		return ERR_PROTO;
	if (c->ops->parcel != NULL)
		c->ops->parcel(c->arg, &p);
	return ERR_OK;
}

static int
on_absent(struct rdv_conn *c, struct rd *r)
{
	struct rdv_address a;

	if (rdv_get_address(r, &a) != ERR_OK)
		return ERR_PROTO;
	if (c->ops->absent != NULL)
		c->ops->absent(c->arg, &a);
	return ERR_OK;
}

static int
on_pong(struct rdv_conn *c, struct rd *r)
{
	(void)c;
	(void)r;
	return ERR_OK;
}

static int
on_relays(struct rdv_conn *c, struct rd *r)
{
	struct rdv_relays t;

	if (rdv_get_relays(r, &t) != ERR_OK || c->env->relays == NULL)
		return ERR_PROTO;
	c->turn_at = clock_us() + (uint64_t)t.ttl_s * 1000000 / 2;
	c->env->relays(c->env->arg, &t);
	return ERR_OK;
}

static int
on_end(struct rdv_conn *c, struct rd *r)
{
	uint8_t end;

	if (rdv_get_end(r, &end) != ERR_OK)
		return ERR_PROTO;
	c->err = rdv_end_err(end);
	c->why = rdv_end_text(end);
	return c->err;
}

static int
on_tls_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	static const struct {
		uint8_t type;
		int (*run)(struct rdv_conn *, struct rd *);
	} handlers[] = {
	    {RDV_JOINED, on_joined}, {RDV_DELIVER, on_deliver}, {RDV_ABSENT, on_absent},
	    {RDV_PONG, on_pong},     {RDV_RELAYS, on_relays},   {RDV_END, on_end},
	};
	struct rdv_conn *c = arg;
	int err = rdv_wire_check(type, RDV_MIDDLE, n);
	struct rd r;

	c->pinged = false;
	rd_init(&r, body, n);
	if (c->over || err == ERR_NODEV)
		return ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == type)
			return handlers[i].run(c, &r);
	return ERR_PROTO;
}

static int
on_tls_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct rdv_conn *c = arg;
	struct rdv_join j = {RDV_MAJOR, RDV_MINOR, (uint8_t)c->role, {0}};
	uint8_t b[32];
	struct wr w;
	int err;

	(void)id;
	memcpy(j.instance, c->instance, sizeof(j.instance));
	wr_init(&w, b, sizeof(b));
	rdv_put_join(&w, &j);
	if ((err = say(c, RDV_JOIN, b, (size_t)(w.p - b))) != ERR_OK)
		return err;
	if (c->env->relays != NULL && (err = say(c, RDV_TURN, NULL, 0)) != ERR_OK)
		return err;
	if (c->ops->up != NULL)
		c->ops->up(c->arg);
	return ERR_OK;
}

static void
on_tls_output(void *arg, const uint8_t *p, size_t n)
{
	struct rdv_conn *c = arg;

	tcp_write(c->tcp, p, n);
}

static const struct tls_ops tls_ops = {on_tls_output, on_tls_up, on_tls_message};

/* --- TCP --- */

static void
on_connected(void *arg)
{
	struct rdv_conn *c = arg;
	int err = ERR_NOMEM;

	enter(c);
	tcp_set_liveness(c->tcp, &liveness);
	c->tls = tls_new_in(c->ctx, false, c->uri.pin, &tls_ops, c);
	if (c->tls == NULL || (err = tls_start(c->tls)) != ERR_OK)
		over(c, err, err_text(err));
	leave(c);
}

static int
on_data(void *arg, const uint8_t *p, size_t n)
{
	struct rdv_conn *c = arg;
	int err;

	if (c->tls == NULL || c->over)
		return ERR_OK;
	enter(c);
	err = tls_input(c->tls, p, n);
	if (c->err != ERR_OK)
		over(c, c->err, c->why);
	else if (err == ERR_REFUSED)
		over(c, err,
		     "the rendezvous at this address is another one, its key "
		     "differs");
	else if (err != ERR_OK)
		over(c, err, err_text(err));
	leave(c);
	return ERR_OK;
}

static void
on_closed(void *arg, int err)
{
	struct rdv_conn *c = arg;

	enter(c);
	over(c, err, err_text(err));
	leave(c);
}

static const struct tcp_ops tcp_ops = {on_connected, on_data, on_closed};

struct rdv_conn *
rdv_conn_new(const struct rdv_env *env, const struct rdv_uri *uri, enum rdv_role role,
	     const uint8_t instance[RDV_INSTANCE], const struct rdv_conn_ops *ops,
	     void *arg)
{
	struct rdv_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->env = env;
	c->uri = *uri;
	c->role = role;
	memcpy(c->instance, instance, sizeof(c->instance));
	c->ops = ops;
	c->arg = arg;
	c->timer = evtimer_new(env->base, on_timer, c);
	c->ctx = tls_ctx_new(env->ident, TLS_RDV);
	if (c->timer != NULL && c->ctx != NULL)
		c->tcp = tcp_dial(env->base, env->dns, c->uri.addr, &tcp_ops, c);
	if (c->tcp == NULL) {
		destroy(c);
		return NULL;
	}
	after(c, RDV_JOIN_US);
	return c;
}

void
rdv_conn_send(struct rdv_conn *c, const struct rdv_parcel *p)
{
	uint8_t b[RDV_BODY];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	rdv_put_parcel(&w, p);
	ASSERT(!w.bad);
	if (!c->over && say(c, RDV_SEND, b, (size_t)(w.p - b)) != ERR_OK)
		log_debug("rendezvous %s takes no parcel", c->uri.addr);
}

const char *
rdv_conn_where(const struct rdv_conn *c)
{
	return tcp_peer(c->tcp);
}

const char *
rdv_conn_local_ip(const struct rdv_conn *c)
{
	return tcp_local_ip(c->tcp);
}
