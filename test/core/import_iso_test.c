/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * Isochronous urbs in the import engine: the kernel's descriptors in, results
 * out. The kernel of drivers/usb/usbip reads as many descriptors as a reply says
 * and believes offset and length in them, so it must get its own back.
 */
#include "core/import.h"
#include "core/iso.h"
#include "core/retq.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define DEVID   7u
#define URB_MAX 65536u
#define ISO_IN  0x85
#define ISO_OUT 0x06

static struct pool pool;
static unsigned gets, fail_at; /* allocations; 0: none fails */
static struct import *im;
static struct import_request seen;
static struct urb_iso seen_iso[ISO_PACKETS];
static uint8_t seen_data[4096];
static uint64_t tags;
static unsigned seens, unlinks;
static int submit_says;
static size_t chunk;

static void *
pool_gets(void *arg, size_t n)
{
	(void)arg;
	return ++gets == fail_at ? NULL : test_heap_get(NULL, n);
}

static int
far_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	seens++;
	seen = *q;
	if (q->iso != NULL)
		memcpy(seen_iso, q->iso, q->packets * sizeof(*q->iso));
	if (q->data != NULL)
		memcpy(seen_data, q->data, q->len < 4096 ? q->len : 4096);
	*tag = ++tags;
	return submit_says;
}

static int
far_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	(void)ep;
	(void)tag;
	unlinks++;
	return ERR_OK;
}

static void
far_wake(void *arg)
{
	(void)arg;
}

static const struct import_ops ops = {far_submit, far_unlink, far_wake, NULL};

static int
feed(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	int r = ERR_OK;

	for (size_t part; n > 0 && r == ERR_OK; p += part, n -= part) {
		part = n < chunk ? n : chunk;
		r = import_input(im, p, part);
	}
	return r;
}

static int
header(uint32_t seqnum, uint8_t ep, uint32_t len, uint32_t packets)
{
	struct usbip h = {.cmd = USBIP_SUBMIT,
			  .seqnum = seqnum,
			  .devid = DEVID,
			  .in = ep >> 7,
			  .ep = ep & 15u};
	uint8_t b[USBIP_HEADER];

	h.submit.len = len;
	h.submit.packets = packets;
	h.submit.start_frame = 99;
	h.submit.flags = 0x242; /* DIR_IN, ISO_ASAP, ZERO_PACKET */
	usbip_pack(&h, b);
	return feed(b, sizeof(b));
}

static int
set_interface(uint8_t alt)
{
	struct usbip h = {.cmd = USBIP_SUBMIT, .seqnum = 1, .devid = DEVID};
	const struct import_reply r = {0};
	struct urb_iso *iso;
	uint8_t b[USBIP_HEADER], *room;
	const uint8_t *p;
	int err;

	memcpy(h.submit.setup, (uint8_t[8]){1, 11, alt, 0, 2, 0, 0, 0}, 8);
	usbip_pack(&h, b);
	if ((err = feed(b, sizeof(b))) != ERR_OK)
		return err;
	if (seens > 0 && (err = import_reply(im, 0, tags, &r, &room, &iso)) == ERR_OK)
		err = import_reply_end(im);
	import_sent(im, import_output(im, &p));
	seens = 0;
	return err;
}

static int
setup_with(uint64_t budget)
{
	const struct import_conf conf = {.devid = DEVID,
					 .urb_max = URB_MAX,
					 .budget = budget,
					 .reserve = budget / 4,
					 .raw = sample,
					 .raw_len = sizeof(sample),
					 .config = 1};
	int err;

	pool = (struct pool)TEST_POOL(4 << 20);
	pool.get = pool_gets;
	gets = seens = unlinks = 0;
	submit_says = ERR_OK;
	chunk = SIZE_MAX;
	err = import_new(&im, &pool, &conf, &ops, NULL);
	return err == ERR_OK ? set_interface(1) : err;
}

static void
setup(void)
{
	fail_at = 0;
	CHECK_EQ(setup_with(1 << 20), ERR_OK);
}

static void
teardown(void)
{
	struct import_stats st;

	import_stats(im, &st);
	CHECK_EQ(st.inflight, 0);
	CHECK_EQ(st.charged, 0);
	import_free(im);
	CHECK_EQ(pool.used, 0);
}

/* Three packets of 16 bytes, 32 apart, as the kernel sends them. */
static int
packets(uint32_t n)
{
	int err = ERR_OK;

	for (uint32_t i = 0; i < n && err == ERR_OK; i++) {
		const struct urb_iso p = {.offset = i * 32, .length = 16};
		uint8_t b[USBIP_ISO];

		usbip_iso_pack(&p, b);
		err = feed(b, sizeof(b));
	}
	return err;
}

static int
submit_in(uint32_t seqnum)
{
	int err = header(seqnum, ISO_IN, 96, 3);

	return err == ERR_OK ? packets(3) : err;
}

static const uint8_t out_data[96] = "first packet....gap.............second packet...gap";

static int
submit_out(uint32_t seqnum)
{
	int err = header(seqnum, ISO_OUT, 96, 3);

	if (err == ERR_OK)
		err = feed(out_data, sizeof(out_data));
	return err == ERR_OK ? packets(3) : err;
}

/* actual and status of the three packets. */
struct result {
	uint32_t actual;
	int32_t status;
};

static int
answer(uint64_t tag, uint8_t ep, const struct import_reply *r, const char *data,
       const struct result *res)
{
	struct urb_iso *iso;
	uint8_t *room;
	int err = import_reply(im, ep, tag, r, &room, &iso);

	if (err != ERR_OK)
		return err;
	CHECK_EQ(room != NULL, (ep & 0x80) != 0 && r->actual > 0);
	CHECK_EQ(iso != NULL, r->packets > 0);
	if (room != NULL)
		memcpy(room, data, r->actual);
	for (uint32_t i = 0; i < r->packets; i++) /* offset and length do not count */
		iso[i] = (struct urb_iso){0x77777777, 0x88888888, res[i].actual,
					  res[i].status, false};
	return import_reply_end(im);
}

/* The next reply is this, whole and in one piece, with the packets as submitted. */
static void
check_ret(uint32_t seqnum, int32_t status, uint32_t actual, const char *data,
	  const struct result *res, uint32_t n)
{
	const uint8_t *p;
	size_t len = import_output(im, &p), in = data == NULL ? 0 : actual;
	uint32_t errors = 0;
	struct usbip h;

	CHECK_EQ(len, USBIP_HEADER + in + n * (size_t)USBIP_ISO);
	if (len != USBIP_HEADER + in + n * (size_t)USBIP_ISO ||
	    usbip_unpack(&h, p) != ERR_OK) {
		import_sent(im, len);
		return;
	}
	CHECK_EQ(h.cmd, USBIP_RET_SUBMIT);
	CHECK_EQ(h.seqnum, seqnum);
	CHECK_EQ((int32_t)h.ret.status, status);
	CHECK_EQ(h.ret.actual, actual);
	CHECK_EQ(h.ret.packets, n);
	CHECK(in == 0 || memcmp(p + USBIP_HEADER, data, in) == 0);
	for (uint32_t i = 0; i < n; i++) {
		const struct result unrun = {0, -LINUX_EXDEV};
		const struct result *want = res == NULL ? &unrun : &res[i];
		struct urb_iso iso;

		usbip_iso_unpack(&iso, p + USBIP_HEADER + in + i * (size_t)USBIP_ISO);
		CHECK_EQ(iso.offset, i * 32);
		CHECK_EQ(iso.length, 16);
		CHECK_EQ(iso.actual, want->actual);
		CHECK_EQ(iso.status, want->status);
		errors += iso.status != 0;
	}
	CHECK_EQ(h.ret.errors, errors);
	import_sent(im, len);
}

static void
check_nothing(void)
{
	const uint8_t *p;

	CHECK_EQ(import_output(im, &p), 0);
}

static void
in_comes_compacted(void)
{
	static const struct result res[] = {{3, 0}, {0, -LINUX_EXDEV}, {5, 0}};
	const struct import_reply r = {.actual = 8, .packets = 3, .start_frame = 1234};
	const uint8_t *p;
	struct usbip h;

	setup();
	for (chunk = 1; chunk < 60; chunk += 7) {
		CHECK_EQ(submit_in(2), ERR_OK);
		CHECK_EQ(seen.type, URB_ISO);
		CHECK_EQ(seen.packets, 3);
		CHECK_EQ(seen.flags, URB_ISO_ASAP);
		CHECK_EQ(seen.start_frame, 99);
		CHECK_EQ(seen_iso[2].offset, 64);
		CHECK_EQ(seen_iso[2].length, 16);
		CHECK_EQ(answer(tags, ISO_IN, &r, "abcdefgh", res), ERR_OK);
		CHECK(import_output(im, &p) > 0 && usbip_unpack(&h, p) == ERR_OK);
		CHECK_EQ(h.ret.start_frame, 1234);
		check_ret(2, 0, 8, "abcdefgh", res, 3);
	}
	teardown();
}

static void
out_has_descriptors_behind_the_data(void)
{
	static const struct result res[] = {{16, 0}, {16, 0}, {0, -LINUX_EILSEQ}};
	const struct import_reply r = {.actual = 32, .packets = 3};

	setup();
	for (chunk = 1; chunk < 200; chunk += 13) {
		CHECK_EQ(submit_out(3), ERR_OK);
		CHECK_EQ(seen.len, 96);
		CHECK(memcmp(seen_data, out_data, 96) == 0);
		CHECK_EQ(seen_iso[1].offset, 32);
		CHECK_EQ(answer(tags, ISO_OUT, &r, NULL, res), ERR_OK);
		check_ret(3, 0, 32, NULL, res, 3);
	}
	teardown();
}

static void
all_of_it_is_read(void)
{
	static const struct result res[] = {{16, 0}, {16, 0}, {16, 0}};
	const struct import_reply r = {.actual = 48, .packets = 3};
	const char *data = "123456789.123456789.123456789.123456789.12345678";

	setup();
	CHECK_EQ(submit_in(2), ERR_OK);
	CHECK_EQ(answer(tags, ISO_IN, &r, data, res), ERR_OK);
	check_ret(2, 0, 48, data, res, 3);
	teardown();
}

/* Bad urbs fail alone when their bytes have come; what follows is understood. */
static void
bad_packets_fail_alone(void)
{
	static const struct {
		const char *name;
		uint8_t ep;
		struct urb_iso iso[2];
	} t[] = {
	    {"outside", ISO_OUT, {{0, 16, 0, 0, false}, {64, 1, 0, 0, false}}},
	    {"overflow", ISO_IN, {{0xffffffff, 2, 0, 0, false}, {0, 1, 0, 0, false}}},
	    {"overlap", ISO_IN, {{0, 16, 0, 0, false}, {15, 1, 0, 0, false}}},
	    {"too much", ISO_OUT, {{0, 64, 0, 0, false}, {0, 1, 0, 0, false}}},
	};
	static const uint8_t zero[64];

	setup();
	chunk = 5;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint8_t b[2 * USBIP_ISO];
		const uint8_t *p;
		struct usbip h;
		struct urb_iso iso;

		usbip_iso_pack(&t[i].iso[0], b);
		usbip_iso_pack(&t[i].iso[1], b + USBIP_ISO);
		CHECK_EQ(header(2, t[i].ep, 64, 2), ERR_OK);
		if (t[i].ep == ISO_OUT)
			CHECK_EQ(feed(zero, 64), ERR_OK);
		CHECK_EQ(feed(b, sizeof(b) - 1), ERR_OK);
		check_nothing();
		CHECK_EQ(feed(b + sizeof(b) - 1, 1), ERR_OK);
		CHECK_EQ(import_output(im, &p), USBIP_HEADER + 2 * USBIP_ISO);
		CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
		CHECK_EQ((int32_t)h.ret.status, -LINUX_EINVAL);
		CHECK_EQ(h.ret.actual, 0);
		CHECK_EQ(h.ret.packets, 2);
		CHECK_EQ(h.ret.errors, 2);
		for (unsigned k = 0; k < 2; k++) {
			usbip_iso_unpack(&iso, p + USBIP_HEADER + k * USBIP_ISO);
			CHECK_EQ(iso.offset, t[i].iso[k].offset);
			CHECK_EQ(iso.length, t[i].iso[k].length);
			CHECK_EQ(iso.actual, 0);
		}
		import_sent(im, USBIP_HEADER + 2 * USBIP_ISO);
		if (test_failed) {
			printf("# %s\n", t[i].name);
			break;
		}
	}
	CHECK_EQ(seens, 0);
	CHECK_EQ(submit_in(9), ERR_OK);
	CHECK_EQ(seens, 1);
	import_gone(im);
	check_ret(9, -LINUX_ESHUTDOWN, 0, NULL, NULL, 3);
	teardown();
}

/* Numbers of packets that cannot be: nothing is kept, the bytes are skipped. */
static void
numbers_of_packets(void)
{
	static const struct {
		uint32_t packets, follow;
		int32_t status;
	} t[] = {
	    {0, 0, -LINUX_EINVAL},
	    {USBIP_NO_PACKETS, 0, -LINUX_EINVAL},
	    {ISO_PACKETS + 1, ISO_PACKETS + 1, -LINUX_EINVAL},
	};

	setup();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(header(2, ISO_IN, 96, t[i].packets), ERR_OK);
		CHECK_EQ(packets(t[i].follow), ERR_OK);
		check_ret(2, t[i].status, 0, NULL, NULL, 0);
	}
	CHECK_EQ(header(2, ISO_IN, ISO_PACKETS * 32, ISO_PACKETS), ERR_OK);
	CHECK_EQ(packets(ISO_PACKETS), ERR_OK);
	CHECK_EQ(seens, 1);
	CHECK_EQ(seen_iso[ISO_PACKETS - 1].offset, (ISO_PACKETS - 1) * 32);
	import_gone(im);
	check_ret(2, -LINUX_ESHUTDOWN, 0, NULL, NULL, ISO_PACKETS);
	CHECK_EQ(submit_out(3), ERR_OK); /* and later */
	check_ret(3, -LINUX_ESHUTDOWN, 0, NULL, NULL, 3);
	teardown();
}

static void
other_refusals_give_the_packets_back(void)
{
	setup();
	CHECK_EQ(header(2, ISO_OUT, URB_MAX - 47, 3), ERR_OK); /* with packets too long */
	for (unsigned i = 0; i < URB_MAX - 47; i++)
		CHECK_EQ(feed("x", 1), ERR_OK);
	check_nothing();
	CHECK_EQ(packets(3), ERR_OK);
	check_ret(2, -LINUX_ENOMEM, 0, NULL, NULL, 3);
	submit_says = ERR_NOMEM;
	CHECK_EQ(submit_in(3), ERR_OK);
	check_ret(3, -LINUX_ENOMEM, 0, NULL, NULL, 3);
	submit_says = ERR_GONE;
	CHECK_EQ(submit_out(4), ERR_OK);
	check_ret(4, -LINUX_ESHUTDOWN, 0, NULL, NULL, 3);
	submit_says = ERR_OK;
	CHECK_EQ(set_interface(0), ERR_OK); /* the endpoints are gone */
	CHECK_EQ(submit_in(5), ERR_OK);
	check_ret(5, -LINUX_EPIPE, 0, NULL, NULL, 3);
	CHECK_EQ(submit_out(6), ERR_OK);
	check_ret(6, -LINUX_EPIPE, 0, NULL, NULL, 3);
	teardown();
}

/* Descriptors are charged; the reserve is not for streams. */
static void
budget(void)
{
	struct import_stats st;

	fail_at = 0;
	CHECK_EQ(setup_with(40000), ERR_OK); /* 30000 of it */
	CHECK_EQ(header(2, ISO_IN, 0, 800), ERR_OK);
	CHECK_EQ(packets(0), ERR_OK);
	import_stats(im, &st);
	CHECK(st.charged > 800 * 2 * USBIP_ISO);
	for (unsigned i = 0; i < 800 * USBIP_ISO; i++)
		CHECK_EQ(feed("", 1), ERR_OK);
	CHECK_EQ(seens, 1);
	CHECK_EQ(header(3, ISO_IN, 6000, 3), ERR_OK);
	CHECK_EQ(packets(3), ERR_OK);
	check_ret(3, -LINUX_ENOMEM, 0, NULL, NULL, 3);
	CHECK_EQ(header(4, ISO_IN, 32 * 200, 200), ERR_OK); /* nor room for those */
	CHECK_EQ(packets(200), ERR_OK);
	check_ret(4, -LINUX_ENOMEM, 0, NULL, NULL, 0);
	CHECK_EQ(header(5, 0x83, 6000, 0), ERR_OK);
	CHECK_EQ(seens, 2); /* interrupt: it has room */
	import_gone(im);
	for (const uint8_t *p; import_output(im, &p) > 0;)
		import_sent(im, import_output(im, &p));
	teardown();
}

static void
replies_that_cannot_be(void)
{
	static const struct {
		const char *name;
		struct import_reply r;
		struct result res[4];
	} t[] = {
	    {"too few", {.packets = 2}, {{0, 0}}},
	    {"too many", {.packets = 4}, {{0, 0}}},
	    {"none, and fine", {.packets = 0}, {{0, 0}}},
	    {"none, and data", {.status = -71, .actual = 1}, {{0, 0}}},
	    {"unlinked unasked", {.unlinked = true, .status = -104}, {{0, 0}}},
	    {"sum too small", {.packets = 3, .actual = 9}, {{3, 0}, {3, 0}, {2, 0}}},
	    {"sum too large", {.packets = 3, .actual = 9}, {{3, 0}, {3, 0}, {4, 0}}},
	    {"sum wraps",
	     {.packets = 3, .actual = 9},
	     {{0xfffffff0, 0}, {16, 0}, {9, 0}}},
	    {"one too long", {.packets = 3, .actual = 17}, {{17, 0}, {0, 0}, {0, 0}}},
	    {"more than there is room", {.packets = 3, .actual = 97}, {{0, 0}}},
	};
	static const struct result res[] = {{3, 0}, {0, 7}, {5, -4000}};
	static const struct result clean[] = {{3, 0}, {0, -71}, {5, -71}};
	const struct import_reply r = {.actual = 8, .packets = 3};
	char data[128] = "abcdefgh";

	setup();
	CHECK_EQ(submit_in(2), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		int err = answer(tags, ISO_IN, &t[i].r, data, t[i].res);

		CHECK_EQ(err, ERR_PROTO);
		check_nothing();
		if (test_failed) {
			printf("# %s\n", t[i].name);
			break;
		}
	}
	/* still in flight, and what was written is forgotten */
	CHECK_EQ(answer(tags, ISO_IN, &r, data, res), ERR_OK);
	check_ret(2, 0, 8, "abcdefgh", clean, 3);
	CHECK_EQ(header(3, 0x81, 96, 0), ERR_OK); /* bulk has no packets */
	CHECK_EQ(answer(tags, 0x81, &r, data, res), ERR_PROTO);
	import_gone(im);
	check_ret(3, -LINUX_ESHUTDOWN, 0, NULL, NULL, 0);
	teardown();
}

/* Results that came with a reply that never ended are none. */
static void
gone_in_a_reply(void)
{
	const struct import_reply r = {.actual = 8, .packets = 3};
	struct urb_iso *iso;
	uint8_t *room;

	setup();
	CHECK_EQ(submit_in(2), ERR_OK);
	CHECK_EQ(import_reply(im, ISO_IN, tags, &r, &room, &iso), ERR_OK);
	memset(iso, 0x55, 3 * sizeof(*iso));
	memset(room, 0x55, 8);
	import_gone(im);
	CHECK_EQ(import_reply_end(im), ERR_OK);
	check_ret(2, -LINUX_ESHUTDOWN, 0, NULL, NULL, 3);
	teardown();
}

static void
failures_as_a_whole(void)
{
	const struct import_reply r = {.status = -LINUX_EPIPE};

	setup();
	CHECK_EQ(submit_in(2), ERR_OK);
	CHECK_EQ(answer(tags, ISO_IN, &r, NULL, NULL), ERR_OK);
	check_ret(2, -LINUX_EPIPE, 0, NULL, NULL, 3);
	CHECK_EQ(submit_out(3), ERR_OK);
	CHECK_EQ(answer(tags, ISO_OUT, &r, NULL, NULL), ERR_OK);
	check_ret(3, -LINUX_EPIPE, 0, NULL, NULL, 3);
	teardown();
}

static int
unlink_it(uint32_t seqnum, uint32_t victim)
{
	struct usbip h = {
	    .cmd = USBIP_UNLINK, .seqnum = seqnum, .devid = DEVID, .victim = victim};
	uint8_t b[USBIP_HEADER];

	usbip_pack(&h, b);
	return feed(b, sizeof(b));
}

static void
check_unlinked(int32_t status)
{
	const uint8_t *p;
	struct usbip h;

	CHECK_EQ(import_output(im, &p), USBIP_HEADER);
	CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
	CHECK_EQ(h.cmd, USBIP_RET_UNLINK);
	CHECK_EQ((int32_t)h.status, status);
	import_sent(im, USBIP_HEADER);
}

static void
unlinks_lose_nothing(void)
{
	static const struct result part[] = {{16, 0}, {4, 0}, {0, -LINUX_EXDEV}};
	const struct import_reply some = {
	    .status = -LINUX_ECONNRESET, .actual = 20, .packets = 3};
	const struct import_reply none = {.unlinked = true, .status = -LINUX_ECONNRESET};

	setup();
	CHECK_EQ(submit_in(2), ERR_OK);
	CHECK_EQ(unlink_it(3, 2), ERR_OK);
	CHECK_EQ(answer(tags, ISO_IN, &some, "sixteen bytes...four", part), ERR_OK);
	check_ret(2, -LINUX_ECONNRESET, 20, "sixteen bytes...four", part, 3);
	check_unlinked(0);
	CHECK_EQ(submit_in(4), ERR_OK);
	CHECK_EQ(unlink_it(5, 4), ERR_OK);
	CHECK_EQ(answer(tags, ISO_IN, &none, NULL, NULL), ERR_OK);
	check_unlinked(-LINUX_ECONNRESET);
	CHECK_EQ(unlinks, 2);
	teardown();
}

static void
every_allocation_fails_once(void)
{
	static const struct result res[] = {{3, 0}, {0, 0}, {5, 0}};
	const struct import_reply r = {.actual = 8, .packets = 3};
	unsigned total;

	setup();
	total = gets;
	CHECK_EQ(submit_out(2), ERR_OK);
	CHECK_EQ(submit_in(3), ERR_OK);
	CHECK_EQ(gets - total, 4 + 3); /* OUT data beside urb, reply, packets */
	total = gets;
	for (unsigned n = 1; n <= total; n++) {
		const uint8_t *p;

		import_free(im);
		CHECK_EQ(pool.used, 0);
		fail_at = n;
		if (setup_with(1 << 20) == ERR_OK) {
			CHECK_EQ(submit_out(2), ERR_OK);
			CHECK_EQ(submit_in(3), ERR_OK);
			(void)!answer(tags, ISO_IN, &r, "abcdefgh", res);
			import_gone(im);
			for (unsigned k = 0; k < 2; k++) {
				struct usbip h;
				size_t len = import_output(im, &p);

				CHECK(len >= USBIP_HEADER);
				CHECK_EQ(usbip_unpack(&h, p), ERR_OK);
				CHECK_EQ(len, USBIP_HEADER + h.ret.packets * USBIP_ISO +
						  (h.seqnum == 3 ? h.ret.actual : 0));
				import_sent(im, len);
			}
			check_nothing();
		}
	}
	fail_at = 0;
	import_free(im);
	CHECK_EQ(pool.used, 0);
}

TEST_MAIN(TEST(in_comes_compacted), TEST(out_has_descriptors_behind_the_data),
	  TEST(all_of_it_is_read), TEST(bad_packets_fail_alone), TEST(numbers_of_packets),
	  TEST(other_refusals_give_the_packets_back), TEST(budget),
	  TEST(replies_that_cannot_be), TEST(gone_in_a_reply), TEST(failures_as_a_whole),
	  TEST(unlinks_lose_nothing), TEST(every_allocation_fails_once))
