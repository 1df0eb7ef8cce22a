/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/usbip.h"
#include "test/test.h"

/* As Linux 6.1 sent it: bulk OUT, 31 bytes, endpoint 2 of device 2-3. */
static const uint8_t submit[USBIP_HEADER] = {
    0, 0, 0, 1, 0, 0, 0x68, 0xe4, 0,    2, 0, 3,  0, 0, 0,    0,
    0, 0, 0, 2, 0, 0, 0,    0x40, 0,    0, 0, 31, 0, 0, 0,    5,
    0, 0, 0, 6, 0, 0, 0,    7,    0x80, 6, 0, 1,  0, 0, 0x12, 0,
};

static const uint8_t unlink_cmd[USBIP_HEADER] = {
    0, 0, 0, 2, 0, 0, 0x68, 0xe5, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x68, 0xe4,
};

/* devid, direction and endpoint are 0; status -32, then 8 bytes of padding */
static const uint8_t ret_submit[USBIP_HEADER] = {
    0,    0,    0,    3,    0, 0, 0x68, 0xe4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0xff, 0xff, 0xff, 0xe0, 0, 0, 0,    13,   0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,
};

static const uint8_t ret_unlink[USBIP_HEADER] = {
    0, 0, 0, 4, 0, 0, 0x68, 0xe5, 0,    0,    0,    0,
    0, 0, 0, 0, 0, 0, 0,    0,    0xff, 0xff, 0xff, 0x98,
};

static void
every_header_has_48_bytes(void)
{
	CHECK_EQ(USBIP_HEADER, 48); /* PRIOR-ART.md 9, item 3 */
}

static void
reads_submit(void)
{
	struct usbip h;

	CHECK_EQ(usbip_unpack(&h, submit), ERR_OK);
	CHECK_EQ(h.cmd, USBIP_SUBMIT);
	CHECK_EQ(h.seqnum, 26852);
	CHECK_EQ(h.devid, 2 << 16 | 3);
	CHECK_EQ(h.in, 0);
	CHECK_EQ(h.ep, 2);
	CHECK_EQ(h.submit.flags, URB_ZERO_PACKET);
	CHECK_EQ(h.submit.len, 31);
	CHECK_EQ(h.submit.start_frame, 5);
	CHECK_EQ(h.submit.packets, 6);
	CHECK_EQ(h.submit.interval, 7);
	CHECK(memcmp(h.submit.setup, submit + 40, 8) == 0);
}

static void
reads_the_others(void)
{
	struct usbip h;

	CHECK_EQ(usbip_unpack(&h, unlink_cmd), ERR_OK);
	CHECK_EQ(h.cmd, USBIP_UNLINK);
	CHECK_EQ(h.victim, 26852);
	CHECK_EQ(usbip_unpack(&h, ret_submit), ERR_OK);
	CHECK_EQ(h.cmd, USBIP_RET_SUBMIT);
	CHECK_EQ((int32_t)h.ret.status, -LINUX_EPIPE);
	CHECK_EQ(h.ret.actual, 13);
	CHECK_EQ(h.ret.start_frame, 1);
	CHECK_EQ(h.ret.packets, 2);
	CHECK_EQ(h.ret.errors, 3);
	CHECK_EQ(usbip_unpack(&h, ret_unlink), ERR_OK);
	CHECK_EQ(h.cmd, USBIP_RET_UNLINK);
	CHECK_EQ((int32_t)h.status, -LINUX_ECONNRESET);
}

static void
writes_what_it_reads(void)
{
	static const uint8_t *const all[] = {submit, unlink_cmd, ret_submit, ret_unlink};
	uint8_t b[USBIP_HEADER];
	struct usbip h;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		memset(b, 0xee, sizeof(b)); /* padding is zero, not what was there */
		CHECK_EQ(usbip_unpack(&h, all[i]), ERR_OK);
		usbip_pack(&h, b);
		CHECK(memcmp(b, all[i], sizeof(b)) == 0);
	}
}

static void
unknown_commands_are_refused(void)
{
	/* the last: OP_REP_IMPORT of the handshake where an URB header belongs */
	static const uint32_t bad[] = {0, 5, 0x80000001u, 0xffffffffu, 17891331};
	uint8_t b[USBIP_HEADER] = {0};
	struct usbip h;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		for (unsigned j = 0; j < 4; j++)
			b[j] = (uint8_t)(bad[i] >> (24 - 8 * j));
		CHECK_EQ(usbip_unpack(&h, b), ERR_PROTO);
	}
}

static void
iso_descriptors_go_both_ways(void)
{
	static const uint8_t wire[USBIP_ISO] = {0, 0, 1, 0, 0,    0,    0,    192,
						0, 0, 0, 5, 0xff, 0xff, 0xff, 0xb9};
	uint8_t b[USBIP_ISO];
	struct urb_iso iso;

	usbip_iso_unpack(&iso, wire);
	CHECK_EQ(iso.offset, 256);
	CHECK_EQ(iso.length, 192);
	CHECK_EQ(iso.actual, 5);
	CHECK_EQ(iso.status, -LINUX_EPROTO);
	usbip_iso_pack(&iso, b);
	CHECK(memcmp(b, wire, sizeof(b)) == 0);
}

static void
strange_status_becomes_eproto(void)
{
	static const struct {
		int32_t in, out;
	} t[] = {
	    {0, 0},
	    {-LINUX_EPIPE, -LINUX_EPIPE},
	    {-LINUX_ECONNRESET, -LINUX_ECONNRESET},
	    {-LINUX_EREMOTEIO, -LINUX_EREMOTEIO},
	    {1, -LINUX_EPROTO},
	    {LINUX_EPIPE, -LINUX_EPROTO},
	    {-115, -LINUX_EPROTO}, /* EINPROGRESS: the kernel's own "still running" */
	    {-4096, -LINUX_EPROTO},
	    {INT32_MIN, -LINUX_EPROTO},
	    {INT32_MAX, -LINUX_EPROTO},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK_EQ(usbip_status(t[i].in), t[i].out);
}

TEST_MAIN(TEST(every_header_has_48_bytes), TEST(reads_submit), TEST(reads_the_others),
	  TEST(writes_what_it_reads), TEST(unknown_commands_are_refused),
	  TEST(iso_descriptors_go_both_ways), TEST(strange_status_becomes_eproto))
