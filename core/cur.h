/* SPDX-License-Identifier: ISC */
/*
 * Cursors over bytes with a sticky flag, so that codecs are straight lists.
 * Past the end a reader gives zeros and a writer writes nothing; `bad` is set.
 * Our wire is little-endian (le), USB/IP's big-endian (be).
 */
#ifndef CORE_CUR_H
#define CORE_CUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct rd {
	const uint8_t *p, *end;
	bool bad;
};

struct wr {
	uint8_t *p, *end;
	bool bad;
};

void rd_init(struct rd *, const void *, size_t n);
size_t rd_left(const struct rd *);
uint8_t rd_u8(struct rd *);
uint16_t rd_le16(struct rd *);
uint32_t rd_le32(struct rd *);
uint64_t rd_le64(struct rd *);
uint16_t rd_be16(struct rd *);
uint32_t rd_be32(struct rd *);

/* Copies n bytes; zeros if they are not there. */
void rd_bytes(struct rd *, void *dst, size_t n);

/* Lends n bytes of the input; NULL if they are not there. */
const uint8_t *rd_lend(struct rd *, size_t n);

/*
 * A u8 length and that many bytes into dst as a string. bad when it does not
 * fit in cap - 1 or holds a NUL.
 */
void rd_str8(struct rd *, char *dst, size_t cap);

/* ERR_PROTO: something was missing, or is left. */
int rd_end(const struct rd *) MUST_CHECK;

void wr_init(struct wr *, void *, size_t n);
size_t wr_left(const struct wr *);
void wr_u8(struct wr *, uint8_t);
void wr_le16(struct wr *, uint16_t);
void wr_le32(struct wr *, uint32_t);
void wr_le64(struct wr *, uint64_t);
void wr_be16(struct wr *, uint16_t);
void wr_be32(struct wr *, uint32_t);
void wr_bytes(struct wr *, const void *src, size_t n);

/* A string of at most 255 bytes behind its u8 length. */
void wr_str8(struct wr *, const char *);

#endif
