/* SPDX-License-Identifier: ISC */
/* link: core/modepage core/mem */
/*
 * Answers to MODE SENSE, and what is made of them.
 */
#include "core/modepage.h"
#include "test/test.h"

struct row {
	const char *what;
	uint8_t cdb[16];
	bool whole;
	uint32_t n; /* bytes that the disk gives */
	uint8_t gives[48];
	uint32_t is; /* that come out */
	uint8_t out[48];
	uint32_t ends;
};

/* A page like this is put in. */
#define PAGE 8, 18, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define BARE 8, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

/* clang-format off */
static const struct row rows[] = {
	{"a header alone", {0x1a, 0, 0x3f, 0, 192}, true, 4, {3, 0, 0x10, 0},
	 24, {23, 0, 0x10, 0, PAGE}, 7},
	{"page 8 of none", {0x1a, 0, 8, 0, 192}, true, 4, {3},
	 24, {23, 0, 0, 0, PAGE}, 7},
	{"its own page", {0x1a, 0, 0x3f, 0, 192}, true, 16, {15, 0, 0, 0, 8, 10, 1, 9},
	 16, {15, 0, 0, 0, 8, 10, 5, 9}, 7},
	{"it has a cache", {0x1a, 0, 8, 0, 192}, true, 16, {15, 0, 0, 0, 8, 10, 4, 9},
	 16, {15, 0, 0, 0, 8, 10, 4, 9}, 7},
	{"by the number", {0x1a, 0, 0x3f, 0, 192}, true, 12,
	 {11, 0, 0, 0, 1, 2, 7, 7, 0x1c, 2, 9, 9},
	 32, {31, 0, 0, 0, 1, 2, 7, 7, PAGE, 0x1c, 2, 9, 9}, 11},
	{"before the vendor's", {0x1a, 0, 0x3f, 0, 192}, true, 8, {7, 0, 0, 0, 0, 2, 7, 7},
	 28, {27, 0, 0, 0, PAGE, 0, 2, 7, 7}, 7},
	{"behind a block's descriptor", {0x1a, 0, 0x3f, 0, 192}, true, 12,
	 {11, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8},
	 32, {31, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, PAGE}, 15},
	{"behind a subpage", {0x1a, 0, 0x3f, 0xff, 192}, true, 10, {9, 0, 0, 0, 0x41, 1, 0, 2, 9, 9},
	 30, {29, 0, 0, 0, 0x41, 1, 0, 2, 9, 9, PAGE}, 13},
	{"filled up with zeros", {0x1a, 0, 0x3f, 0, 192}, true, 40, {3},
	 24, {23, 0, 0, 0, PAGE}, 7},
	{"it gives less than it says", {0x1a, 0, 0x3f, 0, 192}, true, 8, {35, 0, 0, 0, 1, 2, 9, 9},
	 28, {27, 0, 0, 0, 1, 2, 9, 9, PAGE}, 11},
	{"there is more", {0x1a, 0, 0x3f, 0, 8}, false, 8, {35, 0, 0, 0, 1, 2, 9, 9},
	 8, {35, 0, 0, 0, 1, 2, 9, 9}, 0},
	{"write-protected", {0x1a, 0, 0x3f, 0, 192}, true, 16, {15, 0, 0x80, 0, 8, 10, 1, 9},
	 16, {15, 0, 0x80, 0, 8, 10, 1, 9}, 0},
	{"what may be changed", {0x1a, 0, 0x48, 0, 192}, true, 16, {15, 0, 0, 0, 8, 10, 5, 9},
	 16, {15, 0, 0, 0, 8, 10, 1, 9}, 0},
	{"likewise, of none", {0x1a, 0, 0x48, 0, 192}, true, 4, {3},
	 24, {23, 0, 0, 0, BARE}, 0},
	{"ten", {0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 192}, true, 8, {0, 6, 0, 0x10},
	 28, {0, 26, 0, 0x10, 0, 0, 0, 0, PAGE}, 11},
	{"ten, its own", {0x5a, 0, 8, 0, 0, 0, 0, 0, 192}, true, 12, {0, 10, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0},
	 12, {0, 10, 0, 0, 0, 0, 0, 0, 8, 2, 4, 0}, 11},
	{"no header", {0x1a, 0, 0x3f, 0, 192}, true, 3, {2}, 3, {2}, 0},
	{"a descriptor that is not there", {0x1a, 0, 0x3f, 0, 192}, true, 4, {3, 0, 0, 8},
	 4, {3, 0, 0, 8}, 0},
	{"a page that is cut off", {0x1a, 0, 0x3f, 0, 192}, true, 7, {6, 0, 0, 0, 1, 9, 9},
	 27, {26, 0, 0, 0, PAGE, 1, 9, 9}, 7},
};
/* clang-format on */

static void
pages(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *t = &rows[i];
		uint8_t b[48 + MODEPAGE_MORE];
		struct modepage m;
		uint32_t alloc, n;

		memcpy(b, t->gives, t->n);
		CHECK(modepage_asked(t->cdb, &m, &alloc));
		CHECK_EQ(alloc, t->cdb[0] == 0x1a ? t->cdb[4] : t->cdb[8]);
		m.whole = t->whole;
		n = modepage_cached(&m, b, t->n);
		if (n != t->is || memcmp(b, t->out, n) != 0 || m.ends != t->ends) {
			printf("# %s: %u bytes, until %u\n", t->what, n, m.ends);
			CHECK(false);
		}
	}
}

/* 256 bytes are all that MODE SENSE(6) can say. */
static void
full(void)
{
	const uint8_t cdb[16] = {0x1a, 0, 0x3f, 0, 255};
	uint8_t b[255 + MODEPAGE_MORE] = {236, 0, 0, 0, 1, 231};
	struct modepage m;
	uint32_t alloc;

	CHECK(modepage_asked(cdb, &m, &alloc));
	m.whole = true;
	CHECK_EQ(modepage_cached(&m, b, 237), 237);
	CHECK_EQ(m.ends, 0);
	b[0] = 235;
	b[5] = 230;
	CHECK_EQ(modepage_cached(&m, b, 236), 256);
	CHECK_EQ(b[0], 255);
	CHECK_EQ(m.ends, 239);
}

static void
others(void)
{
	static const uint8_t cdbs[][16] = {
	    {0x1a, 0, 0x3f, 0, 0},   {0x1a, 0, 1, 0, 192},
	    {0x1a, 0, 8, 1, 192},    {0x12, 0, 0x3f, 0, 192},
	    {0x1a, 0, 0x1c, 0, 192}, {0x5a, 0, 0x3f, 1, 0, 0, 0, 0, 192},
	};
	struct modepage m;
	uint32_t alloc;

	for (size_t i = 0; i < ARRAY_LEN(cdbs); i++)
		CHECK(!modepage_asked(cdbs[i], &m, &alloc));
}

static void
made_up(void)
{
	static const uint8_t six[24] = {23, 0, 0x10, 0, PAGE},
			     ten[28] = {0, 26, 0, 0x80, 0, 0, 0, 0, BARE};
	uint8_t b[MODEPAGE_HEADER + MODEPAGE_MORE];
	struct modepage m = {.specific = 0x10};

	CHECK_EQ(modepage_make(&m, b), 24);
	CHECK(memcmp(b, six, 24) == 0);
	CHECK_EQ(m.ends, 7);
	m = (struct modepage){.ten = true, .specific = 0x80};
	CHECK_EQ(modepage_make(&m, b), 28);
	CHECK(memcmp(b, ten, 28) == 0);
	CHECK_EQ(m.ends, 0);
}

TEST_MAIN(TEST(pages), TEST(full), TEST(others), TEST(made_up))
