/* SPDX-License-Identifier: ISC */
/*
 * Isochronous requests at the far end.
 */
#include "core/isourb.h"
#include "core/iso.h"
#include "core/mem.h"

void
isourb_init(struct isourb *u, const struct import_request *q, void *room)
{
	*u = (struct isourb){.req = *q, .iso = room};
	u->as = memcpy(u->iso + q->packets, q->iso, q->packets * sizeof(*u->as));
	u->data = (uint8_t *)(u->as + q->packets);
	u->req.iso = u->as;
	if (q->data != NULL)
		u->req.data = memcpy(u->data, q->data, q->len);
}

int
isourb_reply(struct isourb *u, const struct import_reply *reply, bool cancelled,
	     struct urb_iso **iso)
{
	*iso = NULL;
	if (!import_reply_fits(reply, u->req.len, u->req.packets, cancelled))
		return ERR_PROTO;
	u->reply = *reply;
	if (reply->packets > 0)
		*iso = u->iso;
	return ERR_OK;
}

int
isourb_reply_end(const struct isourb *u)
{
	return iso_adds_up(u->iso, u->as, u->reply.packets, u->reply.actual) ? ERR_OK
									     : ERR_PROTO;
}

uint32_t
isourb_invent(struct isourb *u, uint32_t *lost, int32_t why)
{
	uint32_t actual = 0;

	for (uint32_t i = 0; i < u->req.packets; i++) {
		bool bad = *lost > 0 && u->as[i].length > 0;

		u->iso[i] = u->as[i];
		u->iso[i].status = bad ? why : 0;
		u->iso[i].actual = bad ? 0 : u->as[i].length;
		actual += u->iso[i].actual;
		*lost -= bad;
	}
	return actual;
}
