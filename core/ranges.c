/* SPDX-License-Identifier: ISC */
/*
 * Ranges in a small sorted array: found by halving, moved by memmove.
 */
#include "core/ranges.h"
#include "core/mem.h"

/* The first range that ends at x or later: the one x is in, or touches, or the next. */
static uint16_t
find(const struct ranges *s, uint64_t x)
{
	uint16_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint16_t mid = (uint16_t)((lo + hi) / 2);

		if (s->r[mid].to < x)
			lo = (uint16_t)(mid + 1);
		else
			hi = mid;
	}
	return lo;
}

/* Puts have ranges at i in the place of the ones that end before j. */
static void
resize(struct ranges *s, uint16_t i, uint16_t j, uint16_t have)
{
	memmove(&s->r[i + have], &s->r[j], (size_t)(s->n - j) * sizeof(s->r[0]));
	s->n = (uint16_t)(s->n - (j - i) + have);
}

void
ranges_init(struct ranges *s)
{
	s->n = 0;
}

int
ranges_add(struct ranges *s, uint64_t from, uint64_t to)
{
	uint16_t i = find(s, from), j = i;

	if (from >= to)
		return ERR_OK;
	while (j < s->n && s->r[j].from <= to)
		j++;
	if (i == j && s->n == RANGES_MAX)
		return ERR_FULL;
	if (i < j && s->r[i].from < from)
		from = s->r[i].from;
	if (i < j && s->r[j - 1].to > to)
		to = s->r[j - 1].to;
	resize(s, i, j, 1);
	s->r[i] = (struct range){from, to};
	return ERR_OK;
}

int
ranges_remove(struct ranges *s, uint64_t from, uint64_t to)
{
	uint16_t i = find(s, from), j, keep = 0;
	struct range left[2];

	if (from >= to)
		return ERR_OK;
	if (i < s->n && s->r[i].to == from)
		i++; /* touches, does not overlap */
	for (j = i; j < s->n && s->r[j].from < to; j++)
		;
	if (i == j)
		return ERR_OK;
	if (s->r[i].from < from)
		left[keep++] = (struct range){s->r[i].from, from};
	if (s->r[j - 1].to > to)
		left[keep++] = (struct range){to, s->r[j - 1].to};
	if (keep > j - i && s->n == RANGES_MAX)
		return ERR_FULL;
	resize(s, i, j, keep);
	memcpy(&s->r[i], left, keep * sizeof(left[0]));
	return ERR_OK;
}

const struct range *
ranges_first(const struct ranges *s)
{
	return s->n > 0 ? &s->r[0] : NULL;
}

const struct range *
ranges_after(const struct ranges *s, uint64_t x)
{
	uint16_t i = x < UINT64_MAX ? find(s, x + 1) : s->n;

	return i < s->n ? &s->r[i] : NULL;
}

bool
ranges_has(const struct ranges *s, uint64_t x)
{
	return x < UINT64_MAX && ranges_covers(s, x, x + 1);
}

bool
ranges_covers(const struct ranges *s, uint64_t from, uint64_t to)
{
	uint16_t i = find(s, to);

	return from >= to || (i < s->n && s->r[i].from <= from);
}
