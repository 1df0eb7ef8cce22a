/* SPDX-License-Identifier: ISC */
/*
 * Devices of a stock USB/IP server: no peer, no session, one TCP connection for
 * each device. The server is asked for it, then the device for its descriptors;
 * from there on a bridge makes it like any other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/attacher.h"
#include "core/bridge.h"
#include "core/stock_client.h"
#include "core/stock_fetch.h"
#include "core/text.h"
#include "net/clock.h"
#include "net/ident.h"
#include "vhci/pipe.h"

struct far {
	struct attached *of;
	struct stock_dial *dial;
	struct stock_client *client;
	struct stock_fetch *fetch;
	struct vhci_pipe *pipe;
	int fd;              /* the pipe's */
	struct event *timer; /* of fetch */
};

static void
fail(struct far *f, int err, const char *why)
{
	char text[STOCK_WHERE + WIRE_TEXT];

	snprintf(text, sizeof(text), "the USB/IP server at %s: %s",
		 f->of->of->target.name, why);
	attached_fail(f->of, err, text);
}

/* --- the descriptors --- */

/*
 * Classes of the interfaces, which the server did not say: of the configuration that
 * is active, or will be (Linux takes a device that it shares out of any).
 */
static void
read_interfaces(struct devinfo *d, const uint8_t *raw, size_t n)
{
	uint8_t config = 0, active = d->config != 0 ? d->config : raw[18 + 5];

	/* core/desc has been over it: every length is right */
	for (size_t i = 0; i < n; i += raw[i]) {
		const uint8_t *p = raw + i;

		if (p[1] == 2)
			config = p[5];
		if (p[1] == 4 && p[3] == 0 && config == active && d->ifs < DEVINFO_IFS)
			d->iface[d->ifs++] = (struct devinfo_if){p[5], p[6], p[7]};
	}
}

static void
on_fetched(void *arg, int err, const char *why)
{
	struct far *f = arg;
	struct attached *x = f->of;
	struct pool *pool = &x->of->loop.pool;
	struct import_conf conf = {.devid = x->info.busnum << 16 | x->info.devnum,
				   .urb_max = LOOP_URB_MAX,
				   .budget = LOOP_URBS,
				   .reserve = LOOP_URBS / 8,
				   .config = x->info.config,
				   .speed = x->info.speed};

	if (err != ERR_OK) {
		fail(f, err, why);
		return;
	}
	conf.raw = stock_fetch_raw(f->fetch, &conf.raw_len);
	err =
	    bridge_new_stock(&x->bridge, pool, f->client, &conf, &attached_bridge_ops, x);
	if (err != ERR_OK) {
		fail(f, err, err_text(err));
		return;
	}
	read_interfaces(&x->info, conf.raw, conf.raw_len);
	stock_fetch_strings(f->fetch, &x->info);
	attached_give(x);
}

static void
rearm(struct far *f)
{
	uint64_t at = stock_fetch_deadline(f->fetch), now = clock_us();
	struct timeval tv = clock_left(at, now);

	if (at == UINT64_MAX) {
		event_del(f->timer);
		return;
	}
	event_add(f->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct far *f = arg;

	(void)fd;
	(void)what;
	stock_fetch_tick(f->fetch, clock_us());
	rearm(f);
}

/* --- the connection --- */

static int
on_input(void *arg, const uint8_t *p, size_t n)
{
	struct far *f = arg;
	int err = stock_client_input(f->client, p, n);

	if (f->of->state == ATTACHED_ASKING)
		rearm(f);
	return err;
}

static size_t
on_output(void *arg, const uint8_t **p)
{
	struct far *f = arg;

	return stock_client_output(f->client, p);
}

static void
on_sent(void *arg, size_t n)
{
	struct far *f = arg;

	stock_client_sent(f->client, n);
}

static void
on_closed(void *arg, int err)
{
	struct far *f = arg;
	struct attached *x = f->of;

	if (x->of->code == 0)
		x->of->code = err_exit(err);
	if (x->answered)
		cmd_fail(err, "%s: the USB/IP server at %s: %s", x->info.busid,
			 x->of->target.name, err_text(err));
	fail(f, err, err_text(err));
}

static const struct vhci_pipe_ops pipe_ops = {on_input, on_output, on_sent, on_closed};

static void
on_wake(void *arg)
{
	struct far *f = arg;

	if (f->pipe != NULL)
		vhci_pipe_wake(f->pipe);
}

static const struct stock_client_ops client_ops = {on_wake};

/* The server has given us the device: the URB phase begins. */
static int
talk(struct far *f, int fd)
{
	struct attached *x = f->of;
	struct pool *pool = &x->of->loop.pool;
	uint32_t devid = x->info.busnum << 16 | x->info.devnum;

	if ((f->client = stock_client_new(pool, devid, &client_ops, f)) == NULL ||
	    (f->pipe = vhci_pipe_new(x->of->loop.base, fd, &pipe_ops, f)) == NULL) {
		close(fd);
		return ERR_NOMEM;
	}
	f->fd = fd;
	return stock_fetch_new(&f->fetch, pool, f->client, on_fetched, f, clock_us());
}

static void
on_device(void *arg, const struct devinfo *d)
{
	struct far *f = arg;

	f->of->info = *d;
}

static void
on_done(void *arg, int err, int fd)
{
	struct far *f = arg;

	stock_dial_free(f->dial);
	f->dial = NULL;
	if (err == ERR_OK)
		err = talk(f, fd);
	if (err != ERR_OK)
		fail(f, err, err_text(err));
	else
		rearm(f);
}

static const struct stock_dial_ops dial_ops = {on_device, on_done};

/* --- for the others --- */

int
far_start(struct attached *x)
{
	struct attacher *a = x->of;
	struct far *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return ERR_NOMEM;
	f->of = x;
	if ((f->timer = evtimer_new(a->loop.base, on_timer, f)) == NULL ||
	    (f->dial = stock_dial(a->loop.base, a->loop.dns, a->target.name,
				  x->info.busid, &dial_ops, f)) == NULL) {
		far_free(f);
		return ERR_NOMEM;
	}
	x->far = f;
	return ERR_OK;
}

void
far_leave(struct far *f)
{
	if (f == NULL)
		return;
	event_del(f->timer);
	stock_dial_free(f->dial);
	f->dial = NULL;
	vhci_pipe_free(f->pipe);
	f->pipe = NULL;
}

void
far_free(struct far *f)
{
	if (f == NULL)
		return;
	stock_dial_free(f->dial);
	vhci_pipe_free(f->pipe);
	stock_fetch_free(f->fetch);
	stock_client_free(f->client);
	if (f->timer != NULL)
		event_free(f->timer);
	free(f);
}

bool
far_silent(const struct far *f, uint64_t us)
{
	return f->pipe == NULL || stock_silent(f->fd, us);
}

/* --- the command line --- */

bool
far_is(const char *who)
{
	return strncmp(who, STOCK_URI, strlen(STOCK_URI)) == 0;
}

/* The server's address stands for an identity: one process for each. */
static int
make_id(struct target *t)
{
	struct ident_hash *h = ident_hash_new();

	if (h == NULL)
		return ERR_NOMEM;
	ident_hash_add(h, STOCK_URI, strlen(STOCK_URI));
	ident_hash_add(h, t->name, strlen(t->name));
	ident_hash_end(h, t->link.id);
	return ERR_OK;
}

int
far_read(struct attacher *a, const char *uri, const char *as)
{
	struct want *w = a->first;
	char busid[USBIP_OP_BUSID];

	if (stock_uri(uri, a->target.name, busid) != ERR_OK || busid[0] == '\0')
		return cmd_wrong(&cmd_attach, "\"%s\" is no usbip://HOST[:PORT]/BUSID",
				 uri);
	if (as != NULL || a->via_where[0] != '\0')
		return cmd_wrong(&cmd_attach,
				 "--as and --via are for peers, not for usbip://");
	if (w->n == ATTACH_WANTS)
		return cmd_wrong(&cmd_attach, "too many devices in one command");
	memmove(w->word[1], w->word[0], sizeof(w->word[0]) * w->n++);
	text_copy(w->word[0], sizeof(w->word[0]), busid);
	for (unsigned i = 0; i < w->n; i++)
		if (strpbrk(w->word[i], "!=:*/") != NULL)
			return cmd_wrong(&cmd_attach,
					 "\"%s\" is no busid: a stock server's devices "
					 "are named one by one",
					 w->word[i]);
	a->stock = true;
	return make_id(&a->target) == ERR_OK ? 0 : cmd_fail(ERR_NOMEM, "out of memory");
}
