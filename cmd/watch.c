/* SPDX-License-Identifier: ISC */
/*
 * A timer while somebody watches; what it finds unchanged goes to nobody. It is quick
 * while things change, and when it was poked; else it looks up now and then.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/watch.h"
#include "net/ctl.h"

#define QUICK 8 /* looks without a change until it is slow */

static const struct timeval quick = {0, 250000}, slow = {2, 0}, at_once = {0, 20000};

/* One that does not read gets the newest status later, and no queue of old ones. */
static void
send_line(struct watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->of[i].behind && ctl_waiting(w->of[i].conn) == 0) {
			w->of[i].behind = false;
			ctl_line(w->of[i].conn, w->line);
		}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	char *was = w->old;

	(void)fd;
	(void)what;
	w->still += w->still < QUICK;
	if (!w->build(w->arg, w->old, CTL_LINE_MAX)) {
		event_add(w->tick, &slow);
		return;
	}
	if (strcmp(w->old, w->line) != 0) {
		w->still = 0;
		w->old = w->line;
		w->line = was;
		for (unsigned i = 0; i < w->n; i++)
			w->of[i].behind = true;
	}
	send_line(w);
	event_add(w->tick, w->still < QUICK ? &quick : &slow);
}

void
watch_poke(struct watch *w)
{
	if (w->n == 0 || w->still < QUICK)
		return;
	w->still = 0;
	event_add(w->tick, &at_once);
}

int
watch_init(struct watch *w, struct event_base *base, watch_fn *build, void *arg)
{
	memset(w, 0, sizeof(*w));
	w->build = build;
	w->arg = arg;
	w->tick = evtimer_new(base, on_tick, w);
	return w->tick == NULL ? ERR_NOMEM : ERR_OK;
}

static void
rest(struct watch *w)
{
	event_del(w->tick);
	free(w->line);
	free(w->old);
	w->line = w->old = NULL;
}

void
watch_fini(struct watch *w)
{
	if (w->tick == NULL)
		return;
	rest(w);
	event_free(w->tick);
	w->tick = NULL;
	w->n = 0;
}

int
watch_add(struct watch *w, struct ctl_conn *c)
{
	if (w->n == WATCHERS)
		return ERR_FULL;
	if (w->n == 0) {
		w->line = calloc(1, CTL_LINE_MAX);
		w->old = calloc(1, CTL_LINE_MAX);
		if (w->line == NULL || w->old == NULL) {
			rest(w);
			return ERR_NOMEM;
		}
	}
	w->of[w->n].conn = c;
	w->of[w->n++].behind = true;
	w->still = 0;
	on_tick(-1, 0, w);
	return ERR_OK;
}

void
watch_gone(struct watch *w, struct ctl_conn *c)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->of[i].conn == c) {
			w->of[i] = w->of[--w->n];
			if (w->n == 0)
				rest(w);
			return;
		}
}
