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
#include "core/nowrite.h"
#include "core/text.h"

#define LEASE_PROBE_US 1000000 /* a holder that does not answer in this time is gone */

static const char no_disk[] =
    "it is shared read-only, but has no disk that could be (Bulk-Only Transport)";

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
	lease_unguard(x);
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

static bool
same_peer(const struct lease *a, const struct lease *b)
{
	const uint8_t *x, *y;

	if (a->user == NULL || b->user == NULL || a->user->id == NULL ||
	    b->user->id == NULL)
		return false;
	x = a->user->id(a->arg);
	y = b->user->id(b->arg);
	return memcmp(x, y, PEERID) == 0;
}

static const char *
holder_name(const struct lease *x)
{
	return x->user != NULL ? x->user->name(x->arg) : "a peer that is leaving";
}

static void
deny_held(struct lease *x, const struct lease *holder)
{
	char text[WIRE_TEXT], when[40] = "";
	time_t since = (time_t)holder->since;
	struct tm tm;

	if (gmtime_r(&since, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	snprintf(
	    text, sizeof(text), "busy, held by %s since %s%s", holder_name(holder), when,
	    same_peer(x, holder) ? "; that is you: --takeover takes it from there" : "");
	deny(x, WIRE_IN_USE, text);
}

/* --- those who wait --- */

/* From 1, among those who wait for the same device. */
static unsigned
place_of(const struct lease *x)
{
	unsigned n = 1;
	struct list *l;

	LIST_EACH (&x->of->leases, l) {
		const struct lease *w = CONTAINER_OF(l, struct lease, link);

		if (w == x)
			break;
		n += w->dev == x->dev && w->state == LEASE_WAITING;
	}
	return n;
}

static bool
may_queue(const struct lease *x)
{
	return x->dev->info.queued && x->user->queued != NULL;
}

/* Tells its place, if it does not know it. */
static void
tell_place(struct lease *x)
{
	const struct lease *holder = holder_of(x->of, x->dev);
	unsigned place = place_of(x);
	struct wire_queued q = {.position = place};

	if (holder == NULL || (x->told == place && x->behind == holder))
		return;
	x->told = place;
	x->behind = holder;
	q.since = holder->since;
	text_copy(q.holder, sizeof(q.holder), holder_name(holder));
	log_info("peer %s waits for device %s place=%u holder=%s", x->user->name(x->arg),
		 x->dev->info.busid, place, q.holder);
	x->user->queued(x->arg, x->number, &q);
}

/* One has left the queue. */
static void
tell_places(struct server *s, const struct usb_dev *d)
{
	struct list *l;

	LIST_EACH (&s->leases, l) {
		struct lease *w = CONTAINER_OF(l, struct lease, link);

		if (w->dev == d && w->state == LEASE_WAITING && may_queue(w))
			tell_place(w);
	}
}

static void
probe(struct lease *x, const struct lease *holder)
{
	struct timeval second = {LEASE_PROBE_US / 1000000, LEASE_PROBE_US % 1000000};

	if (holder->user != NULL)
		holder->user->probe(holder->arg);
	event_add(x->probe, &second);
}

/*
 * The holder's second is over: it has answered, or it has lost the device. Who queues
 * goes on asking, so that a holder that dies is noticed.
 */
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
	if (user->silence_us(who) >= LEASE_PROBE_US) {
		log_info("device %s taken from=%s reason=\"its link is silent\"",
			 x->dev->info.busid, user->name(who));
		user->abandon(who, holder->number, &lost);
	} else if (may_queue(x)) {
		probe(x, holder);
	} else {
		deny_held(x, holder);
	}
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
		deny(x, err == ERR_BUSY ? WIRE_IN_USE : WIRE_TROUBLE, why);
		start_waiting(s, d);
		return;
	}
	x->state = LEASE_OPEN;
	if ((err = lease_guard(x)) != ERR_OK) {
		close_again(x, err);
		return;
	}
	log_info("device %s lent to=%s", x->dev->info.busid, x->user->name(x->arg));
	guest_changed(s);
	x->user->opened(x->arg, x->number, &yes, x);
}

static void
on_complete(void *arg, struct urb *u)
{
	struct lease *x = arg;

	if (x->guard != NULL)
		nowrite_complete(x->guard, u);
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

	log_info("device %s is back", d->info.busid);
	lease_free(x);
	guest_changed(s);
	start_waiting(s, d);
	server_check_end(s);
}

static const struct usb_user usb_user = {on_opened, on_complete, on_gone, on_closed};

static bool
waits_already(const struct lease *x)
{
	struct list *l;

	LIST_EACH (&x->of->leases, l) {
		const struct lease *w = CONTAINER_OF(l, struct lease, link);

		if (w == x)
			break;
		if (w->dev == x->dev && w->arg == x->arg && w->state == LEASE_WAITING)
			return true;
	}
	return false;
}

/* The same peer wants it elsewhere; its end there will start us. */
static void
take_over(struct lease *x, struct lease *holder)
{
	static const struct wire_refusal lost = {WIRE_IN_USE,
						 "another attach of yours took it over"};

	x->takeover = false; /* once: two that want it would take turns */
	log_info("device %s taken over by=%s", x->dev->info.busid, x->user->name(x->arg));
	holder->user->taken(holder->arg, holder->number, &lost);
}

static void
wait(struct lease *x, struct lease *holder)
{
	if (may_queue(x))
		tell_place(x);
	if (x->takeover && same_peer(x, holder))
		take_over(x, holder);
	else
		probe(x, holder);
}

/* Opens the device, or waits for its holder to answer or to let go. */
static void
start(struct lease *x)
{
	struct lease *holder = holder_of(x->of, x->dev);
	int err;

	if ((holder != NULL && holder->arg == x->arg) || waits_already(x)) {
		deny(x, WIRE_IN_USE, "you have it already");
	} else if (x->dev->info.read_only && !lease_can_guard(x->dev)) {
		deny(x, WIRE_TROUBLE, no_disk);
	} else if (holder != NULL) {
		wait(x, holder);
	} else {
		event_del(x->probe);
		x->state = LEASE_OPENING;
		x->part = x->dev->info.part;
		x->read_only = x->dev->info.read_only;
		x->since = (uint64_t)time(NULL);
		if ((err = usb_dev_open(x->dev, &usb_user, x)) != ERR_OK)
			deny(x, err == ERR_GONE ? WIRE_NO_DEVICE : WIRE_TROUBLE,
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

	if (x->guard == NULL || nowrite_submit(x->guard, u))
		return usb_dev_submit(x->dev, u);
	x->user->complete(x->arg, x->number, u);
	return ERR_OK;
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

const char *
lease_waiting(const struct server *s, const struct usb_dev *d, unsigned i)
{
	struct list *l;

	LIST_EACH (&s->leases, l) {
		const struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->dev == d && x->state == LEASE_WAITING && i-- == 0)
			return x->user->name(x->arg);
	}
	return NULL;
}

bool
lease_fits(const struct server *s, const struct usb_dev *d)
{
	const struct lease *x = holder_of(s, d);

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
lease_forgo(struct server *s, const void *arg, uint32_t number)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);
		struct usb_dev *d = x->dev;

		if (x->arg != arg || x->number != number || x->state != LEASE_WAITING)
			continue;
		deny(x, WIRE_TROUBLE, "it is not wanted any more");
		tell_places(s, d);
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
		deny(x, WIRE_TROUBLE, "the link is down");
		tell_places(s, d);
	}
}
