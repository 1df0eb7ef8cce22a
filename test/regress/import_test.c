/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The regression list (test/regress/LIST) as far as the attaching kernel would be
 * the victim. Kernel and far end are played here.
 */
#include "core/import.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define DEVID   (2u << 16 | 3u)
#define URB_MAX 4096u
#define MANY    32

enum { OUT = 0, IN = 1 };

static struct pool pool;
static struct import *im;
static struct import_request seen[MANY];   /* by the far end; its tag is i */
static struct usbip got[MANY];             /* by the kernel */
static size_t piece[MANY];                 /* bytes that left in one piece */
static uint8_t seen_data[8], got_data[64]; /* the last */
static struct urb_iso seen_iso[2];
static unsigned seens, gots, unlinks;

static int
far_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	(void)arg;
	*tag = seens;
	if (q->data != NULL && q->len <= sizeof(seen_data))
		memcpy(seen_data, q->data, q->len);
	if (q->packets == 2)
		memcpy(seen_iso, q->iso, sizeof(seen_iso));
	seen[seens++] = *q;
	return ERR_OK;
}

static int
far_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg, (void)ep, (void)tag;
	unlinks++;
	return ERR_OK;
}

static void
far_wake(void *arg)
{
	(void)arg;
}

static void
setup(void)
{
	static const struct import_ops ops = {far_submit, far_unlink, far_wake, NULL};
	static const struct import_conf conf = {.devid = DEVID,
						.urb_max = URB_MAX,
						.budget = UINT64_MAX / 2,
						.raw = sample,
						.raw_len = sizeof(sample),
						.config = 1};

	pool = (struct pool)TEST_POOL(1 << 20);
	seens = gots = unlinks = 0;
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_OK);
}

static void
teardown(void)
{
	import_free(im);
	CHECK_EQ(pool.used, 0);
}

static int
header(const struct usbip *h)
{
	uint8_t b[USBIP_HEADER];

	usbip_pack(h, b);
	return import_input(im, b, sizeof(b));
}

static int
submit(uint32_t seqnum, uint32_t in, uint32_t ep, uint32_t len)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = seqnum, .devid = DEVID, .in = in, .ep = ep};

	h.submit.len = len;
	return header(&h);
}

static int
unlink_it(uint32_t seqnum, uint32_t victim)
{
	struct usbip h = {
	    .cmd = USBIP_UNLINK, .seqnum = seqnum, .devid = DEVID, .victim = victim};

	return header(&h);
}

static int
data(const char *bytes)
{
	return import_input(im, (const uint8_t *)bytes, strlen(bytes));
}

static int
answer(unsigned i, const struct import_reply *r, const char *bytes)
{
	struct urb_iso *iso;
	uint8_t *room;
	int err = import_reply(im, seen[i].ep, i, r, &room, &iso);

	if (err != ERR_OK)
		return err;
	if (room != NULL)
		memcpy(room, bytes, r->actual);
	for (uint32_t k = 0; iso != NULL && k < r->packets; k++)
		iso[k] = (struct urb_iso){.actual = k + 1};
	return import_reply_end(im);
}

static int
done(unsigned i, int32_t status, uint32_t actual, const char *bytes)
{
	const struct import_reply r = {.status = status, .actual = actual};

	return answer(i, &r, bytes);
}

/* Everything for the kernel, each piece taken for a reply. */
static void
drain(void)
{
	const uint8_t *p;
	size_t n;

	while ((n = import_output(im, &p)) > 0 && gots < MANY) {
		piece[gots] = n;
		if (n >= USBIP_HEADER)
			CHECK_EQ(usbip_unpack(&got[gots], p), ERR_OK);
		if (n > USBIP_HEADER && n <= USBIP_HEADER + sizeof(got_data))
			memcpy(got_data, p + USBIP_HEADER, n - USBIP_HEADER);
		gots++;
		import_sent(im, n);
	}
}

#define CHECK_SUBMIT(i, seq, st, act)                     \
	do {                                              \
		CHECK(gots > (i));                        \
		CHECK_EQ(got[i].cmd, USBIP_RET_SUBMIT);   \
		CHECK_EQ(got[i].seqnum, seq);             \
		CHECK_EQ((int32_t)got[i].ret.status, st); \
		CHECK_EQ(got[i].ret.actual, act);         \
	} while (0)

#define CHECK_UNLINK(i, seq, st)                        \
	do {                                            \
		CHECK(gots > (i));                      \
		CHECK_EQ(got[i].cmd, USBIP_RET_UNLINK); \
		CHECK_EQ(got[i].seqnum, seq);           \
		CHECK_EQ((int32_t)got[i].status, st);   \
	} while (0)

static void
out_says_what_was_sent(void)
{
	setup();
	CHECK_EQ(submit(1, OUT, 2, 4), ERR_OK);
	CHECK_EQ(data("abcd"), ERR_OK);
	CHECK_EQ(done(0, 0, 4, NULL), ERR_OK);
	CHECK_EQ(submit(2, OUT, 2, 4), ERR_OK);
	CHECK_EQ(data("abcd"), ERR_OK);
	CHECK_EQ(done(1, -LINUX_EPROTO, 3, NULL), ERR_OK); /* also on an error */
	drain();
	CHECK_SUBMIT(0, 1, 0, 4);
	CHECK_SUBMIT(1, 2, -LINUX_EPROTO, 3);
	CHECK_EQ(piece[0], USBIP_HEADER); /* and none of it comes back */
	teardown();
}

static void
headers_have_48_bytes(void)
{
	static const uint8_t first[48] = {0, 0, 0, USBIP_SUBMIT,
					  0, 0, 0, 1,
					  0, 2, 0, 3,
					  0, 0, 0, 1,
					  0, 0, 0, 1},
			     second[48] = {0, 0, 0, USBIP_UNLINK,
					   0, 0, 0, 2,
					   0, 2, 0, 3,
					   0, 0, 0, 0,
					   0, 0, 0, 0,
					   0, 0, 0, 1};

	setup();
	CHECK_EQ(import_input(im, first, 47), ERR_OK);
	CHECK_EQ(seens, 0);
	CHECK_EQ(import_input(im, first + 47, 1), ERR_OK);
	CHECK_EQ(seens, 1);
	CHECK_EQ(import_input(im, second, 48), ERR_OK);
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(done(0, 0, 0, NULL), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_EQ(piece[0], 48);
	CHECK_EQ(piece[1], 48); /* RET_UNLINK says little, and is as long */
	teardown();
}

static void
a_reply_is_one_piece(void)
{
	setup();
	CHECK_EQ(submit(1, IN, 1, 512), ERR_OK);
	CHECK_EQ(submit(2, IN, 3, 8), ERR_OK);
	CHECK_EQ(done(0, 0, 5, "hello"), ERR_OK);
	CHECK_EQ(done(1, 0, 2, "hi"), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_EQ(piece[0], USBIP_HEADER + 5);
	CHECK_EQ(piece[1], USBIP_HEADER + 2);
	teardown();
}

static void
in_is_never_longer_than_asked(void)
{
	const struct import_reply r = {.actual = 5}, far = {.actual = UINT32_MAX};
	struct urb_iso *iso;
	uint8_t *room;

	setup();
	CHECK_EQ(submit(1, IN, 1, 4), ERR_OK);
	CHECK_EQ(import_reply(im, 0x81, 0, &r, &room, &iso), ERR_PROTO);
	CHECK_EQ(import_reply(im, 0x81, 0, &far, &room, &iso), ERR_PROTO);
	CHECK_EQ(done(0, 0, 4, "hell"), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, 0, 4);
	teardown();
}

static void
direction_is_a_field(void)
{
	setup();
	CHECK_EQ(submit(1, IN, 1, 4), ERR_OK); /* the number alone never says IN */
	CHECK_EQ(submit(2, OUT, 2, 4), ERR_OK);
	CHECK_EQ(data("abcd"), ERR_OK);
	CHECK_EQ(seens, 2);
	CHECK_EQ(seen[0].ep, 0x81);
	CHECK_EQ(seen[1].ep, 0x02);
	CHECK_EQ(submit(3, IN, 2, 4), ERR_OK); /* IN 2 is not OUT 2 */
	drain();
	CHECK_SUBMIT(0, 3, -LINUX_EPIPE, 0);
	teardown();
}

static void
no_error_becomes_an_empty_success(void)
{
	static const int32_t told[] = {
	    -LINUX_EPIPE,
	    -LINUX_EPROTO,
	    -LINUX_EOVERFLOW,
	    -LINUX_ESHUTDOWN,
	    -LINUX_ETIMEDOUT,
	    -LINUX_EILSEQ,
	    -LINUX_ECONNRESET, /* nobody cancelled: */
	    -LINUX_ENOENT,     /* the driver would take these two for a short read */
	    -4711,
	    1};

	setup();
	for (unsigned i = 0; i < ARRAY_LEN(told); i++) {
		CHECK_EQ(submit(i, IN, 1, 4), ERR_OK);
		CHECK_EQ(done(i, told[i], 0, NULL), ERR_OK);
		drain();
		CHECK_SUBMIT(i, i, i < 6 ? told[i] : -LINUX_EPROTO, 0);
	}
	teardown();
}

static void
unlink_says_who_won(void)
{
	const struct import_reply unlinked = {.unlinked = true,
					      .status = -LINUX_ECONNRESET};

	setup();
	CHECK_EQ(submit(1, IN, 1, 4), ERR_OK);
	CHECK_EQ(submit(2, IN, 1, 4), ERR_OK);
	CHECK_EQ(unlink_it(3, 1), ERR_OK);
	CHECK_EQ(unlink_it(4, 2), ERR_OK);
	CHECK_EQ(answer(0, &unlinked, NULL), ERR_OK);
	CHECK_EQ(done(1, 0, 0, NULL), ERR_OK); /* faster than its UNLINK */
	CHECK_EQ(unlink_it(5, 99), ERR_OK);    /* ended long ago */
	drain();
	CHECK_EQ(gots, 4);
	CHECK_UNLINK(0, 3, -LINUX_ECONNRESET);
	CHECK_SUBMIT(1, 2, 0, 0);
	CHECK_UNLINK(2, 4, 0);
	CHECK_UNLINK(3, 5, 0);
	teardown();
}

static void
an_unlinked_urb_has_no_ret_submit(void)
{
	const struct import_reply unlinked = {.unlinked = true,
					      .status = -LINUX_ECONNRESET};

	setup();
	CHECK_EQ(submit(1, IN, 1, 4), ERR_OK);
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	CHECK_EQ(answer(0, &unlinked, NULL), ERR_OK);
	CHECK_EQ(done(0, 0, 4, "late"), ERR_PROTO);
	import_gone(im);
	drain();
	CHECK_EQ(gots, 1);
	CHECK_UNLINK(0, 2, -LINUX_ECONNRESET);
	teardown();
}

/* Two packets, of 2 and 4 bytes. */
static int
submit_iso(uint32_t seqnum, uint32_t in, uint32_t ep, const char *bytes)
{
	const struct urb_iso iso[2] = {{.length = 2}, {.offset = 2, .length = 4}};
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = seqnum, .devid = DEVID, .in = in, .ep = ep};
	uint8_t b[2 * USBIP_ISO];
	int err;

	h.submit.len = 6;
	h.submit.packets = 2;
	usbip_iso_pack(&iso[0], b);
	usbip_iso_pack(&iso[1], b + USBIP_ISO);
	if ((err = header(&h)) != ERR_OK || (err = data(bytes)) != ERR_OK)
		return err;
	return import_input(im, b, sizeof(b));
}

static void
packets_come_behind_the_data(void)
{
	const struct import_reply r = {.actual = 3, .packets = 2};
	struct usbip set = {.cmd = USBIP_SUBMIT, .devid = DEVID};
	struct urb_iso iso[2];

	setup();
	memcpy(set.submit.setup, "\1\x0b\1\0\2\0\0", 8);
	CHECK_EQ(header(&set), ERR_OK); /* interface 2 gets its endpoints */
	CHECK_EQ(done(0, 0, 0, NULL), ERR_OK);
	CHECK_EQ(submit_iso(1, OUT, 6, "abcdef"), ERR_OK);
	CHECK_EQ(submit_iso(2, IN, 5, ""), ERR_OK);
	CHECK_EQ(seens, 3);
	if (seens == 3) {
		CHECK(memcmp(seen_data, "abcdef", 6) == 0);
		CHECK_EQ(seen_iso[1].offset, 2);
		CHECK_EQ(seen_iso[1].length, 4);
		drain();
		CHECK_EQ(answer(2, &r, "xyz"), ERR_OK);
		drain();
		CHECK_SUBMIT(1, 2, 0, 3);
		CHECK_EQ(got[1].ret.packets, 2);
		CHECK_EQ(piece[1], USBIP_HEADER + 3 + 2 * USBIP_ISO);
		CHECK(memcmp(got_data, "xyz", 3) == 0);
		usbip_iso_unpack(&iso[0], got_data + 3);
		usbip_iso_unpack(&iso[1], got_data + 3 + USBIP_ISO);
		CHECK_EQ(iso[0].actual, 1);
		CHECK_EQ(iso[1].actual, 2);
		CHECK_EQ(iso[1].length, 4);
	}
	teardown();
}

static void
a_refusal_is_a_reply(void)
{
	setup();
	CHECK_EQ(submit(1, IN, 9, 4), ERR_OK); /* no such endpoint */
	CHECK_EQ(submit(2, OUT, 9, 4), ERR_OK);
	CHECK_EQ(data("abcd"), ERR_OK);
	CHECK_EQ(submit(3, IN, 1, URB_MAX + 1), ERR_OK);
	CHECK_EQ(submit(4, IN, 1, 4), ERR_OK);
	import_gone(im);
	CHECK_EQ(submit(5, IN, 1, 4), ERR_OK);
	drain();
	CHECK_EQ(gots, 5);
	CHECK_SUBMIT(0, 1, -LINUX_EPIPE, 0);
	CHECK_SUBMIT(1, 2, -LINUX_EPIPE, 0);
	CHECK_SUBMIT(2, 3, -LINUX_ENOMEM, 0);
	CHECK_SUBMIT(3, 4, -LINUX_ESHUTDOWN, 0);
	CHECK_SUBMIT(4, 5, -LINUX_ESHUTDOWN, 0);
	teardown();
}

static void
a_seqnum_is_used_once(void)
{
	setup();
	CHECK_EQ(submit(7, IN, 1, 4), ERR_OK);
	CHECK_EQ(done(0, 0, 0, NULL), ERR_OK);
	CHECK_EQ(submit(7, IN, 1, 4), ERR_OK); /* answered: free again */
	CHECK_EQ(submit(7, IN, 9, 4), ERR_PROTO);
	CHECK_EQ(seens, 2);
	drain();
	CHECK_EQ(gots, 1);
	teardown();
}

static void
huge_numbers_take_no_memory(void)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = 3, .devid = DEVID, .in = IN, .ep = 9};
	size_t before;

	setup();
	before = pool.used;
	CHECK_EQ(submit(1, IN, 1, 0xffffffff), ERR_OK);
	CHECK_EQ(submit(2, IN, 1, URB_MAX + 1), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, -LINUX_ENOMEM, 0);
	CHECK_SUBMIT(1, 2, -LINUX_ENOMEM, 0);
	h.submit.packets = 0x7fffffff; /* 32 GB of descriptors would follow */
	CHECK_EQ(header(&h), ERR_OK);
	CHECK_EQ(data("................"), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_EQ(seens, 0);
	CHECK_EQ(pool.used, before);
	teardown();
}

static void
a_bad_request_fails_alone(void)
{
	setup();
	CHECK_EQ(submit(1, IN, 1, 4), ERR_OK);
	CHECK_EQ(submit(2, OUT, 9, 4), ERR_OK); /* no such endpoint */
	CHECK_EQ(data("\xff\xff\xff\xff"), ERR_OK);
	CHECK_EQ(submit(3, IN, 1, URB_MAX + 1), ERR_OK);
	CHECK_EQ(submit(4, IN, 1, 4), ERR_OK);
	CHECK_EQ(seens, 2);
	CHECK_EQ(done(0, 0, 4, "good"), ERR_OK);
	CHECK_EQ(done(0, 0, 4, "bad."), ERR_PROTO); /* the far end's nonsense, too */
	CHECK_EQ(done(1, 0, 4, "good"), ERR_OK);
	drain();
	CHECK_EQ(gots, 4);
	CHECK_SUBMIT(2, 1, 0, 4);
	CHECK_SUBMIT(3, 4, 0, 4);
	teardown();
}

/* clang-format off */
TEST_MAIN(TEST_AS("regress 1: OUT actual_length 0", out_says_what_was_sent),
	  TEST_AS("regress 3: header ≠ 48 bytes", headers_have_48_bytes),
	  TEST_AS("regress 4: header and payload in two writes (interleaving)",
		  a_reply_is_one_piece),
	  TEST_AS("regress 5: IN data longer than asked", in_is_never_longer_than_asked),
	  TEST_AS("regress 7: direction from ep bit 7", direction_is_a_field),
	  TEST_AS("regress 9: error turned into empty success",
		  no_error_becomes_an_empty_success),
	  TEST_AS("regress 14: UNLINK status swapped", unlink_says_who_won),
	  TEST_AS("regress 15: RET_SUBMIT after RET_UNLINK(−104)",
		  an_unlinked_urb_has_no_ret_submit),
	  TEST_AS("regress 18: ISO descriptors before data / unread",
		  packets_come_behind_the_data),
	  TEST_AS("regress 19: rejected request without reply", a_refusal_is_a_reply),
	  TEST_AS("regress 36: duplicate seqnum", a_seqnum_is_used_once),
	  TEST_AS("regress 38: huge length / number_of_packets",
		  huge_numbers_take_no_memory),
	  TEST_AS("regress 39: one bad payload kills the device",
		  a_bad_request_fails_alone))
