/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * Isochronous urbs through libusb and a real kernel: in the guest
 * (test/vm/iso_test.sh), with the device `loop` of a serve attached by vhci there.
 *	TEST_LOOP	its bus id
 *	TEST_LEAVE	command that takes it away
 *	TEST_AUDIO	bus id of QEMU's usb-audio on an emulated xHCI
 */
#include <stdlib.h>
#include <time.h>

#include "core/cur.h"
#include "core/log.h"
#include "test/usb/vuser.h"
#include "usb/host.h"

#define SOURCE    0x81
#define SINK      0x02
#define BACK      0x83
#define FORTH     0x04
#define ISO_IN    0x87
#define ISO_OUT   0x08
#define PACKETS   160 /* of an urb: more than usbfs takes at once */
#define URBS      6
#define SIZE      256
#define AUDIO_OUT 0x01
#define AUDIO     192  /* bytes of its packets */
#define LONG      1024 /* packets of the longest urb */
#define MEMORY    "/sys/module/usbcore/parameters/usbfs_memory_mb"

enum counter {
	SINK_PACKETS,
	SINK_BYTES,
	SINK_WRONG,
	PACKETS_OUT,
	BYTES_OUT,
	WRONG_OUT,
	IN_LOST
};

static int warned;

struct iso_req {
	struct req r;
	struct urb_iso iso[LONG];
	uint8_t buf[LONG * 300];
};

static struct iso_req req[URBS];

static void
on_log(enum log_level level, const char *fmt, va_list ap)
{
	if (level > LOG_LEVEL_WARN)
		return;
	warned++;
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
}

/* As wait_for, for an emulated machine. */
static void
until(const bool *done)
{
	alarm(60);
	while (!*done)
		event_base_loop(base, EVLOOP_ONCE);
	alarm(0);
}

/* Opens the device that the variable names, and chooses a setting of an interface. */
static bool
begin_with(const char *variable, unsigned interface, unsigned alt)
{
	uint64_t setup =
	    0x010b000000000000 | (uint64_t)alt << 40 | (uint64_t)interface << 24;
	const char *busid = getenv(variable);
	char why[256];
	uint32_t n;

	if (busid == NULL) {
		printf("# skipped: no %s; make check-vm has one\n", variable);
		return false;
	}
	warned = 0;
	make_bus();
	CHECK_EQ(usb_host_start(&bus, true, why, sizeof(why)), ERR_OK);
	dev = usb_bus_find(&bus, busid);
	CHECK(dev != NULL);
	if (dev == NULL)
		return false;
	open_it();
	CHECK_EQ(control(URB_JOB_SET_INTERFACE, setup, NULL, 0, &n), 0);
	return true;
}

static bool
begin(unsigned alt)
{
	uint32_t n;

	if (!begin_with("TEST_LOOP", 0, alt))
		return false;
	CHECK_EQ(control(URB_JOB_NONE, 0x4002000000000000, NULL, 0, &n), 0);
	return true;
}

static void
end(void)
{
	usb_dev_close(dev);
	until(&closed);
	usb_host_stop(&bus);
	drop_bus();
}

static uint64_t
counter(enum counter i)
{
	uint8_t buf[64];
	struct rd r;
	uint32_t n;

	CHECK_EQ(control(URB_JOB_NONE, 0xc001000000004000, buf, 64, &n), 0);
	CHECK_EQ(n, 64);
	rd_init(&r, buf + 8 * i, 8);
	return rd_le64(&r);
}

static uint32_t
number(const uint8_t *p)
{
	struct rd r;

	rd_init(&r, p, 4);
	return rd_le32(&r);
}

/* Packets that lie `step` apart, the last first if backward. */
static void
layout(struct iso_req *q, uint8_t ep, uint32_t packets, uint32_t step, bool backward)
{
	uint32_t size = ep == AUDIO_OUT ? AUDIO : SIZE;

	q->r = (struct req){.u = {.type = URB_ISO,
				  .ep = ep,
				  .flags = URB_ISO_ASAP,
				  .buf = q->buf,
				  .len = packets * step,
				  .iso = q->iso,
				  .packets = packets}};
	for (uint32_t i = 0; i < packets; i++)
		q->iso[i] = (struct urb_iso){
		    .offset = (backward ? packets - 1 - i : i) * step, .length = size};
	memset(q->buf, 0xee, sizeof(q->buf));
}

/*
 * The urb's packets are whole and go on with *next, or behind what *lost gets
 * counted: a machine that is busy with others comes too late with urbs, at times.
 */
static void
check_in(struct iso_req *q, uint32_t *next, uint32_t *lost)
{
	if (number(q->buf + q->iso[0].offset) > *next) {
		*lost += number(q->buf + q->iso[0].offset) - *next;
		*next = number(q->buf + q->iso[0].offset);
	}
	CHECK_EQ(q->r.u.status, 0);
	CHECK_EQ(q->r.u.actual, q->r.u.packets * SIZE);
	for (uint32_t i = 0; i < q->r.u.packets; i++) {
		const uint8_t *p = q->buf + q->iso[i].offset;

		CHECK(q->iso[i].status == 0 && q->iso[i].actual == SIZE);
		CHECK_EQ(number(p), *next);
		CHECK(p[4] == 4 && p[SIZE - 1] == 255 % 63);
		if (test_failed)
			return;
		++*next;
	}
}

/* A stream of packets through URBS urbs in turn. */
static void
read_stream(uint32_t step, bool backward, int rounds)
{
	uint32_t next = 0, lost = 0;

	if (!begin(2))
		return;
	for (int i = 0; i < URBS; i++) {
		layout(&req[i], ISO_IN, PACKETS, step, backward);
		send_urb(&req[i].r);
	}
	for (int n = 0; n < rounds + URBS && !test_failed; n++) {
		until(&req[n % URBS].r.done);
		check_in(&req[n % URBS], &next, &lost);
		if (n >= rounds)
			continue;
		layout(&req[n % URBS], ISO_IN, PACKETS, step, backward);
		send_urb(&req[n % URBS].r);
	}
	CHECK_EQ(counter(IN_LOST), lost); /* nobody else lost any */
	if (lost > 0)
		printf("# %u lost\n", lost);
	CHECK_EQ(warned, 0);
	end();
}

static void
in_joined(void)
{
	read_stream(SIZE, false, 30);
}

static void
in_gaps(void)
{
	read_stream(SIZE + 31, false, 20);
}

static void
in_backward(void)
{
	read_stream(SIZE, true, 10);
}

static void
send_numbers(struct iso_req *q, uint32_t step, bool backward, uint32_t *next)
{
	layout(q, ISO_OUT, PACKETS, step, backward);
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint8_t *p = q->buf + q->iso[i].offset;
		struct wr w;

		for (unsigned k = 0; k < SIZE; k++)
			p[k] = (uint8_t)(k % 63);
		wr_init(&w, p, 4);
		wr_le32(&w, (*next)++);
	}
	send_urb(&q->r);
}

static void
write_stream(uint32_t step, bool backward, int rounds)
{
	uint32_t next = 0, packets;

	if (!begin(2))
		return;
	for (int n = 0; n < rounds + URBS; n++) {
		struct iso_req *q = &req[n % URBS];

		if (n >= URBS) {
			until(&q->r.done);
			CHECK(q->r.u.status == 0 && q->r.u.actual == PACKETS * SIZE);
			CHECK(q->iso[PACKETS - 1].status == 0 &&
			      q->iso[PACKETS - 1].actual == SIZE);
		}
		if (n < rounds)
			send_numbers(q, step, backward, &next);
	}
	packets = (uint32_t)rounds * PACKETS;
	CHECK_EQ(counter(PACKETS_OUT), packets);
	CHECK_EQ(counter(BYTES_OUT), packets * SIZE);
	CHECK_EQ(counter(WRONG_OUT), 0);
	CHECK_EQ(warned, 0);
	end();
}

static void
out_joined(void)
{
	write_stream(SIZE, false, 30);
}

static void
out_gaps(void)
{
	write_stream(SIZE + 44, false, 20);
}

static void
out_backward(void)
{
	write_stream(SIZE, true, 10);
}

/* What had run is told, and told of the right packets: a beginning of the urb. */
static void
cancels(void)
{
	struct iso_req *q = &req[0];
	uint32_t ran = 0;

	if (!begin(2))
		return;
	layout(&req[1], ISO_IN, 200, SIZE, false);
	layout(q, ISO_IN, LONG, SIZE, false);
	send_urb(&req[1].r);
	send_urb(&q->r);
	until(&req[1].r.done); /* now q runs */
	usb_dev_cancel(dev, &q->r.u);
	usb_dev_cancel(dev, &q->r.u);
	until(&q->r.done);
	CHECK_EQ(q->r.u.status, -LINUX_ECONNRESET);
	while (ran < LONG && q->iso[ran].status == 0) {
		CHECK(q->iso[ran].actual == SIZE);
		CHECK_EQ(number(q->buf + ran * SIZE), number(q->buf) + ran);
		ran++;
	}
	CHECK_EQ(q->r.u.actual, ran * SIZE);
	for (uint32_t i = ran; i < LONG; i++)
		CHECK(q->iso[i].status == -LINUX_EXDEV && q->iso[i].actual == 0);
	layout(q, ISO_IN, 600, SIZE, false);
	send_urb(&q->r); /* and on it goes */
	until(&q->r.done);
	CHECK(q->r.u.status == 0 && number(q->buf) >= 200);
	end();
}

static void
set_memory(const char *mb)
{
	FILE *f = fopen(MEMORY, "w");

	CHECK(f != NULL && fputs(mb, f) >= 0 && fclose(f) == 0);
}

/* The kernel has room for some parts: those are taken back, one answer tells. */
static void
out_of_memory(void)
{
	int bad = 0;

	if (!begin(2))
		return;
	set_memory("1");
	for (int i = 0; i < URBS; i++) {
		layout(&req[i], ISO_IN, LONG, SIZE, false);
		req[i].r.done = true;
		if (usb_dev_submit(dev, &req[i].r.u) == ERR_OK)
			req[i].r.done = false;
		else
			CHECK_EQ(req[i].r.u.status, -LINUX_ENOMEM);
	}
	set_memory("16");
	for (int i = 0; i < URBS; i++) {
		until(&req[i].r.done);
		bad += req[i].r.u.status == -LINUX_ENOMEM;
		CHECK(req[i].r.u.status == 0 || req[i].r.u.status == -LINUX_ENOMEM);
	}
	CHECK(bad > 0 && bad < URBS);
	CHECK_EQ(warned, 1);
	end();
}

static void
refuses(void)
{
	if (!begin(2))
		return;
	layout(&req[0], ISO_IN, 2, SIZE, false);
	req[0].r.u.len = SIZE;
	CHECK_EQ(usb_dev_submit(dev, &req[0].r.u), ERR_FAIL);
	CHECK_EQ(req[0].r.u.status, -LINUX_EINVAL); /* outside of the buffer */
	layout(&req[0], ISO_IN, 2, 300, false);
	req[0].iso[1].length = SIZE + 1;
	CHECK_EQ(usb_dev_submit(dev, &req[0].r.u), ERR_FAIL);
	CHECK_EQ(req[0].r.u.status, -LINUX_EINVAL); /* more than wMaxPacketSize */
	layout(&req[0], SOURCE, 2, SIZE, false);
	CHECK_EQ(usb_dev_submit(dev, &req[0].r.u), ERR_FAIL);
	CHECK_EQ(req[0].r.u.status, -LINUX_EINVAL); /* a bulk endpoint */
	layout(&req[0], 0x89, 2, SIZE, false);
	CHECK_EQ(usb_dev_submit(dev, &req[0].r.u), ERR_FAIL);
	CHECK_EQ(req[0].r.u.status, -LINUX_EPIPE); /* none */
	end();
}

/* --- while there is such a device: other types --- */

static int
flagged(uint8_t ep, uint32_t flags, void *buf, uint32_t len, uint32_t *actual)
{
	struct req r = {
	    .u = {.type = URB_BULK, .ep = ep, .flags = flags, .buf = buf, .len = len}};

	send_urb(&r);
	until(&r.done);
	*actual = r.u.actual;
	return r.u.status;
}

static void
ends_of_transfers(void)
{
	uint8_t buf[1024] = {0};
	uint32_t n;

	if (!begin(2))
		return;
	CHECK_EQ(flagged(SINK, 0, buf, 1024, &n), 0);
	CHECK_EQ(counter(SINK_PACKETS), 2);
	CHECK_EQ(flagged(SINK, URB_ZERO_PACKET, buf, 1024, &n), 0);
	CHECK_EQ(counter(SINK_PACKETS), 5);
	CHECK_EQ(counter(SINK_BYTES), 2048);
	CHECK_EQ(flagged(FORTH, 0, buf, 100, &n), 0);
	CHECK_EQ(flagged(BACK, 0, buf, 512, &n), 0);
	CHECK_EQ(n, 100);
	CHECK_EQ(flagged(FORTH, 0, buf, 100, &n), 0);
	CHECK_EQ(flagged(BACK, URB_SHORT_NOT_OK, buf, 512, &n), -LINUX_EREMOTEIO);
	CHECK_EQ(n, 100);
	CHECK_EQ(flagged(SOURCE, URB_SHORT_NOT_OK, buf, 1024, &n), 0);
	CHECK_EQ(n, 1024);
	end();
}

static void
long_control(void)
{
	static uint8_t data[4097], buf[4097];
	struct urb u = {.type = URB_CONTROL,
			.ep = 0x80,
			.setup = "\xc0\x5c\0\0\0\0\1\x10",
			.buf = buf,
			.len = 4097};
	uint32_t n;

	if (!begin(0))
		return;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 256);
	CHECK_EQ(control(URB_JOB_NONE, 0x405b000000000010, data, 4096, &n), 0);
	CHECK_EQ(n, 4096);
	CHECK_EQ(usb_dev_submit(dev, &u), ERR_FAIL); /* libusb's limit */
	CHECK_EQ(u.status, -LINUX_EINVAL);
	CHECK_EQ(control(URB_JOB_NONE, 0xc05c000000000010, buf, 4096, &n), 0);
	CHECK(n == 4096 && memcmp(buf, data, 4096) == 0);
	end();
}

/* Last: afterwards there is no device. */
static void
leaves(void)
{
	if (!begin(2))
		return;
	for (int i = 0; i < URBS; i++) {
		layout(&req[i], ISO_IN, LONG, SIZE, false);
		send_urb(&req[i].r);
	}
	CHECK_EQ(system(getenv("TEST_LEAVE")), 0);
	for (int i = 0; i < URBS; i++) {
		bool left = i == URBS - 1; /* the first may have been in time */

		until(&req[i].r.done);
		left |= req[i].r.u.status != 0;
		CHECK_EQ(req[i].r.u.status, left ? -LINUX_ESHUTDOWN : 0);
		CHECK_EQ(req[i].iso[LONG - 1].status, left ? -LINUX_EXDEV : 0);
	}
	until(&gone);
	until(&closed); /* by on_gone */
	usb_host_stop(&bus);
	drop_bus();
}

/* --- sound, on a host controller that keeps time itself --- */

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A packet a millisecond, whatever the layout; and cancelled in the middle. */
static void
sound(void)
{
	uint64_t t0;
	uint32_t ran = 0;

	if (!begin_with("TEST_AUDIO", 1, 1))
		return;
	t0 = now_ms();
	for (int n = 0; n < 12; n++) {
		struct iso_req *q = &req[n % 3];

		if (n >= 3) {
			until(&q->r.done);
			CHECK_EQ(q->r.u.status, 0);
			for (uint32_t i = 0; i < PACKETS; i++)
				ran += q->iso[i].status == 0 && q->iso[i].actual == AUDIO;
			CHECK(q->r.u.actual <= PACKETS * AUDIO);
		}
		layout(q, AUDIO_OUT, PACKETS, AUDIO + (n % 2 ? 8 : 0), n % 4 == 2);
		send_urb(&q->r);
	}
	printf("# %u of %u packets in %u ms\n", ran, 9 * PACKETS,
	       (unsigned)(now_ms() - t0));
	CHECK(ran >= 9 * PACKETS * 9 / 10); /* an emulated controller misses some */
	CHECK(now_ms() - t0 >= 9 * PACKETS * 9 / 10);
	for (int i = 0; i < 3; i++)
		usb_dev_cancel(dev, &req[i].r.u);
	for (int i = 0; i < 3; i++) {
		until(&req[i].r.done);
		CHECK_EQ(req[i].r.u.status, -LINUX_ECONNRESET);
	}
	CHECK_EQ(req[2].iso[PACKETS - 1].status, -LINUX_EXDEV);
	CHECK_EQ(warned, 0);
	end();
}

static void
setup(void)
{
	log_to(on_log);
}

TEST_MAIN(TEST(setup), TEST(in_joined), TEST(in_gaps), TEST(in_backward),
	  TEST(out_joined), TEST(out_gaps), TEST(out_backward), TEST(cancels),
	  TEST(out_of_memory), TEST(refuses), TEST(ends_of_transfers), TEST(long_control),
	  TEST(sound), TEST(leaves))
