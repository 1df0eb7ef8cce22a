/* SPDX-License-Identifier: ISC */
/* Two strings in the order of the key codes are the whole layout. */
#include "usb/keymap.h"

#include <string.h>

#include "core/text.h"

#define FIRST 4  /* key code of the first character: A */
#define KEYS  53 /* up to the slash */

/* NUL: key 0x32, which US keyboards do not have, and keys that shift changes not */
static const char layout[2][KEYS + 1] = {
    "abcdefghijklmnopqrstuvwxyz1234567890\n\x1b\b\t -=[]\\\0;'`,./",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&*()\0\0\0\0\0_+{}|\0:\"~<>?",
};

bool
keymap_find(uint8_t byte, struct keymap_key *key)
{
	const char *at;

	for (int shift = 0; byte != 0 && shift < 2; shift++) {
		at = memchr(layout[shift], byte, KEYS);
		if (at == NULL)
			continue;
		if (key)
			*key =
			    (struct keymap_key){shift ? KEYMAP_SHIFT : 0,
						(uint8_t)(FIRST + (at - layout[shift]))};
		return true;
	}
	return false;
}

static unsigned
length_of(uint8_t lead)
{
	return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/* Bytes of the character at p: its lead, and what continues it. */
static size_t
char_length(const uint8_t *p, size_t n)
{
	size_t i = 1, want = length_of(p[0]);

	while (i < want && i < n && (p[i] & 0xc0) == 0x80)
		i++;
	return i;
}

static void
put_name(struct text *t, const uint8_t *p, size_t n)
{
	char one[5];

	if (t->len > 0)
		text_str(t, ", ");
	if (p[0] < 0x80) {
		text_str(t, "0x");
		text_hex(t, p[0], 2);
		return;
	}
	memcpy(one, p, n);
	one[n] = '\0';
	text_clean(one);
	text_char(t, '"');
	text_str(t, one);
	text_char(t, '"');
}

bool
keymap_refused(const uint8_t *text, size_t n, char *names, size_t cap)
{
	struct text t;
	bool any = false;
	size_t len;

	text_init(&t, names, cap - 3);
	for (size_t i = 0; i < n && !t.full; i += len) {
		size_t fit = t.len;

		len = char_length(text + i, n - i);
		if (keymap_find(text[i], NULL))
			continue;
		any = true;
		put_name(&t, text + i, len);
		if (t.full)
			memcpy(names + fit, "...", 4);
	}
	return any;
}

size_t
keymap_whole(const uint8_t *text, size_t n)
{
	size_t lead = n;

	while (lead > 0 && n - lead < 3 && (text[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead == 0 || lead - 1 + length_of(text[lead - 1]) <= n)
		return n;
	return lead - 1;
}
