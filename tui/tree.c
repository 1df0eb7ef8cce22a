/* SPDX-License-Identifier: ISC */
/*
 * Ports as a tree: "1-4.2" is plugged into the hub at "1-4". Hubs are no devices that
 * could be shared, so they are made of the ports behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

#define DEPTH 8 /* USB allows 5 hubs behind one another */

static const char *
port_of(const struct item *it)
{
	return it->dev != NULL ? it->dev->busid : it->hub;
}

static unsigned
depth_of(const char *port)
{
	unsigned n = 0;

	for (; *port != '\0'; port++)
		n += *port == '.';
	return n < DEPTH ? n : DEPTH;
}

/* The first `depth` parts: "1-4" of "1-4.2.1", 0. */
static void
parent_of(const char *port, unsigned depth, char out[32])
{
	size_t n = 0;

	while (port[n] != '\0' && (port[n] != '.' || depth-- > 0))
		n++;
	text_copy(out, 32, port);
	out[n < 31 ? n : 31] = '\0';
}

/* Whether one of the rows before stands at this port. */
static bool
is_there(const struct item *item, unsigned n, const char *port)
{
	while (n-- > 0) {
		if (strcmp(port_of(&item[n]), port) == 0)
			return true;
		if (depth_of(port_of(&item[n])) == 0)
			return false;
	}
	return false;
}

/* A row has a later sibling at this depth, below the same parent. */
static bool
goes_on(const struct item *item, unsigned n, unsigned i, unsigned depth)
{
	for (i++; i < n && depth_of(port_of(&item[i])) >= depth; i++)
		if (depth_of(port_of(&item[i])) == depth)
			return true;
	return false;
}

static void
branches(struct item *item, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned depth = depth_of(port_of(&item[i]));

		for (unsigned d = 1; d <= depth; d++) {
			bool on = goes_on(item, n, i, d);

			item[i].branch[d - 1] = d < depth ? (on ? 'b' : ' ')
						: on      ? 't'
							  : 'l';
		}
	}
}

void
tree_grow(struct ui *u)
{
	unsigned n = u->items, at = 0;
	struct item *all = calloc((size_t)n * (DEPTH + 1) + 1, sizeof(*all));

	if (all == NULL)
		return;
	for (unsigned i = 0; i < n; i++) {
		const char *port = port_of(&u->item[i]);

		for (unsigned d = 0; d < depth_of(port); d++) {
			char hub[32];

			parent_of(port, d, hub);
			if (!is_there(all, at, hub))
				memcpy(all[at++].hub, hub, sizeof(hub));
		}
		all[at++] = u->item[i];
	}
	branches(all, at);
	free(u->item);
	u->item = all;
	u->items = u->items_cap = at;
}
