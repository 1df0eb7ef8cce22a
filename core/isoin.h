/* SPDX-License-Identifier: ISC */
/*
 * Listens ahead of a driver on one isochronous IN endpoint: the device's stream never
 * waits for the driver's next urb, for more of its kind are kept open at the far end,
 * so many as last for the time of core/isobuf. The driver's are answered in their
 * order, as results come. What nobody waits for any more is discarded: a stream that
 * begins again begins with what is new.
 */
#ifndef CORE_ISOIN_H
#define CORE_ISOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ahead.h"
#include "core/import.h"

struct isoin;
struct pool;

/* packet_us: of each packet. NULL: no memory. */
struct isoin *isoin_new(struct pool *, uint8_t ep, unsigned packet_us,
			struct ahead_stats *, const struct ahead_ops *, void *arg);
void isoin_free(struct isoin *); /* answers nothing */

/* As those of core/ahead; also *iso lends room for reply->packets results. */
int isoin_take(struct isoin *, const struct import_request *, uint64_t tag) MUST_CHECK;
void isoin_go(struct isoin *);
void isoin_unlink(struct isoin *, uint64_t tag);
int isoin_reply(struct isoin *, uint64_t tag, const struct import_reply *, uint8_t **data,
		struct urb_iso **iso) MUST_CHECK;
int isoin_reply_end(struct isoin *) MUST_CHECK; /* ERR_PROTO: they do not add up */
void isoin_bar(struct isoin *);
void isoin_unbar(struct isoin *, bool changed);
bool isoin_quiet(const struct isoin *);
bool isoin_idle(const struct isoin *);

#endif
