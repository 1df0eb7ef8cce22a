/* SPDX-License-Identifier: ISC */
/*
 * Requests of a device that are to begin only when another one has ended, which their
 * SUBMIT names: who sent it relies on that end before it has come. Each endpoint is a
 * stream of its own, so that they may come in another order.
 *
 * Some begin only if the other has ended well, and are taken back if not, as are those
 * that wait for them: commands in a row, each sent before the one before it is done.
 */
#ifndef CORE_AFTER_H
#define CORE_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

struct pool;

/* In a SUBMIT: request `index` of the endpoint (not 0); 0 names none. */
static inline uint32_t
after_name(uint8_t ep, uint64_t index)
{
	return (uint32_t)(ep & 15) << 28 | (uint32_t)(ep & 0x80) << 20 |
	       (uint32_t)(index & 0x07ffffff);
}

struct after {
	struct pool *pool;
	struct after_stream {
		uint64_t ended; /* requests before this one have */
		uint64_t well;  /* bit n: ended - 1 - n did so well */
	} stream[32];
	struct list held;
};

enum after_turn { AFTER_GO, AFTER_WAIT, AFTER_SKIP };

void after_init(struct after *, struct pool *);

/* Forgets what is held. */
void after_fini(struct after *);

/* What a request that names this has to do. if_well: and asks for more. */
enum after_turn after_turn(const struct after *, uint32_t name, bool if_well);

/* It waits; tag is its own. false: no memory. */
bool after_hold(struct after *, uint32_t name, bool if_well, uint64_t tag, void *request);

/* Request index of the endpoint has ended: after_next may have something. */
void after_ended(struct after *, uint8_t ep, uint64_t index, bool well);

/* One that waits no more, and is not held any more; NULL: there is none. */
void *after_next(struct after *, uint64_t *tag, enum after_turn *);

/* The one with this tag, which is not held any more; NULL: it is not. */
void *after_take(struct after *, uint64_t tag);

#endif
