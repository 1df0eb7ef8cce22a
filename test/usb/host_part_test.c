/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * What the user of a part of a device may ask for, without a device. What the
 * kernel does then is in test/usb/host_test.c and test/vm/keep_test.sh.
 */
#include "core/usbip.h"
#include "test/test.h"
#include "usb/host.h"

/* clang-format off */
static const uint8_t whole[] = {
	18, 1, 0, 2, 0, 0, 0, 64, 0x6b, 0x1d, 5, 1, 0, 1, 1, 2, 3, 2,
	/* storage (0), serial port (1 and 2) */
	9, 2, 76, 0, 3, 1, 0, 0xc0, 50,
	9, 4, 0, 0, 2, 8, 6, 80, 0,
	7, 5, 0x81, 2, 0, 2, 0,
	7, 5, 0x01, 2, 0, 2, 0,
	9, 4, 1, 0, 1, 2, 2, 1, 0,
	7, 5, 0x82, 3, 8, 0, 10,
	9, 4, 2, 0, 2, 10, 0, 0, 0,
	7, 5, 0x83, 2, 0, 2, 0,
	7, 5, 0x03, 2, 0, 2, 0,
	5, 0x24, 0, 0x10, 1,
	/* another configuration */
	9, 2, 18, 0, 1, 2, 0, 0xc0, 50,
	9, 4, 0, 0, 0, 0xff, 0, 0, 0,
};
/* clang-format on */

static uint8_t raw[sizeof(whole)];
static struct host_dev dev;

static void
open_part(host_ifs claimed)
{
	memcpy(raw, whole, sizeof(whole));
	raw[20] = sizeof(whole) - 18 - 18; /* the first configuration's length */
	memset(&dev, 0, sizeof(dev));
	dev.part = true;
	dev.claimed = claimed;
	dev.dev.raw = raw;
	dev.dev.raw_len = sizeof(raw);
	dev.dev.info.config = 1;
	host_part_keep(&dev);
}

static void
tells_of_its_part(void)
{
	const struct devinfo *in = &dev.dev.info;

	open_part(6);
	CHECK_EQ(in->ifs, 2);
	CHECK_EQ(in->iface[0].cls, 2);
	CHECK_EQ(in->iface[1].cls, 10);
	CHECK_EQ(in->configs, 1);
	CHECK_EQ(in->vid, 0x1d6b);
	CHECK_EQ(dev.dev.raw_len, 18 + 9 + 9 + 7 + 9 + 7 + 7 + 5);
	open_part(0); /* rather nothing than too much */
	CHECK_EQ(in->ifs, 0);
	CHECK_EQ(dev.dev.raw_len, 18);
}

static bool
allows(const char *setup, enum urb_job job)
{
	struct urb u = {.type = URB_CONTROL, .job = job};

	memcpy(u.setup, setup, 8);
	return host_part_allows(&dev, &u);
}

static void
requests(void)
{
	static const struct {
		const char *what, *setup;
		bool may;
	} t[] = {
	    {"device descriptor", "\x80\x06\0\1\0\0\x12\0", true},
	    {"configuration", "\x80\x06\0\2\0\0\xff\0", true},
	    {"another configuration", "\x80\x06\1\2\0\0\xff\0", false},
	    {"of another speed", "\x80\x06\0\7\0\0\xff\0", false},
	    {"string", "\x80\x06\2\3\x09\4\xff\0", true},
	    {"GET_CONFIGURATION", "\x80\x08\0\0\0\0\1\0", true},
	    {"GET_STATUS", "\x80\0\0\0\0\0\2\0", true},
	    {"remote wakeup", "\0\3\1\0\0\0\0\0", false},
	    {"SET_ADDRESS", "\0\5\1\0\0\0\0\0", false},
	    {"vendor's", "\x40\1\1\0\0\0\0\0", true},
	    {"vendor's, other", "\xc3\1\1\0\0\0\1\0", true},
	    {"a hub's port", "\x23\3\4\0\1\0\0\0", false},
	    {"line coding", "\x21\x20\0\0\1\0\7\0", true},
	    {"SET_INTERFACE", "\1\x0b\0\0\2\0\0\0", true},
	    {"the disk's SET_INTERFACE", "\1\x0b\0\0\0\0\0\0", false},
	    {"the disk's reset", "\x21\xff\0\0\0\0\0\0", false},
	    {"the disk's GET_MAX_LUN", "\xa1\xfe\0\0\0\0\1\0", false},
	    {"the disk's vendor request", "\xc1\1\0\0\0\0\1\0", false},
	    {"no interface", "\xa1\1\0\0\x20\0\1\0", false},
	    {"GET_DEVICE_ID", "\xa1\0\0\0\0\1\1\0", true},
	    {"the disk's GET_DEVICE_ID", "\xa1\0\0\0\1\0\1\0", false},
	    {"halt", "\2\1\0\0\x83\0\0\0", true},
	    {"the disk's halt", "\2\1\0\0\x81\0\0\0", false},
	    {"halt of endpoint 0", "\2\1\0\0\0\0\0\0", true},
	    {"halt of no endpoint", "\2\1\0\0\x8f\0\0\0", false},
	};

	open_part(6);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (allows(t[i].setup, URB_JOB_NONE) != t[i].may) {
			printf("# %s\n", t[i].what);
			CHECK(0);
		}
	CHECK(allows("\0\x09\1\0\0\0\0\0", URB_JOB_SET_CONFIGURATION));
	CHECK(allows("\x23\3\4\0\1\0\0\0", URB_JOB_RESET));
	CHECK(!allows("\1\x0b\0\0\0\0\0\0", URB_JOB_SET_INTERFACE));
	CHECK(!allows("\2\1\0\0\x81\0\0\0", URB_JOB_CLEAR_HALT));
	open_part(0);
	CHECK(!allows("\x80\x06\0\2\0\0\xff\0", URB_JOB_NONE));
	CHECK(!allows("\1\x0b\0\0\2\0\0\0", URB_JOB_NONE));
}

static void
endpoints(void)
{
	struct urb u = {.type = URB_BULK, .ep = 0x83};

	open_part(6);
	CHECK(host_part_allows(&dev, &u));
	u.ep = 0x81;
	CHECK(!host_part_allows(&dev, &u));
	u = (struct urb){.type = URB_INTERRUPT, .ep = 0x82};
	CHECK(host_part_allows(&dev, &u));
}

static void
answers(void)
{
	uint8_t buf[256];
	struct urb u = {.type = URB_CONTROL, .buf = buf, .len = sizeof(buf)};

	open_part(6);
	CHECK(!host_part_answers((const uint8_t *)"\x80\x06\2\3\x09\4\xff\0"));
	memcpy(u.setup, "\x80\x06\0\2\0\0\0\1", 8);
	CHECK(host_part_answers(u.setup));
	host_part_answer(&dev, &u);
	CHECK_EQ(u.status, 0);
	CHECK_EQ(u.actual, 9 + 9 + 7 + 9 + 7 + 7 + 5);
	CHECK(memcmp(buf, raw + 18, u.actual) == 0);
	u.flags = URB_SHORT_NOT_OK;
	host_part_answer(&dev, &u);
	CHECK_EQ(u.status, -LINUX_EREMOTEIO);
	u.len = 9;
	host_part_answer(&dev, &u);
	CHECK_EQ(u.status, 0);
	CHECK_EQ(u.actual, 9);
	memcpy(u.setup, "\x80\x06\0\1\0\0\x12\0", 8);
	u.len = 18;
	host_part_answer(&dev, &u);
	CHECK_EQ(u.actual, 18);
	CHECK(memcmp(buf, raw, 18) == 0 && buf[17] == 1);
}

TEST_MAIN(TEST(tells_of_its_part), TEST(requests), TEST(endpoints), TEST(answers))
