/* SPDX-License-Identifier: ISC */
/* link: usb core */
#include "test/test.h"
#include "usb/scsi.h"

static struct scsi
stick(uint64_t blocks, bool ro)
{
	struct scsi s = {.blocks = blocks,
			 .ro = ro,
			 .product = "demo\xc3.img",
			 .serial = "0123456789ABCDEF"};
	struct scsi_task t;

	scsi_reset(&s);
	scsi_command(&s, (const uint8_t[16]){0x00}, 6, &t); /* the unit attention */
	CHECK(!t.good && s.sense == SCSI_WAS_RESET);
	return s;
}

static struct scsi_task
run(struct scsi *s, const uint8_t cdb[16])
{
	struct scsi_task t;

	scsi_command(s, cdb, 16, &t);
	return t;
}

#define RUN(s, ...) run(s, (const uint8_t[16]){__VA_ARGS__})

/* What a command becomes on a disk of 2048 blocks */
static const struct row {
	const char *what;
	uint8_t cdb[16];
	enum scsi_sense sense;
	enum scsi_todo todo;
	uint64_t at, len;
	bool fua;
} rows[] = {
    {"TEST UNIT READY", {0x00}, 0, SCSI_NOTHING, 0, 0, false},
    {"READ 6", {0x08, 0, 1, 2, 3}, 0, SCSI_READ, 258 * 512, 3 * 512, false},
    {"READ 6 of 256", {0x08, 0, 0, 0, 0}, 0, SCSI_READ, 0, 256 * 512, false},
    {"READ 6, upper bits", {0x08, 0xe0, 0, 1, 1}, 0, SCSI_READ, 512, 512, false},
    {"READ 10", {0x28, 0, 0, 0, 7, 0xff, 0, 0, 1}, 0, SCSI_READ, 2047 * 512, 512, false},
    {"READ 10 of 0", {0x28, 0, 0, 0, 8, 0, 0, 0, 0}, 0, SCSI_NOTHING, 1048576, 0, false},
    {"READ 10 FUA", {0x28, 8, 0, 0, 0, 0, 0, 0, 1}, 0, SCSI_READ, 0, 512, true},
    {"READ 10 at the end",
     {0x28, 0, 0, 0, 8, 0, 0, 0, 1},
     SCSI_BAD_LBA,
     SCSI_NOTHING,
     0,
     0,
     false},
    {"READ 10 over the end",
     {0x28, 0, 0, 0, 7, 0xff, 0, 0, 2},
     SCSI_BAD_LBA,
     SCSI_NOTHING,
     0,
     0,
     false},
    {"READ 10 protect", {0x28, 0x20, [8] = 1}, SCSI_BAD_FIELD, SCSI_NOTHING, 0, 0, false},
    {"READ 12", {0xa8, [5] = 1, [8] = 1, [9] = 0}, 0, SCSI_READ, 512, 256 * 512, false},
    {"READ 16", {0x88, [9] = 1, [13] = 2}, 0, SCSI_READ, 512, 1024, false},
    {"READ 16 far", {0x88, 0, 0xff, [13] = 2}, SCSI_BAD_LBA, SCSI_NOTHING, 0, 0, false},
    {"READ 16 wraps",
     {0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2},
     SCSI_BAD_LBA,
     SCSI_NOTHING,
     0,
     0,
     false},
    {"WRITE 6", {0x0a, 0, 0, 2, 1}, 0, SCSI_WRITE, 1024, 512, false},
    {"WRITE 10 FUA", {0x2a, 8, [8] = 2}, 0, SCSI_WRITE, 0, 1024, true},
    {"WRITE 12", {0xaa, [9] = 2}, 0, SCSI_WRITE, 0, 1024, false},
    {"WRITE 16", {0x8a, [13] = 2}, 0, SCSI_WRITE, 0, 1024, false},
    {"VERIFY 10", {0x2f, [8] = 9}, 0, SCSI_VERIFY, 0, 9 * 512, false},
    {"VERIFY 10 BYTCHK", {0x2f, 2, [8] = 9}, SCSI_BAD_FIELD, SCSI_NOTHING, 0, 0, false},
    {"VERIFY 16", {0x8f, [13] = 9}, 0, SCSI_VERIFY, 0, 9 * 512, false},
    {"SYNCHRONIZE CACHE 10", {0x35}, 0, SCSI_FLUSH, 0, 0, false},
    {"SYNCHRONIZE CACHE IMMED", {0x35, 2, [8] = 1}, 0, SCSI_FLUSH, 0, 0, false},
    {"SYNCHRONIZE CACHE far", {0x35, 0, 0xff}, SCSI_BAD_LBA, SCSI_NOTHING, 0, 0, false},
    {"SYNCHRONIZE CACHE 16", {0x91}, 0, SCSI_FLUSH, 0, 0, false},
    {"START", {0x1b, [4] = 1}, 0, SCSI_NOTHING, 0, 0, false},
    {"STOP flushes", {0x1b, [4] = 0}, 0, SCSI_FLUSH, 0, 0, false},
    {"PREVENT", {0x1e, [4] = 1}, 0, SCSI_NOTHING, 0, 0, false},
    {"ALLOW flushes", {0x1e, [4] = 0}, 0, SCSI_FLUSH, 0, 0, false},
    {"INQUIRY", {0x12, [4] = 36}, 0, SCSI_SEND, 0, 36, false},
    {"INQUIRY of 5", {0x12, [4] = 5}, 0, SCSI_SEND, 0, 5, false},
    {"INQUIRY of 0", {0x12}, 0, SCSI_NOTHING, 0, 0, false},
    {"INQUIRY of 512", {0x12, [3] = 2}, 0, SCSI_SEND, 0, 36, false},
    {"INQUIRY of a page",
     {0x12, 0, 0x80, 0, 36},
     SCSI_BAD_FIELD,
     SCSI_NOTHING,
     0,
     0,
     false},
    {"VPD pages", {0x12, 1, 0, 0, 255}, 0, SCSI_SEND, 0, 7, false},
    {"VPD serial", {0x12, 1, 0x80, 0, 255}, 0, SCSI_SEND, 0, 20, false},
    {"VPD identification", {0x12, 1, 0x83, 0, 255}, 0, SCSI_SEND, 0, 32, false},
    {"VPD none", {0x12, 1, 0xb0, 0, 255}, SCSI_BAD_FIELD, SCSI_NOTHING, 0, 0, false},
    {"MODE SENSE 6", {0x1a, 0, 0x3f, 0, 192}, 0, SCSI_SEND, 0, 24, false},
    {"MODE SENSE 6, 8", {0x1a, 0, 0x08, 0, 4}, 0, SCSI_SEND, 0, 4, false},
    {"MODE SENSE 6, saved",
     {0x1a, 0, 0xc8, 0, 192},
     SCSI_NO_SAVING,
     SCSI_NOTHING,
     0,
     0,
     false},
    {"MODE SENSE 6, 1c",
     {0x1a, 0, 0x1c, 0, 192},
     SCSI_BAD_FIELD,
     SCSI_NOTHING,
     0,
     0,
     false},
    {"MODE SENSE 10", {0x5a, 0, 0x3f, [8] = 255}, 0, SCSI_SEND, 0, 28, false},
    {"READ CAPACITY 10", {0x25}, 0, SCSI_SEND, 0, 8, false},
    {"READ CAPACITY 10, LBA", {0x25, [5] = 1}, SCSI_BAD_FIELD, SCSI_NOTHING, 0, 0, false},
    {"READ CAPACITY 16", {0x9e, 0x10, [13] = 32}, 0, SCSI_SEND, 0, 32, false},
    {"READ LONG 16", {0x9e, 0x11, [13] = 32}, SCSI_BAD_FIELD, SCSI_NOTHING, 0, 0, false},
    {"READ FORMAT CAPACITIES", {0x23, [8] = 252}, 0, SCSI_SEND, 0, 12, false},
    {"REPORT LUNS", {0xa0, [9] = 16}, 0, SCSI_SEND, 0, 16, false},
    {"REPORT LUNS of 8", {0xa0, [9] = 8}, SCSI_BAD_FIELD, SCSI_NOTHING, 0, 0, false},
    {"REQUEST SENSE", {0x03, [4] = 18}, 0, SCSI_SEND, 0, 18, false},
    {"REQUEST SENSE of 252", {0x03, [4] = 252}, 0, SCSI_SEND, 0, 18, false},
    {"REQUEST SENSE, DESC", {0x03, 1, [4] = 18}, 0, SCSI_SEND, 0, 8, false},
    {"MODE SELECT 6", {0x15, 0x10}, SCSI_BAD_OPCODE, SCSI_NOTHING, 0, 0, false},
    {"FORMAT UNIT", {0x04}, SCSI_BAD_OPCODE, SCSI_NOTHING, 0, 0, false},
    {"UNMAP", {0x42}, SCSI_BAD_OPCODE, SCSI_NOTHING, 0, 0, false},
    {"ATA PASS-THROUGH", {0xa1}, SCSI_BAD_OPCODE, SCSI_NOTHING, 0, 0, false},
    {"vendor", {0xff}, SCSI_BAD_OPCODE, SCSI_NOTHING, 0, 0, false},
};

static void
commands(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct scsi s = stick(2048, false);
		struct scsi_task t = run(&s, r->cdb);

		printf("# %s\n", r->what);
		CHECK_EQ(s.sense, r->sense);
		CHECK(t.good == (r->sense == SCSI_NO_SENSE));
		CHECK_EQ(t.todo, r->todo);
		CHECK_EQ(t.at, r->at);
		CHECK_EQ(t.len, r->len);
		CHECK(t.fua == r->fua);
	}
}

/* Every opcode with every length of command: an answer, in bounds, no surprise. */
static void
any_bytes(void)
{
	uint32_t seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		struct scsi s = {.blocks = 2048, .serial = "0123456789ABCDEF"};
		struct scsi_task t;
		uint8_t cdb[16];

		for (size_t k = 0; k < sizeof(cdb); k++)
			cdb[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		cdb[0] = (uint8_t)i;
		scsi_command(&s, cdb, 1 + i % 16, &t);
		CHECK(t.good == (s.sense == SCSI_NO_SENSE));
		CHECK(t.good || t.todo == SCSI_NOTHING);
		if (t.todo == SCSI_SEND)
			CHECK(t.len > 0 && t.len <= SCSI_REPLY);
		if (t.todo == SCSI_READ || t.todo == SCSI_WRITE)
			CHECK(t.at + t.len <= 2048 * 512 && t.len > 0);
	}
}

static void
short_commands(void)
{
	struct scsi s = stick(2048, false);
	struct scsi_task t;

	scsi_command(&s, (const uint8_t[16]){0x28, [8] = 1}, 9, &t);
	CHECK(!t.good && s.sense == SCSI_BAD_FIELD);
	scsi_command(&s, (const uint8_t[16]){0x28, [8] = 1}, 10, &t);
	CHECK(t.good && t.todo == SCSI_READ);
}

static void
inquiry_data(void)
{
	struct scsi s = stick(2048, false);

	RUN(&s, 0x12, [4] = 36);
	CHECK(memcmp(s.reply, "\0\x80\5\2\x1f\0\0\0usbp2p  demo?.img       0.1 ", 36) ==
	      0);
	RUN(&s, 0x12, 1, 0, 0, 255);
	CHECK(memcmp(s.reply, "\0\0\0\3\0\x80\x83", 7) == 0);
	RUN(&s, 0x12, 1, 0x80, 0, 255);
	CHECK(memcmp(s.reply,
		     "\0\x80\0\x10"
		     "0123456789ABCDEF",
		     20) == 0);
	RUN(&s, 0x12, 1, 0x83, 0, 255);
	CHECK(memcmp(s.reply, "\0\x83\0\x1c\2\1\0\x18usbp2p  0123456789ABCDEF", 32) == 0);
}

static void
capacities(void)
{
	struct scsi s = stick(2048, false);

	RUN(&s, 0x25);
	CHECK(memcmp(s.reply, "\0\0\7\xff\0\0\2\0", 8) == 0);
	RUN(&s, 0x9e, 0x10, [13] = 32);
	CHECK(memcmp(s.reply, "\0\0\0\0\0\0\7\xff\0\0\2\0\0\0\0\0", 16) == 0);
	RUN(&s, 0x23, [8] = 252);
	CHECK(memcmp(s.reply, "\0\0\0\x08\0\0\x08\0\2\0\2\0", 12) == 0);
	RUN(&s, 0xa0, [9] = 16);
	CHECK(memcmp(s.reply, "\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
	s = stick(0x100000000, false); /* the last LBA that READ CAPACITY 10 can't say */
	RUN(&s, 0x25);
	CHECK(memcmp(s.reply, "\xff\xff\xff\xff\0\0\2\0", 8) == 0);
	RUN(&s, 0x9e, 0x10, [13] = 32);
	CHECK(memcmp(s.reply, "\0\0\0\0\xff\xff\xff\xff\0\0\2\0", 12) == 0);
}

static void
mode_pages(void)
{
	struct scsi s = stick(2048, false), ro = stick(2048, true);

	RUN(&s, 0x1a, 0, 0x3f, 0, 192);
	CHECK(memcmp(s.reply, "\x17\0\x10\0\x08\x12\4\0", 8) == 0); /* DPOFUA, WCE */
	RUN(&s, 0x1a, 0, 0x48, 0, 192); /* changeable: nothing */
	CHECK(memcmp(s.reply, "\x17\0\x10\0\x08\x12\0\0", 8) == 0);
	RUN(&s, 0x5a, 0, 0x08, [8] = 192);
	CHECK(memcmp(s.reply, "\0\x1a\0\x10\0\0\0\0\x08\x12\4\0", 12) == 0);
	RUN(&ro, 0x1a, 0, 0x3f, 0, 192);
	CHECK(memcmp(ro.reply, "\x17\0\x80\0\x08\x12\0\0", 8) == 0); /* write protected */
}

static void
sense_is_told_once(void)
{
	struct scsi s = stick(2048, false);

	CHECK(!RUN(&s, 0xff).good);
	RUN(&s, 0x03, [4] = 18);
	CHECK(memcmp(s.reply, "\x70\0\5\0\0\0\0\x0a\0\0\0\0\x20\0\0\0\0\0", 18) == 0);
	RUN(&s, 0x03, [4] = 18);
	CHECK(memcmp(s.reply, "\x70\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0", 18) == 0);
	scsi_failed(&s, SCSI_READ_ERROR, 0x01020304);
	RUN(&s, 0x03, [4] = 18);
	CHECK(memcmp(s.reply, "\xf0\0\3\1\2\3\4\x0a\0\0\0\0\x11\0\0\0\0\0", 18) == 0);
	scsi_failed(&s, SCSI_WRITE_ERROR, UINT64_MAX); /* where is not known */
	RUN(&s, 0x03, [4] = 18);
	CHECK(memcmp(s.reply, "\x70\0\3\0\0\0\0\x0a\0\0\0\0\x0c\0\0\0\0\0", 18) == 0);
	scsi_failed(&s, SCSI_WRITE_ERROR, 1);
	RUN(&s, 0x03, 1, [4] = 18);
	CHECK(memcmp(s.reply, "\x72\3\x0c\0\0\0\0\0", 8) == 0);
	scsi_reset(&s); /* REQUEST SENSE and INQUIRY do not stumble over it */
	CHECK(RUN(&s, 0x12, [4] = 36).good);
	RUN(&s, 0x03, [4] = 18);
	CHECK(s.reply[2] == 6 && s.reply[12] == 0x29);
	CHECK(RUN(&s, 0x00).good);
}

static void
read_only(void)
{
	static const uint8_t writes[] = {0x0a, 0x2a, 0xaa, 0x8a};
	struct scsi s = stick(2048, true);

	for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
		CHECK(!RUN(&s, writes[i], [4] = 1, [8] = 1, [9] = 1, [13] = 1).good);
		CHECK_EQ(s.sense, SCSI_READ_ONLY);
	}
	CHECK_EQ(RUN(&s, 0x28, [8] = 1).todo, SCSI_READ);
}

static void
ejecting(void)
{
	struct scsi s = stick(2048, false);

	RUN(&s, 0x1e, [4] = 1);
	CHECK(!RUN(&s, 0x1b, [4] = 2).good);
	CHECK_EQ(s.sense, SCSI_LOCKED);
	CHECK(RUN(&s, 0x00).good);
	RUN(&s, 0x1e, [4] = 0);
	CHECK_EQ(RUN(&s, 0x1b, [4] = 2).todo, SCSI_FLUSH);
	CHECK(!RUN(&s, 0x00).good);
	CHECK_EQ(s.sense, SCSI_NO_MEDIUM);
	CHECK(!RUN(&s, 0x28, [8] = 1).good);
	CHECK(!RUN(&s, 0x1b, [4] = 1).good);
	CHECK(RUN(&s, 0x12, [4] = 36).good);
	CHECK(RUN(&s, 0x1b, [4] = 3).good);
	CHECK(!RUN(&s, 0x00).good);
	CHECK_EQ(s.sense, SCSI_NEW_MEDIUM);
	CHECK(RUN(&s, 0x00).good);
}

TEST_MAIN(TEST(commands), TEST(any_bytes), TEST(short_commands), TEST(inquiry_data),
	  TEST(capacities), TEST(mode_pages), TEST(sense_is_told_once), TEST(read_only),
	  TEST(ejecting))
