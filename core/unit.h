/* SPDX-License-Identifier: ISC */
/*
 * One disk (an interface of USB Mass Storage Bulk-Only Transport 1.0) over distance: its
 * commands take one round trip (core/bot), and READs of one behind the other none: what
 * comes next is read before the driver asks, as far as it is on its way for a round trip,
 * and the driver is answered from here.
 *
 * It reads ahead of disks alone, by what INQUIRY and READ CAPACITY told the driver. What
 * was read is dropped with a command that is no READ, one that does not pass, whatever
 * resets the device, and after a second. A read of ours that fails costs the driver
 * nothing: only what the device will not say again (a unit attention, a deferred error)
 * is kept for its next command.
 *
 * With a write cache its WRITEs are done, for the driver, when the session holds them, as
 * far as they are on their way for a second; but only once the driver was told that the
 * disk has such a cache. Whatever is no such WRITE waits until the disk has done them
 * all. One that the disk does not do, and all behind it, are lost: from then on every
 * WRITE and SYNCHRONIZE CACHE fails.
 */
#ifndef CORE_UNIT_H
#define CORE_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ahead.h"
#include "core/import.h"

struct pool;
struct unit;

/* What write caches did; of several units. */
struct unit_cached {
	uint64_t hits;       /* WRITEs that were done before the disk had them */
	uint64_t bytes;      /* of those that it has not done yet, */
	uint64_t writes;     /* and how many they are */
	uint64_t lost_bytes; /* of those that it will never do */
	uint64_t lost_writes;
};

/* now: microseconds; NULL: nothing is read ahead. All else as in core/bot.h. */
struct unit *
unit_new(struct pool *, uint8_t in, uint8_t out, uint8_t iface, struct ahead_stats *,
	 const struct ahead_ops *, uint64_t (*now)(void *arg), void *arg);
void unit_free(struct unit *);

/* From now on there is a write cache; what it does is counted there. */
void unit_cache(struct unit *, struct unit_cached *);

/* Control requests have waited long enough for its writes: they are taken back. */
void unit_cut(struct unit *);

/* Another driver may have the disk now: it was told nothing. */
void unit_untell(struct unit *);
bool unit_has(const struct unit *, uint8_t ep);
uint8_t unit_iface(const struct unit *);

int unit_submit(struct unit *, const struct import_request *, uint64_t ours,
		uint64_t *tag) MUST_CHECK;
void unit_go(struct unit *);
bool unit_unlink(struct unit *, uint8_t ep, uint64_t tag);

int unit_reply(struct unit *, uint8_t ep, uint64_t *tag, struct import_reply *,
	       uint8_t **data) MUST_CHECK;
void unit_reply_end(struct unit *);
void unit_saw(struct unit *, uint8_t *data, uint32_t n);

void unit_bar(struct unit *);
void unit_unbar(struct unit *, bool anew);
bool unit_quiet(const struct unit *);

#endif
