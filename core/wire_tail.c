/* SPDX-License-Identifier: ISC */
/*
 * Where to cut: a packet of which a part is lost is lost.
 */
#include "core/wire_tail.h"
#include "core/session.h"
#include "core/stream.h"

#define PACKET_US 1000
#define LEAST_US  200000
#define MOST_US   5000000

/* Data that are cut: [from, whole) ends with a packet. */
struct cut {
	struct session *s;
	uint32_t sid, from, whole;
	const uint8_t *p;
};

static void
send_up_to(struct cut *c, uint32_t to)
{
	session_piece(c->s, c->sid, c->from, c->p + c->from, to - c->from);
	c->from = to;
}

/* The next packet ends there. */
static void
packet_ends(struct cut *c, uint32_t end)
{
	if (end <= c->whole) /* OUT packets may lie anywhere */
		return;
	if (end - c->from > SESSION_PIECE && c->whole > c->from)
		send_up_to(c, c->whole);
	while (end - c->from > SESSION_PIECE)
		send_up_to(c, c->from + SESSION_PIECE);
	c->whole = end;
}

static void
send_data(struct cut *c, uint32_t n, const struct urb_iso *iso, uint32_t packets, bool in)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < packets; i++) {
		end = in ? end + iso[i].actual : iso[i].offset + iso[i].length;
		packet_ends(c, end);
	}
	packet_ends(c, n);
	if (c->from < n)
		send_up_to(c, n);
}

/* A packet is a millisecond at full speed, and less at others. */
static uint64_t
patience(uint64_t ahead)
{
	uint64_t us = ahead < MOST_US / PACKET_US ? ahead * PACKET_US : MOST_US;

	return us > LEAST_US ? us : LEAST_US;
}

int
wire_tail_send(struct session *s, uint32_t sid, uint8_t type,
	       const struct session_slice *v, const struct urb_iso *iso, uint32_t packets,
	       uint64_t ahead, uint64_t *index)
{
	struct cut c = {.s = s, .sid = sid, .p = v[2].p};
	int err;

	if (packets == 0 || v[2].n == 0 || v[2].n > SESSION_TAIL_MAX ||
	    !session_has_tails(s))
		return session_send(s, sid, type, v, 3, index);
	err = session_send_tail(s, sid, type, v, 2, (uint32_t)v[2].n, patience(ahead),
				index);
	if (err == ERR_OK)
		send_data(&c, (uint32_t)v[2].n, iso, packets,
			  (stream_ep(sid) & 0x80) != 0);
	return err;
}

bool
wire_tail_right(const struct session_msg *m, uint32_t packets, uint32_t n)
{
	return m->tail == 0 ||
	       (packets > 0 && m->tail == n && (stream_ep(m->sid) & 15) != 0);
}
