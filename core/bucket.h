/* SPDX-License-Identifier: ISC */
/*
 * A token bucket: so many at once, so many a second after that.
 */
#ifndef CORE_BUCKET_H
#define CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_conf {
	uint32_t burst, per_second;
};

struct bucket {
	uint64_t level; /* millionths */
	uint64_t last_us;
};

/* Full. */
void bucket_init(struct bucket *, const struct bucket_conf *, uint64_t now_us);

/* Takes n; false: they are not in it, and nothing was taken. */
bool
bucket_take(struct bucket *, const struct bucket_conf *, uint32_t n, uint64_t now_us);

#endif
