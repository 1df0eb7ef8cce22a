/* SPDX-License-Identifier: ISC */
/*
 * A window of a byte stream, addressed by 64-bit offset: [start, end) with
 * holes where nothing was written yet (who needs to know them keeps ranges).
 * The bytes are in blocks from a pool, found through a ring of pointers that
 * grows by powers of two. Empty, it owns no memory.
 */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#ifndef BYTES_BLOCK
#define BYTES_BLOCK 4096 /* bytes; a power of two */
#endif
#define BYTES_FEW 4 /* blocks before the ring has memory of its own */

struct pool;

struct bytes {
	struct pool *pool;
	uint64_t start, end; /* end: behind the last byte ever put */
	uint8_t **ring;      /* block k is in ring[k % slots], NULL: not there */
	size_t slots;
	uint8_t *few[BYTES_FEW]; /* the ring at first */
};

/* All of the window is at offset 0. Do not move the struct. */
void bytes_init(struct bytes *, struct pool *);
void bytes_fini(struct bytes *);

/*
 * Makes room for n bytes at off >= start, so that bytes_put cannot fail there.
 * ERR_NOMEM: some of the room may have been made, bytes_trim gives it back.
 */
int bytes_room(struct bytes *, uint64_t off, size_t n) MUST_CHECK;

/* Copies n bytes in at off, where bytes_room made room. */
void bytes_put(struct bytes *, uint64_t off, const void *, size_t n);

/* Copies n bytes out from off; they have been put and not dropped. */
void bytes_get(const struct bytes *, uint64_t off, void *, size_t n);

/* Forgets the bytes before start <= to <= end. */
void bytes_drop(struct bytes *, uint64_t to);

/* Gives room behind end back. */
void bytes_trim(struct bytes *);

#endif
