/* SPDX-License-Identifier: ISC */
/*
 * How far the streams of a session have come in: what RESUME and RESUMED tell. Not
 * every stream need be told: of one that is not, more is sent again.
 */
#ifndef CORE_MARKS_H
#define CORE_MARKS_H

#include <stdint.h>

#include "core/cur.h"
#include "core/err.h"

#define MARKS 64 /* a packet holds them, and RESUME's other fields */

struct mark {
	uint32_t sid;
	uint64_t off; /* every byte before it has come */
};

struct marks {
	unsigned n;
	struct mark mark[MARKS];
};

/* At most MARKS; one more is left out. */
void marks_add(struct marks *, uint32_t sid, uint64_t off);

void marks_put(struct wr *, const struct marks *);
int marks_get(struct rd *, struct marks *) MUST_CHECK;

#endif
