/* SPDX-License-Identifier: ISC */
/*
 * The transport's states. Where 6.7 leaves a choice: data to the host that ends
 * early halts bulk IN (it spares the bus the padding); data from the host that
 * nobody wants is taken and dropped (it has crossed the network by then, a halt
 * would only cost the host another round trip).
 */
#include "usb/bot.h"

#include "core/cur.h"
#include "core/mem.h"

#define CBW_SIGNATURE 0x43425355 /* "USBC" */
#define CSW_SIGNATURE 0x53425355 /* "USBS" */

void
bot_reset(struct bot *b)
{
	*b = (struct bot){.state = BOT_CBW};
}

void
bot_recover(struct bot *b)
{
	bool in = b->halted[BOT_PIPE_IN], out = b->halted[BOT_PIPE_OUT];

	*b = (struct bot){.state = BOT_CBW, .halted = {in, out}};
}

void
bot_clear_halt(struct bot *b, enum bot_pipe pipe)
{
	if (b->state != BOT_DEAD)
		b->halted[pipe] = false;
}

void
bot_halt(struct bot *b, enum bot_pipe pipe)
{
	b->halted[pipe] = true;
}

static void
die(struct bot *b)
{
	b->state = BOT_DEAD;
	b->halted[BOT_PIPE_IN] = true;
	b->halted[BOT_PIPE_OUT] = true;
}

/* 5.1, 6.2.1 and 6.2.2: our only unit is 0, reserved bits are zero */
static bool
cbw_valid(struct bot *b, const uint8_t *p, size_t n, uint8_t *cdb_len)
{
	struct rd r;
	uint8_t flags, lun;

	rd_init(&r, p, n);
	if (n != BOT_CBW_LEN || rd_le32(&r) != CBW_SIGNATURE)
		return false;
	b->tag = rd_le32(&r);
	b->want = rd_le32(&r);
	flags = rd_u8(&r);
	lun = rd_u8(&r);
	*cdb_len = rd_u8(&r);
	b->dir = b->want == 0 ? BOT_NO_DATA : flags & 0x80 ? BOT_DATA_IN : BOT_DATA_OUT;
	return (flags & 0x7f) == 0 && lun == 0 && *cdb_len >= 1 && *cdb_len <= 16;
}

int
bot_cbw(struct bot *b, const uint8_t *p, size_t n, const uint8_t **cdb, size_t *cdb_len)
{
	uint8_t len;

	ASSERT(b->state == BOT_CBW);
	if (!cbw_valid(b, p, n, &len)) {
		die(b);
		return ERR_PROTO;
	}
	*cdb = p + BOT_CBW_LEN - 16;
	*cdb_len = len;
	b->take = b->moved = b->used = 0;
	b->phase_error = false;
	b->state = BOT_COMMAND;
	return ERR_OK;
}

/*
 * 6.7: what the host expects against what the device intends. RUN: the command
 * runs, in the part that both agree on; PHASE: phase error afterwards.
 */
#define RUN   1
#define PHASE 2

enum size { DEVICE_LESS, SAME, DEVICE_MORE };

static const uint8_t agreed[3][3] = {
    /*		      device: none, in, out */
    [BOT_NO_DATA] = {RUN, PHASE, PHASE}, /* cases 1, 2, 3 */
    [BOT_DATA_IN] = {RUN, RUN, PHASE},   /* 4, 5 to 7, 8 */
    [BOT_DATA_OUT] = {RUN, PHASE, RUN},  /* 9, 10, 11 to 13 */
};

static const uint8_t sized[3][3] = {
    /*		      device: less, same, more */
    [BOT_NO_DATA] = {RUN, RUN, RUN},
    [BOT_DATA_IN] = {RUN, RUN, RUN | PHASE}, /* 5, 6, 7 */
    [BOT_DATA_OUT] = {RUN, RUN, PHASE},      /* 11, 12, 13 */
};

static enum size
compare(const struct bot *b, enum bot_dir dir, uint64_t len)
{
	if (dir != b->dir || len == b->want)
		return SAME;
	return len < b->want ? DEVICE_LESS : DEVICE_MORE;
}

static void
data_over(struct bot *b)
{
	if (b->dir == BOT_DATA_IN && b->moved < b->want)
		b->halted[BOT_PIPE_IN] = true;
	b->state = BOT_END;
}

/* Whether the data phase is over; if not, it stays. */
static void
settle(struct bot *b)
{
	uint32_t end = b->dir == BOT_DATA_OUT ? b->want : b->take;

	if (b->moved >= end)
		data_over(b);
}

bool
bot_begin(struct bot *b, enum bot_dir dir, uint64_t len)
{
	static const enum bot_state phases[] = {BOT_END, BOT_IN, BOT_OUT};
	uint8_t what;

	ASSERT(b->state == BOT_COMMAND);
	if (len == 0)
		dir = BOT_NO_DATA;
	what = agreed[b->dir][dir];
	if (what & RUN)
		what = sized[b->dir][compare(b, dir, len)];
	b->phase_error = what & PHASE;
	if ((what & RUN) && dir != BOT_NO_DATA)
		b->take = len < b->want ? (uint32_t)len : b->want;
	b->state = phases[b->dir];
	settle(b);
	return what & RUN;
}

uint32_t
bot_left(const struct bot *b)
{
	return b->take - b->moved;
}

uint32_t
bot_expected(const struct bot *b)
{
	return b->want - b->moved;
}

void
bot_moved(struct bot *b, uint32_t n, uint32_t used)
{
	ASSERT(b->state == BOT_IN || b->state == BOT_OUT);
	ASSERT(n <= bot_expected(b) && used <= n);
	b->moved += n;
	b->used += used;
	if (b->moved > b->take)
		b->take = b->moved; /* dropped: nothing is left of the command */
	settle(b);
}

void
bot_cut(struct bot *b)
{
	b->take = b->moved;
	if (b->state == BOT_IN || b->state == BOT_OUT)
		settle(b);
}

void
bot_host_ended(struct bot *b)
{
	ASSERT(b->state == BOT_OUT);
	data_over(b);
}

void
bot_end(struct bot *b, bool passed)
{
	ASSERT(b->state == BOT_END);
	b->status = b->phase_error ? BOT_PHASE_ERROR : passed ? BOT_PASSED : BOT_FAILED;
	b->state = BOT_CSW;
}

void
bot_csw(const struct bot *b, uint8_t out[BOT_CSW_LEN])
{
	struct wr w;

	wr_init(&w, out, BOT_CSW_LEN);
	wr_le32(&w, CSW_SIGNATURE);
	wr_le32(&w, b->tag);
	wr_le32(&w, b->want - b->used);
	wr_u8(&w, (uint8_t)b->status);
}

void
bot_csw_sent(struct bot *b)
{
	ASSERT(b->state == BOT_CSW);
	b->state = BOT_CBW;
}

const char *
bot_state_name(enum bot_state s)
{
	static const char *const names[] = {
#define BOT_NAME(name) [BOT_##name] = #name,
	    BOT_STATES(BOT_NAME)
#undef BOT_NAME
	};

	return names[s];
}
