/* SPDX-License-Identifier: ISC */
/*
 * Readers (urbs of the driver) and fetches (requests at the far end) of one endpoint,
 * each in the order in which they came; the first fetch that ends is the first
 * reader's. Lists say where a fetch is: open, or ready when it has ended.
 */
#include <limits.h>

#include "core/ahead_impl.h"
#include "core/mem.h"
#include "core/usbip.h"

struct ahead *
ahead_new(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	  const struct ahead_ops *ops, void *arg)
{
	struct ahead *x = pool_zget(pool, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->pool = pool;
	x->ops = ops;
	x->arg = arg;
	x->stats = stats;
	x->ep = ep;
	x->limit = x->most = most;
	x->depth = most < AHEAD_START ? most : AHEAD_START;
	list_init(&x->readers);
	list_init(&x->open);
	list_init(&x->ready);
	return x;
}

static struct ahead_reader *
first_reader(const struct ahead *x)
{
	return list_empty(&x->readers)
		   ? NULL
		   : CONTAINER_OF(x->readers.next, struct ahead_reader, link);
}

static struct ahead_got *
first_ready(const struct ahead *x)
{
	return CONTAINER_OF(x->ready.next, struct ahead_got, link);
}

static void
fetch_free(struct ahead *x, struct ahead_got *f)
{
	list_del(&f->link);
	pool_put(x->pool, f, sizeof(*f) + f->len);
}

static void
discard(struct ahead *x)
{
	while (!list_empty(&x->ready))
		fetch_free(x, first_ready(x));
	x->kept = 0;
}

void
ahead_free(struct ahead *x)
{
	struct ahead_reader *r;

	if (x == NULL)
		return;
	discard(x);
	while (!list_empty(&x->open))
		fetch_free(x, CONTAINER_OF(x->open.next, struct ahead_got, link));
	while ((r = first_reader(x)) != NULL) {
		list_del(&r->link);
		pool_put(x->pool, r, sizeof(*r));
	}
	pool_put(x->pool, x, sizeof(*x));
}

/* --- to the driver --- */

/* The reader is gone afterwards. */
static void
answer(struct ahead *x, struct ahead_reader *r, const struct import_reply *reply,
       const uint8_t *data)
{
	uint64_t tag = r->tag;

	list_del(&r->link);
	x->waiting -= !r->leaving;
	pool_put(x->pool, r, sizeof(*r));
	x->ops->answer(x->arg, x->ep, tag, reply, data);
}

static void
answer_status(struct ahead *x, struct ahead_reader *r, int32_t status)
{
	const struct import_reply reply = {.status = status,
					   .unlinked = status == -LINUX_ECONNRESET};

	answer(x, r, &reply, NULL);
}

/* As much of the first result as the reader has room for; what is left is the next's. */
static void
give(struct ahead *x, struct ahead_reader *r, struct ahead_got *f)
{
	uint32_t left = f->actual - f->at, n = left < r->len ? left : r->len, at = f->at;
	struct import_reply reply = {.actual = n};

	if (n == left) {
		reply.status = f->status;
		list_del(&f->link);
		x->kept--;
	}
	f->at += n;
	if (reply.status == 0 && r->whole && n < r->len)
		reply.status = -LINUX_EREMOTEIO;
	x->stats->hits += f->early;
	x->stats->saved += f->early;
	x->given++;
	answer(x, r, &reply, f->data + at);
	if (n == left)
		fetch_free(x, f);
}

static void
deliver(struct ahead *x)
{
	struct ahead_reader *r;

	while (!list_empty(&x->ready) && (r = first_reader(x)) != NULL && r->named &&
	       !r->later)
		give(x, r, first_ready(x));
}

/* What was wanted back, and nothing came for it. */
static void
let_go(struct ahead *x)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&x->readers, l, n) {
		struct ahead_reader *r = CONTAINER_OF(l, struct ahead_reader, link);

		if (r->leaving)
			answer_status(x, r, -LINUX_ECONNRESET);
	}
}

/* No fetch can be sent, and none is on its way. */
static void
refuse(struct ahead *x, int err)
{
	struct ahead_reader *r;

	while ((r = first_reader(x)) != NULL && r->named)
		answer_status(x, r, err == ERR_NOMEM ? -LINUX_ENOMEM : -LINUX_ESHUTDOWN);
}

static void
fetch(struct ahead *x)
{
	int err = ahead_fetch(x);

	if (err != ERR_OK)
		refuse(x, err);
}

/* Nothing is open any more, as it should be. */
static void
settle(struct ahead *x)
{
	x->stopping = false;
	x->given = 0;
	x->depth = x->most < AHEAD_START ? x->most : AHEAD_START;
	let_go(x);
}

/* All that follows from what has just changed. */
static void
go_on(struct ahead *x)
{
	fetch(x); /* also for who is answered now: he comes again */
	deliver(x);
	if (x->bars > 0 || x->stopping)
		ahead_take_back(x);
	if (x->opens == 0 && (x->bars > 0 || x->stopping))
		settle(x);
	fetch(x);
}

/* --- what happens --- */

/* One request for each urb from now on, as if nobody read ahead. */
static void
give_up(struct ahead *x)
{
	if (x->most > 0)
		x->stats->fallbacks++;
	x->most = x->depth = 0;
}

int
ahead_take(struct ahead *x, const struct import_request *q, uint64_t tag)
{
	struct ahead_reader *r = pool_zget(x->pool, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	if (x->model.len != 0 && q->len != x->model.len)
		give_up(x); /* it has its own idea of where one ends */
	x->model = *q;
	x->model.flags &= ~URB_SHORT_NOT_OK;
	r->tag = tag;
	r->len = q->len;
	r->whole = (q->flags & URB_SHORT_NOT_OK) != 0;
	r->later = x->bars > 0;
	list_add(&x->readers, &r->link);
	x->waiting++;
	return ERR_OK;
}

/*
 * The driver has to wait: what it was given until now came in one go, and was too little.
 * As many again, so that a trip brings twice as many as the one before.
 */
static void
grow(struct ahead *x)
{
	unsigned more = x->given <= x->depth ? x->given : x->depth + 1;

	x->depth += more < x->most - x->depth ? more : x->most - x->depth;
	x->given = 0;
	x->lying = UINT_MAX;
	x->since = 0;
}

/*
 * A driver that has to wait is given more next time. One that never has to, as often as
 * there are requests open, lets so many lie: they are too many.
 */
static void
adapt(struct ahead *x)
{
	if (x->kept == 0) {
		grow(x);
		return;
	}
	x->lying = x->kept < x->lying ? x->kept : x->lying;
	if (++x->since < x->depth || x->depth <= AHEAD_START)
		return;
	x->depth -= x->lying < x->depth - AHEAD_START ? x->lying : x->depth - AHEAD_START;
	x->lying = UINT_MAX;
	x->since = 0;
}

void
ahead_go(struct ahead *x)
{
	if (!list_empty(&x->readers))
		CONTAINER_OF(x->readers.prev, struct ahead_reader, link)->named = true;
	adapt(x);
	go_on(x);
}

void
ahead_unlink(struct ahead *x, uint64_t tag)
{
	struct ahead_reader *r = NULL;
	struct list *l;

	LIST_EACH (&x->readers, l) {
		r = CONTAINER_OF(l, struct ahead_reader, link);
		if (r->tag == tag)
			break;
	}
	if (l == &x->readers || r->leaving)
		return;
	r->leaving = true;
	if (--x->waiting == 0)
		x->stopping = true; /* what is open may yet bring something */
	else
		answer_status(x, r, -LINUX_ECONNRESET);
	go_on(x);
}

int
ahead_reply(struct ahead *x, uint64_t tag, const struct import_reply *reply,
	    uint8_t **data)
{
	struct ahead_got *f = NULL;
	struct list *l;

	*data = NULL;
	x->ending = NULL;
	LIST_EACH (&x->open, l) {
		f = CONTAINER_OF(l, struct ahead_got, link);
		if (f->tag == tag)
			break;
	}
	if (l == &x->open)
		return ERR_NODEV;
	if (!import_reply_fits(reply, f->len, 0, f->cancelled))
		return ERR_PROTO;
	f->status = reply->status;
	f->actual = reply->actual;
	f->unlinked = reply->unlinked;
	x->ending = f;
	if (f->actual > 0)
		*data = f->data;
	return ERR_OK;
}

/* Taken back in time, or the consequence of something that was told already. */
static bool
is_nothing(const struct ahead_got *f)
{
	return f->unlinked || (f->cancelled && f->actual == 0 && f->status != 0);
}

/* The far end has no room for so many: it goes on with fewer. */
static bool
is_too_many(struct ahead *x, const struct ahead_got *f)
{
	if (f->status != -LINUX_ENOMEM || f->actual > 0 || !f->early)
		return false;
	x->stats->fallbacks++;
	x->most = x->depth = x->depth / 2;
	return true;
}

static void
keep(struct ahead *x, struct ahead_got *f)
{
	/* taken back, and had data: they are as good as any */
	if (f->actual > 0 &&
	    (f->status == -LINUX_ECONNRESET || f->status == -LINUX_ENOENT))
		f->status = 0;
	if (f->status != 0)
		x->stopping = true;
	list_add(&x->ready, &f->link);
	x->kept++;
}

void
ahead_reply_end(struct ahead *x)
{
	struct ahead_got *f = x->ending;

	if (f == NULL)
		return;
	x->ending = NULL;
	list_del(&f->link);
	x->opens--;
	if (is_nothing(f) || is_too_many(x, f))
		fetch_free(x, f);
	else
		keep(x, f);
	go_on(x);
}

void
ahead_bar(struct ahead *x)
{
	x->bars++;
	go_on(x);
}

void
ahead_unbar(struct ahead *x, bool changed)
{
	struct list *l;

	ASSERT(x->bars > 0);
	if (changed)
		discard(x);
	if (--x->bars > 0)
		return;
	x->stopping = x->opens > 0; /* all of them were taken back */
	x->most = x->limit;
	LIST_EACH (&x->readers, l) {
		CONTAINER_OF(l, struct ahead_reader, link)->later = false;
	}
	go_on(x);
}

bool
ahead_quiet(const struct ahead *x)
{
	return x->opens == 0;
}

bool
ahead_idle(const struct ahead *x)
{
	return x->opens == 0 && x->kept == 0 && x->bars == 0 && x->most == x->limit &&
	       list_empty(&x->readers);
}
