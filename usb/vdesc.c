/* SPDX-License-Identifier: ISC */
/* Descriptors by request, strings from UTF-8 to the bus's UTF-16. */
#include "usb/vdesc.h"

#include "core/cur.h"
#include "core/desc_cache.h"
#include "core/mem.h"

#define DT_DEVICE    1
#define DT_CONFIG    2
#define DT_STRING    3
#define DT_QUALIFIER 6
#define DEVICE_LEN   18
#define LANGUAGE     0x0409 /* English (United States), as everybody's */

struct vdesc_setup
vdesc_setup(const uint8_t setup[8])
{
	struct vdesc_setup s;
	struct rd r;

	rd_init(&r, setup, 8);
	s.type = rd_u8(&r);
	s.request = rd_u8(&r);
	s.value = rd_le16(&r);
	s.index = rd_le16(&r);
	s.length = rd_le16(&r);
	return s;
}

static void
get_device(const struct vdesc *d, unsigned index, struct wr *w)
{
	if (index == 0)
		wr_bytes(w, d->raw, DEVICE_LEN);
}

/* Of the other speed there are 0 configurations. */
static void
get_qualifier(const struct vdesc *d, unsigned index, struct wr *w)
{
	if (index != 0)
		return;
	wr_u8(w, 10);
	wr_u8(w, DT_QUALIFIER);
	wr_bytes(w, d->raw + 2, 6); /* bcdUSB to bMaxPacketSize0 */
	wr_u8(w, 0);
	wr_u8(w, 0);
}

static void
get_config(const struct vdesc *d, unsigned index, struct wr *w)
{
	const uint8_t *p = d->raw + DEVICE_LEN;
	size_t left = d->raw_len - DEVICE_LEN, n;

	for (; left >= 4; p += n, left -= n, index--) {
		n = p[2] | (size_t)p[3] << 8;
		if (n < 4 || n > left)
			return;
		if (index == 0) {
			wr_bytes(w, p, n);
			return;
		}
	}
}

/* The next character of clean UTF-8 */
static uint32_t
next_char(const char **s)
{
	const uint8_t *p = (const uint8_t *)*s;
	unsigned more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
	uint32_t c = more == 0 ? p[0] : p[0] & (0x3fu >> more);

	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			more = i - 1;
			c = '?';
			break;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*s += 1 + more;
	return c;
}

static void
put_utf16(struct wr *w, const char *s)
{
	while (*s != '\0') {
		uint32_t c = next_char(&s);

		if (wr_left(w) < 4)
			return; /* as much as fits whole */
		if (c < 0x10000) {
			wr_le16(w, (uint16_t)c);
		} else {
			wr_le16(w, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
			wr_le16(w, (uint16_t)(0xdc00 + (c & 0x3ff)));
		}
	}
}

static void
get_string(const struct vdesc *d, unsigned index, struct wr *w)
{
	struct wr body;

	if (index > d->nstrings)
		return;
	wr_init(&body, w->p + 2, 252);
	if (index == 0)
		wr_le16(&body, LANGUAGE);
	else
		put_utf16(&body, d->strings[index - 1]);
	wr_u8(w, (uint8_t)(body.p - w->p));
	wr_u8(w, DT_STRING);
	w->p = body.p;
}

static const struct kind {
	uint8_t type;
	void (*get)(const struct vdesc *, unsigned index, struct wr *);
} kinds[] = {
    {DT_DEVICE, get_device},
    {DT_CONFIG, get_config},
    {DT_STRING, get_string},
    {DT_QUALIFIER, get_qualifier},
};

size_t
vdesc_get(const struct vdesc *d, const struct vdesc_setup *s, uint8_t out[VDESC_MAX])
{
	struct wr w;

	wr_init(&w, out, VDESC_MAX);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].type == s->value >> 8)
			kinds[i].get(d, s->value & 0xff, &w);
	return w.bad ? 0 : (size_t)(w.p - out);
}

size_t
vdesc_cache(const struct vdesc *d, uint8_t *blob)
{
	uint8_t one[VDESC_MAX];
	size_t used = 0;

	for (size_t i = 0; i <= d->nstrings; i++) {
		const struct vdesc_setup s = {.value = (uint16_t)(DT_STRING << 8 | i)};
		const struct desc_name name = {DT_STRING, (uint8_t)i,
					       i == 0 ? 0 : LANGUAGE};

		(void)!desc_cache_add(blob, &used, &name, one, vdesc_get(d, &s, one));
	}
	return used;
}
