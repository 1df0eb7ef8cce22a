/* SPDX-License-Identifier: ISC */
/*
 * What GET_DESCRIPTOR (USB 2.0 9.4.3, device as recipient) gives without asking
 * the device: device and configurations from usb_dev.raw, strings, the table of
 * languages and the BOS from a blob that came with it. The blob is a list of
 *
 *	u8 type, u8 index, le16 language, le16 length, bytes
 *
 * of types 3 (string) and 15 (BOS), none twice, each as the device would send it.
 * Nothing here changes, and nothing is kept.
 */
#ifndef CORE_DESC_CACHE_H
#define CORE_DESC_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "core/err.h"

#define DESC_CACHE_RECORDS 64
#define DESC_CACHE_HEAD    6    /* bytes before those of a descriptor */
#define DESC_CACHE_ONE     4096 /* longest descriptor: usbfs gives no more */

/* Borrowed; raw was read by desc_parse, the blob by desc_cache_check. */
struct desc_cache {
	const uint8_t *raw, *blob;
	size_t raw_len, blob_len;
};

/* A descriptor's name, as in the setup packet. */
struct desc_name {
	uint8_t type, index;
	uint16_t language;
};

/*
 * ERR_PROTO: not well-formed to its last byte, a descriptor that contradicts
 * itself, or one twice. ERR_TOOBIG: longer than DEVINFO_CACHE, or more records.
 */
int desc_cache_check(const uint8_t *blob, size_t n) MUST_CHECK;

/*
 * Appends a descriptor of n bytes to a blob of *used of DEVINFO_CACHE bytes.
 * ERR_PROTO: no blob may have it. ERR_FULL: no room. Then nothing has changed.
 */
int desc_cache_add(uint8_t *blob, size_t *used, const struct desc_name *, const uint8_t *,
		   size_t n) MUST_CHECK;

enum desc_known {
	DESC_UNKNOWN, /* or no GET_DESCRIPTOR at all: only the device can say */
	DESC_KNOWN,
	DESC_ABSENT, /* a configuration that nobody could read: a stall */
};

/* KNOWN lends the descriptor, *n is cut to wLength. */
enum desc_known desc_cache_find(const struct desc_cache *, const uint8_t setup[8],
				const uint8_t **p, size_t *n);

#endif
