/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A wild stock client, a wild stock server and a wild device. The first byte says
 * who: 0 mod 4, bytes for usbip_op of the side that has devices; 1, of the other;
 * 2, bytes of a URB phase; 3, operations, and a model of the client checks that
 * each request gets its one answer and no byte too many comes.
 */
#include "core/stock_door.h"
#include "core/usbip.h"
#include "core/usbip_op.h"
#include "test/core/sample.h"
#include "test/fuzz/kernel.h"

static struct stock_door *door;
static struct pool pool;
static bool modelled, ended;

static struct {
	struct urb *u;
	bool cancelled;
} lent[SEQS];
static unsigned lents;

/* --- device --- */

static void
complete(struct urb *u)
{
	unsigned mood = dice_u8(&dice);

	for (uint32_t i = 0; i < u->packets; i++) {
		unsigned how = dice_u8(&dice);

		u->iso[i].actual = how & 1 ? u->iso[i].length : how * how;
		u->iso[i].status = how & 2 ? 0 : (int32_t)how - 250;
	}
	u->actual = mood & 1 ? u->len : dice_u16(&dice);
	u->status = mood & 2 ? -(int32_t)(mood >> 2) : 0;
	if (urb_in(u))
		memset(u->buf, 0x55, u->actual < u->len ? u->actual : u->len);
	stock_door_complete(door, u);
}

static int
dev_submit(void *arg, struct urb *u)
{
	unsigned mood = dice_u8(&dice);

	(void)arg;
	if (modelled && !urb_in(u) && u->len > 0)
		MUST(u->buf[0] == 0x33 && u->buf[u->len - 1] == 0x33);
	if (mood > 250)
		return mood & 1 ? ERR_GONE : ERR_FAIL;
	if (mood > 230 || lents == SEQS) {
		complete(u);
		return ERR_OK;
	}
	lent[lents].u = u;
	lent[lents++].cancelled = false;
	return ERR_OK;
}

static void
dev_cancel(void *arg, struct urb *u)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < lents && lent[i].u != u; i++)
		;
	MUST(i < lents && !lent[i].cancelled);
	lent[i].cancelled = true;
}

static void
dev_completes(unsigned i)
{
	struct urb *u = lent[i].u;
	bool cancelled = lent[i].cancelled && dice_u8(&dice) & 1;

	lent[i] = lent[--lents];
	if (!cancelled) {
		complete(u);
		return;
	}
	u->actual = 0;
	u->status = -LINUX_ECONNRESET;
	stock_door_complete(door, u);
}

/* --- client --- */

static void
drain(void)
{
	const uint8_t *p;
	struct usbip h;
	size_t n;

	while ((n = stock_door_output(door, &p)) > 0) {
		MUST(n >= USBIP_HEADER && usbip_unpack(&h, p) == ERR_OK);
		if (modelled)
			kernel_hears(&h, n - USBIP_HEADER);
		stock_door_sent(door, n);
	}
}

static void
on_wake(void *arg)
{
	(void)arg;
	if (dice_u8(&dice) & 1)
		drain();
}

static void
on_ended(void *arg)
{
	(void)arg;
	ended = true;
	stock_door_free(door);
}

static const struct stock_door_ops ops = {dev_submit, dev_cancel, on_wake, on_ended};

static bool starved; /* not even memory to refuse: the connection ends */

static void
feed(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t part = 1 + dice_u8(&dice);

	while (n > 0 && !starved) {
		size_t k = n < part ? n : part;
		int err = stock_door_input(door, p, k);

		MUST(err == ERR_OK || err == ERR_NOMEM);
		starved = err != ERR_OK;
		p += k;
		n -= k;
	}
}

static void
client_submits(void)
{
	static const uint8_t setups[][8] = {
	    {0, 9, 1, 0, 0, 0, 0, 0},     {0, 9, 2, 0, 0, 0, 0, 0},
	    {1, 11, 1, 0, 0, 0, 0, 0},    {2, 1, 0, 0, 0x81, 0, 0, 0},
	    {0x80, 6, 0, 1, 0, 0, 64, 0}, {0x21, 9, 0, 0, 0, 0, 4, 0},
	    {1, 11, 1, 0, 2, 0, 0, 0},
	};

	kernel_submits(setups, 7);
}

static void
turn(void)
{
	unsigned op = dice_u8(&dice);

	if (op < 90 && next_seq < SEQS)
		client_submits();
	else if (op < 130 && next_seq > 1 && next_seq < SEQS)
		kernel_unlinks();
	else if (op < 220 && lents > 0)
		dev_completes(dice_u8(&dice) % lents);
	else if (op < 250)
		drain();
	else
		pool.budget = 40000 + 200 * dice_u8(&dice);
}

/* Everything is answered when the device has given all back. */
static void
settle(void)
{
	while (lents > 0)
		dev_completes(0);
	drain();
	kernel_has_all();
}

static void
urb_phase(const uint8_t *p, size_t n)
{
	static const struct stock_door_conf conf = {.devid = DEVID,
						    .urb_max = 3000,
						    .budget = 30000,
						    .raw = sample,
						    .raw_len = sizeof(sample),
						    .config = 1};

	dice = (struct dice){p, p + n};
	kernel_begins();
	lents = 0;
	ended = starved = false;
	MUST(stock_door_new(&door, &pool, &conf, &ops, NULL) == ERR_OK);
	if (modelled) {
		while (dice.p < dice.end && !starved)
			turn();
		if (n % 2 && !starved)
			settle();
	} else {
		dice.p = dice.end;
		(void)!stock_door_input(door, p, n);
		drain();
	}
	stock_door_end(door);
	while (lents > 0)
		dev_completes(0);
	MUST(ended);
}

/* --- OP phase --- */

static struct usbip_op_export op;

static const struct devinfo *
op_list(void *arg, unsigned i)
{
	static const struct devinfo d = {.busid = "1-1", .ifs = 2};

	(void)arg;
	return i < 3 ? &d : NULL;
}

static void
op_import(void *arg, const char *busid)
{
	const struct devinfo d = {.busid = "1-1"};

	(void)arg;
	MUST(strlen(busid) < USBIP_OP_BUSID);
	if (busid[0] & 1)
		(void)!usbip_op_export_grant(&op, &d);
	else if (busid[0] & 2)
		usbip_op_export_refuse(&op, USBIP_OP_BUSY);
}

static void
op_device(void *arg, const struct devinfo *d)
{
	(void)arg;
	MUST(strlen(d->busid) < DEVINFO_BUSID && d->busid[0] != '\0');
	MUST(d->ifs <= DEVINFO_IFS);
}

static void
op_phase(bool export, const uint8_t *p, size_t n)
{
	static const struct usbip_op_export_ops op_ops = {op_list, op_import};
	struct usbip_op_import im;
	const uint8_t *out;

	if (!export) {
		MUST(usbip_op_import_init(&im, n & 1 ? "1-1" : NULL, op_device, NULL) ==
		     ERR_OK);
		(void)!usbip_op_import_input(&im, p, n);
		return;
	}
	usbip_op_export_init(&op, &pool, &op_ops, NULL);
	(void)!usbip_op_export_input(&op, p, n);
	usbip_op_export_sent(&op, usbip_op_export_output(&op, &out));
	usbip_op_export_fini(&op);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	pool = (struct pool)TEST_POOL(90000);
	if (n == 0)
		return 0;
	modelled = (p[0] & 3) == 3;
	if ((p[0] & 3) < 2)
		op_phase((p[0] & 3) == 0, p + 1, n - 1);
	else
		urb_phase(p + 1, n - 1);
	MUST(pool.used == 0);
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("stock");
}

static void
requests(void)
{
	static const uint8_t list[9] = {0, 1, 0x11, 0x80, 5};
	uint8_t import[41] = {0, 1, 0x11, 0x80, 3, 0, 0, 0, 0, '1', '-', '1'};

	fuzz_mutants(list, sizeof(list), 1000);
	fuzz_mutants(import, sizeof(import), 1000);
}

static void
replies(void)
{
	uint8_t b[1 + 8 + USBIP_OP_DEVICE] = {1, 1, 0x11, 0, 3};
	uint8_t l[1 + 12 + USBIP_OP_DEVICE + 4 + 1] = {1, 1, 0x11, 0, 5, 0, 0,
						       0, 0, 0,    0, 0, 1};

	memcpy(b + 9 + 256, "1-1", 4);
	fuzz_mutants(b, sizeof(b) - 1, 1000); /* even length: a list is awaited */
	fuzz_mutants(b, sizeof(b), 2000);
	memcpy(l + 13 + 256, "1-1", 4);
	l[13 + USBIP_OP_DEVICE - 1] = 1;
	fuzz_mutants(l, sizeof(l), 2000);
}

static void
client_bytes(void)
{
	kernel_mutants(2);
}

static void
lives(void)
{
	uint8_t b[2000];

	for (unsigned run = 0; run < 2000; run++) {
		size_t n = 1 + fuzz_random(sizeof(b) - 1);

		for (size_t i = 0; i < n; i++)
			b[i] = (uint8_t)fuzz_random(256);
		b[0] |= 3;
		fuzz_run(b, n);
	}
}

static void
noise(void)
{
	fuzz_noise(2000, 300);
}

TEST_MAIN(TEST(corpus), TEST(requests), TEST(replies), TEST(client_bytes), TEST(lives),
	  TEST(noise))
#endif
