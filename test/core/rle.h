/* SPDX-License-Identifier: ISC */
/*
 * A codec for tests of core/pack that link no library: runs of equal bytes as u8 length
 * and the byte. What has no runs does not shrink.
 */
#ifndef TEST_CORE_RLE_H
#define TEST_CORE_RLE_H

#include "core/mem.h"
#include "core/pack.h"

static uint32_t
rle_compress(const uint8_t *p, uint32_t n, uint8_t *out, uint32_t cap)
{
	uint32_t at = 0, run;

	for (uint32_t i = 0; i < n; i += run) {
		for (run = 1; run < 255 && i + run < n && p[i + run] == p[i];)
			run++;
		if (cap - at < 2)
			return 0;
		out[at++] = (uint8_t)run;
		out[at++] = p[i];
	}
	return at;
}

static bool
rle_expand(const uint8_t *p, uint32_t n, uint8_t *out, uint32_t len)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i + 1 < n; i += 2) {
		if (p[i] == 0 || p[i] > len - at)
			return false;
		memset(out + at, p[i + 1], p[i]);
		at += p[i];
	}
	return n % 2 == 0 && at == len;
}

static const struct pack_codec rle = {rle_compress, rle_expand};

#endif
