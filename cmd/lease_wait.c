/* SPDX-License-Identifier: ISC */
/*
 * Those who want a device that somebody has: the holder is asked for a sign of life and
 * loses it if it gives none (DESIGN.md 9); they are refused, or wait in a queue.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "cmd/lease_wait.h"
#include "cmd/server.h"
#include "core/log.h"
#include "core/text.h"
#include "net/clock.h"

#define LEASE_PROBE_US 1000000 /* for an answer */
#define LEASE_PROBES   2       /* without one: the holder is gone */

struct lease *
lease_holder(const struct server *s, const struct usb_dev *d)
{
	struct list *l;

	LIST_EACH (&s->leases, l) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->dev == d && x->state != LEASE_WAITING)
			return x;
	}
	return NULL;
}

bool
lease_same_peer(const struct lease *a, const struct lease *b)
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
	    lease_same_peer(x, holder) ? "; that is you: --takeover takes it from there"
				       : "");
	lease_deny(x, WIRE_IN_USE, text);
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

bool
lease_may_queue(const struct lease *x)
{
	return x->dev->info.queued && x->user->queued != NULL;
}

/* Tells its place, if it does not know it. */
void
lease_tell_place(struct lease *x)
{
	const struct lease *holder = lease_holder(x->of, x->dev);
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
void
lease_tell_places(struct server *s, const struct usb_dev *d)
{
	struct list *l;

	LIST_EACH (&s->leases, l) {
		struct lease *w = CONTAINER_OF(l, struct lease, link);

		if (w->dev == d && w->state == LEASE_WAITING && lease_may_queue(w))
			lease_tell_place(w);
	}
}

void
lease_probe(struct lease *x, const struct lease *holder)
{
	struct timeval second = {LEASE_PROBE_US / 1000000, LEASE_PROBE_US % 1000000};

	if (holder->user != NULL)
		holder->user->probe(holder->arg);
	x->probed_us = clock_us();
	event_add(x->probe, &second);
}

/* Counts what was not answered: a busy machine may need more than a second for once. */
static bool
is_silent(struct lease *x, const struct lease *holder)
{
	uint64_t silence = holder->user->silence_us(holder->arg);

	if (silence <= clock_us() - x->probed_us)
		x->unanswered = 0;
	else
		x->unanswered++;
	return silence == UINT64_MAX || x->unanswered >= LEASE_PROBES;
}

/*
 * The holder's second is over: it has answered, or is asked again, or has lost the
 * device. Who queues goes on asking, so that a holder that dies is noticed.
 */
void
lease_on_probe(int fd, short what, void *arg)
{
	static const struct wire_refusal lost = {
	    WIRE_IN_USE, "your link was silent, another peer asked"};
	struct lease *x = arg, *holder = lease_holder(x->of, x->dev);
	const struct lease_user *user;
	void *who;

	(void)fd;
	(void)what;
	if (holder == NULL || holder->user == NULL)
		return; /* being closed: its end will start us */
	user = holder->user;
	who = holder->arg;
	if (is_silent(x, holder)) {
		log_info("device %s taken from=%s reason=\"its link is silent\"",
			 x->dev->info.busid, user->name(who));
		claims_why(holder, lost.text);
		user->abandon(who, holder->number, &lost);
	} else if (x->unanswered > 0 || lease_may_queue(x)) {
		lease_probe(x, holder);
	} else {
		deny_held(x, holder);
	}
}

bool
lease_waits_already(const struct lease *x)
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
