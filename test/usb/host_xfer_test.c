/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: usb core */
/* clang-format on */
/*
 * Transfers of a real device, with a libusb made of paper: what it is given, what
 * is made of its answers. The functions below stand before the library's own.
 */
#include <errno.h>
#include <stdlib.h>

#include <libusb-1.0/libusb.h>

#include "core/log.h"
#include "core/usbip.h"
#include "test/test.h"
#include "usb/host.h"

#define MAX 16 /* transfers out at once */

static struct host_dev d;
static struct libusb_transfer *out[MAX], *cancelled[MAX];
static unsigned outs, cancels, live, completed, turns, warned;
static unsigned refuse_at; /* the n-th submit from now fails, 0: none */
static int refuse_code, refuse_errno;
static unsigned alloc_at; /* the n-th allocation from now fails, 0: none */

struct libusb_transfer *LIBUSB_CALL
libusb_alloc_transfer(int packets)
{
	struct libusb_transfer *t;

	if (alloc_at > 0 && --alloc_at == 0)
		return NULL;
	live++;
	t = calloc(1, sizeof(*t) + (size_t)packets * sizeof(t->iso_packet_desc[0]));
	t->num_iso_packets = packets;
	return t;
}

void LIBUSB_CALL
libusb_free_transfer(struct libusb_transfer *t)
{
	live -= t != NULL;
	free(t);
}

int LIBUSB_CALL
libusb_submit_transfer(struct libusb_transfer *t)
{
	if (refuse_at > 0 && --refuse_at == 0) {
		errno = refuse_errno;
		return refuse_code;
	}
	CHECK(outs < MAX);
	out[outs++] = t;
	return 0;
}

int LIBUSB_CALL
libusb_cancel_transfer(struct libusb_transfer *t)
{
	for (unsigned i = 0; i < outs; i++)
		if (out[i] == t) {
			cancelled[cancels++] = t;
			return 0;
		}
	return LIBUSB_ERROR_NOT_FOUND;
}

void
usb_dev_complete(struct usb_dev *dev, struct urb *u)
{
	CHECK(dev == &d.dev && u->device == NULL);
	completed++;
}

void
host_want_turn(struct usb_host *h)
{
	(void)h;
	turns++;
}

static void
on_log(enum log_level level, const char *fmt, va_list ap)
{
	(void)fmt, (void)ap;
	warned += level <= LOG_LEVEL_WARN;
}

static void
begin(void)
{
	memset(&d, 0, sizeof(d));
	list_init(&d.xfers);
	outs = cancels = completed = turns = warned = refuse_at = alloc_at = 0;
	log_to(on_log);
}

/* libusb ends number i of those out. */
static void
end(unsigned i, enum libusb_transfer_status status)
{
	struct libusb_transfer *t = out[i];

	for (unsigned k = i; k + 1 < outs; k++)
		out[k] = out[k + 1];
	outs--;
	t->status = status;
	t->callback(t);
}

static void
all_over(unsigned want)
{
	CHECK_EQ(completed, want);
	CHECK_EQ(outs, 0);
	CHECK_EQ(live, 0);
	CHECK(list_empty(&d.xfers));
}

/* --- plain ones --- */

static void
plain(void)
{
	static const struct {
		const char *what;
		enum urb_type type;
		uint8_t ep;
		uint32_t flags, len;
		int moved;
		enum libusb_transfer_status end;
		unsigned flag; /* of libusb */
		int32_t status;
	} t[] = {
	    {"out", URB_BULK, 2, 0, 512, 512, 0, 0, 0},
	    {"out, then empty", URB_BULK, 2, URB_ZERO_PACKET, 512, 512, 0,
	     LIBUSB_TRANSFER_ADD_ZERO_PACKET, 0},
	    {"interrupt out", URB_INTERRUPT, 2, URB_ZERO_PACKET, 64, 64, 0,
	     LIBUSB_TRANSFER_ADD_ZERO_PACKET, 0},
	    {"in has none", URB_BULK, 0x81, URB_ZERO_PACKET, 512, 512, 0, 0, 0},
	    {"short in", URB_BULK, 0x81, 0, 512, 100, 0, 0, 0},
	    {"must not be short", URB_BULK, 0x81, URB_SHORT_NOT_OK, 512, 100, 0, 0,
	     -LINUX_EREMOTEIO},
	    {"and is not", URB_BULK, 0x81, URB_SHORT_NOT_OK, 512, 512, 0, 0, 0},
	    {"short and bad", URB_BULK, 0x81, URB_SHORT_NOT_OK, 512, 100,
	     LIBUSB_TRANSFER_ERROR, 0, -LINUX_EPROTO},
	    {"short out", URB_BULK, 2, URB_SHORT_NOT_OK, 512, 100, 0, 0,
	     -LINUX_ESHUTDOWN},
	    {"more than asked", URB_BULK, 0x81, 0, 512, 513, 0, 0, 0},
	    {"less than nothing", URB_BULK, 0x81, 0, 512, -1, 0, 0, 0},
	    {"stall", URB_BULK, 0x81, 0, 512, 0, LIBUSB_TRANSFER_STALL, 0, -LINUX_EPIPE},
	    {"unknown", URB_BULK, 0x81, 0, 512, 0, 77, 0, -LINUX_EPROTO},
	};
	static uint8_t buf[512];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct urb u = {.type = t[i].type,
				.ep = t[i].ep,
				.flags = t[i].flags,
				.buf = buf,
				.len = t[i].len};

		begin();
		CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
		CHECK(outs == 1 && out[0]->buffer == buf &&
		      out[0]->length == (int)t[i].len && out[0]->endpoint == t[i].ep &&
		      out[0]->timeout == 0);
		CHECK_EQ(out[0]->flags, t[i].flag);
		out[0]->actual_length = t[i].moved;
		end(0, t[i].end);
		if (u.status != t[i].status)
			printf("# %s\n", t[i].what);
		CHECK_EQ(u.status, t[i].status);
		CHECK(u.actual <= u.len && (t[i].moved < 0 || t[i].moved > 512 ||
					    u.actual == (uint32_t)t[i].moved));
		all_over(1);
	}
}

static void
control(void)
{
	static uint8_t buf[4096];
	struct urb u = {.type = URB_CONTROL, .setup = "\xc0\x5c\0\0\0\0\0\x10"};

	begin();
	u.ep = 0x80;
	u.buf = buf;
	u.len = 4096;
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK(outs == 1 && out[0]->length == 4104 && out[0]->endpoint == 0);
	CHECK(memcmp(out[0]->buffer, u.setup, 8) == 0);
	memset(out[0]->buffer + 8, 0x77, 4096);
	out[0]->actual_length = 4095;
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(u.status == 0 && u.actual == 4095 && buf[4094] == 0x77 && buf[4095] == 0);

	u.ep = 0;
	memcpy(u.setup, "\x40\x5b\0\0\0\0\0\x10", 8);
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK(out[0]->buffer[8] == 0x77 && out[0]->buffer[8 + 4094] == 0x77);
	out[0]->actual_length = 4096;
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(u.status == 0 && u.actual == 4096);

	refuse_at = 1; /* as libusb refuses more than 4096 bytes */
	refuse_code = LIBUSB_ERROR_INVALID_PARAM;
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_FAIL);
	CHECK_EQ(u.status, -LINUX_EINVAL);
	all_over(2);
}

/* --- isochronous --- */

static uint8_t data[1 << 16];
static struct urb_iso iso[300];

/* Packets of 100 bytes, each `step` behind the one before, the first at `from`. */
static struct urb
iso_urb(uint8_t ep, uint32_t packets, uint32_t from, uint32_t step)
{
	struct urb u = {.type = URB_ISO,
			.ep = ep,
			.buf = data,
			.len = from + packets * step,
			.iso = iso,
			.packets = packets};

	for (uint32_t i = 0; i < packets; i++)
		iso[i] = (struct urb_iso){
		    .offset = from + i * step, .length = 100, .actual = 7, .status = 9};
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	return u;
}

/* All of them whole, but for those of `part` from packet `from` on. */
static void
ran(struct libusb_transfer *t, int n, unsigned length, int rest)
{
	for (int i = 0; i < t->num_iso_packets; i++) {
		t->iso_packet_desc[i].actual_length = i < n ? length : 0;
		t->iso_packet_desc[i].status = i < n ? LIBUSB_TRANSFER_COMPLETED : rest;
	}
}

static void
iso_joined(void)
{
	struct urb u = iso_urb(0x81, 3, 50, 100);

	begin();
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK(outs == 1 && out[0]->type == LIBUSB_TRANSFER_TYPE_ISOCHRONOUS);
	CHECK(out[0]->buffer == data + 50 && out[0]->length == 300); /* no copy */
	CHECK(out[0]->endpoint == 0x81 && out[0]->num_iso_packets == 3);
	CHECK_EQ(out[0]->iso_packet_desc[2].length, 100);
	out[0]->iso_packet_desc[0].actual_length = 100;
	out[0]->iso_packet_desc[1].status = LIBUSB_TRANSFER_OVERFLOW;
	out[0]->iso_packet_desc[1].actual_length = 101; /* cannot be */
	out[0]->iso_packet_desc[2].actual_length = 40;
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(u.status == 0 && u.actual == 240);
	CHECK(iso[0].actual == 100 && iso[0].status == 0);
	CHECK(iso[1].actual == 100 && iso[1].status == -LINUX_EOVERFLOW);
	CHECK(iso[2].actual == 40 && iso[2].status == 0);
	all_over(1);
}

static void
iso_packet_errors(void)
{
	static const struct {
		int packet, end;
		unsigned actual;
		int32_t status;
	} t[] = {
	    {LIBUSB_TRANSFER_COMPLETED, LIBUSB_TRANSFER_COMPLETED, 0, 0},
	    {LIBUSB_TRANSFER_ERROR, LIBUSB_TRANSFER_COMPLETED, 0, -LINUX_EPROTO},
	    {LIBUSB_TRANSFER_STALL, LIBUSB_TRANSFER_COMPLETED, 0, -LINUX_EPIPE},
	    {LIBUSB_TRANSFER_NO_DEVICE, LIBUSB_TRANSFER_COMPLETED, 0, -LINUX_ESHUTDOWN},
	    {LIBUSB_TRANSFER_COMPLETED, LIBUSB_TRANSFER_CANCELLED, 100, 0},
	    {LIBUSB_TRANSFER_COMPLETED, LIBUSB_TRANSFER_CANCELLED, 0, -LINUX_EXDEV},
	    {LIBUSB_TRANSFER_ERROR, LIBUSB_TRANSFER_CANCELLED, 0, -LINUX_EXDEV},
	    {LIBUSB_TRANSFER_ERROR, LIBUSB_TRANSFER_NO_DEVICE, 0, -LINUX_EXDEV},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct urb u = iso_urb(0x81, 1, 0, 100);

		begin();
		CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
		out[0]->iso_packet_desc[0].status = t[i].packet;
		out[0]->iso_packet_desc[0].actual_length = t[i].actual;
		end(0, t[i].end);
		CHECK_EQ(iso[0].status, t[i].status);
		CHECK_EQ(u.status, host_xfer_status(t[i].end));
		CHECK_EQ(turns, t[i].end == LIBUSB_TRANSFER_NO_DEVICE);
		CHECK_EQ(d.doubt, t[i].end == LIBUSB_TRANSFER_NO_DEVICE);
		all_over(1);
	}
}

static void
iso_gaps_out(void)
{
	struct urb u = iso_urb(0x01, 3, 10, 130);

	begin();
	iso[1].length = 0; /* and one without bytes */
	iso[2].length = 90;
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK(out[0]->buffer != data && out[0]->length == 190);
	CHECK(memcmp(out[0]->buffer, data + 10, 100) == 0);
	CHECK(memcmp(out[0]->buffer + 100, data + 270, 90) == 0);
	CHECK_EQ(out[0]->iso_packet_desc[1].length, 0);
	ran(out[0], 3, 90, 0);
	out[0]->iso_packet_desc[1].actual_length = 0;
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(u.status == 0 && u.actual == 180 && iso[2].actual == 90);
	all_over(1);
}

static void
iso_gaps_in(void)
{
	struct urb u = iso_urb(0x81, 3, 10, 130);

	begin();
	iso[2].offset = 500; /* out of order as well */
	iso[1].offset = 600;
	u.len = 700;
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	for (unsigned i = 0; i < 300; i++)
		out[0]->buffer[i] = (uint8_t)(200 + i / 100);
	ran(out[0], 3, 70, 0);
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(u.actual == 210);
	CHECK(data[10] == 200 && data[79] == 200 && data[80] == (uint8_t)(80 * 7));
	CHECK(data[600] == 201 && data[669] == 201 && data[500] == 202 &&
	      data[569] == 202 && data[570] == (uint8_t)(570 * 7 + 2));
	all_over(1);
}

/* More than usbfs takes at once: parts, in order, and one end. */
static void
iso_parts(void)
{
	struct urb u = iso_urb(0x81, 300, 0, 100);

	begin();
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK_EQ(outs, 3);
	CHECK(out[0]->num_iso_packets == 128 && out[1]->num_iso_packets == 128 &&
	      out[2]->num_iso_packets == 44);
	CHECK(out[0]->buffer == data && out[1]->buffer == data + 12800 &&
	      out[2]->buffer == data + 25600 && out[2]->length == 4400);
	ran(out[0], 128, 100, 0);
	ran(out[1], 127, 50, LIBUSB_TRANSFER_ERROR);
	ran(out[2], 44, 3, 0);
	end(1, LIBUSB_TRANSFER_COMPLETED); /* out of order: that does no harm */
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK_EQ(completed, 0);
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(u.status == 0 && u.actual == 12800 + 127 * 50 + 44 * 3);
	CHECK(iso[127].actual == 100 && iso[128].actual == 50 && iso[256].actual == 3);
	CHECK(iso[254].status == 0 && iso[255].status == -LINUX_EPROTO &&
	      iso[299].status == 0);
	all_over(1);
}

static void
iso_exactly_one_part(void)
{
	struct urb u = iso_urb(0x81, 128, 0, 100);

	begin();
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK(outs == 1 && out[0]->num_iso_packets == 128);
	end(0, LIBUSB_TRANSFER_COMPLETED);
	all_over(1);
}

/* Parts that are copied lie one behind the other in the copy. */
static void
iso_parts_with_gaps(void)
{
	struct urb u = iso_urb(0x81, 200, 0, 101);

	begin();
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK(outs == 2 && out[1]->buffer == out[0]->buffer + 12800);
	memset(out[0]->buffer, 1, 12800);
	memset(out[1]->buffer, 2, 7200);
	ran(out[0], 128, 100, 0);
	ran(out[1], 72, 100, 0);
	end(0, LIBUSB_TRANSFER_COMPLETED);
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(data[127 * 101] == 1 && data[128 * 101] == 2 && data[199 * 101 + 99] == 2);
	CHECK(u.actual == 20000);
	all_over(1);
}

static void
iso_cancel(void)
{
	struct urb u = iso_urb(0x81, 300, 0, 100);

	begin();
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	ran(out[0], 128, 100, 0);
	end(0, LIBUSB_TRANSFER_COMPLETED);
	host_xfer_cancel(&u);
	CHECK(cancels == 2 && cancelled[0] == out[1] && cancelled[1] == out[0]);
	ran(out[1], 0, 0, LIBUSB_TRANSFER_ERROR);
	end(1, LIBUSB_TRANSFER_CANCELLED);
	ran(out[0], 5, 60, LIBUSB_TRANSFER_ERROR);
	CHECK_EQ(completed, 0);
	end(0, LIBUSB_TRANSFER_CANCELLED);
	CHECK(u.status == -LINUX_ECONNRESET && u.actual == 12800 + 300);
	CHECK(iso[127].actual == 100 && iso[132].actual == 60 && iso[132].status == 0);
	CHECK(iso[133].actual == 0 && iso[133].status == -LINUX_EXDEV);
	CHECK_EQ(iso[299].status, -LINUX_EXDEV);
	all_over(1);

	u = iso_urb(0x81, 300, 0, 100);
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	host_xfer_cancel_all(&d);
	CHECK_EQ(cancels, 5);
	for (int i = 0; i < 3; i++)
		end(0, LIBUSB_TRANSFER_CANCELLED);
	all_over(2);
}

/* The third part is not taken: two are ended, and one answer says what ran. */
static void
iso_part_refused(void)
{
	struct urb u = iso_urb(0x81, 300, 0, 100);

	begin();
	refuse_at = 3;
	refuse_code = LIBUSB_ERROR_IO;
	refuse_errno = ENOMEM;
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK_EQ(completed, 0); /* never from inside */
	CHECK(outs == 2 && cancels == 2 && cancelled[0] == out[1]);
	CHECK_EQ(warned, 1);
	host_xfer_cancel(&u); /* once more does no harm */
	ran(out[0], 2, 100, LIBUSB_TRANSFER_ERROR);
	end(1, LIBUSB_TRANSFER_CANCELLED);
	end(0, LIBUSB_TRANSFER_CANCELLED);
	CHECK(u.status == -LINUX_ENOMEM && u.actual == 200);
	CHECK(iso[1].status == 0 && iso[2].status == -LINUX_EXDEV &&
	      iso[128].status == -LINUX_EXDEV);
	CHECK(iso[299].status == -LINUX_EXDEV && iso[299].actual == 0);
	all_over(1);
}

static void
iso_refused(void)
{
	static const struct {
		int code, cause, err;
		int32_t status;
		unsigned warned;
	} t[] = {
	    {LIBUSB_ERROR_IO, ENOMEM, ERR_NOMEM, -LINUX_ENOMEM, 1},
	    {LIBUSB_ERROR_NO_MEM, 0, ERR_NOMEM, -LINUX_ENOMEM, 1},
	    {LIBUSB_ERROR_IO, ENOSPC, ERR_FAIL, -LINUX_ENOSPC, 0},
	    {LIBUSB_ERROR_IO, ENOENT, ERR_FAIL, -LINUX_EPIPE, 0},
	    {LIBUSB_ERROR_INVALID_PARAM, EMSGSIZE, ERR_FAIL, -LINUX_EINVAL, 0},
	    {LIBUSB_ERROR_NO_DEVICE, ENODEV, ERR_GONE, -LINUX_ESHUTDOWN, 0},
	    {LIBUSB_ERROR_OTHER, 0, ERR_FAIL, -LINUX_EPROTO, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct urb u = iso_urb(0x81, 300, 0, 100);

		begin();
		refuse_at = 1;
		refuse_code = t[i].code;
		refuse_errno = t[i].cause;
		CHECK_EQ(host_xfer_submit(&d, &u), t[i].err);
		CHECK_EQ(u.status, t[i].status);
		CHECK_EQ(warned, t[i].warned);
		all_over(0);
	}
}

static void
iso_nonsense(void)
{
	static const struct urb_iso bad[][2] = {
	    {{.offset = 0, .length = 101}, {0}},
	    {{.offset = 101, .length = 0}, {0}},
	    {{.offset = 1, .length = 100}, {0}},
	    {{.offset = UINT32_MAX, .length = 2}, {0}},
	    {{.offset = 2, .length = UINT32_MAX}, {0}},
	    {{.offset = 0, .length = 60}, {.offset = 0, .length = 60}},
	};
	struct urb u = iso_urb(0x81, 2, 0, 50), v = iso_urb(0x81, 0, 0, 50);

	begin();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		memcpy(iso, bad[i], sizeof(bad[i]));
		CHECK_EQ(host_xfer_submit(&d, &u), ERR_FAIL);
		CHECK_EQ(u.status, -LINUX_EINVAL);
	}
	CHECK_EQ(host_xfer_submit(&d, &v), ERR_FAIL); /* no packets */
	CHECK_EQ(v.status, -LINUX_EINVAL);
	all_over(0);
}

static void
iso_empty_packets(void)
{
	struct urb u = iso_urb(0x01, 2, 0, 0);

	begin();
	u.buf = NULL;
	u.len = iso[0].length = iso[1].length = 0;
	CHECK_EQ(host_xfer_submit(&d, &u), ERR_OK);
	CHECK(out[0]->length == 0 && out[0]->num_iso_packets == 2);
	end(0, LIBUSB_TRANSFER_COMPLETED);
	CHECK(u.status == 0 && u.actual == 0 && iso[0].status == 0);
	all_over(1);
}

static void
no_memory(void)
{
	struct urb u = iso_urb(0x81, 300, 0, 101);

	for (unsigned n = 1; n <= 3; n++) {
		begin();
		alloc_at = n;
		CHECK_EQ(host_xfer_submit(&d, &u), ERR_NOMEM);
		CHECK_EQ(u.status, -LINUX_ENOMEM);
		all_over(0);
	}
}

TEST_MAIN(TEST(plain), TEST(control), TEST(iso_joined), TEST(iso_packet_errors),
	  TEST(iso_gaps_out), TEST(iso_gaps_in), TEST(iso_parts),
	  TEST(iso_exactly_one_part), TEST(iso_parts_with_gaps), TEST(iso_cancel),
	  TEST(iso_part_refused), TEST(iso_refused), TEST(iso_nonsense),
	  TEST(iso_empty_packets), TEST(no_memory))
