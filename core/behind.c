/* SPDX-License-Identifier: ISC */
/*
 * All urbs are sent at once and kept in one list, in their order; those that the driver
 * was told the end of are the first ones.
 */
#include "core/behind.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/usbip.h"

#define SPARE_US 20000u /* the window is worth two round trips, and that */

struct sent {
	struct list link; /* in behind.all */
	uint64_t tag, far;
	uint32_t len;
	bool unsent;  /* it tells of a failure, and no more */
	bool named;   /* who asked knows its tag */
	bool told;    /* its driver was told that it is done */
	bool leaving; /* its driver takes it back */
};

struct behind {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t ep;
	struct list all;
	unsigned tolds; /* of them */
	uint32_t bytes; /* theirs */
	int32_t failed; /* of one that was told; 0: none */
	unsigned bars;
	struct sent *ending; /* behind_reply was called, behind_reply_end not yet */
	struct import_reply reply;

	uint32_t window;
	uint64_t since; /* the device has had something to do, */
	uint32_t done;  /* and so many bytes it did */
};

struct behind *
behind_new(struct pool *pool, uint8_t ep, struct ahead_stats *stats,
	   const struct ahead_ops *ops, void *arg)
{
	struct behind *x = pool_zget(pool, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->pool = pool;
	x->ops = ops;
	x->arg = arg;
	x->stats = stats;
	x->ep = ep;
	x->window = BEHIND_START;
	list_init(&x->all);
	return x;
}

static struct sent *
first(const struct behind *x)
{
	return CONTAINER_OF(x->all.next, struct sent, link);
}

static void
drop(struct behind *x, struct sent *s)
{
	list_del(&s->link);
	pool_put(x->pool, s, sizeof(*s));
}

void
behind_free(struct behind *x)
{
	if (x == NULL)
		return;
	while (!list_empty(&x->all))
		drop(x, first(x));
	pool_put(x->pool, x, sizeof(*x));
}

/* --- to the driver --- */

static void
answer(struct behind *x, uint64_t tag, int32_t status, uint32_t actual)
{
	const struct import_reply reply = {
	    .status = status, .actual = actual, .unlinked = status == -LINUX_ECONNRESET};

	x->ops->answer(x->arg, x->ep, tag, &reply, NULL);
}

static void
tell(struct behind *x, struct sent *s)
{
	s->told = true;
	x->tolds++;
	x->bytes += s->len;
	x->stats->hits++;
	x->stats->saved++;
	answer(x, s->tag, 0, s->len);
}

static void
tell_failure(struct behind *x, struct sent *s)
{
	uint64_t tag = s->tag;
	int32_t status = x->failed != 0 ? x->failed : -LINUX_EPROTO;

	x->failed = 0;
	drop(x, s);
	answer(x, tag, status, 0);
}

static struct sent *
first_untold(const struct behind *x)
{
	struct list *l;

	LIST_EACH (&x->all, l) {
		struct sent *s = CONTAINER_OF(l, struct sent, link);

		if (!s->told)
			return s;
	}
	return NULL;
}

static bool
fits(const struct behind *x, const struct sent *s)
{
	return x->tolds == 0 || x->bytes + s->len <= x->window;
}

/* Those whose turn it is. */
static void
go_on(struct behind *x)
{
	struct sent *s;

	while ((s = first_untold(x)) != NULL && s->named && !s->leaving) {
		if (s->unsent)
			tell_failure(x, s);
		else if (x->failed == 0 && x->bars == 0 && fits(x, s))
			tell(x, s);
		else
			break;
	}
}

/* --- what happens --- */

int
behind_take(struct behind *x, const struct import_request *q, uint64_t tag)
{
	struct sent *s = pool_zget(x->pool, sizeof(*s));
	int err = ERR_OK;

	if (s == NULL)
		return ERR_NOMEM;
	s->tag = tag;
	s->len = q->len;
	s->unsent = x->failed != 0 && first_untold(x) == NULL;
	if (!s->unsent)
		err = x->ops->submit(x->arg, q, &s->far);
	if (err != ERR_OK) {
		pool_put(x->pool, s, sizeof(*s));
		return err;
	}
	if (list_empty(&x->all)) {
		x->since = x->ops->now(x->arg);
		x->done = 0;
	}
	list_add(&x->all, &s->link);
	return ERR_OK;
}

void
behind_go(struct behind *x)
{
	if (!list_empty(&x->all))
		CONTAINER_OF(x->all.prev, struct sent, link)->named = true;
	go_on(x);
}

void
behind_unlink(struct behind *x, uint64_t tag)
{
	struct list *l;

	LIST_EACH (&x->all, l) {
		struct sent *s = CONTAINER_OF(l, struct sent, link);

		if (s->told || s->tag != tag)
			continue;
		/* what comes back is its answer; if it cannot be sent, it stays */
		if (!s->leaving && x->ops->unlink(x->arg, x->ep, s->far) == ERR_OK)
			s->leaving = true;
		return;
	}
}

int
behind_reply(struct behind *x, uint64_t tag, const struct import_reply *reply)
{
	struct sent *s = NULL;
	struct list *l;

	x->ending = NULL;
	LIST_EACH (&x->all, l) {
		s = CONTAINER_OF(l, struct sent, link);
		if (!s->unsent && s->far == tag)
			break;
	}
	if (l == &x->all)
		return ERR_NODEV;
	if (!import_reply_fits(reply, s->len, 0, s->leaving))
		return ERR_PROTO;
	x->ending = s;
	x->reply = *reply;
	return ERR_OK;
}

static uint32_t
clamp(uint64_t n)
{
	if (n < BEHIND_LEAST)
		return BEHIND_LEAST;
	return n < BEHIND_MOST ? (uint32_t)n : BEHIND_MOST;
}

/* What it has done since it got something to do is its pace. */
static void
measure(struct behind *x, uint32_t len)
{
	uint64_t now = x->ops->now(x->arg), trip = x->ops->trip(x->arg);

	x->done += len;
	if (now - x->since < trip + SPARE_US)
		return;
	x->window = clamp(x->done * (2 * trip + SPARE_US) / (now - x->since));
	x->since = now;
	x->done = 0;
}

static void
told_one_ends(struct behind *x, uint32_t len)
{
	x->tolds--;
	x->bytes -= len;
	if (x->failed == 0 && x->reply.status != 0)
		x->failed = x->reply.status;
	else if (x->failed == 0 && x->reply.actual < len)
		x->failed = -LINUX_EPROTO;
	x->stats->fallbacks += x->failed != 0;
}

void
behind_reply_end(struct behind *x)
{
	struct sent *s = x->ending;
	bool told;
	uint64_t tag;
	uint32_t len;

	if (s == NULL)
		return;
	x->ending = NULL;
	told = s->told;
	tag = s->tag;
	len = s->len;
	measure(x, len);
	drop(x, s);
	if (told) {
		told_one_ends(x, len);
	} else if (x->reply.status == 0 && x->failed != 0) {
		answer(x, tag, x->failed, 0);
		x->failed = 0;
	} else {
		x->ops->answer(x->arg, x->ep, tag, &x->reply, NULL);
	}
	go_on(x);
}

void
behind_bar(struct behind *x)
{
	x->bars++;
}

void
behind_unbar(struct behind *x, bool changed)
{
	ASSERT(x->bars > 0);
	if (changed) {
		x->failed = 0;
		x->window = BEHIND_START;
	}
	x->bars--;
	go_on(x);
}

bool
behind_quiet(const struct behind *x)
{
	return x->tolds == 0;
}

bool
behind_idle(const struct behind *x)
{
	return list_empty(&x->all) && x->failed == 0 && x->bars == 0 &&
	       x->window == BEHIND_START;
}
