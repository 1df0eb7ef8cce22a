/* SPDX-License-Identifier: ISC */
/*
 * A peer of `serve` whose link was lost: its session, and the devices in it, wait for
 * another link as long as it has asked for.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/server.h"
#include "core/log.h"
#include "net/clock.h"

#define GRACE_MORE_US 5000000   /* than the peer, so that it decides */
#define GRACE_MAX_US  600000000 /* of what a peer may ask for */

bool
guest_held(const struct guest *g)
{
	return g->grace != NULL;
}

static void
stop_waiting(struct guest *g)
{
	if (g->grace != NULL)
		event_free(g->grace);
	g->grace = NULL;
}

static void
on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct guest *g = arg;

	(void)fd;
	(void)what;
	log_info("peer %s disconnected reason=\"did not come back\"", guest_name(g));
	guest_leave(g);
}

void
guest_greeted(struct guest *g, const struct wire_hello *h)
{
	uint64_t us = (uint64_t)h->grace_s * 1000000;

	memcpy(g->session_id, h->session, sizeof(g->session_id));
	g->generation = h->generation;
	g->links = 1;
	g->grace_us = us < GRACE_MAX_US ? us : GRACE_MAX_US;
	if (link_key(g->l, g->key) != ERR_OK)
		g->grace_us = 0;
}

bool
guest_hold(struct guest *g, int err)
{
	uint64_t us = g->grace_us + GRACE_MORE_US;
	struct timeval tv = clock_tv(us);

	if (g->of->ending || g->grace_us == 0 || g->exports == NULL ||
	    (err != ERR_TIMEOUT && err != ERR_UNREACHABLE) ||
	    (g->grace = evtimer_new(g->of->loop.base, on_grace, g)) == NULL)
		return false;
	event_add(g->grace, &tv);
	g->lost_at = clock_us();
	return true;
}

void
guest_leave(struct guest *g)
{
	stop_waiting(g);
	lease_forget(g->of, g);
	if (g->exports != NULL)
		exports_end(g->exports);
	guest_reap_soon(g->of);
}

void
guest_shed(struct server *s, const uint8_t *id)
{
	struct guest *oldest = NULL;
	struct list *l;

	LIST_EACH (&s->guests, l) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (guest_held(g) && memcmp(g->who.id, id, PEERID) == 0 &&
		    (oldest == NULL || g->lost_at < oldest->lost_at))
			oldest = g;
	}
	if (oldest != NULL)
		guest_leave(oldest);
}

/* The session that the peer means, whether we know of its loss or not. */
static struct guest *
meant(const struct guest *asker, const struct door_resume *q)
{
	struct list *l;

	LIST_EACH (&asker->of->guests, l) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (g != asker && g->generation > 0 && (g->l != NULL || guest_held(g)) &&
		    memcmp(g->who.id, asker->who.id, PEERID) == 0 &&
		    memcmp(g->session_id, q->id, sizeof(q->id)) == 0)
			return g;
	}
	return NULL;
}

static bool
proves(const struct guest *g, const struct guest *asker, const struct door_resume *q)
{
	uint8_t want[IDENT_MAC];

	return q->generation > g->generation &&
	       link_proof(asker->l, q, g->key, want) == ERR_OK &&
	       ident_equal(q->proof, want, sizeof(want));
}

struct session *
guest_resume(void *arg, const struct door_resume *q)
{
	struct guest *asker = arg, *g = meant(asker, q);

	if (g == NULL || !proves(g, asker, q)) {
		log_info("peer %s wants a session that is gone", guest_name(asker));
		return NULL;
	}
	if (g->l != NULL)
		link_drop(g->l);
	stop_waiting(g);
	g->l = asker->l;
	g->generation = q->generation;
	g->links++;
	g->stale |= g->lost_at != 0; /* what is shared may have changed meanwhile */
	link_adopt(g->l, g);
	asker->l = NULL;
	guest_reap_soon(g->of);
	if (g->lost_at != 0)
		log_info("peer %s is back after_ms=%llu", guest_name(g),
			 (unsigned long long)(clock_us() - g->lost_at) / 1000);
	else
		log_info("peer %s goes on over another link links=%llu", guest_name(g),
			 (unsigned long long)g->links);
	g->lost_at = 0;
	return g->session;
}
