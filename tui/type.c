/* SPDX-License-Identifier: ISC */
/*
 * Typing, in UTF-8.
 */
#include <string.h>

#include "tui/ui_impl.h"

static size_t
encode(int c, char out[5])
{
	static const int lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	out[n] = '\0';
	return n;
}

bool
type_key(char *text, size_t cap, int key)
{
	size_t n = strlen(text);
	char c[5];

	if (key == UI_KEY_BACK) {
		while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
			text[--n] = '\0';
		if (n > 0)
			text[n - 1] = '\0';
		return true;
	}
	if (key < ' ' || key >= UI_KEY_UP || (key >= 0x7f && key < 0xa0) ||
	    (key >= 0xd800 && key < 0xe000))
		return false;
	if (n + encode(key, c) < cap)
		strcpy(text + n, c);
	return true;
}
