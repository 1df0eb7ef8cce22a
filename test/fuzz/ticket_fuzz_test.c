/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Whatever text or bytes come: ticket_read reads no further than it may, and
 * what it takes can be written and read again. Alone it runs a fixed number of
 * seeded inputs; with -DLIBFUZZER it is libFuzzer's.
 */
#include "core/ticket.h"
#include "test/fuzz/fuzz.h"

#define MAX 1200

static bool
again(const struct ticket *t)
{
	char text[TICKET_TEXT];
	struct ticket back;

	return ticket_write(t, text, sizeof(text)) == ERR_OK &&
	       ticket_read(text, &back) == ERR_OK && memcmp(t, &back, sizeof(back)) == 0;
}

/* The input as text, and as bytes with a right check. */
static bool
holds(const uint8_t *p, size_t n)
{
	char *text = malloc(TICKET_TEXT + n);
	struct ticket t;
	bool ok = true;

	memcpy(text, p, n);
	text[n] = '\0';
	if (ticket_read(text, &t) == ERR_OK)
		ok = again(&t);
	memcpy(text, TICKET_PREFIX, 8);
	b32_encode(p, n, text + 7, B32_TEXT(n));
	if (ticket_read(text, &t) == ERR_OK)
		ok = ok && again(&t);
	free(text);
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	MUST(n > MAX || holds(p, n));
	return 0;
}

#ifndef LIBFUZZER

static uint32_t seed = 1;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static size_t
valid_bytes(uint8_t *b)
{
	struct ticket t;
	char text[TICKET_TEXT];
	size_t n;

	memset(&t, 0, sizeof(t));
	snprintf(t.name, sizeof(t.name), "lab%u", rnd(10));
	for (t.addrs = 0; t.addrs < rnd(TICKET_ADDRS + 1); t.addrs++)
		snprintf(t.addr[t.addrs], TICKET_ADDR, "192.0.2.%u:%u", rnd(256),
			 1 + rnd(65535));
	for (t.rdvs = 0; t.rdvs < rnd(TICKET_RDVS + 1); t.rdvs++) {
		snprintf(t.rdv[t.rdvs].addr, RDV_ADDR, "r%u.example:1", rnd(10));
		t.rdv[t.rdvs].pin[rnd(PEERID)] = (uint8_t)rnd(256);
	}
	t.has_secret = rnd(2);
	if (ticket_write(&t, text, sizeof(text)) != ERR_OK ||
	    b32_decode(text + 7, b, MAX, &n) != ERR_OK)
		abort();
	return n;
}

/* Valid bytes with some changed, cut or added. */
static void
changed_tickets(void)
{
	uint8_t b[MAX];

	for (int i = 0; i < 20000; i++) {
		size_t n = valid_bytes(b);

		for (uint32_t k = rnd(4); k > 0; k--)
			b[rnd(2) ? rnd((uint32_t)n) : 33 + rnd((uint32_t)n - 33)] =
			    (uint8_t)rnd(256);
		if (rnd(4) == 0)
			n = rnd((uint32_t)n + 1);
		else if (rnd(4) == 0)
			b[n++] = (uint8_t)rnd(256);
		CHECK(holds(b, n));
	}
}

static void
noise(void)
{
	static const char some[] = "usbp2p:ABCZ2347-\n\0az!";
	uint8_t b[MAX];

	for (int i = 0; i < 20000; i++) {
		size_t n = rnd(64);

		for (size_t k = 0; k < n; k++)
			b[k] = (uint8_t)(i & 1 ? some[rnd(sizeof(some) - 1)]
					       : (char)rnd(256));
		if (i & 2 && n > 7)
			memcpy(b, TICKET_PREFIX, 7);
		CHECK(holds(b, n));
	}
}

static void
corpus(void)
{
	fuzz_corpus("ticket");
}

TEST_MAIN(TEST(corpus), TEST(changed_tickets), TEST(noise))

#endif
