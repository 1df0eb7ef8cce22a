/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * The words for virtual devices, and what all kinds have in common: descriptors,
 * the answers of chapter 9, and that no urb is lost whatever a host does.
 */
#include <stdio.h>
#include <unistd.h>

#include "test/usb/vuser.h"

static char image[] = "/tmp/virtual_test.XXXXXX";
static char disk[64];

static const char *const specs[] = {disk, "keyboard", "serial", "loop"};

static void
a_place_to_be(void)
{
	int fd = mkstemp(image);

	CHECK(fd >= 0 && ftruncate(fd, 65536) == 0);
	close(fd);
	snprintf(disk, sizeof(disk), "disk:%s", image);
}

static void
words(void)
{
	static const struct {
		const char *spec;
		int err;
		const char *why;
	} t[] = {
	    {"", ERR_USAGE, "\"\" is no virtual device"},
	    {"mouse", ERR_USAGE, "\"mouse\" is no virtual device"},
	    {"Loop", ERR_USAGE, "loop"},
	    {"loopy", ERR_USAGE, "no virtual device"},
	    {"loo", ERR_USAGE, "no virtual device"},
	    {"mou\nse", ERR_USAGE, "mou?se"},
	    {"x", ERR_USAGE,
	     "disk:FILE[,ro] keyboard[:FILE] serial[:LINK] loop[:VID:PID]"},
	    {"loop:1", ERR_USAGE, "write loop"},
	    {"loop:05254a4a0", ERR_USAGE, "write loop"},
	    {"loop:0525:a4ag", ERR_USAGE, "write loop"},
	    {"loop:0525:a4a00", ERR_USAGE, "write loop"},
	    {"disk", ERR_USAGE, "disk:FILE"},
	    {"disk:", ERR_USAGE, "disk:FILE"},
	    {"disk:/nowhere/x", ERR_NODEV, "/nowhere/x"},
	};
	char why[256];

	make_bus();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		why[0] = '\0';
		CHECK_EQ(usb_virtual_add(&bus, t[i].spec, why, sizeof(why)), t[i].err);
		CHECK(strstr(why, t[i].why) != NULL);
		CHECK(strchr(why, '\n') == NULL);
	}
	CHECK(list_empty(&bus.devs));
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		CHECK_EQ(add(specs[i]), ERR_OK);
		CHECK(dev->is_virtual && dev->info.devnum == i + 1);
		CHECK(dev->info.busid[2] == (char)('1' + i));
	}
	drop_bus();
}

/* As usbtest asks: whatever the device is. */
static void
chapter_9(void)
{
	static const struct asked asked[] = {
	    {"configuration", 0x8008000000000100, 1, 0, 1, "\1"},
	    {"status", 0x8000000000000200, 2, 0, 2, "\1\0"},
	    {"status of interface", 0x8100000000000200, 2, 0, 2, "\0\0"},
	    {"status of interface 32", 0x8100000020000200, 2, -LINUX_EPIPE, 0, ""},
	    {"status of endpoint 0", 0x8200000000000200, 2, 0, 2, "\0\0"},
	    {"status of endpoint 0x1281", 0x8200000081120200, 2, -LINUX_EPIPE, 0, ""},
	    {"languages", 0x800600030000ff00, 255, 0, 4, "\4\3\x09\4"},
	    {"manufacturer", 0x800601030904ff00, 255, 0, 14,
	     "\x0e\3u\0s\0b\0p\0"
	     "2\0p\0"},
	    {"no string", 0x800604030904ff00, 255, -LINUX_EPIPE, 0, ""},
	    {"remote wake-up", 0x0003010000000000, 0, -LINUX_EPIPE, 0, ""},
	    {"set interface 0", 0x010b000000000000, 0, 0, 0, ""},
	    {"set alternate 9", 0x010b090000000000, 0, -LINUX_EPIPE, 0, ""},
	    {"set interface 31", 0x010b00001f000000, 0, -LINUX_EPIPE, 0, ""},
	    {"configuration 2", 0x0009020000000000, 0, -LINUX_EPIPE, 0, ""},
	    {"halt of an endpoint that is not", 0x020300008e000000, 0, -LINUX_EPIPE, 0,
	     ""},
	    {"no such request", 0xc0ff000000000100, 1, -LINUX_EPIPE, 0, ""},
	    {"unconfigured", 0x0009000000000000, 0, 0, 0, ""},
	    {"configuration", 0x8008000000000100, 1, 0, 1, "\0"},
	    {"status of interface", 0x8100000000000200, 2, -LINUX_EPIPE, 0, ""},
	    {"configured", 0x0009010000000000, 0, 0, 0, ""},
	    {"status of interface", 0x8100000000000200, 2, 0, 2, "\0\0"},
	};
	uint8_t buf[64];
	uint32_t n;

	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		printf("# %s\n", specs[i]);
		set_up(specs[i]);
		check_descriptors();
		CHECK_EQ(dev->raw[0], 18);
		CHECK_EQ(control(URB_JOB_NONE, 0x8006000100001200, buf, 64, &n), 0);
		CHECK(n == 18 && memcmp(buf, dev->raw, 18) == 0);
		ask(asked, ARRAY_LEN(asked));
		tear_down();
	}
}

/* Whatever the last user has chosen. */
static void
a_new_user_finds_it_as_new(void)
{
	uint8_t buf[512];
	uint32_t n;

	set_up("loop");
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b010000000000, NULL, 0, &n), 0);
	CHECK_EQ(control(URB_JOB_NONE, 0x0203000081000000, NULL, 0, &n), 0); /* halt */
	close_it();
	open_it();
	CHECK_EQ(control(URB_JOB_NONE, 0x810a000000000100, buf, 1, &n), 0);
	CHECK_EQ(buf[0], 0);
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b010000000000, NULL, 0, &n), 0);
	CHECK_EQ(transfer(URB_BULK, 0x81, buf, 512, &n), 0);
	CHECK_EQ(control(URB_JOB_SET_CONFIGURATION, 0x0009000000000000, NULL, 0, &n), 0);
	close_it();
	open_it();
	CHECK_EQ(dev->info.config, 1);
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b010000000000, NULL, 0, &n), 0);
	CHECK_EQ(transfer(URB_BULK, 0x81, buf, 512, &n), 0);
	tear_down();

	set_up("serial");
	CHECK_EQ(control(URB_JOB_NONE, 0x0203000081000000, NULL, 0, &n), 0);
	close_it();
	open_it();
	CHECK_EQ(control(URB_JOB_NONE, 0x8200000081000200, buf, 2, &n), 0);
	CHECK_EQ(buf[0], 0);
	tear_down();
}

/* An urb that must not be short is an error when it is. */
static void
short_answers(void)
{
	struct req r = {
	    .u = {.type = URB_CONTROL, .ep = 0x80, .flags = URB_SHORT_NOT_OK, .len = 64}};
	uint8_t buf[64];

	set_up("loop");
	memcpy(r.u.setup, "\x80\6\0\1\0\0\x40\0", 8);
	r.u.buf = buf;
	send_urb(&r);
	wait_for(&r.done);
	CHECK_EQ(r.u.status, -LINUX_EREMOTEIO);
	CHECK_EQ(r.u.actual, 18);
	tear_down();
}

static void
no_such_endpoint(void)
{
	static const struct {
		uint8_t type, ep;
	} t[] = {{URB_BULK, 0x8f},     {URB_BULK, 0},    {URB_INTERRUPT, 0x81},
		 {URB_ISO, 0x81},      {URB_BULK, 0xf1}, {URB_CONTROL, 0x81},
		 {URB_INTERRUPT, 0x84}};
	struct urb u;

	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		set_up(specs[i]);
		for (size_t k = 0; k < ARRAY_LEN(t); k++) {
			if (i == 1 && t[k].ep == 0x81 && t[k].type == URB_INTERRUPT)
				continue; /* a keyboard has it */
			u = (struct urb){.type = t[k].type, .ep = t[k].ep};
			CHECK_EQ(usb_dev_submit(dev, &u), ERR_FAIL);
			CHECK_EQ(u.status, -LINUX_ENOENT);
		}
		tear_down();
	}
}

/* Whatever a host does, in any order: each urb comes back once, all end at close. */

#define STORM 24

static uint32_t
dice(uint32_t n)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Any endpoint of any setting, chosen now or not; or a control request. */
static void
storm_urb(struct req *r, struct urb_iso *iso, uint8_t *buf)
{
	static const uint8_t requests[][8] = {
	    {0x02, 1, 0, 0, 0x81},      {0x02, 3, 0, 0, 0x81}, {0x01, 11, 0, 0, 0},
	    {0x01, 11, 1, 0, 0},        {0x01, 11, 2, 0, 0},   {0x00, 9, 1},
	    {0x80, 6, 0, 2, 0, 0, 255}, {0x40, 3, 0, 0, 0x83}, {0x21, 10, 0, 2},
	    {0x02, 1, 0, 0, 0x83}};
	static const uint32_t sizes[] = {0, 8, 10, 16, 64, 512, 700, 1024, 4096, 65536};
	static struct desc d;
	const struct desc_ep *e;

	CHECK_EQ(desc_parse(&d, dev->raw, dev->raw_len, 1), ERR_OK);
	*r = (struct req){.u = {.buf = buf, .len = sizes[dice(ARRAY_LEN(sizes))]}};
	if (dice(6) == 0) {
		memcpy(r->u.setup, requests[dice(ARRAY_LEN(requests))], 8);
		r->u.type = URB_CONTROL;
		r->u.ep = r->u.setup[0] & 0x80;
		r->u.len = r->u.setup[6];
		r->u.job = dice(10) ? URB_JOB_NONE : URB_JOB_RESET;
		return;
	}
	e = &d.ep[dice(d.eps)];
	r->u.ep = e->addr;
	r->u.type = (enum urb_type)e->type;
	r->u.flags = dice(2) ? URB_ZERO_PACKET : 0;
	if (r->u.type != URB_ISO)
		return;
	r->u.len = 1024;
	r->u.iso = iso;
	r->u.packets = dice(5);
	for (uint32_t i = 0; i < r->u.packets; i++)
		iso[i] = (struct urb_iso){.offset = i * 256, .length = 256};
}

static void
storm_of(const char *spec)
{
	static uint8_t bufs[STORM][65536];
	static struct urb_iso iso[STORM][4];
	static struct req r[STORM];
	bool out[STORM] = {false};
	int taken = 0;

	set_up(spec);
	for (int turn = 0; turn < 20000; turn++) {
		uint32_t i = dice(STORM);

		out[i] = out[i] && !r[i].done;
		calling = true;
		if (!out[i]) {
			storm_urb(&r[i], iso[i], bufs[i]);
			out[i] = usb_dev_submit(dev, &r[i].u) == ERR_OK;
			taken += out[i];
		} else if (dice(4) == 0) {
			usb_dev_cancel(dev, &r[i].u);
		}
		calling = false;
		if (dice(3) == 0)
			event_base_loop(base, EVLOOP_NONBLOCK);
		if (dice(400) == 0) {
			close_it();
			open_it();
		}
	}
	close_it();
	CHECK(taken > 2000);
	for (int i = 0; i < STORM; i++)
		CHECK(!out[i] || r[i].done);
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	drop_bus();
}

static void
storm(void)
{
	for (size_t i = 0; i < ARRAY_LEN(specs); i++)
		storm_of(specs[i]);
}

static void
no_files_are_left(void)
{
	CHECK_EQ(unlink(image), 0);
}

TEST_MAIN(TEST(a_place_to_be), TEST(words), TEST(chapter_9),
	  TEST(a_new_user_finds_it_as_new), TEST(short_answers), TEST(no_such_endpoint),
	  TEST(storm), TEST(no_files_are_left))
