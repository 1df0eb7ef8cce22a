/* SPDX-License-Identifier: ISC */
/*
 * How rows look: for each tab a table of columns, each with the width of grid that it
 * needs to be shown. One column of a tab takes the rest.
 */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/ui_impl.h"

struct drawn {
	const struct ui *u;
	const struct grid *g;
	const struct item *it;
	uint64_t now_s;
	char *buf;
	size_t cap;
	unsigned style;
};

struct column {
	const char *title;
	unsigned width; /* 0: the rest */
	unsigned from;  /* the grid has at least so many columns */
	void (*show)(struct drawn *);
};

#define COLUMNS 8

static void
put(struct drawn *d, const char *s)
{
	text_copy(d->buf, d->cap, s);
}

/* --- what columns show --- */

static void
show_busid(struct drawn *d)
{
	const char *b = d->it->dev->busid;
	unsigned depth = 0;

	for (const char *p = b; *p != '\0'; p++)
		depth += *p == '.';
	snprintf(d->buf, d->cap, "%*s%s", (int)depth, "", b);
}

static void
show_peer_busid(struct drawn *d)
{
	const struct item *it = d->it;

	if (it->dev != NULL) {
		snprintf(d->buf, d->cap, "  %s", it->dev->busid);
		return;
	}
	d->style = d->style == GRID_PLAIN ? GRID_TITLE : d->style;
	put(d, it->peer->name);
}

static void
show_id(struct drawn *d)
{
	if (d->it->dev != NULL)
		put(d, d->it->dev->id);
}

static void
product(struct drawn *d, const struct model_dev *v)
{
	snprintf(d->buf, d->cap, "%s%s%s%s%s%s", v->manufacturer,
		 v->manufacturer[0] != '\0' ? " " : "", v->product,
		 v->nick[0] != '\0' ? " (" : "", v->nick, v->nick[0] != '\0' ? ")" : "");
}

static void
show_product(struct drawn *d)
{
	const struct item *it = d->it;

	if (it->dev != NULL)
		product(d, it->dev);
	else if (it->peer->error[0] != '\0')
		put(d, it->peer->error);
	else if (it->peer->link.up)
		put(d, it->peer->link.path);
	else if (it->peer->role == MODEL_KNOWN && !it->peer->asked)
		put(d, "Enter asks what it shares");
}

static void
show_class(struct drawn *d)
{
	if (d->it->dev != NULL)
		put(d, d->it->dev->cls);
}

static void
since(struct drawn *d, uint64_t since_s)
{
	uint64_t s = d->now_s > since_s ? d->now_s - since_s : 0;

	if (since_s == 0)
		return;
	if (s < 60)
		snprintf(d->buf, d->cap, "%us", (unsigned)s);
	else if (s < 3600)
		snprintf(d->buf, d->cap, "%um", (unsigned)(s / 60));
	else if (s < 86400)
		snprintf(d->buf, d->cap, "%uh%02um", (unsigned)(s / 3600),
			 (unsigned)(s / 60 % 60));
	else
		snprintf(d->buf, d->cap, "%llud", (unsigned long long)(s / 86400));
}

static const char *const doing[UI_VERBS] = {
    [UI_SHARE] = "sharing",    [UI_UNSHARE] = "taking back", [UI_ATTACH] = "attaching",
    [UI_DETACH] = "detaching", [UI_LIST] = "asking",         [UI_INVITE] = "inviting",
    [UI_TICKET] = "attaching", [UI_BENCH] = "measuring",     [UI_FORGET] = "forgetting",
    [UI_RENAME] = "renaming"};

static bool
show_busy(struct drawn *d, const char *peer, const char *busid)
{
	const struct ui_job *j = ui_busy(d->u, peer, busid);

	if (j == NULL)
		return false;
	snprintf(d->buf, d->cap, "%s...", doing[j->verb]);
	return true;
}

static void
show_use(struct drawn *d)
{
	const struct model_dev *v = d->it->dev;

	if (show_busy(d, "", v->busid))
		return;
	if (v->holder[0] != '\0')
		snprintf(d->buf, d->cap, "in use by %s", v->holder);
	else if (v->shared)
		put(d, "shared");
	if (v->shared && d->style == GRID_PLAIN)
		d->style = v->holder[0] != '\0' ? GRID_WARN : GRID_GOOD;
}

static void
show_since(struct drawn *d)
{
	if (d->it->dev != NULL)
		since(d, d->it->dev->since);
	else
		since(d, d->it->peer->since);
}

static const struct model_dev *
here(const struct ui *u, const struct model_dev *v)
{
	for (unsigned i = 0; i < u->m->attached.n; i++) {
		const struct model_dev *a = model_dev(&u->m->attached, i);

		if (strcmp(a->peer, v->peer) == 0 && strcmp(a->busid, v->busid) == 0)
			return a;
	}
	return NULL;
}

static void
show_remote(struct drawn *d)
{
	const struct item *it = d->it;
	const struct model_dev *a;

	if (show_busy(d, it->peer->name, it->dev != NULL ? it->dev->busid : ""))
		return;
	if (it->dev == NULL) {
		static const char *const role[] = {"known", "server", "guest"};

		put(d, it->peer->link.held_s > 0 ? "cut" : role[it->peer->role]);
		return;
	}
	a = here(d->u, it->dev);
	if (a != NULL && a->attached) {
		put(d, "attached here");
		d->style = d->style == GRID_PLAIN ? GRID_GOOD : d->style;
	} else if (a != NULL) {
		put(d, a->state);
	} else if (it->dev->holder[0] != '\0') {
		snprintf(d->buf, d->cap, "in use by %s", it->dev->holder);
		d->style = d->style == GRID_PLAIN ? GRID_WARN : d->style;
	} else {
		put(d, it->dev->state);
	}
}

static void
time_of(struct drawn *d, uint64_t us)
{
	if (us < 10000)
		snprintf(d->buf, d->cap, "%u.%02u ms", (unsigned)(us / 1000),
			 (unsigned)(us % 1000 / 10));
	else
		snprintf(d->buf, d->cap, "%u ms", (unsigned)(us / 1000));
}

static void
show_health(struct drawn *d)
{
	if (d->it->dev == NULL)
		snprintf(d->buf, d->cap, "%c", model_health(&d->it->peer->link));
}

static void
show_rtt(struct drawn *d)
{
	if (d->it->dev == NULL && d->it->peer->link.up)
		time_of(d, d->it->peer->link.rtt_us);
}

static void
show_port(struct drawn *d)
{
	if (d->it->dev->attached)
		snprintf(d->buf, d->cap, "%llu", (unsigned long long)d->it->dev->port);
}

static void
show_where(struct drawn *d)
{
	snprintf(d->buf, d->cap, "%s/%s", d->it->dev->peer, d->it->dev->busid);
}

static void
show_nodes(struct drawn *d)
{
	put(d, d->it->dev->nodes[0] != '\0' ? d->it->dev->nodes : d->it->dev->local);
}

static void
show_attached(struct drawn *d)
{
	const struct model_dev *v = d->it->dev;
	const struct model_peer *p = model_peer_named(d->u->m, v->peer);

	if (show_busy(d, v->peer, v->busid))
		return;
	if (p != NULL && p->link.held_s > 0) {
		snprintf(d->buf, d->cap, "held %llu s",
			 (unsigned long long)p->link.held_s);
		d->style = d->style == GRID_PLAIN ? GRID_BAD : d->style;
		return;
	}
	put(d, v->reason[0] != '\0' ? v->reason : v->state);
	if (strcmp(v->state, "attached") == 0 && d->style == GRID_PLAIN)
		d->style = GRID_GOOD;
}

static void
spark(struct drawn *d, const uint64_t *v, unsigned n)
{
	static const char *const bar[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const plain[] = {"_", ".", ".", "-", "-", "=", "=", "#"};
	uint64_t most = 1;
	struct text t;

	text_init(&t, d->buf, d->cap);
	for (unsigned i = MODEL_RATES - n; i < MODEL_RATES; i++)
		most = v[i] > most ? v[i] : most;
	for (unsigned i = MODEL_RATES - n; i < MODEL_RATES; i++)
		text_str(&t,
			 grid_glyph(d->g, bar[v[i] * 7 / most], plain[v[i] * 7 / most]));
}

static void
show_rates(struct drawn *d)
{
	spark(d, d->it->dev->rates, 8);
}

static void
show_rtts(struct drawn *d)
{
	spark(d, d->it->dev->rtts, 8);
}

static void
show_rate(struct drawn *d)
{
	uint64_t r = d->it->dev->rate;

	if (r >= 100000)
		snprintf(d->buf, d->cap, "%u.%u MB/s", (unsigned)(r / 1000000),
			 (unsigned)(r / 100000 % 10));
	else
		snprintf(d->buf, d->cap, "%u.%u kB/s", (unsigned)(r / 1000),
			 (unsigned)(r / 100 % 10));
}

static void
show_inflight(struct drawn *d)
{
	snprintf(d->buf, d->cap, "%llu", (unsigned long long)d->it->dev->inflight);
}

static void
show_when(struct drawn *d)
{
	put(d, d->it->line->when);
}

static void
show_line(struct drawn *d)
{
	put(d, d->it->line->text);
	if (d->it->line->bad && d->style == GRID_PLAIN)
		d->style = GRID_BAD;
}

/* --- tabs --- */

static const struct column columns[UI_TABS][COLUMNS + 1] = {
    [UI_LOCAL] = {{"Port", 10, 0, show_busid},
		  {"Id", 10, 60, show_id},
		  {"Device", 0, 0, show_product},
		  {"Class", 16, 90, show_class},
		  {"Shared", 18, 0, show_use},
		  {"Since", 7, 70, show_since}},
    [UI_PEERS] = {{"Peer", 16, 0, show_peer_busid},
		  {"Id", 10, 90, show_id},
		  {"Device", 0, 0, show_product},
		  {"Class", 14, 100, show_class},
		  {"", 2, 50, show_health},
		  {"RTT", 9, 60, show_rtt},
		  {"State", 16, 0, show_remote}},
    [UI_ATTACHED] = {{"Port", 5, 60, show_port},
		     {"Of", 14, 0, show_where},
		     {"Device", 0, 70, show_product},
		     {"Here", 15, 0, show_nodes},
		     {"Since", 7, 90, show_since},
		     {"Rate", 10, 50, show_rate},
		     {"", 9, 70, show_rates},
		     {"State", 11, 0, show_attached}},
    [UI_LOG] = {{"Time", 9, 50, show_when}, {"What", 0, 0, show_line}},
};

/* Columns that only a wide screen has room for. */
static const struct column wide[UI_TABS][3] = {
    [UI_ATTACHED] = {{"RTT", 9, 110, show_rtts}, {"URBs", 5, 100, show_inflight}},
};

static unsigned
fixed(const struct column *c, unsigned w)
{
	unsigned sum = 0;

	for (; c->show != NULL; c++)
		sum += c->from <= w ? c->width : 0;
	return sum;
}

static bool
grows(const struct column *c, unsigned w)
{
	for (; c->show != NULL; c++)
		if (c->width == 0 && c->from <= w)
			return true;
	return false;
}

/* Draws the columns of one table from x on; `rest` is for the one that grows. */
static unsigned
draw(const struct column *c, struct grid *g, unsigned x, unsigned y, unsigned rest,
     struct drawn *d, unsigned style)
{
	unsigned mark = style & GRID_CURSOR;

	for (; c->show != NULL; c++) {
		char buf[400] = "";
		unsigned w = c->width == 0 ? rest : c->width;

		if (c->from > g->w || w < 2)
			continue;
		if (d != NULL) {
			d->buf = buf;
			d->cap = sizeof(buf);
			d->style = style & ~mark;
			c->show(d);
		}
		x = grid_text(g, x, y, w - 1, (d != NULL ? d->style : style) | mark,
			      d != NULL ? buf : c->title);
		x = grid_text(g, x, y, 1, mark, "");
	}
	return x;
}

static void
line(const struct ui *u, struct grid *g, unsigned y, struct drawn *d, unsigned style)
{
	const struct column *c = columns[u->tab], *more = wide[u->tab];
	unsigned used = fixed(c, g->w) + fixed(more, g->w), x;
	unsigned rest = g->w > used ? g->w - used : 0;

	x = draw(c, g, 0, y, grows(c, g->w) ? rest : 0, d, style);
	x = draw(more, g, x, y, 0, d, style);
	if (x < g->w)
		grid_text(g, x, y, g->w - x, style & GRID_CURSOR, "");
}

void
view_head(const struct ui *u, struct grid *g, unsigned y)
{
	line(u, g, y, NULL, GRID_DIM);
}

void
view_row(const struct ui *u, struct grid *g, unsigned y, const struct item *it,
	 unsigned style, uint64_t now_s)
{
	struct drawn d = {.u = u, .g = g, .it = it, .now_s = now_s};

	line(u, g, y, &d, style);
}

const char *
view_empty(const struct ui *u)
{
	static const char *const text[UI_TABS] = {
	    [UI_LOCAL] = "No USB device is plugged in here.",
	    [UI_PEERS] = "No peers yet: i invites one, a attaches with a ticket.",
	    [UI_ATTACHED] = "Nothing is attached.",
	    [UI_LOG] = "Nothing has happened yet.",
	};

	return u->filter[0] != '\0' ? "Nothing matches the filter." : text[u->tab];
}
