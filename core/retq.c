/* SPDX-License-Identifier: ISC */
/*
 * Replies to the kernel. What makes it give a reply is not known here.
 */
#include "core/retq.h"
#include "core/mem.h"

static size_t
size_of(size_t room)
{
	return sizeof(struct ret) + USBIP_HEADER + room;
}

static struct ret *
first(const struct list *l)
{
	return CONTAINER_OF(l->next, struct ret, link);
}

static struct ret *
set_up(struct retq *q, struct ret *r, uint32_t seqnum, size_t room, uint64_t charge)
{
	list_init(&r->link);
	r->seqnum = seqnum;
	r->charge = charge;
	r->room = room;
	r->len = 0;
	q->charged += charge;
	return r;
}

static void
drop_all(struct retq *q, struct list *l)
{
	while (!list_empty(l)) {
		struct ret *r = first(l);

		list_del(&r->link);
		q->charged -= r->charge;
		pool_put(q->pool, r, size_of(r->room));
	}
}

int
retq_init(struct retq *q, struct pool *pool)
{
	struct ret *r;

	memset(q, 0, sizeof(*q));
	q->pool = pool;
	list_init(&q->out);
	list_init(&q->spare);
	while (q->spares < RETQ_SPARES) {
		if ((r = pool_get(pool, size_of(0))) == NULL) {
			retq_fini(q);
			return ERR_NOMEM;
		}
		retq_put(q, set_up(q, r, 0, 0, 0));
	}
	return ERR_OK;
}

void
retq_fini(struct retq *q)
{
	drop_all(q, &q->out);
	drop_all(q, &q->spare);
}

struct ret *
retq_get(struct retq *q, uint32_t seqnum, size_t room, uint64_t charge)
{
	struct ret *r = pool_get(q->pool, size_of(room));

	return r == NULL ? NULL : set_up(q, r, seqnum, room, charge);
}

struct ret *
retq_spare(struct retq *q, uint32_t seqnum)
{
	struct ret *r = retq_get(q, seqnum, 0, 0);

	if (r != NULL || list_empty(&q->spare))
		return r;
	r = first(&q->spare);
	list_del(&r->link);
	q->spares--;
	return set_up(q, r, seqnum, 0, 0);
}

void
retq_put(struct retq *q, struct ret *r)
{
	q->charged -= r->charge;
	r->charge = 0;
	if (r->room == 0 && q->spares < RETQ_SPARES) {
		list_add(&q->spare, &r->link);
		q->spares++;
		return;
	}
	pool_put(q->pool, r, size_of(r->room));
}

static void
push(struct retq *q, struct ret *r, struct usbip *h, size_t data)
{
	h->seqnum = r->seqnum; /* devid, direction and ep are 0 in replies */
	usbip_pack(h, r->bytes);
	r->len = USBIP_HEADER + data;
	list_add(&q->out, &r->link);
	q->queued++;
}

void
retq_ret_bytes(struct retq *q, struct ret *r, const struct usbip_ret_submit *ret,
	       size_t n)
{
	struct usbip h = {.cmd = USBIP_RET_SUBMIT, .ret = *ret};

	ASSERT(n <= r->room);
	push(q, r, &h, n);
}

void
retq_ret_submit(struct retq *q, struct ret *r, const struct usbip_ret_submit *ret)
{
	retq_ret_bytes(q, r, ret, r->room == 0 ? 0 : ret->actual);
}

void
retq_ret_unlink(struct retq *q, struct ret *r, int32_t status)
{
	struct usbip h = {.cmd = USBIP_RET_UNLINK, .status = (uint32_t)status};

	push(q, r, &h, 0);
}

size_t
retq_output(const struct retq *q, const uint8_t **p)
{
	const struct ret *r = first(&q->out);

	*p = NULL;
	if (list_empty(&q->out))
		return 0;
	*p = r->bytes + q->sent;
	return r->len - q->sent;
}

void
retq_sent(struct retq *q, size_t n)
{
	struct ret *r = first(&q->out);

	if (n == 0)
		return;
	ASSERT(!list_empty(&q->out) && n <= r->len - q->sent);
	q->sent += n;
	if (q->sent < r->len)
		return;
	q->sent = 0;
	list_del(&r->link);
	retq_put(q, r);
}
