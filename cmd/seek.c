/* SPDX-License-Identifier: ISC */
#include "cmd/seek.h"

#include <string.h>

#include <event2/event.h>

#include "core/log.h"
#include "net/clock.h"
#include "net/ident.h"

static bool
relayed(const struct seek *k)
{
	return strcmp(link_kind(k->link), "relay") == 0;
}

/* A quarter sooner or later, so that many do not come at once. */
static void
later(struct seek *k)
{
	uint64_t us = k->first_us;
	struct timeval tv;
	uint8_t dice;

	for (unsigned i = 0; i < k->tries && us < SEEK_MAX_US; i++)
		us *= 2;
	us = us < SEEK_MAX_US ? us : SEEK_MAX_US;
	ident_random(&dice, 1);
	tv = clock_tv(us - us / 4 + us / 2 * dice / 256);
	event_add(k->timer, &tv);
}

static struct session *
on_up(void *arg)
{
	struct seek *k = arg;
	struct link *l = k->next;
	char path[200];

	link_path(l, path, sizeof(path));
	log_info("link goes directly from now on path=\"%s\"", path);
	k->next = NULL;
	return k->take(k->arg, l);
}

static void
on_down(void *arg, int err, const char *why)
{
	struct seek *k = arg;

	(void)err;
	log_debug("no direct way yet reason=\"%s\"", why);
	k->next = NULL;
	k->tries++;
	later(k);
}

static const struct link_ops ops = {.up = on_up, .down = on_down};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct seek *k = arg;

	(void)fd;
	(void)what;
	if (!relayed(k))
		return;
	log_debug("link is relayed, a direct way is looked for try=%u", k->tries + 1);
	k->direct = *k->target;
	k->direct.direct = true;
	if ((k->next = link_dial(k->env, &k->direct, &ops, k)) == NULL)
		later(k);
}

static void
drop_next(struct seek *k)
{
	if (k->next != NULL)
		link_drop(k->next);
	k->next = NULL;
}

void
seek_watch(struct seek *k, struct link *l)
{
	seek_stop(k);
	if (k->first_us == 0 || k->env->relay_only)
		return;
	if (k->timer == NULL &&
	    (k->timer = evtimer_new(k->env->base, on_timer, k)) == NULL)
		return;
	k->link = l;
	if (relayed(k))
		later(k);
}

void
seek_now(struct seek *k)
{
	if (k->link == NULL || !relayed(k))
		return;
	drop_next(k);
	k->tries = 0;
	event_active(k->timer, EV_TIMEOUT, 1);
}

void
seek_stop(struct seek *k)
{
	drop_next(k);
	k->link = NULL;
	k->tries = 0;
	if (k->timer != NULL)
		event_free(k->timer);
	k->timer = NULL;
}
