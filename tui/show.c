/* SPDX-License-Identifier: ISC */
/*
 * Columns that say what a row is.
 */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/show.h"

static void
put(struct shown *d, const char *s)
{
	text_copy(d->buf, d->cap, s);
}

static void
branch(struct text *t, const struct grid *g, char c)
{
	static const struct {
		char c;
		const char *utf8, *ascii;
	} of[] = {
	    {'b', "│ ", "| "}, {'t', "├ ", "|-"}, {'l', "└ ", "+-"}, {' ', "  ", "  "}};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (of[i].c == c)
			text_str(t, grid_glyph(g, of[i].utf8, of[i].ascii));
}

void
show_port(struct shown *d)
{
	const struct item *it = d->it;
	struct text t;

	text_init(&t, d->buf, d->cap);
	for (const char *p = it->branch; *p != '\0'; p++)
		branch(&t, d->g, *p);
	text_str(&t, it->dev != NULL ? it->dev->busid : it->hub);
}

void
show_peer(struct shown *d)
{
	const struct item *it = d->it;

	if (it->dev != NULL) {
		snprintf(d->buf, d->cap, "  %s", it->dev->busid);
		return;
	}
	if (d->style == GRID_PLAIN)
		d->style = it->ask != NULL ? GRID_WARN : GRID_TITLE;
	put(d, it->ask != NULL ? it->ask->name : it->peer->name);
}

void
show_id(struct shown *d)
{
	const struct item *it = d->it;

	if (it->dev != NULL)
		put(d, it->dev->id);
	else if (it->ask != NULL)
		snprintf(d->buf, d->cap, "%.7s", it->ask->id);
	else if (it->peer != NULL)
		snprintf(d->buf, d->cap, "%.7s", it->peer->id);
}

/* The name that its owner gave it comes first. */
static void
product(struct shown *d, const struct model_dev *v)
{
	snprintf(d->buf, d->cap, "%s%s%s%s%s", v->nick, v->nick[0] != '\0' ? ": " : "",
		 v->manufacturer, v->manufacturer[0] != '\0' ? " " : "", v->product);
}

/* Of "host 10.0.0.1:5000 -> srflx 192.0.2.7:13240" the address of the other end. */
static const char *
far_end(const char *path)
{
	const char *p = strstr(path, " -> ");

	if (p == NULL)
		return path;
	p += strlen(" -> ");
	return strchr(p, ' ') != NULL ? strchr(p, ' ') + 1 : p;
}

/* Of a peer: how it is reached, or why not. */
static void
line_to(struct shown *d, const struct model_peer *p)
{
	if (p->link.up)
		snprintf(d->buf, d->cap, "%s%s%s", p->link.kind,
			 p->link.kind[0] != '\0' ? ": " : "", far_end(p->link.path));
	else if (p->error[0] != '\0')
		put(d, p->error);
	else if (p->server && !p->asked)
		put(d, "Enter asks what it shares");
}

void
show_product(struct shown *d)
{
	const struct item *it = d->it;

	if (it->hub[0] != '\0') {
		put(d, "hub");
		if (d->style == GRID_PLAIN)
			d->style = GRID_DIM;
	} else if (it->ask != NULL) {
		snprintf(d->buf, d->cap, "from %s", it->ask->from);
	} else if (it->dev != NULL) {
		product(d, it->dev);
	} else {
		line_to(d, it->peer);
	}
}

void
show_class(struct shown *d)
{
	if (d->it->dev != NULL)
		put(d, d->it->dev->cls);
}

void
show_driver(struct shown *d)
{
	if (d->it->dev != NULL)
		put(d, d->it->dev->driver);
}

void
show_since(struct shown *d)
{
	const struct item *it = d->it;
	uint64_t since = it->dev != NULL    ? it->dev->since
			 : it->ask != NULL  ? it->ask->at
			 : it->peer != NULL ? it->peer->since
					    : 0;
	uint64_t s = d->now_s > since ? d->now_s - since : 0;

	if (since == 0)
		return;
	if (s < 60)
		put(d, "now");
	else if (s < 3600)
		snprintf(d->buf, d->cap, "%um", (unsigned)(s / 60));
	else if (s < 86400)
		snprintf(d->buf, d->cap, "%uh%02um", (unsigned)(s / 3600),
			 (unsigned)(s / 60 % 60));
	else
		snprintf(d->buf, d->cap, "%llud", (unsigned long long)(s / 86400));
}

void
show_vport(struct shown *d)
{
	if (d->it->dev->attached)
		snprintf(d->buf, d->cap, "%llu", (unsigned long long)d->it->dev->port);
}

void
show_where(struct shown *d)
{
	snprintf(d->buf, d->cap, "%s/%s", d->it->dev->peer, d->it->dev->busid);
}

void
show_nodes(struct shown *d)
{
	const struct model_dev *v = d->it->dev;

	if (v != NULL)
		put(d, v->nodes[0] != '\0' ? v->nodes : v->local);
}

void
show_inflight(struct shown *d)
{
	snprintf(d->buf, d->cap, "%llu", (unsigned long long)d->it->dev->inflight);
}

void
show_when(struct shown *d)
{
	put(d, d->it->line->when);
}

void
show_line(struct shown *d)
{
	put(d, d->it->line->text);
	if (d->it->line->bad && d->style == GRID_PLAIN)
		d->style = GRID_BAD;
}
