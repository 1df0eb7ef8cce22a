/* SPDX-License-Identifier: ISC */
/*
 * One isochronous request of ours at the far end: its packets as they were sent, room for
 * its data and for the packets' results. Whose it is is not known here.
 */
#ifndef CORE_ISOURB_H
#define CORE_ISOURB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/import.h"

struct isourb {
	struct import_request req; /* its packets are `as`, its OUT data `data` */
	struct import_reply reply;
	struct urb_iso *iso; /* results, and */
	struct urb_iso *as;  /* how they were sent: both have req.packets of them */
	uint8_t *data;       /* req.len bytes */
};

/* Bytes that it needs outside of itself. */
static inline size_t
isourb_room(uint32_t packets, uint32_t len)
{
	return 2 * packets * sizeof(struct urb_iso) + len;
}

/* Copies the request and its OUT data. room stays there as long as it does. */
void isourb_init(struct isourb *, const struct import_request *, void *room);

/*
 * The far end's reply; *iso lends room for its results, NULL if it has none. ERR_PROTO:
 * impossible; when they are there, also if they do not add up.
 */
int isourb_reply(struct isourb *, const struct import_reply *, bool cancelled,
		 struct urb_iso **iso) MUST_CHECK;
int isourb_reply_end(const struct isourb *) MUST_CHECK;

/*
 * Results as if all had gone well, but for *lost packets, which say why; *lost is what
 * could not be said. Returns the bytes of all.
 */
uint32_t isourb_invent(struct isourb *, uint32_t *lost, int32_t why);

#endif
