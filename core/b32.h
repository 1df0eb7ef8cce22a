/* SPDX-License-Identifier: ISC */
/*
 * Base32 (RFC 4648 alphabet, no padding) with four check characters, for ids
 * and tickets that people copy: case does not matter, '-' and white space
 * between characters are skipped.
 *
 * The check is a CRC of 20 bits over the characters, five bits each, by
 * B32_POLY. It is a primitive polynomial chosen so that one or two wrong
 * characters, and any two swapped ones, are always found in texts of up to
 * 18 000 characters; other mistakes are missed once in a million.
 */
#ifndef CORE_B32_H
#define CORE_B32_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define B32_CHECK   4
#define B32_POLY    0x14408bu /* x^20 + x^18 + x^14 + x^7 + x^3 + x + 1 */

/* Characters, with NUL, that n bytes and their check take. */
#define B32_TEXT(n) (((n)*8 + 4) / 5 + B32_CHECK + 1)

/* cap >= B32_TEXT(n). */
void b32_encode(const uint8_t *, size_t n, char *text, size_t cap);

/* ERR_BADTICKET: other characters, a wrong check; ERR_TOOBIG: more than cap bytes. */
int b32_decode(const char *text, uint8_t *, size_t cap, size_t *n) MUST_CHECK;

#define PEERID      32
#define PEERID_TEXT (B32_TEXT(PEERID) + 8) /* in groups of seven joined by '-' */

/* "KRUGS4Z-...": 56 characters in 8 groups. */
void peerid_text(const uint8_t id[PEERID], char text[PEERID_TEXT]);

/* ERR_BADTICKET: not an id, or a typing error. */
int peerid_read(const char *text, uint8_t id[PEERID]) MUST_CHECK;

/* The first 7 characters, for people (not unique, never trusted). */
void peerid_short(const uint8_t id[PEERID], char text[8]);

#endif
