/* SPDX-License-Identifier: ISC */
/*
 * Cursors: every integer is assembled byte by byte, no struct is ever cast.
 */
#include "core/cur.h"
#include "core/mem.h"

void
rd_init(struct rd *r, const void *p, size_t n)
{
	r->p = p;
	r->end = n > 0 ? r->p + n : r->p; /* NULL + 0 is undefined */
	r->bad = false;
}

size_t
rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

int
rd_end(const struct rd *r)
{
	return r->bad || rd_left(r) > 0 ? ERR_PROTO : ERR_OK;
}

const uint8_t *
rd_lend(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || rd_left(r) < n) {
		r->bad = true;
		return NULL;
	}
	if (n > 0)
		r->p += n;
	return p;
}

void
rd_bytes(struct rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_lend(r, n);

	if (n == 0)
		return;
	if (p != NULL)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

static uint64_t
get_le(struct rd *r, unsigned n)
{
	const uint8_t *p = rd_lend(r, n);
	uint64_t v = 0;

	while (p != NULL && n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static uint32_t
get_be(struct rd *r, unsigned n)
{
	const uint8_t *p = rd_lend(r, n);
	uint32_t v = 0;

	for (unsigned i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t
rd_u8(struct rd *r)
{
	return (uint8_t)get_le(r, 1);
}

uint16_t
rd_le16(struct rd *r)
{
	return (uint16_t)get_le(r, 2);
}

uint32_t
rd_le32(struct rd *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t
rd_le64(struct rd *r)
{
	return get_le(r, 8);
}

uint16_t
rd_be16(struct rd *r)
{
	return (uint16_t)get_be(r, 2);
}

uint32_t
rd_be32(struct rd *r)
{
	return get_be(r, 4);
}

void
rd_str8(struct rd *r, char *dst, size_t cap)
{
	size_t n = rd_u8(r);
	const uint8_t *p = rd_lend(r, n);

	dst[0] = '\0';
	if (p == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\0')
			r->bad = true;
	if (n >= cap)
		r->bad = true;
	if (r->bad)
		return;
	memcpy(dst, p, n);
	dst[n] = '\0';
}

void
wr_init(struct wr *w, void *p, size_t n)
{
	w->p = p;
	w->end = n > 0 ? w->p + n : w->p;
	w->bad = false;
}

size_t
wr_left(const struct wr *w)
{
	return (size_t)(w->end - w->p);
}

static uint8_t *
take(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || wr_left(w) < n) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

void
wr_bytes(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = take(w, n);

	if (p != NULL && n > 0)
		memcpy(p, src, n);
}

static void
put_le(struct wr *w, uint64_t v, unsigned n)
{
	uint8_t *p = take(w, n);

	for (unsigned i = 0; p != NULL && i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void
put_be(struct wr *w, uint32_t v, unsigned n)
{
	uint8_t *p = take(w, n);

	for (unsigned i = 0; p != NULL && i < n; i++)
		p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

void
wr_u8(struct wr *w, uint8_t v)
{
	put_le(w, v, 1);
}

void
wr_le16(struct wr *w, uint16_t v)
{
	put_le(w, v, 2);
}

void
wr_le32(struct wr *w, uint32_t v)
{
	put_le(w, v, 4);
}

void
wr_le64(struct wr *w, uint64_t v)
{
	put_le(w, v, 8);
}

void
wr_be16(struct wr *w, uint16_t v)
{
	put_be(w, v, 2);
}

void
wr_be32(struct wr *w, uint32_t v)
{
	put_be(w, v, 4);
}

void
wr_str8(struct wr *w, const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	if (n > 255) {
		w->bad = true;
		return;
	}
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, s, n);
}
