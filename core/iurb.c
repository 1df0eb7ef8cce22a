/* SPDX-License-Identifier: ISC */
/*
 * Urbs of the import engine, their two names and their end.
 */
#include "core/iurb.h"
#include "core/mem.h"

/* One stream has both directions of endpoint 0 (core/stream.h). */
static uint64_t
tag_key(uint8_t ep, uint64_t tag)
{
	uint64_t n = ep & 15u;

	return tag << 5 | n << 1 | (n != 0 && (ep & 0x80) ? 1u : 0u);
}

int
iurbs_init(struct iurbs *us, struct pool *pool)
{
	memset(us, 0, sizeof(*us));
	us->pool = pool;
	list_init(&us->all);
	urbs_init(&us->by_seqnum);
	urbs_init(&us->by_tag);
	return retq_init(&us->q, pool);
}

struct iurb *
iurb_new(struct iurbs *us, const struct import_request *req, uint32_t seqnum,
	 uint64_t charge)
{
	struct iurb *u = pool_zget(us->pool, sizeof(*u));
	bool in = (req->ep & 0x80) != 0;

	if (u == NULL)
		return NULL;
	if ((u->ret = retq_get(&us->q, seqnum, in ? req->len : 0, charge)) == NULL)
		goto no_ret;
	if (!in && req->len > 0 && (u->out = pool_get(us->pool, req->len)) == NULL)
		goto no_out;
	u->req = *req;
	list_init(&u->unlinks);
	list_add(&us->all, &u->link);
	urbs_add(&us->by_seqnum, &u->by_seqnum, seqnum);
	return u;
no_out:
	retq_put(&us->q, u->ret);
no_ret:
	pool_put(us->pool, u, sizeof(*u));
	return NULL;
}

void
iurb_drop_data(struct iurbs *us, struct iurb *u)
{
	pool_put(us->pool, u->out, u->req.len);
	u->out = NULL;
}

void
iurb_sent(struct iurbs *us, struct iurb *u, uint64_t tag)
{
	ASSERT(tag >> IURB_TAG_BITS == 0);
	u->tag = tag;
	urbs_add(&us->by_tag, &u->by_tag, tag_key(u->req.ep, tag));
	u->state = IURB_SENT;
}

struct iurb *
iurb_by_seqnum(const struct iurbs *us, uint32_t seqnum)
{
	struct urbs_node *n = urbs_find(&us->by_seqnum, seqnum);

	return n == NULL ? NULL : CONTAINER_OF(n, struct iurb, by_seqnum);
}

struct iurb *
iurb_by_tag(const struct iurbs *us, uint8_t ep, uint64_t tag)
{
	struct urbs_node *n = NULL;

	if (tag >> IURB_TAG_BITS == 0)
		n = urbs_find(&us->by_tag, tag_key(ep, tag));
	return n == NULL ? NULL : CONTAINER_OF(n, struct iurb, by_tag);
}

int32_t
iurb_status(const struct iurb *u, int32_t status)
{
	status = usbip_status(status);
	if (!u->unlinking && (status == -LINUX_ENOENT || status == -LINUX_ECONNRESET))
		return -LINUX_EPROTO;
	return status;
}

/* Its reply and its UNLINKs are taken care of already. */
static void
iurb_free(struct iurbs *us, struct iurb *u)
{
	if (u->state >= IURB_SENT)
		urbs_del(&us->by_tag, &u->by_tag);
	urbs_del(&us->by_seqnum, &u->by_seqnum);
	list_del(&u->link);
	iurb_drop_data(us, u);
	pool_put(us->pool, u, sizeof(*u));
}

/* The first UNLINK got what it wanted if the urb was unlinked. */
static void
answer_unlinks(struct iurbs *us, struct iurb *u, bool unlinked)
{
	struct list *l, *n;
	int32_t status = unlinked ? -LINUX_ECONNRESET : 0;

	LIST_EACH_SAFE (&u->unlinks, l, n) {
		list_del(l);
		retq_ret_unlink(&us->q, CONTAINER_OF(l, struct ret, link), status);
		status = 0;
	}
}

void
iurb_finish(struct iurbs *us, struct iurb *u, int32_t status, uint32_t actual)
{
	const struct usbip_ret_submit ret = {
	    .status = (uint32_t)status,
	    .actual = actual,
	    .start_frame = u->req.start_frame,
	    .packets = u->packets,
	};

	us->stats.failed += status != 0;
	if (iurb_in(u))
		us->stats.bytes_in += u->here ? 0 : actual;
	else
		us->stats.bytes_out += actual;
	retq_ret_submit(&us->q, u->ret, &ret);
	answer_unlinks(us, u, false);
	iurb_free(us, u);
}

void
iurb_finish_unlinked(struct iurbs *us, struct iurb *u)
{
	us->stats.unlinked++;
	retq_put(&us->q, u->ret);
	answer_unlinks(us, u, true);
	iurb_free(us, u);
}

void
iurbs_fini(struct iurbs *us)
{
	while (!list_empty(&us->all))
		iurb_finish_unlinked(us, CONTAINER_OF(us->all.next, struct iurb, link));
	retq_fini(&us->q);
}
