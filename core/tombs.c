/* SPDX-License-Identifier: ISC */
/*
 * Unlinked tags that have not come yet.
 */
#include "core/tombs.h"

static void
forget_oldest(struct tombs *t)
{
	t->oldest = (t->oldest + 1) % TOMBS_MAX;
	t->count--;
}

bool
tombs_take(struct tombs *t, uint64_t tag)
{
	for (unsigned i = 0; i < t->count; i++) {
		uint64_t *at = &t->tag[(t->oldest + i) % TOMBS_MAX];

		if (*at != tag)
			continue;
		*at = t->tag[t->oldest];
		forget_oldest(t);
		return true;
	}
	return false;
}

void
tombs_add(struct tombs *t, uint64_t tag)
{
	(void)tombs_take(t, tag);
	if (t->count == TOMBS_MAX)
		forget_oldest(t);
	t->tag[(t->oldest + t->count++) % TOMBS_MAX] = tag;
}
