/* SPDX-License-Identifier: ISC */
/*
 * What shortens the distance between the driver of a device and the device, by doing
 * round trips that the driver will make before it makes them ("assists"). One for each
 * attached device, between its import engine and the peer; a device without it, and one
 * of a stock server, is as it always was. The driver sees the same, but for time; the
 * peer sees ordinary requests, so it need not know.
 *
 * A control request that changes an endpoint which is assisted is held until nothing of
 * that endpoint is open at the far end, as if its driver had seen to that. So is any,
 * for 4 s at most, while data are on their way to the device that the driver of a serial
 * port thinks are there.
 */
#ifndef CORE_ASSIST_H
#define CORE_ASSIST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ahead.h"
#include "core/assist_kind.h"
#include "core/import.h"

struct assist;
struct pool;
struct unit_cached;

struct assist_ops {
	/* The far end, as in import_ops. */
	int (*submit)(void *arg, const struct import_request *, uint64_t *tag);
	int (*unlink)(void *arg, uint8_t ep, uint64_t tag);

	/* Microseconds, monotonic; NULL: what grows old is not kept. */
	uint64_t (*now)(void *arg);
};

/* For the device that the engine imports; off: kinds that it does not get. */
struct assist *assist_new(struct pool *, struct import *, uint32_t off,
			  const struct assist_ops *, void *arg);
void assist_free(struct assist *);

/* Its disks, if storage is not off, have a write cache (core/unit). */
void assist_cache(struct assist *);
const struct unit_cached *assist_cached(const struct assist *); /* NULL: none has */

/* As import_ops: what the engine asks for goes through here. */
int
assist_submit(struct assist *, const struct import_request *, uint64_t *tag) MUST_CHECK;
void assist_sent(struct assist *, uint8_t ep);
int assist_unlink(struct assist *, uint8_t ep, uint64_t tag) MUST_CHECK;

/* As import_reply and import_reply_end: what the far end answers goes through here. */
int assist_reply(struct assist *, uint8_t ep, uint64_t tag, const struct import_reply *,
		 uint8_t **data, struct urb_iso **iso) MUST_CHECK;
int assist_reply_end(struct assist *) MUST_CHECK;

/*
 * A round trip to the far end, in us; before the others are called, and after, and when
 * the time comes that it returns. UINT64_MAX: no need.
 */
uint64_t assist_turn(struct assist *, uint64_t trip);

bool assist_is_on(const struct assist *, enum assist_kind);
const struct ahead_stats *assist_stats(const struct assist *, enum assist_kind);

#endif
