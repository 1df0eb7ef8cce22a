/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * The virtual test device: patterns, counters, order and back-pressure of its
 * loopback, halts, and what is timed.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/cur.h"
#include "test/usb/vuser.h"

#define SOURCE  0x81
#define SINK    0x02
#define BACK    0x83
#define FORTH   0x04
#define INT_IN  0x85
#define INT_OUT 0x06
#define ISO_IN  0x87
#define ISO_OUT 0x08

static void
choose(unsigned alt)
{
	uint32_t n;

	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b000000000000 | (uint64_t)alt << 40,
			 NULL, 0, &n),
		 0);
}

static void
start(unsigned alt)
{
	set_up("loop");
	choose(alt);
}

/* Counter number i, as usbp2p-serve(1) lists them. */
static uint64_t
counter(int i)
{
	uint8_t buf[64];
	uint32_t n;

	CHECK_EQ(control(URB_JOB_NONE, 0xc001000000004000, buf, 64, &n), 0);
	CHECK_EQ(n, 64);
	uint64_t v = 0;
	for (int b = 7; b >= 0; b--)
		v = v << 8 | buf[i * 8 + b];
	return v;
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* As usbtest fills and checks with pattern=1. */
static void
fill_mod63(uint8_t *p, size_t n, unsigned packet)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i % packet % 63);
}

static void
settings(void)
{
	struct urb u = {.type = URB_BULK, .ep = SOURCE};
	uint8_t buf[1];
	uint32_t n;

	set_up("loop");
	check_descriptors();
	CHECK(dev->info.vid == 0x1d6b && dev->info.pid == 0x0105);
	CHECK(dev->info.iface[0].cls == 0xff && dev->info.ifs == 1);
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_FAIL); /* setting 0 has no endpoints */
	for (unsigned alt = 0; alt < 3; alt++) {
		choose(alt);
		CHECK_EQ(control(URB_JOB_NONE, 0x810a000000000100, buf, 1, &n), 0);
		CHECK_EQ(buf[0], alt);
		u = (struct urb){.type = URB_ISO, .ep = ISO_IN};
		if (alt < 2)
			CHECK_EQ(usb_dev_submit(dev, &u), ERR_FAIL);
	}
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, 0x010b030000000000, NULL, 0, &n),
		 -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_RESET, 0x2303040000000000, NULL, 0, &n), 0);
	CHECK_EQ(control(URB_JOB_NONE, 0x810a000000000100, buf, 1, &n), 0);
	CHECK_EQ(buf[0], 0);
	CHECK_EQ(control(URB_JOB_NONE, 0x8008000000000100, buf, 1, &n), 0);
	CHECK_EQ(buf[0], 1); /* the configuration is chosen again */
	tear_down();
}

static void
other_ids(void)
{
	uint8_t d[18];
	uint32_t n;

	set_up("loop:0525:a4a0");
	CHECK(dev->info.vid == 0x0525 && dev->info.pid == 0xa4a0);
	CHECK_EQ(control(URB_JOB_NONE, 0x8006000100001200, d, 18, &n), 0);
	CHECK(n == 18 && memcmp(d + 8, "\x25\x05\xa0\xa4", 4) == 0);
	tear_down();
}

static void
source(void)
{
	static uint8_t want[1 << 18], buf[1 << 18];
	uint32_t n;

	start(1);
	fill_mod63(want, sizeof(want), 512);
	CHECK_EQ(transfer(URB_BULK, SOURCE, buf, 512, &n), 0);
	CHECK(n == 512 && memcmp(buf, want, n) == 0);
	CHECK_EQ(transfer(URB_BULK, SOURCE, buf, sizeof(buf), &n), 0);
	CHECK(n == sizeof(buf) && memcmp(buf, want, n) == 0);
	CHECK_EQ(transfer(URB_BULK, SOURCE, buf, 700, &n), -LINUX_EOVERFLOW);
	CHECK_EQ(n, 512);
	tear_down();
}

static void
sink(void)
{
	static uint8_t data[1 << 18];
	struct req r = {.u = {.type = URB_BULK, .ep = SINK, .buf = data, .len = 1024}};
	uint32_t n;

	start(1);
	fill_mod63(data, sizeof(data), 512);
	CHECK_EQ(transfer(URB_BULK, SINK, data, sizeof(data), &n), 0);
	CHECK_EQ(n, sizeof(data));
	CHECK(counter(0) == 512 && counter(1) == sizeof(data) && counter(2) == 0);
	data[511]++;
	data[512]++;
	CHECK_EQ(transfer(URB_BULK, SINK, data, 700, &n), 0);
	CHECK(counter(0) == 514 && counter(1) == sizeof(data) + 700 && counter(2) == 2);
	CHECK_EQ(control(URB_JOB_NONE, 0x4002000000000000, NULL, 0, &n), 0);
	CHECK(counter(0) == 0 && counter(1) == 0 && counter(2) == 0);
	CHECK_EQ(transfer(URB_BULK, SINK, NULL, 0, &n), 0); /* a packet without data */
	CHECK(counter(0) == 1 && counter(1) == 0);
	r.u.flags = URB_ZERO_PACKET;
	send_urb(&r);
	wait_for(&r.done);
	CHECK_EQ(counter(0), 4);
	tear_down();
}

static uint8_t
at(size_t i)
{
	return (uint8_t)(i * 31 + i / 256 * 7 + i / 65536);
}

/* A transfer goes in and comes out as it was, its end included. */
static void
loopback(void)
{
	static const uint32_t sizes[] = {0, 1, 511, 512, 513, 1024, 4000, 65535};
	static uint8_t data[65536], buf[65536];
	uint32_t n;

	start(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = at(i);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct req r = {.u = {.type = URB_BULK,
				      .ep = FORTH,
				      .flags = URB_ZERO_PACKET,
				      .buf = data,
				      .len = sizes[i]}};

		if (i > 0 && sizes[i] % 512 == 0 && sizes[i] > 60000)
			continue;
		send_urb(&r);
		wait_for(&r.done);
		CHECK_EQ(r.u.actual, sizes[i]);
		memset(buf, 0, sizeof(buf));
		CHECK_EQ(transfer(URB_BULK, BACK, buf, sizeof(buf), &n), 0);
		CHECK_EQ(n, sizes[i]);
		CHECK(memcmp(buf, data, n) == 0);
	}
	CHECK_EQ(transfer(URB_BULK, FORTH, data, 512, &n), 0);
	CHECK_EQ(transfer(URB_BULK, FORTH, data + 512, 512, &n), 0);
	CHECK_EQ(transfer(URB_BULK, BACK, buf, 1024, &n), 0); /* full packets join */
	CHECK(n == 1024 && memcmp(buf, data, 1024) == 0);
	CHECK_EQ(transfer(URB_BULK, FORTH, data, 100, &n), 0);
	CHECK_EQ(transfer(URB_BULK, BACK, buf, 99, &n), -LINUX_EOVERFLOW);
	tear_down();
}

/* 64 KiB fit; what is more waits, and comes in order. */
static void
loopback_is_bounded(void)
{
	static uint8_t data[1 << 20], buf[1 << 20];
	static struct req r[4];
	size_t got = 0;
	uint32_t n;

	start(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = at(i);
	for (int i = 0; i < 4; i++)
		submit(&r[i], URB_BULK, FORTH, data + ((size_t)i << 18), 1 << 18);
	settle();
	CHECK(!r[0].done);
	CHECK_EQ(r[0].u.actual, 65536);
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED |
						     EVENT_BASE_COUNT_ACTIVE),
		 0);
	while (got < sizeof(buf)) {
		CHECK_EQ(transfer(URB_BULK, BACK, buf + got, 8192, &n), 0);
		got += n;
		if (n != 8192)
			break;
	}
	CHECK(got == sizeof(buf) && memcmp(buf, data, sizeof(buf)) == 0);
	CHECK(r[0].done && r[1].done && r[2].done && r[3].done);

	submit(&r[0], URB_BULK, BACK, buf, 1024); /* half of it is there */
	CHECK_EQ(transfer(URB_BULK, FORTH, data, 512, &n), 0);
	settle();
	CHECK(!r[0].done);
	choose(1); /* and gone */
	CHECK(r[0].done && r[0].u.status == -LINUX_ESHUTDOWN);
	CHECK_EQ(transfer(URB_BULK, FORTH, data, 100, &n), 0);
	choose(1); /* and what nobody has read as well */
	submit(&r[0], URB_BULK, BACK, buf, 512);
	settle();
	CHECK(!r[0].done);
	tear_down();
}

static void
reports(void)
{
	uint8_t buf[64], out[64];
	uint64_t t0;
	uint32_t n;

	start(1);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(100 + i);
	t0 = now_us();
	for (uint8_t i = 0; i < 10; i++) {
		if (i == 5)
			CHECK_EQ(transfer(URB_INTERRUPT, INT_OUT, out, 64, &n), 0);
		CHECK_EQ(transfer(URB_INTERRUPT, INT_IN, buf, 64, &n), 0);
		CHECK_EQ(n, i == 5 ? 64 : 4);
		CHECK(buf[0] == i && buf[1] == 0);
		if (i == 5)
			CHECK(memcmp(buf + 4, out, 60) == 0);
	}
	CHECK(now_us() - t0 >= 9000);
	CHECK_EQ(transfer(URB_INTERRUPT, INT_OUT, out, 3, &n), 0);
	CHECK_EQ(transfer(URB_INTERRUPT, INT_OUT, out + 3, 2, &n),
		 0); /* the last counts */
	CHECK_EQ(transfer(URB_INTERRUPT, INT_IN, buf, 64, &n), 0);
	CHECK(n == 6 && memcmp(buf + 4, out + 3, 2) == 0);
	CHECK_EQ(transfer(URB_INTERRUPT, INT_IN, buf, 3, &n), -LINUX_EOVERFLOW);
	settle();
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED |
						     EVENT_BASE_COUNT_ACTIVE),
		 0);
	tear_down();
}

static void
stalls_when_told(void)
{
	uint8_t buf[512] = {0};
	uint32_t n;

	start(1);
	CHECK_EQ(control(URB_JOB_NONE, 0x4003000081000000, NULL, 0, &n), 0);
	CHECK_EQ(transfer(URB_BULK, SOURCE, buf, 512, &n), -LINUX_EPIPE);
	CHECK_EQ(transfer(URB_BULK, SOURCE, buf, 512, &n), -LINUX_EPIPE);
	CHECK_EQ(transfer(URB_BULK, SINK, buf, 512, &n), 0); /* others do not */
	CHECK_EQ(control(URB_JOB_NONE, 0x8200000081000200, buf, 2, &n), 0);
	CHECK_EQ(buf[0], 1);
	CHECK_EQ(control(URB_JOB_CLEAR_HALT, 0x0201000081000000, NULL, 0, &n), 0);
	CHECK_EQ(transfer(URB_BULK, SOURCE, buf, 512, &n), 0);
	CHECK_EQ(control(URB_JOB_NONE, 0x400300008f000000, NULL, 0, &n), -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_NONE, 0x4003000081010000, NULL, 0, &n), -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_NONE, 0x4003000083000000, NULL, 0, &n), 0);
	choose(1); /* clears halts, too */
	CHECK_EQ(control(URB_JOB_NONE, 0x8200000083000200, buf, 2, &n), 0);
	CHECK_EQ(buf[0], 0);
	tear_down();
}

static void
control_data(void)
{
	static uint8_t data[4096], buf[4097];
	uint32_t n;

	set_up("loop");
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = at(i);
	CHECK_EQ(control(URB_JOB_NONE, 0x405b000000000010, data, 4096, &n), 0);
	CHECK_EQ(n, 4096);
	CHECK_EQ(control(URB_JOB_NONE, 0xc05c000000000010, buf, 4096, &n), 0);
	CHECK(n == 4096 && memcmp(buf, data, 4096) == 0);
	CHECK_EQ(control(URB_JOB_NONE, 0x405b000000000300, data, 3, &n), 0);
	CHECK_EQ(control(URB_JOB_NONE, 0xc05c000000000500, buf, 5, &n), 0);
	CHECK(n == 5 && memcmp(buf, data, 3) == 0 && buf[3] == 0 && buf[4] == 0);
	CHECK_EQ(control(URB_JOB_NONE, 0x405b000000000110, buf, 4097, &n), -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_NONE, 0xc05c000000000110, buf, 4097, &n), -LINUX_EPIPE);
	CHECK_EQ(control(URB_JOB_NONE, 0x405b000000000000, NULL, 0, &n), 0);
	CHECK_EQ(control(URB_JOB_NONE, 0xc05c000000000200, buf, 2, &n), 0);
	CHECK(n == 2 && buf[0] == 0);
	tear_down();
}

/* --- isochronous --- */

static void
submit_iso(struct req *r, uint8_t ep, uint8_t *buf, struct urb_iso *iso, uint32_t packets)
{
	*r = (struct req){.u = {.type = URB_ISO,
				.ep = ep,
				.buf = buf,
				.len = packets * 256,
				.iso = iso,
				.packets = packets}};
	for (uint32_t i = 0; i < packets; i++)
		iso[i] = (struct urb_iso){.offset = i * 256, .length = 256, .actual = 7};
	send_urb(r);
}

static bool
is_packet(const uint8_t *p, uint32_t number)
{
	struct rd r;

	rd_init(&r, p, 4);
	if (rd_le32(&r) != number)
		return false;
	for (size_t i = 4; i < 256; i++)
		if (p[i] != i % 63)
			return false;
	return true;
}

/* One packet each millisecond, over the borders of urbs. */
static void
iso_in(void)
{
	static uint8_t buf[3][2048];
	struct urb_iso iso[3][8];
	struct req r[3];
	uint64_t t0;

	start(2);
	t0 = now_us();
	for (int i = 0; i < 3; i++)
		submit_iso(&r[i], ISO_IN, buf[i], iso[i], 8);
	settle();
	CHECK(!r[0].done);
	wait_for(&r[2].done);
	CHECK(now_us() - t0 >= 22000);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK(r[i].u.status == 0 && r[i].u.actual == 2048);
		for (uint32_t k = 0; k < 8; k++) {
			CHECK(iso[i][k].actual == 256 && iso[i][k].status == 0);
			CHECK(is_packet(buf[i] + k * 256, i * 8 + k));
		}
	}
	tear_down();
}

static void
iso_bad_packets(void)
{
	static uint8_t buf[1024];
	struct urb_iso iso[4];
	struct req r;

	start(2);
	r = (struct req){.u = {.type = URB_ISO,
			       .ep = ISO_IN,
			       .buf = buf,
			       .len = 1024,
			       .iso = iso,
			       .packets = 4}};
	iso[0] = (struct urb_iso){.offset = 0, .length = 255};
	iso[1] = (struct urb_iso){.offset = 1000, .length = 256};
	iso[2] = (struct urb_iso){.offset = UINT32_MAX, .length = 256};
	iso[3] = (struct urb_iso){.offset = 512, .length = 300};
	send_urb(&r);
	wait_for(&r.done);
	CHECK_EQ(r.u.actual, 256);
	CHECK(iso[0].status == -LINUX_EOVERFLOW && iso[0].actual == 0);
	CHECK(iso[1].status == -LINUX_EINVAL && iso[2].status == -LINUX_EINVAL);
	CHECK(iso[3].status == 0 && iso[3].actual == 256 && is_packet(buf + 512, 3));
	submit_iso(&r, ISO_IN, buf, iso, 0);
	wait_for(&r.done);
	CHECK_EQ(r.u.status, 0);
	tear_down();
}

static void
iso_out(void)
{
	static uint8_t buf[2048];
	struct urb_iso iso[8];
	struct req r;

	start(2);
	fill_mod63(buf, sizeof(buf), 256);
	for (uint8_t i = 0; i < 8; i++)
		memcpy(buf + i * 256, (uint8_t[4]){i}, 4);
	submit_iso(&r, ISO_OUT, buf, iso, 8);
	wait_for(&r.done);
	CHECK(r.u.status == 0 && r.u.actual == 2048 && iso[7].actual == 256);
	CHECK(counter(3) == 8 && counter(4) == 2048 && counter(5) == 0);
	for (uint8_t i = 0; i < 8; i++)
		memcpy(buf + i * 256, (uint8_t[4]){(uint8_t)(i < 4 ? 8 + i : 9 + i)}, 4);
	buf[300]++;
	submit_iso(&r, ISO_OUT, buf, iso, 8);
	wait_for(&r.done);
	CHECK(counter(3) == 16 && counter(5) == 2); /* one lost, one changed */
	tear_down();
}

static uint32_t
number_of(const uint8_t *p)
{
	struct rd r;

	rd_init(&r, p, 4);
	return rd_le32(&r);
}

/* Lets time go by in the loop, with no urb there. */
static void
idle(int ms)
{
	struct timeval tv = {.tv_usec = ms * 1000};

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* The loop does not turn: a process that others keep from running. */
static void
stand_still(uint64_t us)
{
	for (uint64_t end = now_us() + us; now_us() < end;)
		;
}

/* It goes on without urbs: what nobody waits for is lost, and counted. */
static void
iso_in_runs_with_time(void)
{
	static uint8_t buf[2048];
	struct urb_iso iso[8];
	uint64_t t[4]; /* around both submits */
	uint32_t first;
	struct req r;

	start(2);
	idle(5); /* has not begun: counts for nothing */
	t[0] = now_us();
	submit_iso(&r, ISO_IN, buf, iso, 3);
	t[1] = now_us();
	wait_for(&r.done);
	CHECK(is_packet(buf, 0) && is_packet(buf + 512, 2));
	CHECK_EQ(counter(6), 0);
	idle(20);
	t[2] = now_us();
	submit_iso(&r, ISO_IN, buf, iso, 8);
	t[3] = now_us();
	wait_for(&r.done);
	first = number_of(buf);
	CHECK(first >= (t[2] - t[1]) / 1000 && first <= (t[3] - t[0]) / 1000 + 1);
	for (uint32_t i = 0; i < 8; i++)
		CHECK(is_packet(buf + i * 256, first + i));
	CHECK_EQ(counter(6), first - 3);
	choose(2); /* starts anew */
	submit_iso(&r, ISO_IN, buf, iso, 1);
	wait_for(&r.done);
	CHECK(is_packet(buf, 0));
	CHECK_EQ(counter(6), first - 3);
	CHECK_EQ(counter(7), 0);
	tear_down();
}

/* Our own lateness loses nothing for which an urb was there in time. */
static void
iso_in_makes_up(void)
{
	static uint8_t buf[2][16384];
	struct urb_iso iso[2][64];
	struct req r[2];

	start(2);
	submit_iso(&r[0], ISO_IN, buf[0], iso[0], 64);
	submit_iso(&r[1], ISO_IN, buf[1], iso[1], 64);
	settle();
	stand_still(100000);
	settle();
	CHECK(r[0].done); /* at once, not each in another millisecond */
	wait_for(&r[1].done);
	for (uint32_t i = 0; i < 128; i++)
		CHECK(is_packet(buf[i / 64] + i % 64 * 256, i));
	CHECK_EQ(counter(6), 0);
	tear_down();
}

static void
iso_out_gap(void)
{
	static uint8_t buf[512];
	struct urb_iso iso[2];
	uint64_t t[4];
	struct req r;

	start(2);
	fill_mod63(buf, sizeof(buf), 256);
	memcpy(buf, "\0\0\0", 4);
	memcpy(buf + 256, "\1\0\0", 4);
	t[0] = now_us();
	submit_iso(&r, ISO_OUT, buf, iso, 2);
	t[1] = now_us();
	wait_for(&r.done);
	CHECK_EQ(counter(7), 0);
	idle(20);
	buf[0] = 2;
	buf[256] = 3;
	t[2] = now_us();
	submit_iso(&r, ISO_OUT, buf, iso, 2);
	t[3] = now_us();
	wait_for(&r.done);
	CHECK(counter(7) + 2 >= (t[2] - t[1]) / 1000 &&
	      counter(7) + 2 <= (t[3] - t[0]) / 1000 + 1);
	CHECK_EQ(counter(5), 0); /* its numbers are the sender's */
	CHECK_EQ(counter(6), 0);
	tear_down();
}

/* Cancelled in the middle; the next urb starts at its own beginning. */
static void
iso_cancel(void)
{
	static uint8_t buf[16384];
	struct urb_iso iso[64];
	struct req r;

	start(2);
	for (int tries = 0;; tries++) { /* until we are not too late for one */
		submit_iso(&r, ISO_IN, buf, iso, 64);
		while (r.u.actual < 1024 && !r.done)
			event_base_loop(base, EVLOOP_ONCE);
		if (!r.done || tries == 100)
			break;
	}
	CHECK(!r.done);
	usb_dev_cancel(dev, &r.u);
	wait_for(&r.done);
	CHECK(r.u.status == -LINUX_ECONNRESET && r.u.actual < sizeof(buf));
	submit_iso(&r, ISO_IN, buf, iso, 2);
	wait_for(&r.done);
	CHECK(r.u.status == 0 && r.u.actual == 512 && buf[0] >= 4);
	settle();
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
	tear_down();
}

TEST_MAIN(TEST(settings), TEST(other_ids), TEST(source), TEST(sink), TEST(loopback),
	  TEST(loopback_is_bounded), TEST(reports), TEST(stalls_when_told),
	  TEST(control_data), TEST(iso_in), TEST(iso_bad_packets), TEST(iso_out),
	  TEST(iso_in_runs_with_time), TEST(iso_in_makes_up), TEST(iso_out_gap),
	  TEST(iso_cancel))
