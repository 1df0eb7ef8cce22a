/* SPDX-License-Identifier: ISC */
/*
 * An import engine whose far end is an export engine. Tags are counted, so none
 * comes twice and an UNLINK for a request that has ended means nobody.
 *
 * A reply that comes while its own request is still being handed over is kept
 * until the import engine knows the request.
 */
#include "core/stock_door.h"
#include "core/import.h"
#include "core/list.h"
#include "core/mem.h"

/* A reply that came too early. */
struct early {
	struct list link; /* in stock_door.early */
	uint8_t ep;
	uint64_t tag;
	struct import_reply reply;
	uint32_t len;
	struct urb_iso iso[]; /* reply.packets of them, then len bytes of data */
};

struct stock_door {
	struct pool *pool;
	const struct stock_door_ops *ops;
	void *arg;
	struct import *im;
	struct export *ex;
	uint64_t tags; /* given so far; the last one is being handed over, or was */
	bool handing;  /* its request is not known to the import engine yet */
	bool lost;     /* and its reply found no memory */
	bool ending;
	struct list early;
	unsigned depth; /* of calls into this; early replies go out when it is 0 */
};

static void
answer(struct stock_door *d, uint8_t ep, uint64_t tag, const struct import_reply *r,
       const struct urb_iso *iso, const uint8_t *data)
{
	struct urb_iso *packets;
	uint8_t *room;
	int err = import_reply(d->im, ep, tag, r, &room, &packets);

	ASSERT(err == ERR_OK); /* both ends are ours */
	if (room != NULL)
		memcpy(room, data, r->actual);
	if (packets != NULL)
		memcpy(packets, iso, r->packets * sizeof(*iso));
	err = import_reply_end(d->im);
	ASSERT(err == ERR_OK);
}

static uint8_t *
early_data(struct early *e)
{
	return (uint8_t *)(e->iso + e->reply.packets);
}

static size_t
early_size(const struct import_reply *r, uint32_t len)
{
	return sizeof(struct early) + r->packets * sizeof(struct urb_iso) + len;
}

static void
drop(struct stock_door *d, struct early *e)
{
	list_del(&e->link);
	pool_put(d->pool, e, early_size(&e->reply, e->len));
}

static void
keep(struct stock_door *d, uint8_t ep, uint64_t tag, const struct import_reply *r,
     const struct urb *u)
{
	uint32_t len = urb_in(u) ? u->actual : 0;
	struct early *e = pool_get(d->pool, early_size(r, len));

	if (e == NULL) {
		d->lost = true;
		return;
	}
	*e = (struct early){.ep = ep, .tag = tag, .reply = *r, .len = len};
	if (len > 0) /* a request that was refused has no buffer */
		memcpy(early_data(e), u->buf, len);
	if (r->packets > 0)
		memcpy(e->iso, u->iso, r->packets * sizeof(*e->iso));
	list_add(&d->early, &e->link);
}

static void
enter(struct stock_door *d)
{
	d->depth++;
}

static void
leave(struct stock_door *d)
{
	while (d->depth == 1 && !list_empty(&d->early)) {
		struct early *e = CONTAINER_OF(d->early.next, struct early, link);

		answer(d, e->ep, e->tag, &e->reply, e->iso, early_data(e));
		drop(d, e);
	}
	d->depth--;
}

/* --- export engine --- */

static void
on_reply(void *door, uint64_t tag, const struct urb *u, bool unlinked)
{
	struct stock_door *d = door;
	const struct import_reply r = {.unlinked = unlinked,
				       .status = u->status,
				       .actual = u->actual,
				       .start_frame = u->start_frame,
				       .packets =
					   u->iso == NULL || unlinked ? 0 : u->packets};

	if (d->handing && tag == d->tags)
		keep(d, u->ep, tag, &r, u);
	else
		answer(d, u->ep, tag, &r, u->iso, u->buf);
}

static int
on_submit(void *dev, struct urb *u)
{
	struct stock_door *d = dev;

	return d->ops->submit(d->arg, u);
}

static void
on_cancel(void *dev, struct urb *u)
{
	struct stock_door *d = dev;

	d->ops->cancel(d->arg, u);
}

static void
on_ended(void *door)
{
	struct stock_door *d = door;

	d->ops->ended(d->arg);
}

static const struct export_ops export_ops = {on_submit, on_cancel, on_reply, on_ended};

/* --- import engine --- */

static int
on_request(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct stock_door *d = arg;
	struct export_request x = {.tag = ++d->tags,
				   .ep = q->ep,
				   .flags = q->flags,
				   .len = q->len,
				   .start_frame = q->start_frame,
				   .interval = q->interval,
				   .packets = q->packets};
	void *handle;
	uint8_t *buf;

	*tag = x.tag;
	memcpy(x.setup, q->setup, sizeof(x.setup));
	d->handing = true;
	d->lost = false;
	export_prepare(d->ex, &x, &handle, &buf);
	if (handle != NULL) {
		if (buf != NULL)
			memcpy(buf, q->data, q->len);
		if (q->packets > 0)
			memcpy(export_iso(handle), q->iso, q->packets * sizeof(*q->iso));
		export_go(d->ex, handle);
	}
	d->handing = false;
	return d->lost ? ERR_NOMEM : ERR_OK;
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	struct stock_door *d = arg;

	(void)ep;
	export_unlink(d->ex, tag);
	return ERR_OK;
}

static void
on_wake(void *arg)
{
	struct stock_door *d = arg;

	d->ops->wake(d->arg);
}

static const struct import_ops import_ops = {on_request, on_unlink, on_wake, NULL};

/* --- */

static int
make_engines(struct stock_door *d, struct pool *pool, const struct stock_door_conf *c)
{
	const struct export_conf ex = {.urb_max = c->urb_max,
				       .raw = c->raw,
				       .raw_len = c->raw_len,
				       .config = c->config};
	const struct import_conf im = {.devid = c->devid,
				       .urb_max = c->urb_max,
				       .budget = c->budget,
				       .reserve = c->budget / 8,
				       .raw = c->raw,
				       .raw_len = c->raw_len,
				       .cache = c->cache,
				       .cache_len = c->cache_len,
				       .config = c->config,
				       .speed = c->speed};
	int err = export_new(&d->ex, pool, &ex, &export_ops, d, d);

	return err == ERR_OK ? import_new(&d->im, pool, &im, &import_ops, d) : err;
}

int
stock_door_new(struct stock_door **out, struct pool *pool,
	       const struct stock_door_conf *c, const struct stock_door_ops *ops,
	       void *arg)
{
	struct stock_door *d = pool_zget(pool, sizeof(*d));
	int err;

	*out = NULL;
	if (d == NULL)
		return ERR_NOMEM;
	d->pool = pool;
	d->ops = ops;
	d->arg = arg;
	list_init(&d->early);
	if ((err = make_engines(d, pool, c)) != ERR_OK) {
		stock_door_free(d);
		return err;
	}
	*out = d;
	return ERR_OK;
}

void
stock_door_free(struct stock_door *d)
{
	if (d == NULL)
		return;
	while (!list_empty(&d->early))
		drop(d, CONTAINER_OF(d->early.next, struct early, link));
	import_free(d->im);
	export_free(d->ex);
	pool_put(d->pool, d, sizeof(*d));
}

int
stock_door_input(struct stock_door *d, const uint8_t *p, size_t n)
{
	int err;

	enter(d);
	err = import_input(d->im, p, n);
	leave(d);
	return err;
}

size_t
stock_door_output(struct stock_door *d, const uint8_t **p)
{
	return import_output(d->im, p);
}

void
stock_door_sent(struct stock_door *d, size_t n)
{
	import_sent(d->im, n);
}

void
stock_door_complete(struct stock_door *d, struct urb *u)
{
	if (d->ending) { /* no replies any more, and ended may free us */
		export_complete(d->ex, u);
		return;
	}
	enter(d);
	export_complete(d->ex, u);
	leave(d);
}

void
stock_door_end(struct stock_door *d)
{
	ASSERT(d->depth == 0);
	d->ending = true;
	export_end(d->ex);
}

void
stock_door_stats(const struct stock_door *d, struct export_stats *st)
{
	export_stats(d->ex, st);
}
