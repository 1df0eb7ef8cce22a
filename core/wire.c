/* SPDX-License-Identifier: ISC */
/*
 * The table of messages and the bodies of the small ones.
 */
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/text.h"
#include "core/wire.h"

static const struct wire_row rows[] = {
#define WIRE_ROW(name, number, who, place, min, max) \
	{#name, number, who, place, min, max},
    WIRE_LIST(WIRE_ROW)
#undef WIRE_ROW
};

#define WINDOW_LEAST 65536u
#define URB_HEADS    (SESSION_MSG_HEAD + WIRE_COMPLETE_HEAD) /* the longer head */

static const struct wire_row *
row_of(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

int
wire_check(uint8_t type, uint8_t who, enum wire_place place, uint32_t len,
	   const struct wire_row **row)
{
	*row = row_of(type);
	if (*row == NULL)
		return type >= 128 ? ERR_NODEV : ERR_PROTO;
	if (((*row)->who & who) == 0 || (*row)->place != place || len < (*row)->min ||
	    len > (*row)->max)
		return ERR_PROTO;
	return ERR_OK;
}

const char *
wire_name(uint8_t type)
{
	const struct wire_row *r = row_of(type);

	return r == NULL ? "UNKNOWN" : r->name;
}

enum wire_place
wire_place_of(uint32_t sid)
{
	if (sid == STREAM_SESSION)
		return WIRE_SESSION;
	return stream_dev(sid) == 0 ? WIRE_BENCH : WIRE_DEVICE;
}

int
wire_reason_err(uint8_t reason)
{
	static const int err[WIRE_REASONS] = {
	    [WIRE_OK] = ERR_OK,
	    [WIRE_NOT_ALLOWED] = ERR_REFUSED,
	    [WIRE_BAD_TICKET] = ERR_REFUSED,
	    [WIRE_VERSION] = ERR_PROTO,
	    [WIRE_NO_DEVICE] = ERR_NODEV,
	    [WIRE_IN_USE] = ERR_BUSY,
	    [WIRE_LIMIT] = ERR_FULL,
	    [WIRE_TROUBLE] = ERR_FAIL,
	};

	return reason < WIRE_REASONS ? err[reason] : ERR_FAIL;
}

/* The end of every get: nothing may be missing, nothing left. */
static int
whole(const struct rd *r)
{
	return r->bad || rd_left(r) != 0 ? ERR_PROTO : ERR_OK;
}

static void
get_text(struct rd *r, char *dst, size_t cap)
{
	rd_str8(r, dst, cap);
	text_clean(dst);
}

void
wire_put_greet(struct wr *w, const struct wire_greet *g)
{
	wr_u8(w, g->major);
	wr_u8(w, g->minor);
	wr_le64(w, g->caps);
	wr_bytes(w, g->instance, sizeof(g->instance));
	wr_bytes(w, g->ticket, sizeof(g->ticket));
	wr_bytes(w, g->proof, sizeof(g->proof));
	wr_str8(w, g->name);
}

static void
greet(struct rd *r, struct wire_greet *g)
{
	g->major = rd_u8(r);
	g->minor = rd_u8(r);
	g->caps = rd_le64(r);
	rd_bytes(r, g->instance, sizeof(g->instance));
	rd_bytes(r, g->ticket, sizeof(g->ticket));
	rd_bytes(r, g->proof, sizeof(g->proof));
	get_text(r, g->name, sizeof(g->name));
}

int
wire_get_greet(struct rd *r, struct wire_greet *g)
{
	greet(r, g);
	return whole(r);
}

void
wire_put_hello(struct wr *w, const struct wire_hello *h)
{
	wire_put_greet(w, &h->greet);
	wr_bytes(w, h->session, sizeof(h->session));
	wr_le64(w, h->generation);
	wr_le32(w, h->window);
	wr_le32(w, h->urb_max);
	wr_le32(w, h->grace_s);
}

int
wire_get_hello(struct rd *r, struct wire_hello *h)
{
	greet(r, &h->greet);
	rd_bytes(r, h->session, sizeof(h->session));
	h->generation = rd_le64(r);
	h->window = rd_le32(r);
	h->urb_max = rd_le32(r);
	h->grace_s = rd_le32(r);
	return whole(r);
}

uint32_t
wire_window(const struct wire_hello *h)
{
	return h->window > WINDOW_LEAST ? h->window : WINDOW_LEAST;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t
wire_urb_max(const struct wire_hello *a, const struct wire_hello *b)
{
	uint32_t window = least(wire_window(a), wire_window(b));
	uint32_t fits = least(window, WIRE_HUGE) - URB_HEADS;

	return least(fits, least(a->urb_max, b->urb_max));
}

void
wire_put_refusal(struct wr *w, const struct wire_refusal *f)
{
	wr_u8(w, f->reason);
	wr_str8(w, f->text);
}

static void
refusal(struct rd *r, struct wire_refusal *f)
{
	f->reason = rd_u8(r);
	get_text(r, f->text, sizeof(f->text));
}

int
wire_get_refusal(struct rd *r, struct wire_refusal *f)
{
	refusal(r, f);
	return whole(r);
}

static void
put_info(struct wr *w, const struct devinfo *d)
{
	wr_str8(w, d->busid);
	wr_le32(w, d->busnum);
	wr_le32(w, d->devnum);
	wr_u8(w, d->speed);
	wr_le16(w, d->vid);
	wr_le16(w, d->pid);
	wr_le16(w, d->bcd);
	wr_u8(w, d->cls);
	wr_u8(w, d->sub);
	wr_u8(w, d->proto);
	wr_u8(w, d->config);
	wr_u8(w, d->configs);
	wr_u8(w, d->ifs);
	for (unsigned i = 0; i < d->ifs; i++) {
		wr_u8(w, d->iface[i].cls);
		wr_u8(w, d->iface[i].sub);
		wr_u8(w, d->iface[i].proto);
	}
	wr_str8(w, d->manufacturer);
	wr_str8(w, d->product);
	wr_str8(w, d->serial);
	wr_str8(w, d->nick);
	wr_u8(w, (uint8_t)((d->part ? WIRE_PART : 0) | (d->queued ? WIRE_QUEUES : 0) |
			   (d->read_only ? WIRE_READ_ONLY : 0)));
}

static void
get_info(struct rd *r, struct devinfo *d)
{
	uint8_t flags;

	memset(d, 0, sizeof(*d));
	get_text(r, d->busid, sizeof(d->busid));
	d->busnum = rd_le32(r);
	d->devnum = rd_le32(r);
	d->speed = rd_u8(r);
	d->vid = rd_le16(r);
	d->pid = rd_le16(r);
	d->bcd = rd_le16(r);
	d->cls = rd_u8(r);
	d->sub = rd_u8(r);
	d->proto = rd_u8(r);
	d->config = rd_u8(r);
	d->configs = rd_u8(r);
	d->ifs = rd_u8(r);
	if (d->ifs > DEVINFO_IFS || d->busnum > 0xffff || d->devnum > 0xffff ||
	    d->speed < DEVINFO_LOW || d->speed > DEVINFO_SUPER_PLUS) {
		r->bad = true;
		d->ifs = 0;
	}
	for (unsigned i = 0; i < d->ifs; i++) {
		d->iface[i].cls = rd_u8(r);
		d->iface[i].sub = rd_u8(r);
		d->iface[i].proto = rd_u8(r);
	}
	get_text(r, d->manufacturer, sizeof(d->manufacturer));
	get_text(r, d->product, sizeof(d->product));
	get_text(r, d->serial, sizeof(d->serial));
	get_text(r, d->nick, sizeof(d->nick));
	flags = rd_u8(r);
	d->part = flags & WIRE_PART;
	d->queued = flags & WIRE_QUEUES;
	d->read_only = flags & WIRE_READ_ONLY;
}

void
wire_put_device(struct wr *w, const struct wire_device *d)
{
	put_info(w, &d->info);
	wr_u8(w, d->state);
	wr_le64(w, d->since);
	wr_str8(w, d->holder);
}

int
wire_get_device(struct rd *r, struct wire_device *d)
{
	get_info(r, &d->info);
	d->state = rd_u8(r);
	d->since = rd_le64(r);
	get_text(r, d->holder, sizeof(d->holder));
	return r->bad || d->state > WIRE_TAKEN ? ERR_PROTO : ERR_OK;
}

void
wire_put_import(struct wr *w, const struct wire_import *i)
{
	wr_le32(w, i->dev);
	wr_u8(w, i->flags);
	wr_str8(w, i->busid);
}

int
wire_get_import(struct rd *r, struct wire_import *i)
{
	i->dev = rd_le32(r);
	i->flags = rd_u8(r);
	get_text(r, i->busid, sizeof(i->busid));
	return whole(r);
}

void
wire_put_imported(struct wr *w, const struct wire_imported *i)
{
	wr_le32(w, i->dev);
	wire_put_refusal(w, &i->no);
	if (i->no.reason != WIRE_OK)
		return;
	put_info(w, &i->info);
	wr_le32(w, i->raw_len);
	wr_bytes(w, i->raw, i->raw_len);
	wr_le32(w, i->cache_len);
	wr_bytes(w, i->cache, i->cache_len);
}

int
wire_get_imported(struct rd *r, struct wire_imported *i)
{
	memset(i, 0, sizeof(*i));
	i->dev = rd_le32(r);
	refusal(r, &i->no);
	if (r->bad || i->no.reason != WIRE_OK)
		return whole(r);
	get_info(r, &i->info);
	i->raw_len = rd_le32(r);
	if (i->raw_len > DEVINFO_RAW)
		return ERR_PROTO;
	i->raw = rd_lend(r, i->raw_len);
	i->cache_len = rd_le32(r);
	if (i->cache_len > DEVINFO_CACHE)
		return ERR_PROTO;
	i->cache = rd_lend(r, i->cache_len);
	return whole(r);
}

void
wire_put_queued(struct wr *w, const struct wire_queued *q)
{
	wr_le32(w, q->dev);
	wr_le32(w, q->position);
	wr_le64(w, q->since);
	wr_str8(w, q->holder);
}

int
wire_get_queued(struct rd *r, struct wire_queued *q)
{
	q->dev = rd_le32(r);
	q->position = rd_le32(r);
	q->since = rd_le64(r);
	get_text(r, q->holder, sizeof(q->holder));
	return whole(r);
}

void
wire_put_ends(struct wr *w, const struct wire_ends *e)
{
	wr_le32(w, e->dev);
	wr_le32(w, e->seconds);
	wr_str8(w, e->why);
}

int
wire_get_ends(struct rd *r, struct wire_ends *e)
{
	e->dev = rd_le32(r);
	e->seconds = rd_le32(r);
	get_text(r, e->why, sizeof(e->why));
	return whole(r);
}

void
wire_put_removed(struct wr *w, uint32_t dev, const struct wire_refusal *f)
{
	wr_le32(w, dev);
	wire_put_refusal(w, f);
}

int
wire_get_removed(struct rd *r, uint32_t *dev, struct wire_refusal *f)
{
	*dev = rd_le32(r);
	return wire_get_refusal(r, f);
}

void
wire_put_submit(struct wr *w, const struct wire_submit *s)
{
	wr_le32(w, s->after);
	wr_le32(w, s->flags);
	wr_le32(w, s->len);
	wr_le32(w, s->start_frame);
	wr_le32(w, s->interval);
	wr_le32(w, s->packets);
	wr_bytes(w, s->setup, sizeof(s->setup));
}

int
wire_get_submit(struct rd *r, struct wire_submit *s)
{
	s->after = rd_le32(r);
	s->flags = rd_le32(r);
	s->len = rd_le32(r);
	s->start_frame = rd_le32(r);
	s->interval = rd_le32(r);
	s->packets = rd_le32(r);
	rd_bytes(r, s->setup, sizeof(s->setup));
	return whole(r);
}

void
wire_put_complete(struct wr *w, const struct wire_complete *c)
{
	wr_le32(w, c->epoch);
	wr_le64(w, c->index);
	wr_u8(w, c->flags);
	wr_le32(w, (uint32_t)c->status);
	wr_le32(w, c->actual);
	wr_le32(w, c->start_frame);
	wr_le32(w, c->error_count);
	wr_le32(w, c->packets);
}

int
wire_get_complete(struct rd *r, struct wire_complete *c)
{
	c->epoch = rd_le32(r);
	c->index = rd_le64(r);
	c->flags = rd_u8(r);
	c->status = (int32_t)rd_le32(r);
	c->actual = rd_le32(r);
	c->start_frame = rd_le32(r);
	c->error_count = rd_le32(r);
	c->packets = rd_le32(r);
	return whole(r);
}

void
wire_put_offer(struct wr *w, const struct wire_offer *o)
{
	wr_u8(w, o->link);
	wr_str8(w, o->ufrag);
	wr_str8(w, o->pwd);
	wr_u8(w, (uint8_t)o->n);
	for (unsigned i = 0; i < o->n; i++)
		wr_str8(w, o->candidate[i]);
}

int
wire_get_offer(struct rd *r, struct wire_offer *o)
{
	o->link = rd_u8(r);
	get_text(r, o->ufrag, sizeof(o->ufrag));
	get_text(r, o->pwd, sizeof(o->pwd));
	o->n = rd_u8(r);
	if (o->link > 31 || o->n > WIRE_CANDIDATES)
		return ERR_PROTO;
	for (unsigned i = 0; i < o->n; i++)
		get_text(r, o->candidate[i], sizeof(o->candidate[i]));
	return whole(r);
}

void
wire_put_trickle(struct wr *w, const char *candidate)
{
	wr_str8(w, candidate);
}

int
wire_get_trickle(struct rd *r, char candidate[WIRE_CANDIDATE])
{
	get_text(r, candidate, WIRE_CANDIDATE);
	return whole(r);
}
