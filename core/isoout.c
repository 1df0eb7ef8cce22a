/* SPDX-License-Identifier: ISC */
/*
 * While the stream is held none of its urbs was sent.
 */
#include "core/isoout.h"
#include "core/isobuf.h"
#include "core/isourb.h"
#include "core/mem.h"
#include "core/told.h"
#include "core/usbip.h"

#define QUICKER 32 /* told so much quicker than the stream: it must never run dry */

struct sent {
	struct told_urb t; /* in isoout.told */
	struct isourb u;   /* its room is behind it */
};

struct isoout {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t ep;
	struct isobuf buf;
	struct told told; /* by us */
	bool held;        /* nothing is sent yet; */
	uint64_t begun;   /* since then */
	uint64_t next;    /* when the next may be told */
	uint32_t lost;    /* packets that the driver has to be told of, */
	int32_t why;      /* and what became of the last of them */
	int32_t failed;   /* a whole urb, likewise */
	struct sent *ending;
	unsigned bars;
};

static size_t
size_of(uint32_t packets, uint32_t len)
{
	return sizeof(struct sent) + isourb_room(packets, len);
}

struct isoout *
isoout_new(struct pool *pool, uint8_t ep, unsigned packet_us, struct ahead_stats *stats,
	   const struct ahead_ops *ops, void *arg)
{
	struct isoout *x = pool_zget(pool, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->pool = pool;
	x->ops = ops;
	x->arg = arg;
	x->stats = stats;
	x->ep = ep;
	isobuf_init(&x->buf, packet_us);
	told_init(&x->told);
	return x;
}

static struct sent *
sent_of(struct told_urb *t)
{
	return t != NULL ? CONTAINER_OF(t, struct sent, t) : NULL;
}

static struct sent *
first(const struct isoout *x)
{
	return sent_of(told_first(&x->told));
}

static void
drop(struct isoout *x, struct sent *s)
{
	told_del(&x->told, &s->t);
	pool_put(x->pool, s, size_of(s->u.req.packets, s->u.req.len));
}

void
isoout_free(struct isoout *x)
{
	struct sent *s;

	if (x == NULL)
		return;
	while ((s = first(x)) != NULL)
		drop(x, s);
	pool_put(x->pool, x, sizeof(*x));
}

/* --- to the driver --- */

/* us that may be on their way. */
static uint64_t
room_for(const struct isoout *x, const struct sent *s)
{
	return isobuf_us(&x->buf, x->ops->trip(x->arg), s->u.req.packets);
}

static void
tell(struct isoout *x, struct sent *s)
{
	struct import_reply reply = {.packets = s->u.req.packets,
				     .start_frame = s->u.req.start_frame};
	uint64_t now = x->ops->now(x->arg), room = room_for(x, s);

	reply.actual = isourb_invent(&s->u, &x->lost, x->why);
	told_tell(&x->told, &s->t);
	if (x->next + room < now)
		x->next = now - room; /* it may catch up so much */
	x->next += s->t.amount - s->t.amount / QUICKER;
	x->stats->hits++;
	x->stats->saved++;
	x->ops->answer_iso(x->arg, x->ep, s->t.tag, &reply, NULL, s->u.iso);
}

/* The urb is gone afterwards. */
static void
tell_status(struct isoout *x, struct sent *s, int32_t status)
{
	const struct import_reply reply = {.status = status,
					   .unlinked = status == -LINUX_ECONNRESET};
	uint64_t tag = s->t.tag;

	drop(x, s);
	x->ops->answer_iso(x->arg, x->ep, tag, &reply, NULL, NULL);
}

static bool
fits(const struct isoout *x, const struct sent *s)
{
	return x->told.n == 0 ||
	       (x->told.n < ISOBUF_URBS &&
		x->told.amount + s->t.amount <= room_for(x, s) &&
		(uint64_t)(x->told.n + 1) * s->u.req.len <= ISOBUF_BYTES);
}

/* --- to the far end --- */

/* An error: it is as good as lost. */
static int
send(struct isoout *x, struct sent *s)
{
	int err = x->ops->submit(x->arg, &s->u.req, &s->t.far);

	s->t.is_sent = err == ERR_OK;
	return err;
}

static void
not_sent(struct isoout *x, struct sent *s)
{
	if (s->t.told) {
		x->failed = -LINUX_EPROTO;
		x->stats->fallbacks++;
		drop(x, s);
	} else {
		tell_status(x, s, -LINUX_ESHUTDOWN);
	}
}

static void
release(struct isoout *x)
{
	struct list *l, *n;

	if (!x->held)
		return;
	x->held = false;
	LIST_EACH_SAFE (&x->told.all, l, n) {
		struct sent *s = CONTAINER_OF(l, struct sent, t.link);

		if (send(x, s) != ERR_OK)
			not_sent(x, s);
	}
}

/* Enough has come, or it has been long enough. */
static bool
is_half(const struct isoout *x)
{
	uint64_t half = room_for(x, first(x)) / 2;

	return x->told.amount >= half || x->ops->now(x->arg) - x->begun >= half;
}

static void
go_on(struct isoout *x)
{
	struct sent *s;

	while ((s = sent_of(told_next(&x->told))) != NULL && s->t.named &&
	       !s->t.leaving) {
		if (x->failed != 0 && !s->t.is_sent) {
			int32_t status = x->failed;

			x->failed = 0;
			tell_status(x, s, status);
		} else if (x->failed == 0 && x->bars == 0 && fits(x, s) &&
			   x->ops->now(x->arg) >= x->next) {
			tell(x, s);
		} else {
			break;
		}
	}
	if (x->held && (told_first(&x->told) == NULL || is_half(x)))
		release(x);
}

/* --- what happens --- */

static void
begin(struct isoout *x, const struct sent *s)
{
	x->held = x->bars == 0 && x->failed == 0;
	x->begun = x->ops->now(x->arg);
	x->next = x->begun + s->t.amount; /* as the first would end */
	isobuf_stop(&x->buf);
}

static struct sent *
copy(struct isoout *x, const struct import_request *q)
{
	struct sent *s = pool_get(x->pool, size_of(q->packets, q->len));

	if (s == NULL)
		return NULL;
	memset(&s->t, 0, sizeof(s->t));
	isourb_init(&s->u, q, s + 1);
	s->t.amount = q->packets * x->buf.packet;
	return s;
}

int
isoout_take(struct isoout *x, const struct import_request *q, uint64_t tag)
{
	struct sent *s = copy(x, q);
	int err;

	if (s == NULL)
		return ERR_NOMEM;
	s->t.tag = tag;
	if (told_first(&x->told) == NULL)
		begin(x, s);
	else
		s->u.req.flags |= URB_ISO_ASAP; /* the one before it decides */
	if (!x->held && (x->failed == 0 || told_next(&x->told) != NULL) &&
	    (err = send(x, s)) != ERR_OK) {
		pool_put(x->pool, s, size_of(q->packets, q->len));
		return err;
	}
	told_add(&x->told, &s->t);
	return ERR_OK;
}

void
isoout_go(struct isoout *x)
{
	told_named(&x->told);
	go_on(x);
}

void
isoout_unlink(struct isoout *x, uint64_t tag)
{
	struct sent *s = sent_of(told_by_tag(&x->told, tag));

	if (s != NULL && !s->t.is_sent)
		tell_status(x, s, -LINUX_ECONNRESET);
	else if (s != NULL && !s->t.leaving &&
		 x->ops->unlink(x->arg, x->ep, s->t.far) == ERR_OK)
		s->t.leaving = true;
	if (told_next(&x->told) == NULL)
		release(x); /* nothing more comes */
}

uint64_t
isoout_turn(struct isoout *x)
{
	struct sent *s;
	uint64_t at = UINT64_MAX;

	go_on(x);
	if (x->held && told_first(&x->told) != NULL)
		at = x->begun + room_for(x, first(x)) / 2;
	s = sent_of(told_next(&x->told));
	if (s != NULL && x->bars == 0 && x->failed == 0 && fits(x, s) && x->next < at &&
	    x->next > x->ops->now(x->arg))
		at = x->next;
	return at;
}

int
isoout_reply(struct isoout *x, uint64_t tag, const struct import_reply *reply,
	     struct urb_iso **iso)
{
	struct sent *s = sent_of(told_by_far(&x->told, tag));
	int err;

	*iso = NULL;
	x->ending = NULL;
	if (s == NULL)
		return ERR_NODEV;
	if ((err = isourb_reply(&s->u, reply, s->t.leaving, iso)) == ERR_OK)
		x->ending = s;
	return err;
}

static void
told_one_ends(struct isoout *x, struct sent *s)
{
	if (s->u.reply.packets == 0) {
		x->failed = s->u.reply.status;
		x->stats->fallbacks++;
	}
	for (uint32_t i = 0; i < s->u.reply.packets; i++)
		if (s->u.iso[i].status != 0) {
			x->lost++;
			x->why = s->u.iso[i].status;
		}
	drop(x, s);
}

static void
untold_one_ends(struct isoout *x, struct sent *s)
{
	const struct import_reply reply = s->u.reply;
	uint64_t tag = s->t.tag;

	told_del(&x->told, &s->t);
	x->ops->answer_iso(x->arg, x->ep, tag, &reply, NULL,
			   reply.packets > 0 ? s->u.iso : NULL);
	pool_put(x->pool, s, size_of(s->u.req.packets, s->u.req.len));
}

int
isoout_reply_end(struct isoout *x)
{
	struct sent *s = x->ending;

	if (s == NULL)
		return ERR_OK;
	x->ending = NULL;
	if (isourb_reply_end(&s->u) != ERR_OK)
		return ERR_PROTO;
	isobuf_ended(&x->buf, x->ops->now(x->arg), s->u.req.packets);
	if (s->t.told)
		told_one_ends(x, s);
	else
		untold_one_ends(x, s);
	go_on(x);
	return ERR_OK;
}

void
isoout_bar(struct isoout *x)
{
	x->bars++;
	release(x);
}

void
isoout_unbar(struct isoout *x, bool changed)
{
	ASSERT(x->bars > 0);
	if (changed) {
		x->failed = 0;
		x->lost = 0;
	}
	x->bars--;
	go_on(x);
}

bool
isoout_quiet(const struct isoout *x)
{
	return x->told.n == 0;
}

bool
isoout_ends(const struct isoout *x)
{
	return x->told.n > 0 && told_next(&x->told) == NULL;
}

bool
isoout_idle(const struct isoout *x)
{
	return told_first(&x->told) == NULL && x->failed == 0 && x->lost == 0 &&
	       x->bars == 0;
}
