/* SPDX-License-Identifier: ISC */
#include "core/keyuse.h"

void
keyuse_init(struct keyuse *k, uint64_t worn)
{
	k->out = k->in = 0;
	k->worn = worn > 0 ? worn : KEYUSE_WORN;
	k->over = k->worn + KEYUSE_MORE;
}

static unsigned
counts(size_t n)
{
	return n > KEYUSE_LONG ? KEYUSE_MANY : 1;
}

void
keyuse_sent(struct keyuse *k, size_t n)
{
	k->out += counts(n);
}

void
keyuse_got(struct keyuse *k, size_t n)
{
	k->in += counts(n);
}

static uint64_t
most(const struct keyuse *k)
{
	return k->out > k->in ? k->out : k->in;
}

bool
keyuse_worn(const struct keyuse *k)
{
	return most(k) >= k->worn;
}

bool
keyuse_over(const struct keyuse *k)
{
	return most(k) >= k->over;
}
