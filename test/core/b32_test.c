/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/b32.h"
#include "test/test.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

static uint8_t bytes[1280];

static void
fill(void)
{
	uint32_t x = 7;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
}

static int
decode(const char *text, size_t *n)
{
	uint8_t out[1280];
	int r = b32_decode(text, out, sizeof(out), n);

	if (r == ERR_OK && memcmp(out, bytes, *n) != 0)
		return ERR_FAIL;
	return r;
}

static void
reads_back_every_length(void)
{
	char text[B32_TEXT(64)];
	size_t got;

	fill();
	for (size_t n = 0; n <= 64; n++) {
		b32_encode(bytes, n, text, B32_TEXT(n));
		CHECK_EQ(strlen(text), B32_TEXT(n) - 1);
		CHECK_EQ(decode(text, &got), ERR_OK);
		CHECK_EQ(got, n);
	}
}

/* The data characters are those of RFC 4648 10. */
static void
is_base32(void)
{
	char text[B32_TEXT(6)];

	b32_encode((const uint8_t *)"foobar", 6, text, sizeof(text));
	CHECK(strncmp(text, "MZXW6YTBOI", 10) == 0);
	CHECK_EQ(strlen(text), 14);
}

static void
finds_every_changed_character(void)
{
	char text[B32_TEXT(40)];
	size_t n, tried = 0;

	fill();
	b32_encode(bytes, 40, text, sizeof(text));
	for (char *c = text; *c != '\0'; c++) {
		char old = *c;

		for (const char *a = ALPHABET; *a != '\0'; a++) {
			if (*a == old)
				continue;
			*c = *a;
			CHECK_EQ(decode(text, &n), ERR_BADTICKET);
			tried++;
		}
		*c = old;
	}
	CHECK_EQ(tried, 68 * 31);
	CHECK_EQ(decode(text, &n), ERR_OK);
}

static void
finds_every_swap(void)
{
	char text[B32_TEXT(40)];
	size_t n;

	fill();
	b32_encode(bytes, 40, text, sizeof(text));
	for (size_t i = 0; text[i] != '\0'; i++)
		for (size_t k = i + 1; text[k] != '\0'; k++) {
			char a = text[i], b = text[k];

			text[i] = b;
			text[k] = a;
			CHECK_EQ(decode(text, &n), a == b ? ERR_OK : ERR_BADTICKET);
			text[i] = a;
			text[k] = b;
		}
}

static uint32_t
times_x(uint32_t v)
{
	v <<= 1;
	return v >> 20 ? v ^ B32_POLY : v;
}

/*
 * The CRC is linear: a mistake is missed when its pattern is a multiple of the
 * polynomial, wherever it is. Two wrong characters at distance d: e1 x^5d + e2,
 * a swap among them. So this holds for any text of up to 18 000 characters.
 */
static void
finds_two_wrong_characters_at_any_distance(void)
{
	uint32_t v[32];

	for (uint32_t e = 0; e < 32; e++)
		v[e] = e;
	for (unsigned d = 1; d < 18000; d++)
		for (uint32_t e = 1; e < 32; e++) {
			for (int i = 0; i < 5; i++)
				v[e] = times_x(v[e]);
			if (v[e] < 32) {
				CHECK_EQ(d, 0);
				return;
			}
		}
}

static void
finds_mistakes_in_long_text(void)
{
	static char text[B32_TEXT(1280)];
	size_t n, end;

	fill();
	b32_encode(bytes, 1280, text, sizeof(text));
	CHECK_EQ(decode(text, &n), ERR_OK);
	CHECK_EQ(n, 1280);
	end = strlen(text) - 1;
	for (size_t i = 0; i < end; i += 7) {
		char a = text[i], b = text[i + 1];

		text[i] = a == 'A' ? 'B' : 'A';
		CHECK_EQ(decode(text, &n), ERR_BADTICKET);
		text[i] = b;
		text[i + 1] = a;
		CHECK_EQ(decode(text, &n), a == b ? ERR_OK : ERR_BADTICKET);
		text[i] = a;
		text[i + 1] = b;
	}
}

static void
finds_added_and_lost_characters(void)
{
	char text[B32_TEXT(40)], other[80];
	size_t n;

	fill();
	memset(bytes, 0, 8); /* the hardest case: 'A's in front */
	b32_encode(bytes, 40, text, sizeof(text));
	for (size_t k = 1; k <= 8; k++) {
		CHECK_EQ(decode(text + k, &n), ERR_BADTICKET);
		snprintf(other, sizeof(other), "%.*s%s", (int)k, "AAAAAAAA", text);
		CHECK_EQ(decode(other, &n), ERR_BADTICKET);
		snprintf(other, sizeof(other), "%s%.*s", text, (int)k, "AAAAAAAA");
		CHECK_EQ(decode(other, &n), ERR_BADTICKET);
	}
	for (size_t i = 0; text[i] != '\0'; i++) {
		snprintf(other, sizeof(other), "%.*s%s", (int)i, text, text + i + 1);
		CHECK_EQ(decode(other, &n), ERR_BADTICKET);
	}
}

static void
reads_what_people_type(void)
{
	char text[B32_TEXT(5)], typed[64];
	size_t n, at = 0;

	fill();
	b32_encode(bytes, 5, text, sizeof(text));
	for (const char *c = text; *c != '\0'; c++)
		at += (size_t)snprintf(typed + at, sizeof(typed) - at, " \n%c-\t",
				       *c >= 'A' ? *c | 0x20 : *c);
	CHECK_EQ(decode(typed, &n), ERR_OK);
	CHECK_EQ(n, 5);
}

static void
refuses_bad_text(void)
{
	static const struct {
		const char *what, *text;
	} bad[] = {
	    {"nothing", ""},
	    {"too short for a check", "AAA"},
	    {"four zeros", "AAAA"},
	    {"a digit that is none", "MZXW6YTB01AAAA"},
	    {"padding", "MZXW6==="},
	    {"another character", "MZXW_YTBOIAAAA"},
	    {"not ASCII", "MZXW\xc3\xa4YTBOI"},
	};
	char text[B32_TEXT(8)];
	uint8_t out[8];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (decode(bad[i].text, &n) != ERR_BADTICKET) {
			printf("# %s\n", bad[i].what);
			CHECK(0);
		}
	b32_encode(bytes, 8, text, sizeof(text));
	CHECK_EQ(b32_decode(text, out, 7, &n), ERR_TOOBIG);
	CHECK_EQ(b32_decode(text, out, 8, &n), ERR_OK);
}

/* How many of all the checks there are make this text valid. */
static int
valid_checks(const char *data)
{
	char text[16];
	size_t n, len = strlen(data);
	uint8_t out[8];
	int valid = 0;

	memcpy(text, data, len);
	text[len + 4] = '\0';
	for (unsigned check = 0; check < 1u << 20; check++) {
		for (unsigned i = 0; i < 4; i++)
			text[len + i] = ALPHABET[check >> 5 * (3 - i) & 31];
		valid += b32_decode(text, out, sizeof(out), &n) == ERR_OK;
	}
	return valid;
}

/* The bits that are left over are zero: one value has one text. */
static void
is_canonical(void)
{
	CHECK_EQ(valid_checks("74"), 1); /* 0xff */
	CHECK_EQ(valid_checks("75"), 0); /* a bit too many */
	CHECK_EQ(valid_checks("7"), 0);  /* less than a byte */
	CHECK_EQ(valid_checks("74A"), 0);
}

static void
peer_ids(void)
{
	uint8_t id[PEERID], back[PEERID];
	char text[PEERID_TEXT], s[8], longer[PEERID_TEXT + 8];

	for (unsigned i = 0; i < PEERID; i++)
		id[i] = (uint8_t)("The quick brown fox jumps over.."[i]);
	peerid_text(id, text);
	CHECK_EQ(strlen(text), 56 + 7);
	for (size_t i = 7; i < 63; i += 8)
		CHECK_EQ(text[i], '-');
	CHECK_EQ(peerid_read(text, back), ERR_OK);
	CHECK(memcmp(id, back, PEERID) == 0);
	peerid_short(id, s);
	CHECK(strncmp(s, text, 7) == 0 && s[7] == '\0');
	snprintf(longer, sizeof(longer), "%sAAAAAAA", text);
	CHECK_EQ(peerid_read(longer, back), ERR_BADTICKET);
	b32_encode(id, 31, text, sizeof(text));
	CHECK_EQ(peerid_read(text, back), ERR_BADTICKET);
	CHECK_EQ(peerid_read("", back), ERR_BADTICKET);
}

TEST_MAIN(TEST(reads_back_every_length), TEST(is_base32),
	  TEST(finds_every_changed_character), TEST(finds_every_swap),
	  TEST(finds_two_wrong_characters_at_any_distance),
	  TEST(finds_mistakes_in_long_text), TEST(finds_added_and_lost_characters),
	  TEST(reads_what_people_type), TEST(refuses_bad_text), TEST(is_canonical),
	  TEST(peer_ids))
