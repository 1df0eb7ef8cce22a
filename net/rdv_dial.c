/* SPDX-License-Identifier: ISC */
/*
 * A guest at a rendezvous: one connection and one conversation, as long as the
 * struct tcp is open.
 */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/text.h"
#include "net/rdv_dial.h"
#include "net/rdv_pipe.h"
#include "net/tcp_conn.h"

struct dial {
	const struct rdv_env *env;
	struct rdv_address host;
	struct rdv_conn *conn; /* NULL: it is gone */
	struct rdv_pipe *pipe; /* NULL: not connected yet */
	struct tcp *tcp;       /* of who dials, until it is connected or gives up */
};

static void
destroy(struct dial *d)
{
	rdv_pipe_free(d->pipe);
	rdv_conn_free(d->conn);
	free(d);
}

/* tcp.made: the one who dials gives up. */
static void
abandoned(struct tcp *t)
{
	struct dial *d = t->maker;

	t->maker = NULL;
	d->tcp = NULL;
	destroy(d);
}

/* Not connected; abandoned follows from inside. */
static void
give_up(struct dial *d, int err)
{
	struct tcp *t = d->tcp;

	tcp_enter(t);
	tcp_close(t, err);
	tcp_leave(t);
}

static void
on_pipe_closed(void *arg)
{
	destroy(arg);
}

static void
connect_pipe(struct dial *d, const struct rdv_parcel *p)
{
	struct tcp *t = d->tcp;
	const char *ip = rdv_conn_local_ip(d->conn);

	d->pipe = rdv_pipe_new(d->env->base, t, &p->with, 1, on_pipe_closed, d);
	if (d->pipe == NULL) {
		give_up(d, ERR_NOMEM);
		return;
	}
	d->tcp = NULL;
	t->maker = NULL;
	t->made = NULL;
	text_copy(t->peer, sizeof(t->peer), rdv_conn_where(d->conn));
	if ((p->flags & RDV_NEAR) != 0 && tcp_is_loopback(ip))
		text_copy(t->local, sizeof(t->local), ip);
	rdv_pipe_through(d->pipe, d->conn);
	rdv_pipe_parcel(d->pipe, p);
	tcp_enter(t);
	t->ops->connected(t->arg);
	tcp_leave(t);
}

/* --- the connection to the rendezvous --- */

static void
on_up(void *arg)
{
	struct dial *d = arg;
	const struct rdv_parcel hello = {.with = d->host};

	rdv_conn_send(d->conn, &hello);
}

static void
on_parcel(void *arg, const struct rdv_parcel *p)
{
	struct dial *d = arg;

	if (memcmp(p->with.id, d->host.id, PEERID) != 0 ||
	    (d->pipe != NULL && memcmp(p->with.instance, rdv_pipe_with(d->pipe)->instance,
				       RDV_INSTANCE) != 0)) {
		log_debug("rendezvous brings a parcel of another one");
		return;
	}
	if (d->pipe != NULL)
		rdv_pipe_parcel(d->pipe, p);
	else if (p->number == 0 && (p->flags & RDV_LAST) == 0)
		connect_pipe(d, p);
	else
		give_up(d, ERR_FULL); /* the host has no room for us now */
}

static void
on_absent(void *arg, const struct rdv_address *a)
{
	struct dial *d = arg;

	(void)a;
	if (d->pipe == NULL)
		give_up(d, ERR_NOPEER);
	else
		destroy(d);
}

static void
on_closed(void *arg, int err, const char *why)
{
	struct dial *d = arg;

	log_debug("rendezvous %s lost reason=\"%s\"", rdv_conn_where(d->conn), why);
	if (d->tcp != NULL)
		give_up(d, err);
	else
		destroy(d);
}

static const struct rdv_conn_ops conn_ops = {
    .up = on_up, .parcel = on_parcel, .absent = on_absent, .closed = on_closed};

struct tcp *
rdv_dial(const struct rdv_env *env, const struct rdv_uri *uri, const uint8_t host[PEERID],
	 const struct tcp_ops *ops, void *arg)
{
	struct dial *d = calloc(1, sizeof(*d));
	struct tcp *t = tcp_new(env->base, ops, arg);
	uint8_t instance[RDV_INSTANCE];

	if (d == NULL || t == NULL) {
		tcp_free(t);
		free(d);
		return NULL;
	}
	d->env = env;
	memcpy(d->host.id, host, PEERID);
	d->tcp = t;
	ident_random(instance, sizeof(instance)); /* so that no parcel of old fits */
	text_copy(t->peer, sizeof(t->peer), uri->addr);
	t->maker = d;
	t->made = abandoned;
	d->conn = rdv_conn_new(env, uri, RDV_GUEST, instance, &conn_ops, d);
	if (d->conn == NULL) {
		tcp_free(t); /* abandoned */
		return NULL;
	}
	return t;
}
