/* SPDX-License-Identifier: ISC */
/*
 * Token buckets. They know no clock and not what is counted.
 */
#include "core/bucket.h"

#define ONE 1000000u /* in the bucket */

void
bucket_init(struct bucket *b, const struct bucket_conf *c, uint64_t now_us)
{
	b->level = (uint64_t)c->burst * ONE;
	b->last_us = now_us;
}

static void
fill(struct bucket *b, const struct bucket_conf *c, uint64_t now_us)
{
	const uint64_t max = (uint64_t)c->burst * ONE;
	uint64_t gone_us = now_us > b->last_us ? now_us - b->last_us : 0;

	if (gone_us > max) /* at one a second that fills it, and nothing overflows */
		gone_us = max;
	b->last_us = now_us;
	b->level += gone_us * c->per_second;
	if (b->level > max)
		b->level = max;
}

bool
bucket_take(struct bucket *b, const struct bucket_conf *c, uint32_t n, uint64_t now_us)
{
	fill(b, c, now_us);
	if (b->level < (uint64_t)n * ONE)
		return false;
	b->level -= (uint64_t)n * ONE;
	return true;
}
