/* SPDX-License-Identifier: ISC */
/*
 * Speaks ahead of a device on one isochronous OUT endpoint: the driver is told that its
 * urbs are done before they are, so that the stream at the far end never waits for the
 * next one. The first ones are told at the pace of the stream and kept here until half
 * of what is to be on its way has come (core/isobuf), then all go at once; from then on
 * the device's own clock decides, for one is told when one has ended.
 *
 * A packet that failed or was lost after the driver was told that it was sent fails in
 * the driver's next urb that is told, in which all else goes well.
 */
#ifndef CORE_ISOOUT_H
#define CORE_ISOOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ahead.h"
#include "core/import.h"

struct isoout;
struct pool;

/* packet_us: of each packet. NULL: no memory. */
struct isoout *isoout_new(struct pool *, uint8_t ep, unsigned packet_us,
			  struct ahead_stats *, const struct ahead_ops *, void *arg);
void isoout_free(struct isoout *); /* answers nothing */

/* As those of core/isoin. */
int isoout_take(struct isoout *, const struct import_request *, uint64_t tag) MUST_CHECK;
void isoout_go(struct isoout *);
void isoout_unlink(struct isoout *, uint64_t tag);
int isoout_reply(struct isoout *, uint64_t tag, const struct import_reply *,
		 struct urb_iso **iso) MUST_CHECK;
int isoout_reply_end(struct isoout *) MUST_CHECK;

/* The time has come; returns when it does again. UINT64_MAX: never. */
uint64_t isoout_turn(struct isoout *);

/* As core/behind. */
void isoout_bar(struct isoout *);
void isoout_unbar(struct isoout *, bool changed);
bool isoout_quiet(const struct isoout *);

/* The driver has nothing more, but not all is done that it was told of. */
bool isoout_ends(const struct isoout *);
bool isoout_idle(const struct isoout *);

#endif
