/* SPDX-License-Identifier: ISC */
/*
 * SUBMIT and UNLINK on their way to a stock server.
 */
#include "core/stock_out.h"
#include "core/mem.h"
#include "core/usbip.h"

#define URB_DIR_IN 0x0200u /* in transfer_flags, as Linux sends it */

/* A header and what belongs to it. */
struct piece {
	struct list link; /* in stock_out.pieces */
	size_t len;
	uint8_t bytes[];
};

static struct piece *
first(const struct stock_out *o)
{
	return CONTAINER_OF(o->pieces.next, struct piece, link);
}

/* With room for n bytes behind the header. */
static struct piece *
add(struct stock_out *o, const struct usbip *h, size_t n)
{
	struct piece *p = pool_get(o->pool, sizeof(*p) + USBIP_HEADER + n);

	if (p == NULL)
		return NULL;
	p->len = USBIP_HEADER + n;
	usbip_pack(h, p->bytes);
	list_add(&o->pieces, &p->link);
	return p;
}

static void
drop_first(struct stock_out *o)
{
	struct piece *p = first(o);

	list_del(&p->link);
	pool_put(o->pool, p, sizeof(*p) + p->len);
}

void
stock_out_init(struct stock_out *o, struct pool *pool, uint32_t devid)
{
	memset(o, 0, sizeof(*o));
	o->pool = pool;
	o->devid = devid;
	list_init(&o->pieces);
}

void
stock_out_fini(struct stock_out *o)
{
	while (!list_empty(&o->pieces))
		drop_first(o);
}

/* Behind the data, as the kernel sends them: what happened to them is not known yet. */
static void
put_packets(uint8_t *b, const struct urb_iso *iso, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct urb_iso p = {.offset = iso[i].offset,
					  .length = iso[i].length};

		usbip_iso_pack(&p, b + (size_t)i * USBIP_ISO);
	}
}

int
stock_out_submit(struct stock_out *o, const struct import_request *q, uint32_t len,
		 uint32_t seqnum)
{
	bool in = (q->ep & 0x80) != 0;
	struct usbip h = {.cmd = USBIP_SUBMIT,
			  .seqnum = seqnum,
			  .devid = o->devid,
			  .in = in,
			  .ep = q->ep & 15u};
	size_t out = in ? 0 : len;
	struct piece *p;

	h.submit.flags = q->flags | (in ? URB_DIR_IN : 0);
	h.submit.len = len;
	h.submit.start_frame = q->start_frame;
	h.submit.packets = q->packets;
	h.submit.interval = q->interval;
	memcpy(h.submit.setup, q->setup, sizeof(h.submit.setup));
	if ((p = add(o, &h, out + q->packets * (size_t)USBIP_ISO)) == NULL)
		return ERR_NOMEM;
	if (out > 0)
		memcpy(p->bytes + USBIP_HEADER, q->data, out);
	put_packets(p->bytes + USBIP_HEADER + out, q->iso, q->packets);
	return ERR_OK;
}

int
stock_out_unlink(struct stock_out *o, uint32_t victim, uint32_t seqnum)
{
	const struct usbip h = {
	    .cmd = USBIP_UNLINK, .seqnum = seqnum, .devid = o->devid, .victim = victim};

	return add(o, &h, 0) == NULL ? ERR_NOMEM : ERR_OK;
}

size_t
stock_out_output(const struct stock_out *o, const uint8_t **p)
{
	*p = NULL;
	if (list_empty(&o->pieces))
		return 0;
	*p = first(o)->bytes + o->sent;
	return first(o)->len - o->sent;
}

void
stock_out_sent(struct stock_out *o, size_t n)
{
	if (n == 0)
		return;
	ASSERT(!list_empty(&o->pieces) && n <= first(o)->len - o->sent);
	o->sent += n;
	if (o->sent < first(o)->len)
		return;
	o->sent = 0;
	drop_first(o);
}
