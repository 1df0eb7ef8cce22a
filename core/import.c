/* SPDX-License-Identifier: ISC */
/*
 * The import engine: an urb of which all has come goes to the far end, or is answered
 * here. How it came, and how it ends with a reply, is not known here.
 */
#include "core/import_impl.h"
#include "core/iurb_iso.h"
#include "core/mem.h"

void
import_wake(struct import *im, uint64_t before)
{
	if (im->urbs.q.queued != before)
		im->ops->wake(im->arg);
}

void
import_answer_here(struct import *im, struct iurb *u)
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

void
import_answer_held(struct import *im)
{
	struct iurb *u;

	while (im->held > 0 && (u = first_control(im))->state == IURB_HELD) {
		im->held--;
		import_answer_here(im, u);
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

void
import_submit(struct import *im, struct iurb *u)
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
		import_answer_held(im);
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
	import_wake(im, before);
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
