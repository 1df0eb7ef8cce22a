/* SPDX-License-Identifier: ISC */
/*
 * The listener for stock clients: net/tcp's limits for strangers hold until a
 * client has said what it wants.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/list.h"
#include "core/log.h"
#include "net/stock.h"
#include "net/stock_live.h"
#include "net/tcp.h"

const struct tcp_liveness stock_liveness = {
    .idle_s = 5, .interval_s = 4, .limit_s = 12}; /* gone after 13 s */

struct stock_listener {
	struct tcp_listener *tcp;
	struct pool *pool;
	struct stock_allow allow;
	const struct stock_ops *ops;
	void *arg;
	struct list conns; /* stock_conn.link */
	unsigned count;
};

struct stock_conn {
	struct list link; /* in stock_listener.conns */
	struct stock_listener *of;
	struct tcp *tcp;
	struct usbip_op_export op;
	bool inside; /* the engine is running */
	bool dead;   /* answered or left: freed when it has run */
};

static void
destroy(struct stock_conn *c)
{
	usbip_op_export_fini(&c->op);
	free(c);
}

/* Out of the listener's sight; its socket goes too. */
static void
drop(struct stock_conn *c)
{
	list_del(&c->link);
	c->of->count--;
	tcp_free(c->tcp);
	c->dead = true;
	if (!c->inside)
		destroy(c);
}

/* --- engine --- */

static const struct devinfo *
on_list(void *arg, unsigned i)
{
	struct stock_conn *c = arg;

	return c->of->ops->list(c->of->arg, i);
}

static void
on_import(void *arg, const char *busid)
{
	struct stock_conn *c = arg;

	tcp_admitted(c->tcp);
	c->of->ops->ask(c->of->arg, c, busid);
}

static const struct usbip_op_export_ops op_ops = {on_list, on_import};

/* Hands the reply to TCP. */
static void
flush(struct stock_conn *c)
{
	const uint8_t *p;
	size_t n;

	while ((n = usbip_op_export_output(&c->op, &p)) > 0) {
		tcp_write(c->tcp, p, n);
		usbip_op_export_sent(&c->op, n);
	}
	if (c->op.state == USBIP_OP_OVER)
		tcp_finish(c->tcp);
}

/* --- tcp --- */

static int
on_data(void *arg, const uint8_t *p, size_t n)
{
	struct stock_conn *c = arg;
	int err;

	c->inside = true;
	err = usbip_op_export_input(&c->op, p, n);
	c->inside = false;
	if (c->dead) {
		destroy(c);
		return ERR_OK;
	}
	if (err == ERR_OK)
		flush(c);
	return err;
}

static void
on_closed(void *arg, int err)
{
	struct stock_conn *c = arg;
	bool waits = c->op.state == USBIP_OP_DECIDING;

	if (err != ERR_CLOSED)
		log_info("usbip %s sent away reason=\"%s\"", tcp_peer(c->tcp),
			 err_text(err));
	if (waits)
		c->of->ops->left(c->of->arg, c);
	drop(c);
}

static const struct tcp_ops tcp_ops = {NULL, on_data, on_closed};

static void
on_accepted(void *arg, struct tcp *tcp)
{
	struct stock_listener *l = arg;
	struct stock_conn *c;

	if (!stock_allow_has(&l->allow, tcp_peer(tcp))) {
		log_info("usbip %s refused reason=\"not in --usbip-allow\"",
			 tcp_peer(tcp));
		return;
	}
	if (l->count == STOCK_CONNS || (c = calloc(1, sizeof(*c))) == NULL)
		return;
	c->of = l;
	c->tcp = tcp;
	list_add(&l->conns, &c->link);
	l->count++;
	usbip_op_export_init(&c->op, l->pool, &op_ops, c);
	tcp_set_liveness(tcp, &stock_liveness);
	tcp_take(tcp, &tcp_ops, c);
}

static const struct tcp_listener_ops listener_ops = {on_accepted};

/* --- */

int
stock_listen(struct stock_listener **out, struct event_base *base, struct pool *pool,
	     const char *where, const struct stock_allow *allow,
	     const struct stock_ops *ops, void *arg, char *why, size_t cap)
{
	struct stock_listener *l = calloc(1, sizeof(*l));
	int err = ERR_NOMEM;

	*out = NULL;
	snprintf(why, cap, "%s", err_text(err));
	if (l == NULL)
		return err;
	*l = (struct stock_listener){
	    .pool = pool, .allow = *allow, .ops = ops, .arg = arg};
	list_init(&l->conns);
	if (allow->n == 0 && !tcp_is_loopback(where)) {
		err = ERR_USAGE;
		snprintf(
		    why, cap,
		    "plain USB/IP on %s would let anybody in who reaches it: say who "
		    "may come with --usbip-allow CIDR",
		    where);
	} else {
		err = tcp_listen(&l->tcp, base, where, &listener_ops, l, why, cap);
	}
	if (err != ERR_OK) {
		free(l);
		return err;
	}
	*out = l;
	return ERR_OK;
}

void
stock_listener_free(struct stock_listener *l)
{
	if (l == NULL)
		return;
	while (!list_empty(&l->conns))
		drop(CONTAINER_OF(l->conns.next, struct stock_conn, link));
	tcp_listener_free(l->tcp);
	free(l);
}

const char *
stock_listener_where(const struct stock_listener *l)
{
	return tcp_listener_where(l->tcp);
}

const char *
stock_conn_peer(const struct stock_conn *c)
{
	return tcp_peer(c->tcp);
}

int
stock_yes(struct stock_conn *c, const struct devinfo *d, int *fd)
{
	int err = usbip_op_export_grant(&c->op, d);

	*fd = -1;
	if (err == ERR_OK) {
		flush(c);
		if ((*fd = tcp_release(c->tcp)) < 0)
			err = ERR_CLOSED;
	}
	drop(c);
	return err;
}

void
stock_no(struct stock_conn *c, enum usbip_op_status status)
{
	usbip_op_export_refuse(&c->op, status);
	if (!c->inside)
		flush(c); /* else on_data does */
}
