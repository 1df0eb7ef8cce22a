/* SPDX-License-Identifier: ISC */
/*
 * Isochronous packets between the head and the data of SUBMIT and COMPLETE.
 */
#include "core/wire.h"

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
