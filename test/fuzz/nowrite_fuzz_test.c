/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Whatever a peer asks of a disk that is shared read-only: only whole command blocks of
 * reading commands go to it, and what is answered for it is answered completely. An
 * input is a row of requests: endpoint, length, flags, eight bytes; and, for a request
 * that the device gets, what it says. Alone it runs a fixed number of seeded inputs; with
 * -DLIBFUZZER it is libFuzzer's.
 */
#include "core/desc.h"
#include "core/nowrite.h"
#include "test/core/sample.h"
#include "test/fuzz/fuzz.h"

#define ROW 12

/* What must never come through, by what it does to a disk. */
static const uint8_t writes[] = {0x04, 0x0a, 0x15, 0x19, 0x2a, 0x2e, 0x3b, 0x41,
				 0x42, 0x55, 0x5d, 0x5f, 0x85, 0x89, 0x8a, 0x8e,
				 0x93, 0x9c, 0xa1, 0xaa, 0xae, 0xbf, 0xc0, 0xff};

/* A command block, made of the row; mostly a valid one. */
static void
make_command(uint8_t *b, const uint8_t *row)
{
	static const uint8_t head[] = {'U', 'S', 'B', 'C', 1, 2, 3, 4};

	memset(b, 0, 31);
	memcpy(b, head, sizeof(head));
	b[8] = row[4];
	b[12] = row[5] & 0x83;
	b[13] = row[6] & 0x1f;
	b[14] = row[7] % 18;
	memcpy(b + 15, row + 8, 4);
	if (row[3] & 0x40)
		b[row[4] % 31] = row[5];
}

static bool
is_reading(const struct urb *u)
{
	uint32_t want = u->buf[8] | u->buf[9] << 8;

	return u->len == 31 && memcmp(u->buf, "USBC", 4) == 0 &&
	       memchr(writes, u->buf[15], sizeof(writes)) == NULL &&
	       ((u->buf[12] & 0x80) != 0 || want == 0);
}

static bool
ask(struct nowrite *g, const uint8_t *row)
{
	static const uint8_t eps[] = {0x00, 0x80, 0x81, 0x81, 0x02, 0x02, 0x83, 0x04};
	static const uint8_t lens[] = {0, 8, 12, 13, 18, 31, 31, 64};
	uint8_t exact[64]; /* ASan sees what is behind len */
	struct urb u = {.ep = eps[row[0] & 7],
			.len = lens[row[1] & 7],
			.flags = row[2] & URB_SHORT_NOT_OK,
			.status = 77,
			.actual = 7777};
	bool pass;

	memset(exact, row[3], sizeof(exact));
	u.buf = exact + sizeof(exact) - u.len;
	if (u.ep == 0x02 && u.len == 31)
		make_command(u.buf, row);
	if ((u.ep & 15) == 0) {
		memcpy(u.setup, row + 4, 8);
		u.job = desc_job(u.setup);
	}
	pass = nowrite_submit(g, &u);
	if (!pass)
		return u.status != 77 && u.actual <= u.len && u.status <= 0;
	if (u.ep == 0x02 && !is_reading(&u))
		return false;
	if ((u.ep & 15) == 0 && (u.setup[0] & 0x60) == 0x40)
		return false; /* the vendor's */
	u.status = 0;
	u.actual = u.len > 0 ? row[9] % (u.len + 1) : 0;
	nowrite_complete(g, &u);
	return (u.ep & 15) == 0 || u.ep == 0x81 || u.ep == 0x02;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct nowrite g;

	MUST(nowrite_init(&g, sample, sizeof(sample), 1) == ERR_OK);
	for (; n >= ROW; p += ROW, n -= ROW)
		MUST(ask(&g, p));
	return 0;
}

#ifndef LIBFUZZER

static void
noise(void)
{
	fuzz_noise(20000, 40 * ROW);
}

/* A write and its data, status, sense; a read. */
static void
mutants(void)
{
	static const uint8_t seed[] = {
	    4, 5, 0, 0, 64, 0x00, 0, 10, 0x2a, 0, 0, 0, /* WRITE(10) */
	    4, 7, 0, 1, 0,  0,    0, 0,  0,    0, 0, 0, /* its data */
	    2, 3, 0, 0, 0,  0,    0, 0,  0,    0, 0, 0, /* status */
	    4, 5, 0, 0, 18, 0x80, 0, 6,  0x03, 0, 0, 0, /* REQUEST SENSE */
	    2, 4, 1, 0, 0,  0,    0, 0,  0,    0, 0, 0, /* sense data */
	    2, 3, 0, 0, 0,  0,    0, 0,  0,    0, 0, 0, /* status */
	    4, 5, 0, 0, 64, 0x80, 0, 6,  0x1a, 0, 0, 0, /* MODE SENSE(6) */
	    2, 7, 0, 0, 0,  0,    0, 0,  0,    9, 0, 0, /* data */
	    0, 0, 0, 0, 2,  1,    0, 0,  0x81, 0, 0, 0, /* CLEAR_HALT */
	};

	fuzz_mutants(seed, sizeof(seed), 60000);
}

static void
corpus(void)
{
	fuzz_corpus("nowrite");
}

TEST_MAIN(TEST(corpus), TEST(noise), TEST(mutants))

#endif
