/* SPDX-License-Identifier: ISC */
/*
 * Heads of SUBMIT and COMPLETE, and the isochronous packets between them and the data.
 */
#include "core/wire.h"

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
	return rd_end(r);
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
	return rd_end(r);
}

void
wire_put_packet(struct wr *w, const struct urb_iso *p)
{
	wr_le32(w, p->offset);
	wr_le32(w, p->length);
	wr_le32(w, p->actual);
	wr_le32(w, (uint32_t)p->status);
}

void
wire_put_packets(uint8_t *b, const struct urb_iso *iso, uint32_t n)
{
	struct wr w;

	for (uint32_t i = 0; i < n; i++) {
		wr_init(&w, b + (size_t)i * WIRE_PACKET, WIRE_PACKET);
		wire_put_packet(&w, &iso[i]);
	}
}

void
wire_get_packet(struct rd *r, struct urb_iso *p)
{
	p->offset = rd_le32(r);
	p->length = rd_le32(r);
	p->actual = rd_le32(r);
	p->status = (int32_t)rd_le32(r);
	p->lost = false;
}
