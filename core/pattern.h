/* SPDX-License-Identifier: ISC */
/*
 * Words that mean devices (DESIGN.md 5):
 *
 *	1-4.2, v-1		exactly this physical port (busid)
 *	1d6b:0104, 1d6b:*	vendor and product, four hexadecimal digits or '*'
 *	serial=TEXT		exactly this serial number
 *	class=NAME, class=03	class of the device or of one of its interfaces
 *	TEXT			part of "manufacturer product", in either case
 *
 * A nickname is text here: only who knows all devices knows whether a word is the
 * nickname of one, which pattern_resolve then makes a busid.
 *
 * `!` in front negates. What only looks like one of the first four ("1-4.",
 * "1d6b:10", "*", "name=x") is an error: it would silently mean nothing.
 */
#ifndef CORE_PATTERN_H
#define CORE_PATTERN_H

#include <stdbool.h>

#include "core/devinfo.h"
#include "core/err.h"

#define PATTERN_TEXT 128

/* ERR_USAGE: empty, too long, control characters, an unknown class name. */
int pattern_check(const char *text) MUST_CHECK;

/* Whether one pattern means this device; one that is not valid never does. */
bool pattern_match(const char *text, const struct devinfo *);

/*
 * Whether a list means it: one of the plain patterns does (or there is none but
 * negated ones), and no negated one does. An empty list means nothing.
 */
bool pattern_list(const char *const *text, unsigned n, const struct devinfo *);

/*
 * Can be a nickname: 1 to 31 of a-z 0-9 . _ -, the first a letter or digit; not
 * like a busid, nor anything else that is not text.
 */
bool pattern_is_nick(const char *text);

/* The word is the nickname of this device, maybe negated. */
bool pattern_names(const char *text, const struct devinfo *);

/* Then the word becomes its busid, negated if it was. */
void pattern_resolve(char text[PATTERN_TEXT], const struct devinfo *);

/* Names the device exactly (a physical port), so no class rule guards it. */
bool pattern_is_port(const char *text);

/*
 * Has an interface of class HID, hub or network (CDC but its serial ports,
 * wireless), or none that we know: not attached by a pattern alone (DESIGN.md 9).
 */
bool pattern_needs_name(const struct devinfo *);

/* The first class name that means these codes, for people; "other" if none does. */
const char *pattern_class_name(uint8_t cls, uint8_t sub, uint8_t proto);

#endif
