/* SPDX-License-Identifier: ISC */
/*
 * What a kernel asks while it enumerates a device, as far as the import engine can
 * answer by itself; and what it tells by asking: that it has reset the port. vhci
 * never sends a reset, but a kernel reads the device descriptor anew after one,
 * in a way it never does otherwise (USBIP.md 1.4).
 */
#ifndef CORE_ENUMERATE_H
#define CORE_ENUMERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct import_conf;
struct import_request;
struct pool;

struct enumerate {
	struct pool *pool;
	uint8_t *raw;   /* as the kernel sees them; raw_room bytes */
	uint8_t *cache; /* cache_len bytes */
	size_t raw_len, raw_room, cache_len;
	uint8_t speed;
	bool configured; /* the kernel has chosen a configuration, and not reset since */
};

/*
 * Copies and checks conf's descriptors. At SuperSpeed UAS needs streams, which
 * vhci does not have: its settings are taken out. Fini also after an error.
 */
int
enumerate_init(struct enumerate *, struct pool *, const struct import_conf *) MUST_CHECK;
void enumerate_fini(struct enumerate *);

/* The port reset that is sent to the far end, as usbip-win2 does. */
extern const struct import_request enumerate_reset;

/*
 * True: the kernel has reset the port, and enumerate_reset is to be sent now; the
 * request, which enumerate_answer knows, waits for its end.
 */
bool enumerate_resets(const struct enumerate *, const struct import_request *);

/*
 * True: the answer is known. room gets at most the request's len bytes; *status
 * is 0 or -LINUX_E...
 */
bool enumerate_answer(const struct enumerate *, const struct import_request *,
		      uint8_t *room, int32_t *status, uint32_t *actual);

/* Whether it does. */
bool enumerate_knows(const struct enumerate *, const struct import_request *);

/* A control request has succeeded. */
void enumerate_done(struct enumerate *, const uint8_t setup[8]);

#endif
