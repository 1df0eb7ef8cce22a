/* SPDX-License-Identifier: ISC */
/*
 * Asks a stock server for its list or for a device.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "net/stock.h"
#include "net/stock_live.h"
#include "net/tcp.h"

#define REPLY_S 10 /* a server opens the device before it answers */
#define RETRIES 2  /* without an answer: more than one packet that was lost */

struct stock_dial {
	const struct stock_dial_ops *ops;
	void *arg;
	struct tcp *tcp;
	struct event *timer;
	struct usbip_op_import op;
	bool inside; /* an op of ours is running */
	bool dead;   /* stock_dial_free was called there */
	bool over;   /* done was called */
};

static void
destroy(struct stock_dial *d)
{
	tcp_free(d->tcp);
	if (d->timer != NULL)
		event_free(d->timer);
	free(d);
}

static void
leave(struct stock_dial *d)
{
	d->inside = false;
	if (d->dead)
		destroy(d);
}

static void
finish(struct stock_dial *d, int err, int fd)
{
	if (d->over || d->dead)
		return;
	d->over = true;
	event_del(d->timer);
	d->ops->done(d->arg, err, fd);
}

static void
on_connected(void *arg)
{
	struct stock_dial *d = arg;
	const struct timeval tv = {REPLY_S, 0};
	uint8_t b[USBIP_OP_ASK_MAX];

	tcp_set_liveness(d->tcp, &stock_liveness);
	tcp_write(d->tcp, b, usbip_op_import_request(&d->op, b));
	event_add(d->timer, &tv);
}

static void
on_device(void *arg, const struct devinfo *info)
{
	struct stock_dial *d = arg;

	if (!d->dead)
		d->ops->device(d->arg, info);
}

/* All of the reply is there. */
static void
complete(struct stock_dial *d)
{
	int fd = -1, err = ERR_OK;

	if (d->dead)
		return;
	if (d->op.code == USBIP_OP_IMPORT && (fd = tcp_release(d->tcp)) < 0)
		err = ERR_CLOSED;
	finish(d, err, fd);
}

static int
on_data(void *arg, const uint8_t *p, size_t n)
{
	struct stock_dial *d = arg;
	int err;

	if (d->over)
		return ERR_OK;
	d->inside = true;
	err = usbip_op_import_input(&d->op, p, n);
	if (err != ERR_OK)
		finish(d, err, -1);
	else if (d->op.done)
		complete(d);
	leave(d);
	return ERR_OK;
}

static void
on_closed(void *arg, int err)
{
	struct stock_dial *d = arg;

	d->inside = true;
	finish(d, err, -1);
	leave(d);
}

static const struct tcp_ops tcp_ops = {on_connected, on_data, on_closed};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	on_closed(arg, ERR_TIMEOUT);
}

struct stock_dial *
stock_dial(struct event_base *base, struct evdns_base *dns, const char *where,
	   const char *busid, const struct stock_dial_ops *ops, void *arg)
{
	struct stock_dial *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->ops = ops;
	d->arg = arg;
	d->timer = evtimer_new(base, on_timer, d);
	if (d->timer == NULL ||
	    usbip_op_import_init(&d->op, busid, on_device, d) != ERR_OK ||
	    (d->tcp = tcp_dial(base, dns, where, &tcp_ops, d)) == NULL) {
		destroy(d);
		return NULL;
	}
	return d;
}

/* The last ACK alone says nothing: it is old if there was nothing to acknowledge. */
bool
stock_silent(int fd, uint64_t us)
{
	struct tcp_info i;
	socklen_t n = sizeof(i);

	memset(&i, 0, sizeof(i));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &n) == 0 && i.tcpi_unacked > 0 &&
	       i.tcpi_retransmits >= RETRIES && i.tcpi_last_ack_recv >= us / 1000;
}

void
stock_dial_free(struct stock_dial *d)
{
	if (d == NULL)
		return;
	d->dead = true;
	if (!d->inside)
		destroy(d);
}
