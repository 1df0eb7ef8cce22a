/* SPDX-License-Identifier: ISC */
/*
 * Urbs of the import engine, their two names and their end.
 */
#include "core/iurb.h"
#include "core/iurb_iso.h"
#include "core/mem.h"

#define OVERHEAD 384  /* bytes charged per urb beside its data */
#define MOST     4096 /* urbs at once: more than any driver has, few enough to find one */

_Static_assert(sizeof(struct iurb) + sizeof(struct ret) + USBIP_HEADER <= OVERHEAD,
	       "an urb needs more memory than it is charged for");

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
	list_init(&us->early);
	return retq_init(&us->q, pool);
}

static struct iurb *
new_urb(struct iurbs *us, const struct import_request *req, uint32_t seqnum,
	uint64_t charge)
{
	struct iurb *u = pool_zget(us->pool, sizeof(*u));
	bool in = (req->ep & 0x80) != 0;

	if (u == NULL)
		return NULL;
	u->ret = retq_get(&us->q, seqnum,
			  (in ? req->len : 0) + req->packets * (size_t)USBIP_ISO, charge);
	if (u->ret == NULL)
		goto no_ret;
	u->req = *req;
	if (!iurb_iso_get(us, u))
		goto no_iso;
	list_init(&u->unlinks);
	list_add(&us->all, &u->link);
	urbs_add(&us->by_seqnum, &u->by_seqnum, seqnum);
	return u;
no_iso:
	retq_put(&us->q, u->ret);
no_ret:
	pool_put(us->pool, u, sizeof(*u));
	return NULL;
}

/* Whether the budget has room; a part is kept for what is small (DESIGN.md 9). */
static bool
affordable(const struct iurbs *us, uint8_t type, uint64_t charge)
{
	uint64_t limit = us->budget;

	if (type == URB_BULK || type == URB_ISO)
		limit -= us->reserve;
	return us->by_seqnum.count < MOST && charge <= limit &&
	       us->q.charged <= limit - charge;
}

/* Descriptors are kept as they came, and as numbers. */
static uint64_t
charge_of(const struct import_request *req)
{
	return OVERHEAD + (uint64_t)req->len + 2ull * USBIP_ISO * req->packets;
}

static struct iurb *
doom(struct iurbs *us, const struct import_request *req, uint32_t seqnum, uint64_t follow,
     int32_t status)
{
	struct import_request r = *req;
	struct iurb *u = NULL;

	r.len = 0;
	if (r.packets > 0 && affordable(us, r.type, charge_of(&r)))
		u = new_urb(us, &r, seqnum, charge_of(&r));
	if (u == NULL)
		return NULL;
	u->doomed = status;
	u->skip = follow - iurb_iso_bytes(u);
	return u;
}

struct iurb *
iurb_accept(struct iurbs *us, const struct import_request *req, uint32_t seqnum,
	    uint64_t follow, int32_t *status)
{
	struct iurb *u;

	if (*status != 0)
		return doom(us, req, seqnum, follow, *status);
	if ((uint64_t)req->len + req->packets * USBIP_ISO <= us->urb_max &&
	    affordable(us, req->type, charge_of(req)) &&
	    (u = new_urb(us, req, seqnum, charge_of(req))) != NULL)
		return u;
	*status = -LINUX_ENOMEM;
	return doom(us, req, seqnum, follow, *status);
}

static uint32_t
out_len(const struct iurb *u)
{
	return iurb_in(u) ? 0 : u->req.len;
}

/* Room for data that comes in pieces; without it they are read and forgotten. */
static bool
make_room(struct iurbs *us, struct iurb *u)
{
	if (u->out == NULL)
		u->data = u->out = pool_get(us->pool, u->req.len);
	if (u->out != NULL)
		return true;
	u->doomed = -LINUX_ENOMEM;
	u->skip = u->req.len;
	u->req.len = 0;
	return false;
}

static size_t
skip(struct iurb *u, size_t n)
{
	n = u->skip < n ? (size_t)u->skip : n;
	u->skip -= n;
	return n;
}

size_t
iurb_fill(struct iurbs *us, struct iurb *u, const uint8_t *p, size_t n)
{
	uint64_t len = out_len(u);

	if (u->skip > 0)
		return skip(u, n);
	if (u->have >= len)
		return iurb_iso_fill(u, u->have - len, p, n);
	if (len - u->have < n)
		n = (size_t)(len - u->have);
	if (n == len && iurb_iso_bytes(u) == 0)
		u->data = p;
	else if (make_room(us, u))
		memcpy(u->out + u->have, p, n);
	else
		return skip(u, n);
	u->have += n;
	return n;
}

bool
iurb_is_full(const struct iurb *u)
{
	return u->skip == 0 && u->have == out_len(u) + iurb_iso_bytes(u);
}

void
iurb_drop_data(struct iurbs *us, struct iurb *u)
{
	if (u->out != NULL)
		pool_put(us->pool, u->out, u->req.len);
	u->out = NULL;
	u->data = NULL;
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
	iurb_iso_put(us, u);
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
	struct usbip_ret_submit ret = {
	    .status = (uint32_t)status,
	    .actual = actual,
	    .start_frame = u->req.start_frame,
	    .packets = u->packets,
	};
	size_t n;

	us->stats.failed += status != 0;
	if (iurb_in(u))
		us->stats.bytes_in += u->here ? 0 : actual;
	else
		us->stats.bytes_out += actual;
	if (u->iso != NULL) {
		n = iurb_iso_pack(u, &ret);
		retq_ret_bytes(&us->q, u->ret, &ret, n);
	} else {
		retq_ret_submit(&us->q, u->ret, &ret);
	}
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

/* --- UNLINKs without their urb --- */

struct early {
	struct list link; /* in iurbs.early */
	uint32_t victim;
	struct ret *ret;
};

int
iurb_early(struct iurbs *us, uint32_t victim, struct ret *r)
{
	struct early *e = pool_get(us->pool, sizeof(*e));

	if (e == NULL)
		return ERR_NOMEM;
	e->victim = victim;
	e->ret = r;
	list_add(&us->early, &e->link);
	return ERR_OK;
}

static void
early_free(struct iurbs *us, struct early *e)
{
	list_del(&e->link);
	pool_put(us->pool, e, sizeof(*e));
}

void
iurb_early_take(struct iurbs *us, uint32_t seqnum, struct list *unlinks)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&us->early, l, n) {
		struct early *e = CONTAINER_OF(l, struct early, link);

		if ((int32_t)(e->victim - seqnum) > 0)
			continue;
		if (e->victim == seqnum)
			list_add(unlinks, &e->ret->link);
		else
			retq_ret_unlink(&us->q, e->ret, 0);
		early_free(us, e);
	}
}

void
iurbs_fini(struct iurbs *us)
{
	while (!list_empty(&us->early)) {
		struct early *e = CONTAINER_OF(us->early.next, struct early, link);

		retq_put(&us->q, e->ret);
		early_free(us, e);
	}
	while (!list_empty(&us->all))
		iurb_finish_unlinked(us, CONTAINER_OF(us->all.next, struct iurb, link));
	retq_fini(&us->q);
}
