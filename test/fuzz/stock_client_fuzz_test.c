/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A wild stock server. The first byte says what it does: 0 mod 3, it sends any bytes
 * to an import engine that has asked for much; 1, to one who asks for descriptors;
 * 2, it answers requests, in any order, with any result, and a model of the kernel
 * checks that each urb gets its one answer.
 */
#include "core/import.h"
#include "core/stock_client.h"
#include "core/stock_fetch.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/fuzz/fuzz.h"

#define DEVID   0x20003u
#define SEQS    200
#define PACKETS 4

enum seq_state { UNUSED, RUNNING, UNLINKING, ANSWERED };

static struct pool pool;
static struct stock_client *client;
static struct import *im;
static struct dice dice;

/* the kernel's, by its seqnum */
static enum seq_state seqs[SEQS];
static uint32_t lens[SEQS], victims[SEQS]; /* victim 0: no UNLINK */
static bool ins[SEQS];
static unsigned next_seq;

/* what the server has */
static struct usbip has[2 * SEQS];
static bool answered[2 * SEQS]; /* the SUBMIT with this index */
static unsigned n_has;
static uint8_t wire[1 << 20]; /* what it has got of the stream */
static size_t wired;

static int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	return stock_client_submit(client, q, tag);
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	(void)ep;
	return stock_client_unlink(client, tag);
}

static void
on_wake(void *arg)
{
	(void)arg;
}

static const struct import_ops import_ops = {on_submit, on_unlink, on_wake, NULL};

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 uint8_t **data, struct urb_iso **iso)
{
	(void)arg;
	return import_reply(im, ep, tag, r, data, iso);
}

static int
on_reply_end(void *arg)
{
	(void)arg;
	return import_reply_end(im);
}

static const struct stock_client_user user = {on_reply, on_reply_end};
static const struct stock_client_ops client_ops = {on_wake};

/* --- kernel --- */

static void
check_answer(const struct usbip *h, size_t data)
{
	uint32_t seq = h->seqnum;

	MUST(seq > 0 && seq < SEQS);
	if (h->cmd == USBIP_RET_SUBMIT) {
		MUST(seqs[seq] == RUNNING || seqs[seq] == UNLINKING);
		MUST(h->ret.actual <= lens[seq]);
		MUST(data == (ins[seq] ? h->ret.actual : 0) + h->ret.packets * USBIP_ISO);
		seqs[seq] = ANSWERED;
		return;
	}
	MUST(h->cmd == USBIP_RET_UNLINK && victims[seq] != 0 && data == 0);
	if ((int32_t)h->status == -LINUX_ECONNRESET) {
		MUST(seqs[victims[seq]] == UNLINKING);
		seqs[victims[seq]] = ANSWERED;
	} else {
		MUST(h->status == 0 && seqs[victims[seq]] == ANSWERED);
	}
	victims[seq] = 0;
}

/*
 * A kernel reads its answers; one that does not is given up once the engine has no
 * memory left to refuse with.
 */
#define UNHEARD 30

static unsigned unheard; /* requests since it read last */

static void
kernel_hears(void)
{
	const uint8_t *p;
	struct usbip h;
	size_t n;

	unheard = 0;

	while ((n = import_output(im, &p)) > 0) {
		MUST(n >= USBIP_HEADER && usbip_unpack(&h, p) == ERR_OK);
		check_answer(&h, n - USBIP_HEADER);
		import_sent(im, n);
	}
}

static void
kernel_submits(void)
{
	static const uint8_t setups[][8] = {
	    {0, 9, 1, 0, 0, 0, 0, 0},
	    {1, 11, 1, 0, 2, 0, 0, 0},
	    {0x80, 6, 0, 1, 0, 0, 18, 0},
	    {0x21, 9, 0, 0, 0, 0, 4, 0},
	};
	static const uint8_t eps[] = {0, 1, 2, 3, 4, 5, 6, 9};
	static uint8_t b[USBIP_HEADER + 4096 + PACKETS * USBIP_ISO];
	unsigned how = dice_u8(&dice);
	struct usbip h = {.cmd = USBIP_SUBMIT, .devid = DEVID, .seqnum = next_seq};
	struct urb_iso iso;
	size_t n;

	if (++unheard > UNHEARD)
		kernel_hears();
	memcpy(h.submit.setup, setups[how >> 4 & 3], 8);
	h.ep = eps[how & 7];
	h.in = how >> 3 & 1;
	h.submit.len = h.ep == 0 ? h.submit.setup[6] : dice_u16(&dice) % 4096;
	if (h.ep == 5 || h.ep == 6)
		h.submit.packets = 1 + dice_u8(&dice) % PACKETS;
	seqs[next_seq] = RUNNING;
	lens[next_seq] = h.submit.len;
	ins[next_seq++] = h.in;
	usbip_pack(&h, b);
	n = USBIP_HEADER + (h.in ? 0 : h.submit.len);
	for (uint32_t i = 0; i < h.submit.packets; i++, n += USBIP_ISO) {
		const uint32_t each = h.submit.len / h.submit.packets;

		iso = (struct urb_iso){.offset = i * each, .length = each};
		usbip_iso_pack(&iso, b + n);
	}
	MUST(import_input(im, b, n) == ERR_OK);
}

static void
kernel_unlinks(void)
{
	struct usbip h = {.cmd = USBIP_UNLINK, .devid = DEVID, .seqnum = next_seq};
	uint8_t b[USBIP_HEADER];

	h.victim = 1 + dice_u8(&dice) % (next_seq - 1);
	if (seqs[h.victim] == UNUSED)
		return;
	if (++unheard > UNHEARD)
		kernel_hears();
	victims[next_seq++] = h.victim;
	if (seqs[h.victim] == RUNNING)
		seqs[h.victim] = UNLINKING;
	usbip_pack(&h, b);
	MUST(import_input(im, b, sizeof(b)) == ERR_OK);
}

/* --- server --- */

/* Takes what was sent, and keeps the headers. */
static void
server_reads(void)
{
	const uint8_t *p;
	size_t n, at = 0;

	while ((n = stock_client_output(client, &p)) > 0) {
		MUST(wired + n <= sizeof(wire));
		memcpy(wire + wired, p, n);
		wired += n;
		stock_client_sent(client, n);
	}
	while (at < wired) {
		struct usbip *h = &has[n_has];

		MUST(n_has < ARRAY_LEN(has) && wired - at >= USBIP_HEADER);
		MUST(usbip_unpack(h, wire + at) == ERR_OK && h->devid == DEVID);
		MUST(h->cmd == USBIP_SUBMIT || h->cmd == USBIP_UNLINK);
		at += USBIP_HEADER;
		if (h->cmd == USBIP_SUBMIT)
			at += (h->in ? 0 : h->submit.len) + h->submit.packets * USBIP_ISO;
		for (unsigned i = 0; i < n_has; i++)
			MUST(has[i].seqnum != h->seqnum);
		answered[n_has++] = false;
	}
	MUST(at == wired);
	wired = 0;
}

static void
say(const struct usbip *h, size_t data, const struct urb_iso *iso, uint32_t packets)
{
	static uint8_t b[USBIP_HEADER + 4096 + PACKETS * USBIP_ISO];
	size_t n = USBIP_HEADER + data, part = 1 + dice_u8(&dice) * 8, at;

	usbip_pack(h, b);
	memset(b + USBIP_HEADER, 0x55, data);
	for (uint32_t i = 0; i < packets; i++, n += USBIP_ISO)
		usbip_iso_pack(&iso[i], b + n);
	for (at = 0; n - at > part; at += part)
		MUST(stock_client_input(client, b + at, part) == ERR_OK);
	MUST(stock_client_input(client, b + at, n - at) == ERR_OK);
}

static void
answer_submit(unsigned i)
{
	struct usbip h = {.cmd = USBIP_RET_SUBMIT, .seqnum = has[i].seqnum};
	unsigned mood = dice_u8(&dice), packets = has[i].submit.packets;
	struct urb_iso iso[PACKETS] = {{0}};

	h.ret.actual =
	    mood & 1 ? has[i].submit.len : dice_u16(&dice) % (has[i].submit.len + 1);
	h.ret.status = mood & 2 ? (uint32_t) - (int32_t)(mood >> 1) : 0;
	h.ret.packets = packets;
	for (unsigned k = 0; k < packets; k++) {
		iso[k].actual = dice_u16(&dice) % (has[i].submit.len / packets + 1);
		iso[k].status = dice_u8(&dice) & 1 ? -LINUX_EILSEQ : 0;
		h.ret.actual = (k == 0 ? 0 : h.ret.actual) + iso[k].actual;
	}
	answered[i] = true;
	say(&h, has[i].in ? h.ret.actual : 0, iso, packets);
}

/* What Linux does: the victim has ended, or is ended now, in one of three ways. */
static void
answer_unlink(unsigned i)
{
	struct usbip h = {.cmd = USBIP_RET_UNLINK, .seqnum = has[i].seqnum};
	unsigned v;

	for (v = 0; v < n_has && has[v].seqnum != has[i].victim; v++)
		;
	MUST(v < n_has && has[v].cmd == USBIP_SUBMIT);
	answered[i] = true;
	if (!answered[v] && dice_u8(&dice) < 60)
		answer_submit(v);
	if (!answered[v])
		h.status = (uint32_t)(dice_u8(&dice) & 1 ? -LINUX_ECONNRESET : 0);
	say(&h, 0, NULL, 0);
	if (!answered[v] && dice_u8(&dice) < 60)
		answer_submit(v); /* late */
	answered[v] = true;
}

static void
server_answers(unsigned i)
{
	if (answered[i])
		return;
	if (has[i].cmd == USBIP_SUBMIT)
		answer_submit(i);
	else
		answer_unlink(i);
}

/* --- */

static void
turn(void)
{
	unsigned op = dice_u8(&dice);

	if (op < 90 && next_seq < SEQS)
		kernel_submits();
	else if (op < 130 && next_seq > 1 && next_seq < SEQS)
		kernel_unlinks();
	else if (op < 150)
		server_reads();
	else if (op < 230 && n_has > 0)
		server_answers(dice_u8(&dice) % n_has);
	else if (op < 250)
		kernel_hears();
	else
		pool.budget = 60000 + 300 * dice_u8(&dice);
}

/* Everything is answered when the server has answered all. */
static void
settle(void)
{
	pool.budget = SIZE_MAX;
	server_reads();
	for (unsigned i = 0; i < n_has; i++)
		server_answers(i);
	kernel_hears();
	for (unsigned i = 0; i < SEQS; i++)
		MUST(victims[i] == 0 && seqs[i] != RUNNING && seqs[i] != UNLINKING);
}

static void
ask_much(void)
{
	dice.p = dice.end; /* all of it is for the server to say */
	for (unsigned i = 0; i < 40; i++)
		kernel_submits();
	for (unsigned i = 0; i < 20; i++) {
		struct usbip h = {.cmd = USBIP_SUBMIT,
				  .devid = DEVID,
				  .seqnum = next_seq,
				  .in = 1,
				  .ep = 1};
		uint8_t b[USBIP_HEADER];

		h.submit.len = lens[next_seq] = 64 * i;
		ins[next_seq] = true;
		seqs[next_seq++] = RUNNING;
		usbip_pack(&h, b);
		MUST(import_input(im, b, sizeof(b)) == ERR_OK);
		if (i % 3 == 0) {
			h = (struct usbip){.cmd = USBIP_UNLINK,
					   .devid = DEVID,
					   .seqnum = next_seq,
					   .victim = next_seq - 1};
			seqs[next_seq - 1] = UNLINKING;
			victims[next_seq] = next_seq - 1;
			next_seq++;
			usbip_pack(&h, b);
			MUST(import_input(im, b, sizeof(b)) == ERR_OK);
		}
	}
}

static void
engine(bool modelled, const uint8_t *p, size_t n)
{
	static const struct import_conf conf = {.devid = DEVID,
						.urb_max = 3000,
						.budget = 30000,
						.raw = sample,
						.raw_len = sizeof(sample),
						.config = 1};

	dice = (struct dice){p, p + n};
	memset(seqs, 0, sizeof(seqs));
	memset(victims, 0, sizeof(victims));
	next_seq = 1;
	n_has = 0;
	wired = 0;
	MUST(import_new(&im, &pool, &conf, &import_ops, NULL) == ERR_OK);
	stock_client_set_user(client, &user, NULL);
	if (modelled) {
		while (dice.p < dice.end)
			turn();
		if (n % 2)
			settle();
	} else {
		ask_much();
		(void)!stock_client_input(client, p, n);
		kernel_hears();
	}
	import_free(im);
}

static void
on_fetched(void *arg, int err, const char *why)
{
	bool *done = arg;

	MUST(!*done && (err == ERR_OK) == (why[0] == '\0'));
	*done = true;
}

static void
descriptors(const uint8_t *p, size_t n)
{
	struct stock_fetch *f;
	struct devinfo d;
	bool done = false;
	size_t len;

	MUST(stock_fetch_new(&f, &pool, client, on_fetched, &done, 0) == ERR_OK);
	(void)!stock_client_input(client, p, n);
	(void)stock_fetch_raw(f, &len);
	MUST(len <= DEVINFO_RAW);
	stock_fetch_strings(f, &d);
	MUST(done == (stock_fetch_deadline(f) == UINT64_MAX));
	stock_fetch_tick(f, 0);
	stock_fetch_tick(f, 2 * STOCK_FETCH_US);
	MUST(done);
	stock_fetch_free(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	pool = (struct pool)TEST_POOL(1 << 20);
	if (n == 0)
		return 0;
	client = stock_client_new(&pool, DEVID, &client_ops, NULL);
	MUST(client != NULL);
	if (p[0] % 3 == 1)
		descriptors(p + 1, n - 1);
	else
		engine(p[0] % 3 == 2, p + 1, n - 1);
	stock_client_free(client);
	MUST(pool.used == 0);
	return 0;
}

#ifndef LIBFUZZER
static void
corpus(void)
{
	fuzz_corpus("stock_client");
}

/* RET_SUBMIT and RET_UNLINK to what ask_much has asked. */
static void
server_bytes(void)
{
	uint8_t seed[1 + 3 * USBIP_HEADER + 64] = {0};
	struct usbip h = {.cmd = USBIP_RET_SUBMIT, .seqnum = 42};

	h.ret.actual = 64;
	usbip_pack(&h, seed + 1);
	h = (struct usbip){.cmd = USBIP_RET_UNLINK, .seqnum = 50};
	usbip_pack(&h, seed + 1 + USBIP_HEADER + 64);
	h = (struct usbip){.cmd = USBIP_RET_SUBMIT, .seqnum = 3};
	usbip_pack(&h, seed + 1 + 2 * USBIP_HEADER + 64);
	fuzz_mutants(seed, sizeof(seed), 3000);
}

/* A device that says all there is. */
static void
device_bytes(void)
{
	static const struct {
		const uint8_t *p;
		size_t n;
	} said[] = {
	    {sample, 18},
	    {sample + SAMPLE_CONFIG1, 9},
	    {sample + SAMPLE_CONFIG1, SAMPLE_CONFIG2 - SAMPLE_CONFIG1},
	    {sample + SAMPLE_CONFIG2, 9},
	    {sample + SAMPLE_CONFIG2, sizeof(sample) - SAMPLE_CONFIG2},
	    {(const uint8_t *)"\4\3\11\4", 4},
	    {(const uint8_t *)"\6\3A\0b", 6},
	};
	uint8_t seed[1024] = {1};
	size_t n = 1;

	for (uint32_t i = 0; i < ARRAY_LEN(said); i++) {
		struct usbip h = {.cmd = USBIP_RET_SUBMIT, .seqnum = i + 1};

		h.ret.actual = (uint32_t)said[i].n;
		usbip_pack(&h, seed + n);
		memcpy(seed + n + USBIP_HEADER, said[i].p, said[i].n);
		n += USBIP_HEADER + said[i].n;
	}
	fuzz_mutants(seed, n, 3000);
}

static void
lives(void)
{
	uint8_t b[2000];

	for (unsigned run = 0; run < 2000; run++) {
		size_t n = 1 + fuzz_random(sizeof(b) - 1);

		for (size_t i = 0; i < n; i++)
			b[i] = (uint8_t)fuzz_random(256);
		b[0] = 2;
		fuzz_run(b, n);
	}
}

static void
noise(void)
{
	fuzz_noise(2000, 300);
}

TEST_MAIN(TEST(corpus), TEST(server_bytes), TEST(device_bytes), TEST(lives), TEST(noise))
#endif
