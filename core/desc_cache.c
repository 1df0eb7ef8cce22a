/* SPDX-License-Identifier: ISC */
/*
 * Records one behind another, looked through from the first: there are few.
 */
#include "core/desc_cache.h"
#include "core/cur.h"
#include "core/mem.h"

/* USB 2.0 table 9-5, USB 3.2 table 9-6 */
enum { TYPE_DEVICE = 1, TYPE_CONFIG = 2, TYPE_STRING = 3, TYPE_BOS = 15 };
enum { TYPE_CAPABILITY = 16 };
enum { DEVICE_LEN = 18, BOS_LEN = 5, CAPABILITY_LEN = 3 };

#define GET_DESCRIPTOR 6

struct record {
	struct desc_name name;
	const uint8_t *p;
	size_t n;
};

static unsigned
le16(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

/* USB 3.2 9.6.2: a head with the length of all, and capabilities. */
static bool
is_bos(const struct record *r)
{
	const uint8_t *p = r->p;
	unsigned caps = 0;
	size_t i = BOS_LEN;

	if (r->n < BOS_LEN || p[0] != BOS_LEN || p[1] != TYPE_BOS ||
	    le16(p + 2) != r->n || r->name.index != 0 || r->name.language != 0)
		return false;
	for (; r->n - i >= CAPABILITY_LEN; i += p[i], caps++)
		if (p[i] < CAPABILITY_LEN || p[i] > r->n - i ||
		    p[i + 1] != TYPE_CAPABILITY)
			return false;
	return i == r->n && caps == p[4];
}

/* The table of languages is string 0 of no language. */
static bool
is_string(const struct record *r)
{
	return r->n >= 2 && r->p[0] == r->n && r->p[1] == TYPE_STRING &&
	       (r->name.index != 0 || (r->name.language == 0 && r->n >= 4));
}

static bool
is_sound(const struct record *r)
{
	if (r->n > DESC_CACHE_ONE)
		return false;
	return r->name.type == TYPE_STRING ? is_string(r)
					   : r->name.type == TYPE_BOS && is_bos(r);
}

/* False at the end, or where the rest is not a record (then rd->bad is set). */
static bool
next(struct rd *rd, struct record *r)
{
	if (rd_left(rd) == 0)
		return false;
	r->name.type = rd_u8(rd);
	r->name.index = rd_u8(rd);
	r->name.language = rd_le16(rd);
	r->n = rd_le16(rd);
	r->p = rd_lend(rd, r->n);
	return !rd->bad;
}

static bool
is_same(const struct desc_name *a, const struct desc_name *b)
{
	return a->type == b->type && a->index == b->index && a->language == b->language;
}

/* Among the first n bytes; the number of records that were looked at. */
static bool
find(const uint8_t *blob, size_t n, const struct desc_name *name, struct record *r,
     unsigned *records)
{
	struct rd rd;

	rd_init(&rd, blob, n);
	for (*records = 0; next(&rd, r); ++*records)
		if (is_same(&r->name, name))
			return true;
	return false;
}

int
desc_cache_check(const uint8_t *blob, size_t n)
{
	struct record r, twin;
	unsigned before;
	struct rd rd;

	if (n > DEVINFO_CACHE)
		return ERR_TOOBIG;
	rd_init(&rd, blob, n);
	while (next(&rd, &r)) {
		size_t at = (size_t)(r.p - blob) - DESC_CACHE_HEAD;

		if (!is_sound(&r) || find(blob, at, &r.name, &twin, &before))
			return ERR_PROTO;
		if (before == DESC_CACHE_RECORDS)
			return ERR_TOOBIG;
	}
	return rd.bad ? ERR_PROTO : ERR_OK;
}

int
desc_cache_add(uint8_t *blob, size_t *used, const struct desc_name *name,
	       const uint8_t *p, size_t n)
{
	struct record r = {*name, p, n}, twin;
	unsigned before;
	struct wr w;

	if (!is_sound(&r) || find(blob, *used, name, &twin, &before))
		return ERR_PROTO;
	if (before == DESC_CACHE_RECORDS || n + DESC_CACHE_HEAD > DEVINFO_CACHE - *used)
		return ERR_FULL;
	wr_init(&w, blob + *used, n + DESC_CACHE_HEAD);
	wr_u8(&w, name->type);
	wr_u8(&w, name->index);
	wr_le16(&w, name->language);
	wr_le16(&w, (uint16_t)n);
	wr_bytes(&w, p, n);
	*used += n + DESC_CACHE_HEAD;
	return ERR_OK;
}

static enum desc_known
configuration(const struct desc_cache *c, unsigned index, const uint8_t **p, size_t *n)
{
	size_t i = DEVICE_LEN;

	for (; i < c->raw_len && index > 0; index--)
		i += le16(c->raw + i + 2);
	if (i >= c->raw_len)
		return DESC_ABSENT;
	*p = c->raw + i;
	*n = le16(*p + 2);
	return DESC_KNOWN;
}

static enum desc_known
look_up(const struct desc_cache *c, const struct desc_name *name, const uint8_t **p,
	size_t *n)
{
	unsigned records;
	struct record r;

	if (name->type == TYPE_CONFIG && name->language == 0)
		return configuration(c, name->index, p, n);
	if (name->type == TYPE_DEVICE && name->index == 0 && name->language == 0) {
		*p = c->raw;
		*n = DEVICE_LEN;
		return DESC_KNOWN;
	}
	if (!find(c->blob, c->blob_len, name, &r, &records))
		return DESC_UNKNOWN;
	*p = r.p;
	*n = r.n;
	return DESC_KNOWN;
}

enum desc_known
desc_cache_find(const struct desc_cache *c, const uint8_t setup[8], const uint8_t **p,
		size_t *n)
{
	const struct desc_name name = {
	    .type = setup[3], .index = setup[2], .language = (uint16_t)le16(setup + 4)};
	enum desc_known known = DESC_UNKNOWN;

	if (setup[0] == 0x80 && setup[1] == GET_DESCRIPTOR)
		known = look_up(c, &name, p, n);
	if (known == DESC_KNOWN && *n > le16(setup + 6))
		*n = le16(setup + 6);
	return known;
}
