/* SPDX-License-Identifier: ISC */
/*
 * Requests of the export engine; what happens to them is not decided here.
 */
#include "core/xurb.h"
#include "core/iso.h"
#include "core/mem.h"
#include "core/usbip.h"

static size_t
size_of(uint32_t packets, uint32_t len)
{
	return sizeof(struct xurb) + packets * sizeof(struct urb_iso) + len;
}

struct xurb *
xurb_new(struct pool *pool, const struct export_request *req)
{
	struct xurb *x = pool_get(pool, size_of(req->packets, req->len));

	if (x == NULL)
		return NULL;
	memset(x, 0, size_of(req->packets, 0));
	x->urb.ep = req->ep;
	x->urb.flags = req->flags;
	x->urb.len = req->len;
	x->urb.start_frame = req->start_frame;
	x->urb.packets = req->packets;
	if (req->packets > 0)
		x->urb.iso = x->iso;
	x->urb.buf = (uint8_t *)(x->iso + req->packets);
	memcpy(x->urb.setup, req->setup, sizeof(x->urb.setup));
	list_init(&x->link);
	x->state = XURB_FILLING;
	return x;
}

void
xurb_free(struct pool *pool, struct xurb *x)
{
	pool_put(pool, x, size_of(x->urb.packets, x->urb.len));
}

int32_t
xurb_admit(struct urb *u, const struct desc *d)
{
	int32_t status = desc_admit(d, u->ep, u->len, u->setup, &u->flags, &u->type);

	if (u->iso != NULL)
		iso_unrun(u->iso, u->packets);
	if (status == 0 && (u->type == URB_ISO) != (u->packets > 0))
		return -LINUX_EINVAL;
	if (status == 0 && u->iso != NULL)
		return iso_admit(u->iso, u->packets, u->len, urb_in(u));
	return status;
}

struct xurb *
xurb_first(const struct list *l)
{
	return CONTAINER_OF(l->next, struct xurb, link);
}

void
xurb_clean(struct urb *u)
{
	if (u->packets > 0) {
		iso_clean(u);
		if (urb_in(u))
			iso_compact(u);
	} else if (u->actual > u->len) {
		u->actual = u->len;
		u->status = -LINUX_EOVERFLOW;
	}
	if (u->status > 0)
		u->status = -LINUX_EPROTO;
}

void
xurb_refused(struct urb *u, int err)
{
	u->actual = 0;
	if (u->packets > 0)
		iso_unrun(u->iso, u->packets);
	if (err == ERR_GONE)
		u->status = -LINUX_ESHUTDOWN;
	else if (err == ERR_NOMEM)
		u->status = -LINUX_ENOMEM;
	else if (u->status == 0)
		u->status = -LINUX_EIO;
}
