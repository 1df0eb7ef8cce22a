/* SPDX-License-Identifier: ISC */
/*
 * Bytes as text that people can copy, and back. Knows nothing of what the
 * bytes mean, only that a peer id has 32 of them.
 */
#include "core/b32.h"
#include "core/mem.h"
#include "core/text.h"

/*
 * Neither is zero: or 'A's in front would not change the check, and a valid
 * text followed by "AAAA" would be valid.
 */
#define CHECK_INIT 0x5a5a5u
#define CHECK_XOR  0x2bad1u

#define GROUP      7

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* The five bits of a character; -1: skipped; -2: not ours. */
static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return c == '-' || c == ' ' || (c >= '\t' && c <= '\r') ? -1 : -2;
}

static uint32_t
check_step(uint32_t check, unsigned v)
{
	check ^= (uint32_t)v << 15;
	for (int i = 0; i < 5; i++)
		check = check & 0x80000u ? check << 1 ^ B32_POLY : check << 1;
	return check;
}

/* The five bits from bit `at` on, zeros past the end. */
static unsigned
five_bits(const uint8_t *p, size_t n, size_t at)
{
	size_t i = at / 8;
	unsigned w = (unsigned)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0u);

	return w >> (11 - at % 8) & 31u;
}

void
b32_encode(const uint8_t *p, size_t n, char *text, size_t cap)
{
	uint32_t check = CHECK_INIT;

	ASSERT(cap >= B32_TEXT(n));
	for (size_t at = 0; at < n * 8; at += 5) {
		unsigned v = five_bits(p, n, at);

		*text++ = alphabet[v];
		check = check_step(check, v);
	}
	check ^= CHECK_XOR;
	for (int i = B32_CHECK; i-- > 0;)
		*text++ = alphabet[check >> 5 * i & 31u];
	*text = '\0';
}

/* Counts the characters of text that mean something and ends at a bad one. */
static bool
count(const char *text, size_t *n)
{
	for (*n = 0; *text != '\0'; text++) {
		int v = value(*text);

		if (v == -2)
			return false;
		*n += v >= 0;
	}
	return *n >= B32_CHECK;
}

/* The next character that means something; there is one. */
static unsigned
next(const char **text)
{
	int v;

	while ((v = value(*(*text)++)) < 0)
		;
	return (unsigned)v;
}

int
b32_decode(const char *text, uint8_t *p, size_t cap, size_t *n)
{
	uint32_t check = CHECK_INIT, bits = 0, said = 0;
	size_t chars, used = 0;
	unsigned have = 0;

	if (!count(text, &chars))
		return ERR_BADTICKET;
	chars -= B32_CHECK;
	if (chars * 5 / 8 > cap)
		return ERR_TOOBIG;
	for (size_t i = 0; i < chars; i++) {
		unsigned v = next(&text);

		check = check_step(check, v);
		bits = bits << 5 | v;
		if ((have += 5) >= 8)
			p[used++] = (uint8_t)(bits >> (have -= 8));
	}
	for (int i = 0; i < B32_CHECK; i++)
		said = said << 5 | next(&text);
	/* what is left over is less than a character, and zero */
	if (have >= 5 || (bits & ((1u << have) - 1)) != 0 || said != (check ^ CHECK_XOR))
		return ERR_BADTICKET;
	*n = used;
	return ERR_OK;
}

void
peerid_text(const uint8_t id[PEERID], char text[PEERID_TEXT])
{
	char plain[B32_TEXT(PEERID)];
	struct text t;

	b32_encode(id, PEERID, plain, sizeof(plain));
	text_init(&t, text, PEERID_TEXT);
	for (size_t i = 0; plain[i] != '\0'; i++) {
		if (i != 0 && i % GROUP == 0)
			text_char(&t, '-');
		text_char(&t, plain[i]);
	}
}

int
peerid_read(const char *text, uint8_t id[PEERID])
{
	size_t n;

	if (b32_decode(text, id, PEERID, &n) != ERR_OK || n != PEERID)
		return ERR_BADTICKET;
	return ERR_OK;
}

void
peerid_short(const uint8_t id[PEERID], char text[8])
{
	for (size_t i = 0; i < GROUP; i++)
		text[i] = alphabet[five_bits(id, PEERID, i * 5)];
	text[GROUP] = '\0';
}
