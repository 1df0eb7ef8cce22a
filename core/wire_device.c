/* SPDX-License-Identifier: ISC */
/*
 * Bodies of the messages about devices: what there is, who has it, what becomes of it.
 */
#include "core/mem.h"
#include "core/wire_impl.h"

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
	wire_get_text(r, d->busid, sizeof(d->busid));
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
	wire_get_text(r, d->manufacturer, sizeof(d->manufacturer));
	wire_get_text(r, d->product, sizeof(d->product));
	wire_get_text(r, d->serial, sizeof(d->serial));
	wire_get_text(r, d->nick, sizeof(d->nick));
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
	wire_get_text(r, d->holder, sizeof(d->holder));
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
	wire_get_text(r, i->busid, sizeof(i->busid));
	return rd_end(r);
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
	wire_part_refusal(r, &i->no);
	if (r->bad || i->no.reason != WIRE_OK)
		return rd_end(r);
	get_info(r, &i->info);
	i->raw_len = rd_le32(r);
	if (i->raw_len > DEVINFO_RAW)
		return ERR_PROTO;
	i->raw = rd_lend(r, i->raw_len);
	i->cache_len = rd_le32(r);
	if (i->cache_len > DEVINFO_CACHE)
		return ERR_PROTO;
	i->cache = rd_lend(r, i->cache_len);
	return rd_end(r);
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
	wire_get_text(r, q->holder, sizeof(q->holder));
	return rd_end(r);
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
	wire_get_text(r, e->why, sizeof(e->why));
	return rd_end(r);
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
