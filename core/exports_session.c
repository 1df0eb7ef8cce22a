/* SPDX-License-Identifier: ISC */
/*
 * The session stream of the serve side: a table of handlers for what the peer asks, and
 * what it is told.
 */
#include "core/cur.h"
#include "core/exports_impl.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/text.h"

#define DEVICE_MAX 1024 /* bytes of one in DEVICES; wire_test measures it */

static int
on_hello(struct exports *e, struct rd *r)
{
	struct wire_hello h, reply;
	struct wire_refusal no = {.reason = WIRE_NOT_ALLOWED};
	uint32_t window;
	uint8_t b[512];
	struct wr w;

	if (e->greeted || wire_get_hello(r, &h) != ERR_OK)
		return ERR_PROTO;
	e->greeted = true;
	memset(&reply, 0, sizeof(reply));
	wr_init(&w, b, sizeof(b));
	if (e->ops->hello(e->arg, &h, &reply, &no) != ERR_OK) {
		wire_put_refusal(&w, &no);
		return wire_send(e->session, WIRE_REFUSED, b, &w);
	}
	e->welcomed = true;
	reply.greet.caps = pack_caps(&e->devs.pack, reply.greet.caps);
	window = wire_window(&h);
	session_peer_window(e->session, window);
	e->devs.orders = (h.greet.caps & reply.greet.caps & WIRE_CAP_AFTER) != 0;
	if ((h.greet.caps & reply.greet.caps & WIRE_CAP_TAILS) != 0)
		session_tails(e->session);
	e->list_max = window < WIRE_LARGE ? window - SESSION_MSG_HEAD : WIRE_LARGE;
	window = wire_urb_max(&h, &reply);
	if (e->devs.conf.urb_max > window)
		e->devs.conf.urb_max = window;
	pack_agree(&e->devs.pack, reply.greet.caps, h.greet.caps, window);
	wire_put_hello(&w, &reply);
	return wire_send(e->session, WIRE_WELCOME, b, &w);
}

static int
on_list(struct exports *e, struct rd *r)
{
	uint8_t *b = pool_get(e->pool, e->list_max);
	struct wire_device d;
	struct wr w;
	unsigned n = 0;
	int err;

	(void)r;
	if (b == NULL)
		return ERR_NOMEM;
	wr_init(&w, b, e->list_max);
	wr_le16(&w, 0);
	while (n < UINT16_MAX && wr_left(&w) >= DEVICE_MAX &&
	       e->ops->list(e->arg, n, &d)) {
		wire_put_device(&w, &d);
		n++;
	}
	b[0] = (uint8_t)n;
	b[1] = (uint8_t)(n >> 8);
	err = wire_send(e->session, WIRE_DEVICES, b, &w);
	pool_put(e->pool, b, e->list_max);
	return err;
}

/* ERR_NOMEM when there is no room for the answer: the session then fails. */
static int
answer(struct exports *e, const struct wire_imported *i)
{
	const size_t cap = (size_t)i->raw_len + i->cache_len + 2048;
	uint8_t *b = pool_get(e->pool, cap);
	struct wr w;
	int err;

	if (b == NULL)
		return ERR_NOMEM;
	wr_init(&w, b, cap);
	wire_put_imported(&w, i);
	err = wire_send(e->session, WIRE_IMPORTED, b, &w);
	pool_put(e->pool, b, cap);
	return err;
}

static int
on_import(struct exports *e, struct rd *r)
{
	struct wire_imported no = {
	    .no = {.reason = WIRE_LIMIT, .text = "too many devices"}};
	struct wire_import i;

	if (wire_get_import(r, &i) != ERR_OK || i.dev < e->next_dev ||
	    i.dev > STREAM_DEV_MAX)
		return ERR_PROTO;
	e->next_dev = i.dev + 1;
	no.dev = i.dev;
	if (exported_new(&e->devs, i.dev) == NULL)
		return answer(e, &no);
	e->ops->open(e->arg, i.dev, i.busid, i.flags & WIRE_TAKEOVER);
	return ERR_OK;
}

static int
on_release(struct exports *e, struct rd *r)
{
	uint32_t dev = rd_le32(r);
	struct exported *x = exported_find(&e->devs, dev);

	if (dev >= e->next_dev)
		return ERR_PROTO;
	if (x != NULL) /* else it left while this was on its way */
		exported_leave(x);
	return ERR_OK;
}

static int
on_unlink(struct exports *e, struct rd *r)
{
	uint32_t sid = rd_le32(r);
	uint64_t index = rd_le64(r);
	struct exported *x = exported_find(&e->devs, stream_dev(sid));

	if (index >> 59 != 0 || !exports_is_stream(e, sid))
		return ERR_PROTO;
	if (x != NULL)
		exported_unlink(x, sid, index);
	return ERR_OK;
}

static const struct {
	uint8_t type;
	bool early; /* before the peer was welcomed */
	int (*run)(struct exports *, struct rd *);
} handlers[] = {
    {WIRE_HELLO, true, on_hello},    {WIRE_LIST, false, on_list},
    {WIRE_IMPORT, false, on_import}, {WIRE_RELEASE, false, on_release},
    {WIRE_UNLINK, false, on_unlink},
};

int
exports_told(struct exports *e, const struct session_msg *m)
{
	uint8_t body[WIRE_SMALL];
	uint32_t n = m->len;
	struct rd r;

	ASSERT(n <= sizeof(body));
	session_msg_read(m, 0, body, n);
	rd_init(&r, body, n);
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == m->type)
			return e->welcomed || handlers[i].early ? handlers[i].run(e, &r)
								: ERR_PROTO;
	return ERR_PROTO;
}

/* The device is open, the peer's hands may have gone; *no says what went wrong. */
static void
opened(struct exports *e, struct exported *x, const struct exports_device *d,
       struct wire_refusal *no)
{
	int err = x->state == EXPORTED_OPENING ? exported_start(x, d) : ERR_GONE;

	if (err == ERR_OK)
		return;
	no->reason = err == ERR_NOMEM ? WIRE_LIMIT : WIRE_TROUBLE;
	text_copy(no->text, sizeof(no->text),
		  err == ERR_NOMEM ? "the server is out of memory"
				   : "its descriptors make no sense");
	exported_forget(x);
	e->ops->close(e->arg, d->device);
}

void
exports_opened(struct exports *e, uint32_t dev, const struct wire_refusal *no,
	       const struct exports_device *d)
{
	struct exported *x = exported_find(&e->devs, dev);
	struct wire_imported i = {.dev = dev, .no = *no};
	bool wanted;

	ASSERT(x != NULL && x->ex == NULL);
	wanted = x->state == EXPORTED_OPENING;
	if (no->reason == WIRE_OK)
		opened(e, x, d, &i.no);
	else
		exported_forget(x);
	if (i.no.reason == WIRE_OK) {
		i.info = *d->info;
		i.raw = d->raw;
		i.raw_len = (uint32_t)d->raw_len;
		i.cache = d->cache;
		i.cache_len = (uint32_t)d->cache_len;
	}
	if (wanted && answer(e, &i) != ERR_OK)
		(void)session_fail(e->session, ERR_NOMEM);
}

/* Nobody has asked for it. */
static void
tell(struct exports *e, uint8_t type, const uint8_t *body, const struct wr *w)
{
	if (wire_send(e->session, type, body, w) != ERR_OK)
		(void)session_fail(e->session, ERR_NOMEM);
}

void
exports_queued(struct exports *e, uint32_t dev, struct wire_queued *q)
{
	const struct exported *x = exported_find(&e->devs, dev);
	uint8_t b[128];
	struct wr w;

	if (x == NULL || x->state != EXPORTED_OPENING)
		return;
	q->dev = dev;
	wr_init(&w, b, sizeof(b));
	wire_put_queued(&w, q);
	tell(e, WIRE_QUEUED, b, &w);
}

void
exports_ends(struct exports *e, uint32_t dev, struct wire_ends *ends)
{
	const struct exported *x = exported_find(&e->devs, dev);
	uint8_t b[WIRE_TEXT + 16];
	struct wr w;

	if (x == NULL || x->state != EXPORTED_LIVE)
		return;
	ends->dev = dev;
	wr_init(&w, b, sizeof(b));
	wire_put_ends(&w, ends);
	tell(e, WIRE_ENDS, b, &w);
}

void
exports_remove(struct exports *e, uint32_t dev, const struct wire_refusal *why)
{
	struct exported *x = exported_find(&e->devs, dev);
	uint8_t b[300];
	struct wr w;

	if (x == NULL || x->state == EXPORTED_LEAVING)
		return;
	wr_init(&w, b, sizeof(b));
	wire_put_removed(&w, dev, why);
	tell(e, WIRE_REMOVED, b, &w);
	exported_leave(x);
}

void
exports_changed(struct exports *e)
{
	if (e->welcomed && !e->ending && on_list(e, NULL) != ERR_OK)
		(void)session_fail(e->session, ERR_NOMEM);
}
