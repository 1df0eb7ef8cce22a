/* SPDX-License-Identifier: ISC */
/*
 * What is in a COMPLETE: head, results of isochronous packets, IN data.
 */
#include "core/imports.h"
#include "core/iso.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"

static uint32_t
packets_len(const struct wire_complete *c)
{
	return c->packets * WIRE_PACKET;
}

static int
read_head(const struct session_msg *m, struct wire_complete *c)
{
	uint8_t head[WIRE_COMPLETE_HEAD];
	struct rd r;

	session_msg_read(m, 0, head, sizeof(head));
	rd_init(&r, head, sizeof(head));
	return wire_get_complete(&r, c);
}

/* IN data may be left out unless there are packets: those say where they belong. */
static bool
is_whole(const struct session_msg *m, const struct wire_complete *c)
{
	uint64_t data = m->len - WIRE_COMPLETE_HEAD;
	uint8_t ep = stream_ep(m->sid);

	if (c->packets == 0)
		return data == 0 || data == c->actual;
	return (ep & 15) != 0 && c->packets <= ISO_PACKETS &&
	       data == (uint64_t)packets_len(c) + ((ep & 0x80) != 0 ? c->actual : 0);
}

int
imports_complete(const struct session_msg *m, struct wire_complete *c)
{
	int err = read_head(m, c);

	if (err == ERR_OK && (c->status > 0 || c->status < -4095 || !is_whole(m, c)))
		err = ERR_PROTO;
	return err;
}

void
imports_data(const struct session_msg *m, uint8_t *dst, uint32_t n)
{
	struct wire_complete c;
	int err = imports_complete(m, &c);

	ASSERT(err == ERR_OK); /* on_complete has seen it */
	session_msg_read(m, WIRE_COMPLETE_HEAD + packets_len(&c), dst, n);
}

void
imports_packets(const struct session_msg *m, struct urb_iso *iso, uint32_t packets)
{
	uint8_t b[WIRE_PACKET];
	struct rd r;

	for (uint32_t i = 0; i < packets; i++) {
		session_msg_read(m, WIRE_COMPLETE_HEAD + i * WIRE_PACKET, b, sizeof(b));
		rd_init(&r, b, sizeof(b));
		wire_get_packet(&r, &iso[i]);
	}
}
