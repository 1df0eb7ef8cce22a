/* SPDX-License-Identifier: ISC */
/*
 * Stock USB/IP clients of `serve`: one connection has one device, by the lease
 * that a peer would have, and the stock door in between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/server.h"
#include "core/log.h"
#include "core/stock_door.h"
#include "core/text.h"
#include "net/heap.h"
#include "net/stock.h"
#include "vhci/pipe.h"

#define STOCKER_POOL (3 * LOOP_URBS) /* data is copied once */

struct stocker {
	struct list link; /* in server.stocks */
	struct server *of;
	struct stock_conn *conn; /* until it has its answer */
	struct lease *lease;     /* from then on */
	struct stock_door *door;
	struct vhci_pipe *pipe;
	struct pool pool;
	bool ending;
	char name[WIRE_NAME]; /* "usbip 192.0.2.7" */
};

static void
stocker_free(struct stocker *x)
{
	list_del(&x->link);
	vhci_pipe_free(x->pipe);
	if (x->lease != NULL)
		lease_close(x->lease);
	free(x);
}

/* --- the door --- */

static int
on_submit(void *arg, struct urb *u)
{
	struct stocker *x = arg;

	return lease_submit(x->lease, u);
}

static void
on_cancel(void *arg, struct urb *u)
{
	struct stocker *x = arg;

	lease_cancel(x->lease, u);
}

static void
on_wake(void *arg)
{
	struct stocker *x = arg;

	if (x->pipe != NULL)
		vhci_pipe_wake(x->pipe);
}

static void
on_ended(void *arg)
{
	struct stocker *x = arg;

	stock_door_free(x->door);
	stocker_free(x);
}

static const struct stock_door_ops door_ops = {on_submit, on_cancel, on_wake, on_ended};

/* The client goes first, its urbs then, the device last. */
static void
end(struct stocker *x)
{
	if (x->ending)
		return;
	x->ending = true;
	vhci_pipe_free(x->pipe);
	x->pipe = NULL;
	stock_door_end(x->door);
}

/* --- the client's bytes --- */

static int
on_input(void *arg, const uint8_t *p, size_t n)
{
	struct stocker *x = arg;

	return stock_door_input(x->door, p, n);
}

static size_t
on_output(void *arg, const uint8_t **p)
{
	struct stocker *x = arg;

	return stock_door_output(x->door, p);
}

static void
on_sent(void *arg, size_t n)
{
	struct stocker *x = arg;

	stock_door_sent(x->door, n);
}

static void
on_closed(void *arg, int err)
{
	struct stocker *x = arg;

	log_info("%s left reason=\"%s\"", x->name,
		 err == ERR_CLOSED ? "it closed" : err_text(err));
	end(x);
}

static const struct vhci_pipe_ops pipe_ops = {on_input, on_output, on_sent, on_closed};

/* --- the lease --- */

static const struct {
	uint8_t reason; /* enum wire_reason */
	enum usbip_op_status status;
} answers[] = {
    {WIRE_IN_USE, USBIP_OP_BUSY},
    {WIRE_NO_DEVICE, USBIP_OP_NODEV},
    {WIRE_TROUBLE, USBIP_OP_DEV_ERR},
};

static void
refuse(struct stocker *x, uint8_t reason)
{
	enum usbip_op_status status = USBIP_OP_ERROR;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].reason == reason)
			status = answers[i].status;
	if (x->conn != NULL)
		stock_no(x->conn, status);
	stocker_free(x);
}

static int
make_door(struct stocker *x)
{
	const struct usb_dev *d = x->lease->dev;
	struct stock_door_conf conf = {.devid = devinfo_devid(&d->info),
				       .urb_max = LOOP_URB_MAX,
				       .budget = LOOP_URBS,
				       .raw = x->lease->raw,
				       .raw_len = x->lease->raw_len,
				       .cache = d->cache,
				       .cache_len = d->cache_len,
				       .config = d->info.config,
				       .speed = d->info.speed};

	heap_pool(&x->pool, STOCKER_POOL);
	return stock_door_new(&x->door, &x->pool, &conf, &door_ops, x);
}

static void
on_opened(void *arg, uint32_t number, const struct wire_refusal *no, struct lease *lease)
{
	struct stocker *x = arg;
	struct stock_conn *conn = x->conn;
	int fd, err;

	(void)number;
	x->lease = lease;
	if (lease == NULL) {
		log_info("%s refused reason=\"%s\"", x->name, no->text);
		refuse(x, no->reason);
		return;
	}
	if (conn == NULL || (err = make_door(x)) != ERR_OK) {
		if (conn != NULL)
			log_warn("%s refused reason=\"%s\"", x->name, err_text(err));
		refuse(x, WIRE_TROUBLE);
		return;
	}
	x->conn = NULL;
	if ((err = stock_yes(conn, &lease->dev->info, &fd)) == ERR_OK) {
		x->pipe = vhci_pipe_new(x->of->loop.base, fd, &pipe_ops, x);
		if (x->pipe != NULL)
			return;
		close(fd);
	}
	end(x);
}

static void
on_complete(void *arg, uint32_t number, struct urb *u)
{
	struct stocker *x = arg;

	(void)number;
	stock_door_complete(x->door, u);
}

static void
on_taken(void *arg, uint32_t number, const struct wire_refusal *why)
{
	struct stocker *x = arg;

	(void)number;
	log_info("%s sent away reason=\"%s\"", x->name, why->text);
	if (x->door != NULL) {
		end(x);
	} else if (x->conn != NULL) { /* it is being opened: its end follows */
		stock_no(x->conn, USBIP_OP_NODEV);
		x->conn = NULL;
	}
}

/* TCP itself asks for signs of life, and ends the connection without them. */
static void
on_probe(void *arg)
{
	(void)arg;
}

static uint64_t
on_silence_us(void *arg)
{
	(void)arg;
	return 0;
}

static const char *
on_name(void *arg)
{
	return ((struct stocker *)arg)->name;
}

static const struct lease_user user = {on_opened,     on_complete, on_taken, on_probe,
				       on_silence_us, on_taken,    on_name,  NULL,
				       NULL,          NULL,        NULL};

/* --- the listener --- */

/* A device that somebody has is not shown, as by the stock server. */
static const struct devinfo *
on_list(void *arg, unsigned i)
{
	const struct server *s = arg;
	struct list *l;

	LIST_EACH (&s->bus.devs, l) {
		const struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);

		if (!d->left && server_shares(s, d) && lease_is_free(s, d) && i-- == 0)
			return &d->info;
	}
	return NULL;
}

static void
name(struct stocker *x)
{
	char where[sizeof(x->name) - sizeof("usbip ") + 1];

	text_copy(where, sizeof(where), stock_conn_peer(x->conn));
	where[strlen(where) - strlen(strrchr(where, ':'))] = '\0';
	snprintf(x->name, sizeof(x->name), "usbip %s", where);
}

static void
on_ask(void *arg, struct stock_conn *conn, const char *busid)
{
	struct server *s = arg;
	struct usb_dev *d = usb_bus_find(&s->bus, busid);
	struct stocker *x;

	if (d == NULL || d->left || !server_shares(s, d)) {
		stock_no(conn, USBIP_OP_NODEV);
	} else if (s->ending || (x = calloc(1, sizeof(*x))) == NULL) {
		stock_no(conn, USBIP_OP_ERROR);
	} else {
		x->of = s;
		x->conn = conn;
		list_add(&s->stocks, &x->link);
		name(x);
		lease_take(s, d, &user, x, 0, false);
	}
}

static void
on_left(void *arg, struct stock_conn *conn)
{
	struct server *s = arg;
	struct list *l;

	LIST_EACH (&s->stocks, l) {
		struct stocker *x = CONTAINER_OF(l, struct stocker, link);

		if (x->conn == conn) {
			x->conn = NULL;
			lease_forget(s, x); /* one that opens hears of it then */
			return;
		}
	}
}

static const struct stock_ops stock_ops = {on_list, on_ask, on_left};

int
stocker_listen(struct server *s, const char *where, const struct stock_allow *allow)
{
	char why[256], at[STOCK_WHERE];
	int err;

	if (stock_where(at, where) != ERR_OK)
		return cmd_wrong(&cmd_serve, "\"%s\" is no ADDR:PORT", where);
	err = stock_listen(&s->stock, s->loop.base, &s->loop.pool, at, allow, &stock_ops,
			   s, why, sizeof(why));
	if (err != ERR_OK)
		return cmd_fail(err, "%s", why);
	log_warn("serve speaks plain USB/IP at=%s reason=\"no encryption, and whoever "
		 "reaches this address may take any shared device\"",
		 stock_listener_where(s->stock));
	return 0;
}

/* SIGTERM. Those that still open end when they have been opened. */
void
stocker_end_all(struct server *s)
{
	struct list *l, *n;

	stock_listener_free(s->stock);
	s->stock = NULL;
	LIST_EACH_SAFE (&s->stocks, l, n) {
		struct stocker *x = CONTAINER_OF(l, struct stocker, link);

		x->conn = NULL;
		if (x->door != NULL)
			end(x);
		else
			lease_forget(s, x);
	}
}
