/* SPDX-License-Identifier: ISC */
/*
 * How many requests are open at the far end, and what they bring.
 */
#include "core/isoin_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

static size_t
fetch_size(const struct import_request *q)
{
	return sizeof(struct isoin_fetch) + isourb_room(q->packets, q->len);
}

void
isoin_drop(struct isoin *x, struct isoin_fetch *f)
{
	list_del(&f->link);
	x->have -= !f->is_void;
	pool_put(x->pool, f, fetch_size(&f->u.req));
}

static void
drop_all(struct isoin *x, struct list *l)
{
	while (!list_empty(l))
		isoin_drop(x, CONTAINER_OF(l->next, struct isoin_fetch, link));
}

void
isoin_discard(struct isoin *x)
{
	drop_all(x, &x->ready);
}

void
isoin_clear(struct isoin *x)
{
	drop_all(x, &x->ready);
	drop_all(x, &x->open);
}

static int
fetch(struct isoin *x)
{
	struct isoin_fetch *f = pool_get(x->pool, fetch_size(&x->model));
	int err;

	if (f == NULL)
		return ERR_NOMEM;
	memset(f, 0, sizeof(*f));
	isourb_init(&f->u, &x->model, f + 1);
	f->early = x->have >= x->waiting;
	f->layout = x->layout;
	if (x->opens > 0)
		f->u.req.flags |= URB_ISO_ASAP; /* the one before it decides */
	if ((err = x->ops->submit(x->arg, &f->u.req, &f->tag)) != ERR_OK) {
		pool_put(x->pool, f, fetch_size(&f->u.req));
		return err;
	}
	list_add(&x->open, &f->link);
	x->opens++;
	x->have++;
	return ERR_OK;
}

/* How many fetches there should be. */
static unsigned
wanted(const struct isoin *x)
{
	uint32_t n = x->model.packets,
		 bytes = x->model.len + n * (uint32_t)sizeof(struct urb_iso);
	uint64_t us = isobuf_us(&x->buf, x->ops->trip(x->arg), n);
	uint64_t want = us / (n * x->buf.packet) + 1, room = ISOBUF_BYTES / bytes;

	want = want < room ? want : room;
	want = want < ISOBUF_URBS ? want : ISOBUF_URBS;
	if (want > x->waiting && want - x->waiting > x->most)
		want = x->waiting + x->most;
	return want > x->waiting ? (unsigned)want : x->waiting;
}

int
isoin_fetch(struct isoin *x)
{
	int err = ERR_OK;

	while (x->waiting > 0 && x->bars == 0 && x->have < wanted(x) && err == ERR_OK)
		err = fetch(x);
	return err;
}

/* An UNLINK that cannot be sent is as good as one that comes too late. */
void
isoin_take_back(struct isoin *x, unsigned keep)
{
	struct list *l;

	for (l = x->open.prev; l != &x->open && x->have > keep; l = l->prev) {
		struct isoin_fetch *f = CONTAINER_OF(l, struct isoin_fetch, link);

		if (f->is_void)
			continue;
		f->is_void = true;
		x->have--;
		f->cancelled = x->ops->unlink(x->arg, x->ep, f->tag) == ERR_OK;
	}
}

int
isoin_reply(struct isoin *x, uint64_t tag, const struct import_reply *reply,
	    uint8_t **data, struct urb_iso **iso)
{
	struct isoin_fetch *f = NULL;
	struct list *l;
	int err;

	*data = NULL;
	*iso = NULL;
	x->ending = NULL;
	LIST_EACH (&x->open, l) {
		f = CONTAINER_OF(l, struct isoin_fetch, link);
		if (f->tag == tag)
			break;
	}
	if (l == &x->open)
		return ERR_NODEV;
	if ((err = isourb_reply(&f->u, reply, f->cancelled, iso)) != ERR_OK)
		return err;
	x->ending = f;
	if (reply->actual > 0)
		*data = f->u.data;
	return ERR_OK;
}

/* The far end has no room for so many: it goes on with fewer. */
static bool
is_too_many(struct isoin *x, const struct isoin_fetch *f)
{
	unsigned early = x->have > x->waiting ? x->have - x->waiting : 0;

	if ((f->u.reply.status != -LINUX_ENOMEM && f->u.reply.status != -LINUX_EFBIG) ||
	    f->u.reply.packets > 0 || !f->early)
		return false;
	x->stats->fallbacks++;
	x->most = early / 2;
	return true;
}

void
isoin_ended(struct isoin *x, struct isoin_fetch *f)
{
	x->opens--;
	isobuf_ended(&x->buf, x->ops->now(x->arg), f->u.req.packets);
	if (f->is_void || f->u.reply.unlinked || is_too_many(x, f)) {
		isoin_drop(x, f);
	} else {
		list_del(&f->link);
		list_add(&x->ready, &f->link);
	}
}
