/* SPDX-License-Identifier: ISC */
/*
 * The devices of an attach side, their requests and replies.
 */
#include "core/cur.h"
#include "core/imports_impl.h"
#include "core/iso.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/wire_tail.h"

struct imports *
imports_new(struct pool *pool, struct session *s, const struct imports_ops *ops,
	    void *arg)
{
	struct imports *m = pool_zget(pool, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->pool = pool;
	m->session = s;
	m->ops = ops;
	m->arg = arg;
	m->next_dev = 1;
	list_init(&m->devs);
	pack_init(&m->pack, pool, s);
	if (session_open(s, STREAM_SESSION, STREAM_PRIO_SESSION) != ERR_OK) {
		pool_put(pool, m, sizeof(*m));
		return NULL;
	}
	return m;
}

void
imports_forget(struct imports *m, struct imported *x)
{
	for (unsigned i = 0; i < 32; i++)
		session_close(m->session, x->dev << 5 | i);
	list_del(&x->link);
	pool_put(m->pool, x, sizeof(*x));
}

void
imports_free(struct imports *m)
{
	if (m == NULL)
		return;
	while (!list_empty(&m->devs))
		imports_forget(m, CONTAINER_OF(m->devs.next, struct imported, link));
	pool_put(m->pool, m, sizeof(*m));
}

struct imported *
imports_find(const struct imports *m, uint32_t dev)
{
	struct list *l;

	LIST_EACH (&m->devs, l) {
		struct imported *x = CONTAINER_OF(l, struct imported, link);

		if (x->dev == dev)
			return x;
	}
	return NULL;
}

/*
 * Of a control request the setup bytes say the direction. One without a data
 * stage may come with room for data all the same; none is moved.
 */
static uint32_t
length_of(const struct import_request *q)
{
	bool no_data = (q->ep & 15) == 0 && q->setup[6] == 0 && q->setup[7] == 0;

	return no_data ? 0 : q->len;
}

/* A request of one of our devices, with its packets as bytes. */
static int
send_submit(struct imports *m, struct imported *x, const struct import_request *q,
	    const struct session_slice *packets, uint64_t *tag)
{
	struct wire_submit s = {.after = m->orders ? q->after : 0,
				.flags = q->flags & ~WIRE_IF_WELL,
				.len = length_of(q),
				.start_frame = q->start_frame,
				.interval = q->interval,
				.packets = q->packets};
	uint32_t sid = stream_of(x->dev, q->ep);
	uint8_t head[WIRE_SUBMIT_HEAD];
	struct session_slice v[3] = {{head, sizeof(head)}, *packets, {q->data, 0}};
	struct wr w;
	int err;

	if (m->orders && q->if_well)
		s.flags |= WIRE_IF_WELL;
	memcpy(s.setup, q->setup, sizeof(s.setup));
	wr_init(&w, head, sizeof(head));
	wire_put_submit(&w, &s);
	if ((q->ep & 0x80) == 0)
		v[2].n = s.len;
	if ((err = session_open(m->session, sid, stream_prio_of(q->type))) != ERR_OK)
		return err;
	if (q->type == URB_BULK)
		return pack_send(&m->pack, &x->pack, sid, WIRE_SUBMIT, v, tag);
	return wire_tail_send(m->session, sid, WIRE_SUBMIT, v, q->iso, q->packets,
			      UINT64_MAX, tag);
}

int
imports_submit(struct imports *m, uint32_t dev, const struct import_request *q,
	       uint64_t *tag)
{
	struct imported *x = imports_find(m, dev);
	size_t n = q->packets * (size_t)WIRE_PACKET;
	struct session_slice packets = {NULL, n};
	uint8_t *b = NULL;
	int err;

	if (x == NULL || !x->ours)
		return ERR_GONE;
	if (q->packets > ISO_PACKETS || (uint64_t)q->len + n > m->urb_max)
		return ERR_TOOBIG;
	if (n > 0 && (b = pool_get(m->pool, n)) == NULL)
		return ERR_NOMEM;
	wire_put_packets(b, q->iso, q->packets);
	packets.p = b;
	err = send_submit(m, x, q, &packets, tag);
	pool_put(m->pool, b, n);
	return err;
}

int
imports_unlink(struct imports *m, uint32_t dev, uint8_t ep, uint64_t tag)
{
	uint8_t b[12];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wr_le32(&w, stream_of(dev, ep));
	wr_le64(&w, tag);
	return wire_send(m->session, WIRE_UNLINK, b, &w);
}

static int
take_complete(struct imported *x, const struct session_msg *msg)
{
	struct import_reply reply;
	struct wire_complete c;
	uint32_t body = msg->len - WIRE_COMPLETE_HEAD;
	int err;

	if ((err = imports_complete(msg, &c)) != ERR_OK ||
	    (err = imports_came(msg, &c)) != ERR_OK)
		return err;
	reply.unlinked = (c.flags & WIRE_UNLINKED) != 0;
	reply.status = c.status;
	reply.actual = c.actual;
	reply.start_frame = c.start_frame;
	reply.packets = c.packets;
	if (reply.unlinked && body != 0)
		return ERR_PROTO;
	return x->user->reply(x->arg, stream_ep(msg->sid), c.index, &reply,
			      body == 0 ? NULL : msg);
}

/* COMPLETE on a device's stream, maybe packed. */
static int
on_complete(struct imports *m, const struct session_msg *msg)
{
	struct imported *x = imports_find(m, stream_dev(msg->sid));
	struct pack_opened o;
	int err;

	if (x == NULL)
		return ERR_OK; /* was on its way when we let go */
	if (!pack_is(msg))
		return take_complete(x, msg);
	if ((err = pack_open(&m->pack, &x->pack, msg, &o)) != ERR_OK)
		return err;
	err = take_complete(x, &o.msg); /* which may be the last of x */
	pack_close(&o);
	return err;
}

int
imports_message(struct imports *m, const struct session_msg *msg)
{
	const struct wire_row *row;
	enum wire_place place = wire_place_of(msg->sid);
	int err = wire_check(msg->type, WIRE_SERVE, place, msg->len, &row);

	if (err == ERR_NODEV)
		return ERR_OK;
	if (err == ERR_OK && msg->tail > 0 && place != WIRE_DEVICE)
		err = ERR_PROTO;
	if (err == ERR_OK && place == WIRE_SESSION)
		err = imports_told(m, msg);
	else if (err == ERR_OK && place == WIRE_BENCH)
		err = m->ops->bench(m->arg, msg);
	else if (err == ERR_OK)
		err = on_complete(m, msg);
	if (err != ERR_OK)
		log_warn("session ends message=%s length=%u reason=\"%s\"",
			 wire_name(msg->type), (unsigned)msg->len, err_text(err));
	return err;
}

/* Every stream is opened by us; another was closed with its device, or is wrong. */
int
imports_accept(struct imports *m, uint32_t sid, enum stream_prio *prio)
{
	uint32_t dev = stream_dev(sid);

	(void)prio;
	return dev == 0 || dev >= m->next_dev || imports_find(m, dev) != NULL ? ERR_PROTO
									      : ERR_GONE;
}

uint32_t
imports_urb_max(const struct imports *m)
{
	return m->urb_max;
}

uint32_t
imports_window(const struct imports *m)
{
	return m->window;
}

bool
imports_orders(const struct imports *m)
{
	return m->orders;
}

void
imports_pack(struct imports *m, const struct pack_conf *conf)
{
	m->pack.conf = *conf;
}

bool
imports_packs(const struct imports *m, uint32_t dev, struct pack_stats *sum)
{
	const struct imported *x = imports_find(m, dev);

	memset(sum, 0, sizeof(*sum));
	if (x == NULL || !m->pack.on)
		return false;
	pack_add(sum, &x->pack);
	return true;
}
