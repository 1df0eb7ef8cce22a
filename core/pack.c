/* SPDX-License-Identifier: ISC */
/*
 * Compressed data in messages of devices.
 */
#include "core/pack.h"
#include "core/cur.h"
#include "core/mem.h"
#include "core/stream.h"
#include "core/wire.h"

#define SAVED_LEAST 8 /* one byte of so many, or it goes as it is */

void
pack_init(struct pack *p, struct pool *pool, struct session *s)
{
	*p = (struct pack){.pool = pool, .session = s};
}

uint64_t
pack_caps(const struct pack *p, uint64_t caps)
{
	return p->conf.codec != NULL ? caps : caps & ~(uint64_t)WIRE_CAP_LZ4;
}

void
pack_agree(struct pack *p, uint64_t mine, uint64_t theirs, uint32_t urb_max)
{
	p->on = (pack_caps(p, mine) & theirs & WIRE_CAP_LZ4) != 0;
	p->urb_max = urb_max;
}

/* --- out --- */

static uint64_t
price(struct pack *p)
{
	struct shrink_link l;

	return p->conf.link(p->conf.arg, &l) ? shrink_look(&p->price, &l) : 0;
}

static void
count(struct pack_dev *d, uint64_t before, uint64_t after)
{
	d->stats.messages++;
	d->stats.before += before;
	d->stats.after += after;
}

/* Bytes that the data are when they are compressed; 0: that does not pay. */
static uint32_t
squeeze(struct pack *p, struct shrink *s, const struct session_slice *data, uint64_t ps,
	uint8_t *out, uint32_t cap)
{
	uint32_t n = (uint32_t)data->n;
	uint64_t start = p->conf.now_ns(p->conf.arg);
	uint32_t left = p->conf.codec->compress(data->p, n, out, cap);
	uint64_t took = p->conf.now_ns(p->conf.arg) - start;

	ASSERT(left <= cap);
	return shrink_pays(s, ps, left > 0 ? n - left : 0, took) ? left : 0;
}

static int
send_squeezed(struct pack *p, struct pack_dev *d, uint32_t sid, uint8_t type,
	      const struct session_slice *v, uint64_t ps, uint64_t *index)
{
	uint32_t n = (uint32_t)v[2].n, cap = n - n / SAVED_LEAST;
	uint8_t *out = pool_get(p->pool, cap);
	struct session_slice packed[2] = {v[0], {out, 0}};
	int err = ERR_NOMEM;

	if (out == NULL)
		return err;
	packed[1].n = squeeze(p, &d->stream[sid & 31], &v[2], ps, out, cap);
	if (packed[1].n > 0)
		err = session_send(p->session, sid, type, packed, 2, index);
	pool_put(p->pool, out, cap);
	if (err == ERR_OK)
		count(d, n, packed[1].n);
	return err;
}

int
pack_send(struct pack *p, struct pack_dev *d, uint32_t sid, uint8_t type,
	  const struct session_slice v[3], uint64_t *index)
{
	uint8_t packed = type == WIRE_SUBMIT ? WIRE_SUBMIT_LZ4 : WIRE_COMPLETE_LZ4;
	uint64_t ps;

	if (p->on && v[1].n == 0 && v[2].n >= SHRINK_LEAST) {
		ps = price(p);
		if (shrink_wants(&d->stream[sid & 31], ps, v[2].n) &&
		    send_squeezed(p, d, sid, packed, v, ps, index) == ERR_OK)
			return ERR_OK;
	}
	return session_send(p->session, sid, type, v, 3, index);
}

/* --- in --- */

/* What a head says, of either message. */
struct what {
	uint8_t type; /* of the message it was */
	uint32_t head, len, packets;
	bool in; /* its data go there */
};

bool
pack_is(const struct session_msg *m)
{
	return m->type == WIRE_SUBMIT_LZ4 || m->type == WIRE_COMPLETE_LZ4;
}

static int
read_submit(struct rd *r, struct what *w)
{
	struct wire_submit s;
	int err = wire_get_submit(r, &s);

	w->len = s.len;
	w->packets = s.packets;
	return err;
}

static int
read_complete(struct rd *r, struct what *w)
{
	struct wire_complete c;
	int err = wire_get_complete(r, &c);

	w->in = true;
	w->len = c.actual;
	w->packets = c.packets;
	return err;
}

static int
read_head(const struct session_msg *m, struct what *w)
{
	bool submit = m->type == WIRE_SUBMIT_LZ4;
	uint8_t head[WIRE_COMPLETE_HEAD];
	struct rd r;

	*w = (struct what){.type = submit ? WIRE_SUBMIT : WIRE_COMPLETE,
			   .head = submit ? WIRE_SUBMIT_HEAD : WIRE_COMPLETE_HEAD};
	session_msg_read(m, 0, head, w->head);
	rd_init(&r, head, w->head);
	return submit ? read_submit(&r, w) : read_complete(&r, w);
}

/* wire_check has seen that there is a head, and something behind it. */
static bool
may_come(const struct pack *p, const struct session_msg *m, const struct what *w)
{
	uint8_t ep = stream_ep(m->sid);

	return p->on && m->tail == 0 && w->packets == 0 && (ep & 15) != 0 &&
	       ((ep & 0x80) != 0) == w->in && w->len >= SHRINK_LEAST &&
	       w->len <= SHRINK_MOST && w->len <= p->urb_max &&
	       m->len - w->head <= w->len - w->len / SAVED_LEAST;
}

/* The message, and behind it the block that its data are made of. */
static int
expand(struct pack *p, const struct session_msg *m, const struct what *w,
       struct pack_opened *o)
{
	uint32_t n = m->len - w->head;
	uint8_t *data, *block;

	o->pool = p->pool;
	o->size = (size_t)w->head + w->len + n;
	if ((o->mem = pool_get(p->pool, o->size)) == NULL)
		return ERR_NOMEM;
	data = o->mem + w->head;
	block = data + w->len;
	session_msg_read(m, 0, o->mem, w->head);
	session_msg_read(m, w->head, block, n);
	if (p->conf.codec->expand(block, n, data, w->len))
		return ERR_OK;
	pack_close(o);
	return ERR_PROTO;
}

int
pack_open(struct pack *p, struct pack_dev *d, const struct session_msg *m,
	  struct pack_opened *o)
{
	struct what w;
	int err = read_head(m, &w);

	if (err == ERR_OK && !may_come(p, m, &w))
		err = ERR_PROTO;
	if (err != ERR_OK || (err = expand(p, m, &w, o)) != ERR_OK)
		return err;
	o->msg = *m;
	o->msg.type = w.type;
	o->msg.len = w.head + w.len;
	o->msg.body = o->mem;
	count(d, w.len, m->len - w.head);
	return ERR_OK;
}

void
pack_close(struct pack_opened *o)
{
	pool_put(o->pool, o->mem, o->size);
}

void
pack_add(struct pack_stats *sum, const struct pack_dev *d)
{
	sum->messages += d->stats.messages;
	sum->before += d->stats.before;
	sum->after += d->stats.after;
	for (unsigned i = 0; i < 32; i++)
		sum->on |= d->stream[i].on;
}
