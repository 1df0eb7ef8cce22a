/* SPDX-License-Identifier: ISC */
/*
 * Writes behind a driver on one OUT endpoint: its urbs are answered as soon as the
 * session has them, while no more bytes than a window are on their way. The device gets
 * the same bytes in the same order; of what fails after its driver was told that it was
 * sent, the next urb of the endpoint is told, and that one is not sent.
 *
 * The window is what the device takes in two round trips: enough that it never waits,
 * and as little as can be of what the driver thinks is gone.
 */
#ifndef CORE_BEHIND_H
#define CORE_BEHIND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ahead.h"
#include "core/import.h"

struct behind;
struct pool;

#define BEHIND_LEAST 512u /* bytes of the window, or one urb */
#define BEHIND_START 2048u
#define BEHIND_MOST  65536u

/* NULL: no memory. */
struct behind *behind_new(struct pool *, uint8_t ep, struct ahead_stats *,
			  const struct ahead_ops *, void *arg);
void behind_free(struct behind *); /* answers nothing */

/* As those of core/ahead. */
int behind_take(struct behind *, const struct import_request *, uint64_t tag) MUST_CHECK;
void behind_go(struct behind *);
void behind_unlink(struct behind *, uint64_t tag);
int behind_reply(struct behind *, uint64_t tag, const struct import_reply *) MUST_CHECK;
void behind_reply_end(struct behind *);

/*
 * A control request is about to be sent: until behind_unbar urbs are answered when the
 * device has done them. changed: the endpoint begins anew, and what has failed before is
 * of no concern. Nests.
 */
void behind_bar(struct behind *);
void behind_unbar(struct behind *, bool changed);

/* Nothing is on its way of what the driver thinks is gone. */
bool behind_quiet(const struct behind *);

/* Nor is there anything else, or learned: it may be freed. */
bool behind_idle(const struct behind *);

#endif
