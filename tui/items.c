/* SPDX-License-Identifier: ISC */
/*
 * The rows of a tab: what the filter leaves of the model, in the order asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

#define ORDERS 3

static void
add(struct ui *u, const struct item *it)
{
	if (u->items == u->items_cap) {
		unsigned cap = u->items_cap == 0 ? 64 : u->items_cap * 2;
		struct item *item = realloc(u->item, cap * sizeof(*item));

		if (item == NULL)
			return;
		u->item = item;
		u->items_cap = cap;
	}
	u->item[u->items++] = *it;
}

static bool
dev_matches(const struct model_dev *d, const char *filter)
{
	return text_has(d->busid, filter) || text_has(d->id, filter) ||
	       text_has(d->product, filter) || text_has(d->manufacturer, filter) ||
	       text_has(d->nick, filter) || text_has(d->cls, filter) ||
	       text_has(d->holder, filter) || text_has(d->peer, filter) ||
	       text_has(d->state, filter) || text_has(d->nodes, filter) ||
	       text_has(d->driver, filter) || text_has(d->serial, filter);
}

/* --- orders --- */

static int
dev_by_name(const struct item *a, const struct item *b)
{
	return strcmp(a->dev->product, b->dev->product);
}

static int
dev_by_use(const struct item *a, const struct item *b)
{
	int c = strcmp(b->dev->holder, a->dev->holder);

	return c != 0 ? c : (int)b->dev->shared - (int)a->dev->shared;
}

static int
by_number(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int
dev_by_rate(const struct item *a, const struct item *b)
{
	return by_number(a->dev->flow.rate, b->dev->flow.rate);
}

static int
peer_by_role(const struct item *a, const struct item *b)
{
	return by_number(a->peer->role, b->peer->role);
}

static int
peer_by_rtt(const struct item *a, const struct item *b)
{
	int c = by_number(a->peer->link.up, b->peer->link.up);

	return c != 0 ? c : by_number(b->peer->link.rtt_us, a->peer->link.rtt_us);
}

/* How each tab can be sorted; the first is the model's own order. */
static const struct {
	const char *name;
	int (*cmp)(const struct item *, const struct item *);
} orders[UI_TABS][ORDERS] = {
    [UI_LOCAL] = {{"port", NULL}, {"name", dev_by_name}, {"use", dev_by_use}},
    [UI_PEERS] = {{"name", NULL}, {"what they are", peer_by_role}, {"RTT", peer_by_rtt}},
    [UI_ATTACHED] = {{"port", NULL}, {"name", dev_by_name}, {"rate", dev_by_rate}},
    [UI_LOG] = {{"time", NULL}, {"time", NULL}, {"time", NULL}},
};

const char *
ui_sort_name(const struct ui *u)
{
	return orders[u->tab][u->sort[u->tab] % ORDERS].name;
}

/* Stable, and of few rows. */
static void
order(struct ui *u)
{
	int (*cmp)(const struct item *, const struct item *) =
	    orders[u->tab][u->sort[u->tab] % ORDERS].cmp;

	for (unsigned i = 1; cmp != NULL && i < u->items; i++) {
		struct item it = u->item[i];
		unsigned k = i;

		for (; k > 0 && cmp(&u->item[k - 1], &it) > 0; k--)
			u->item[k] = u->item[k - 1];
		u->item[k] = it;
	}
}

/* --- rows --- */

static void
devices(struct ui *u, const struct rows *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (dev_matches(model_dev(r, i), u->filter))
			add(u, &(struct item){.dev = model_dev(r, i)});
	order(u);
	if (u->tab == UI_LOCAL && u->filter[0] == '\0' && u->sort[u->tab] % ORDERS == 0)
		tree_grow(u);
}

static void
asks(struct ui *u)
{
	const struct model_ask *a;

	for (unsigned i = 0; (a = model_ask(u->m, i)) != NULL; i++)
		if (text_has(a->name, u->filter) || text_has(a->busid, u->filter))
			add(u, &(struct item){.ask = a});
}

/* A peer stays above a device that the filter leaves. */
static bool
is_shown(const struct ui *u, const struct model_peer *p)
{
	bool shown = text_has(p->name, u->filter);

	for (unsigned k = 0; !shown && k < u->m->remotes.n; k++) {
		const struct model_dev *d = model_dev(&u->m->remotes, k);

		shown = strcmp(d->peer, p->name) == 0 && dev_matches(d, u->filter);
	}
	return shown;
}

/* Requests first; then each peer, and below it what it shares. */
static void
peers(struct ui *u)
{
	const struct model_peer *p;
	unsigned n;

	for (unsigned i = 0; (p = model_peer(u->m, i)) != NULL; i++)
		if (is_shown(u, p))
			add(u, &(struct item){.peer = p});
	order(u);
	n = u->items;
	asks(u);
	for (unsigned i = 0; i < n; i++) {
		p = u->item[i].peer;
		add(u, &(struct item){.peer = p});
		for (unsigned k = 0; k < u->m->remotes.n; k++) {
			const struct model_dev *d = model_dev(&u->m->remotes, k);

			if (strcmp(d->peer, p->name) == 0 && dev_matches(d, u->filter))
				add(u, &(struct item){.peer = p, .dev = d});
		}
	}
	memmove(u->item, u->item + n, (u->items - n) * sizeof(*u->item));
	u->items -= n;
}

static void
lines(struct ui *u)
{
	const struct model_line *l;

	for (unsigned i = 0; (l = model_log_at(u->m, i)) != NULL; i++)
		if (text_has(l->text, u->filter))
			add(u, &(struct item){.line = l});
}

/* --- the cursor --- */

static struct spot
spot_of(const struct item *it)
{
	struct spot s = {.kind = '\0'};

	if (it->ask != NULL) {
		s.kind = 'a';
		text_copy(s.peer, sizeof(s.peer), it->ask->id);
		text_copy(s.busid, sizeof(s.busid), it->ask->busid);
	} else if (it->dev != NULL) {
		s.kind = 'd';
		text_copy(s.peer, sizeof(s.peer), it->dev->peer);
		text_copy(s.busid, sizeof(s.busid), it->dev->busid);
	} else if (it->peer != NULL) {
		s.kind = 'p';
		text_copy(s.peer, sizeof(s.peer), it->peer->name);
	} else if (it->hub[0] != '\0') {
		s.kind = 'h';
		text_copy(s.busid, sizeof(s.busid), it->hub);
	}
	return s;
}

static bool
is_at(const struct item *it, const struct spot *want)
{
	struct spot s = spot_of(it);

	return s.kind == want->kind && strcmp(s.peer, want->peer) == 0 &&
	       strcmp(s.busid, want->busid) == 0;
}

void
ui_keep(struct ui *u)
{
	const struct item *it = ui_item(u);

	u->spot[u->tab] = it != NULL ? spot_of(it) : (struct spot){.kind = '\0'};
}

/* Rows have come and gone: to where its row is now. */
static void
follow(struct ui *u)
{
	const struct spot *s = &u->spot[u->tab];
	const struct item *it = ui_item(u);

	if (s->kind == '\0' || (it != NULL && is_at(it, s)))
		return;
	for (unsigned i = 0; i < u->items; i++)
		if (is_at(&u->item[i], s))
			u->cursor[u->tab] = i;
}

/* The last line of the log stays the last one. */
static void
follow_log(struct ui *u)
{
	unsigned *c = &u->cursor[UI_LOG];

	if (*c + 1 >= u->log_seen)
		*c = u->items;
	u->log_seen = u->items;
}

void
ui_items(struct ui *u)
{
	unsigned *c = &u->cursor[u->tab];

	u->items = 0;
	if (u->tab == UI_PEERS)
		peers(u);
	else if (u->tab == UI_LOG)
		lines(u);
	else
		devices(u, u->tab == UI_LOCAL ? &u->m->locals : &u->m->attached);
	if (u->tab == UI_LOG)
		follow_log(u);
	else
		follow(u);
	if (*c >= u->items)
		*c = u->items == 0 ? 0 : u->items - 1;
	if (u->filter[0] == '\0' || u->spot[u->tab].kind == '\0')
		ui_keep(u);
}

const struct item *
ui_item(const struct ui *u)
{
	unsigned c = u->cursor[u->tab];

	return c < u->items ? &u->item[c] : NULL;
}

const struct ui_job *
ui_busy(const struct ui *u, const char *peer, const char *busid)
{
	for (unsigned i = 0; i < u->busy_n; i++)
		if (strcmp(u->busy[i].peer, peer) == 0 &&
		    strcmp(u->busy[i].busid, busid) == 0)
			return &u->busy[i];
	return NULL;
}
