/* SPDX-License-Identifier: ISC */
/*
 * What the owner asks of a `serve` that runs: a look at a device's descriptors, a fresh
 * start of a device, no for a peer; and what peers would like to use.
 */
#include <string.h>
#include <time.h>

#include "cmd/peers.h"
#include "cmd/report.h"
#include "cmd/server.h"
#include "core/log.h"
#include "core/text.h"

/* --- what peers ask for --- */

void
serve_own_asked(struct guest *g, const char *name, const char *busid)
{
	uint64_t now = (uint64_t)time(NULL);

	asked_add(&g->of->asked, link_peer(g->l), name, busid, link_where(g->l), now);
	watch_poke(&g->of->watch);
}

struct review {
	struct server *s;
	const struct peers *p;
};

/* It may come in by now, or have the device; or may not even come in any more. */
static bool
is_answered(void *arg, const struct asked_row *r)
{
	const struct review *v = arg;
	struct access_row *known = peers_by_id(v->p, ACCESS_CLIENT, r->id);
	const struct usb_dev *d;
	struct access_row row;

	if (r->busid[0] == '\0' || known == NULL)
		return known != NULL || r->busid[0] != '\0';
	if ((d = usb_bus_find(&v->s->bus, r->busid)) == NULL)
		return false;
	row = *known;
	for (unsigned i = 0; i < row.words; i++)
		share_resolve(&v->s->share, row.word[i], &d->info);
	return access_allows(&row, &d->info);
}

void
serve_own_review(struct server *s, const struct peers *p)
{
	struct review v = {s, p};

	asked_review(&s->asked, is_answered, &v);
	watch_poke(&s->watch);
}

/* --- requests of the control socket --- */

static void
put_done(struct json *j)
{
	report_open(j, "done");
	json_close(j);
}

void
serve_own_refuse(struct server *s, struct json_val request, struct json *j)
{
	char id[PEERID_TEXT];
	uint8_t peer[PEERID];

	if (!json_get_str(request, "id", id, sizeof(id)) ||
	    peerid_read(id, peer) != ERR_OK || !asked_refuse(&s->asked, peer)) {
		serve_ctl_error(j, "this peer asks for nothing");
		return;
	}
	log_info("peer %.7s refused by=owner", id);
	watch_poke(&s->watch);
	put_done(j);
}

static struct usb_dev *
device_of(struct server *s, struct json_val request, struct json *j)
{
	char name[DEVINFO_BUSID];
	struct usb_dev *d = NULL;

	if (json_get_str(request, "busid", name, sizeof(name)))
		d = usb_bus_find(&s->bus, name);
	if (d == NULL)
		serve_ctl_error(j, "there is no device with this busid or nickname");
	return d;
}

/*
 * One that somebody has is taken away: closing it resets it, and who wants it back gets
 * it. What nobody has is not open here; who asks may reset it without us.
 */
void
serve_own_reset(struct server *s, struct json_val request, struct json *j)
{
	struct usb_dev *d = device_of(s, request, j);
	bool held;

	if (d == NULL)
		return;
	held = !lease_is_free(s, d);
	if (held) {
		log_info("device %s reset by=owner", d->info.busid);
		lease_revoke(s, d, "its owner resets it");
		guest_changed(s);
	}
	report_open(j, "done");
	json_str(j, "busid", d->info.busid);
	json_bool(j, "done", held || d->is_virtual);
	json_close(j);
}

void
serve_own_descriptors(struct server *s, struct json_val request, struct json *j)
{
	const struct usb_dev *d = device_of(s, request, j);

	if (d == NULL)
		return;
	report_open(j, "descriptors");
	report_device(j, &d->info);
	report_hex(j, "descriptors", d->raw, d->raw_len);
	json_close(j);
}
