/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/desc_cache.h"
#include "test/core/sample.h"
#include "test/test.h"

#define ENGLISH 0x09, 0x04
#define HEAD    DESC_CACHE_HEAD

/* clang-format off */
static const uint8_t blob[] = {
	3, 0, 0, 0, 6, 0,		6, 3, 0x09, 0x04, 0x07, 0x04,
	3, 1, ENGLISH, 6, 0,		6, 3, 'H', 0, 'i', 0,
	3, 2, ENGLISH, 2, 0,		2, 3,
	3, 1, 0x07, 0x04, 4, 0,		4, 3, 'J', 0,
	15, 0, 0, 0, 22, 0,		5, 15, 22, 0, 2, 7, 16, 2, 6, 0, 0, 0,
					10, 16, 3, 0, 14, 0, 1, 10, 0xff, 7,
	3, 0xee, 0, 0, 4, 0,		4, 3, 'M', 0,
};
/* clang-format on */

static const struct desc_cache cache = {sample, blob, sizeof(sample), sizeof(blob)};

#define GET(type, index, lang, len)                                                    \
	{                                                                              \
		0x80, 6, index, type, (lang)&0xff, (lang) >> 8, (len)&0xff, (len) >> 8 \
	}

static void
descriptors_are_found_by_name(void)
{
	static const struct {
		const char *name;
		uint8_t setup[8];
		enum desc_known known;
		const uint8_t *p;
		size_t n;
	} t[] = {
	    {"device", GET(1, 0, 0, 18), DESC_KNOWN, sample, 18},
	    {"device, 64 asked for", GET(1, 0, 0, 64), DESC_KNOWN, sample, 18},
	    {"device, 8 asked for", GET(1, 0, 0, 8), DESC_KNOWN, sample, 8},
	    {"device, none asked for", GET(1, 0, 0, 0), DESC_KNOWN, sample, 0},
	    {"device 1", GET(1, 1, 0, 18), DESC_UNKNOWN, NULL, 0},
	    {"device with a language", GET(1, 0, 0x409, 18), DESC_UNKNOWN, NULL, 0},
	    {"configuration, its head", GET(2, 0, 0, 9), DESC_KNOWN, sample + 18, 9},
	    {"configuration", GET(2, 0, 0, 110), DESC_KNOWN, sample + 18, 110},
	    {"the second", GET(2, 1, 0, 65535), DESC_KNOWN, sample + 128, 27},
	    {"configuration in a language", GET(2, 0, 9, 9), DESC_UNKNOWN, NULL, 0},
	    {"there is no third", GET(2, 2, 0, 9), DESC_ABSENT, NULL, 0},
	    {"nor a last", GET(2, 255, 0, 9), DESC_ABSENT, NULL, 0},
	    {"languages", GET(3, 0, 0, 255), DESC_KNOWN, blob + 6, 6},
	    {"languages in a language", GET(3, 0, 0x409, 255), DESC_UNKNOWN, NULL, 0},
	    {"string", GET(3, 1, 0x409, 255), DESC_KNOWN, blob + 18, 6},
	    {"string, its head", GET(3, 1, 0x409, 2), DESC_KNOWN, blob + 18, 2},
	    {"empty string", GET(3, 2, 0x409, 255), DESC_KNOWN, blob + 30, 2},
	    {"another language", GET(3, 1, 0x407, 255), DESC_KNOWN, blob + 38, 4},
	    {"no such language", GET(3, 1, 0x410, 255), DESC_UNKNOWN, NULL, 0},
	    {"no such string", GET(3, 4, 0x409, 255), DESC_UNKNOWN, NULL, 0},
	    {"BOS, its head", GET(15, 0, 0, 5), DESC_KNOWN, blob + 48, 5},
	    {"BOS", GET(15, 0, 0, 22), DESC_KNOWN, blob + 48, 22},
	    {"the last record", GET(3, 0xee, 0, 18), DESC_KNOWN, blob + 76, 4},
	    {"qualifier", GET(6, 0, 0, 10), DESC_UNKNOWN, NULL, 0},
	    {"other speed", GET(7, 0, 0, 9), DESC_UNKNOWN, NULL, 0},
	    {"type 0", GET(0, 0, 0, 9), DESC_UNKNOWN, NULL, 0},
	    {"of an interface", {0x81, 6, 0, 1, 0, 0, 18, 0}, DESC_UNKNOWN, NULL, 0},
	    {"of a vendor", {0xc0, 6, 0, 1, 0, 0, 18, 0}, DESC_UNKNOWN, NULL, 0},
	    {"the other way", {0x00, 6, 0, 1, 0, 0, 18, 0}, DESC_UNKNOWN, NULL, 0},
	    {"SET_DESCRIPTOR", {0x00, 7, 0, 1, 0, 0, 18, 0}, DESC_UNKNOWN, NULL, 0},
	    {"GET_CONFIGURATION", {0x80, 8, 0, 0, 0, 0, 1, 0}, DESC_UNKNOWN, NULL, 0},
	};

	CHECK_EQ(desc_cache_check(blob, sizeof(blob)), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const uint8_t *p = NULL;
		size_t n = 0;

		if (desc_cache_find(&cache, t[i].setup, &p, &n) == t[i].known &&
		    p == t[i].p && n == t[i].n)
			continue;
		CHECK(!"found as it should be");
		printf("# %s: %zu bytes\n", t[i].name, n);
	}
}

static void
an_empty_blob_knows_no_strings(void)
{
	const struct desc_cache c = {sample, NULL, sizeof(sample), 0};
	const struct desc_cache bare = {sample, NULL, 18, 0};
	const uint8_t *p;
	size_t n;

	CHECK_EQ(desc_cache_check(NULL, 0), ERR_OK);
	CHECK_EQ(desc_cache_find(&c, (uint8_t[])GET(3, 1, 0x409, 255), &p, &n),
		 DESC_UNKNOWN);
	CHECK_EQ(desc_cache_find(&c, (uint8_t[])GET(1, 0, 0, 18), &p, &n), DESC_KNOWN);
	CHECK_EQ(desc_cache_find(&bare, (uint8_t[])GET(2, 0, 0, 9), &p, &n), DESC_ABSENT);
}

static void
contradictions_are_refused(void)
{
	static const struct {
		const char *name;
		uint8_t bytes[24];
		size_t n;
	} t[] = {
	    {"a string of no bytes", {3, 1, ENGLISH, 0, 0}, 6},
	    {"a string of one byte", {3, 1, ENGLISH, 1, 0, 1}, 7},
	    {"a string's bLength too long", {3, 1, ENGLISH, 4, 0, 6, 3, 0, 0}, 10},
	    {"a string's bLength too short", {3, 1, ENGLISH, 4, 0, 2, 3, 0, 0}, 10},
	    {"a string of another type", {3, 1, ENGLISH, 4, 0, 4, 2, 0, 0}, 10},
	    {"languages in a language", {3, 0, ENGLISH, 4, 0, 4, 3, 9, 4}, 10},
	    {"languages without one", {3, 0, 0, 0, 2, 0, 2, 3}, 8},
	    {"a device descriptor", {1, 0, 0, 0, 2, 0, 2, 1}, 8},
	    {"a configuration", {2, 0, 0, 0, 9, 0, 9, 2, 9, 0, 0, 1, 0, 128, 0}, 15},
	    {"a qualifier", {6, 0, 0, 0, 2, 0, 2, 6}, 8},
	    {"a BOS without a head", {15, 0, 0, 0, 4, 0, 5, 15, 4, 0}, 10},
	    {"a BOS's bLength", {15, 0, 0, 0, 5, 0, 6, 15, 5, 0, 0}, 11},
	    {"a BOS's type", {15, 0, 0, 0, 5, 0, 5, 14, 5, 0, 0}, 11},
	    {"a BOS's total", {15, 0, 0, 0, 5, 0, 5, 15, 6, 0, 0}, 11},
	    {"a BOS's total, high", {15, 0, 0, 0, 5, 0, 5, 15, 5, 1, 0}, 11},
	    {"a BOS's capabilities", {15, 0, 0, 0, 5, 0, 5, 15, 5, 0, 1}, 11},
	    {"BOS 1", {15, 1, 0, 0, 5, 0, 5, 15, 5, 0, 0}, 11},
	    {"a BOS with a language", {15, 0, ENGLISH, 5, 0, 5, 15, 5, 0, 0}, 11},
	    {"a capability's bLength short",
	     {15, 0, 0, 0, 8, 0, 5, 15, 8, 0, 1, 2, 16, 1},
	     14},
	    {"a capability's bLength 0",
	     {15, 0, 0, 0, 8, 0, 5, 15, 8, 0, 1, 0, 16, 1},
	     14},
	    {"a capability past the end",
	     {15, 0, 0, 0, 8, 0, 5, 15, 8, 0, 1, 4, 16, 1},
	     14},
	    {"a capability's type", {15, 0, 0, 0, 8, 0, 5, 15, 8, 0, 1, 3, 15, 1}, 14},
	    {"half a capability", {15, 0, 0, 0, 7, 0, 5, 15, 7, 0, 0, 2, 16}, 13},
	    {"half a head", {3, 1, 9, 4, 2}, 5},
	    {"the same name twice",
	     {3, 1, ENGLISH, 2, 0, 2, 3, 3, 1, ENGLISH, 2, 0, 2, 3},
	     16},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		if (desc_cache_check(t[i].bytes, t[i].n) == ERR_PROTO)
			continue;
		CHECK(!"refused as it should be");
		printf("# %s\n", t[i].name);
	}
}

static void
every_cut_is_refused(void)
{
	for (size_t n = 0; n < sizeof(blob); n++) {
		uint8_t *b = malloc(n > 0 ? n : 1); /* its end is guarded by ASan */
		bool whole =
		    n == 0 || n == 12 || n == 24 || n == 32 || n == 42 || n == 70;

		memcpy(b, blob, n);
		CHECK_EQ(desc_cache_check(b, n), whole ? ERR_OK : ERR_PROTO);
		free(b);
	}
}

static void
too_much_is_refused(void)
{
	static uint8_t b[DEVINFO_CACHE + 1];
	size_t used = 0;
	const uint8_t empty[] = {2, 3};

	for (unsigned i = 1; i <= DESC_CACHE_RECORDS; i++)
		CHECK_EQ(desc_cache_add(b, &used, &(struct desc_name){3, (uint8_t)i, 9},
					empty, 2),
			 ERR_OK);
	CHECK_EQ(desc_cache_check(b, used), ERR_OK);
	CHECK_EQ(desc_cache_add(b, &used, &(struct desc_name){3, 200, 9}, empty, 2),
		 ERR_FULL);
	CHECK_EQ(used, DESC_CACHE_RECORDS * 8);
	memcpy(b + used, (uint8_t[]){3, 200, 9, 0, 2, 0, 2, 3}, 8);
	CHECK_EQ(desc_cache_check(b, used + 8), ERR_TOOBIG);
	memset(b, 0, 4);
	CHECK_EQ(desc_cache_check(b, sizeof(b)), ERR_TOOBIG);
}

static void
what_is_added_is_found(void)
{
	static uint8_t b[DEVINFO_CACHE];
	struct desc_cache c = {sample, b, sizeof(sample), 0};
	const struct desc_name name = {3, 1, 0x409}, bad = {3, 2, 0x409};
	const uint8_t *p;
	size_t n = 0;

	CHECK_EQ(desc_cache_add(b, &c.blob_len, &name, blob + 18, 6), ERR_OK);
	CHECK(c.blob_len == 12 && memcmp(b, blob + 12, 12) == 0);
	CHECK_EQ(desc_cache_add(b, &c.blob_len, &name, blob + 18, 6), ERR_PROTO);
	CHECK_EQ(desc_cache_add(b, &c.blob_len, &bad, blob + 18, 5), ERR_PROTO);
	CHECK_EQ(c.blob_len, 12);
	CHECK_EQ(desc_cache_find(&c, (uint8_t[])GET(3, 1, 0x409, 255), &p, &n),
		 DESC_KNOWN);
	CHECK(n == 6 && memcmp(p, blob + 18, 6) == 0);
}

/* Room is looked at before a byte is written: ASan guards the end. */
static void
a_full_blob_takes_no_more(void)
{
	uint8_t *b = malloc(DEVINFO_CACHE), bos[DESC_CACHE_ONE + 1];
	const struct desc_name name = {15, 0, 0};
	uint8_t s[255] = {255, 3};
	size_t used = 0, added = 0;

	memset(bos, 0, sizeof(bos));
	memcpy(bos, (uint8_t[]){5, 15, 0, 16, 17}, 5); /* 4096 bytes */
	for (size_t i = 0; i < 17; i++) {
		bos[5 + i * 255] = i < 16 ? 255 : 11;
		bos[6 + i * 255] = 16;
	}
	CHECK_EQ(desc_cache_add(b, &used, &name, bos, DESC_CACHE_ONE), ERR_OK);
	while (desc_cache_add(b, &used, &(struct desc_name){3, (uint8_t)(1 + added), 9},
			      s, sizeof(s)) == ERR_OK)
		added++;
	CHECK_EQ(added, (DEVINFO_CACHE - DESC_CACHE_ONE - HEAD) / (255 + HEAD));
	CHECK_EQ(desc_cache_check(b, used), ERR_OK);
	s[0] = (uint8_t)(DEVINFO_CACHE - used);
	CHECK_EQ(desc_cache_add(b, &used, &(struct desc_name){3, 250, 9}, s, s[0]),
		 ERR_FULL);
	s[0] -= HEAD;
	CHECK_EQ(desc_cache_add(b, &used, &(struct desc_name){3, 250, 9}, s, s[0]),
		 ERR_OK);
	CHECK_EQ(used, DEVINFO_CACHE);
	bos[2] = 1; /* 4097 */
	bos[5 + 16 * 255]++;
	used = 0;
	CHECK_EQ(desc_cache_add(b, &used, &name, bos, DESC_CACHE_ONE + 1), ERR_PROTO);
	free(b);
}

TEST_MAIN(TEST(descriptors_are_found_by_name), TEST(an_empty_blob_knows_no_strings),
	  TEST(contradictions_are_refused), TEST(every_cut_is_refused),
	  TEST(too_much_is_refused), TEST(what_is_added_is_found),
	  TEST(a_full_blob_takes_no_more))
