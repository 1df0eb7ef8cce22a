/* SPDX-License-Identifier: ISC */
/*
 * How often the keys of a link were used. AES-GCM is safe for so many records under one
 * key and no more (RFC 9147 4.5.3); a link whose keys are worn makes room for another in
 * good time, and one that nobody relieves stops before it is too late. Long records
 * count for several, because it is the blocks that count.
 */
#ifndef CORE_KEYUSE_H
#define CORE_KEYUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYUSE_WORN (1u << 27) /* packets of one direction */
#define KEYUSE_MORE (1u << 27) /* and so many later it is over */
#define KEYUSE_LONG 2048       /* bytes; longer packets count as */
#define KEYUSE_MANY 8          /* so many */

struct keyuse {
	uint64_t out, in; /* packets; the keys of the directions differ */
	uint64_t worn, over;
};

/* worn: packets; 0: KEYUSE_WORN. */
void keyuse_init(struct keyuse *, uint64_t worn);

/* A packet of n bytes has left, or come. */
void keyuse_sent(struct keyuse *, size_t n);
void keyuse_got(struct keyuse *, size_t n);

/* Another link ought to take over. */
bool keyuse_worn(const struct keyuse *);

/* Nothing may be sent any more, but the word that this is the end. */
bool keyuse_over(const struct keyuse *);

#endif
