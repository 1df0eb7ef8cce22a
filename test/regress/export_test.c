/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * The regression list (test/regress/LIST) as far as the side with the device has to
 * keep it. Door and device are played here.
 */
#include "core/export.h"
#include "core/tombs.h"
#include "core/usbip.h"
#include "test/test.h"

#define MANY (TOMBS_MAX * 2)

/* Interfaces 1 and 4, of which only 4 has another setting. */
/* clang-format off */
static const uint8_t raw[] = {
	18, 1, 0x10, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0, 1, 1, 2, 3, 1,
	9, 2, 71, 0, 2, 1, 0, 0x80, 50,
	9, 4, 1, 0, 3, 8, 6, 80, 0,
	7, 5, 0x81, 2, 0x00, 0x02, 1,	/* bulk, though it has an interval */
	7, 5, 0x02, 2, 0x00, 0x02, 0,
	7, 5, 0x83, 3, 8, 0, 10,	/* interrupt */
	9, 4, 4, 0, 0, 255, 0, 0, 0,
	9, 4, 4, 1, 2, 255, 0, 0, 0,
	7, 5, 0x84, 2, 0x00, 0x02, 0,
	7, 5, 0x05, 3, 8, 0, 0,		/* interrupt, though it has none */
};
/* clang-format on */

struct told {
	uint64_t tag;
	int32_t status;
	bool unlinked;
};

static struct pool pool;
static struct export *ex;
static struct urb *lent[MANY];
static struct told told[MANY];
static unsigned lents, tolds, ends;

static int
dev_submit(void *dev, struct urb *u)
{
	(void)dev;
	lent[lents++] = u;
	return ERR_OK;
}

static void
complete(unsigned i, int32_t status)
{
	struct urb *u = lent[i];

	lent[i] = NULL;
	u->status = status;
	export_complete(ex, u);
}

static void
dev_cancel(void *dev, struct urb *u)
{
	unsigned i = 0;

	(void)dev;
	while (lent[i] != u)
		i++;
	complete(i, -LINUX_ECONNRESET);
}

static void
door_reply(void *door, uint64_t tag, const struct urb *u, bool unlinked)
{
	(void)door;
	told[tolds++] = (struct told){tag, u->status, unlinked};
}

static void
door_ended(void *door)
{
	(void)door;
	ends++;
}

static void
setup(void)
{
	static const struct export_ops ops = {dev_submit, dev_cancel, door_reply,
					      door_ended};
	static const struct export_conf conf = {
	    .urb_max = 65536, .raw = raw, .raw_len = sizeof(raw), .config = 1};

	pool = (struct pool)TEST_POOL(1 << 20);
	lents = tolds = ends = 0;
	CHECK_EQ(export_new(&ex, &pool, &conf, &ops, NULL, NULL), ERR_OK);
}

static void
teardown(void)
{
	export_end(ex);
	CHECK_EQ(ends, 1);
	export_free(ex);
	CHECK_EQ(pool.used, 0);
}

static void
request_setup(uint64_t tag, uint8_t ep, uint32_t len, uint32_t interval, const char *s)
{
	struct export_request q = {
	    .tag = tag, .ep = ep, .len = len, .interval = interval};
	void *handle;
	uint8_t *buf;

	memcpy(q.setup, s, 8);
	export_prepare(ex, &q, &handle, &buf);
	if (buf != NULL)
		memset(buf, 'x', len);
	if (handle != NULL)
		export_go(ex, handle);
}

static void
request(uint64_t tag, uint8_t ep, uint32_t len)
{
	request_setup(tag, ep, len, 0, "\0\0\0\0\0\0\0");
}

#define GET_STATUS "\x80\0\0\0\0\0\2"
#define SET_IF_4_1 "\1\x0b\1\0\4\0\0"

static void
type_is_from_the_descriptor(void)
{
	static const struct {
		uint8_t ep;
		uint32_t interval;
		enum urb_type type;
	} t[] = {
	    {0x81, 0, URB_BULK},      {0x81, 8, URB_BULK},      {0x83, 0, URB_INTERRUPT},
	    {0x83, 8, URB_INTERRUPT}, {0x05, 0, URB_INTERRUPT}, {0x84, 1, URB_BULK},
	};
	unsigned n = 1;

	setup();
	request_setup(1, 0, 0, 0, SET_IF_4_1);
	complete(0, 0);
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		request_setup(2 + i, t[i].ep, 8, t[i].interval, "\0\0\0\0\0\0\0");
		CHECK_EQ(export_type(ex, t[i].ep), t[i].type);
		CHECK_EQ(lents, n + 1);
		if (lents == n)
			continue;
		CHECK_EQ(lent[n]->type, t[i].type);
		complete(n++, 0);
	}
	teardown();
}

static void
control_does_not_wait(void)
{
	setup();
	request(1, 0x83, 8); /* waits for a key, for hours */
	request_setup(2, 0x80, 2, 0, GET_STATUS);
	CHECK_EQ(lents, 2);
	if (lents == 2)
		complete(1, 0);
	CHECK_EQ(tolds, 1);
	CHECK_EQ(told[0].tag, 2);
	teardown();
}

static void
out_does_not_wait(void)
{
	setup();
	request(1, 0x81, 512); /* a serial port's reader */
	request(2, 0x02, 4);
	request(3, 0x02, 4);
	CHECK_EQ(lents, 3);
	if (lents == 3)
		complete(1, 0);
	CHECK_EQ(tolds, 1);
	CHECK_EQ(told[0].tag, 2);
	teardown();
}

/* UNLINKs that came before their requests, more than are remembered. */
static void
each_unlinked_is_remembered(void)
{
	setup();
	for (unsigned tag = 0; tag <= TOMBS_MAX; tag++)
		export_unlink(ex, tag);
	request(0, 0x81, 8); /* the oldest is forgotten, and no other */
	CHECK_EQ(lents, 1);
	for (unsigned tag = TOMBS_MAX; tag > 0; tag--) {
		request(tag, 0x81, 8);
		CHECK_EQ(tolds, TOMBS_MAX - tag + 1);
		CHECK_EQ(told[tolds - 1].tag, tag);
		CHECK(told[tolds - 1].unlinked);
	}
	CHECK_EQ(lents, 1);
	teardown();
}

static void
interfaces_go_by_their_number(void)
{
	setup();
	request(1, 0x84, 8); /* not yet */
	CHECK_EQ(tolds, 1);
	request_setup(2, 0, 0, 0, SET_IF_4_1);
	CHECK_EQ(lent[0]->job, URB_JOB_SET_INTERFACE);
	complete(0, 0);
	CHECK_EQ(told[1].status, 0);
	request(3, 0x84, 8);
	request(4, 0x05, 8);
	request(5, 0x81, 8); /* interface 1 is as it was */
	CHECK_EQ(tolds, 2);
	CHECK_EQ(lents, 4);
	teardown();
}

static void
setup_bytes_fit_the_buffer(void)
{
	setup();
	request_setup(1, 0x80, 8, 0, "\x80\6\0\1\0\0\x09\0"); /* one byte too many */
	request_setup(2, 0x80, 8, 0, "\x80\6\0\1\0\0\xff\xff");
	request_setup(3, 0x00, 8, 0, "\x00\7\0\1\0\0\x09\0");
	request_setup(4, 0x80, 0, 0, "\x80\6\0\1\0\0\x01\0");
	CHECK_EQ(lents, 0);
	CHECK_EQ(tolds, 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(told[i].status, -LINUX_EINVAL);
	request_setup(5, 0x80, 8, 0, "\x80\6\0\1\0\0\x08\0");
	CHECK_EQ(lents, 1);
	teardown();
}

/* clang-format off */
TEST_MAIN(TEST_AS("regress 6: type from interval", type_is_from_the_descriptor),
	  TEST_AS("regress 11: serial loop blocks control", control_does_not_wait),
	  TEST_AS("regress 12: IN blocks OUT on the same interface", out_does_not_wait),
	  TEST_AS("regress 16: unlinked table emptied wholesale",
		  each_unlinked_is_remembered),
	  TEST_AS("regress 21: interface index used for bInterfaceNumber",
		  interfaces_go_by_their_number),
	  TEST_AS("regress 37: wLength > buffer", setup_bytes_fit_the_buffer))
