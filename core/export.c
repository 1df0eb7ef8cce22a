/* SPDX-License-Identifier: ISC */
/*
 * The export engine. Each request has one struct xurb from export_prepare until
 * its reply; the lists say who has it. A request is judged when it is handed to
 * the device, because a barrier before it may change what endpoints there are.
 */
#include "core/export.h"
#include "core/iso.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/tombs.h"
#include "core/urbs.h"
#include "core/usbip.h"
#include "core/xurb.h"

#ifndef EXPORT_URBS
#define EXPORT_URBS 4096 /* requests of one device at once */
#endif
#define EXPORT_URB_MAX (1u << 30) /* no sum of sizes overflows 32 bits */

struct export
{
	struct pool *pool;
	const struct export_ops *ops;
	void *dev, *door;
	uint32_t urb_max;
	struct desc desc;
	struct urbs tags;
	struct list filling, held, lent, dying; /* dying: lent, and cancelled */
	struct xurb *barrier;                   /* the job that others wait for */
	struct tombs tombs;
	uint32_t out;   /* with the device */
	unsigned depth; /* of calls into the engine */
	bool gone, ending, ended;
	struct export_stats stats;
};

/*
 * Every call from outside is between enter and leave, so that ended is told
 * when no frame below touches the engine any more: the door may free it then.
 */
static void
enter(struct export *ex)
{
	ex->depth++;
}

static void
leave(struct export *ex)
{
	if (--ex->depth > 0 || !ex->ending || ex->ended || ex->out > 0)
		return;
	ex->ended = true;
	ex->ops->ended(ex->door);
}

static void
tell(struct export *ex, uint64_t tag, const struct urb *u, bool unlinked)
{
	if (ex->ending)
		return;
	if (unlinked)
		ex->stats.unlinked++;
	else if (u->status != 0)
		ex->stats.failed++;
	if (urb_in(u))
		ex->stats.bytes_in += u->actual;
	else
		ex->stats.bytes_out += u->actual;
	ex->ops->reply(ex->door, tag, u, unlinked);
}

/* The one reply; the urb is gone afterwards. */
static void
answer(struct export *ex, struct xurb *x, bool unlinked)
{
	uint64_t tag = x->by_tag.key;

	urbs_del(&ex->tags, &x->by_tag);
	list_del(&x->link);
	tell(ex, tag, &x->urb, unlinked);
	xurb_free(ex->pool, x);
}

static void
answer_status(struct export *ex, struct xurb *x, int32_t status, bool unlinked)
{
	x->urb.status = status;
	x->urb.actual = 0;
	answer(ex, x, unlinked);
}

/* A reply to what never became an urb. */
static void
refuse(struct export *ex, const struct export_request *req, int32_t status, bool unlinked)
{
	struct urb u = {
	    .ep = req->ep, .len = req->len, .status = status, .packets = req->packets};

	tell(ex, req->tag, &u, unlinked);
}

static void
cancel(struct export *ex, struct xurb *x)
{
	if (x->cancelled)
		return;
	x->cancelled = true;
	list_del(&x->link);
	list_add(&ex->dying, &x->link);
	ex->ops->cancel(ex->dev, &x->urb);
}

/* The device is through with it, or did not take it. */
static void
finish(struct export *ex, struct xurb *x)
{
	ex->out--;
	xurb_clean(&x->urb);
	if (ex->barrier == x) {
		ex->barrier = NULL;
		if (x->urb.status == 0)
			desc_job_done(&ex->desc, x->urb.setup);
	}
	/* anything that moved data or ended otherwise is told, or it would be lost */
	answer(ex, x,
	       x->unlinked && x->urb.status == -LINUX_ECONNRESET && x->urb.actual == 0);
}

static void
submit(struct export *ex, struct xurb *x)
{
	int r;

	x->state = XURB_SENDING;
	ex->out++;
	if (x->urb.job != URB_JOB_NONE)
		ex->barrier = x;
	r = ex->ops->submit(ex->dev, &x->urb);
	if (x->state == XURB_DONE) {
		finish(ex, x);
	} else if (r != ERR_OK) {
		xurb_refused(&x->urb, r);
		finish(ex, x);
	} else {
		x->state = XURB_LENT;
		list_add(&ex->lent, &x->link);
		if (x->unlinked || ex->ending)
			cancel(ex, x);
	}
}

static int32_t
admit(const struct export *ex, struct urb *u)
{
	int32_t status = xurb_admit(u, &ex->desc);

	return ex->gone ? -LINUX_ESHUTDOWN : status;
}

/* Judges an urb whose turn it is, and hands it to the device. */
static void
start(struct export *ex, struct xurb *x)
{
	int32_t status = admit(ex, &x->urb);

	if (status != 0) {
		answer_status(ex, x, status, false);
		return;
	}
	if ((x->urb.ep & 0x0f) == 0)
		x->urb.job = desc_job(x->urb.setup);
	submit(ex, x);
}

static bool
has_control(const struct list *urbs)
{
	struct list *l;

	LIST_EACH (urbs, l)
		if ((CONTAINER_OF(l, struct xurb, link)->urb.ep & 0x0f) == 0)
			return true;
	return false;
}

/*
 * A reset ends what is under way at endpoint 0, too, though it came later: control
 * requests before it, of which a reset that was inferred is one, end in their order.
 */
static bool
waits_for_others(const struct export *ex, const struct xurb *x)
{
	return (x->urb.ep & 0x0f) == 0 && desc_job(x->urb.setup) == URB_JOB_RESET &&
	       !ex->gone && (has_control(&ex->lent) || has_control(&ex->dying));
}

/* Whether a new urb has to wait. */
static bool
is_barred(const struct export *ex)
{
	return ex->barrier != NULL || !list_empty(&ex->held);
}

/* Starts what the barrier held, up to the next barrier. */
static void
release(struct export *ex)
{
	struct xurb *x;

	while (ex->barrier == NULL && !list_empty(&ex->held)) {
		x = xurb_first(&ex->held);
		if (waits_for_others(ex, x))
			return;
		list_del(&x->link);
		start(ex, x);
	}
}

/* What is wrong with a request as far as one can say before its turn. */
static int32_t
judge(const struct export *ex, const struct export_request *req)
{
	struct urb u = {
	    .ep = req->ep, .flags = req->flags, .len = req->len, .packets = req->packets};

	if (req->packets > ISO_PACKETS)
		return -LINUX_EINVAL;
	if ((uint64_t)req->len + req->packets * USBIP_ISO > ex->urb_max ||
	    ex->tags.count >= EXPORT_URBS)
		return -LINUX_ENOMEM;
	if (is_barred(ex))
		return 0;
	memcpy(u.setup, req->setup, sizeof(u.setup));
	return admit(ex, &u);
}

static void
prepare(struct export *ex, const struct export_request *req, void **handle, uint8_t **buf)
{
	struct xurb *x = NULL;
	int32_t status = judge(ex, req);

	if (status == 0 && (x = xurb_new(ex->pool, req)) == NULL)
		status = -LINUX_ENOMEM;
	if (x == NULL) {
		refuse(ex, req, status, false);
		return;
	}
	urbs_add(&ex->tags, &x->by_tag, req->tag);
	list_add(&ex->filling, &x->link);
	*handle = x;
	if (!urb_in(&x->urb) && x->urb.len > 0)
		*buf = x->urb.buf;
}

void
export_prepare(struct export *ex, const struct export_request *req, void **handle,
	       uint8_t **buf)
{
	struct export_request r = *req;

	*handle = NULL;
	*buf = NULL;
	if (r.packets == USBIP_NO_PACKETS)
		r.packets = 0;
	enter(ex);
	ex->stats.urbs++;
	if (urbs_find(&ex->tags, r.tag) != NULL)
		refuse(ex, &r, -LINUX_EINVAL, false);
	else if (tombs_take(&ex->tombs, r.tag))
		refuse(ex, &r, -LINUX_ECONNRESET, true);
	else if (!ex->ending)
		prepare(ex, &r, handle, buf);
	leave(ex);
}

struct urb_iso *
export_iso(void *handle)
{
	struct xurb *x = handle;

	ASSERT(x->state == XURB_FILLING);
	return x->iso;
}

void
export_go(struct export *ex, void *handle)
{
	struct xurb *x = handle;

	ASSERT(x->state == XURB_FILLING);
	enter(ex);
	list_del(&x->link);
	if (x->unlinked) {
		answer_status(ex, x, -LINUX_ECONNRESET, true);
	} else if (is_barred(ex) || waits_for_others(ex, x)) {
		x->state = XURB_HELD;
		list_add(&ex->held, &x->link);
	} else {
		start(ex, x);
		release(ex);
	}
	leave(ex);
}

static void
unlink_urb(struct export *ex, struct xurb *x)
{
	x->unlinked = true;
	if (x->state == XURB_HELD)
		answer_status(ex, x, -LINUX_ECONNRESET, true);
	else if (x->state == XURB_LENT)
		cancel(ex, x);
}

void
export_unlink(struct export *ex, uint64_t tag)
{
	struct urbs_node *n = urbs_find(&ex->tags, tag);

	enter(ex);
	if (n != NULL)
		unlink_urb(ex, CONTAINER_OF(n, struct xurb, by_tag));
	else
		tombs_add(&ex->tombs, tag);
	leave(ex);
}

void
export_complete(struct export *ex, struct urb *u)
{
	struct xurb *x = CONTAINER_OF(u, struct xurb, urb);

	ASSERT(x->state == XURB_LENT || x->state == XURB_SENDING);
	enter(ex);
	if (x->state == XURB_LENT) {
		x->state = XURB_DONE;
		finish(ex, x);
		release(ex);
	} else {
		x->state = XURB_DONE; /* submit() sees it when the device returns */
	}
	leave(ex);
}

void
export_gone(struct export *ex)
{
	ex->gone = true;
}

static void
drop_list(struct export *ex, struct list *l)
{
	while (!list_empty(l)) {
		struct xurb *x = xurb_first(l);

		urbs_del(&ex->tags, &x->by_tag);
		list_del(&x->link);
		xurb_free(ex->pool, x);
	}
}

void
export_end(struct export *ex)
{
	enter(ex);
	ex->ending = true;
	drop_list(ex, &ex->filling);
	drop_list(ex, &ex->held);
	while (!list_empty(&ex->lent))
		cancel(ex, xurb_first(&ex->lent));
	leave(ex);
}

enum urb_type
export_type(const struct export *ex, uint8_t ep)
{
	const struct desc_ep *e = desc_find(&ex->desc, ep);

	if ((ep & 0x0f) == 0)
		return URB_CONTROL;
	return e == NULL ? URB_BULK : (enum urb_type)e->type;
}

void
export_stats(const struct export *ex, struct export_stats *st)
{
	*st = ex->stats;
	st->inflight = ex->tags.count;
}

int
export_new(struct export **out, struct pool *pool, const struct export_conf *conf,
	   const struct export_ops *ops, void *dev, void *door)
{
	struct export *ex = pool_zget(pool, sizeof(*ex));
	int r;

	*out = NULL;
	if (ex == NULL)
		return ERR_NOMEM;
	ex->pool = pool;
	ex->ops = ops;
	ex->dev = dev;
	ex->door = door;
	ex->urb_max = conf->urb_max < EXPORT_URB_MAX ? conf->urb_max : EXPORT_URB_MAX;
	urbs_init(&ex->tags);
	list_init(&ex->filling);
	list_init(&ex->held);
	list_init(&ex->lent);
	list_init(&ex->dying);
	if ((r = desc_parse(&ex->desc, conf->raw, conf->raw_len, conf->config)) !=
	    ERR_OK) {
		pool_put(pool, ex, sizeof(*ex));
		return r;
	}
	*out = ex;
	return ERR_OK;
}

void
export_free(struct export *ex)
{
	if (ex == NULL)
		return;
	ASSERT(ex->out == 0);
	drop_list(ex, &ex->filling);
	drop_list(ex, &ex->held);
	pool_put(ex->pool, ex, sizeof(*ex));
}
