/* SPDX-License-Identifier: ISC */
/*
 * The kernel's bytes, any number at a time: headers, what follows them, UNLINKs. An urb
 * that is refused has no struct iurb, only bytes that are skipped before the refusal.
 */
#include "core/import_impl.h"
#include "core/iso.h"
#include "core/iurb_iso.h"
#include "core/log.h"
#include "core/mem.h"

static int
fail(struct import *im, int err, const char *why)
{
	log_warn("import %08x down reason=\"%s\"", (unsigned)im->devid, why);
	im->failed = err;
	return err;
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
		import_submit(im, u);
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
		import_submit(im, u);
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
	import_wake(im, before);
	return err;
}
