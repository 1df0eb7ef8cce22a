/* SPDX-License-Identifier: ISC */
/*
 * Requests of the peer to its devices, from the message until the reply is sent: what
 * is affordable, when each begins, and what the peer is told.
 */
#include "core/cur.h"
#include "core/exported_impl.h"
#include "core/iso.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/usbip.h"
#include "core/wire_tail.h"

#define REPLY_OVERHEAD 256 /* bytes reserved for a reply beside its data */
#define TAG_BITS       5   /* of a tag: the stream among those of its device */

static uint64_t
tag_of(uint32_t sid, uint64_t index)
{
	return index << TAG_BITS | (sid & 31);
}

/* Packets are in memory twice while a reply is sent. */
static uint64_t
reply_size(uint8_t ep, uint32_t len, uint32_t packets)
{
	return REPLY_OVERHEAD + ((ep & 0x80) != 0 ? len : 0) +
	       2ull * WIRE_PACKET * packets;
}

static void
promise(struct exported *x, uint64_t n)
{
	x->promised += n;
	x->of->promised += n;
}

void
exported_kept(struct exported *x, uint64_t n)
{
	ASSERT(x->promised >= n);
	x->promised -= n;
	x->of->promised -= n;
}

/* Of the pool a part is kept for what is small, and for the session itself. */
static bool
affordable(const struct exported *x, enum urb_type type, uint64_t n)
{
	const struct pool *p = x->of->pool;
	size_t kept = p->budget / (type == URB_BULK || type == URB_ISO ? 8 : 16);
	uint64_t used = p->used + x->of->promised + kept;

	return used <= p->budget && n <= p->budget - used;
}

/* A reply goes to the stream its request came from. packets: as bytes. */
static int
send_complete(struct exported *x, uint64_t tag, const struct urb *u, bool unlinked,
	      const struct session_slice *packets)
{
	struct wire_complete c = {.index = tag >> TAG_BITS,
				  .flags = unlinked ? WIRE_UNLINKED : 0,
				  .status = u->status,
				  .actual = u->actual,
				  .start_frame = u->start_frame,
				  .packets = (uint32_t)(packets->n / WIRE_PACKET)};
	uint32_t sid = x->dev << 5 | (uint32_t)(tag & 31);
	uint8_t head[WIRE_COMPLETE_HEAD];
	struct session_slice v[3] = {{head, sizeof(head)}, *packets, {u->buf, 0}};
	struct wr w;

	if (urb_in(u) && !unlinked)
		v[2].n = u->actual;
	if (c.packets > 0)
		c.error_count = iso_errors(u->iso, u->packets);
	wr_init(&w, head, sizeof(head));
	wire_put_complete(&w, &c);
	ASSERT(!w.bad);
	if (u->type == URB_BULK)
		return pack_send(&x->of->pack, &x->pack, sid, WIRE_COMPLETE, v, NULL);
	return wire_tail_send(x->of->session, sid, WIRE_COMPLETE, v, u->iso, c.packets,
			      x->packets, NULL);
}

static void
send_reply(struct exported *x, uint64_t tag, const struct urb *u, bool unlinked)
{
	struct session_slice packets = {NULL, 0};
	uint8_t *b = NULL;
	int err = ERR_OK;

	if (u->iso != NULL && !unlinked)
		packets.n = u->packets * (size_t)WIRE_PACKET;
	if (packets.n > 0 && (b = pool_get(x->of->pool, packets.n)) == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK) {
		wire_put_packets(b, u->iso, (uint32_t)(packets.n / WIRE_PACKET));
		packets.p = b;
		err = send_complete(x, tag, u, unlinked, &packets);
	}
	pool_put(x->of->pool, b, packets.n);
	/* the session fails for lack of memory rather than lose a reply */
	if (err != ERR_OK)
		(void)session_fail(x->of->session, ERR_NOMEM);
}

/* All bytes that were sent, those that came; a status of a disk's command says passed. */
static bool
is_well(const struct urb *u, bool unlinked)
{
	if (u->status != 0 || unlinked)
		return false;
	if (!urb_in(u))
		return u->actual == u->len;
	return u->len != WIRE_STATUS_LEN ||
	       (u->actual == u->len && u->buf[WIRE_STATUS_LEN - 1] == 0);
}

/* Now, or never. */
static void
take_turn(struct exported *x, uint64_t tag, void *handle, enum after_turn turn)
{
	if (turn == AFTER_SKIP)
		export_unlink(x->ex, tag);
	export_go(x->ex, handle);
}

/* A request of its stream has ended: what was to begin then does. */
static void
ended(struct exported *x, uint8_t ep, uint64_t tag, bool well)
{
	enum after_turn turn;
	uint64_t next;
	void *handle;

	if ((ep & 15) == 0)
		return;
	after_ended(&x->after, ep, tag >> TAG_BITS, well);
	if (x->taking_turns) /* what has just begun ended at once */
		return;
	x->taking_turns = true;
	while ((handle = after_next(&x->after, &next, &turn)) != NULL)
		take_turn(x, next, handle, turn);
	x->taking_turns = false;
}

void
exported_reply(void *door, uint64_t tag, const struct urb *u, bool unlinked)
{
	struct exported *x = door;

	exported_kept(x, reply_size(u->ep, u->len, u->packets));
	send_reply(x, tag, u, unlinked);
	x->packets -= u->packets;
	ended(x, u->ep, tag, is_well(u, unlinked));
}

/* A packet whose data are lost is run without them. */
static void
lose_packet(struct urb_iso *p)
{
	p->lost = true;
	p->length = 0;
}

/* OUT data follow the head; returns ERR_PROTO when their length is another. */
static int
read_submit(const struct session_msg *m, struct export_request *q, uint32_t *after,
	    bool *if_well)
{
	uint8_t head[WIRE_SUBMIT_HEAD];
	struct wire_submit s;
	struct rd r;
	int err;

	session_msg_read(m, 0, head, sizeof(head));
	rd_init(&r, head, sizeof(head));
	if ((err = wire_get_submit(&r, &s)) != ERR_OK)
		return err;
	*after = s.after;
	*if_well = (s.flags & WIRE_IF_WELL) != 0;
	q->tag = tag_of(m->sid, m->index);
	q->ep = stream_ep(m->sid);
	if ((q->ep & 15) == 0)
		q->ep = s.setup[0] & 0x80;
	q->flags = s.flags;
	q->len = s.len;
	q->start_frame = s.start_frame;
	q->interval = s.interval;
	q->packets = s.packets;
	memcpy(q->setup, s.setup, sizeof(q->setup));
	if (m->len - sizeof(head) != ((q->ep & 0x80) != 0 ? 0 : (uint64_t)s.len) +
					 (uint64_t)s.packets * WIRE_PACKET)
		return ERR_PROTO;
	return wire_tail_right(m, s.packets, s.len) ? ERR_OK : ERR_PROTO;
}

/* len: bytes of the buffer. Packets outside of it fail the request later. */
static void
read_packets(const struct session_msg *m, struct urb_iso *iso, uint32_t packets,
	     uint32_t len)
{
	uint8_t b[WIRE_PACKET];
	struct rd r;

	for (uint32_t i = 0; i < packets; i++) {
		struct urb_iso *p = &iso[i];

		session_msg_read(m, WIRE_SUBMIT_HEAD + i * WIRE_PACKET, b, sizeof(b));
		rd_init(&r, b, sizeof(b));
		wire_get_packet(&r, p);
		if (m->tail > 0 && p->offset <= len && p->length <= len - p->offset &&
		    !session_msg_has(m, m->len - len + p->offset, p->length))
			lose_packet(p);
	}
}

static int
take_submit(struct exported *x, const struct session_msg *m)
{
	struct export_request q;
	uint64_t reply;
	void *handle;
	uint8_t *buf;
	uint32_t after;
	bool if_well;
	enum after_turn turn = AFTER_GO;
	int err = read_submit(m, &q, &after, &if_well);

	if (err != ERR_OK || x->state != EXPORTED_LIVE)
		return err;
	reply = reply_size(q.ep, q.len, q.packets);
	if (!affordable(x, export_type(x->ex, q.ep), reply)) {
		const struct urb u = {.ep = q.ep, .status = -LINUX_ENOMEM};

		send_reply(x, q.tag, &u, false);
		ended(x, q.ep, q.tag, false);
		return ERR_OK;
	}
	promise(x, reply);
	x->packets += q.packets;
	export_prepare(x->ex, &q, &handle, &buf);
	if (handle == NULL)
		return ERR_OK;
	if (buf != NULL)
		session_msg_read(m, m->len - q.len, buf, q.len);
	if (q.packets > 0)
		read_packets(m, export_iso(handle), q.packets, q.len);
	if (x->of->orders && (q.ep & 15) != 0)
		turn = after_turn(&x->after, after, if_well);
	if (turn == AFTER_WAIT && !after_hold(&x->after, after, if_well, q.tag, handle))
		turn = if_well ? AFTER_SKIP : AFTER_GO;
	if (turn != AFTER_WAIT)
		take_turn(x, q.tag, handle, turn);
	return ERR_OK;
}

int
exported_submit(struct exported *x, const struct session_msg *m)
{
	struct pack_opened o;
	int err;

	if (!pack_is(m))
		return take_submit(x, m);
	if ((err = pack_open(&x->of->pack, &x->pack, m, &o)) != ERR_OK)
		return err;
	err = take_submit(x, &o.msg); /* which may be the last of x */
	pack_close(&o);
	return err;
}

void
exported_unlink(struct exported *x, uint32_t sid, uint64_t index)
{
	uint64_t tag = tag_of(sid, index);
	void *handle;

	if (x->state != EXPORTED_LIVE)
		return;
	handle = after_take(&x->after, tag);
	export_unlink(x->ex, tag);
	if (handle != NULL)
		export_go(x->ex, handle); /* it ends there */
}
