/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/behind core/assist_way core/isoin core/isoout core/imports core/imports_msg core/wire_tail core/wire_iso core/import core/iurb core/iurb_iso core/iso core/retq core/urbs core/usbip core/wire core/desc core/text core/log core/err core/session core/session_link core/session_tail core/tail_in core/tail_out core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/cur core/mem core/enumerate core/desc_edit core/desc_cache core/stock_client core/stock_out core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own */
/* clang-format on */
/*
 * Kernel bytes on one side, messages of the serve side on the other; both are
 * played here. That the two engines do their part is their own tests' concern.
 */
#include "core/bridge.h"
#include "core/cur.h"
#include "core/imports.h"
#include "core/usbip.h"
#include "test/core/pair.h"
#include "test/core/sample.h"

#define DEVID    0x00020003u
#define BULK_IN  (1u << 5 | 3u) /* stream_of(1, 0x81) */
#define BULK_OUT (1u << 5 | 4u)

static struct pair pair;
static struct imports *m;
static struct bridge *bridge;
static unsigned wakes;
static uint64_t budget;
static int new_says;

static int
on_welcome(void *arg, int err, const struct wire_hello *h, const struct wire_refusal *no)
{
	(void)arg;
	(void)h;
	(void)no;
	return err;
}

static void
on_device(void *arg, const struct wire_device *d)
{
	(void)arg;
	(void)d;
}

static int
on_bench(void *arg, const struct session_msg *msg)
{
	(void)arg;
	(void)msg;
	return ERR_PROTO;
}

static const struct imports_ops ops = {on_welcome, on_device, on_bench};

static void
on_wake(void *arg)
{
	CHECK(arg == &pair);
	wakes++;
}

static const struct bridge_ops bridge_ops = {on_wake, NULL};

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	CHECK_EQ(err, ERR_OK);
	bridge = (struct bridge *)arg; /* not NULL: it has to be set in any case */
	new_says = bridge_new(&bridge, &pair.pool, m, i, budget, &bridge_ops, arg);
}

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 const struct session_msg *msg)
{
	(void)arg;
	return bridge_reply(bridge, ep, tag, r, msg);
}

static void
on_removed(void *arg, const struct wire_refusal *why)
{
	(void)arg;
	(void)why;
	import_gone(bridge_import(bridge));
}

static const struct imports_user user = {on_imported, on_reply, on_removed, NULL, NULL};

static int
message(void *arg, const struct session_msg *msg)
{
	(void)arg;
	return imports_message(m, msg);
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	return imports_accept(m, sid, prio);
}

static const struct session_ops session_ops = {message, accept, pair_wake};

static int
say(uint32_t sid, uint8_t type, const uint8_t *b, const struct wr *w)
{
	CHECK(!w->bad);
	return pair_say(&pair, sid, type, b, (size_t)(w->p - b));
}

static void
setup(uint64_t bytes)
{
	struct wire_imported i = {.dev = 1, .raw = sample, .raw_len = sizeof(sample)};
	struct wire_hello h;
	uint8_t b[1024];
	uint32_t dev = 0;
	struct wr w;

	pair_init(&pair, 1 << 20, &session_ops, NULL);
	m = imports_new(&pair.pool, pair.near, &ops, NULL);
	wakes = 0;
	budget = bytes;
	memset(&h, 0, sizeof(h));
	h.window = 1 << 20;
	h.urb_max = 100000;
	h.greet.caps = WIRE_CAPS;
	CHECK_EQ(imports_hello(m, &h), ERR_OK);
	wr_init(&w, b, sizeof(b));
	wire_put_hello(&w, &h);
	CHECK_EQ(say(STREAM_SESSION, WIRE_WELCOME, b, &w), ERR_OK);
	CHECK_EQ(imports_import(m, "1-4", 0, &user, &pair, &dev), ERR_OK);
	i.info.speed = DEVINFO_HIGH;
	i.info.busnum = DEVID >> 16;
	i.info.devnum = DEVID & 0xffff;
	i.info.config = 1;
	wr_init(&w, b, sizeof(b));
	wire_put_imported(&w, &i);
	CHECK_EQ(say(STREAM_SESSION, WIRE_IMPORTED, b, &w), ERR_OK);
}

static void
teardown(void)
{
	bridge_free(bridge);
	imports_free(m);
	pair_fini(&pair);
}

/* --- the kernel --- */

static int
kernel_says(uint32_t cmd, uint32_t seqnum, uint8_t ep, uint32_t len_or_victim,
	    const char *data)
{
	struct usbip h = {.cmd = cmd, .seqnum = seqnum, .devid = DEVID};
	uint8_t b[USBIP_HEADER];
	int err;

	if (cmd == USBIP_SUBMIT) {
		h.in = ep >> 7;
		h.ep = ep & 15;
		h.submit.len = len_or_victim;
	} else {
		h.victim = len_or_victim;
	}
	usbip_pack(&h, b);
	err = import_input(bridge_import(bridge), b, sizeof(b));
	if (err == ERR_OK && data != NULL)
		err = import_input(bridge_import(bridge), (const uint8_t *)data,
				   len_or_victim);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	return err;
}

/* The next reply; data gets at most 16 bytes of what follows. */
static struct usbip
kernel_hears(char data[16])
{
	struct import *im = bridge_import(bridge);
	struct usbip h;
	const uint8_t *p;
	size_t n = import_output(im, &p);

	memset(&h, 0, sizeof(h));
	CHECK(n >= USBIP_HEADER);
	if (n < USBIP_HEADER)
		return h;
	CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
	if (data != NULL)
		memcpy(data, p + USBIP_HEADER,
		       n - USBIP_HEADER < 16 ? n - USBIP_HEADER : 16);
	import_sent(im, n);
	return h;
}

static int
say_complete(uint32_t sid, const struct wire_complete *c, const char *data, uint32_t n)
{
	uint8_t b[4096];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_complete(&w, c);
	wr_bytes(&w, data, n);
	return say(sid, WIRE_COMPLETE, b, &w);
}

/* --- tests --- */

static void
both_ways(void)
{
	struct wire_complete c = {.index = 0, .actual = 5};
	const struct pair_got *g;
	char data[16];
	struct usbip h;

	setup(1 << 20);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 7, 0x02, 5, "hello"), ERR_OK);
	g = pair_last(&pair, WIRE_SUBMIT);
	CHECK(g->sid == BULK_OUT && g->len == 37 &&
	      memcmp(g->body + 32, "hello", 5) == 0);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 8, 0x81, 512, NULL), ERR_OK);
	g = pair_last(&pair, WIRE_SUBMIT);
	CHECK(g->sid == BULK_IN && g->len == 32);
	CHECK_EQ(wakes, 0);
	CHECK_EQ(say_complete(BULK_OUT, &c, NULL, 0), ERR_OK);
	CHECK_EQ(wakes, 1);
	h = kernel_hears(NULL);
	CHECK(h.cmd == USBIP_RET_SUBMIT && h.seqnum == 7 && h.ret.actual == 5);
	CHECK_EQ(say_complete(BULK_IN, &c, "world", 5), ERR_OK);
	h = kernel_hears(data);
	CHECK(h.seqnum == 8 && h.ret.status == 0 && h.ret.actual == 5);
	CHECK(memcmp(data, "world", 5) == 0);
	teardown();
}

static void
unlinks(void)
{
	struct wire_complete c = {
	    .index = 0, .flags = WIRE_UNLINKED, .status = -LINUX_ECONNRESET};
	const struct pair_got *g;
	struct usbip h;
	struct rd r;

	setup(1 << 20);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 7, 0x81, 512, NULL), ERR_OK);
	CHECK_EQ(kernel_says(USBIP_UNLINK, 8, 0, 7, NULL), ERR_OK);
	g = pair_last(&pair, WIRE_UNLINK);
	rd_init(&r, g->body, g->len);
	CHECK_EQ(rd_le32(&r), BULK_IN);
	CHECK_EQ(rd_le64(&r), 0);
	CHECK_EQ(say_complete(BULK_IN, &c, NULL, 0), ERR_OK);
	h = kernel_hears(NULL);
	CHECK(h.cmd == USBIP_RET_UNLINK && h.seqnum == 8);
	CHECK_EQ((int32_t)h.status, -LINUX_ECONNRESET);
	teardown();
}

static void
replies_that_may_not_be(void)
{
	static const struct {
		const char *what;
		uint32_t sid;
		struct wire_complete c;
		uint32_t data;
	} t[] = {
	    {"more than was asked for", BULK_IN, {.actual = 9}, 9},
	    {"data that is not there", BULK_IN, {.actual = 8}, 0},
	    {"another request", BULK_IN, {.index = 1}, 0},
	    {"a number of 64 bits", BULK_IN, {.index = UINT64_MAX}, 0},
	    {"unlinked, but nobody asked", BULK_IN, {.flags = WIRE_UNLINKED}, 0},
	    {"more than was sent", BULK_OUT, {.actual = 6}, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const uint8_t *p;

		setup(1 << 20);
		CHECK_EQ(kernel_says(USBIP_SUBMIT, 7, 0x81, 8, NULL), ERR_OK);
		CHECK_EQ(kernel_says(USBIP_SUBMIT, 8, 0x02, 5, "hello"), ERR_OK);
		CHECK_EQ(say_complete(t[i].sid, &t[i].c, "0123456789", t[i].data),
			 ERR_PROTO);
		CHECK_EQ(import_output(bridge_import(bridge), &p), 0);
		if (test_failed)
			printf("# %s\n", t[i].what);
		teardown();
	}
}

/* To the endpoints of interface 2 in its other setting. */
static void
streaming(void)
{
	const struct wire_complete c = {.index = 0};
	const struct usbip h = {.cmd = USBIP_SUBMIT,
				.seqnum = 1,
				.devid = DEVID,
				.submit.setup = {1, 11, 1, 0, 2, 0, 0, 0}};
	uint8_t b[USBIP_HEADER];

	setup(1 << 20);
	usbip_pack(&h, b);
	CHECK_EQ(import_input(bridge_import(bridge), b, sizeof(b)), ERR_OK);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(say_complete(stream_of(1, 0), &c, NULL, 0), ERR_OK);
	CHECK_EQ(kernel_hears(NULL).seqnum, 1);
}

static void
kernel_streams(uint32_t seqnum)
{
	static const struct urb_iso iso[2] = {{0, 8, 0, 0, false}, {8, 8, 0, 0, false}};
	const struct usbip h = {.cmd = USBIP_SUBMIT,
				.seqnum = seqnum,
				.devid = DEVID,
				.in = 1,
				.ep = 5,
				.submit.len = 16,
				.submit.packets = 2};
	uint8_t b[USBIP_HEADER + 2 * USBIP_ISO];

	usbip_pack(&h, b);
	usbip_iso_pack(&iso[0], b + USBIP_HEADER);
	usbip_iso_pack(&iso[1], b + USBIP_HEADER + USBIP_ISO);
	CHECK_EQ(import_input(bridge_import(bridge), b, sizeof(b)), ERR_OK);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
}

static int
say_two(uint64_t index, uint32_t actual, uint32_t first, uint32_t second)
{
	const struct wire_complete c = {.index = index, .actual = actual, .packets = 2};
	uint8_t b[2 * WIRE_PACKET + 16] = {0};
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_packet(&w, &(struct urb_iso){.offset = 77, .actual = first});
	wire_put_packet(&w, &(struct urb_iso){.length = 77, .actual = second});
	wr_bytes(&w, "abcdefghijk", 11);
	return say_complete(stream_of(1, 0x85), &c, (char *)b, 2 * WIRE_PACKET + actual);
}

static void
isochronous(void)
{
	char data[16];
	struct usbip h;

	streaming();
	kernel_streams(7);
	CHECK_EQ(pair_last(&pair, WIRE_SUBMIT)->len, WIRE_SUBMIT_HEAD + 2 * WIRE_PACKET);
	CHECK_EQ(say_two(0, 5, 3, 2), ERR_OK);
	h = kernel_hears(data);
	CHECK(h.seqnum == 7 && h.ret.packets == 2 && h.ret.actual == 5);
	CHECK(memcmp(data, "abcde", 5) == 0);
	teardown();
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t first[] = {3, 9, 2}, second[] = {3, 0, 2};

		streaming();
		kernel_streams(7);
		CHECK_EQ(say_two(0, i == 1 ? 9 : 5, first[i], second[i]), ERR_PROTO);
		teardown();
	}
}

/* COMPLETE of two packets with data abcdefghijk, of which [from, to) get lost. */
static int
say_lossy(uint64_t index, uint32_t actual, uint32_t first, uint32_t second, uint32_t tail,
	  uint32_t from, uint32_t to)
{
	const struct wire_complete c = {.index = index, .actual = actual, .packets = 2};
	uint8_t b[WIRE_COMPLETE_HEAD + 2 * WIRE_PACKET + 16] = {0};
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_complete(&w, &c);
	wire_put_packet(&w, &(struct urb_iso){.actual = first});
	wire_put_packet(&w, &(struct urb_iso){.actual = second});
	wr_bytes(&w, "abcdefghijk", 11);
	return pair_say_tail(&pair, stream_of(1, 0x85), WIRE_COMPLETE, b,
			     WIRE_COMPLETE_HEAD + 2 * WIRE_PACKET + actual, tail, from,
			     to);
}

static void
lost_packets_are_told(void)
{
	static const struct {
		uint32_t from, to, actual[2];
		const char *data;
	} t[] = {
	    {0, 0, {5, 3}, "abcdefgh"}, {0, 1, {0, 3}, "fgh"}, {4, 5, {0, 3}, "fgh"},
	    {5, 6, {5, 0}, "abcde"},    {4, 6, {0, 0}, ""},    {0, 8, {0, 0}, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint32_t sum = t[i].actual[0] + t[i].actual[1];
		struct import *im;
		struct urb_iso iso[2];
		const uint8_t *p;
		struct usbip h;
		size_t n;

		streaming();
		im = bridge_import(bridge);
		kernel_streams(7);
		CHECK_EQ(say_lossy(0, 8, 5, 3, 8, t[i].from, t[i].to), ERR_OK);
		n = import_output(im, &p);
		CHECK_EQ(n, USBIP_HEADER + sum + 2 * USBIP_ISO);
		CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
		CHECK(h.seqnum == 7 && h.ret.status == 0 && h.ret.actual == sum);
		CHECK(memcmp(p + USBIP_HEADER, t[i].data, sum) == 0);
		for (int k = 0; k < 2; k++) {
			usbip_iso_unpack(&iso[k],
					 p + USBIP_HEADER + sum + (size_t)k * USBIP_ISO);
			CHECK_EQ(iso[k].actual, t[i].actual[k]);
			CHECK_EQ(iso[k].status, t[i].actual[k] == 0 ? -LINUX_EXDEV : 0);
		}
		CHECK_EQ(h.ret.errors, (t[i].actual[0] == 0) + (t[i].actual[1] == 0));
		import_sent(im, n);
		teardown();
	}
}

/* An urb of 300 packets, the first of which has 3 bytes. */
static void
kernel_plays(uint32_t seqnum)
{
	const struct usbip h = {.cmd = USBIP_SUBMIT,
				.seqnum = seqnum,
				.devid = DEVID,
				.ep = 6,
				.submit.len = 3,
				.submit.packets = 300};
	static uint8_t b[USBIP_HEADER + 3 + 300 * USBIP_ISO];
	struct urb_iso iso = {.length = 3};

	usbip_pack(&h, b);
	for (size_t i = 0; i < 300; i++, iso.offset = 3, iso.length = 0)
		usbip_iso_pack(&iso, b + USBIP_HEADER + 3 + i * USBIP_ISO);
	CHECK_EQ(import_input(bridge_import(bridge), b, sizeof(b)), ERR_OK);
}

/* What the device is to have waits for longer than what it gives. */
static void
patience_with_the_device(void)
{
	struct session_stats st;

	for (unsigned late = 0; late < 2; late++) {
		streaming();
		session_tails(pair.far);
		kernel_plays(7);
		session_arq_ops.clock(pair.near, 1000000);
		session_arq_ops.clock(pair.near, 5999999 + late);
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		session_stats(pair.near, &st);
		CHECK_EQ(st.sent, !late);
		CHECK_EQ(st.expired, late);
		teardown();
	}
}

/* Also of what got lost the sizes must be possible. */
static void
tails_that_lie(void)
{
	static const struct {
		uint32_t actual, first, second, tail, from, to;
	} t[] = {
	    {8, 5, 2, 8, 0, 0}, {8, 5, 2, 8, 0, 8},   {8, 5, 4, 8, 0, 8},
	    {8, 9, 0, 8, 0, 0}, {8, 0, ~0u, 8, 7, 8}, {8, 5, 3, 7, 0, 0},
	    {9, 9, 0, 9, 0, 9},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		int err = ERR_PROTO;

		streaming();
		kernel_streams(7);
		/* what is longer than its packet shows only when it comes */
		if (i == 6)
			err = ERR_OK;
		CHECK_EQ(say_lossy(0, t[i].actual, t[i].first, t[i].second, t[i].tail,
				   t[i].from, t[i].to),
			 err);
		if (test_failed)
			printf("# row %zu\n", i);
		teardown();
	}
}

static void
fails_alone(void)
{
	struct usbip h;

	setup(80000);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 1, 0x81, 100001, NULL), ERR_OK);
	h = kernel_hears(NULL); /* longer than was agreed */
	CHECK(h.seqnum == 1 && (int32_t)h.ret.status == -LINUX_ENOMEM);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 2, 0x81, 75000, NULL), ERR_OK);
	h = kernel_hears(NULL); /* an eighth is not for bulk */
	CHECK(h.seqnum == 2 && (int32_t)h.ret.status == -LINUX_ENOMEM);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 3, 0x83, 75000, NULL), ERR_OK);
	pair_last(&pair, WIRE_SUBMIT);
	imports_release(m, 1); /* the session has let go already */
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 4, 0x83, 8, NULL), ERR_OK);
	h = kernel_hears(NULL);
	CHECK(h.seqnum == 4 && (int32_t)h.ret.status == -LINUX_ESHUTDOWN);
	teardown();
}

static void
removed_by_the_server(void)
{
	struct wire_refusal why = {.reason = WIRE_NO_DEVICE};
	uint8_t b[300];
	struct usbip h;
	struct wr w;

	setup(1 << 20);
	CHECK_EQ(kernel_says(USBIP_SUBMIT, 1, 0x81, 8, NULL), ERR_OK);
	wr_init(&w, b, sizeof(b));
	wire_put_removed(&w, 1, &why);
	CHECK_EQ(say(STREAM_SESSION, WIRE_REMOVED, b, &w), ERR_OK);
	CHECK_EQ(wakes, 1);
	h = kernel_hears(NULL);
	CHECK(h.seqnum == 1 && (int32_t)h.ret.status == -LINUX_ESHUTDOWN);
	teardown();
}

static void
new_without_memory(void)
{
	setup(1 << 20);
	CHECK_EQ(new_says, ERR_OK);
	bridge_free(bridge);
	for (unsigned i = 1; i < 60; i += 7) {
		struct wire_imported im = {
		    .dev = 1, .raw = sample, .raw_len = sizeof(sample)};

		pair.fail_at = pair.gets + i;
		bridge = (struct bridge *)&pair;
		CHECK_EQ(bridge_new(&bridge, &pair.pool, m, &im, 1, &bridge_ops, NULL),
			 ERR_NOMEM);
		CHECK(bridge == NULL);
		pair.fail_at = 0;
		im.raw_len = 17;
		CHECK_EQ(bridge_new(&bridge, &pair.pool, m, &im, 1, &bridge_ops, NULL),
			 ERR_PROTO);
	}
	teardown();
}

TEST_MAIN(TEST(both_ways), TEST(unlinks), TEST(replies_that_may_not_be),
	  TEST(isochronous), TEST(lost_packets_are_told), TEST(tails_that_lie),
	  TEST(patience_with_the_device), TEST(fails_alone), TEST(removed_by_the_server),
	  TEST(new_without_memory))
