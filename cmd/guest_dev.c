/* SPDX-License-Identifier: ISC */
/*
 * Devices as one peer of `serve` has them: what its session asks of a lease, what
 * a lease tells its session, and the list as it changes.
 */
#include <event2/event.h>

#include "cmd/server.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/text.h"

#define TELL_US 20000 /* a hub that is pulled takes its devices along */
#define BACKLOG 16384 /* bytes that may wait for the peer before a list */

/* --- what the lease tells --- */

static void
on_opened(void *arg, uint32_t number, const struct wire_refusal *no, struct lease *x)
{
	struct guest *g = arg;
	struct exports_device d = {.device = x};

	if (x != NULL) {
		d.info = &x->dev->info;
		d.raw = x->raw;
		d.raw_len = x->raw_len;
		d.cache = x->dev->cache;
		d.cache_len = x->dev->cache_len;
	}
	exports_opened(g->exports, number, no, x == NULL ? NULL : &d);
}

static void
on_complete(void *arg, uint32_t number, struct urb *u)
{
	struct guest *g = arg;

	exports_complete(g->exports, number, u);
}

static void
on_taken(void *arg, uint32_t number, const struct wire_refusal *why)
{
	struct guest *g = arg;

	exports_remove(g->exports, number, why);
}

static void
on_probe(void *arg)
{
	struct guest *g = arg;

	if (g->l != NULL)
		link_ping(g->l);
}

static uint64_t
on_silence_us(void *arg)
{
	struct guest *g = arg;

	return g->l != NULL ? link_silence_us(g->l) : UINT64_MAX;
}

static void
on_abandon(void *arg, uint32_t number, const struct wire_refusal *why)
{
	struct guest *g = arg;

	exports_remove(g->exports, number, why);
	if (g->l != NULL)
		link_abort(g->l, ERR_TIMEOUT,
			   "silent while another peer asked for its device");
}

static const char *
on_name(void *arg)
{
	return guest_name(arg);
}

static bool
on_may(void *arg, const struct usb_dev *d)
{
	return guest_may_see(arg, d);
}

static void
on_queued(void *arg, uint32_t number, struct wire_queued *q)
{
	struct guest *g = arg;

	exports_queued(g->exports, number, q);
}

static const uint8_t *
on_id(void *arg)
{
	return ((struct guest *)arg)->who.id;
}

static void
on_ends(void *arg, uint32_t number, uint32_t seconds, const char *why)
{
	struct wire_ends e = {.seconds = seconds};
	struct guest *g = arg;

	text_copy(e.why, sizeof(e.why), why);
	exports_ends(g->exports, number, &e);
}

static const struct lease_user user = {on_opened,     on_complete, on_taken, on_probe,
				       on_silence_us, on_abandon,  on_name,  on_may,
				       on_queued,     on_id,       on_ends};

/* --- what the session asks --- */

void
guest_dev_open(void *arg, uint32_t number, const char *busid, uint8_t flags)
{
	static const struct wire_refusal no = {
	    WIRE_NO_DEVICE, "there is no such device that you may use"};
	static const struct wire_refusal stranger = {WIRE_NOT_ALLOWED,
						     "you are not allowed here any more"};
	struct guest *g = arg;
	struct usb_dev *d = usb_bus_find(&g->of->bus, busid);

	if (!guest_is_welcome(g))
		exports_opened(g->exports, number, &stranger, NULL);
	else if (d == NULL || d->left || !guest_may_see(g, d)) {
		if (d != NULL && !d->left && server_shares(g->of, d))
			serve_own_asked(g, g->who.name, d->info.busid);
		exports_opened(g->exports, number, &no, NULL);
	} else
		lease_take(g->of, d, &user, g, number, flags & WIRE_TAKEOVER);
}

void
guest_dev_close(void *guest, void *lease)
{
	(void)guest;
	lease_close(lease);
}

void
guest_dev_forgo(void *arg, uint32_t number)
{
	struct guest *g = arg;

	lease_forgo(g->of, g, number);
}

bool
guest_dev_list(void *arg, unsigned i, struct wire_device *w)
{
	struct guest *g = arg;
	struct list *l;

	LIST_EACH (&g->of->bus.devs, l) {
		const struct usb_dev *d = CONTAINER_OF(l, struct usb_dev, link);

		if (!d->left && guest_may_see(g, d) && i-- == 0) {
			lease_describe(g->of, g, d, w);
			return true;
		}
	}
	return false;
}

/* --- the list changes --- */

/* A peer that takes nothing gets one list when it does, not one for each change. */
void
guest_dev_turn(struct guest *g)
{
	if (!g->stale || session_unacked(g->session, STREAM_SESSION) > BACKLOG)
		return;
	g->stale = false;
	exports_changed(g->exports);
}

void
guest_tell(struct server *s)
{
	struct list *l;

	LIST_EACH (&s->guests, l) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (g->exports == NULL)
			continue;
		g->stale = true;
		if (g->l != NULL) /* else once it is back */
			guest_dev_turn(g);
	}
}

/* Several changes at once are told once. */
void
guest_changed(struct server *s)
{
	static const struct timeval soon = {.tv_usec = TELL_US};

	watch_poke(&s->watch);
	if (!event_pending(s->teller, EV_TIMEOUT, NULL))
		event_add(s->teller, &soon);
}
