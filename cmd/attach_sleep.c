/* SPDX-License-Identifier: ISC */
/*
 * vhci refuses to let the machine sleep as long as a device is attached: devices go in
 * order before it does, and come back when it is awake.
 */
#include <event2/event.h>

#include "cmd/attacher.h"
#include "cmd/sleep.h"
#include "core/log.h"
#include "core/text.h"

#define ASLEEP_S 4 /* logind waits for 5 */

static bool
in_the_way(const struct attached *x)
{
	return x->has_port && x->state != ATTACHED_WAITING;
}

void
attach_sleep_check(struct attacher *a)
{
	struct list *l;

	if (!a->asleep || a->sleep == NULL)
		return;
	LIST_EACH (&a->devs, l)
		if (in_the_way(CONTAINER_OF(l, struct attached, link)))
			return;
	event_del(a->hurry);
	sleep_ready(a->sleep);
}

static void
on_going(void *arg)
{
	const struct timeval tv = {.tv_sec = ASLEEP_S};
	struct attacher *a = arg;
	struct list *l, *n;

	a->asleep = true;
	event_add(a->hurry, &tv);
	LIST_EACH_SAFE (&a->devs, l, n) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->state >= ATTACHED_WAITING)
			continue;
		x->again = !x->want->once;
		text_copy(x->why, sizeof(x->why), "this machine sleeps");
		attached_eject(x);
	}
	attach_sleep_check(a);
}

/* Drivers that do not end: at once, then. */
static void
on_hurry(evutil_socket_t fd, short what, void *arg)
{
	struct attacher *a = arg;
	struct list *l, *n;

	(void)fd;
	(void)what;
	LIST_EACH_SAFE (&a->devs, l, n) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->state == ATTACHED_EJECTING)
			attached_leave(x);
	}
}

static void
on_back(void *arg)
{
	struct attacher *a = arg;

	a->asleep = false;
	event_del(a->hurry);
	if (a->remote != NULL && remote_ready(a->remote) &&
	    imports_list(remote_imports(a->remote)) != ERR_OK)
		attach_end(a, 1);
}

static const struct sleep_ops sleep_ops = {on_going, on_back};

void
attach_sleep_start(struct attacher *a)
{
	if (a->via_where[0] != '\0' || !a->ctx->conf.attach_sleeps)
		return;
	if ((a->hurry = evtimer_new(a->loop.base, on_hurry, a)) != NULL)
		a->sleep = sleep_new(a->loop.base, &sleep_ops, a);
}

void
attach_sleep_end(struct attacher *a)
{
	sleep_free(a->sleep);
	a->sleep = NULL;
	if (a->hurry != NULL)
		event_free(a->hurry);
	a->hurry = NULL;
}
