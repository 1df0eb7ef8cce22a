/* SPDX-License-Identifier: ISC */
/*
 * Data of isochronous requests as tails of their messages (core/session): SUBMIT of
 * OUT, COMPLETE of IN. All else of them must come, and goes as ever.
 */
#ifndef CORE_WIRE_TAIL_H
#define CORE_WIRE_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/urb.h"

struct session;
struct session_msg;
struct session_slice;

/*
 * session_send of the head, the packets as bytes, and the data, v[0] to v[2]; if they
 * are isochronous and may be lost, the data go in pieces that hold whole packets
 * where that is possible. iso: packets of them, those of IN data have their results.
 * ahead: packets that the driver has out, this one's too; so long the device goes on
 * without it, and it is of use.
 */
int wire_tail_send(struct session *, uint32_t sid, uint8_t type,
		   const struct session_slice *v, const struct urb_iso *iso,
		   uint32_t packets, uint64_t ahead, uint64_t *index) MUST_CHECK;

/* Whether there is a tail only where there may be one: of all n bytes of data. */
bool wire_tail_right(const struct session_msg *, uint32_t packets, uint32_t n);

#endif
