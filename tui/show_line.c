/* SPDX-License-Identifier: ISC */
/*
 * Columns that say how the lines are.
 */
#include <stdio.h>

#include "core/text.h"
#include "tui/show.h"

/* The peer of a row that is one, with a line to it. */
static const struct model_peer *
linked(const struct shown *d)
{
	const struct item *it = d->it;

	return it->dev == NULL && it->peer != NULL && it->peer->link.up ? it->peer : NULL;
}

static const struct model_flow *
flow_of(const struct shown *d)
{
	const struct model_peer *p = linked(d);

	if (p != NULL)
		return &p->flow;
	return d->u->tab == UI_ATTACHED && d->it->dev->attached ? &d->it->dev->flow
								: NULL;
}

void
show_health(struct shown *d)
{
	static const unsigned style[] = {
	    ['A'] = GRID_GOOD, ['B'] = GRID_GOOD, ['C'] = GRID_WARN,
	    ['D'] = GRID_WARN, ['E'] = GRID_BAD,  ['F'] = GRID_BAD};
	const struct item *it = d->it;
	char c;

	if (it->dev != NULL || it->peer == NULL)
		return;
	c = model_health(&it->peer->link);
	snprintf(d->buf, d->cap, "%c", c);
	if (d->style == GRID_PLAIN && c != '-')
		d->style = style[(unsigned char)c];
}

void
show_rtt(struct shown *d)
{
	const struct model_peer *p = linked(d);
	uint64_t us = p != NULL ? p->link.rtt_us : 0;

	if (p == NULL)
		return;
	if (us < 10000)
		snprintf(d->buf, d->cap, "%u.%02u ms", (unsigned)(us / 1000),
			 (unsigned)(us % 1000 / 10));
	else
		snprintf(d->buf, d->cap, "%u ms", (unsigned)(us / 1000));
}

static void
spark(struct shown *d, const uint64_t *v, unsigned n)
{
	static const char *const bar[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const plain[] = {"_", ".", ".", "-", "-", "=", "=", "#"};
	uint64_t most = 1;
	struct text t;

	text_init(&t, d->buf, d->cap);
	for (unsigned i = MODEL_RATES - n; i < MODEL_RATES; i++)
		most = v[i] > most ? v[i] : most;
	for (unsigned i = MODEL_RATES - n; i < MODEL_RATES; i++) {
		uint64_t part = most < UINT64_MAX / 8 ? v[i] * 7 / most : v[i] / most * 7;

		text_str(&t, grid_glyph(d->g, bar[part], plain[part]));
	}
}

void
show_rates(struct shown *d)
{
	const struct model_flow *f = flow_of(d);

	if (f != NULL)
		spark(d, f->rates, 8);
}

void
show_rtts(struct shown *d)
{
	const struct model_flow *f = flow_of(d);

	if (f != NULL)
		spark(d, f->rtts, 8);
}

static void
decimal(struct shown *d, uint64_t tenths, const char *unit)
{
	snprintf(d->buf, d->cap, "%llu.%u %s", (unsigned long long)(tenths / 10),
		 (unsigned)(tenths % 10), unit);
}

/* At most ten letters: the column has no more. */
void
show_rate(struct shown *d)
{
	const struct model_flow *f = flow_of(d);
	uint64_t r = f != NULL ? f->rate : 0;

	if (f == NULL)
		return;
	if (r >= 1000000000)
		decimal(d, r / 100000000, "GB/s");
	else if (r >= 100000)
		decimal(d, r / 100000, "MB/s");
	else
		decimal(d, r / 100, "kB/s");
}
