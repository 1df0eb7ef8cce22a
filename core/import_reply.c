/* SPDX-License-Identifier: ISC */
/*
 * Replies of the far end: which are believed, whoever of this side has asked, and how
 * an urb of the kernel ends with one.
 */
#include "core/import_impl.h"
#include "core/iurb_iso.h"

bool
import_reply_fits(const struct import_reply *r, uint32_t len, uint32_t packets,
		  bool cancelled)
{
	if (r->actual > len)
		return false;
	if (r->unlinked)
		return cancelled && r->actual == 0 && r->packets == 0;
	if (packets == 0 || r->packets > 0)
		return r->packets == packets;
	return r->status != 0 && r->actual == 0;
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
		import_answer_here(im, u);
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
	import_answer_held(im);
	import_wake(im, before);
	return ERR_OK;
}
