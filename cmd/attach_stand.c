/* SPDX-License-Identifier: ISC */
/*
 * What was asked for stays asked for: a device that went is waited for, and each
 * list of the server is held against the words again. A port means whatever comes
 * there; other words mean what they match; no words mean the ports that were there
 * when it was asked. What the user detached is left alone until asked for again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/attacher.h"
#include "cmd/report.h"
#include "core/log.h"
#include "core/text.h"
#include "net/clock.h"

#define PAUSE_US     1000000  /* between a try that failed and the next, at first */
#define PAUSE_MAX_US 30000000 /* it doubles until then */

struct spurned {
	struct list link; /* in attacher.spurned */
	struct devinfo info;
};

static struct attached *
attached_of(struct list *l)
{
	return CONTAINER_OF(l, struct attached, link);
}

static bool
same_ids(const struct devinfo *a, const struct devinfo *b)
{
	return a->vid == b->vid && a->pid == b->pid && strcmp(a->serial, b->serial) == 0;
}

/* The same port, or the same thing in another one. */
static bool
same_device(const struct devinfo *a, const struct devinfo *b)
{
	return strcmp(a->busid, b->busid) == 0 ||
	       (a->serial[0] != '\0' && same_ids(a, b));
}

/* --- what the user detached --- */

static struct spurned *
spurned_of(const struct attacher *a, const struct devinfo *d)
{
	struct list *l;

	LIST_EACH (&a->spurned, l) {
		struct spurned *s = CONTAINER_OF(l, struct spurned, link);

		if (same_device(&s->info, d))
			return s;
	}
	return NULL;
}

void
stand_forgive(struct attacher *a, const struct devinfo *d)
{
	struct spurned *s;

	while ((s = spurned_of(a, d)) != NULL) {
		list_del(&s->link);
		free(s);
	}
}

void
stand_spurn(const struct attached *x)
{
	struct spurned *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		x->want->once = true; /* rather none again than this one */
		return;
	}
	stand_forgive(x->of, &x->info);
	s->info = x->info;
	list_add(&x->of->spurned, &s->link);
}

void
stand_end(struct attacher *a)
{
	while (!list_empty(&a->spurned)) {
		struct spurned *s = CONTAINER_OF(a->spurned.next, struct spurned, link);

		list_del(&s->link);
		free(s);
	}
}

/* --- which of ours it is --- */

bool
stand_have(const struct attacher *a, const char *busid)
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		const struct attached *x = attached_of(l);

		if ((x->state < ATTACHED_WAITING ||
		     (x->state == ATTACHED_LEAVING && x->again)) &&
		    strcmp(x->info.busid, busid) == 0)
			return true;
	}
	return false;
}

struct attached *
stand_waiting(const struct attacher *a, const char *busid)
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		struct attached *x = attached_of(l);

		if (x->state == ATTACHED_WAITING && strcmp(x->info.busid, busid) == 0)
			return x;
	}
	return NULL;
}

/* Its port is one of the words: nothing else is meant by it. */
static bool
is_port_of(const struct want *w, const struct devinfo *d)
{
	for (unsigned i = 0; i < w->n; i++)
		if (pattern_is_port(w->word[i]) && strcmp(w->word[i], d->busid) == 0)
			return true;
	return false;
}

/* How well what is waited for fits a device that its words mean; 0: not. */
static unsigned
fits(const struct attached *x, const struct devinfo *d)
{
	if (strcmp(x->info.busid, d->busid) == 0)
		return 3;
	if (is_port_of(x->want, &x->info))
		return 0;
	return same_ids(&x->info, d) ? 2 : 1;
}

static bool
had_port(const struct want *w, const struct devinfo *d)
{
	struct list *l;

	LIST_EACH (&w->of->devs, l) {
		const struct attached *x = attached_of(l);

		if (x->want == w && strcmp(x->info.busid, d->busid) == 0)
			return true;
	}
	return false;
}

/* Whoever was told that nothing could be had does not get it later. */
static bool
stands_for(struct want *w, const struct devinfo *d)
{
	if (!w->listed || w->once || (w->answered && w->had == 0 && !w->lasting))
		return false;
	return want_means(w, d) && (w->n > 0 || w->lasting || had_port(w, d));
}

/* --- lists --- */

void
stand_failed(struct attached *x)
{
	uint64_t pause = PAUSE_MAX_US;

	if (x->tries < 5)
		pause = PAUSE_US << x->tries;
	x->tries++;
	x->not_before = clock_us() + pause;
	log_info("device %s not attached again_in=%us reason=\"%s\"", x->info.busid,
		 (unsigned)(pause / 1000000), x->why);
}

/* Plugged in anew since it failed: that is worth a try, a second after the last. */
static void
see_again(struct attached *x, const struct devinfo *d)
{
	if (x->tries == 0 || (x->info.devnum == d->devnum && same_ids(&x->info, d)))
		return;
	x->info = *d;
	x->tries = 0;
	x->not_before = x->tried + PAUSE_US;
	attached_wake_at(x, x->not_before);
}

/* What is waited for that fits best, and by whose words; false: nobody asked. */
static bool
find_place(const struct attacher *a, const struct devinfo *d, struct want **w,
	   struct attached **x)
{
	unsigned most = 0;
	struct list *l;

	*w = NULL;
	*x = NULL;
	LIST_EACH (&a->wants, l) {
		struct want *v = CONTAINER_OF(l, struct want, link);

		if (*w == NULL && stands_for(v, d))
			*w = v;
	}
	LIST_EACH (&a->devs, l) {
		struct attached *y = attached_of(l);

		if (y->state == ATTACHED_WAITING && stands_for(y->want, d) &&
		    fits(y, d) > most) {
			*x = y;
			most = fits(y, d);
		}
	}
	return *w != NULL;
}

static bool
has_class(const struct devinfo *d, const struct devinfo_if *c)
{
	for (unsigned i = 0; i < d->ifs; i++)
		if (memcmp(&d->iface[i], c, sizeof(*c)) == 0)
			return true;
	return false;
}

bool
stand_is_other(const struct devinfo *was, const struct devinfo *is)
{
	if (was->ifs == 0)
		return false;
	for (unsigned i = 0; i < is->ifs; i++)
		if (!has_class(was, &is->iface[i]))
			return true;
	return is->ifs == 0 || (is->cls != was->cls && is->cls != 0);
}

/* Told once for each time that it is plugged in. */
static void
tell_other(struct attached *x, const struct devinfo *d)
{
	char had[48], has[48], line[WIRE_TEXT + 64];

	if (strcmp(x->other.busid, d->busid) == 0 && x->other.devnum == d->devnum &&
	    !stand_is_other(&x->other, d))
		return;
	x->other = *d;
	report_classes(had, sizeof(had), &x->was);
	report_classes(has, sizeof(has), d);
	snprintf(
	    x->why, sizeof(x->why),
	    "it came back as another kind of device: it had %s, it has %s; attach it "
	    "again to accept that",
	    had, has);
	snprintf(line, sizeof(line), "%s changed had=\"%s\" has=\"%s\"", d->busid, had,
		 has);
	log_warn("device %s not attached reason=\"%s\"", d->busid, x->why);
	want_say(line);
}

static void
attach_again(struct attached *x, const struct devinfo *d)
{
	bool same = strcmp(x->was.busid, d->busid) == 0 || same_ids(&x->was, d);

	if (same && !x->want->accept && stand_is_other(&x->was, d)) {
		tell_other(x, d);
		return;
	}
	see_again(x, d);
	if (clock_us() >= x->not_before)
		attached_ask(x, d);
	else
		attached_wake_at(x, x->not_before); /* the loop's timers may come early */
}

/* Offers are not known to the server, so it does not take them away. */
static void
see_offers(const struct attacher *a, const struct devinfo *d)
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		struct attached *x = attached_of(l);

		if (x->state != ATTACHED_OFFERED || strcmp(x->info.busid, d->busid) != 0)
			continue;
		x->seen = (same_ids(&x->info, d) || want_means(x->want, d)) &&
			  (x->want->accept || !stand_is_other(&x->was, d));
		if (x->seen)
			x->info = x->asked = *d;
	}
}

void
stand_device(struct attacher *a, const struct wire_device *d)
{
	struct attached *x;
	struct want *w;

	see_offers(a, &d->info);
	if (a->asleep)
		return;
	if ((d->state != WIRE_FREE && !(d->state == WIRE_TAKEN && d->info.queued)) ||
	    stand_have(a, d->info.busid) || spurned_of(a, &d->info) != NULL)
		return;
	if (!find_place(a, &d->info, &w, &x))
		return;
	if (x != NULL)
		attach_again(x, &d->info);
	else if ((x = attached_new(a, w, &d->info)) != NULL)
		attached_ask(x, &d->info);
	else
		log_error("device %s not attached reason=\"out of memory\"",
			  d->info.busid);
}

void
stand_listed(struct attacher *a)
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		struct attached *x = attached_of(l);

		if (x->state == ATTACHED_OFFERED && !x->seen)
			attached_lose(x, "it was unplugged");
		x->seen = false;
	}
}
