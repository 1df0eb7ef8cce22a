/* SPDX-License-Identifier: ISC */
/*
 * Devices in the hands of others (peers, stock clients): opening and closing them, one
 * holder at a time, and taking them away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "cmd/lease_wait.h"
#include "cmd/server.h"
#include "core/log.h"
#include "core/nowrite.h"
#include "core/text.h"
#include "net/clock.h"

static const char no_disk[] =
    "it is shared read-only, but has no disk that could be (Bulk-Only Transport)";

static void start(struct lease *);

static void
lease_free(struct lease *x)
{
	list_del(&x->link);
	claims_end(x);
	ASSERT(x->held == NULL && x->unheld == NULL);
	if (x->gate != NULL)
		event_free(x->gate);
	if (x->probe != NULL)
		event_free(x->probe);
	lease_unguard(x);
	free(x);
}

void
lease_deny(struct lease *x, enum wire_reason reason, const char *text)
{
	struct wire_refusal no = {.reason = (uint8_t)reason};
	const struct lease_user *user = x->user;
	uint32_t number = x->number;
	void *arg = x->arg;

	text_copy(no.text, sizeof(no.text), text);
	claims_denied(x, text);
	lease_free(x);
	user->opened(arg, number, &no, NULL);
}

static void
start_waiting(struct server *s, struct usb_dev *d)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *w = CONTAINER_OF(l, struct lease, link);

		if (w->dev == d && w->state == LEASE_WAITING)
			start(w);
	}
}

/* --- the device's side --- */

/* It is open, but must not be used so. */
static void
close_again(struct lease *x, int err)
{
	struct wire_refusal no = {.reason = WIRE_TROUBLE};
	const struct lease_user *user = x->user;
	void *arg = x->arg;

	text_copy(no.text, sizeof(no.text), err == ERR_LACKING ? no_disk : err_text(err));
	lease_close(x);
	user->opened(arg, x->number, &no, NULL);
}

static void
on_opened(void *arg, int err, const char *why)
{
	static const struct wire_refusal yes = {WIRE_OK, ""};
	struct lease *x = arg;
	struct server *s = x->of;
	struct usb_dev *d = x->dev;

	if (err != ERR_OK) {
		log_warn("device %s cannot be opened reason=\"%s\"", d->info.busid, why);
		claims_why(x, why);
		lease_deny(x, err == ERR_BUSY ? WIRE_IN_USE : WIRE_TROUBLE, why);
		start_waiting(s, d);
		return;
	}
	x->state = LEASE_OPEN;
	x->was_open = true;
	x->opened_us = clock_us();
	x->open_ms = (x->opened_us - x->asked_us) / 1000;
	if ((err = lease_guard(x)) != ERR_OK) {
		close_again(x, err);
		return;
	}
	log_info("device %s lent to=%s open_ms=%llu", x->dev->info.busid, x->by,
		 (unsigned long long)x->open_ms);
	claims_opened(x);
	guest_changed(s);
	x->user->opened(x->arg, x->number, &yes, x);
	lease_clock(s);
}

static void
on_complete(void *arg, struct urb *u)
{
	struct lease *x = arg;

	if (x->guard != NULL)
		nowrite_complete(x->guard, u);
	lease_pay(x, u);
	x->user->complete(x->arg, x->number, u);
}

static void
on_gone(void *arg)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, "it was unplugged"};
	struct lease *x = arg;

	claims_why(x, why.text);
	if (x->held != NULL)
		event_active(x->gate, EV_TIMEOUT, 1);
	if (x->user != NULL)
		x->user->taken(x->arg, x->number, &why);
}

static void
on_closed(void *arg)
{
	struct lease *x = arg;
	struct server *s = x->of;
	struct usb_dev *d = x->dev;

	log_info("device %s is back", d->info.busid);
	lease_free(x);
	guest_changed(s);
	start_waiting(s, d);
	server_check_end(s);
}

static const struct usb_user usb_user = {on_opened, on_complete, on_gone, on_closed};

/* The same peer wants it elsewhere; its end there will start us. */
static void
take_over(struct lease *x, struct lease *holder)
{
	static const struct wire_refusal lost = {WIRE_IN_USE,
						 "another attach of yours took it over"};

	x->takeover = false; /* once: two that want it would take turns */
	log_info("device %s taken over by=%s", x->dev->info.busid, x->user->name(x->arg));
	claims_why(holder, lost.text);
	holder->user->taken(holder->arg, holder->number, &lost);
}

static void
wait(struct lease *x, struct lease *holder)
{
	x->unanswered = 0; /* what another holder did not say is not this one's */
	if (lease_may_queue(x))
		lease_tell_place(x);
	if (x->takeover && lease_same_peer(x, holder))
		take_over(x, holder);
	else
		lease_probe(x, holder);
}

/* Opens the device, or waits for its holder to answer or to let go. */
static void
start(struct lease *x)
{
	struct lease *holder = lease_holder(x->of, x->dev);
	char why[WIRE_TEXT];
	int err;

	if (lease_barred(x, why, sizeof(why))) {
		log_info("peer %s refused device %s reason=\"%s\"", x->user->name(x->arg),
			 x->dev->info.busid, why);
		lease_deny(x, WIRE_NOT_ALLOWED, why);
	} else if ((holder != NULL && holder->arg == x->arg) || lease_waits_already(x)) {
		lease_deny(x, WIRE_IN_USE, "you have it already");
	} else if (x->dev->info.read_only && !lease_can_guard(x->dev)) {
		lease_deny(x, WIRE_TROUBLE, no_disk);
	} else if (holder != NULL) {
		wait(x, holder);
	} else {
		event_del(x->probe);
		x->state = LEASE_OPENING;
		x->part = x->dev->info.part;
		x->read_only = x->dev->info.read_only;
		x->since = (uint64_t)time(NULL);
		text_copy(x->by, sizeof(x->by), x->user->name(x->arg));
		claims_take(x);
		if ((err = usb_dev_open(x->dev, &usb_user, x)) != ERR_OK)
			lease_deny(x, err == ERR_GONE ? WIRE_NO_DEVICE : WIRE_TROUBLE,
				   err_text(err));
	}
}

/* --- the user's side --- */

void
lease_take(struct server *s, struct usb_dev *d, const struct lease_user *user, void *arg,
	   uint32_t number, bool takeover)
{
	static const struct wire_refusal no = {WIRE_LIMIT, "out of memory"};
	struct lease *x = calloc(1, sizeof(*x));

	if (x == NULL ||
	    (x->probe = evtimer_new(s->loop.base, lease_on_probe, x)) == NULL ||
	    (x->gate = evtimer_new(s->loop.base, lease_on_gate, x)) == NULL) {
		if (x != NULL && x->probe != NULL)
			event_free(x->probe);
		free(x);
		user->opened(arg, number, &no, NULL);
		return;
	}
	x->of = s;
	x->user = user;
	x->arg = arg;
	x->dev = d;
	x->number = number;
	x->takeover = takeover;
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
	struct lease *x = lease;

	return lease_hold(x, u) ? ERR_OK : lease_pass(x, u);
}

int
lease_pass(struct lease *x, struct urb *u)
{
	if (x->guard == NULL || nowrite_submit(x->guard, u))
		return usb_dev_submit(x->dev, u);
	x->user->complete(x->arg, x->number, u);
	return ERR_OK;
}

void
lease_cancel(void *lease, struct urb *u)
{
	struct lease *x = lease;

	if (!lease_unhold(x, u))
		usb_dev_cancel(x->dev, u);
}

void
lease_describe(const struct server *s, const void *asker, const struct usb_dev *d,
	       struct wire_device *w)
{
	const struct lease *x = lease_holder(s, d);

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
	return lease_holder(s, d) == NULL;
}

bool
lease_fits(const struct server *s, const struct usb_dev *d)
{
	const struct lease *x = lease_holder(s, d);

	return x == NULL ||
	       (x->part == d->info.part && x->read_only == d->info.read_only);
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
			lease_deny(x, WIRE_NO_DEVICE, why);
		else if (x->dev == d && x->user != NULL) {
			claims_why(x, why);
			x->user->taken(x->arg, x->number, &no);
		}
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
			lease_deny(x, WIRE_NOT_ALLOWED, no.text);
		else {
			claims_why(x, no.text);
			x->user->taken(x->arg, x->number, &no);
		}
	}
}

void
lease_forgo(struct server *s, const void *arg, uint32_t number)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);
		struct usb_dev *d = x->dev;

		if (x->arg != arg || x->number != number || x->state != LEASE_WAITING)
			continue;
		lease_deny(x, WIRE_TROUBLE, "it is not wanted any more");
		lease_tell_places(s, d);
		return;
	}
}

void
lease_forget(struct server *s, const void *arg)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);
		struct usb_dev *d = x->dev;

		if (x->arg != arg || x->state != LEASE_WAITING)
			continue;
		lease_deny(x, WIRE_TROUBLE, "the link is down");
		lease_tell_places(s, d);
	}
}
