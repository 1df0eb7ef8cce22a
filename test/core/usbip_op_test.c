/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Bytes are those of the protocol document and of usbip_network.h; each way is
 * walked in pieces of every size.
 */
#include "core/usbip_op.h"
#include "test/test.h"

static struct devinfo sticks[] = {
    {.busid = "v-1",
     .busnum = 255,
     .devnum = 1,
     .speed = DEVINFO_HIGH,
     .vid = 0x1d6b,
     .pid = 0x0104,
     .bcd = 0x0100,
     .config = 1,
     .configs = 1,
     .ifs = 1,
     .iface = {{8, 6, 80}}},
    {.busid = "1-4.2",
     .busnum = 1,
     .devnum = 9,
     .speed = DEVINFO_FULL,
     .vid = 0x1050,
     .pid = 0x0407,
     .bcd = 0x0543,
     .config = 1,
     .configs = 1,
     .ifs = 2,
     .iface = {{3, 1, 1}, {11, 0, 0}}},
    {.busid = "2-1", .busnum = 2, .devnum = 3, .speed = DEVINFO_SUPER, .cls = 9},
};

static struct pool pool;
static struct usbip_op_export ex;
static struct usbip_op_import im;
static unsigned shared, asked, seen;
static char wish[USBIP_OP_BUSID];
static struct devinfo got[8];
static int now; /* answer from inside: 1 yes, 2 no */

static const struct devinfo *
list(void *arg, unsigned i)
{
	(void)arg;
	return i < shared ? &sticks[i] : NULL;
}

static void
import(void *arg, const char *busid)
{
	(void)arg;
	asked++;
	snprintf(wish, sizeof(wish), "%s", busid);
	if (now == 1)
		CHECK_EQ(usbip_op_export_grant(&ex, &sticks[1]), ERR_OK);
	else if (now == 2)
		usbip_op_export_refuse(&ex, USBIP_OP_BUSY);
}

static const struct usbip_op_export_ops ops = {list, import};

static void
device(void *arg, const struct devinfo *d)
{
	(void)arg;
	if (seen < 8)
		got[seen] = *d;
	seen++;
}

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(65536);
	shared = 3;
	asked = seen = 0;
	now = 1;
	usbip_op_export_init(&ex, &pool, &ops, NULL);
}

static void
teardown(void)
{
	usbip_op_export_fini(&ex);
	CHECK_EQ(pool.used, 0);
}

static int
ask(const uint8_t *p, size_t n, size_t piece)
{
	int err = ERR_OK;

	for (size_t part; n > 0 && err == ERR_OK; p += part, n -= part) {
		part = n < piece ? n : piece;
		err = usbip_op_export_input(&ex, p, part);
	}
	return err;
}

/* All of the reply, fetched in pieces. */
static size_t
reply(uint8_t *buf, size_t cap, size_t piece)
{
	const uint8_t *p;
	size_t n, all = 0;

	while ((n = usbip_op_export_output(&ex, &p)) > 0) {
		n = n < piece ? n : piece;
		CHECK(all + n <= cap);
		memcpy(buf + all, p, n);
		usbip_op_export_sent(&ex, n);
		all += n;
	}
	return all;
}

static int
hear(const uint8_t *p, size_t n, size_t piece)
{
	int err = ERR_OK;

	for (size_t part; n > 0 && err == ERR_OK; p += part, n -= part) {
		part = n < piece ? n : piece;
		err = usbip_op_import_input(&im, p, part);
	}
	return err;
}

/* The numbers of the document, byte for byte. */
static void
wire_bytes(void)
{
	static const uint8_t devlist[] = {1, 0x11, 0x80, 5, 0, 0, 0, 0};
	static const uint8_t head[] = {1, 0x11, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1};
	static const uint8_t rest[] = {0, 0, 0,    255,  0,    0,    0,  1, 0, 0,
				       0, 3, 0x1d, 0x6b, 0x01, 0x04, 1,  0, 0, 0,
				       0, 1, 1,    1,    8,    6,    80, 0};
	static const uint8_t import1[] = {1, 0x11, 0x80, 3, 0, 0, 0, 0, 'v', '-', '1', 0};
	uint8_t buf[USBIP_OP_ASK_MAX], all[1024];

	setup();
	CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
	CHECK_EQ(usbip_op_import_request(&im, buf), sizeof(devlist));
	CHECK(memcmp(buf, devlist, sizeof(devlist)) == 0);
	shared = 1;
	CHECK_EQ(ask(devlist, sizeof(devlist), 99), ERR_OK);
	CHECK_EQ(reply(all, sizeof(all), 999), 12 + 0x138 + 4);
	CHECK(memcmp(all, head, sizeof(head)) == 0);
	CHECK(memcmp(all + 12 + 256, "v-1\0", 4) == 0);
	CHECK(memcmp(all + 12 + 256 + 32, rest, sizeof(rest)) == 0);
	CHECK_EQ(ex.state, USBIP_OP_OVER);
	teardown();
	CHECK_EQ(usbip_op_import_init(&im, "v-1", device, NULL), ERR_OK);
	CHECK_EQ(usbip_op_import_request(&im, buf), 40);
	CHECK(memcmp(buf, import1, sizeof(import1)) == 0 && buf[39] == 0);
}

/* Shown in a list, taken for a request; the reply says what was asked for. */
static void
nicknames(void)
{
	static const char *const names[] = {"1-4.2", "desk-key"};
	uint8_t buf[USBIP_OP_ASK_MAX], all[2048];
	size_t n;

	strcpy(sticks[1].nick, "desk-key");
	setup();
	CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
	n = usbip_op_import_request(&im, buf);
	CHECK_EQ(ask(buf, n, n), ERR_OK);
	n = reply(all, sizeof(all), sizeof(all));
	CHECK_EQ(hear(all, n, n), ERR_OK);
	CHECK(strcmp(got[0].busid, "v-1") == 0);
	CHECK(strcmp(got[1].busid, "desk-key") == 0);
	CHECK(strcmp((char *)all + 12 + 312 + 4, "usbp2p/1-4.2") == 0); /* the path */
	teardown();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		setup();
		CHECK_EQ(usbip_op_import_init(&im, names[i], device, NULL), ERR_OK);
		n = usbip_op_import_request(&im, buf);
		CHECK_EQ(ask(buf, n, n), ERR_OK);
		CHECK(strcmp(wish, names[i]) == 0);
		n = reply(all, sizeof(all), sizeof(all));
		CHECK_EQ(hear(all, n, n), ERR_OK);
		CHECK(im.done && strcmp(got[0].busid, names[i]) == 0);
		teardown();
	}
	memset(sticks[1].nick, 0, sizeof(sticks[1].nick));
}

static void
list_in_pieces(void)
{
	static const size_t pieces[] = {1, 2, 3, 7, 8, 9, 40, 311, 312, 313, 4096};
	uint8_t buf[USBIP_OP_ASK_MAX], all[2048];

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		size_t n;

		setup();
		CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
		n = usbip_op_import_request(&im, buf);
		CHECK_EQ(ask(buf, n, pieces[i]), ERR_OK);
		n = reply(all, sizeof(all), pieces[i]);
		CHECK_EQ(n, 12 + 3 * 0x138 + 3 * 4);
		CHECK_EQ(hear(all, n, pieces[i]), ERR_OK);
		CHECK(im.done);
		CHECK_EQ(seen, 3);
		for (unsigned k = 0; k < 3; k++)
			CHECK(memcmp(&got[k], &sticks[k], sizeof(got[k])) == 0);
		CHECK_EQ(usbip_op_import_input(&im, all, 1), ERR_PROTO);
		CHECK_EQ(asked, 0);
		teardown();
	}
}

static void
empty_list(void)
{
	uint8_t buf[USBIP_OP_ASK_MAX], all[64];

	setup();
	shared = 0;
	CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
	CHECK_EQ(ask(buf, usbip_op_import_request(&im, buf), 99), ERR_OK);
	CHECK_EQ(reply(all, sizeof(all), 99), 12);
	CHECK_EQ(hear(all, 12, 1), ERR_OK);
	CHECK(im.done);
	CHECK_EQ(seen, 0);
	teardown();
}

static void
import_in_pieces(void)
{
	uint8_t buf[USBIP_OP_ASK_MAX], all[512];

	for (size_t piece = 1; piece < 400; piece += piece < 45 ? 1 : 50) {
		setup();
		CHECK_EQ(usbip_op_import_init(&im, "1-4.2", device, NULL), ERR_OK);
		CHECK_EQ(ask(buf, usbip_op_import_request(&im, buf), piece), ERR_OK);
		CHECK_EQ(asked, 1);
		CHECK(strcmp(wish, "1-4.2") == 0);
		CHECK_EQ(ex.state, USBIP_OP_GRANTED);
		CHECK_EQ(reply(all, sizeof(all), piece), 8 + 0x138);
		CHECK_EQ(hear(all, 8 + 0x138, piece), ERR_OK);
		CHECK(im.done);
		CHECK_EQ(seen, 1);
		CHECK_EQ(got[0].busnum << 16 | got[0].devnum, 0x10009);
		CHECK_EQ(got[0].speed, DEVINFO_FULL);
		teardown();
	}
}

/* A refusal is 8 bytes, and each status has its error. */
static void
refusals(void)
{
	static const struct {
		enum usbip_op_status status;
		int err;
	} table[] = {{USBIP_OP_NA, ERR_REFUSED},
		     {USBIP_OP_BUSY, ERR_BUSY},
		     {USBIP_OP_DEV_ERR, ERR_FAIL},
		     {USBIP_OP_NODEV, ERR_NODEV},
		     {USBIP_OP_ERROR, ERR_FAIL}};
	uint8_t buf[USBIP_OP_ASK_MAX], all[64];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		setup();
		now = 0;
		CHECK_EQ(usbip_op_import_init(&im, "2-1", device, NULL), ERR_OK);
		CHECK_EQ(ask(buf, usbip_op_import_request(&im, buf), 5), ERR_OK);
		CHECK_EQ(ex.state, USBIP_OP_DECIDING);
		CHECK_EQ(reply(all, sizeof(all), 9), 0);
		usbip_op_export_refuse(&ex, table[i].status);
		CHECK_EQ(reply(all, sizeof(all), 9), 8);
		CHECK_EQ(all[7], table[i].status);
		CHECK_EQ(ex.state, USBIP_OP_OVER);
		CHECK_EQ(hear(all, 8, 1), table[i].err);
		CHECK(!im.done && seen == 0);
		CHECK_EQ(usbip_op_import_input(&im, all, 1), table[i].err);
		teardown();
	}
}

static void
bad_requests(void)
{
	static const struct {
		uint8_t b[8];
		int err;
	} table[] = {
	    {{1, 0x10, 0x80, 5}, ERR_PROTO}, /* version */
	    {{1, 0x12, 0x80, 5}, ERR_PROTO},
	    {{1, 0x06, 0x80, 3}, ERR_PROTO},
	    {{1, 0x11, 0, 5}, ERR_PROTO}, /* a reply */
	    {{1, 0x11, 0, 3}, ERR_PROTO},
	    {{1, 0x11, 0x80, 2}, ERR_PROTO}, /* DEVINFO */
	    {{1, 0x11, 0x80, 6}, ERR_PROTO}, /* EXPORT */
	    {{0}, ERR_PROTO},
	};
	static const uint8_t devlist2[] = {1, 0x11, 0x80, 5, 0, 0, 0, 0, 1};
	uint8_t buf[USBIP_OP_ASK_MAX + 1] = {1, 0x11, 0x80, 3}, all[64];

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (size_t piece = 1; piece <= 8; piece += 7) {
			setup();
			CHECK_EQ(ask(table[i].b, 8, piece), table[i].err);
			CHECK_EQ(usbip_op_export_input(&ex, table[i].b, 1), ERR_PROTO);
			CHECK_EQ(reply(all, sizeof(all), 9), 0);
			teardown();
		}
	for (size_t piece = 1; piece <= 9; piece += 8) {
		setup();
		CHECK_EQ(ask(devlist2, 9, piece), ERR_PROTO);
		teardown();
	}
	setup(); /* a busid without an end */
	memset(buf + 8, 'x', 33);
	CHECK_EQ(ask(buf, 40, 99), ERR_OK);
	CHECK_EQ(asked, 0);
	CHECK_EQ(reply(all, sizeof(all), 99), 8);
	CHECK_EQ(all[7], USBIP_OP_NODEV);
	teardown();
	setup(); /* bytes of the URB phase before the answer */
	now = 0;
	buf[39] = '\0';
	CHECK_EQ(ask(buf, 40, 99), ERR_OK);
	CHECK_EQ(strlen(wish), 31);
	CHECK_EQ(usbip_op_export_input(&ex, buf, 1), ERR_PROTO);
	teardown();
}

/* A good reply to IMPORT 1-4.2, one byte of it changed. */
static int
changed(size_t at, uint8_t to)
{
	uint8_t buf[USBIP_OP_ASK_MAX], all[512];
	size_t n;

	setup();
	CHECK_EQ(usbip_op_import_init(&im, "1-4.2", device, NULL), ERR_OK);
	CHECK_EQ(ask(buf, usbip_op_import_request(&im, buf), 99), ERR_OK);
	n = reply(all, sizeof(all), 999);
	all[at] = to;
	teardown();
	return hear(all, n, 3);
}

static void
bad_replies(void)
{
	enum { BUSID = 8 + 256, NUMS = BUSID + 32 };
	static const struct {
		size_t at;
		uint8_t to;
	} table[] = {
	    {1, 0x12},     {2, 0x80},     {3, 5},        {7, 6},
	    {4, 1},        {BUSID, '2'},  {BUSID, 0},    {NUMS, 1},
	    {NUMS + 1, 1}, {NUMS + 5, 1}, {NUMS + 8, 1}, {NUMS + 11, 7},
	};
	uint8_t all[1024] = {1, 0x11, 0, 5, 0, 0, 0, 0, 0, 0, 0x10, 1};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		CHECK_EQ(changed(table[i].at, table[i].to), ERR_PROTO);
		CHECK_EQ(seen, 0);
	}
	CHECK_EQ(changed(8, 'x'), ERR_OK); /* the path means nothing */
	CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
	CHECK_EQ(hear(all, 12, 1), ERR_TOOBIG); /* 4097 devices */
	all[10] = 0;
	memset(all + 12, 'x', 256); /* a path without an end */
	CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
	CHECK_EQ(hear(all, 12 + 0x138, 1), ERR_PROTO);
	memset(all + 12, 0, 256);
	memcpy(all + 12 + 256, "\033[2J", 5); /* a busid for the terminal */
	all[12 + 0x138 - 1] = 255;            /* interfaces */
	seen = 0;
	CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
	CHECK_EQ(hear(all, 12 + 0x138, 1), ERR_OK);
	CHECK(!im.done);
	memset(all, 7, 4 * 255);
	CHECK_EQ(hear(all, 4 * 255, 1), ERR_OK);
	CHECK(im.done && seen == 1 && got[0].ifs == DEVINFO_IFS);
	CHECK(strcmp(got[0].busid, "?[2J") == 0);
}

static void
bad_wishes(void)
{
	CHECK_EQ(usbip_op_import_init(&im, "", device, NULL), ERR_USAGE);
	CHECK_EQ(
	    usbip_op_import_init(&im, "12345678901234567890123456789012", device, NULL),
	    ERR_USAGE);
	CHECK_EQ(
	    usbip_op_import_init(&im, "1234567890123456789012345678901", device, NULL),
	    ERR_OK);
}

static void
no_memory(void)
{
	uint8_t buf[USBIP_OP_ASK_MAX];
	const uint8_t *p;

	setup();
	pool.budget = 500;
	CHECK_EQ(usbip_op_import_init(&im, NULL, device, NULL), ERR_OK);
	CHECK_EQ(ask(buf, usbip_op_import_request(&im, buf), 99), ERR_NOMEM);
	CHECK_EQ(usbip_op_export_output(&ex, &p), 0);
	teardown();
	for (int how = 0; how < 3; how++) {
		setup();
		pool.budget = 7;
		now = how;
		CHECK_EQ(usbip_op_import_init(&im, "v-1", device, NULL), ERR_OK);
		if (how == 1) { /* grant says so itself */
			now = 0;
			CHECK_EQ(ask(buf, usbip_op_import_request(&im, buf), 99), ERR_OK);
			CHECK_EQ(usbip_op_export_grant(&ex, &sticks[0]), ERR_NOMEM);
		} else {
			CHECK_EQ(ask(buf, usbip_op_import_request(&im, buf), 99),
				 how == 2 ? ERR_NOMEM : ERR_OK);
		}
		teardown();
	}
}

TEST_MAIN(TEST(wire_bytes), TEST(nicknames), TEST(list_in_pieces), TEST(empty_list),
	  TEST(import_in_pieces), TEST(refusals), TEST(bad_requests), TEST(bad_replies),
	  TEST(bad_wishes), TEST(no_memory))
