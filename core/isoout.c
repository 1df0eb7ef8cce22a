/* SPDX-License-Identifier: ISC */
/*
 * One list of urbs in their order; those that the driver was told the end of are the
 * first ones. While the stream is held none of them was sent.
 */
#include "core/isoout.h"
#include "core/iso.h"
#include "core/isobuf.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/usbip.h"

#define QUICKER 32 /* told so much quicker than the stream: it must never run dry */

struct sent {
	struct list link; /* in isoout.all */
	uint64_t tag, far;
	struct import_request req; /* its data are there while it is held */
	uint64_t us;               /* it lasts */
	bool is_sent, named, told, leaving;
	struct import_reply reply;
	struct urb_iso *iso; /* results, behind it; then */
	struct urb_iso *as;  /* how they were sent, and */
	uint8_t *data;       /* req.len bytes */
};

struct isoout {
	struct pool *pool;
	const struct ahead_ops *ops;
	void *arg;
	struct ahead_stats *stats;
	uint8_t ep;
	struct isobuf buf;
	struct list all;
	unsigned tolds; /* of them */
	uint64_t us;    /* that those last */
	bool held;      /* nothing is sent yet; */
	uint64_t begun; /* since then */
	uint64_t next;  /* when the next may be told */
	uint32_t lost;  /* packets that the driver has to be told of, */
	int32_t why;    /* and what became of the last of them */
	int32_t failed; /* a whole urb, likewise */
	struct sent *ending;
	unsigned bars;
};

static size_t
size_of(uint32_t packets, uint32_t len)
{
	return sizeof(struct sent) + 2 * packets * sizeof(struct urb_iso) + len;
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
	list_init(&x->all);
	return x;
}

static struct sent *
first(const struct isoout *x)
{
	return CONTAINER_OF(x->all.next, struct sent, link);
}

static void
drop(struct isoout *x, struct sent *s)
{
	list_del(&s->link);
	pool_put(x->pool, s, size_of(s->req.packets, s->req.len));
}

void
isoout_free(struct isoout *x)
{
	if (x == NULL)
		return;
	while (!list_empty(&x->all))
		drop(x, first(x));
	pool_put(x->pool, x, sizeof(*x));
}

/* --- to the driver --- */

/* Results as if all had gone well, but for those that went wrong before. */
static uint32_t
invent(struct isoout *x, struct sent *s)
{
	uint32_t actual = 0;

	for (uint32_t i = 0; i < s->req.packets; i++) {
		bool bad = x->lost > 0 && s->as[i].length > 0;

		s->iso[i] = s->as[i];
		s->iso[i].status = bad ? x->why : 0;
		s->iso[i].actual = bad ? 0 : s->as[i].length;
		actual += s->iso[i].actual;
		x->lost -= bad;
	}
	return actual;
}

static void
tell(struct isoout *x, struct sent *s)
{
	struct import_reply reply = {.packets = s->req.packets,
				     .start_frame = s->req.start_frame};
	uint64_t now = x->ops->now(x->arg),
		 room = isobuf_us(&x->buf, x->ops->trip(x->arg), s->req.packets);

	reply.actual = invent(x, s);
	s->told = true;
	x->tolds++;
	x->us += s->us;
	if (x->next + room < now)
		x->next = now - room; /* it may catch up so much */
	x->next += s->us - s->us / QUICKER;
	x->stats->hits++;
	x->stats->saved++;
	x->ops->answer_iso(x->arg, x->ep, s->tag, &reply, NULL, s->iso);
}

/* The urb is gone afterwards. */
static void
tell_status(struct isoout *x, struct sent *s, int32_t status)
{
	const struct import_reply reply = {.status = status,
					   .unlinked = status == -LINUX_ECONNRESET};
	uint64_t tag = s->tag;

	drop(x, s);
	x->ops->answer_iso(x->arg, x->ep, tag, &reply, NULL, NULL);
}

static struct sent *
first_untold(const struct isoout *x)
{
	struct list *l;

	LIST_EACH (&x->all, l) {
		struct sent *s = CONTAINER_OF(l, struct sent, link);

		if (!s->told)
			return s;
	}
	return NULL;
}

static uint64_t
room_for(const struct isoout *x, const struct sent *s)
{
	return isobuf_us(&x->buf, x->ops->trip(x->arg), s->req.packets);
}

static bool
fits(const struct isoout *x, const struct sent *s)
{
	return x->tolds == 0 ||
	       (x->tolds < ISOBUF_URBS && x->us + s->us <= room_for(x, s) &&
		(uint64_t)(x->tolds + 1) * s->req.len <= ISOBUF_BYTES);
}

/* --- to the far end --- */

/* Its data are not needed any more. An error: it is as good as lost. */
static int
send(struct isoout *x, struct sent *s, const uint8_t *data)
{
	struct import_request q = s->req;
	int err;

	q.data = data;
	q.iso = s->as;
	if ((err = x->ops->submit(x->arg, &q, &s->far)) == ERR_OK)
		s->is_sent = true;
	return err;
}

static void
not_sent(struct isoout *x, struct sent *s)
{
	if (s->told) {
		x->tolds--;
		x->us -= s->us;
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
	LIST_EACH_SAFE (&x->all, l, n) {
		struct sent *s = CONTAINER_OF(l, struct sent, link);

		if (send(x, s, s->data) != ERR_OK)
			not_sent(x, s);
	}
}

/* Enough has come, or it has been long enough. */
static bool
is_half(const struct isoout *x)
{
	uint64_t half = room_for(x, first(x)) / 2;

	return x->us >= half || x->ops->now(x->arg) - x->begun >= half;
}

static void
go_on(struct isoout *x)
{
	struct sent *s;

	while ((s = first_untold(x)) != NULL && s->named && !s->leaving) {
		if (x->failed != 0 && !s->is_sent) {
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
	if (x->held && (list_empty(&x->all) || is_half(x)))
		release(x);
}

/* --- what happens --- */

static void
begin(struct isoout *x, const struct sent *s)
{
	x->held = x->bars == 0 && x->failed == 0;
	x->begun = x->ops->now(x->arg);
	x->next = x->begun + s->us; /* as the first would end */
	isobuf_stop(&x->buf);
}

static struct sent *
copy(struct isoout *x, const struct import_request *q)
{
	struct sent *s = pool_get(x->pool, size_of(q->packets, q->len));

	if (s == NULL)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->req = *q;
	s->iso = (struct urb_iso *)(void *)(s + 1);
	s->as = memcpy(s->iso + q->packets, q->iso, q->packets * sizeof(*s->as));
	s->data = (uint8_t *)(s->as + q->packets);
	if (q->len > 0)
		memcpy(s->data, q->data, q->len);
	s->us = q->packets * x->buf.packet;
	return s;
}

int
isoout_take(struct isoout *x, const struct import_request *q, uint64_t tag)
{
	struct sent *s = copy(x, q);
	int err;

	if (s == NULL)
		return ERR_NOMEM;
	s->tag = tag;
	if (list_empty(&x->all))
		begin(x, s);
	else
		s->req.flags |= URB_ISO_ASAP; /* the one before it decides */
	if (!x->held && (x->failed == 0 || first_untold(x) != NULL) &&
	    (err = send(x, s, s->data)) != ERR_OK) {
		pool_put(x->pool, s, size_of(q->packets, q->len));
		return err;
	}
	list_add(&x->all, &s->link);
	return ERR_OK;
}

void
isoout_go(struct isoout *x)
{
	if (!list_empty(&x->all))
		CONTAINER_OF(x->all.prev, struct sent, link)->named = true;
	go_on(x);
}

void
isoout_unlink(struct isoout *x, uint64_t tag)
{
	struct list *l;

	LIST_EACH (&x->all, l) {
		struct sent *s = CONTAINER_OF(l, struct sent, link);

		if (s->told || s->tag != tag)
			continue;
		if (!s->is_sent)
			tell_status(x, s, -LINUX_ECONNRESET);
		else if (!s->leaving && x->ops->unlink(x->arg, x->ep, s->far) == ERR_OK)
			s->leaving = true;
		break;
	}
	if (first_untold(x) == NULL)
		release(x); /* nothing more comes */
}

uint64_t
isoout_turn(struct isoout *x)
{
	struct sent *s;
	uint64_t at = UINT64_MAX;

	go_on(x);
	if (x->held && !list_empty(&x->all))
		at = x->begun + room_for(x, first(x)) / 2;
	s = first_untold(x);
	if (s != NULL && x->bars == 0 && x->failed == 0 && fits(x, s) && x->next < at &&
	    x->next > x->ops->now(x->arg))
		at = x->next;
	return at;
}

int
isoout_reply(struct isoout *x, uint64_t tag, const struct import_reply *reply,
	     struct urb_iso **iso)
{
	struct sent *s = NULL;
	struct list *l;

	*iso = NULL;
	x->ending = NULL;
	LIST_EACH (&x->all, l) {
		s = CONTAINER_OF(l, struct sent, link);
		if (s->is_sent && s->far == tag)
			break;
	}
	if (l == &x->all)
		return ERR_NODEV;
	if (!import_reply_fits(reply, s->req.len, s->req.packets, s->leaving))
		return ERR_PROTO;
	s->reply = *reply;
	x->ending = s;
	if (reply->packets > 0)
		*iso = s->iso;
	return ERR_OK;
}

static void
told_one_ends(struct isoout *x, struct sent *s)
{
	x->tolds--;
	x->us -= s->us;
	if (s->reply.packets == 0) {
		x->failed = s->reply.status;
		x->stats->fallbacks++;
	}
	for (uint32_t i = 0; i < s->reply.packets; i++)
		if (s->iso[i].status != 0) {
			x->lost++;
			x->why = s->iso[i].status;
		}
	drop(x, s);
}

static void
untold_one_ends(struct isoout *x, struct sent *s)
{
	const struct import_reply reply = s->reply;
	uint64_t tag = s->tag;

	list_del(&s->link);
	x->ops->answer_iso(x->arg, x->ep, tag, &reply, NULL,
			   reply.packets > 0 ? s->iso : NULL);
	pool_put(x->pool, s, size_of(s->req.packets, s->req.len));
}

int
isoout_reply_end(struct isoout *x)
{
	struct sent *s = x->ending;

	if (s == NULL)
		return ERR_OK;
	x->ending = NULL;
	if (!iso_adds_up(s->iso, s->as, s->reply.packets, s->reply.actual))
		return ERR_PROTO;
	isobuf_ended(&x->buf, x->ops->now(x->arg), s->req.packets);
	if (s->told)
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
	return x->tolds == 0;
}

bool
isoout_ends(const struct isoout *x)
{
	return x->tolds > 0 && first_untold(x) == NULL;
}

bool
isoout_idle(const struct isoout *x)
{
	return list_empty(&x->all) && x->failed == 0 && x->lost == 0 && x->bars == 0;
}
