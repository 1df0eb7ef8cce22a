/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A wild kernel and a wild far end around an import engine. If the first byte of
 * the input is even, the rest are bytes of the kernel. If it is odd, the rest
 * are operations, and a model of vhci_hcd checks what comes back: one answer per
 * request, no RET_SUBMIT after it was unlinked, no byte too many. Bit 1 of that byte puts
 * the assists (core/assist) between the engine and the far end; with bit 2 the kernel has
 * a disk's driver, who reads, and the far end a disk, most of the time; with bit 3 the
 * bulk endpoints are those of a serial chip.
 */
#include "core/assist.h"
#include "core/unit.h"
#include "core/import.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/fuzz/kernel.h"

#define PACKETS 8

static struct import *im;
static struct assist *assist; /* or NULL */
static struct pool pool;
static bool modelled;
static bool disk;      /* there are command blocks, and what answers them */
static bool caches;    /* it has a write cache, */
static bool owes_data; /* and gets data of a WRITE now */
static const uint8_t zeros[2048];
static uint64_t held; /* WRITEs by the cache, ever */
static uint8_t block; /* of the disk: the driver's next */
static bool starved;  /* it could not even refuse: the stream is down */

/* the far end */
static struct {
	uint8_t ep;
	uint64_t tag;
	uint32_t len, packets;
	uint32_t room[PACKETS]; /* of each packet */
	uint8_t tag4[4];        /* of a command block */
} far[SEQS];
static unsigned fars;
static uint64_t next_tag;

static int
far_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	volatile uint8_t sum = 0;
	unsigned mood = dice_u8(&dice);

	(void)arg;
	MUST((q->data != NULL) == (!(q->ep & 0x80) && q->len > 0));
	for (uint32_t i = 0; q->data != NULL && i < q->len; i++)
		sum = (uint8_t)(sum + q->data[i]);
	if (mood == 254)
		import_gone(im);
	if (mood >= 250 || fars == SEQS)
		return mood & 1 ? ERR_NOMEM : ERR_FAIL;
	*tag = next_tag++;
	MUST((q->iso != NULL) == (q->type == URB_ISO) && q->packets <= PACKETS);
	for (uint32_t i = 0; i < q->packets; i++) {
		MUST(q->iso[i].offset + q->iso[i].length <= q->len);
		far[fars].room[i] = q->iso[i].length;
	}
	far[fars].packets = q->packets;
	if (q->ep == 2 && q->len == 31)
		memcpy(far[fars].tag4, q->data + 4, 4);
	far[fars].ep = q->ep;
	far[fars].tag = *tag;
	far[fars++].len = q->len;
	return ERR_OK;
}

static int
far_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	unsigned mood = dice_u8(&dice);

	(void)arg;
	(void)ep;
	(void)tag;
	if (mood == 255)
		import_gone(im);
	return mood & 1 ? ERR_OK : ERR_NOMEM;
}

/* The descriptors of a reply, at its end. */
static void
check_packets(const struct usbip *h, const uint8_t *end)
{
	uint32_t n = seqs[h->seqnum].packets == 0 ? 0 : h->ret.packets, sum = 0,
		 errors = 0;
	struct urb_iso p;

	for (uint32_t i = 0; i < n; i++) {
		usbip_iso_unpack(&p, end - (n - i) * USBIP_ISO);
		MUST(p.actual <= p.length && p.offset % 3 == 0);
		sum += p.actual;
		errors += p.status != 0;
	}
	MUST(n == 0 || (sum == h->ret.actual && errors == h->ret.errors));
}

static void
drain(void)
{
	const uint8_t *p;
	struct usbip h;
	size_t n;

	while ((n = import_output(im, &p)) > 0) {
		MUST(n >= USBIP_HEADER && usbip_unpack(&h, p) == ERR_OK);
		if (modelled)
			kernel_hears(&h, n - USBIP_HEADER);
		if (modelled && h.cmd == USBIP_RET_SUBMIT)
			check_packets(&h, p + n);
		import_sent(im, n);
	}
}

static void
far_wake(void *arg)
{
	(void)arg;
	if (dice_u8(&dice) & 1)
		drain();
}

static const struct import_ops ops = {far_submit, far_unlink, far_wake, NULL};

/* --- with assists --- */

static int
assisted_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	return assist_submit(assist, q, tag);
}

static int
assisted_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	return assist_unlink(assist, ep, tag);
}

static void
assisted_sent(void *arg, uint8_t ep)
{
	(void)arg;
	assist_sent(assist, ep);
}

static const struct import_ops assisted = {assisted_submit, assisted_unlink, far_wake,
					   assisted_sent};

static uint64_t
far_now(void *arg)
{
	static uint64_t now;

	(void)arg;
	return now += dice_u8(&dice) * 4096u;
}

static const struct assist_ops assist_ops = {far_submit, far_unlink, far_now};

static int
reply(unsigned i, const struct import_reply *r, uint8_t **data, struct urb_iso **iso)
{
	return assist != NULL ? assist_reply(assist, far[i].ep, far[i].tag, r, data, iso)
			      : import_reply(im, far[i].ep, far[i].tag, r, data, iso);
}

static int
reply_end(void)
{
	return assist != NULL ? assist_reply_end(assist) : import_reply_end(im);
}

/* --- what they do --- */

static void
feed(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t part = 1 + dice_u8(&dice);

	for (; n > 0 && !starved; p += part, n -= part) {
		part = part < n ? part : n;
		starved = import_input(im, p, part) == ERR_NOMEM;
		MUST(starved || import_input(im, p, 0) == ERR_OK);
	}
	MUST(!starved || pool.used + 512 > pool.budget);
}

/* A command block, by its number in the table. */
static void
disk_command(unsigned op, unsigned how)
{
	static const uint8_t ops_of[2][8] = {
	    {0x28, 0x28, 0x28, 0x28, 0x12, 0x25, 0x00, 0x03},
	    {0x2a, 0x2a, 0x2a, 0x28, 0x12, 0x25, 0x35, 0x1a},
	};
	uint8_t cbw[31] = {'U', 'S', 'B', 'C', (uint8_t)next_seq};
	struct usbip h = {.ep = 2, .submit.len = sizeof(cbw)};

	cbw[15] = ops_of[caches][op];
	owes_data = cbw[15] == 0x2a;
	cbw[12] = owes_data ? 0 : 0x80;
	cbw[14] = 10;
	if (cbw[15] == 0x1a) {
		cbw[17] = 8;
		cbw[19] = 18;
	}
	cbw[9] = op < 4 ? 8 : 0;
	cbw[8] = op == 4 ? 36 : op == 5 ? 8 : op == 7 ? 18 : 0;
	if (op < 4) {
		cbw[20] = how & 0x80 ? block : (uint8_t)how;
		cbw[23] = 4;
		block = (uint8_t)(cbw[20] + 4);
	}
	kernel_asks(&h);
	feed(cbw, sizeof(cbw));
}

static void
disk_reads(uint32_t len)
{
	struct usbip h = {.in = 1, .ep = 1, .submit.len = len};

	kernel_asks(&h);
}

/* The driver's next urb: a command block, its data, or what it reads of one. */
static void
disk_submits(void)
{
	static const uint32_t lens_of[] = {2048, 13, 36, 8, 512, 1024, 18, 64};
	unsigned how = dice_u8(&dice), op = how >> 1 & 7;
	struct usbip h = {.ep = 2, .submit.len = sizeof(zeros)};

	if (how & 1) {
		disk_reads(lens_of[op]);
	} else if (owes_data) {
		owes_data = false;
		kernel_asks(&h);
		feed(zeros, sizeof(zeros));
	} else {
		disk_command(op, how);
	}
}

/* What a disk says: data that are zeros, its size, a status of the command before. */
static void
disk_says(unsigned i, uint8_t *data, uint32_t n, uint8_t how)
{
	static const uint8_t size[8] = {0, 0, 1, 0, 0, 0, 2, 0};

	memset(data, 0, n);
	if (n == 8)
		memcpy(data, size, 8);
	if (n == 192)
		data[0] = 3;
	if (n != 13)
		return;
	memcpy(data, "USBS", 4);
	while (i > 0 && far[i].len != 31)
		i--;
	memcpy(data + 4, far[i].tag4, 4);
	data[12] = how & 8 ? how >> 4 & 3 : 0;
}

static void
driver_submits(void)
{
	static const uint8_t setups[][8] = {
	    {0, 9, 1, 0, 0, 0, 0, 0},      {0, 9, 2, 0, 0, 0, 0, 0},
	    {1, 11, 1, 0, 0, 0, 0, 0},     {1, 11, 1, 0, 2, 0, 0, 0},
	    {0x80, 6, 0, 1, 0, 0, 18, 0},  {0x21, 9, 0, 0, 0, 0, 4, 0},
	    {0x80, 6, 0, 1, 0, 0, 64, 0},  {0x80, 6, 0, 1, 0, 0, 8, 0},
	    {0x80, 6, 1, 3, 9, 4, 255, 0}, {0x80, 6, 0, 6, 0, 0, 10, 0},
	    {0x21, 11, 0, 0, 0, 0, 0, 0},  {2, 1, 0, 0, 0x81, 0, 0, 0},
	};

	if (disk && dice_u8(&dice) < 240)
		disk_submits();
	else
		kernel_submits(setups, assist != NULL ? 12 : 10);
}

static void
far_replies(void)
{
	unsigned i = dice_u8(&dice) % fars, how = dice_u8(&dice);
	struct import_reply r = {.unlinked = how & 1,
				 .status = how & 2 ? -(int32_t)dice_u8(&dice) : 0,
				 .actual =
				     how & 1 && how & 4 ? 0 : dice_u16(&dice) % 4200};
	uint32_t acts[PACKETS] = {0};
	struct urb_iso *iso;
	uint8_t *data;
	int err;

	if (how & 4 && !(how & 1) && far[i].packets > 0) {
		r.packets = how & 8 ? far[i].packets : dice_u8(&dice) % (PACKETS + 1);
		r.actual = 0;
		for (uint32_t k = 0; k < r.packets; k++) {
			acts[k] = dice_u8(&dice) % (far[i].room[k % far[i].packets] + 1);
			r.actual += acts[k];
		}
		r.actual += (how & 0x70) == 0;
	}
	if (disk && how & 0x40) /* well */
		r = (struct import_reply){.actual = far[i].len};
	err = reply(i, &r, &data, &iso);

	if (err != ERR_OK)
		return;
	if (data != NULL)
		memset(data, 0x77, r.actual);
	if (data != NULL && disk && r.actual > 0)
		disk_says(i, data, r.actual, (uint8_t)how);
	for (uint32_t k = 0; iso != NULL && k < r.packets; k++)
		iso[k] = (struct urb_iso){k, k, acts[k], -(int32_t)(how & 0x30), false};
	if (how & 0x80)
		err = reply_end();
	MUST(err == ERR_OK || r.packets > 0);
}

/* All that is at the far end goes well. */
static void
all_well(void)
{
	static unsigned from;
	struct urb_iso *iso;
	uint8_t *data;

	from = from > fars ? 0 : from;
	for (; from < fars; from++) {
		const struct import_reply r = {.actual = far[from].len};

		if (reply(from, &r, &data, &iso) != ERR_OK)
			continue;
		if (data != NULL)
			disk_says(from, data, r.actual, 0);
		MUST(reply_end() == ERR_OK);
	}
	drain();
}

/* The driver gets to know the disk: INQUIRY, READ CAPACITY, MODE SENSE. */
static void
disk_is_known(void)
{
	static const uint32_t lens_of[] = {36, 8, 18};

	for (unsigned i = 0; i < 3 && !starved; i++) {
		disk_command(i < 2 ? 4 + i : 7, 0);
		all_well();
		disk_reads(lens_of[i]);
		all_well();
		disk_reads(13);
		all_well();
	}
}

static void
turn(void)
{
	unsigned op = dice_u8(&dice);

	if (op < 80 && next_seq < SEQS)
		driver_submits();
	else if (op < 130 && next_seq > 1 && next_seq < SEQS)
		kernel_unlinks();
	else if (op < 220 && fars > 0)
		far_replies();
	else if (op < 250)
		drain();
	else if (op < 254)
		pool.budget = 40000 + 100 * dice_u8(&dice);
	else if (op == 254 && assist != NULL)
		(void)assist_turn(assist, dice_u16(&dice));
	else if (op == 255 && dice_u8(&dice) > 200)
		import_gone(im);
}

/* The far end goes: then everything that was asked has been answered. */
static void
settle(void)
{
	import_gone(im);
	drain();
	kernel_has_all();
}

static const uint8_t ftdi[] = {0x03, 0x04, 0x01, 0x60}; /* idVendor, idProduct */

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t raw[sizeof(sample)];
	static struct import_conf conf = {.devid = DEVID,
					  .urb_max = 3000,
					  .budget = 30000,
					  .reserve = 10000,
					  .raw = raw,
					  .raw_len = sizeof(sample),
					  .cache = sample_cache,
					  .cache_len = sizeof(sample_cache),
					  .config = 1};

	bool with;

	pool = (struct pool)TEST_POOL(60000);
	dice = (struct dice){p, p + n};
	kernel_begins();
	fars = 0;
	next_tag = 0;
	starved = false;
	memcpy(raw, sample, sizeof(raw));
	if (n > 0 && (*p & 15) == 11) {
		memcpy(raw + 8, ftdi, sizeof(ftdi));
		raw[SAMPLE_CONFIG1 + 9 + 5] = 255; /* bInterfaceClass */
	}
	conf.speed = n > 0 ? 1 + *p % 6 : DEVINFO_HIGH;
	assist = NULL;
	with = n > 0 && (*p & 3) == 3;
	disk = with && (*p & 4) != 0;
	block = 0;
	owes_data = false;
	caches = disk && (*p & 8) != 0;
	MUST(import_new(&im, &pool, &conf, with ? &assisted : &ops, NULL) == ERR_OK);
	if (with)
		MUST((assist = assist_new(&pool, im, 0, &assist_ops, NULL)) != NULL);
	if (caches)
		assist_cache(assist);
	modelled = dice_u8(&dice) & 1;
	if (modelled) {
		if (caches)
			disk_is_known();
		while (dice.p < dice.end && !starved)
			turn();
		if (!starved)
			settle();
	} else {
		dice.p = dice.end;
		if (n > 1)
			(void)!import_input(im, p + 1, n - 1);
		drain();
	}
	held += assist != NULL && assist_cached(assist) != NULL
		    ? assist_cached(assist)->hits
		    : 0;
	assist_free(assist);
	import_free(im);
	MUST(pool.used == 0);
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("import");
}

static void
kernel_bytes(void)
{
	kernel_mutants(0);
}

static void
short_lives(void)
{
	fuzz_noise(2000, 100);
}

static void
long_lives(void)
{
	fuzz_noise(300, 2000);
	printf("# %llu writes of a cache\n", (unsigned long long)held);
	CHECK(held > 0);
}

TEST_MAIN(TEST(corpus), TEST(kernel_bytes), TEST(short_lives), TEST(long_lives))
#endif
