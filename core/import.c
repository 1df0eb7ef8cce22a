/* SPDX-License-Identifier: ISC */
/*
 * The import engine: reads the kernel's bytes, judges each urb and hands it to
 * the far end. An urb that is refused has no struct iurb, only bytes that are
 * skipped before the refusal.
 */
#include "core/import.h"
#include "core/enumerate.h"
#include "core/iso.h"
#include "core/iurb.h"
#include "core/iurb_iso.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/usbip.h"

struct import {
	struct pool *pool;
	const struct import_ops *ops;
	void *arg;
	uint32_t devid;
	struct desc desc;
	struct enumerate enumerate;
	struct iurbs urbs;
	struct iurb *replying;
	unsigned held; /* urbs in that state */
	int failed;    /* sticky */
	bool gone;
	bool begun;      /* a SUBMIT has come; */
	uint32_t newest; /* its seqnum: they rise on one connection, and wrap */

	uint8_t head[USBIP_HEADER]; /* the header that is coming */
	size_t head_have;
	struct iurb *filling; /* the urb whose bytes are coming, or */
	bool refusing;        /* skip bytes, then refuse the urb */
	uint64_t skip;
	uint32_t refused;
	int32_t refused_status;
};

/* The one call of ops->wake: replies were queued since the count was `before`. */
static void
wake(struct import *im, uint64_t before)
{
	if (im->urbs.q.queued != before)
		im->ops->wake(im->arg);
}

static int
fail(struct import *im, int err, const char *why)
{
	log_warn("import %08x down reason=\"%s\"", (unsigned)im->devid, why);
	im->failed = err;
	return err;
}

/* Answers an urb of which all is known. */
static void
answer_here(struct import *im, struct iurb *u)
{
	uint8_t *room = u->ret->bytes + USBIP_HEADER;
	uint32_t actual;
	int32_t status;

	ASSERT(enumerate_answer(&im->enumerate, &u->req, room, &status, &actual));
	u->here = true;
	iurb_finish(&im->urbs, u, status, actual);
}

static struct iurb *
first_control(const struct import *im)
{
	struct list *l;

	LIST_EACH (&im->urbs.all, l) {
		struct iurb *u = CONTAINER_OF(l, struct iurb, link);

		if ((u->req.ep & 0x0f) == 0)
			return u;
	}
	return NULL;
}

/*
 * Urbs of one endpoint end in their order, also where one is answered here and the
 * one before it is not.
 */
static void
answer_held(struct import *im)
{
	struct iurb *u;

	while (im->held > 0 && (u = first_control(im))->state == IURB_HELD) {
		im->held--;
		answer_here(im, u);
	}
}

static void
sent(struct import *im, struct iurb *u, uint64_t tag)
{
	uint8_t ep = u->req.ep;

	iurb_sent(&im->urbs, u, tag);
	if (im->ops->sent != NULL)
		im->ops->sent(im->arg, ep);
}

/* Hands a complete urb, or the reset that it stands for, to the far end. */
static void
send_urb(struct import *im, struct iurb *u)
{
	int32_t bad = iurb_iso_read(u);
	uint64_t tag = 0;
	int r = ERR_GONE;

	if (!list_empty(&u->unlinks)) { /* before it came */
		iurb_finish_unlinked(&im->urbs, u);
		return;
	}
	if (u->doomed != 0 || bad != 0) {
		iurb_finish(&im->urbs, u, u->doomed != 0 ? u->doomed : bad, 0);
		return;
	}
	u->resetting = enumerate_resets(&im->enumerate, &u->req);
	if (!u->resetting && enumerate_knows(&im->enumerate, &u->req)) {
		u->state = IURB_HELD;
		im->held++;
		answer_held(im);
		return;
	}
	u->state = IURB_SENDING;
	u->req.data = u->data;
	u->req.iso = u->iso;
	if (!im->gone)
		r = im->ops->submit(im->arg, u->resetting ? &enumerate_reset : &u->req,
				    &tag);
	u->req.data = NULL;
	u->req.iso = NULL;
	iurb_drop_data(&im->urbs, u);
	if (r == ERR_OK && !im->gone)
		sent(im, u, tag);
	else
		iurb_finish(&im->urbs, u,
			    r == ERR_NOMEM ? -LINUX_ENOMEM : -LINUX_ESHUTDOWN, 0);
}

/* The refusal waits for the urb's data, for the kernel still reads from it. */
static void
refuse(struct import *im, uint32_t seqnum, int32_t status, uint64_t skip)
{
	im->refusing = true;
	im->refused = seqnum;
	im->refused_status = status;
	im->skip = skip;
}

static int
end_refusal(struct import *im)
{
	const struct usbip_ret_submit ret = {.status = (uint32_t)im->refused_status};
	struct ret *r = retq_spare(&im->urbs.q, im->refused);
	struct list unlinks;

	if (r == NULL)
		return fail(im, ERR_NOMEM, "no memory even to refuse an urb");
	im->refusing = false;
	im->urbs.stats.failed++;
	retq_ret_submit(&im->urbs.q, r, &ret);
	list_init(&unlinks);
	iurb_early_take(&im->urbs, im->refused, &unlinks);
	while (!list_empty(&unlinks)) {
		r = CONTAINER_OF(unlinks.next, struct ret, link);
		list_del(&r->link);
		retq_ret_unlink(&im->urbs.q, r, 0);
	}
	return ERR_OK;
}

static int32_t
read_request(const struct import *im, const struct usbip *h, struct import_request *req)
{
	enum urb_type type = URB_BULK;
	int32_t status;

	memset(req, 0, sizeof(*req));
	req->ep = (uint8_t)(h->ep | (h->in ? 0x80u : 0u));
	req->flags = h->submit.flags;
	req->len = h->submit.len;
	req->start_frame = h->submit.start_frame;
	req->interval = h->submit.interval;
	memcpy(req->setup, h->submit.setup, sizeof(req->setup));
	status = desc_admit(&im->desc, req->ep, req->len, req->setup, &req->flags, &type);
	req->type = (uint8_t)type;
	if (iurb_iso_follow(h->submit.packets, type, status) > 0 &&
	    h->submit.packets <= ISO_PACKETS)
		req->packets = h->submit.packets;
	return status == 0 && type == URB_ISO && req->packets == 0 ? -LINUX_EINVAL
								   : status;
}

static int
on_submit(struct import *im, const struct usbip *h)
{
	uint64_t data = h->in ? 0 : h->submit.len, skip;
	struct import_request req;
	struct iurb *u;
	int32_t status;

	if (h->in > 1 || h->ep > 15 || iurb_by_seqnum(&im->urbs, h->seqnum) != NULL)
		return fail(im, ERR_PROTO, "SUBMIT makes no sense");
	im->begun = true;
	im->newest = h->seqnum;
	im->urbs.stats.urbs++;
	status = read_request(im, h, &req);
	skip = data + iurb_iso_follow(h->submit.packets, req.type, status);
	if (status == 0 && im->gone)
		status = -LINUX_ESHUTDOWN;
	if ((u = iurb_accept(&im->urbs, &req, h->seqnum, skip, &status)) == NULL) {
		refuse(im, h->seqnum, status, skip);
		return ERR_OK;
	}
	u->packets = h->submit.packets;
	iurb_early_take(&im->urbs, h->seqnum, &u->unlinks);
	if (iurb_is_full(u))
		send_urb(im, u);
	else
		im->filling = u;
	return ERR_OK;
}

/*
 * An UNLINK for nobody: the urb has ended, or it has not come yet. An urb has its number
 * before the UNLINK has its own.
 */
static int
unlink_absent(struct import *im, const struct usbip *h, struct ret *r)
{
	if ((im->begun && (int32_t)(h->victim - im->newest) <= 0) ||
	    (int32_t)(h->seqnum - h->victim) <= 0) {
		retq_ret_unlink(&im->urbs.q, r, 0);
		return ERR_OK;
	}
	if (iurb_early(&im->urbs, h->victim, r) == ERR_OK)
		return ERR_OK;
	retq_put(&im->urbs.q, r);
	return fail(im, ERR_NOMEM, "no memory even to keep an UNLINK");
}

static int
on_unlink(struct import *im, const struct usbip *h)
{
	struct iurb *u = iurb_by_seqnum(&im->urbs, h->victim);
	struct ret *r = retq_spare(&im->urbs.q, h->seqnum);

	if (r == NULL)
		return fail(im, ERR_NOMEM, "no memory even to answer an UNLINK");
	if (u == NULL)
		return unlink_absent(im, h, r);
	list_add(&u->unlinks, &r->link);
	if (u->state == IURB_HELD) {
		im->held--;
		iurb_finish_unlinked(&im->urbs, u);
		return ERR_OK;
	}
	if (u->state == IURB_SENT && !u->unlinking) {
		u->unlinking = true;
		(void)im->ops->unlink(im->arg, u->req.ep, u->tag);
	}
	return ERR_OK;
}

static int
on_header(struct import *im)
{
	struct usbip h;

	if (usbip_unpack(&h, im->head) != ERR_OK ||
	    (h.cmd != USBIP_SUBMIT && h.cmd != USBIP_UNLINK))
		return fail(im, ERR_PROTO, "no such command");
	if (h.devid != im->devid)
		return fail(im, ERR_PROTO, "meant for another device");
	return h.cmd == USBIP_SUBMIT ? on_submit(im, &h) : on_unlink(im, &h);
}

static size_t
least(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

static size_t
take_head(struct import *im, const uint8_t *p, size_t n, int *err)
{
	n = least(USBIP_HEADER - im->head_have, n);
	memcpy(im->head + im->head_have, p, n);
	im->head_have += n;
	if (im->head_have == USBIP_HEADER) {
		im->head_have = 0;
		*err = on_header(im);
	}
	return n;
}

static size_t
take_data(struct import *im, const uint8_t *p, size_t n)
{
	struct iurb *u = im->filling;

	n = iurb_fill(&im->urbs, u, p, n);
	if (iurb_is_full(u)) {
		im->filling = NULL;
		send_urb(im, u);
	}
	return n;
}

static size_t
take(struct import *im, const uint8_t *p, size_t n, int *err)
{
	if (im->filling != NULL)
		return take_data(im, p, n);
	if (!im->refusing)
		return take_head(im, p, n, err);
	n = least(im->skip, n);
	im->skip -= n;
	return n;
}

int
import_input(struct import *im, const uint8_t *p, size_t n)
{
	uint64_t before = im->urbs.q.queued;
	int err = im->failed;
	size_t used;

	while (n > 0 && err == ERR_OK) {
		used = take(im, p, n, &err);
		p += used;
		n -= used;
		if (err == ERR_OK && im->refusing && im->skip == 0)
			err = end_refusal(im);
	}
	wake(im, before);
	return err;
}

size_t
import_output(struct import *im, const uint8_t **p)
{
	return retq_output(&im->urbs.q, p);
}

void
import_sent(struct import *im, size_t n)
{
	retq_sent(&im->urbs.q, n);
}

int
import_reply(struct import *im, uint8_t ep, uint64_t tag,
	     const struct import_reply *reply, uint8_t **data, struct urb_iso **iso)
{
	struct iurb *u;

	*data = NULL;
	*iso = NULL;
	if (im->replying != NULL)
		im->replying->state = IURB_SENT; /* never ended: did not happen */
	im->replying = NULL;
	if (im->gone)
		return ERR_OK;
	if ((u = iurb_by_tag(&im->urbs, ep, tag)) == NULL ||
	    !import_reply_fits(reply, u->resetting ? 0 : u->req.len, u->req.packets,
			       u->unlinking))
		return ERR_PROTO;
	u->state = IURB_REPLYING;
	u->reply = *reply;
	im->replying = u;
	if (iurb_in(u) && reply->actual > 0)
		*data = u->ret->bytes + USBIP_HEADER;
	if (reply->packets > 0)
		*iso = u->iso;
	return ERR_OK;
}

static void
control_done(struct import *im, const uint8_t setup[8])
{
	desc_job_done(&im->desc, setup);
	enumerate_done(&im->enumerate, setup);
}

/*
 * The reset has ended, and with it the kernel's request. A far end that stalls it
 * does not know resets: then nobody there can do more than go on.
 */
static void
end_reset(struct import *im, struct iurb *u)
{
	int32_t status = iurb_status(u, u->reply.status);

	if (status == 0 || status == -LINUX_EPIPE)
		control_done(im, enumerate_reset.setup);
	if (status != 0 && status != -LINUX_EPIPE)
		iurb_finish(&im->urbs, u, -LINUX_EPROTO, 0);
	else
		answer_here(im, u);
}

static void
end_urb(struct import *im, struct iurb *u)
{
	int32_t status = iurb_status(u, u->reply.status);

	if (status == 0 && (u->req.ep & 0x0f) == 0)
		control_done(im, u->req.setup);
	iurb_finish(&im->urbs, u, status, u->reply.actual);
}

int
import_reply_end(struct import *im)
{
	uint64_t before = im->urbs.q.queued;
	struct iurb *u = im->replying;

	if (u == NULL)
		return ERR_OK;
	im->replying = NULL;
	if (!iurb_iso_adds_up(u)) {
		u->state = IURB_SENT;
		return ERR_PROTO;
	}
	u->results = u->reply.packets > 0;
	if (u->reply.unlinked)
		iurb_finish_unlinked(&im->urbs, u);
	else if (u->resetting)
		end_reset(im, u);
	else
		end_urb(im, u);
	answer_held(im);
	wake(im, before);
	return ERR_OK;
}

void
import_gone(struct import *im)
{
	uint64_t before = im->urbs.q.queued;
	struct list *l, *n;
	struct iurb *u;

	im->gone = true;
	im->held = 0;
	im->replying = NULL;
	LIST_EACH_SAFE (&im->urbs.all, l, n) {
		/* those before SENT are answered where they are on their way */
		u = CONTAINER_OF(l, struct iurb, link);
		if (u->state >= IURB_SENT || u->state == IURB_HELD)
			iurb_finish(&im->urbs, u, -LINUX_ESHUTDOWN, 0);
	}
	wake(im, before);
}

const struct desc *
import_desc(const struct import *im)
{
	return &im->desc;
}

const uint8_t *
import_raw(const struct import *im, size_t *n)
{
	*n = im->enumerate.raw_len;
	return im->enumerate.raw;
}

uint8_t
import_speed(const struct import *im)
{
	return im->enumerate.speed;
}

void
import_stats(const struct import *im, struct import_stats *st)
{
	*st = im->urbs.stats;
	st->inflight = im->urbs.by_seqnum.count;
	st->charged = im->urbs.q.charged;
}

int
import_new(struct import **out, struct pool *pool, const struct import_conf *conf,
	   const struct import_ops *ops, void *arg)
{
	struct import *im = pool_zget(pool, sizeof(*im));
	struct enumerate *e;
	int r;

	*out = NULL;
	if (im == NULL)
		return ERR_NOMEM;
	e = &im->enumerate;
	im->pool = pool;
	im->ops = ops;
	im->arg = arg;
	im->devid = conf->devid;
	if ((r = enumerate_init(e, pool, conf)) != ERR_OK ||
	    (r = desc_parse(&im->desc, e->raw, e->raw_len, conf->config)) != ERR_OK ||
	    (r = iurbs_init(&im->urbs, pool)) != ERR_OK) {
		enumerate_fini(e);
		pool_put(pool, im, sizeof(*im));
		return r;
	}
	im->urbs.urb_max = conf->urb_max;
	im->urbs.budget = conf->budget;
	im->urbs.reserve = conf->reserve < conf->budget ? conf->reserve : conf->budget;
	*out = im;
	return ERR_OK;
}

void
import_free(struct import *im)
{
	if (im == NULL)
		return;
	iurbs_fini(&im->urbs);
	enumerate_fini(&im->enumerate);
	pool_put(im->pool, im, sizeof(*im));
}
