/* SPDX-License-Identifier: ISC */
/*
 * One descriptor after another, by their lengths; each known type has a printer.
 */
#include "core/desc_text.h"
#include "core/mem.h"
#include "core/pattern.h"

static uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* "2.00" of 0x0200 */
static void
say_bcd(struct text *t, uint16_t v)
{
	text_hex(t, v >> 8, 1);
	text_char(t, '.');
	text_hex(t, v & 0xff, 2);
}

static void
say_class(struct text *t, const uint8_t *p)
{
	text_str(t, pattern_class_name(p[0], p[1], p[2]));
	text_str(t, " (");
	for (unsigned i = 0; i < 3; i++) {
		text_str(t, i > 0 ? "/" : "");
		text_hex(t, p[i], 2);
	}
	text_str(t, ")");
}

static void
say_device(struct text *t, const uint8_t *p)
{
	text_str(t, "device ");
	text_hex(t, le16(p + 8), 4);
	text_str(t, ":");
	text_hex(t, le16(p + 10), 4);
	text_str(t, " version ");
	say_bcd(t, le16(p + 12));
	text_str(t, ", USB ");
	say_bcd(t, le16(p + 2));
	if (p[4] != 0) {
		text_str(t, ", ");
		say_class(t, p + 4);
	}
}

static void
say_config(struct text *t, const uint8_t *p)
{
	text_str(t, "  configuration ");
	text_u64(t, p[5]);
	text_str(t, p[7] & 0x40 ? ": self-powered, " : ": ");
	text_u64(t, p[8] * 2u);
	text_str(t, " mA"); /* 8 mA units above USB 2.0 are not told apart */
}

static void
say_interface(struct text *t, const uint8_t *p)
{
	text_str(t, "    interface ");
	text_u64(t, p[2]);
	if (p[3] != 0) {
		text_str(t, " setting ");
		text_u64(t, p[3]);
	}
	text_str(t, ": ");
	say_class(t, p + 5);
}

static void
say_endpoint(struct text *t, const uint8_t *p)
{
	static const char *const type[] = {"control", "isochronous", "bulk", "interrupt"};

	text_str(t, "      endpoint ");
	text_u64(t, p[2] & 0x0f);
	text_str(t, p[2] & 0x80 ? " in" : " out");
	text_str(t, ": ");
	text_str(t, type[p[3] & 3]);
	text_str(t, ", ");
	text_u64(t, le16(p + 4) & 0x7ff);
	text_str(t, " bytes");
	if ((p[3] & 1) != 0) {
		text_str(t, ", interval ");
		text_u64(t, p[6]);
	}
}

/* Of a class, or one that says nothing to people. */
static void
say_other(struct text *t, const uint8_t *p)
{
	text_str(t, "      descriptor ");
	text_hex(t, p[1], 2);
	text_str(t, ", ");
	text_u64(t, p[0]);
	text_str(t, " bytes");
}

static const struct {
	uint8_t type, least; /* USB 2.0 tables 9-5, 9-8, 9-10, 9-12, 9-13 */
	void (*say)(struct text *, const uint8_t *);
} kinds[] = {
    {1, 18, say_device},
    {2, 9, say_config},
    {4, 9, say_interface},
    {5, 7, say_endpoint},
};

static bool
say(struct text *t, const uint8_t *p, size_t n)
{
	if (n < 2 || p[0] < 2 || p[0] > n)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == p[1]) {
			if (p[0] < kinds[i].least)
				return false;
			kinds[i].say(t, p);
			return true;
		}
	say_other(t, p);
	return true;
}

void
desc_text(const uint8_t *raw, size_t n, struct text *t)
{
	for (size_t i = 0; i < n && !t->full; i += raw[i]) {
		bool ok = say(t, raw + i, n - i);

		text_str(t, ok ? "\n" : "the rest contradicts itself\n");
		if (!ok)
			return;
	}
}
