/* SPDX-License-Identifier: ISC */
/*
 * Rules of the configuration ([policy NAME]) for devices in the hands of others: their
 * hours, how long at a stretch, how fast. core/policy decides; here is the clock. And
 * what the owner takes back after a while.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "cmd/lease_wait.h"
#include "cmd/server.h"
#include "core/log.h"
#include "core/text.h"
#include "core/usbip.h"
#include "net/clock.h"

#define LOOK_US 60000000 /* at least so often while a rule has limits: clocks change */

/* Minute of the week, and how much of it is over. */
static unsigned
week_minute(uint64_t *into_us)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	*into_us = (uint64_t)tm.tm_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	return (unsigned)((tm.tm_wday + 6) % 7) * POLICY_DAY +
	       (unsigned)(tm.tm_hour * 60 + tm.tm_min);
}

static void
look(const struct server *s, const char *peer, const struct usb_dev *d, struct policy *p,
     uint64_t *into_us)
{
	const struct conf *c = &s->ctx->conf;

	policy_look(p, (const struct policy_rule *const *)c->policy, c->policies, peer,
		    &d->info, week_minute(into_us));
}

bool
lease_never(const struct server *s, const struct usb_dev *d)
{
	const struct conf_list *l = &s->ctx->conf.never;
	const char *word[CONF_WORDS];

	for (unsigned i = 0; i < l->n; i++)
		word[i] = l->word[i];
	return pattern_list(word, l->n, &d->info);
}

/* Our own ones: drivers go back whenever it is. */
static bool
is_free_of_rules(const struct lease *x)
{
	return x->arg == x->of;
}

/* --- what was cut --- */

static struct pause_row *
pause_of(struct server *s, const char *peer, const struct usb_dev *d)
{
	for (unsigned i = 0; i < SERVER_PAUSES; i++)
		if (strcmp(s->pause[i].peer, peer) == 0 &&
		    strcmp(s->pause[i].busid, d->info.busid) == 0)
			return &s->pause[i];
	return NULL;
}

static void
begin_pause(const struct lease *x, uint64_t us)
{
	struct server *s = x->of;
	struct pause_row *r = pause_of(s, x->by, x->dev);

	if (r == NULL) { /* the one that ends first makes room */
		r = &s->pause[0];
		for (unsigned i = 1; i < SERVER_PAUSES; i++)
			if (s->pause[i].until < r->until)
				r = &s->pause[i];
	}
	text_copy(r->peer, sizeof(r->peer), x->by);
	text_copy(r->busid, sizeof(r->busid), x->dev->info.busid);
	r->until = clock_us() + us;
}

bool
lease_barred(const struct lease *x, char *why, size_t cap)
{
	const char *peer = x->user->name(x->arg);
	const struct pause_row *r;
	uint64_t into, now = clock_us();
	struct policy p;

	if (is_free_of_rules(x))
		return false;
	look(x->of, peer, x->dev, &p, &into);
	if (p.closed != NULL) {
		snprintf(why, cap, "not at this time (rule %s)", p.closed->name);
		return true;
	}
	if (p.session_us == 0 || (r = pause_of(x->of, peer, x->dev)) == NULL ||
	    r->until <= now)
		return false;
	snprintf(why, cap, "your time was up, again in %u s (rule %s)",
		 (unsigned)((r->until - now + 999999) / 1000000), p.by_session->name);
	return true;
}

/* --- while it is in use --- */

struct limit {
	uint64_t left_us;               /* UINT64_MAX: none */
	const struct policy_rule *rule; /* NULL: the owner says so */
	const char *what;
};

static void
find_owners(const struct lease *x, struct limit *l)
{
	uint64_t now = clock_us(), left = x->back_us > now ? x->back_us - now : 0;

	if (x->back_us != 0 && left < l->left_us)
		*l = (struct limit){left, NULL, "the server took it back"};
}

static void
find_limit(const struct lease *x, const struct policy *p, uint64_t into_us,
	   struct limit *l)
{
	uint64_t used = clock_us() - x->opened_us, left;

	*l = (struct limit){UINT64_MAX, NULL, ""};
	if (p->open_min != UINT32_MAX) {
		l->left_us = (uint64_t)p->open_min * 60000000;
		l->left_us -= into_us < l->left_us ? into_us : l->left_us;
		l->rule = p->by_hours;
		l->what = "its hours are over";
	}
	find_owners(x, l);
	if (p->session_us == 0)
		return;
	left = used < p->session_us ? p->session_us - used : 0;
	if (left < l->left_us)
		*l = (struct limit){left, p->by_session, "its time is up"};
}

static void
say_why(const struct limit *l, char *why, size_t cap)
{
	if (l->rule != NULL)
		snprintf(why, cap, "%s (rule %s)", l->what, l->rule->name);
	else
		snprintf(why, cap, "%s", l->what);
}

static void
cut(struct lease *x, const struct policy *p, const struct limit *l)
{
	struct wire_refusal no = {.reason = l->rule != NULL ? WIRE_NOT_ALLOWED
							    : WIRE_NO_DEVICE};

	say_why(l, no.text, sizeof(no.text));
	log_info("device %s taken from=%s reason=\"%s\"", x->dev->info.busid, x->by,
		 no.text);
	if (l->rule != NULL && l->rule == p->by_session && p->pause_us > 0)
		begin_pause(x, p->pause_us);
	claims_why(x, no.text);
	x->user->taken(x->arg, x->number, &no);
}

static void
warn(struct lease *x, const struct limit *l)
{
	char why[WIRE_TEXT];

	x->warned = true;
	say_why(l, why, sizeof(why));
	log_info("device %s ends for=%s in=%us reason=\"%s\"", x->dev->info.busid, x->by,
		 (unsigned)(l->left_us / 1000000), why);
	if (x->user->ends != NULL)
		x->user->ends(x->arg, x->number,
			      (uint32_t)((l->left_us + 500000) / 1000000), why);
}

/* Returns when to look again; UINT64_MAX: never. */
static uint64_t
check(struct lease *x)
{
	struct policy p;
	struct limit l;
	uint64_t into, warn_us;

	look(x->of, x->by, x->dev, &p, &into);
	x->rate = p.rate;
	find_limit(x, &p, into, &l);
	if (l.left_us == UINT64_MAX)
		return UINT64_MAX;
	if (l.left_us == 0) {
		cut(x, &p, &l);
		return UINT64_MAX;
	}
	warn_us = l.rule != NULL ? p.warn_us : l.left_us;
	if (l.left_us > warn_us) {
		x->warned = false; /* a rule has changed */
		l.left_us -= warn_us;
	} else if (!x->warned && warn_us > 0) {
		warn(x, &l);
	}
	return l.left_us < LOOK_US ? l.left_us : LOOK_US;
}

void
lease_clock(struct server *s)
{
	uint64_t next = UINT64_MAX;
	struct list *l, *n;
	struct timeval tv;

	event_del(s->clock);
	LIST_EACH_SAFE (&s->leases, l, n) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);
		uint64_t at = UINT64_MAX;

		if (x->state == LEASE_OPEN && x->user != NULL && !is_free_of_rules(x))
			at = check(x);
		next = at < next ? at : next;
	}
	if (next == UINT64_MAX)
		return;
	tv = clock_tv(next + 1000); /* after, not before */
	event_add(s->clock, &tv);
}

void
lease_call_back(struct server *s, const struct usb_dev *d, uint64_t us)
{
	struct list *l;

	LIST_EACH (&s->leases, l) {
		struct lease *x = CONTAINER_OF(l, struct lease, link);

		if (x->dev != d || x->state != LEASE_OPEN)
			continue;
		x->back_us = clock_us() + us;
		x->warned = false;
	}
	lease_clock(s);
}

void
lease_on_clock(int fd, short what, void *server)
{
	(void)fd;
	(void)what;
	lease_clock(server);
}

/* --- how fast --- */

static void
set_gate(struct lease *x)
{
	uint64_t us = policy_wait_us(&x->toll, clock_us());
	struct timeval tv = clock_tv(us);

	event_add(x->gate, &tv);
}

bool
lease_hold(struct lease *x, struct urb *u)
{
	if (u->type != URB_BULK || x->gate == NULL ||
	    (x->held == NULL &&
	     (x->rate == 0 || policy_wait_us(&x->toll, clock_us()) == 0)))
		return false;
	u->device = NULL; /* it is the next one's place now */
	if (x->held == NULL)
		x->held = u;
	else
		x->held_last->device = u;
	x->held_last = u;
	set_gate(x);
	return true;
}

void
lease_pay(struct lease *x, const struct urb *u)
{
	if (u->type == URB_BULK || u->type == URB_ISO)
		policy_charge(&x->toll, x->rate, u->actual, clock_us());
}

/* Out of those that are held. */
static struct urb *
take(struct lease *x, struct urb *before)
{
	struct urb *u = before == NULL ? x->held : before->device;

	if (before == NULL)
		x->held = u->device;
	else
		before->device = u->device;
	if (x->held_last == u)
		x->held_last = before;
	u->device = NULL;
	return u;
}

static void
fail(struct lease *x, struct urb *u, int32_t status)
{
	u->status = status;
	u->actual = 0;
	x->user->complete(x->arg, x->number, u);
}

bool
lease_unhold(struct lease *x, const struct urb *u)
{
	struct urb *before = NULL;

	for (struct urb *i = x->held; i != NULL; before = i, i = i->device) {
		if (i != u)
			continue;
		i = take(x, before);
		i->device = x->unheld;
		x->unheld = i;
		event_active(x->gate, EV_TIMEOUT, 1); /* not from inside */
		return true;
	}
	return false;
}

void
lease_on_gate(int fd, short what, void *lease)
{
	struct lease *x = lease;
	struct urb *u;
	int err;

	(void)fd;
	(void)what;
	while (x->user != NULL && (u = x->unheld) != NULL) {
		x->unheld = u->device;
		u->device = NULL;
		fail(x, u, -LINUX_ECONNRESET);
	}
	while (x->user != NULL && x->held != NULL &&
	       (x->dev->left || policy_wait_us(&x->toll, clock_us()) == 0)) {
		u = take(x, NULL);
		err = lease_pass(x, u);
		if (err != ERR_OK)
			fail(x, u, err == ERR_FAIL ? u->status : -LINUX_ESHUTDOWN);
	}
	if (x->user != NULL && x->held != NULL)
		set_gate(x);
}
