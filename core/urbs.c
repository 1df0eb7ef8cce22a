/* SPDX-License-Identifier: ISC */
/*
 * Hash table of urbs. The engines bound how many there are, so a peer that
 * chooses keys of one bucket wins a short walk and nothing more.
 */
#include "core/urbs.h"
#include "core/mem.h"

static unsigned
bucket_of(uint64_t key)
{
	/* tags differ by multiples of powers of two: mix all bits (murmur3's end) */
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdu;
	key ^= key >> 33;
	return (unsigned)key % URBS_BUCKETS;
}

void
urbs_init(struct urbs *t)
{
	memset(t, 0, sizeof(*t));
}

struct urbs_node *
urbs_find(const struct urbs *t, uint64_t key)
{
	struct urbs_node *n = t->bucket[bucket_of(key)];

	while (n != NULL && n->key != key)
		n = n->next;
	return n;
}

void
urbs_add(struct urbs *t, struct urbs_node *n, uint64_t key)
{
	struct urbs_node **b = &t->bucket[bucket_of(key)];

	ASSERT(urbs_find(t, key) == NULL);
	n->key = key;
	n->next = *b;
	*b = n;
	t->count++;
}

void
urbs_del(struct urbs *t, struct urbs_node *n)
{
	struct urbs_node **p = &t->bucket[bucket_of(n->key)];

	while (*p != NULL && *p != n)
		p = &(*p)->next;
	ASSERT(*p == n);
	*p = n->next;
	n->next = NULL;
	t->count--;
}
