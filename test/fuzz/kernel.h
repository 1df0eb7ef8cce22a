/* SPDX-License-Identifier: ISC */
/*
 * For fuzzers of USB/IP: a wild vhci_hcd that keeps the rules. It submits and unlinks as
 * the dice say, and knows what may come back: one answer for each request, no RET_SUBMIT
 * after it was unlinked, no byte too many. Who includes it says where its bytes go.
 */
#ifndef TEST_FUZZ_KERNEL_H
#define TEST_FUZZ_KERNEL_H

#include "core/urb.h"
#include "core/usbip.h"
#include "test/fuzz/fuzz.h"

#define DEVID 0x20003u
#define SEQS  256

static void feed(const void *bytes, size_t n);

static struct dice dice;

static struct {
	enum { UNUSED, RUNNING, UNLINKING, ANSWERED } state;
	uint32_t len, packets;
	uint32_t victim; /* 0: no UNLINK, or answered */
	bool in;
} seqs[SEQS];
static unsigned next_seq, newest; /* number of all; of a SUBMIT */

static void
kernel_begins(void)
{
	memset(seqs, 0, sizeof(seqs));
	next_seq = 1;
	newest = 0;
}

/* Its numbers, and the header. */
static void
kernel_asks(struct usbip *h)
{
	uint8_t b[USBIP_HEADER];

	h->cmd = USBIP_SUBMIT;
	h->devid = DEVID;
	h->seqnum = newest = next_seq++;
	seqs[newest].state = RUNNING;
	seqs[newest].len = h->submit.len;
	seqs[newest].packets =
	    h->submit.packets == USBIP_NO_PACKETS ? 0 : h->submit.packets;
	seqs[newest].in = h->in;
	usbip_pack(h, b);
	feed(b, sizeof(b));
}

/* To any endpoint of the sample device, or one that it has not; one of the setups. */
static void
kernel_submits(const uint8_t (*setups)[8], unsigned n)
{
	static const uint8_t eps[] = {0, 1, 2, 3, 5, 6, 0, 9};
	static uint8_t data[4096];
	unsigned how = dice_u8(&dice);
	struct usbip h = {.ep = eps[how & 7], .in = how >> 3 & 1};
	uint8_t b[USBIP_ISO];

	memset(data, 0x33, sizeof(data));
	memcpy(h.submit.setup, setups[how % n], 8);
	h.submit.len = h.ep == 0 ? h.submit.setup[6] : dice_u16(&dice) % sizeof(data);
	h.submit.packets = how & 16 ? USBIP_NO_PACKETS : 0;
	if (h.ep == 5 || h.ep == 6)
		h.submit.packets = how & 16 ? 1 + (how >> 5) : 0;
	kernel_asks(&h);
	if (!h.in && h.submit.len > 0)
		feed(data, h.submit.len);
	for (uint32_t i = 0; i < seqs[newest].packets; i++) {
		unsigned step = 3 * (1 + dice_u8(&dice));
		struct urb_iso p = {i * step, dice_u8(&dice) & 15 ? step : 100000, 0, 0,
				    false};

		usbip_iso_pack(&p, b);
		feed(b, USBIP_ISO);
	}
}

static void
kernel_unlinks(void)
{
	struct usbip h = {.cmd = USBIP_UNLINK, .devid = DEVID, .seqnum = next_seq};
	uint8_t b[USBIP_HEADER];

	h.victim = 1 + dice_u8(&dice) % next_seq;
	seqs[next_seq++].victim = h.victim;
	if (seqs[h.victim].state == RUNNING)
		seqs[h.victim].state = UNLINKING;
	usbip_pack(&h, b);
	feed(b, sizeof(b));
}

static void
kernel_hears_of_unlink(const struct usbip *h)
{
	uint32_t victim = seqs[h->seqnum].victim;

	if ((int32_t)h->status == -LINUX_ECONNRESET) {
		MUST(seqs[victim].state == UNLINKING);
		seqs[victim].state = ANSWERED;
	} else {
		MUST(h->status == 0);
		MUST(seqs[victim].state == ANSWERED || seqs[victim].state == UNUSED);
	}
	seqs[h->seqnum].victim = 0;
}

/* An answer, and how many bytes are behind its header. */
static void
kernel_hears(const struct usbip *h, size_t data)
{
	uint32_t seq = h->seqnum;

	MUST(seq > 0 && seq < SEQS && h->devid == 0 && h->in == 0 && h->ep == 0);
	if (h->cmd != USBIP_RET_SUBMIT) {
		MUST(h->cmd == USBIP_RET_UNLINK && seqs[seq].victim != 0 && data == 0);
		kernel_hears_of_unlink(h);
		return;
	}
	MUST(seqs[seq].state == RUNNING || seqs[seq].state == UNLINKING);
	MUST(h->ret.actual <= seqs[seq].len);
	MUST(seqs[seq].packets == 0 || h->ret.packets == seqs[seq].packets ||
	     (h->ret.packets == 0 && h->ret.status != 0));
	MUST(data == (seqs[seq].in ? h->ret.actual : 0) +
			 (seqs[seq].packets == 0 ? 0 : h->ret.packets * USBIP_ISO));
	seqs[seq].state = ANSWERED;
}

/* All has been answered, but for what waits for a SUBMIT that never comes. */
static void
kernel_has_all(void)
{
	for (unsigned i = 0; i < SEQS; i++)
		MUST((seqs[i].victim == 0 || seqs[i].victim > newest) &&
		     seqs[i].state != RUNNING && seqs[i].state != UNLINKING);
}

#ifndef LIBFUZZER
/* Three requests, and what is made of them; first: the first byte of the input. */
static void
kernel_mutants(uint8_t first)
{
	uint8_t seed[1 + 3 * USBIP_HEADER + 31] = {first};
	struct usbip h = {.cmd = USBIP_SUBMIT, .seqnum = 1, .devid = DEVID, .ep = 2};

	h.submit.len = 31;
	usbip_pack(&h, seed + 1);
	h = (struct usbip){.cmd = USBIP_UNLINK, .seqnum = 2, .devid = DEVID, .victim = 1};
	usbip_pack(&h, seed + 1 + USBIP_HEADER + 31);
	h = (struct usbip){
	    .cmd = USBIP_SUBMIT, .seqnum = 3, .devid = DEVID, .ep = 1, .in = 1};
	h.submit.len = 512;
	usbip_pack(&h, seed + 1 + 2 * USBIP_HEADER + 31);
	fuzz_mutants(seed, sizeof(seed), 3000);
}
#endif

#endif
