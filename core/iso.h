/* SPDX-License-Identifier: ISC */
/*
 * The packets of isochronous urbs, as both engines see them: which layouts make
 * sense, and which results of a device are believed. Pure functions.
 */
#ifndef CORE_ISO_H
#define CORE_ISO_H

#include <stdbool.h>
#include <stdint.h>

#include "core/urb.h"

#define ISO_PACKETS 1024 /* of one urb; USBIP_MAX_ISO_PACKETS of Linux */

/*
 * 0, or -EINVAL: no packets or too many, one that is not inside the buffer of
 * len bytes, or more bytes in all than the buffer has. IN packets must lie one
 * behind the other: two answers cannot have one place, and Linux puts compacted
 * data back right only then. OUT packets may lie anywhere. Whether a packet is
 * longer than its endpoint's payload is left to the host that runs it.
 */
int32_t iso_admit(const struct urb_iso *, uint32_t packets, uint32_t len, bool in);

/* The results of packets that were never run: -EXDEV, as Linux leaves them. */
void iso_unrun(struct urb_iso *, uint32_t packets);

/*
 * Whether results make sense of packets that were asked for, none longer than it was to
 * be and `actual` bytes in all.
 */
bool iso_adds_up(const struct urb_iso *results, const struct urb_iso *asked,
		 uint32_t packets, uint32_t actual);

/* Packets that failed. */
uint32_t iso_errors(const struct urb_iso *, uint32_t packets);

/*
 * Makes a device's results believable: a packet moved no more than it has room
 * for, u->actual is what all of them moved.
 */
void iso_clean(struct urb *);

/* Moves the IN data of the packets together to the beginning of u->buf. */
void iso_compact(struct urb *);

#endif
