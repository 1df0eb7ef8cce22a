/* SPDX-License-Identifier: ISC */
/*
 * USB Mass Storage Bulk-Only Transport 1.0 over distance: one round trip for a command,
 * where its driver makes three. The command block and the data that the driver sends are
 * answered as soon as the session has them; the status is asked for behind the data that
 * the driver reads. The status stays the device's own, and the driver gets it when all
 * that it sent before has its answer: what went wrong meanwhile shows there.
 *
 * A device that stalls what it was sent has the halt cleared from here, as the driver
 * would have done; if it failed in another way, the command fails. What is not understood
 * goes the plain way, to the end of the command.
 */
#ifndef CORE_BOT_H
#define CORE_BOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ahead.h"
#include "core/import.h"

struct bot;
struct pool;

/*
 * One interface with its two endpoints. hits: commands that went this way; fallbacks:
 * those that did not.
 */
struct bot *bot_new(struct pool *, uint8_t in, uint8_t out, struct ahead_stats *,
		    const struct ahead_ops *, void *arg);
void bot_free(struct bot *); /* answers nothing */

/*
 * An urb of the driver to one of the endpoints. *tag is its name: `ours`, or that of the
 * far end if it goes the plain way. It may be answered from bot_go on, which must follow.
 */
int bot_submit(struct bot *, const struct import_request *, uint64_t ours,
	       uint64_t *tag) MUST_CHECK;
void bot_go(struct bot *);

/* The driver takes one back. true: the answer comes; false: the far end has to be told.
 */
bool bot_unlink(struct bot *, uint8_t ep, uint64_t tag);

/*
 * As ahead_reply; also to what was asked of endpoint 0 from here. ERR_NODEV: it is for
 * the engine, as *reply and *tag say then.
 */
int bot_reply(struct bot *, uint8_t ep, uint64_t *tag, struct import_reply *,
	      uint8_t **data) MUST_CHECK;
void bot_reply_end(struct bot *);

/* What the engine is about to give to an urb that went the plain way. */
void bot_saw(struct bot *, uint8_t *data, uint32_t n);

/*
 * A request is about to be sent that changes one of the endpoints, or resets the whole:
 * what is open from here is taken back. anew: the device expects a command.
 */
void bot_bar(struct bot *);
void bot_unbar(struct bot *, bool anew);
bool bot_quiet(const struct bot *);

/* --- who sends commands of their own, beside the driver's (core/unit) --- */

/* Whether n bytes are a command block (BOT 1.0, 5.1). */
bool bot_is_cbw(const uint8_t *, uint32_t n);

/* A command block comes next, and nothing is left of the one before. */
bool bot_is_ready(const struct bot *);

/* While on, what the driver submits waits. Goes on when it is not. */
void bot_pause(struct bot *, bool on);

/* The driver's next urb fails: it has to reset the device. */
void bot_owe(struct bot *);

/* As if the driver submitted it now, with this name; its CBW; what it reads. */
void bot_again(struct bot *, const uint8_t *cbw, uint64_t ours);
void bot_again_read(struct bot *, const struct import_request *, uint64_t ours);

/* The same of any of its urbs, while it is paused. */
int bot_late(struct bot *, const struct import_request *, uint64_t ours) MUST_CHECK;

static inline uint32_t
bot_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
