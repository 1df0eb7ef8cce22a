/* SPDX-License-Identifier: ISC */
/*
 * Strings without printf: appending to a bounded buffer with a sticky flag,
 * and cleaning what strangers sent.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *buf;  /* always ends in NUL */
	size_t cap; /* bytes of buf, > 0 */
	size_t len;
	bool full; /* something did not fit and was left out */
};

void text_init(struct text *, char *buf, size_t cap);
void text_str(struct text *, const char *);
void text_mem(struct text *, const char *, size_t n);
void text_char(struct text *, char);
void text_u64(struct text *, uint64_t);
void text_i64(struct text *, int64_t);

/* At least `digits` lower-case hexadecimal digits. */
void text_hex(struct text *, uint64_t, unsigned digits);

/* Bytes, two of these digits each. */
void text_bytes(struct text *, const uint8_t *, size_t n);

size_t text_len(const char *);
bool text_equal(const char *, const char *);

/* Whether hay holds needle; ASCII letters match in either case. */
bool text_has(const char *hay, const char *needle);

/* strlcpy: as much of src as fits, always ends in NUL; false if it was cut. */
bool text_copy(char *dst, size_t cap, const char *src);

/*
 * Makes a stranger's string harmless in place: control characters, DEL, C1
 * controls, broken UTF-8, and characters that are not seen or turn the direction of
 * others become '?'. For logs, terminals and JSON alike.
 */
void text_clean(char *);

/*
 * UTF-16LE of n bytes, as in USB string descriptors, into dst: as much as fits,
 * text_clean, always ends in NUL. Half a pair and control characters become '?'.
 */
void text_utf16(char *dst, size_t cap, const uint8_t *src, size_t n);

/* A decimal number that is the whole of s and at most max; false otherwise. */
bool text_to_u64(const char *s, uint64_t max, uint64_t *v);

/* A hexadecimal number of 1 to 16 digits that is the whole of s. */
bool text_to_hex(const char *s, uint64_t max, uint64_t *v);

/* A duration: number and one of us ms s m h d (no unit: s), in microseconds. */
bool text_to_duration(const char *s, uint64_t *us);

#endif
