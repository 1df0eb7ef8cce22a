/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/cur.h"
#include "test/test.h"

static void
reads_back(void)
{
	uint8_t b[64], x[3];
	struct wr w;
	struct rd r;
	char s[8];

	wr_init(&w, b, sizeof(b));
	wr_u8(&w, 0xfe);
	wr_le16(&w, 0x1234);
	wr_le32(&w, 0x89abcdef);
	wr_le64(&w, 0x0123456789abcdefull);
	wr_be16(&w, 0x1234);
	wr_be32(&w, 0x89abcdef);
	wr_bytes(&w, "abc", 3);
	wr_str8(&w, "lab");
	CHECK(!w.bad);
	CHECK(b[1] == 0x34 && b[2] == 0x12);   /* ours: little-endian */
	CHECK(b[15] == 0x12 && b[16] == 0x34); /* USB/IP: big-endian */
	rd_init(&r, b, (size_t)(w.p - b));
	CHECK_EQ(rd_u8(&r), 0xfe);
	CHECK_EQ(rd_le16(&r), 0x1234);
	CHECK_EQ(rd_le32(&r), 0x89abcdef);
	CHECK(rd_le64(&r) == 0x0123456789abcdefull);
	CHECK_EQ(rd_be16(&r), 0x1234);
	CHECK_EQ(rd_be32(&r), 0x89abcdef);
	rd_bytes(&r, x, 3);
	CHECK(memcmp(x, "abc", 3) == 0);
	rd_str8(&r, s, sizeof(s));
	CHECK(strcmp(s, "lab") == 0);
	CHECK(!r.bad && rd_left(&r) == 0);
}

static void
past_the_end_is_sticky(void)
{
	uint8_t b[3] = {1, 2, 3};
	struct rd r;
	struct wr w;

	rd_init(&r, b, sizeof(b));
	CHECK_EQ(rd_le32(&r), 0);
	CHECK(r.bad);
	CHECK_EQ(rd_u8(&r), 0); /* there is one, but the reader has failed */
	wr_init(&w, b, sizeof(b));
	wr_le32(&w, 0xffffffff);
	CHECK(w.bad);
	wr_u8(&w, 9);
	CHECK(b[0] == 1);
}

static void
the_end_is_the_end(void)
{
	uint8_t b[2] = {1, 2};
	struct rd r;

	rd_init(&r, b, sizeof(b));
	CHECK_EQ(rd_u8(&r), 1);
	CHECK_EQ(rd_end(&r), ERR_PROTO); /* one is left */
	CHECK_EQ(rd_u8(&r), 2);
	CHECK_EQ(rd_end(&r), ERR_OK);
	(void)rd_u8(&r);
	CHECK_EQ(rd_end(&r), ERR_PROTO); /* one was missing */
}

static void
strings_are_checked(void)
{
	static const uint8_t nul[] = {2, 'a', 0}, cut[] = {5, 'a'},
			     big[] = {4, 'a', 'b', 'c', 'd'};
	static const struct {
		const uint8_t *p;
		size_t n;
	} bad[] = {{nul, sizeof(nul)}, {cut, sizeof(cut)}, {big, sizeof(big)}};
	char s[4];
	struct rd r;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rd_init(&r, bad[i].p, bad[i].n);
		rd_str8(&r, s, sizeof(s));
		CHECK(r.bad);
		CHECK(s[0] == '\0');
	}
}

TEST_MAIN(TEST(reads_back), TEST(past_the_end_is_sticky), TEST(the_end_is_the_end),
	  TEST(strings_are_checked))
