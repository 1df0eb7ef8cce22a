/* SPDX-License-Identifier: ISC */
/*
 * Devices in the hands of others (peers, stock clients): opening and closing them, one
 * holder at a time, and taking them from a holder that has fallen silent (DESIGN.md 9).
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

/* The user hears no; the lease is over. */
static void
deny(struct lease *x, enum wire_reason reason, const char *text)
{
	struct wire_refusal no = {.reason = (uint8_t)reason};
	const struct lease_user *user = x->user;
	uint32_t number = x->number;
	void *arg = x->arg;

	text_copy(no.text, sizeof(no.text), text);
	lease_free(x);
	user->opened(arg, number, &no, NULL);
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
		 holder->user != NULL ? holder->user->name(holder->arg)
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
	const struct lease_user *user;
	void *who;

	(void)fd;
	(void)what;
	if (holder == NULL || holder->user == NULL)
		return; /* being closed: its end will start us */
	user = holder->user;
	who = holder->arg;
	if (user->silence_us(who) < LEASE_PROBE_US) {
		deny_held(x, holder);
		return;
	}
	log_info("device %s taken from=%s reason=\"its link is silent\"",
		 x->dev->info.busid, user->name(who));
	user->abandon(who, holder->number, &lost);
}

/* --- the device's side --- */

static void
on_opened(void *arg, int err, const char *why)
{
	static const struct wire_refusal yes = {WIRE_OK, ""};
	struct lease *x = arg;

	if (err != ERR_OK) {
		log_warn("device %s cannot be opened reason=\"%s\"", x->dev->info.busid,
			 why);
		deny(x, err == ERR_BUSY ? WIRE_IN_USE : WIRE_TROUBLE, why);
		return;
	}
	x->state = LEASE_OPEN;
	log_info("device %s lent to=%s", x->dev->info.busid, x->user->name(x->arg));
	guest_changed(x->of);
	x->user->opened(x->arg, x->number, &yes, x);
}

static void
on_complete(void *arg, struct urb *u)
{
	struct lease *x = arg;

	x->user->complete(x->arg, x->number, u);
}

static void
on_gone(void *arg)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, "it was unplugged"};
	struct lease *x = arg;

	if (x->user != NULL)
		x->user->taken(x->arg, x->number, &why);
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
	guest_changed(s);
	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *w = CONTAINER_OF(l, struct lease, link);

		if (w->dev == d && w->state == LEASE_WAITING)
			start(w);
	}
	server_check_end(s);
}

static const struct usb_user usb_user = {on_opened, on_complete, on_gone, on_closed};

/* Opens the device, or waits for its holder to answer or to let go. */
static void
start(struct lease *x)
{
	struct timeval second = {LEASE_PROBE_US / 1000000, LEASE_PROBE_US % 1000000};
	struct lease *holder = holder_of(x->of, x->dev);
	int err;

	if (holder != NULL && holder->arg == x->arg) {
		deny(x, WIRE_IN_USE, "you have it already");
	} else if (holder != NULL) {
		if (holder->user != NULL)
			holder->user->probe(holder->arg);
		event_add(x->probe, &second);
	} else {
		event_del(x->probe);
		x->state = LEASE_OPENING;
		x->part = x->dev->info.part;
		x->since = (uint64_t)time(NULL);
		if ((err = usb_dev_open(x->dev, &usb_user, x)) != ERR_OK)
			deny(x, err == ERR_GONE ? WIRE_NO_DEVICE : WIRE_TROUBLE,
			     err_text(err));
	}
}

/* --- the user's side --- */

void
lease_take(struct server *s, struct usb_dev *d, const struct lease_user *user, void *arg,
	   uint32_t number)
{
	static const struct wire_refusal no = {WIRE_LIMIT, "out of memory"};
	struct lease *x = calloc(1, sizeof(*x));

	if (x == NULL || (x->probe = evtimer_new(s->loop.base, on_probe, x)) == NULL) {
		free(x);
		user->opened(arg, number, &no, NULL);
		return;
	}
	x->of = s;
	x->user = user;
	x->arg = arg;
	x->dev = d;
	x->number = number;
	x->state = LEASE_WAITING;
	list_add(&s->leases, &x->link);
	start(x);
}

void
lease_close(struct lease *x)
{
	x->user = NULL;
	x->arg = NULL;
	x->state = LEASE_CLOSING;
	usb_dev_close(x->dev);
	guest_reap_soon(x->of);
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
lease_describe(const struct server *s, const void *asker, const struct usb_dev *d,
	       struct wire_device *w)
{
	const struct lease *x = holder_of(s, d);

	memset(w, 0, sizeof(*w));
	w->info = d->info;
	w->state = WIRE_FREE;
	if (x == NULL || x->user == NULL)
		return;
	w->state = x->arg == asker ? WIRE_YOURS : WIRE_TAKEN;
	w->since = x->since;
	text_copy(w->holder, sizeof(w->holder), x->user->name(x->arg));
}

bool
lease_is_free(const struct server *s, const struct usb_dev *d)
{
	return holder_of(s, d) == NULL;
}

bool
lease_fits(const struct server *s, const struct usb_dev *d)
{
	const struct lease *x = holder_of(s, d);

	return x == NULL || x->part == d->info.part;
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
		else if (x->dev == d && x->user != NULL)
			x->user->taken(x->arg, x->number, &no);
	}
}

void
lease_review(struct server *s)
{
	static const struct wire_refusal no = {WIRE_NOT_ALLOWED,
					       "you may not use it any more"};
	struct list *l, *n;

	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->user == NULL || x->user->may == NULL ||
		    x->user->may(x->arg, x->dev))
			continue;
		if (x->state == LEASE_WAITING)
			deny(x, WIRE_NOT_ALLOWED, no.text);
		else
			x->user->taken(x->arg, x->number, &no);
	}
}

void
lease_forget(struct server *s, const void *arg)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->arg == arg && x->state == LEASE_WAITING)
			deny(x, WIRE_TROUBLE, "the link is down");
	}
}
