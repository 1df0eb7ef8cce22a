/* SPDX-License-Identifier: ISC */
#include "net/rdv_lend.h"

#include <stdlib.h>

#include <event2/event.h>

#include "core/log.h"

#define LEND_US 3000000 /* for the answer of one */

struct rdv_lend {
	const struct rdv_env *asked; /* our owner's, which is told */
	struct rdv_env env;
	const struct rdv_uri *uri;
	unsigned left; /* of uri */
	void (*done)(void *arg, bool lent);
	void *arg;
	struct rdv_conn *conn; /* to uri[-1] */
	struct event *next;    /* the next one, or the end, from outside of callbacks */
	bool lent;
};

static void
on_relays(void *arg, const struct rdv_relays *r)
{
	struct rdv_lend *d = arg;

	d->lent = r->n > 0;
	if (d->lent)
		d->asked->relays(d->asked->arg, r);
	event_active(d->next, EV_TIMEOUT, 1);
}

static void
on_closed(void *arg, int err, const char *why)
{
	struct rdv_lend *d = arg;

	(void)err;
	log_debug("rendezvous %s lends nothing reason=\"%s\"", d->uri[-1].addr, why);
	event_active(d->next, EV_TIMEOUT, 1);
}

static const struct rdv_conn_ops conn_ops = {.closed = on_closed};

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval tv = {LEND_US / 1000000, 0};
	struct rdv_lend *d = arg;
	uint8_t instance[RDV_INSTANCE];

	(void)fd;
	(void)what;
	rdv_conn_free(d->conn);
	d->conn = NULL;
	if (d->lent || d->left == 0) {
		d->done(d->arg, d->lent);
		return;
	}
	d->left--;
	ident_random(instance, sizeof(instance));
	d->conn = rdv_conn_new(&d->env, d->uri++, RDV_GUEST, instance, &conn_ops, d);
	event_add(d->next, &tv);
}

struct rdv_lend *
rdv_lend_new(const struct rdv_env *env, const struct rdv_uri *uri, unsigned n,
	     void (*done)(void *arg, bool lent), void *arg)
{
	struct rdv_lend *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->asked = env;
	d->env = *env;
	d->env.relays = on_relays;
	d->env.arg = d;
	d->uri = uri;
	d->left = n;
	d->done = done;
	d->arg = arg;
	if ((d->next = evtimer_new(env->base, on_next, d)) == NULL) {
		free(d);
		return NULL;
	}
	event_active(d->next, EV_TIMEOUT, 1);
	return d;
}

void
rdv_lend_free(struct rdv_lend *d)
{
	if (d == NULL)
		return;
	rdv_conn_free(d->conn);
	event_free(d->next);
	free(d);
}
