/* SPDX-License-Identifier: ISC */
/*
 * The answer of a disk to MODE SENSE with a caching page that says that there is a
 * volatile write cache (SPC-4 6.11, SBC-3 6.4.5): the disk's own page with the bit set,
 * or one that is put where it belongs. Whether FUA is heeded (DPOFUA) stays as the disk
 * says.
 */
#ifndef CORE_MODEPAGE_H
#define CORE_MODEPAGE_H

#include <stdbool.h>
#include <stdint.h>

#define MODEPAGE_MORE   20u /* bytes that are added, at most; and */
#define MODEPAGE_HEADER 8u  /* of an answer that is made up */

struct modepage {
	bool ten;         /* MODE SENSE(10) */
	bool whole;       /* in: the disk has given all that it has */
	bool changeable;  /* which bits may be changed is asked: this one not */
	uint8_t specific; /* out: the byte for each kind of device; in: of one made up */
	uint32_t ends;    /* out: bytes until the bit is through; 0: it is not there */
};

/*
 * Of the command: page 8, or all of them, which a caching page belongs to; *alloc: bytes
 * that are asked for.
 */
bool modepage_asked(const uint8_t cdb[16], struct modepage *, uint32_t *alloc);

/*
 * The answer, n bytes with room for MODEPAGE_MORE: how many it is now. One that makes no
 * sense, or of a disk that is write-protected, stays as it is.
 */
uint32_t modepage_cached(struct modepage *, uint8_t *, uint32_t n);

/* One of a disk that knows none; room: MODEPAGE_HEADER + MODEPAGE_MORE. */
uint32_t modepage_make(struct modepage *, uint8_t *);

#endif
