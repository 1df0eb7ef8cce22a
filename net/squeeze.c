/* SPDX-License-Identifier: ISC */
/*
 * LZ4 blocks. Each stands alone: there is no dictionary, and no state between two.
 */
#include <lz4.h>

#include "net/squeeze.h"

/* shrink.h keeps lengths far below what an int holds. */
static uint32_t
compress(const uint8_t *p, uint32_t n, uint8_t *out, uint32_t cap)
{
	int left = LZ4_compress_default((const char *)p, (char *)out, (int)n, (int)cap);

	return left > 0 ? (uint32_t)left : 0;
}

static bool
expand(const uint8_t *p, uint32_t n, uint8_t *out, uint32_t len)
{
	return LZ4_decompress_safe((const char *)p, (char *)out, (int)n, (int)len) ==
	       (int)len;
}

const struct pack_codec squeeze_lz4 = {compress, expand};
