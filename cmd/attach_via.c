/* SPDX-License-Identifier: ISC */
/*
 * Devices of `attach` that are not given to the kernel here, but offered to stock
 * USB/IP clients. The peer is asked for a device when a client wants it, and gets
 * it back, to be reset, when the client leaves.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/attacher.h"
#include "core/bridge.h"
#include "core/log.h"
#include "core/pattern.h"
#include "core/text.h"
#include "vhci/pipe.h"

#define VIA_WHERE "127.0.0.1:" STOCK_PORT

/* --- the client's bytes --- */

/* Offered again; the server has the device until the next one asks. */
void
via_again(struct attached *x)
{
	via_leave(x);
	attached_cache_end(x);
	if (x->dev != 0 && x->of->remote != NULL)
		imports_release(remote_imports(x->of->remote), x->dev);
	x->dev = 0;
	bridge_free(x->bridge);
	x->bridge = NULL;
	x->state = ATTACHED_OFFERED;
}

static void
on_closed(void *arg, int err)
{
	struct attached *x = arg;

	log_info("device %s let go by its client reason=\"%s\"", x->info.busid,
		 err == ERR_CLOSED ? "it closed" : err_text(err));
	via_leave(x);
	if (x->state == ATTACHED_UP && !attached_flush(x))
		via_again(x);
}

static const struct vhci_pipe_ops pipe_ops = {attached_input, attached_output,
					      attached_sent, on_closed};

/* --- the server's side --- */

static const struct {
	int err;
	enum usbip_op_status status;
} answers[] = {
    {ERR_BUSY, USBIP_OP_BUSY},
    {ERR_NODEV, USBIP_OP_NODEV},
    {ERR_REFUSED, USBIP_OP_NA},
};

static void
refuse(struct attached *x, int err, const char *why)
{
	enum usbip_op_status status = USBIP_OP_ERROR;
	struct stock_conn *conn = x->conn;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].err == err)
			status = answers[i].status;
	x->conn = NULL;
	if (conn != NULL) {
		log_info("device %s refused to=%s reason=\"%s\"", x->info.busid,
			 stock_conn_peer(conn), why);
		stock_no(conn, status);
	}
	via_again(x);
}

/* Through the bridge to the client. */
static int
give(struct attached *x, const struct wire_imported *i)
{
	struct stock_conn *conn = x->conn;
	int fd, err;

	if (conn == NULL)
		return ERR_CLOSED;
	if (stand_is_other(&x->asked, &i->info))
		return ERR_REFUSED; /* another kind of device than the list said */
	if ((err = bridge_new(&x->bridge, remote_pool(x->of->remote),
			      remote_imports(x->of->remote), i, LOOP_URBS,
			      &attached_bridge_ops, x)) != ERR_OK)
		return err;
	bridge_assist(x->bridge, x->of->off);
	attached_cache_start(x);
	x->info = i->info;
	x->conn = NULL;
	log_info("device %s given to=%s", x->info.busid, stock_conn_peer(conn));
	if ((err = stock_yes(conn, &x->info, &fd)) != ERR_OK)
		return err;
	if ((x->pipe = vhci_pipe_new(x->of->loop.base, fd, &pipe_ops, x)) == NULL) {
		close(fd);
		return ERR_NOMEM;
	}
	return ERR_OK;
}

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	struct attached *x = arg;

	if (err != ERR_OK) {
		x->dev = 0;
		refuse(x, err, i->no.text);
	} else if ((err = give(x, i)) != ERR_OK) {
		refuse(x, err, err_text(err));
	} else {
		x->state = ATTACHED_UP;
		x->since = (uint64_t)time(NULL);
	}
}

static const struct imports_user user = {on_imported, attached_reply, attached_removed,
					 NULL, attached_ends};

/* --- the listener --- */

static const struct devinfo *
on_list(void *arg, unsigned i)
{
	const struct attacher *a = arg;
	struct list *l;

	LIST_EACH (&a->devs, l) {
		const struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->state == ATTACHED_OFFERED && i-- == 0)
			return &x->info;
	}
	return NULL;
}

/* By busid or nickname. */
static struct attached *
find(const struct attacher *a, const char *name)
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->state < ATTACHED_WAITING &&
		    (strcmp(x->info.busid, name) == 0 || pattern_names(name, &x->info)))
			return x;
	}
	return NULL;
}

static void
on_ask(void *arg, struct stock_conn *conn, const char *name)
{
	struct attacher *a = arg;
	struct attached *x = find(a, name);
	int err;

	if (x == NULL || a->remote == NULL || !remote_ready(a->remote)) {
		stock_no(conn, USBIP_OP_NODEV);
		return;
	}
	if (x->state != ATTACHED_OFFERED) {
		stock_no(conn, USBIP_OP_BUSY);
		return;
	}
	x->state = ATTACHED_ASKING;
	x->conn = conn;
	err = imports_import(remote_imports(a->remote), x->info.busid,
			     x->want->takeover ? WIRE_TAKEOVER : 0, &user, x, &x->dev);
	if (err != ERR_OK) {
		x->dev = 0;
		refuse(x, err, err_text(err));
	}
}

static void
on_left(void *arg, struct stock_conn *conn)
{
	const struct attacher *a = arg;
	struct list *l;

	LIST_EACH (&a->devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->conn == conn) {
			x->conn = NULL;
			via_again(x);
			return;
		}
	}
}

static const struct stock_ops stock_ops = {on_list, on_ask, on_left};

/* --- for the others --- */

void
via_offer(struct attached *x)
{
	char line[DEVINFO_STRING * 2 + 160];

	x->state = ATTACHED_OFFERED;
	x->was = x->asked;
	x->seen = true;
	x->told = false;
	x->want->had++;
	x->of->attached++;
	snprintf(line, sizeof(line), "%s offered at=%s id=%04x:%04x %s %s", x->info.busid,
		 stock_listener_where(x->of->via), x->info.vid, x->info.pid,
		 x->info.manufacturer, x->info.product);
	attached_answer(x, ERR_OK, line);
}

void
via_leave(struct attached *x)
{
	struct stock_conn *conn = x->conn;

	x->conn = NULL;
	if (conn != NULL)
		stock_no(conn, USBIP_OP_NODEV);
	vhci_pipe_free(x->pipe);
	x->pipe = NULL;
}

int
via_read(struct attacher *a, const char *arg)
{
	if (strcmp(arg, "vhci") == 0) {
		a->via_where[0] = '\0';
		return 0;
	}
	if (strcmp(arg, "usbip") == 0)
		arg = "usbip=" VIA_WHERE;
	if (strncmp(arg, "usbip=", 6) == 0 &&
	    stock_where(a->via_where, arg + 6) == ERR_OK)
		return 0;
	return cmd_wrong(&cmd_attach, "--via cannot be \"%s\": vhci or usbip=ADDR:PORT",
			 arg);
}

int
via_start(struct attacher *a)
{
	char why[256];
	int err;

	if (a->via_where[0] == '\0')
		return 0;
	err = stock_listen(&a->via, a->loop.base, &a->loop.pool, a->via_where, &a->allow,
			   &stock_ops, a, why, sizeof(why));
	if (err != ERR_OK)
		return cmd_fail(err, "%s", why);
	log_warn("attach speaks plain USB/IP at=%s reason=\"no encryption, and whoever "
		 "reaches this address may take the devices\"",
		 stock_listener_where(a->via));
	return 0;
}
