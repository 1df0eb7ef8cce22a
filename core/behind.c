/* SPDX-License-Identifier: ISC */
/*
 * All urbs are sent at once, but for one that only tells of a failure.
 */
#include "core/behind.h"
#include "core/mem.h"
#include "core/told.h"
#include "core/usbip.h"

#define SPARE_US 20000u /* the window is worth two round trips, and that */

struct behind {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t ep;
	struct told told; /* by bytes */
	int32_t failed;   /* of one that was told; 0: none */
	unsigned bars;
	struct told_urb *ending; /* behind_reply was called, behind_reply_end not yet */
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
	told_init(&x->told);
	return x;
}

static void
drop(struct behind *x, struct told_urb *s)
{
	told_del(&x->told, s);
	pool_put(x->pool, s, sizeof(*s));
}

void
behind_free(struct behind *x)
{
	struct told_urb *s;

	if (x == NULL)
		return;
	while ((s = told_first(&x->told)) != NULL)
		drop(x, s);
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
tell(struct behind *x, struct told_urb *s)
{
	told_tell(&x->told, s);
	x->stats->hits++;
	x->stats->saved++;
	answer(x, s->tag, 0, (uint32_t)s->amount);
}

static void
tell_failure(struct behind *x, struct told_urb *s)
{
	uint64_t tag = s->tag;
	int32_t status = x->failed != 0 ? x->failed : -LINUX_EPROTO;

	x->failed = 0;
	drop(x, s);
	answer(x, tag, status, 0);
}

static bool
fits(const struct behind *x, const struct told_urb *s)
{
	return x->told.n == 0 || x->told.amount + s->amount <= x->window;
}

/* Those whose turn it is. */
static void
go_on(struct behind *x)
{
	struct told_urb *s;

	while ((s = told_next(&x->told)) != NULL && s->named && !s->leaving) {
		if (!s->is_sent)
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
	struct told_urb *s = pool_zget(x->pool, sizeof(*s));
	int err = ERR_OK;

	if (s == NULL)
		return ERR_NOMEM;
	s->tag = tag;
	s->amount = q->len;
	s->is_sent = x->failed == 0 || told_next(&x->told) != NULL;
	if (s->is_sent)
		err = x->ops->submit(x->arg, q, &s->far);
	if (err != ERR_OK) {
		pool_put(x->pool, s, sizeof(*s));
		return err;
	}
	if (told_first(&x->told) == NULL) {
		x->since = x->ops->now(x->arg);
		x->done = 0;
	}
	told_add(&x->told, s);
	return ERR_OK;
}

void
behind_go(struct behind *x)
{
	told_named(&x->told);
	go_on(x);
}

void
behind_unlink(struct behind *x, uint64_t tag)
{
	struct told_urb *s = told_by_tag(&x->told, tag);

	/* what comes back is its answer; if it cannot be sent, it stays */
	if (s != NULL && !s->leaving && x->ops->unlink(x->arg, x->ep, s->far) == ERR_OK)
		s->leaving = true;
}

int
behind_reply(struct behind *x, uint64_t tag, const struct import_reply *reply)
{
	struct told_urb *s = told_by_far(&x->told, tag);

	x->ending = NULL;
	if (s == NULL)
		return ERR_NODEV;
	if (!import_reply_fits(reply, (uint32_t)s->amount, 0, s->leaving))
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
	if (x->failed == 0 && x->reply.status != 0)
		x->failed = x->reply.status;
	else if (x->failed == 0 && x->reply.actual < len)
		x->failed = -LINUX_EPROTO;
	x->stats->fallbacks += x->failed != 0;
}

void
behind_reply_end(struct behind *x)
{
	struct told_urb *s = x->ending;
	bool told;
	uint64_t tag;
	uint32_t len;

	if (s == NULL)
		return;
	x->ending = NULL;
	told = s->told;
	tag = s->tag;
	len = (uint32_t)s->amount;
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
	return x->told.n == 0;
}

bool
behind_idle(const struct behind *x)
{
	return told_first(&x->told) == NULL && x->failed == 0 && x->bars == 0 &&
	       x->window == BEHIND_START;
}
