/* SPDX-License-Identifier: ISC */
/* link: usb core */
#include "core/cur.h"
#include "test/test.h"
#include "usb/bot.h"

#define TAG 0x12345678

static void
cbw(uint8_t p[BOT_CBW_LEN], uint32_t len, uint8_t flags)
{
	struct wr w;

	memset(p, 0, BOT_CBW_LEN);
	wr_init(&w, p, BOT_CBW_LEN);
	wr_le32(&w, 0x43425355);
	wr_le32(&w, TAG);
	wr_le32(&w, len);
	wr_u8(&w, flags);
	wr_u8(&w, 0);
	wr_u8(&w, 6);
	wr_u8(&w, 0xaa);
}

static void
command(struct bot *b, enum bot_dir host, uint32_t len)
{
	uint8_t p[BOT_CBW_LEN];
	const uint8_t *cdb;
	size_t n;

	cbw(p, len, host == BOT_DATA_IN ? 0x80 : 0);
	CHECK_EQ(bot_cbw(b, p, sizeof(p), &cdb, &n), ERR_OK);
	CHECK(n == 6 && cdb[0] == 0xaa && cdb == p + 15);
}

/* The wrapper: status, or -1 if it is no good; residue */
static int
status(struct bot *b, uint32_t *residue)
{
	uint8_t p[BOT_CSW_LEN];
	struct rd r;
	uint32_t sig, tag;
	uint8_t s;

	bot_csw(b, p);
	bot_csw_sent(b);
	rd_init(&r, p, sizeof(p));
	sig = rd_le32(&r);
	tag = rd_le32(&r);
	*residue = rd_le32(&r);
	s = rd_u8(&r);
	return sig == 0x53425355 && tag == TAG && b->state == BOT_CBW ? s : -1;
}

#define N BOT_NO_DATA
#define I BOT_DATA_IN
#define O BOT_DATA_OUT

/* 6.7: moved is what goes over the bus, used what the command gets of it */
static const struct thirteen {
	int number;
	enum bot_dir host, device;
	uint32_t host_len;
	uint64_t device_len;
	bool runs;
	uint32_t moved, used;
	bool stall;
	int status;
	uint32_t residue;
} cases[] = {
    {1, N, N, 0, 0, true, 0, 0, false, BOT_PASSED, 0},
    {2, N, I, 0, 512, false, 0, 0, false, BOT_PHASE_ERROR, 0},
    {3, N, O, 0, 512, false, 0, 0, false, BOT_PHASE_ERROR, 0},
    {4, I, N, 512, 0, true, 0, 0, true, BOT_PASSED, 512},
    {5, I, I, 512, 36, true, 36, 36, true, BOT_PASSED, 476},
    {6, I, I, 512, 512, true, 512, 512, false, BOT_PASSED, 0},
    {7, I, I, 512, 1024, true, 512, 512, false, BOT_PHASE_ERROR, 0},
    {8, I, O, 512, 512, false, 0, 0, true, BOT_PHASE_ERROR, 512},
    {9, O, N, 512, 0, true, 512, 0, false, BOT_PASSED, 512},
    {10, O, I, 512, 512, false, 512, 0, false, BOT_PHASE_ERROR, 512},
    {11, O, O, 1024, 512, true, 1024, 512, false, BOT_PASSED, 512},
    {12, O, O, 512, 512, true, 512, 512, false, BOT_PASSED, 0},
    {13, O, O, 512, 1024, false, 512, 0, false, BOT_PHASE_ERROR, 512},
    {7, I, I, 512, 1ull << 41, true, 512, 512, false, BOT_PHASE_ERROR, 0},
    {13, O, O, 0xffffffff, 1ull << 41, false, 0xffffffff, 0, false, BOT_PHASE_ERROR,
     0xffffffff},
};

/* Moves the data in pieces, as a command that takes what it gets. */
static uint32_t
data(struct bot *b, uint32_t piece)
{
	uint32_t moved = 0;

	while (b->state == BOT_IN || b->state == BOT_OUT) {
		uint32_t n = bot_left(b) ? bot_left(b) : bot_expected(b);

		if (n > piece)
			n = piece;
		bot_moved(b, n, bot_left(b) ? n : 0);
		moved += n;
	}
	return moved;
}

static void
check_case(const struct thirteen *c, uint32_t piece)
{
	struct bot b;
	uint32_t residue;

	printf("# case %d\n", c->number);
	bot_reset(&b);
	command(&b, c->host, c->host_len);
	CHECK(bot_begin(&b, c->device, c->device_len) == c->runs);
	CHECK_EQ(data(&b, piece), c->moved);
	CHECK_EQ(b.used, c->used);
	CHECK_EQ(b.state, BOT_END);
	CHECK(b.halted[BOT_PIPE_IN] == c->stall);
	CHECK(!b.halted[BOT_PIPE_OUT]);
	bot_clear_halt(&b, BOT_PIPE_IN);
	CHECK(!b.halted[BOT_PIPE_IN]);
	bot_end(&b, true);
	CHECK_EQ(status(&b, &residue), c->status);
	CHECK_EQ(residue, c->residue);
}

static void
thirteen_cases(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_case(&cases[i], 0xffffffff);
		if (cases[i].moved < 4096)
			check_case(&cases[i], 1);
	}
}

static void
failed_commands(void)
{
	struct bot b;
	uint32_t residue;

	bot_reset(&b);
	command(&b, I, 4096); /* a read that fails in the middle */
	CHECK(bot_begin(&b, I, 4096));
	bot_moved(&b, 1024, 1024);
	bot_cut(&b);
	CHECK_EQ(b.state, BOT_END);
	CHECK(b.halted[BOT_PIPE_IN]);
	bot_end(&b, false);
	CHECK_EQ(status(&b, &residue), BOT_FAILED);
	CHECK_EQ(residue, 3072);

	bot_reset(&b);
	command(&b, O, 4096); /* a write: the rest is taken and dropped */
	CHECK(bot_begin(&b, O, 4096));
	bot_moved(&b, 1024, 512);
	bot_cut(&b);
	CHECK_EQ(b.state, BOT_OUT);
	CHECK_EQ(bot_left(&b), 0);
	CHECK_EQ(bot_expected(&b), 3072);
	bot_moved(&b, 3072, 0);
	CHECK_EQ(b.state, BOT_END);
	bot_end(&b, false);
	CHECK_EQ(status(&b, &residue), BOT_FAILED);
	CHECK_EQ(residue, 3584);

	bot_reset(&b);
	command(&b, O, 4096); /* the host sends a short packet */
	CHECK(bot_begin(&b, O, 4096));
	bot_moved(&b, 512, 512);
	bot_host_ended(&b);
	CHECK_EQ(b.state, BOT_END);
	bot_end(&b, false);
	CHECK_EQ(status(&b, &residue), BOT_FAILED);
	CHECK_EQ(residue, 3584);
}

static const struct bad {
	const char *what;
	size_t len, at;
	uint8_t byte;
} bads[] = {
    {"too short", 30, 0, 0x55}, {"empty", 0, 0, 0x55},
    {"signature", 31, 3, 0x44}, {"reserved flags", 31, 12, 0x81},
    {"unit 1", 31, 13, 1},      {"reserved bits of the unit", 31, 13, 0x10},
    {"no command", 31, 14, 0},  {"long command", 31, 14, 17},
};

static void
invalid_wrappers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		uint8_t p[BOT_CBW_LEN];
		const uint8_t *cdb;
		size_t n;
		struct bot b;

		printf("# %s\n", bads[i].what);
		bot_reset(&b);
		cbw(p, 0, 0);
		p[bads[i].at] = bads[i].byte;
		CHECK_EQ(bot_cbw(&b, p, bads[i].len, &cdb, &n), ERR_PROTO);
		CHECK_EQ(b.state, BOT_DEAD);
		bot_clear_halt(&b, BOT_PIPE_IN); /* does not help alone (6.6.1) */
		bot_clear_halt(&b, BOT_PIPE_OUT);
		CHECK(b.halted[BOT_PIPE_IN] && b.halted[BOT_PIPE_OUT]);
		bot_recover(&b);
		CHECK(b.halted[BOT_PIPE_IN] && b.halted[BOT_PIPE_OUT]);
		bot_clear_halt(&b, BOT_PIPE_IN);
		bot_clear_halt(&b, BOT_PIPE_OUT);
		CHECK(!b.halted[BOT_PIPE_IN] && !b.halted[BOT_PIPE_OUT]);
		command(&b, N, 0);
	}
}

static void
resets(void)
{
	struct bot b;

	bot_reset(&b);
	command(&b, O, 4096);
	CHECK(bot_begin(&b, O, 4096));
	bot_halt(&b, BOT_PIPE_OUT);
	bot_recover(&b);
	CHECK(b.state == BOT_CBW && b.halted[BOT_PIPE_OUT] && !b.halted[BOT_PIPE_IN]);
	bot_reset(&b);
	CHECK(b.state == BOT_CBW && !b.halted[BOT_PIPE_OUT]);
	CHECK(strcmp(bot_state_name(BOT_DEAD), "DEAD") == 0);
}

TEST_MAIN(TEST(thirteen_cases), TEST(failed_commands), TEST(invalid_wrappers),
	  TEST(resets))
