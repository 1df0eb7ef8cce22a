/* SPDX-License-Identifier: ISC */
/*
 * What a peer of `serve` may use. The file of peers is read again at every import and
 * whenever it has changed; who is no longer in it loses its link.
 */
#include "cmd/peers.h"
#include "cmd/server.h"
#include "core/log.h"

bool
guest_may_see(const struct guest *g, const struct usb_dev *d)
{
	struct access_row row = g->who;

	for (unsigned i = 0; i < row.words; i++)
		share_resolve(&g->of->share, row.word[i], &d->info);
	return !g->barred && server_shares(g->of, d) && access_allows(&row, &d->info);
}

/* Whether it is in the file. */
static bool
take_row(struct guest *g, const struct peers *p)
{
	const struct access_row *r = peers_by_id(p, ACCESS_CLIENT, g->who.id);

	if (r != NULL)
		g->who = *r;
	return r != NULL;
}

bool
guest_is_welcome(struct guest *g)
{
	struct peers p;
	bool is;

	if (peers_load(&p, g->of->ctx->dir) != ERR_OK)
		return false;
	is = take_row(g, &p);
	peers_free(&p);
	return is;
}

/* Devices first, so that it hears why, then the link. */
static void
dismiss(struct server *s)
{
	struct list *l;

	lease_review(s);
	LIST_EACH (&s->guests, l) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (g->barred)
			guest_end(g);
	}
	guest_changed(s);
}

void
guest_review(struct server *s)
{
	struct peers p;
	struct list *l;

	if (peers_load(&p, s->ctx->dir) != ERR_OK)
		return; /* was logged; nobody new comes in meanwhile */
	LIST_EACH (&s->guests, l) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (!g->admitted || g->barred || take_row(g, &p))
			continue;
		log_info("peer %s sent away reason=\"it is not allowed any more\"",
			 guest_name(g));
		g->barred = true;
	}
	serve_own_review(s, &p);
	peers_free(&p);
	dismiss(s);
}
