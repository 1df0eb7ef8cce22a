/* SPDX-License-Identifier: ISC */
/*
 * Descriptors of a device that has some of everything, for tests of desc, the
 * engines and their fuzzers.
 *
 *	config 1  interface 0 alt 0   81 bulk IN, 02 bulk OUT, 83 interrupt IN
 *	                      alt 1   81 interrupt IN, 04 bulk OUT
 *	          interface 2 alt 0   (none)
 *	                      alt 1   85 isochronous IN, 06 isochronous OUT
 *	config 2  interface 0 alt 0   81 interrupt IN
 */
#ifndef TEST_CORE_SAMPLE_H
#define TEST_CORE_SAMPLE_H

#include <stdint.h>

#define SAMPLE_CONFIG1 18  /* where it begins */
#define SAMPLE_CONFIG2 128 /* likewise */

/* clang-format off */
static const uint8_t sample[] = {
	18, 1, 0x10, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0, 1, 1, 2, 3, 2,

	9, 2, 110, 0, 2, 1, 0, 0x80, 50,
	9, 4, 0, 0, 3, 8, 6, 80, 0,
	5, 0x24, 0, 0x10, 1,			/* class-specific */
	7, 5, 0x81, 2, 0x00, 0x02, 0,
	6, 0x30, 15, 0, 0, 0,			/* SuperSpeed companion */
	7, 5, 0x02, 2, 0x00, 0x02, 0,
	7, 5, 0x83, 3, 8, 0, 10,
	9, 4, 0, 1, 2, 8, 6, 98, 0,
	7, 5, 0x81, 3, 0x40, 0x00, 4,
	7, 5, 0x04, 2, 0x00, 0x02, 0,
	9, 4, 2, 0, 0, 1, 2, 0, 0,
	9, 4, 2, 1, 2, 1, 2, 0, 0,
	7, 5, 0x85, 1, 0xc0, 0x00, 1,
	5, 0x25, 1, 0, 0,
	7, 5, 0x06, 1, 0xc0, 0x00, 1,

	/* an audio endpoint descriptor has 9 bytes */
	9, 2, 27, 0, 1, 2, 0, 0x80, 50,
	9, 4, 0, 0, 1, 3, 0, 0, 0,
	9, 5, 0x81, 3, 8, 0, 10, 0, 0,
};

/* And what a cache (core/desc_cache) of it may hold. */
static const uint8_t sample_cache[] = {
	3, 0, 0, 0, 4, 0,		4, 3, 0x09, 0x04,
	3, 1, 0x09, 0x04, 6, 0,		6, 3, 'H', 0, 'i', 0,
	15, 0, 0, 0, 12, 0,		5, 15, 12, 0, 1, 7, 16, 2, 6, 0, 0, 0,
};
/* clang-format on */

#endif
