/* SPDX-License-Identifier: ISC */
/*
 * The session stream of the attach side: what is asked of the server, and a table of
 * handlers for what it says. Requests to devices are not known here.
 */
#include "core/cur.h"
#include "core/desc.h"
#include "core/desc_cache.h"
#include "core/imports_impl.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/text.h"

int
imports_hello(struct imports *m, const struct wire_hello *h)
{
	uint8_t b[512];
	struct wr w;

	if (m->state != IMPORTS_SILENT)
		return ERR_STATE;
	m->state = IMPORTS_GREETED;
	m->mine = *h;
	m->mine.greet.caps = pack_caps(&m->pack, h->greet.caps);
	wr_init(&w, b, sizeof(b));
	wire_put_hello(&w, &m->mine);
	return wire_send(m->session, WIRE_HELLO, b, &w);
}

int
imports_list(struct imports *m)
{
	return m->state == IMPORTS_WELCOMED
		   ? session_send(m->session, STREAM_SESSION, WIRE_LIST, NULL, 0, NULL)
		   : ERR_STATE;
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

	if (m->state != IMPORTS_WELCOMED || m->next_dev > STREAM_DEV_MAX)
		return ERR_STATE;
	if (!text_copy(i.busid, sizeof(i.busid), busid))
		return ERR_NODEV;
	if ((x = pool_zget(m->pool, sizeof(*x))) == NULL)
		return ERR_NOMEM;
	wr_init(&w, b, sizeof(b));
	wire_put_import(&w, &i);
	if ((err = wire_send(m->session, WIRE_IMPORT, b, &w)) != ERR_OK) {
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
	struct imported *x = imports_find(m, dev);
	uint8_t b[4];
	struct wr w;

	if (x == NULL)
		return;
	imports_forget(m, x);
	wr_init(&w, b, sizeof(b));
	wr_le32(&w, dev);
	if (wire_send(m->session, WIRE_RELEASE, b, &w) != ERR_OK)
		(void)session_fail(m->session, ERR_NOMEM);
}

static int
on_welcome(struct imports *m, struct rd *r)
{
	struct wire_hello h;

	if (m->state != IMPORTS_GREETED || wire_get_hello(r, &h) != ERR_OK)
		return ERR_PROTO;
	m->state = IMPORTS_WELCOMED;
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

	if (m->state != IMPORTS_GREETED || wire_get_refusal(r, &no) != ERR_OK ||
	    no.reason == WIRE_OK)
		return ERR_PROTO;
	m->state = IMPORTS_REFUSED;
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
	if (rd_end(r) != ERR_OK)
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
	if ((x = imports_find(m, i.dev)) == NULL)
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
		imports_forget(m, x);
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
	x = imports_find(m, q.dev);
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
	x = imports_find(m, e.dev);
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
	if ((x = imports_find(m, dev)) == NULL)
		return ERR_OK;
	user = x->user;
	arg = x->arg;
	imports_forget(m, x);
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
			return m->state == IMPORTS_WELCOMED || handlers[i].early
				   ? handlers[i].run(m, r)
				   : ERR_PROTO;
	return ERR_PROTO;
}

int
imports_told(struct imports *m, const struct session_msg *msg)
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
