/* SPDX-License-Identifier: ISC */
/*
 * Readers (urbs of the driver) and fetches (requests at the far end), each in their
 * order; the n-th reader gets the n-th fetch that is not void.
 */
#include "core/isoin.h"
#include "core/iso.h"
#include "core/isobuf.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/usbip.h"

struct reader {
	struct list link; /* in isoin.readers */
	uint64_t tag;
	unsigned layout;
	bool named; /* who asked knows its tag */
};

struct fetch {
	struct list link; /* in isoin.open or isoin.ready */
	uint64_t tag;
	bool early;     /* sent when no reader waited for it */
	bool is_void;   /* nobody gets what it brings */
	bool cancelled; /* UNLINK was sent */
	struct import_reply reply;
	uint32_t len, packets;
	unsigned layout;     /* of the packets: isoin.layout then */
	struct urb_iso *iso; /* results, behind it; then */
	struct urb_iso *as;  /* how they were sent, and */
	uint8_t *data;       /* len bytes */
};

struct isoin {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t ep;
	struct isobuf buf;
	struct import_request model; /* of the driver's urbs, */
	struct urb_iso *packets;     /* and their packets */
	unsigned layout;             /* rises with each of them that is another */
	struct list readers, open, ready;
	unsigned waiting; /* readers */
	unsigned have;    /* fetches that are not void */
	unsigned opens;   /* in open */
	unsigned most;    /* of have - waiting: the far end has no room for more */
	struct fetch *ending;
	unsigned bars;
};

static size_t
packets_size(uint32_t n)
{
	return n * sizeof(struct urb_iso);
}

static size_t
fetch_size(uint32_t packets, uint32_t len)
{
	return sizeof(struct fetch) + 2 * packets_size(packets) + len;
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

static struct fetch *
first_of(const struct list *l)
{
	return CONTAINER_OF(l->next, struct fetch, link);
}

static struct reader *
first_reader(const struct isoin *x)
{
	return list_empty(&x->readers)
		   ? NULL
		   : CONTAINER_OF(x->readers.next, struct reader, link);
}

static void
fetch_free(struct isoin *x, struct fetch *f)
{
	list_del(&f->link);
	x->have -= !f->is_void;
	pool_put(x->pool, f, fetch_size(f->packets, f->len));
}

static void
discard(struct isoin *x)
{
	while (!list_empty(&x->ready))
		fetch_free(x, first_of(&x->ready));
}

void
isoin_free(struct isoin *x)
{
	struct reader *r;

	if (x == NULL)
		return;
	discard(x);
	while (!list_empty(&x->open))
		fetch_free(x, first_of(&x->open));
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
       const struct fetch *f)
{
	uint64_t tag = r->tag;

	list_del(&r->link);
	x->waiting--;
	pool_put(x->pool, r, sizeof(*r));
	x->ops->answer_iso(x->arg, x->ep, tag, reply, f != NULL ? f->data : NULL,
			   f != NULL ? f->iso : NULL);
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
		struct fetch *f = first_of(&x->ready);

		x->stats->hits += f->early;
		x->stats->saved += f->early;
		if (f->layout == r->layout)
			answer(x, r, &f->reply, f);
		else
			answer_status(x, r, -LINUX_EXDEV); /* its own failed */
		fetch_free(x, f);
	}
}

/* --- at the far end --- */

static int
fetch(struct isoin *x)
{
	uint32_t n = x->model.packets;
	struct fetch *f = pool_get(x->pool, fetch_size(n, x->model.len));
	struct import_request q = x->model;
	int err;

	if (f == NULL)
		return ERR_NOMEM;
	memset(f, 0, sizeof(*f));
	f->early = x->have >= x->waiting;
	f->len = q.len;
	f->packets = n;
	f->layout = x->layout;
	f->iso = (struct urb_iso *)(void *)(f + 1);
	f->as = memcpy(f->iso + n, x->packets, packets_size(n));
	f->data = (uint8_t *)(f->as + n);
	q.iso = x->packets;
	if (x->opens > 0)
		q.flags |= URB_ISO_ASAP; /* the one before it decides */
	if ((err = x->ops->submit(x->arg, &q, &f->tag)) != ERR_OK) {
		pool_put(x->pool, f, fetch_size(n, q.len));
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
	uint32_t n = x->model.packets, bytes = x->model.len + (uint32_t)packets_size(n);
	uint64_t us = isobuf_us(&x->buf, x->ops->trip(x->arg), n);
	uint64_t want = us / (n * x->buf.packet) + 1, room = ISOBUF_BYTES / bytes;

	want = want < room ? want : room;
	want = want < ISOBUF_URBS ? want : ISOBUF_URBS;
	if (want > x->waiting && want - x->waiting > x->most)
		want = x->waiting + x->most;
	return want > x->waiting ? (unsigned)want : x->waiting;
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
	int err = ERR_OK;

	while (x->waiting > 0 && x->bars == 0 && x->have < wanted(x) && err == ERR_OK)
		err = fetch(x);
	if (err != ERR_OK)
		refuse(x, err);
}

/*
 * Of those that are open, all but the first `keep` are for nobody, and are taken back,
 * the youngest first. An UNLINK that cannot be sent is as good as one that comes too
 * late.
 */
static void
take_back(struct isoin *x, unsigned keep)
{
	struct list *l;

	for (l = x->open.prev; l != &x->open && x->have > keep; l = l->prev) {
		struct fetch *f = CONTAINER_OF(l, struct fetch, link);

		if (f->is_void)
			continue;
		f->is_void = true;
		x->have--;
		f->cancelled = x->ops->unlink(x->arg, x->ep, f->tag) == ERR_OK;
	}
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
		take_back(x, x->waiting);
		if (x->waiting == 0)
			discard(x);
	}
	pool_put(x->pool, x->packets, packets_size(x->model.packets));
	x->packets = p;
	memcpy(p, q->iso, packets_size(q->packets));
	x->model = *q;
	x->model.iso = NULL;
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
	take_back(x, 0);
	discard(x);
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
isoin_reply(struct isoin *x, uint64_t tag, const struct import_reply *reply,
	    uint8_t **data, struct urb_iso **iso)
{
	struct fetch *f = NULL;
	struct list *l;

	*data = NULL;
	*iso = NULL;
	x->ending = NULL;
	LIST_EACH (&x->open, l) {
		f = CONTAINER_OF(l, struct fetch, link);
		if (f->tag == tag)
			break;
	}
	if (l == &x->open)
		return ERR_NODEV;
	if (!import_reply_fits(reply, f->len, f->packets, f->cancelled))
		return ERR_PROTO;
	f->reply = *reply;
	x->ending = f;
	if (reply->actual > 0)
		*data = f->data;
	if (reply->packets > 0)
		*iso = f->iso;
	return ERR_OK;
}

/* The far end has no room for so many: it goes on with fewer. */
static bool
is_too_many(struct isoin *x, const struct fetch *f)
{
	unsigned early = x->have > x->waiting ? x->have - x->waiting : 0;

	if ((f->reply.status != -LINUX_ENOMEM && f->reply.status != -LINUX_EFBIG) ||
	    f->reply.packets > 0 || !f->early)
		return false;
	x->stats->fallbacks++;
	x->most = early / 2;
	return true;
}

int
isoin_reply_end(struct isoin *x)
{
	struct fetch *f = x->ending;

	if (f == NULL)
		return ERR_OK;
	x->ending = NULL;
	if (!iso_adds_up(f->iso, f->as, f->reply.packets, f->reply.actual))
		return ERR_PROTO;
	x->opens--;
	isobuf_ended(&x->buf, x->ops->now(x->arg), f->packets);
	if (f->is_void || f->reply.unlinked || is_too_many(x, f)) {
		fetch_free(x, f);
	} else {
		list_del(&f->link);
		list_add(&x->ready, &f->link);
	}
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
