/* SPDX-License-Identifier: ISC */
/*
 * Requests of a device that are to begin only when another one has ended, which their
 * SUBMIT names: the driver was told of its end before it came, and relies on it. Each
 * endpoint is a stream of its own, so that they may come in another order.
 */
#ifndef CORE_AFTER_H
#define CORE_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

struct pool;

/* In a SUBMIT: request `index` of OUT endpoint `ep` (not 0); 0 names none. */
static inline uint32_t
after_name(uint8_t ep, uint64_t index)
{
	return (uint32_t)(ep & 15) << 28 | (uint32_t)(index & 0x0fffffff);
}

struct after {
	struct pool *pool;
	uint64_t ended[16]; /* OUT: requests before this one have ended */
	struct list held;
};

void after_init(struct after *, struct pool *);

/* Forgets what is held. */
void after_fini(struct after *);

/* Whether a request that names this has to wait. */
bool after_waits(const struct after *, uint32_t name);

/* It waits; tag is its own. false: no memory. */
bool after_hold(struct after *, uint32_t name, uint64_t tag, void *request);

/* Request index of the OUT endpoint has ended: after_next may have something. */
void after_ended(struct after *, uint8_t ep, uint64_t index);

/* One that waits no more, and is not held any more; NULL: there is none. */
void *after_next(struct after *);

/* The one with this tag, which is not held any more; NULL: it is not. */
void *after_take(struct after *, uint64_t tag);

#endif
