/* SPDX-License-Identifier: ISC */
#include "cmd/ground.h"

#include <event2/event.h>

#include "core/log.h"
#include "net/clock.h"
#include "net/link.h"
#include "net/moves.h"

static void
on_verdict(evutil_socket_t fd, short what, void *arg)
{
	struct ground *g = arg;

	(void)fd;
	(void)what;
	if (g->link != NULL && link_silence_us(g->link) > clock_us() - g->asked_at)
		g->lost(g->arg, ERR_TIMEOUT, g->why);
}

/* Whether packets still get through tells nobody but the peer. */
static void
ask(struct ground *g, uint64_t us, const char *why)
{
	struct arq_stats s = {0};
	struct timeval tv;

	(void)link_stats(g->link, &s);
	tv = clock_tv(us + 4 * s.srtt_us);
	g->asked_at = clock_us();
	g->why = why;
	link_ping(g->link);
	event_add(g->verdict, &tv);
}

static void
on_changed(void *arg, bool addresses)
{
	struct ground *g = arg;
	enum link_ground now;

	if (g->link == NULL) {
		g->hope(g->arg, addresses);
		return;
	}
	now = link_ground(g->link);
	log_debug("addresses=%s route=%s link=%s", addresses ? "changed" : "same",
		  now == LINK_OTHER ? "changed" : "same",
		  now == LINK_GONE ? "gone" : "there");
	if (now == LINK_GONE) {
		g->lost(g->arg, ERR_UNREACHABLE, "our address is gone");
		return;
	}
	ask(g, GROUND_WAIT_US, "no sign of life since addresses here have changed");
	if (addresses || now == LINK_OTHER)
		g->better(g->arg);
}

void
ground_start(struct ground *g, struct event_base *base)
{
	g->verdict = evtimer_new(base, on_verdict, g);
	if (g->verdict != NULL)
		g->moves = moves_new(base, on_changed, g);
	if (g->moves == NULL)
		log_debug("changes of addresses are noticed by silence alone");
}

void
ground_stop(struct ground *g)
{
	moves_free(g->moves);
	g->moves = NULL;
	if (g->verdict != NULL)
		event_free(g->verdict);
	g->verdict = NULL;
}

void
ground_doubt(struct ground *g)
{
	if (g->link != NULL && g->verdict != NULL)
		ask(g, GROUND_DOUBT_US, "no sign of life since its connection has ended");
}

void
ground_watch(struct ground *g, struct link *l)
{
	g->link = l;
	if (g->verdict != NULL)
		event_del(g->verdict);
}
