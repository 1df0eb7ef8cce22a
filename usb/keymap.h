/* SPDX-License-Identifier: ISC */
/*
 * The US keyboard: which key gives a character (HID Usage Tables, 10). Printable
 * ASCII, newline (Enter), tab, backspace and escape; no other character.
 */
#ifndef USB_KEYMAP_H
#define USB_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYMAP_SHIFT 0x02 /* left shift, in the modifier byte of a report */

struct keymap_key {
	uint8_t modifiers, usage;
};

/* False: no key gives this byte. key may be NULL. */
bool keymap_find(uint8_t byte, struct keymap_key *key);

/*
 * Names what cannot be typed of a text, as "\"ä\", 0x01": UTF-8 as it is, control
 * characters as numbers; "..." when there is more than fits. False: all can be.
 */
bool keymap_refused(const uint8_t *text, size_t n, char *names, size_t cap);

/* Bytes of text that end with a whole character (at most 3 less than n). */
size_t keymap_whole(const uint8_t *text, size_t n);

#endif
