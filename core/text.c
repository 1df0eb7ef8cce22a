/* SPDX-License-Identifier: ISC */
/*
 * Strings without printf, for core/ and everyone above it.
 */
#include "core/text.h"
#include "core/mem.h"

void
text_init(struct text *t, char *buf, size_t cap)
{
	ASSERT(cap > 0);
	t->buf = buf;
	t->cap = cap;
	t->len = 0;
	t->full = false;
	buf[0] = '\0';
}

void
text_mem(struct text *t, const char *s, size_t n)
{
	size_t room = t->cap - 1 - t->len;

	if (n > room) {
		t->full = true;
		n = room;
	}
	memcpy(t->buf + t->len, s, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

void
text_str(struct text *t, const char *s)
{
	text_mem(t, s, text_len(s));
}

void
text_char(struct text *t, char c)
{
	text_mem(t, &c, 1);
}

static void
number(struct text *t, uint64_t v, unsigned base, unsigned digits)
{
	char b[20];
	unsigned n = 0;

	do {
		b[sizeof(b) - ++n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0 || (n < digits && n < sizeof(b)));
	text_mem(t, b + sizeof(b) - n, n);
}

void
text_u64(struct text *t, uint64_t v)
{
	number(t, v, 10, 1);
}

void
text_i64(struct text *t, int64_t v)
{
	if (v < 0)
		text_char(t, '-');
	number(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, 1);
}

void
text_hex(struct text *t, uint64_t v, unsigned digits)
{
	number(t, v, 16, digits);
}

void
text_bytes(struct text *t, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_hex(t, p[i], 2);
}

size_t
text_len(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

bool
text_equal(const char *a, const char *b)
{
	size_t n = text_len(a);

	return n == text_len(b) && memcmp(a, b, n) == 0;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
text_has(const char *hay, const char *needle)
{
	size_t n = text_len(needle), i;

	for (size_t left = text_len(hay); left >= n; left--, hay++) {
		for (i = 0; i < n && lower(hay[i]) == lower(needle[i]); i++)
			;
		if (i == n)
			return true;
	}
	return false;
}

bool
text_copy(char *dst, size_t cap, const char *src)
{
	struct text t;

	text_init(&t, dst, cap);
	text_str(&t, src);
	return !t.full;
}

/*
 * What is not seen, or changes how other text is seen: line separators, marks that turn
 * the direction of text, spaces of no width, tags, what is no character at all.
 */
static bool
is_trick(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} tricks[] = {
	    {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200b},   {0x200e, 0x200f},
	    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},   {0xfff9, 0xfffb},
	    {0xfffe, 0xffff}, {0xfdd0, 0xfdef}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++)
		if (c >= tricks[i].from && c <= tricks[i].to)
			return true;
	return false;
}

/* Bytes of the well-formed UTF-8 character at s that is no control; else 0. */
static unsigned
printable(const unsigned char *s)
{
	uint32_t c;
	unsigned n;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	if (c < 0xa0 || (c >= 0xd800 && c <= 0xdfff)) /* C1 controls, surrogates */
		return 0;
	return is_trick(c) ? 0 : n;
}

void
text_clean(char *str)
{
	unsigned char *s = (unsigned char *)str;

	while (*s != '\0') {
		unsigned n = printable(s);

		if (n == 0)
			*s = '?';
		s += n == 0 ? 1 : n;
	}
}

static void
put_utf8(struct text *t, uint32_t c)
{
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};

	text_char(t, (char)(first[more] | c >> (6 * more)));
	while (more-- > 0)
		text_char(t, (char)(0x80 | (c >> (6 * more) & 0x3f)));
}

void
text_utf16(char *dst, size_t cap, const uint8_t *src, size_t n)
{
	struct text t;

	text_init(&t, dst, cap);
	for (size_t i = 0; i + 1 < n; i += 2) {
		uint32_t c = src[i] | (uint32_t)src[i + 1] << 8, low = 0;

		if (i + 3 < n)
			low = src[i + 2] | (uint32_t)src[i + 3] << 8;
		if (c >> 10 == 0x36 && low >> 10 == 0x37) { /* a pair of surrogates */
			c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
			i += 2;
		} else if (c == 0 || c >> 11 == 0x1b) {
			c = '?';
		}
		put_utf8(&t, c);
	}
	text_clean(dst);
}

static bool
to_number(const char *s, size_t n, unsigned base, uint64_t max, uint64_t *v)
{
	uint64_t r = 0;

	if (n == 0 || (base == 16 && n > 16))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = lower(s[i]);
		unsigned d;

		if (c >= '0' && c <= '9')
			d = (unsigned)(c - '0');
		else if (base == 16 && c >= 'a' && c <= 'f')
			d = (unsigned)(c - 'a') + 10;
		else
			return false;
		if (d > max || r > (max - d) / base)
			return false;
		r = r * base + d;
	}
	*v = r;
	return true;
}

bool
text_to_u64(const char *s, uint64_t max, uint64_t *v)
{
	return to_number(s, text_len(s), 10, max, v);
}

bool
text_to_hex(const char *s, uint64_t max, uint64_t *v)
{
	return to_number(s, text_len(s), 16, max, v);
}

bool
text_to_duration(const char *s, uint64_t *us)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = {
	    {"us", 1},
	    {"ms", 1000},
	    {"", 1000000},
	    {"s", 1000000},
	    {"m", 60 * 1000000ull},
	    {"h", 3600 * 1000000ull},
	    {"d", 86400 * 1000000ull},
	};
	size_t n = 0;
	uint64_t v;

	while (s[n] >= '0' && s[n] <= '9')
		n++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!text_equal(s + n, units[i].unit))
			continue;
		if (!to_number(s, n, 10, UINT64_MAX / units[i].us, &v))
			return false;
		*us = v * units[i].us;
		return true;
	}
	return false;
}
