/* SPDX-License-Identifier: ISC */
/*
 * Urbs found by a 64-bit key: a hash table whose nodes are members of what they
 * find. It allocates nothing, so it cannot fail.
 */
#ifndef CORE_URBS_H
#define CORE_URBS_H

#include <stdint.h>

#ifndef URBS_BUCKETS
#define URBS_BUCKETS 256 /* a power of two, at most 65536 */
#endif

struct urbs_node {
	struct urbs_node *next; /* in its bucket */
	uint64_t key;
};

struct urbs {
	struct urbs_node *bucket[URBS_BUCKETS];
	uint32_t count;
};

void urbs_init(struct urbs *);

/* NULL: not there. */
struct urbs_node *urbs_find(const struct urbs *, uint64_t key);

/* The key must not be there yet. */
void urbs_add(struct urbs *, struct urbs_node *, uint64_t key);
void urbs_del(struct urbs *, struct urbs_node *);

#endif
