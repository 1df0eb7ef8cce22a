/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/desc.h"
#include "core/nowrite.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define IN   0x81
#define OUT  0x02
#define READ 0x80

static struct nowrite g;
static uint8_t buf[1024];
static uint32_t tag;

static void
begin(void)
{
	CHECK_EQ(nowrite_init(&g, sample, sizeof(sample), 1), ERR_OK);
	CHECK_EQ(g.units, 1);
}

static struct urb
urb(uint8_t ep, uint32_t len, uint32_t flags)
{
	struct urb u = {.type = URB_BULK,
			.ep = ep,
			.buf = buf,
			.len = len,
			.flags = flags,
			.status = 1,
			.actual = 9999};

	return u;
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t
get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A command; true: the device has it. */
static bool
say_lun(uint8_t lun, const uint8_t *cdb, uint8_t n, uint32_t want, uint8_t dir)
{
	struct urb u = urb(OUT, 31, 0);
	bool pass;

	memset(buf, 0, 31);
	put32(buf, 0x43425355);
	put32(buf + 4, ++tag);
	put32(buf + 8, want);
	buf[12] = dir;
	buf[13] = lun;
	buf[14] = n;
	memcpy(buf + 15, cdb, n);
	pass = nowrite_submit(&g, &u);
	if (!pass)
		CHECK(u.status == 0 && u.actual == 31);
	return pass;
}

static bool
say(const uint8_t *cdb, uint8_t n, uint32_t want, uint8_t dir)
{
	return say_lun(0, cdb, n, want, dir);
}

/* Our status: failed or not, and what was not moved. */
static void
status(uint8_t failed, uint32_t residue)
{
	struct urb u = urb(IN, 13, 0);

	CHECK(!nowrite_submit(&g, &u));
	CHECK(u.status == 0 && u.actual == 13);
	CHECK(get32(buf) == 0x53425355 && get32(buf + 4) == tag);
	CHECK_EQ(get32(buf + 8), residue);
	CHECK_EQ(buf[12], failed);
}

/* 0: it goes to the device. */
static uint32_t
sense_of(uint8_t lun)
{
	static const uint8_t cdb[6] = {0x03, 0, 0, 0, 18, 0};
	struct urb u = urb(IN, 18, 0);
	uint32_t sense;

	if (say_lun(lun, cdb, 6, 18, READ))
		return 0;
	CHECK(!nowrite_submit(&g, &u));
	CHECK(u.status == 0 && u.actual == 18 && buf[0] == 0x70 && buf[7] == 10);
	sense = (uint32_t)(buf[2] << 16 | buf[12] << 8 | buf[13]);
	status(0, 0);
	return sense;
}

static void
what_it_looks_after(void)
{
	static const uint8_t no_disk[] = {18, 1, 0, 2, 0, 0, 0, 64, 1, 1, 1, 1, 0, 1,
					  1,  2, 3, 1, 9, 2, 9, 0,  0, 1, 0, 0, 0};
	uint8_t raw[sizeof(sample)];

	begin();
	CHECK(g.unit[0].in == IN && g.unit[0].out == OUT);
	CHECK_EQ(nowrite_init(&g, sample, sizeof(sample), 2), ERR_LACKING); /* HID */
	CHECK_EQ(nowrite_init(&g, sample, sizeof(sample), 3), ERR_LACKING);
	CHECK_EQ(nowrite_init(&g, no_disk, sizeof(no_disk), 1), ERR_LACKING);
	for (size_t n = 0; n < SAMPLE_CONFIG2; n++)
		CHECK(nowrite_init(&g, sample, n, 1) != ERR_OK);
	for (size_t i = 0; i < sizeof(sample); i++)
		for (unsigned v = 0; v < 256; v++) { /* ASan looks on */
			memcpy(raw, sample, sizeof(raw));
			raw[i] = (uint8_t)v;
			CHECK(nowrite_init(&g, raw, sizeof(raw), 1) <= ERR_OK);
		}
}

/* All operation codes, one after the other: these pass, and no other. */
static void
every_command(void)
{
	static const uint8_t pass[] = {
	    0x00, 0x03, 0x08, 0x12, 0x1a, 0x1b, 0x1e, 0x23, 0x25, 0x28, 0x2f, 0x35, 0x43,
	    0x46, 0x4a, 0x4d, 0x51, 0x52, 0x5a, 0x88, 0x8f, 0x91, 0xa0, 0xa8, 0xad, 0xbe};
	static const uint8_t protected[] = {
	    0x04, 0x07, 0x0a, 0x15, 0x19, 0x2a, 0x2e, 0x3f, 0x41, 0x42, 0x48, 0x53, 0x55,
	    0x5d, 0x5f, 0x89, 0x8a, 0x8b, 0x8e, 0x93, 0x9c, 0x9d, 0xaa, 0xae, 0xbf};

	for (unsigned op = 0; op < 256; op++) {
		uint8_t cdb[16] = {(uint8_t)op};
		bool want = memchr(pass, (int)op, sizeof(pass)) != NULL, is;
		uint32_t sense;

		begin();
		is = say(cdb, 16, 512, READ);
		if (is != want)
			printf("# %02x\n", op);
		CHECK(is == want);
		begin();
		CHECK(!say(cdb, 16, 512, 0)); /* data for the device: never */
		begin();
		if (say(cdb, 16, 0, 0))
			continue;
		status(1, 0);
		sense = op == 0x9e || op == 0xa3 ? 0x052400 : 0x052000;
		if (memchr(protected, (int)op, sizeof(protected)) != NULL)
			sense = 0x072700;
		CHECK_EQ(sense_of(0), sense);
	}
}

static void
what_fields_say(void)
{
	static const struct {
		uint8_t cdb[6];
		bool pass;
	} t[] = {
	    {{0x1b, 0, 0, 0, 0x00}, true},  {{0x1b, 0, 0, 0, 0x01}, true},
	    {{0x1b, 0, 0, 0, 0x02}, false}, {{0x1b, 0, 0, 0, 0x03}, false},
	    {{0x2f, 0x00}, true},           {{0x2f, 0x02}, false},
	    {{0x8f, 0x06}, false},          {{0x9e, 0x10}, true},
	    {{0x9e, 0x12}, false},          {{0xa3, 0x0c}, true},
	    {{0xa3, 0x05}, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		begin();
		CHECK_EQ(say(t[i].cdb, 6, 0, 0), t[i].pass);
	}
}

static void
a_write(void)
{
	static const uint8_t write[10] = {0x2a, 0, 0, 0, 0, 1, 0, 0, 2}, ready[6] = {0};
	struct urb u;

	begin();
	CHECK(!say(write, 10, 1024, 0));
	for (int i = 0; i < 2; i++) { /* the data go nowhere */
		u = urb(OUT, 512, 0);
		CHECK(!nowrite_submit(&g, &u));
		CHECK(u.status == 0 && u.actual == 512);
	}
	status(1, 1024);
	CHECK_EQ(sense_of(0), 0x072700);
	CHECK_EQ(sense_of(0), 0); /* it was told; the device's own turn */
	CHECK(!say(write, 10, 1024, 0));
	status(1, 1024); /* without its data */
	CHECK(say(ready, 6, 0, 0));
	CHECK_EQ(sense_of(0), 0); /* of the last command only */
	/* each unit of a card reader has its own */
	CHECK(!say_lun(3, write, 10, 0, 0));
	status(1, 0);
	CHECK(say_lun(2, ready, 6, 0, 0));
	CHECK_EQ(sense_of(2), 0);
	CHECK_EQ(sense_of(3), 0x072700);
}

static void
refused_with_data_for_the_host(void)
{
	static const uint8_t odd[12] = {0xa1, 8};
	static const uint8_t clear[8] = {0x02, 1, 0, 0, IN, 0, 0, 0};
	struct urb u;

	begin();
	CHECK(!say(odd, 12, 512, READ));
	for (int i = 0; i < 2; i++) {
		u = urb(IN, 512, 0);
		CHECK(!nowrite_submit(&g, &u));
		CHECK(u.status == -LINUX_EPIPE && u.actual == 0);
	}
	u = urb(0, 0, 0);
	memcpy(u.setup, clear, 8);
	u.job = desc_job(clear);
	CHECK(nowrite_submit(&g, &u)); /* the device may have it, too */
	status(1, 512);
	CHECK_EQ(sense_of(0), 0x052000);
}

static void
lengths_of_sense(void)
{
	static const struct {
		uint8_t cdb[6];
		uint32_t want, len, flags, actual, residue;
		int32_t status;
	} t[] = {
	    {{3, 0, 0, 0, 18}, 18, 18, URB_SHORT_NOT_OK, 18, 0, 0},
	    {{3, 0, 0, 0, 4}, 4, 4, 0, 4, 0, 0},
	    {{3, 0, 0, 0, 255}, 96, 96, 0, 18, 78, 0},
	    {{3, 0, 0, 0, 255}, 96, 96, URB_SHORT_NOT_OK, 18, 78, -LINUX_EREMOTEIO},
	    {{3, 0, 0, 0, 255}, 8, 96, 0, 8, 0, 0},
	    {{3, 1, 0, 0, 255}, 96, 96, 0, 8, 88, 0},
	};
	static const uint8_t write[6] = {0x0a};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct urb u = urb(IN, t[i].len, t[i].flags);

		begin();
		CHECK(!say(write, 6, 0, 0));
		status(1, 0);
		CHECK(!say(t[i].cdb, 6, t[i].want, READ));
		CHECK(!nowrite_submit(&g, &u));
		CHECK(u.status == t[i].status && u.actual == t[i].actual);
		if (t[i].cdb[1] == 1)
			CHECK(buf[0] == 0x72 && buf[1] == 7 && buf[2] == 0x27 &&
			      buf[3] == 0);
		status(0, t[i].residue);
	}
	begin(); /* in pieces, the last is short */
	CHECK(!say(write, 6, 0, 0));
	status(1, 0);
	CHECK(!say(t[2].cdb, 6, 96, READ));
	for (uint32_t left = 18;; left -= 6) {
		struct urb u = urb(IN, 6, 0);

		CHECK(!nowrite_submit(&g, &u));
		CHECK_EQ(u.actual, left > 0 ? 6 : 0);
		if (left == 0)
			break;
	}
	status(0, 78);
	CHECK(!say(write, 6, 0, 0)); /* an urb too short for a status */
	{
		struct urb u = urb(IN, 12, 0);

		CHECK(!nowrite_submit(&g, &u));
		CHECK(u.status == -LINUX_EOVERFLOW && u.actual == 0);
	}
}

static void
mode_sense_says_it(void)
{
	static const struct {
		uint8_t cdb[10], n, at;
		uint32_t actual;
	} t[] = {
	    {{0x1a, 0, 0x3f, 0, 192}, 6, 2, 192},
	    {{0x1a, 0, 0x3f, 0, 4}, 6, 2, 4},
	    {{0x1a, 0, 0x3f, 0, 4}, 6, 2, 2}, /* without that byte */
	    {{0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 8}, 10, 3, 8},
	    {{0x12, 0, 0, 0, 36}, 6, 2, 36},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		bool mode = t[i].cdb[0] != 0x12;

		begin();
		CHECK(say(t[i].cdb, t[i].n, 192, READ));
		for (int k = 0; k < 2; k++) { /* data; then status, untouched */
			struct urb u = urb(IN, 192, 0);

			CHECK(nowrite_submit(&g, &u));
			memset(buf, 0, sizeof(buf));
			u.actual = t[i].actual;
			u.status = 0;
			nowrite_complete(&g, &u);
			CHECK_EQ(buf[t[i].at],
				 mode && k == 0 && t[i].actual > t[i].at ? 0x80 : 0);
		}
	}
	begin(); /* the device has no data: its status stays as it is */
	CHECK(say(t[0].cdb, 6, 192, READ));
	{
		struct urb u = urb(IN, 192, 0);

		put32(buf, 0x53425355);
		put32(buf + 4, tag);
		put32(buf + 8, 192);
		buf[2] = 0x42;
		u.actual = 13;
		nowrite_complete(&g, &u);
		CHECK_EQ(buf[2], 0x42);
	}
}

static void
what_is_no_command(void)
{
	static const uint8_t ready[6] = {0};
	static const struct {
		unsigned at;
		uint8_t is;
		uint32_t len;
	} t[] = {{0, 'u', 31}, {12, 0x40, 31}, {13, 16, 31}, {14, 0, 31},
		 {14, 17, 31}, {0, 'U', 30},   {0, 'U', 32}, {0, 'U', 512}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct urb u = urb(OUT, t[i].len, 0);

		begin();
		CHECK(say(ready, 6, 0, 0));
		buf[t[i].at] = t[i].is;
		CHECK(!nowrite_submit(&g, &u));
		CHECK(u.status == -LINUX_EPIPE && u.actual == 0);
	}
}

static void
other_ways_to_the_device(void)
{
	static const struct {
		uint8_t setup[8];
		bool pass;
	} t[] = {
	    {{0x80, 6, 0, 1, 0, 0, 18, 0}, true},
	    {{0xa1, 0xfe, 0, 0, 0, 0, 1, 0}, true},
	    {{0x21, 0xff, 0, 0, 0, 0, 0, 0}, true},
	    {{0x00, 9, 1, 0, 0, 0, 0, 0}, true},
	    {{0x00, 9, 0, 0, 0, 0, 0, 0}, true},
	    {{0x00, 9, 2, 0, 0, 0, 0, 0}, false}, /* another configuration */
	    {{0x01, 11, 0, 0, 0, 0, 0, 0}, true},
	    {{0x01, 11, 1, 0, 0, 0, 0, 0}, false}, /* UAS */
	    {{0x02, 1, 0, 0, IN, 0, 0, 0}, true},
	    {{0x23, 3, 4, 0, 0, 0, 0, 0}, true}, /* a reset of the port */
	    {{0x23, 3, 8, 0, 0, 0, 0, 0}, false},
	    {{0x21, 1, 0, 0, 0, 0, 2, 0}, false}, /* DFU_DNLOAD */
	    {{0x40, 1, 0, 0, 0, 0, 2, 0}, false}, /* the vendor's */
	    {{0xc0, 1, 0, 0, 0, 0, 2, 0}, false},
	    {{0x00, 7, 0, 1, 0, 0, 18, 0}, false}, /* SET_DESCRIPTOR */
	};
	static const uint8_t others[] = {0x83, 0x04, 0x85, 0x06};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct urb u = urb(t[i].setup[0] & 0x80, t[i].setup[6], 0);

		begin();
		memcpy(u.setup, t[i].setup, 8);
		u.job = desc_job(u.setup);
		if (nowrite_submit(&g, &u) != t[i].pass)
			printf("# %zu\n", i);
		CHECK_EQ(nowrite_submit(&g, &u), t[i].pass);
		CHECK(t[i].pass || u.status == -LINUX_EPIPE);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct urb u = urb(others[i], 8, 0);

		begin();
		CHECK(!nowrite_submit(&g, &u));
		CHECK_EQ(u.status, -LINUX_EPIPE);
	}
}

static void
resets(void)
{
	static const uint8_t setups[][8] = {{0x21, 0xff},
					    {0x23, 3, 4},
					    {0x00, 9, 1},
					    {0x01, 11}},
			     write[10] = {0x2a};

	for (size_t i = 0; i < ARRAY_LEN(setups); i++) {
		struct urb u;

		begin();
		CHECK(!say(write, 10, 1024, 0));
		u = urb(0, 0, 0);
		memcpy(u.setup, setups[i], 8);
		u.job = desc_job(u.setup);
		CHECK(nowrite_submit(&g, &u));
		CHECK_EQ(sense_of(0), 0);
		u = urb(IN, 13, 0);
		CHECK(nowrite_submit(&g, &u)); /* the device's turn */
	}
}

TEST_MAIN(TEST(what_it_looks_after), TEST(every_command), TEST(what_fields_say),
	  TEST(a_write), TEST(refused_with_data_for_the_host), TEST(lengths_of_sense),
	  TEST(mode_sense_says_it), TEST(what_is_no_command),
	  TEST(other_ways_to_the_device), TEST(resets))
