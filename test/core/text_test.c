/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/text.h"
#include "test/test.h"

static void
appends_and_cuts(void)
{
	char b[16];
	struct text t;

	text_init(&t, b, sizeof(b));
	text_str(&t, "a=");
	text_u64(&t, 1234567890);
	text_char(&t, ' ');
	CHECK(!t.full && strcmp(b, "a=1234567890 ") == 0);
	text_hex(&t, 0xbeef, 4);
	CHECK(t.full && strcmp(b, "a=1234567890 be") == 0);
	text_init(&t, b, sizeof(b));
	text_i64(&t, -42);
	text_hex(&t, 5, 2);
	CHECK(strcmp(b, "-4205") == 0);
	text_init(&t, b, sizeof(b));
	text_i64(&t, INT64_MIN);
	CHECK(t.full && strcmp(b, "-92233720368547") == 0);
	text_init(&t, b, sizeof(b));
	text_bytes(&t, (const uint8_t *)"\x00\x7f\xff", 3);
	CHECK(!t.full && strcmp(b, "007fff") == 0);
	text_bytes(&t, (const uint8_t *)"ABCDEF", 6);
	CHECK(t.full && strcmp(b, "007fff414243444") == 0);
}

static void
cleans_strangers_strings(void)
{
	static const struct {
		const char *in, *out;
	} row[] = {
	    {"Disk \033[2J", "Disk ?[2J"},
	    {"tab\tnl\n", "tab?nl?"},
	    {"J\xc3\xbcrgen \xe2\x82\xac", "J\xc3\xbcrgen \xe2\x82\xac"},
	    {"cut \xe2\x82", "cut ??"},
	    {"overlong \xc0\xaf", "overlong ??"},
	    {"surrogate \xed\xa0\x80", "surrogate ???"},
	    {"c1 \xc2\x9b", "c1 ??"},
	    {"bidi \xe2\x80\xae", "bidi ???"},
	    {"del\x7f", "del?"},
	    {"ltr \xe2\x81\xa6", "ltr ???"},
	    {"arabic mark \xd8\x9c", "arabic mark ??"},
	    {"no width \xe2\x80\x8b", "no width ???"},
	    {"joined \xe2\x80\x8d", "joined \xe2\x80\x8d"},
	    {"mark \xef\xbb\xbf", "mark ???"},
	    {"none \xef\xbf\xbe", "none ???"},
	    {"tag \xf3\xa0\x81\x81", "tag ????"},
	    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
	};
	char b[64];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		strcpy(b, row[i].in);
		text_clean(b);
		CHECK(strcmp(b, row[i].out) == 0);
	}
}

static void
reads_utf16(void)
{
	static const struct {
		uint8_t in[10];
		size_t n;
		const char *out;
	} row[] = {
	    {"D\0\374\0\254\40", 6, "D\xc3\xbc\xe2\x82\xac"},
	    {"\75\330\0\336!", 6, "\xf0\x9f\x98\x80!"}, /* a pair */
	    {"\75\330x\0", 4, "?x"},                    /* half of one */
	    {"x\0\75\330", 4, "x?"},                    /* at the end */
	    {"\0\336\75\330", 4, "??"},                 /* the wrong way round */
	    {"a\0\0\0\12\0b", 8, "a??b"},               /* controls */
	    {"a\0b", 3, "a"},                           /* half a unit */
	    {"", 0, ""},
	};
	char b[8];

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t *copy = malloc(row[i].n + 1); /* ASan sees its end */

		memcpy(copy, row[i].in, row[i].n);
		text_utf16(b, sizeof(b), copy, row[i].n);
		CHECK(strcmp(b, row[i].out) == 0);
		free(copy);
	}
	text_utf16(b, 4, (const uint8_t *)"a\0b\0\254\40c", 8); /* cut inside */
	CHECK(strcmp(b, "ab?") == 0);
}

static void
reads_numbers(void)
{
	uint64_t v = 7;

	CHECK(text_to_u64("0", 10, &v) && v == 0);
	CHECK(text_to_u64("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX);
	CHECK(!text_to_u64("18446744073709551616", UINT64_MAX, &v));
	CHECK(!text_to_u64("11", 10, &v) && !text_to_u64("", 10, &v));
	CHECK(!text_to_u64("1x", 10, &v) && !text_to_u64("-1", 10, &v));
	CHECK(text_to_hex("1d6B", 0xffff, &v) && v == 0x1d6b);
	CHECK(!text_to_hex("10000", 0xffff, &v));
	CHECK(text_to_duration("90", &v) && v == 90000000);
	CHECK(text_to_duration("24h", &v) && v == 86400000000);
	CHECK(text_to_duration("5ms", &v) && v == 5000);
	CHECK(!text_to_duration("5 parsecs", &v) && !text_to_duration("s", &v));
	CHECK(!text_to_duration("999999999999999999d", &v));
}

static void
compares(void)
{
	CHECK(text_has("SanDisk Ultra", "ultra") && text_has("x", ""));
	CHECK(!text_has("San", "SanDisk"));
	CHECK(text_equal("ab", "ab") && !text_equal("ab", "abc"));
}

TEST_MAIN(TEST(appends_and_cuts), TEST(cleans_strangers_strings), TEST(reads_utf16),
	  TEST(reads_numbers), TEST(compares))
