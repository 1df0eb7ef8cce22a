/* SPDX-License-Identifier: ISC */
/*
 * Readers (urbs of the driver) and fetches (requests at the far end, isoin_fetch.c), each
 * in their order; the n-th reader gets the n-th fetch that is not void.
 */
#include "core/isoin_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

struct reader {
	struct list link; /* in isoin.readers */
	uint64_t tag;
	unsigned layout;
	bool named; /* who asked knows its tag */
};

static size_t
packets_size(uint32_t n)
{
	return n * sizeof(struct urb_iso);
}

struct isoin *
isoin_new(struct pool *pool, uint8_t ep, unsigned packet_us, struct ahead_stats *stats,
	  const struct ahead_ops *ops, void *arg)
{
	struct isoin *x = pool_zget(pool, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->pool = pool;
	x->ops = ops;
	x->arg = arg;
	x->stats = stats;
	x->ep = ep;
	x->most = UINT32_MAX;
	isobuf_init(&x->buf, packet_us);
	list_init(&x->readers);
	list_init(&x->open);
	list_init(&x->ready);
	return x;
}

static struct reader *
first_reader(const struct isoin *x)
{
	return list_empty(&x->readers)
		   ? NULL
		   : CONTAINER_OF(x->readers.next, struct reader, link);
}

void
isoin_free(struct isoin *x)
{
	struct reader *r;

	if (x == NULL)
		return;
	isoin_clear(x);
	while ((r = first_reader(x)) != NULL) {
		list_del(&r->link);
		pool_put(x->pool, r, sizeof(*r));
	}
	pool_put(x->pool, x->packets, packets_size(x->model.packets));
	pool_put(x->pool, x, sizeof(*x));
}

/* --- to the driver --- */

/* The reader is gone afterwards. */
static void
answer(struct isoin *x, struct reader *r, const struct import_reply *reply,
       const struct isoin_fetch *f)
{
	uint64_t tag = r->tag;

	list_del(&r->link);
	x->waiting--;
	pool_put(x->pool, r, sizeof(*r));
	x->ops->answer_iso(x->arg, x->ep, tag, reply, f != NULL ? f->u.data : NULL,
			   f != NULL ? f->u.iso : NULL);
}

static void
answer_status(struct isoin *x, struct reader *r, int32_t status)
{
	const struct import_reply reply = {.status = status,
					   .unlinked = status == -LINUX_ECONNRESET};

	answer(x, r, &reply, NULL);
}

static void
deliver(struct isoin *x)
{
	struct reader *r;

	while (!list_empty(&x->ready) && (r = first_reader(x)) != NULL && r->named) {
		struct isoin_fetch *f =
		    CONTAINER_OF(x->ready.next, struct isoin_fetch, link);

		x->stats->hits += f->early;
		x->stats->saved += f->early;
		if (f->layout == r->layout)
			answer(x, r, &f->u.reply, f);
		else
			answer_status(x, r, -LINUX_EXDEV); /* its own failed */
		isoin_drop(x, f);
	}
}

/* Nothing can be sent, and nothing that was is open. */
static void
refuse(struct isoin *x, int err)
{
	struct reader *r;

	while (x->have == 0 && (r = first_reader(x)) != NULL && r->named)
		answer_status(x, r, err == ERR_NOMEM ? -LINUX_ENOMEM : -LINUX_ESHUTDOWN);
}

static void
fill(struct isoin *x)
{
	int err = isoin_fetch(x);

	if (err != ERR_OK)
		refuse(x, err);
}

static void
go_on(struct isoin *x)
{
	fill(x);
	deliver(x);
	fill(x);
}

/* --- what happens --- */

static bool
is_alike(const struct isoin *x, const struct import_request *q)
{
	if (x->model.packets != q->packets || x->model.len != q->len ||
	    x->model.flags != q->flags)
		return false;
	for (uint32_t i = 0; i < q->packets; i++)
		if (x->packets[i].offset != q->iso[i].offset ||
		    x->packets[i].length != q->iso[i].length)
			return false;
	return true;
}

/* The driver's urbs are others from now on; those that it waits for stay as they are. */
static int
learn(struct isoin *x, const struct import_request *q)
{
	struct urb_iso *p;

	if (x->packets != NULL && is_alike(x, q))
		return ERR_OK;
	if ((p = pool_get(x->pool, packets_size(q->packets))) == NULL)
		return ERR_NOMEM;
	if (x->packets != NULL) {
		x->stats->fallbacks++;
		isoin_take_back(x, x->waiting);
		if (x->waiting == 0)
			isoin_discard(x);
	}
	pool_put(x->pool, x->packets, packets_size(x->model.packets));
	x->packets = p;
	memcpy(p, q->iso, packets_size(q->packets));
	x->model = *q;
	x->model.iso = p;
	x->model.data = NULL;
	x->layout++;
	return ERR_OK;
}

int
isoin_take(struct isoin *x, const struct import_request *q, uint64_t tag)
{
	struct reader *r = pool_zget(x->pool, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	if (learn(x, q) != ERR_OK) {
		pool_put(x->pool, r, sizeof(*r));
		return ERR_NOMEM;
	}
	r->tag = tag;
	r->layout = x->layout;
	list_add(&x->readers, &r->link);
	x->waiting++;
	return ERR_OK;
}

void
isoin_go(struct isoin *x)
{
	if (!list_empty(&x->readers))
		CONTAINER_OF(x->readers.prev, struct reader, link)->named = true;
	go_on(x);
}

static void
stop(struct isoin *x)
{
	isobuf_stop(&x->buf);
	isoin_take_back(x, 0);
	isoin_discard(x);
}

void
isoin_unlink(struct isoin *x, uint64_t tag)
{
	struct list *l;

	LIST_EACH (&x->readers, l) {
		struct reader *r = CONTAINER_OF(l, struct reader, link);

		if (r->tag != tag)
			continue;
		if (x->waiting == 1)
			stop(x);
		answer_status(x, r, -LINUX_ECONNRESET);
		return;
	}
}

int
isoin_reply_end(struct isoin *x)
{
	struct isoin_fetch *f = x->ending;

	if (f == NULL)
		return ERR_OK;
	x->ending = NULL;
	if (isourb_reply_end(&f->u) != ERR_OK)
		return ERR_PROTO;
	isoin_ended(x, f);
	go_on(x);
	return ERR_OK;
}

void
isoin_bar(struct isoin *x)
{
	x->bars++;
	stop(x);
}

void
isoin_unbar(struct isoin *x, bool changed)
{
	ASSERT(x->bars > 0);
	(void)changed; /* what was before is discarded anyway */
	x->bars--;
	x->most = UINT32_MAX;
	go_on(x);
}

bool
isoin_quiet(const struct isoin *x)
{
	return x->opens == 0;
}

bool
isoin_idle(const struct isoin *x)
{
	return x->opens == 0 && list_empty(&x->ready) && list_empty(&x->readers) &&
	       x->bars == 0 && x->most == UINT32_MAX;
}
