/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Descriptors as text, and what becomes of broken ones.
 */
#include "core/desc_text.h"
#include "test/test.h"

static const uint8_t stick[] = {
    18,   1,    0x10, 0x02, 0xef, 2, 1,  64,   0x6b,
    0x1d, 0x04, 0x01, 0x05, 0x01, 0, 0,  0,    1,  /* device */
    9,    2,    48,   0,    1,    3, 0,  0xc0, 50, /* configuration */
    9,    4,    0,    0,    1,    8, 6,  0x50, 0,  /* interface */
    7,    5,    0x81, 2,    0,    2, 0,            /* bulk in */
    9,    4,    1,    2,    1,    3, 1,  1,    0,  /* setting 2 */
    7,    0x21, 1,    2,    3,    4, 5,            /* of its class */
    7,    5,    0x02, 3,    8,    0, 10,           /* interrupt */
};

static bool
reads(size_t n, const char *want)
{
	char buf[2000];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	desc_text(stick, n, &t);
	if (strcmp(buf, want) != 0)
		printf("# is:\n%s# and not:\n%s", buf, want);
	return strcmp(buf, want) == 0;
}

#define DEVICE "device 1d6b:0104 version 1.05, USB 2.10, other (ef/02/01)\n"

static void
a_tree(void)
{
	CHECK(reads(sizeof(stick),
		    DEVICE "  configuration 3: self-powered, 100 mA\n"
			   "    interface 0: storage (08/06/50)\n"
			   "      endpoint 1 in: bulk, 512 bytes\n"
			   "    interface 1 setting 2: hid (03/01/01)\n"
			   "      descriptor 21, 7 bytes\n"
			   "      endpoint 2 out: interrupt, 8 bytes, interval 10\n"));
}

static void
broken_ones(void)
{
	CHECK(reads(0, ""));
	CHECK(reads(17, "the rest contradicts itself\n"));
	CHECK(reads(19, DEVICE "the rest contradicts itself\n"));
}

/* Cut anywhere, and each byte changed: it ends, and stays in its buffer. */
static void
anything(void)
{
	uint8_t raw[sizeof(stick)];
	char buf[600];
	struct text t;

	for (size_t i = 0; i < sizeof(stick); i++)
		for (unsigned v = 0; v < 256; v++) {
			memcpy(raw, stick, sizeof(raw));
			raw[i] = (uint8_t)v;
			text_init(&t, buf, sizeof(buf));
			desc_text(raw, sizeof(raw) - i % 7, &t);
			CHECK(strlen(buf) < sizeof(buf));
		}
}

TEST_MAIN(TEST(a_tree), TEST(broken_ones), TEST(anything))
