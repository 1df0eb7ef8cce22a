/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A wild door and a wild device around an export engine. The input is a list of
 * operations. What must hold: one reply per request, no urb with the device
 * behind a barrier, one cancel per urb at most, no byte of memory left.
 */
#include "core/export.h"
#include "core/list.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/fuzz/fuzz.h"

#define SLOTS 64
#define TAGS  32

struct lent {
	struct urb *urb;
	bool cancelled;
};

static struct export *ex;
static struct lent lent[SLOTS];
static void *handles[SLOTS];
static unsigned lents, handle_count;
static int owed[TAGS]; /* replies */
static bool ended, ending;
static struct dice dice;

static struct lent *
find(const struct urb *u)
{
	for (unsigned i = 0; i < lents; i++)
		if (lent[i].urb == u)
			return &lent[i];
	return NULL;
}

/* Results as a device makes them, mostly possible ones. */
static void
run_packets(struct urb *u)
{
	for (uint32_t i = 0; i < u->packets; i++) {
		unsigned mood = dice_u8(&dice);

		u->iso[i].actual = mood & 1 ? u->iso[i].length : mood * mood;
		u->iso[i].status = mood & 2 ? 0 : (int32_t)mood - 250;
	}
}

static void
give_back(unsigned i, int32_t status, uint32_t actual)
{
	struct urb *u = lent[i].urb;

	run_packets(u);
	lent[i] = lent[--lents];
	u->status = status;
	u->actual = actual;
	export_complete(ex, u);
}

static void
check_packets(const struct urb *u)
{
	uint32_t end = 0;

	MUST((u->type == URB_ISO) == (u->packets > 0));
	for (uint32_t i = 0; i < u->packets; i++) {
		const struct urb_iso *p = &u->iso[i];

		MUST(p->actual == 0 && p->status == -LINUX_EXDEV);
		MUST(p->offset <= u->len && p->length <= u->len - p->offset);
		MUST(!urb_in(u) || p->offset >= end);
		end = p->offset + p->length;
	}
}

static int
dev_submit(void *dev, struct urb *u)
{
	static const int says[] = {ERR_GONE, ERR_NOMEM, ERR_FAIL};
	unsigned mood = dice_u8(&dice);

	(void)dev;
	MUST(!ending);
	for (unsigned i = 0; i < lents; i++)
		MUST(lent[i].urb->job == URB_JOB_NONE);
	MUST(u->type == URB_CONTROL || u->job == URB_JOB_NONE);
	check_packets(u);
	if (u->len > 0)
		memset(u->buf, 0xaa, u->len);
	if (mood & 1)
		run_packets(u);
	if (mood >= 250)
		return says[mood % 3];
	if (mood >= 240 || lents == SLOTS) {
		u->status = 0;
		u->actual = mood;
		export_complete(ex, u);
		return ERR_OK;
	}
	lent[lents++] = (struct lent){.urb = u};
	return ERR_OK;
}

static void
dev_cancel(void *dev, struct urb *u)
{
	struct lent *l = find(u);

	(void)dev;
	MUST(l != NULL && !l->cancelled);
	l->cancelled = true;
	if (dice_u8(&dice) & 1)
		give_back((unsigned)(l - lent), -LINUX_ECONNRESET, 0);
}

static void
check_sum(const struct urb *u)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < u->packets; i++) {
		MUST(u->iso[i].actual <= u->iso[i].length || u->actual == 0);
		MUST(u->iso[i].status <= 0);
		sum += u->iso[i].actual;
	}
	MUST(sum == u->actual);
}

static void
door_reply(void *door, uint64_t tag, const struct urb *u, bool unlinked)
{
	(void)door;
	MUST(tag < TAGS && owed[tag] > 0 && !ending);
	owed[tag]--;
	MUST(u->actual <= u->len && u->status <= 0);
	if (u->iso != NULL && u->type == URB_ISO && !unlinked)
		check_sum(u);
	MUST(!unlinked || (u->actual == 0 && u->status == -LINUX_ECONNRESET));
	if (dice_u8(&dice) == 255)
		export_unlink(ex, dice_u8(&dice) % TAGS);
}

static void
door_ended(void *door)
{
	(void)door;
	MUST(ending && !ended && lents == 0);
	ended = true;
}

static const struct export_ops ops = {dev_submit, dev_cancel, door_reply, door_ended};

static void
ask(void)
{
	static const uint8_t eps[] = {0x81, 0x02, 0x83, 0x04, 0x85, 0x06, 0x00, 0x80};
	static const uint8_t setups[][8] = {
	    {0, 9, 1, 0, 0, 0, 0, 0},     {0, 9, 2, 0, 0, 0, 0, 0},
	    {1, 11, 1, 0, 0, 0, 0, 0},    {1, 11, 1, 0, 2, 0, 0, 0},
	    {2, 1, 0, 0, 0x81, 0, 0, 0},  {0x23, 3, 4, 0, 1, 0, 0, 0},
	    {0x80, 6, 0, 1, 0, 0, 18, 0}, {0x21, 9, 0, 0, 0, 0, 4, 0},
	};
	unsigned how = dice_u8(&dice);
	struct export_request q = {.tag = dice_u8(&dice) % TAGS, .ep = eps[how & 7]};
	void *handle;
	uint8_t *buf;

	memcpy(q.setup, setups[dice_u8(&dice) & 7], 8);
	q.len = how & 0x80 ? dice_u16(&dice) * 3 : q.setup[6];
	q.flags = how & 0x40 ? ~0u : 0;
	q.packets = how & 0x20 ? ~0u : how & 0x10 ? dice_u8(&dice) % 20 : 0;
	if (q.packets == 19)
		q.packets = 1000 + dice_u8(&dice);
	if (how & 0x08)
		q.ep = (uint8_t)dice_u8(&dice);
	owed[q.tag]++;
	export_prepare(ex, &q, &handle, &buf);
	if (handle == NULL)
		return;
	if (buf != NULL)
		memset(buf, 0x55, q.len);
	for (uint32_t i = 0; q.packets != ~0u && i < q.packets; i++) {
		uint32_t step = how & 0x80 ? 500 : 2;

		export_iso(handle)[i] = (struct urb_iso){
		    i * step, dice_u8(&dice) % (step + (how & 0x40)), 5, 5, false};
	}
	handles[handle_count++] = handle;
}

static void
go(unsigned i)
{
	void *handle = handles[i];

	handles[i] = handles[--handle_count];
	export_go(ex, handle);
}

static void
turn(void)
{
	static const int32_t status[] = {0, -LINUX_ECONNRESET, -LINUX_EPIPE, 5};
	unsigned op = dice_u8(&dice);

	if (op < 100 && handle_count < SLOTS)
		ask();
	else if (op < 180 && handle_count > 0)
		go(op % handle_count);
	else if (op < 210)
		export_unlink(ex, op % TAGS);
	else if (op < 253 && lents > 0)
		give_back(op % lents, status[op & 3], dice_u8(&dice) % 20);
	else if (op == 255 && dice_u8(&dice) == 255)
		export_gone(ex);
}

/* Brings everything to its end: then every request has had its reply. */
static void
settle(void)
{
	while (handle_count > 0 || lents > 0) {
		if (handle_count > 0)
			go(0);
		if (lents > 0)
			give_back(0, 0, 0);
	}
	for (unsigned tag = 0; tag < TAGS; tag++)
		MUST(owed[tag] == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct export_conf conf = {
	    .urb_max = 100000, .raw = sample, .raw_len = sizeof(sample), .config = 1};
	struct pool pool = TEST_POOL(300000);
	bool calm;

	dice = (struct dice){p, p + n};
	lents = handle_count = 0;
	memset(owed, 0, sizeof(owed));
	ended = ending = false;
	MUST(export_new(&ex, &pool, &conf, &ops, NULL, NULL) == ERR_OK);
	calm = dice_u8(&dice) & 1;
	while (dice.p < dice.end)
		turn();
	if (calm)
		settle();
	ending = true;
	export_end(ex);
	while (lents > 0)
		give_back(0, -LINUX_ECONNRESET, 0);
	MUST(ended);
	export_free(ex);
	MUST(pool.used == 0);
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("export");
}

static void
short_lives(void)
{
	fuzz_noise(10000, 60);
}

static void
long_lives(void)
{
	fuzz_noise(300, 4000);
}

TEST_MAIN(TEST(corpus), TEST(short_lives), TEST(long_lives))
#endif
