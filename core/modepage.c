/* SPDX-License-Identifier: ISC */
/*
 * MODE SENSE(6) and (10) differ in their header; the pages behind it are the same.
 */
#include "core/modepage.h"
#include "core/mem.h"

#define SENSE_6     0x1a
#define SENSE_10    0x5a
#define CACHING     0x08
#define ALL         0x3f
#define CACHING_LEN 18 /* bytes behind the first two */
#define WCE         0x04
#define PROTECTED   0x80

bool
modepage_asked(const uint8_t cdb[16], struct modepage *m, uint32_t *alloc)
{
	uint8_t page = cdb[2] & 0x3f;

	memset(m, 0, sizeof(*m));
	m->ten = cdb[0] == SENSE_10;
	m->changeable = cdb[2] >> 6 == 1;
	*alloc = m->ten ? (uint32_t)cdb[7] << 8 | cdb[8] : cdb[4];
	return (m->ten || cdb[0] == SENSE_6) && (page == CACHING || page == ALL) &&
	       (cdb[3] == 0 || (page == ALL && cdb[3] == 0xff)) && *alloc > 0;
}

static uint32_t
header(const struct modepage *m)
{
	return m->ten ? 8 : 4;
}

/* Bytes of all, as the answer itself says. */
static uint32_t
declared(const struct modepage *m, const uint8_t *p)
{
	return m->ten ? ((uint32_t)p[0] << 8 | p[1]) + 2 : p[0] + 1u;
}

static void
declare(const struct modepage *m, uint8_t *p, uint32_t n)
{
	if (m->ten) {
		p[0] = (uint8_t)((n - 2) >> 8);
		p[1] = (uint8_t)(n - 2);
	} else {
		p[0] = (uint8_t)(n - 1);
	}
}

/* Bytes of the page at p, of which there are n; 0: it is cut off. */
static uint32_t
page_len(const uint8_t *p, uint32_t n)
{
	bool sub = n >= 4 && (p[0] & 0x40) != 0;
	uint32_t len = n < 2 ? 0 : sub ? 4 + ((uint32_t)p[2] << 8 | p[3]) : 2u + p[1];

	return len <= n ? len : 0;
}

/*
 * Where the page is, or belongs: pages come by their numbers, but for the vendor's, which
 * is the last and looks like anything. *found: it is there.
 */
static uint32_t
place(const uint8_t *p, uint32_t at, uint32_t n, bool *found)
{
	uint32_t len;

	*found = false;
	while (at < n && (p[at] & 0x3f) != 0 && (p[at] & 0x3f) < CACHING &&
	       (len = page_len(p + at, n - at)) > 0)
		at += len;
	*found = n - at >= 3 && (p[at] & 0x7f) == CACHING;
	return at;
}

static void
put_page(const struct modepage *m, uint8_t *p)
{
	memset(p, 0, 2 + CACHING_LEN);
	p[0] = CACHING;
	p[1] = CACHING_LEN;
	p[2] = m->changeable || (m->specific & PROTECTED) != 0 ? 0 : WCE;
}

uint32_t
modepage_cached(struct modepage *m, uint8_t *p, uint32_t n)
{
	uint32_t h = header(m), most = m->ten ? 65535 : 256, at, all, descs;
	bool found;

	m->ends = 0;
	if (n < h)
		return n;
	m->specific = p[m->ten ? 3 : 2];
	descs = m->ten ? (uint32_t)p[6] << 8 | p[7] : p[3];
	all = declared(m, p);
	if (m->whole && n < all)
		all = n;
	if (all < h || descs > all - h || h + descs > n || (m->specific & PROTECTED) != 0)
		return n;
	at = place(p, h + descs, n < all ? n : all, &found);
	if (found && !m->changeable)
		p[at + 2] |= WCE;
	else if (found)
		p[at + 2] &= (uint8_t)~WCE;
	if (!found && (n < all || all + MODEPAGE_MORE > most))
		return n; /* more than is here: it may be among that */
	if (!found) {
		n = all;
		memmove(p + at + MODEPAGE_MORE, p + at, n - at);
		put_page(m, p + at);
		n += MODEPAGE_MORE;
		declare(m, p, n);
	}
	m->ends = m->changeable ? 0 : at + 3;
	return n;
}

uint32_t
modepage_make(struct modepage *m, uint8_t *p)
{
	uint32_t h = header(m);

	memset(p, 0, h);
	p[m->ten ? 3 : 2] = m->specific;
	put_page(m, p + h);
	declare(m, p, h + MODEPAGE_MORE);
	m->ends = m->changeable || (m->specific & PROTECTED) != 0 ? 0 : h + 3;
	return h + MODEPAGE_MORE;
}
