/* SPDX-License-Identifier: ISC */
/*
 * The packets of an isochronous urb of the import engine. Their descriptors come
 * from the kernel behind the OUT data and are kept as they came at the end of
 * the reply's room: the kernel gets them back with results filled in, behind the
 * data that was read. It needs all of them even if the urb failed.
 */
#ifndef CORE_IURB_ISO_H
#define CORE_IURB_ISO_H

#include "core/iurb.h"

/* Memory for u->req.packets; true if there is some or none is needed. */
bool iurb_iso_get(struct iurbs *, struct iurb *);
void iurb_iso_put(struct iurbs *, struct iurb *);

/* Bytes of descriptors. */
size_t iurb_iso_bytes(const struct iurb *);

/* Bytes of the kernel from there on; gives how many it took. */
size_t iurb_iso_fill(struct iurb *, uint64_t at, const uint8_t *, size_t n);

/*
 * All bytes are there: reads the descriptors for the far end. 0 or the status
 * with which the urb fails.
 */
int32_t iurb_iso_read(struct iurb *);

/*
 * Bytes of descriptors that follow an urb's data: of isochronous urbs only. For
 * an endpoint that we do not know (status -EPIPE) the number of packets tells: it
 * is 0, or the document's -1, in all others.
 */
uint64_t iurb_iso_follow(uint32_t packets, uint8_t type, int32_t status);

/* Whether the results in u->iso are what u->reply says in sum. */
bool iurb_iso_adds_up(const struct iurb *);

/*
 * Puts the descriptors behind the data in the reply's room and completes its
 * header. Gives the bytes behind the header.
 */
size_t iurb_iso_pack(struct iurb *, struct usbip_ret_submit *);

#endif
