/* SPDX-License-Identifier: ISC */
/*
 * The attach side of one session.
 */
#include "core/cur.h"
#include "core/desc.h"
#include "core/desc_cache.h"
#include "core/imports.h"
#include "core/iso.h"
#include "core/list.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/pack.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/text.h"
#include "core/wire_tail.h"

struct imported {
	struct list link; /* in imports.devs */
	uint32_t dev;
	bool ours; /* the server said yes */
	struct pack_dev pack;
	const struct imports_user *user;
	void *arg;
};

enum state {
	SILENT,
	GREETED,
	WELCOMED,
	REFUSED,
};

struct imports {
	struct pool *pool;
	struct session *session;
	const struct imports_ops *ops;
	void *arg;
	struct list devs;
	uint32_t next_dev;
	enum state state;
	struct wire_hello mine; /* what hello said */
	uint32_t urb_max, window;
	bool orders; /* both know core/after.h */
	struct pack pack;
};

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

static void
forget(struct imports *m, struct imported *x)
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
		forget(m, CONTAINER_OF(m->devs.next, struct imported, link));
	pool_put(m->pool, m, sizeof(*m));
}

static struct imported *
find(const struct imports *m, uint32_t dev)
{
	struct list *l;

	LIST_EACH (&m->devs, l) {
		struct imported *x = CONTAINER_OF(l, struct imported, link);

		if (x->dev == dev)
			return x;
	}
	return NULL;
}

static int
send(struct imports *m, uint8_t type, const uint8_t *body, size_t n)
{
	struct session_slice v = {body, n};

	return session_send(m->session, STREAM_SESSION, type, &v, 1, NULL);
}

static int
send_wr(struct imports *m, uint8_t type, const uint8_t *body, const struct wr *w)
{
	ASSERT(!w->bad);
	return send(m, type, body, (size_t)(w->p - body));
}

int
imports_hello(struct imports *m, const struct wire_hello *h)
{
	uint8_t b[512];
	struct wr w;

	if (m->state != SILENT)
		return ERR_STATE;
	m->state = GREETED;
	m->mine = *h;
	m->mine.greet.caps = pack_caps(&m->pack, h->greet.caps);
	wr_init(&w, b, sizeof(b));
	wire_put_hello(&w, &m->mine);
	return send_wr(m, WIRE_HELLO, b, &w);
}

int
imports_list(struct imports *m)
{
	return m->state == WELCOMED ? send(m, WIRE_LIST, NULL, 0) : ERR_STATE;
}

int
imports_import(struct imports *m, const char *busid, uint8_t flags,
	       const struct imports_user *user, void *arg, uint32_t *dev)
{
	struct wire_import i = {.dev = m->next_dev, .flags = flags};
	struct imported *x;
	uint8_t b[64];
	struct wr w;
	int err;

	if (m->state != WELCOMED || m->next_dev > STREAM_DEV_MAX)
		return ERR_STATE;
	if (!text_copy(i.busid, sizeof(i.busid), busid))
		return ERR_NODEV;
	if ((x = pool_zget(m->pool, sizeof(*x))) == NULL)
		return ERR_NOMEM;
	wr_init(&w, b, sizeof(b));
	wire_put_import(&w, &i);
	if ((err = send_wr(m, WIRE_IMPORT, b, &w)) != ERR_OK) {
		pool_put(m->pool, x, sizeof(*x));
		return err;
	}
	*dev = x->dev = m->next_dev++;
	x->user = user;
	x->arg = arg;
	list_add(&m->devs, &x->link);
	return ERR_OK;
}

void
imports_release(struct imports *m, uint32_t dev)
{
	struct imported *x = find(m, dev);
	uint8_t b[4];
	struct wr w;

	if (x == NULL)
		return;
	forget(m, x);
	wr_init(&w, b, sizeof(b));
	wr_le32(&w, dev);
	if (send_wr(m, WIRE_RELEASE, b, &w) != ERR_OK)
		(void)session_fail(m->session, ERR_NOMEM);
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
	struct imported *x = find(m, dev);
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
	return send_wr(m, WIRE_UNLINK, b, &w);
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
	struct imported *x = find(m, stream_dev(msg->sid));
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

static int
on_welcome(struct imports *m, struct rd *r)
{
	struct wire_hello h;

	if (m->state != GREETED || wire_get_hello(r, &h) != ERR_OK)
		return ERR_PROTO;
	m->state = WELCOMED;
	m->urb_max = wire_urb_max(&m->mine, &h);
	m->window = wire_window(&h);
	session_peer_window(m->session, m->window);
	pack_agree(&m->pack, m->mine.greet.caps, h.greet.caps, m->urb_max);
	m->orders = (m->mine.greet.caps & h.greet.caps & WIRE_CAP_AFTER) != 0;
	if ((m->mine.greet.caps & h.greet.caps & WIRE_CAP_TAILS) != 0)
		session_tails(m->session);
	return m->ops->welcome(m->arg, ERR_OK, &h, NULL);
}

static int
on_refused(struct imports *m, struct rd *r)
{
	struct wire_refusal no;

	if (m->state != GREETED || wire_get_refusal(r, &no) != ERR_OK ||
	    no.reason == WIRE_OK)
		return ERR_PROTO;
	m->state = REFUSED;
	return m->ops->welcome(m->arg, wire_reason_err(no.reason), NULL, &no);
}

static int
on_devices(struct imports *m, struct rd *r)
{
	unsigned n = rd_le16(r);
	struct wire_device d;

	for (unsigned i = 0; i < n; i++) {
		if (wire_get_device(r, &d) != ERR_OK)
			return ERR_PROTO;
		m->ops->device(m->arg, &d);
	}
	if (rd_left(r) != 0)
		return ERR_PROTO;
	m->ops->device(m->arg, NULL);
	return ERR_OK;
}

/* The descriptors must make sense before anybody here sees them. */
static int
check_descriptors(struct imports *m, const struct wire_imported *i)
{
	struct desc *d = pool_get(m->pool, sizeof(*d));
	int err = ERR_NOMEM;

	if (d != NULL)
		err = desc_parse(d, i->raw, i->raw_len, i->info.config);
	pool_put(m->pool, d, sizeof(*d));
	return err == ERR_OK ? desc_cache_check(i->cache, i->cache_len) : err;
}

static int
on_imported(struct imports *m, struct rd *r)
{
	struct wire_imported i;
	struct imported *x;
	const struct imports_user *user;
	void *arg;
	int err;

	if (wire_get_imported(r, &i) != ERR_OK || i.dev == 0 || i.dev >= m->next_dev)
		return ERR_PROTO;
	if ((x = find(m, i.dev)) == NULL)
		return ERR_OK; /* we let go before the answer came */
	if (x->ours)
		return ERR_PROTO;
	user = x->user;
	arg = x->arg;
	if (i.no.reason == WIRE_OK && (err = check_descriptors(m, &i)) != ERR_OK)
		return err;
	if (i.no.reason == WIRE_OK)
		x->ours = true;
	else
		forget(m, x);
	user->imported(arg, wire_reason_err(i.no.reason), &i);
	return ERR_OK;
}

static int
on_queued(struct imports *m, struct rd *r)
{
	struct wire_queued q;
	struct imported *x;

	if (wire_get_queued(r, &q) != ERR_OK || q.dev == 0 || q.dev >= m->next_dev ||
	    q.position == 0)
		return ERR_PROTO;
	x = find(m, q.dev);
	if (x != NULL && x->ours)
		return ERR_PROTO;
	if (x != NULL && x->user->queued != NULL)
		x->user->queued(x->arg, &q);
	return ERR_OK;
}

static int
on_ends(struct imports *m, struct rd *r)
{
	struct wire_ends e;
	struct imported *x;

	if (wire_get_ends(r, &e) != ERR_OK || e.dev == 0 || e.dev >= m->next_dev)
		return ERR_PROTO;
	x = find(m, e.dev);
	if (x != NULL && x->ours && x->user->ends != NULL)
		x->user->ends(x->arg, &e);
	return ERR_OK;
}

static int
on_removed(struct imports *m, struct rd *r)
{
	struct wire_refusal why;
	struct imported *x;
	const struct imports_user *user;
	void *arg;
	uint32_t dev;

	if (wire_get_removed(r, &dev, &why) != ERR_OK || dev >= m->next_dev)
		return ERR_PROTO;
	if ((x = find(m, dev)) == NULL)
		return ERR_OK;
	user = x->user;
	arg = x->arg;
	forget(m, x);
	user->removed(arg, &why);
	return ERR_OK;
}

static const struct {
	uint8_t type;
	bool early; /* before the welcome */
	int (*run)(struct imports *, struct rd *);
} handlers[] = {
    {WIRE_WELCOME, true, on_welcome},  {WIRE_REFUSED, true, on_refused},
    {WIRE_DEVICES, false, on_devices}, {WIRE_IMPORTED, false, on_imported},
    {WIRE_REMOVED, false, on_removed}, {WIRE_QUEUED, false, on_queued},
    {WIRE_ENDS, false, on_ends},
};

static int
dispatch(struct imports *m, uint8_t type, struct rd *r)
{
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == type)
			return m->state == WELCOMED || handlers[i].early
				   ? handlers[i].run(m, r)
				   : ERR_PROTO;
	return ERR_PROTO;
}

static int
on_session(struct imports *m, const struct session_msg *msg)
{
	struct pool *pool = m->pool;
	uint8_t *body = pool_get(pool, msg->len + 1u);
	struct rd r;
	int err;

	if (body == NULL)
		return ERR_NOMEM;
	session_msg_read(msg, 0, body, msg->len);
	rd_init(&r, body, msg->len);
	err = dispatch(m, msg->type, &r);
	pool_put(pool, body, msg->len + 1u);
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
		err = on_session(m, msg);
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
	return dev == 0 || dev >= m->next_dev || find(m, dev) != NULL ? ERR_PROTO
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
	const struct imported *x = find(m, dev);

	memset(sum, 0, sizeof(*sum));
	if (x == NULL || !m->pack.on)
		return false;
	pack_add(sum, &x->pack);
	return true;
}
