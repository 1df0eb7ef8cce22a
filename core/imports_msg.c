/* SPDX-License-Identifier: ISC */
/*
 * What is in a COMPLETE: head, results of isochronous packets, IN data.
 */
#include "core/imports.h"
#include "core/iso.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/usbip.h"
#include "core/wire_tail.h"

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

	if (!wire_tail_right(m, c->packets, c->actual))
		return false;
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

static void
packet_at(const struct session_msg *m, uint32_t i, struct urb_iso *p)
{
	uint8_t b[WIRE_PACKET];
	struct rd r;

	session_msg_read(m, WIRE_COMPLETE_HEAD + i * WIRE_PACKET, b, sizeof(b));
	rd_init(&r, b, sizeof(b));
	wire_get_packet(&r, p);
}

/* Where data of some came and of others not: the next packet, and its data. */
struct walk {
	const struct session_msg *m;
	uint32_t i, at, next; /* at: where the data of packet i are */
};

static void
walk_init(struct walk *w, const struct session_msg *m, uint32_t packets)
{
	*w = (struct walk){.m = m, .next = WIRE_COMPLETE_HEAD + packets * WIRE_PACKET};
}

/* ERR_PROTO: it says that there are more data than the message has. */
static int
walk_on(struct walk *w, struct urb_iso *p)
{
	w->at = w->next;
	packet_at(w->m, w->i++, p);
	if (p->actual > w->m->len - w->at)
		return ERR_PROTO;
	w->next += p->actual;
	if (p->actual > 0 && !session_msg_has(w->m, w->at, p->actual)) {
		p->actual = 0;
		p->status = -LINUX_EXDEV;
	}
	return ERR_OK;
}

int
imports_came(const struct session_msg *m, struct wire_complete *c)
{
	struct urb_iso p;
	struct walk w;
	int err = ERR_OK;

	if (m->tail == 0)
		return ERR_OK;
	c->actual = 0;
	walk_init(&w, m, c->packets);
	while (err == ERR_OK && w.i < c->packets) {
		err = walk_on(&w, &p);
		c->actual += p.actual;
	}
	return err == ERR_OK && w.next == m->len ? ERR_OK : ERR_PROTO;
}

/* Those that came, one behind the other: n bytes in all, as imports_came said. */
static void
some_data(const struct session_msg *m, uint32_t packets, uint8_t *dst, uint32_t n)
{
	struct urb_iso p;
	struct walk w;

	walk_init(&w, m, packets);
	while (n > 0) {
		int err = walk_on(&w, &p);

		ASSERT(err == ERR_OK && p.actual <= n);
		session_msg_read(m, w.at, dst, p.actual);
		dst += p.actual;
		n -= p.actual;
	}
}

void
imports_data(const struct session_msg *m, uint8_t *dst, uint32_t n)
{
	struct wire_complete c;
	int err = imports_complete(m, &c);

	ASSERT(err == ERR_OK); /* on_complete has seen it */
	if (n < m->tail)
		some_data(m, c.packets, dst, n);
	else
		session_msg_read(m, WIRE_COMPLETE_HEAD + packets_len(&c), dst, n);
}

void
imports_packets(const struct session_msg *m, struct urb_iso *iso, uint32_t packets)
{
	struct walk w;

	walk_init(&w, m, packets);
	for (uint32_t i = 0; i < packets; i++)
		if (m->tail == 0)
			packet_at(m, i, &iso[i]);
		else if (walk_on(&w, &iso[i]) != ERR_OK)
			ASSERT(false); /* imports_came has seen it */
}
