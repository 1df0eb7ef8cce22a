/* SPDX-License-Identifier: ISC */
/*
 * The rows of a tab: what the filter leaves of the model, in the order asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

static void
add(struct ui *u, const struct model_peer *p, const struct model_dev *d,
    const struct model_line *l)
{
	if (u->items == u->items_cap) {
		unsigned cap = u->items_cap == 0 ? 64 : u->items_cap * 2;
		struct item *item = realloc(u->item, cap * sizeof(*item));

		if (item == NULL)
			return;
		u->item = item;
		u->items_cap = cap;
	}
	u->item[u->items++] = (struct item){p, d, l};
}

static bool
dev_matches(const struct model_dev *d, const char *filter)
{
	return text_has(d->busid, filter) || text_has(d->id, filter) ||
	       text_has(d->product, filter) || text_has(d->manufacturer, filter) ||
	       text_has(d->nick, filter) || text_has(d->cls, filter) ||
	       text_has(d->holder, filter) || text_has(d->peer, filter) ||
	       text_has(d->state, filter) || text_has(d->nodes, filter);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->dev->product,
		      ((const struct item *)b)->dev->product);
}

static int
by_state(const void *a, const void *b)
{
	const struct model_dev *x = ((const struct item *)a)->dev;
	const struct model_dev *y = ((const struct item *)b)->dev;
	int c = strcmp(y->holder, x->holder);

	return c != 0 ? c : (int)y->shared - (int)x->shared;
}

static int
by_rate(const void *a, const void *b)
{
	const struct model_dev *x = ((const struct item *)a)->dev;
	const struct model_dev *y = ((const struct item *)b)->dev;

	return x->rate < y->rate ? 1 : x->rate > y->rate ? -1 : 0;
}

/* How each tab can be sorted; the first is the model's own order. */
static const struct {
	const char *name;
	int (*cmp)(const void *, const void *);
} orders[UI_TABS][3] = {
    [UI_LOCAL] = {{"port", NULL}, {"name", by_name}, {"use", by_state}},
    [UI_PEERS] = {{"peer", NULL}},
    [UI_ATTACHED] = {{"port", NULL}, {"name", by_name}, {"rate", by_rate}},
    [UI_LOG] = {{"time", NULL}},
};

const char *
ui_sort_name(const struct ui *u)
{
	return orders[u->tab][u->sort[u->tab] % 3].name;
}

static void
devices(struct ui *u, const struct model_rows *r)
{
	int (*cmp)(const void *, const void *);

	while (orders[u->tab][u->sort[u->tab] % 3].name == NULL)
		u->sort[u->tab]++;
	cmp = orders[u->tab][u->sort[u->tab] % 3].cmp;
	for (unsigned i = 0; i < r->n; i++)
		if (dev_matches(model_dev(r, i), u->filter))
			add(u, NULL, model_dev(r, i), NULL);
	if (cmp != NULL && u->items > 1)
		qsort(u->item, u->items, sizeof(*u->item), cmp);
}

/* Each peer, then what it shares; a peer stays above a device that the filter leaves. */
static void
peers(struct ui *u)
{
	const struct model *m = u->m;

	for (unsigned i = 0; i < m->peers.n; i++) {
		const struct model_peer *p = model_peer(m, i);
		bool shown = text_has(p->name, u->filter);

		if (shown)
			add(u, p, NULL, NULL);
		for (unsigned k = 0; k < m->remotes.n; k++) {
			const struct model_dev *d = model_dev(&m->remotes, k);

			if (strcmp(d->peer, p->name) != 0 || !dev_matches(d, u->filter))
				continue;
			if (!shown)
				add(u, p, NULL, NULL);
			shown = true;
			add(u, p, d, NULL);
		}
	}
}

static void
lines(struct ui *u)
{
	const struct model_line *l;

	for (unsigned i = 0; (l = model_log_at(u->m, i)) != NULL; i++)
		if (text_has(l->text, u->filter))
			add(u, NULL, NULL, l);
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
	if (*c >= u->items)
		*c = u->items == 0 ? 0 : u->items - 1;
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
