/* SPDX-License-Identifier: ISC */
/*
 * Devices in the hands of peers: opening and closing them, one holder at a
 * time, and taking them from a holder that has fallen silent (DESIGN.md 9).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "cmd/server.h"
#include "core/log.h"
#include "core/text.h"

#define LEASE_PROBE_US 1000000 /* a holder that does not answer in this time is gone */

static void start(struct lease *);

static struct lease *
holder_of(const struct server *s, const struct usb_dev *d)
{
	struct list *l;

	LIST_EACH (&s->leases, l) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->dev == d && x->state != LEASE_WAITING)
			return x;
	}
	return NULL;
}

static void
lease_free(struct lease *x)
{
	list_del(&x->link);
	if (x->probe != NULL)
		event_free(x->probe);
	free(x);
}

/* The session hears no; the lease is over. */
static void
deny(struct lease *x, enum wire_reason reason, const char *text)
{
	struct wire_refusal no = {.reason = (uint8_t)reason};
	struct guest *g = x->guest;
	uint32_t number = x->number;

	text_copy(no.text, sizeof(no.text), text);
	lease_free(x);
	exports_opened(g->exports, number, &no, NULL);
}

static void
deny_held(struct lease *x, const struct lease *holder)
{
	char text[WIRE_TEXT], when[40] = "";
	time_t since = (time_t)holder->since;
	struct tm tm;

	if (gmtime_r(&since, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	snprintf(text, sizeof(text), "%s is held by %s since %s", x->dev->info.busid,
		 holder->guest != NULL ? guest_name(holder->guest)
				       : "a peer that is leaving",
		 when);
	deny(x, WIRE_IN_USE, text);
}

/* The holder's second is over: it has answered, or it has lost the device. */
static void
on_probe(evutil_socket_t fd, short what, void *arg)
{
	static const struct wire_refusal lost = {
	    WIRE_IN_USE, "your link was silent, another peer asked"};
	struct lease *x = arg, *holder = holder_of(x->of, x->dev);
	struct guest *g;

	(void)fd;
	(void)what;
	if (holder == NULL || (g = holder->guest) == NULL)
		return; /* being closed: its end will start us */
	if (g->l != NULL && link_silence_us(g->l) < LEASE_PROBE_US) {
		deny_held(x, holder);
		return;
	}
	log_info("device %s taken from=%s reason=\"its link is silent\"",
		 x->dev->info.busid, guest_name(g));
	exports_remove(g->exports, holder->number, &lost);
	if (g->l != NULL)
		link_abort(g->l, ERR_TIMEOUT,
			   "silent while another peer asked for its device");
}

/* --- the device's side --- */

static void
on_opened(void *arg, int err, const char *why)
{
	static const struct wire_refusal yes = {WIRE_OK, ""};
	struct lease *x = arg;
	struct exports_device d = {.device = x,
				   .info = &x->dev->info,
				   .raw = x->dev->raw,
				   .raw_len = x->dev->raw_len};

	if (err != ERR_OK) {
		log_warn("device %s cannot be opened reason=\"%s\"", x->dev->info.busid,
			 why);
		deny(x, err == ERR_BUSY ? WIRE_IN_USE : WIRE_TROUBLE, why);
		return;
	}
	x->state = LEASE_OPEN;
	log_info("device %s lent to=%s", x->dev->info.busid, guest_name(x->guest));
	exports_opened(x->guest->exports, x->number, &yes, &d);
}

static void
on_complete(void *arg, struct urb *u)
{
	struct lease *x = arg;

	exports_complete(x->guest->exports, x->number, u);
}

static void
on_gone(void *arg)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, "it was unplugged"};
	struct lease *x = arg;

	if (x->guest != NULL)
		exports_remove(x->guest->exports, x->number, &why);
}

static void
on_closed(void *arg)
{
	struct lease *x = arg;
	struct server *s = x->of;
	struct usb_dev *d = x->dev;
	struct list *l, *n;

	log_info("device %s is back", d->info.busid);
	lease_free(x);
	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *w = CONTAINER_OF(l, struct lease, link);

		if (w->dev == d && w->state == LEASE_WAITING)
			start(w);
	}
	server_check_end(s);
}

static const struct usb_user lease_user = {on_opened, on_complete, on_gone, on_closed};

/* Opens the device, or waits for its holder to answer or to let go. */
static void
start(struct lease *x)
{
	struct timeval second = {LEASE_PROBE_US / 1000000, LEASE_PROBE_US % 1000000};
	struct lease *holder = holder_of(x->of, x->dev);
	int err;

	if (holder != NULL && holder->guest == x->guest) {
		deny(x, WIRE_IN_USE, "you have it already");
	} else if (holder != NULL) {
		if (holder->guest != NULL && holder->guest->l != NULL)
			link_ping(holder->guest->l);
		event_add(x->probe, &second);
	} else {
		event_del(x->probe);
		x->state = LEASE_OPENING;
		x->since = (uint64_t)time(NULL);
		if ((err = usb_dev_open(x->dev, &lease_user, x)) != ERR_OK)
			deny(x, err == ERR_GONE ? WIRE_NO_DEVICE : WIRE_TROUBLE,
			     err_text(err));
	}
}

/* --- the session's side --- */

void
lease_open(void *arg, uint32_t number, const char *busid, uint8_t flags)
{
	struct guest *g = arg;
	struct server *s = g->of;
	struct usb_dev *d = usb_bus_find(&s->bus, busid);
	struct wire_refusal no = {WIRE_NO_DEVICE,
				  "there is no such device that you may use"};
	struct lease *x;

	(void)flags;
	if (d == NULL || d->left || !guest_may_see(g, d)) {
		exports_opened(g->exports, number, &no, NULL);
		return;
	}
	x = calloc(1, sizeof(*x));
	if (x == NULL || (x->probe = evtimer_new(s->loop.base, on_probe, x)) == NULL) {
		free(x);
		no = (struct wire_refusal){WIRE_LIMIT, "out of memory"};
		exports_opened(g->exports, number, &no, NULL);
		return;
	}
	x->of = s;
	x->guest = g;
	x->dev = d;
	x->number = number;
	x->state = LEASE_WAITING;
	list_add(&s->leases, &x->link);
	start(x);
}

void
lease_close(void *arg, void *lease)
{
	struct guest *g = arg;
	struct lease *x = lease;

	x->guest = NULL;
	x->state = LEASE_CLOSING;
	usb_dev_close(x->dev);
	guest_reap_soon(g->of);
}

int
lease_submit(void *lease, struct urb *u)
{
	return usb_dev_submit(((struct lease *)lease)->dev, u);
}

void
lease_cancel(void *lease, struct urb *u)
{
	usb_dev_cancel(((struct lease *)lease)->dev, u);
}

void
lease_describe(const struct guest *g, const struct usb_dev *d, struct wire_device *w)
{
	const struct lease *x = holder_of(g->of, d);

	memset(w, 0, sizeof(*w));
	w->info = d->info;
	w->state = WIRE_FREE;
	if (x == NULL || x->guest == NULL)
		return;
	w->state = x->guest == g ? WIRE_YOURS : WIRE_TAKEN;
	w->since = x->since;
	text_copy(w->holder, sizeof(w->holder), guest_name(x->guest));
}

bool
lease_list(void *arg, unsigned i, struct wire_device *w)
{
	struct guest *g = arg;
	struct list *l;

	LIST_EACH (&g->of->bus.devs, l) {
		const struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);

		if (!d->left && guest_may_see(g, d) && i-- == 0) {
			lease_describe(g, d, w);
			return true;
		}
	}
	return false;
}

void
lease_revoke(struct server *s, struct usb_dev *d, const char *why)
{
	struct wire_refusal no = {.reason = WIRE_NO_DEVICE};
	struct list *l, *n;

	text_copy(no.text, sizeof(no.text), why);
	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->dev == d && x->state == LEASE_WAITING)
			deny(x, WIRE_NO_DEVICE, why);
		else if (x->dev == d && x->guest != NULL)
			exports_remove(x->guest->exports, x->number, &no);
	}
}

void
lease_forget_guest(struct guest *g)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&g->of->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->guest == g && x->state == LEASE_WAITING)
			deny(x, WIRE_TROUBLE, "the link is down");
	}
}
