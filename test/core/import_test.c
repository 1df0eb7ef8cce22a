/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The kernel and the far end are both played here. "item N" is that of
 * PRIOR-ART.md 9.
 */
#include "core/import.h"
#include "core/retq.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define DEVID   (2u << 16 | 3u)
#define URB_MAX 65536u
#define MANY    400

enum { OUT = 0, IN = 1 };

struct seen { /* by the far end */
	struct import_request req;
	uint64_t tag;
	uint8_t data[256];
};

struct got { /* by the kernel */
	struct usbip h;
	uint8_t data[256];
};

static struct pool pool;
static struct import *im;
static struct seen seen[MANY];
static struct got got[MANY];
static unsigned seens, gots, unlinks, wakes;
static uint64_t next_tag, unlinked_tag;
static uint8_t unlinked_ep;
static int submit_says, unlink_says;
static void (*in_submit)(void), (*in_unlink)(void), (*in_wake)(void);
static size_t chunk; /* bytes the kernel writes at a time */

static int
far_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct seen *s = &seen[seens++];

	(void)arg;
	s->req = *q;
	if (q->data != NULL)
		memcpy(s->data, q->data, q->len < 256 ? q->len : 256);
	s->tag = *tag = next_tag++;
	if (in_submit != NULL)
		in_submit();
	return submit_says;
}

static int
far_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	(void)arg;
	unlinks++;
	unlinked_ep = ep;
	unlinked_tag = tag;
	if (in_unlink != NULL)
		in_unlink();
	return unlink_says;
}

static void
far_wake(void *arg)
{
	(void)arg;
	wakes++;
	if (in_wake != NULL)
		in_wake();
}

static const struct import_ops ops = {far_submit, far_unlink, far_wake, NULL};

static struct import_conf conf;

static int
setup(void)
{
	pool = (struct pool)TEST_POOL(16 << 20);
	conf = (struct import_conf){.devid = DEVID,
				    .urb_max = URB_MAX,
				    .budget = 1 << 20,
				    .reserve = 1 << 16,
				    .raw = sample,
				    .raw_len = sizeof(sample),
				    .config = 1};
	seens = gots = unlinks = wakes = 0;
	next_tag = 100;
	submit_says = unlink_says = ERR_OK;
	in_submit = in_unlink = in_wake = NULL;
	chunk = SIZE_MAX;
	return import_new(&im, &pool, &conf, &ops, NULL);
}

static void
teardown(void)
{
	import_free(im);
	CHECK_EQ(pool.used, 0);
}

static int
feed(const uint8_t *p, size_t n)
{
	int r = ERR_OK;

	while (n > 0 && r == ERR_OK) {
		size_t part = n < chunk ? n : chunk;
		uint8_t *copy = malloc(part); /* ASan sees its end */

		memcpy(copy, p, part);
		r = import_input(im, copy, part);
		free(copy);
		p += part;
		n -= part;
	}
	return r;
}

static int
header(const struct usbip *h)
{
	uint8_t b[USBIP_HEADER];

	usbip_pack(h, b);
	return feed(b, sizeof(b));
}

static int
submit_setup(uint32_t seqnum, uint32_t in, uint32_t ep, uint32_t len, const uint8_t *s)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = seqnum, .devid = DEVID, .in = in, .ep = ep};

	h.submit.len = len;
	if (s != NULL)
		memcpy(h.submit.setup, s, 8);
	return header(&h);
}

static int
submit(uint32_t seqnum, uint32_t in, uint32_t ep, uint32_t len)
{
	return submit_setup(seqnum, in, ep, len, NULL);
}

static int
unlink_it(uint32_t seqnum, uint32_t victim)
{
	struct usbip h = {
	    .cmd = USBIP_UNLINK, .seqnum = seqnum, .devid = DEVID, .victim = victim};

	return header(&h);
}

/* One reply as the kernel reads it: always one piece (item 4). */
static bool
drain_one(void)
{
	struct got *g = &got[gots];
	const uint8_t *p;
	size_t n = import_output(im, &p), data;

	if (n == 0)
		return false;
	CHECK(n >= USBIP_HEADER);
	CHECK_EQ(usbip_unpack(&g->h, p), ERR_OK);
	CHECK_EQ(g->h.devid, 0);
	CHECK_EQ(g->h.in, 0);
	CHECK_EQ(g->h.ep, 0);
	data = n - USBIP_HEADER;
	memcpy(g->data, p + USBIP_HEADER, data < 256 ? data : 256);
	if (data > 0 && g->h.ret.packets != 3) /* of isochronous ones here */
		CHECK_EQ(data, g->h.ret.actual);
	import_sent(im, n);
	gots++;
	return true;
}

static void
drain(void)
{
	while (drain_one())
		;
}

/* The far end answers what it saw as number i. */
static int
answer(unsigned i, int32_t status, uint32_t actual, const char *data)
{
	const struct import_reply r = {.status = status, .actual = actual};
	struct urb_iso *iso;
	uint8_t *room;
	int err = import_reply(im, seen[i].req.ep, seen[i].tag, &r, &room, &iso);

	if (err != ERR_OK)
		return err;
	if (room != NULL)
		memcpy(room, data, actual);
	return import_reply_end(im);
}

static int
answer_unlinked(unsigned i)
{
	const struct import_reply r = {.unlinked = true, .status = -LINUX_ECONNRESET};
	struct urb_iso *iso;
	uint8_t *room;
	int err = import_reply(im, seen[i].req.ep, seen[i].tag, &r, &room, &iso);

	if (err == ERR_OK) {
		CHECK(room == NULL);
		CHECK_EQ(import_reply_end(im), ERR_OK);
	}
	return err;
}

#define CHECK_SUBMIT(i, seq, st, act)                       \
	do {                                                \
		CHECK(gots > (i));                          \
		CHECK_EQ(got[i].h.cmd, USBIP_RET_SUBMIT);   \
		CHECK_EQ(got[i].h.seqnum, seq);             \
		CHECK_EQ((int32_t)got[i].h.ret.status, st); \
		CHECK_EQ(got[i].h.ret.actual, act);         \
	} while (0)

#define CHECK_UNLINK(i, seq, st)                          \
	do {                                              \
		CHECK(gots > (i));                        \
		CHECK_EQ(got[i].h.cmd, USBIP_RET_UNLINK); \
		CHECK_EQ(got[i].h.seqnum, seq);           \
		CHECK_EQ((int32_t)got[i].h.status, st);   \
	} while (0)

static void
nothing_is_said_before_the_kernel_speaks(void)
{
	const uint8_t *p;

	CHECK_EQ(setup(), ERR_OK); /* item 2: no handshake bytes into vhci */
	CHECK_EQ(import_output(im, &p), 0);
	CHECK(p == NULL);
	CHECK_EQ(wakes, 0);
	teardown();
}

static void
out_and_in_in_any_chunks(void)
{
	for (size_t c = 1; c < 60; c += c < 4 ? 1 : 7) {
		CHECK_EQ(setup(), ERR_OK);
		chunk = c;
		CHECK_EQ(submit(7, OUT, 2, 31), ERR_OK);
		CHECK_EQ(seens, 0);
		CHECK_EQ(feed((const uint8_t *)"thirty-one bytes of a CBW......", 31),
			 ERR_OK);
		CHECK_EQ(submit(8, IN, 1, 512), ERR_OK);
		CHECK_EQ(seens, 2);
		CHECK_EQ(seen[0].req.ep, 0x02);
		CHECK_EQ(seen[0].req.type, URB_BULK);
		CHECK_EQ(seen[0].req.len, 31);
		CHECK(memcmp(seen[0].data, "thirty-one bytes of a CBW......", 31) == 0);
		CHECK_EQ(seen[1].req.ep, 0x81);
		CHECK(seen[1].req.data == NULL);
		CHECK_EQ(answer(1, 0, 5, "hello"), ERR_OK);
		CHECK_EQ(answer(0, 0, 31, NULL), ERR_OK);
		CHECK(wakes > 0);
		drain();
		CHECK_EQ(gots, 2);
		CHECK_SUBMIT(0, 8, 0, 5);
		CHECK(memcmp(got[0].data, "hello", 5) == 0);
		CHECK_SUBMIT(1, 7, 0, 31); /* item 1: what was sent, and no data */
		teardown();
	}
}

static void
output_may_go_byte_by_byte(void)
{
	const uint8_t *p;
	uint8_t all[48 + 5 + 48];
	size_t n = 0;

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(answer(0, 0, 5, "hello"), ERR_OK);
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	while (import_output(im, &p) > 0 && n < sizeof(all)) {
		all[n++] = *p;
		import_sent(im, 1);
	}
	CHECK_EQ(n, sizeof(all));
	CHECK(memcmp(all + 48, "hello", 5) == 0);
	CHECK_EQ(all[53 + 3], USBIP_RET_UNLINK);
	teardown();
}

static void
endpoint_type_is_from_descriptors(void)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = 1, .devid = DEVID, .in = IN, .ep = 3};

	CHECK_EQ(setup(), ERR_OK);
	h.submit.len = 8; /* item 6: an interval of 0 is no hint */
	CHECK_EQ(header(&h), ERR_OK);
	h.seqnum = 2;
	h.ep = 1;
	h.submit.interval = 5;
	h.submit.flags = 0x40000 | 0x200 | URB_ZERO_PACKET | URB_SHORT_NOT_OK;
	CHECK_EQ(header(&h), ERR_OK);
	CHECK_EQ(seen[0].req.type, URB_INTERRUPT);
	CHECK_EQ(seen[1].req.type, URB_BULK);
	CHECK_EQ(seen[1].req.flags, URB_SHORT_NOT_OK);
	teardown();
}

static void
same_endpoint_number_both_directions(void)
{
	CHECK_EQ(setup(), ERR_OK); /* item 7: IN 2 is not OUT 2 */
	CHECK_EQ(submit(1, IN, 2, 8), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, -LINUX_EPIPE, 0);
	CHECK_EQ(seens, 0);
	teardown();
}

static void
endpoints_follow_set_interface(void)
{
	static const uint8_t set_if[8] = {1, 11, 1, 0, 0, 0, 0, 0};
	static const uint8_t set_config[8] = {0, 9, 2, 0, 0, 0, 0, 0};

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit_setup(1, OUT, 0, 0, set_if), ERR_OK);
	CHECK_EQ(answer(0, -LINUX_EPIPE, 0, NULL), ERR_OK);
	CHECK_EQ(submit(2, IN, 1, 8), ERR_OK);
	CHECK_EQ(seen[1].req.type, URB_BULK); /* the device said no */
	CHECK_EQ(submit_setup(3, OUT, 0, 0, set_if), ERR_OK);
	CHECK_EQ(answer(2, 0, 0, NULL), ERR_OK);
	CHECK_EQ(submit(4, IN, 1, 8), ERR_OK);
	CHECK_EQ(seen[3].req.type, URB_INTERRUPT);
	CHECK_EQ(submit_setup(5, OUT, 0, 0, set_config), ERR_OK);
	CHECK_EQ(answer(4, 0, 0, NULL), ERR_OK);
	CHECK_EQ(submit(6, IN, 3, 8), ERR_OK);
	drain();
	CHECK_SUBMIT(3, 6, -LINUX_EPIPE, 0);
	teardown();
}

static void
control_requests_are_checked(void)
{
	static const struct {
		uint32_t in, len;
		uint8_t setup[8];
		int32_t status; /* 1: sent on */
	} t[] = {
	    {IN, 2, {0x80, 0, 0, 0, 0, 0, 2, 0}, 1},
	    {IN, 18, {0x80, 6, 0, 6, 0, 0, 19, 0}, -LINUX_EINVAL}, /* item 37 */
	    {IN, 18, {0x00, 6, 0, 1, 0, 0, 18, 0}, -LINUX_EINVAL},
	    {OUT, 2, {0x21, 9, 0, 2, 0, 0, 2, 0}, 1},
	    {OUT, 2, {0x21, 9, 0, 2, 0, 0, 3, 0}, -LINUX_EINVAL},
	    {OUT, 2, {0xa1, 9, 0, 2, 0, 0, 2, 0}, -LINUX_EINVAL},
	    {OUT, 0, {0xc0, 9, 0, 2, 0, 0, 0, 0}, 1}, /* usbfs: no data is OUT */
	};

	CHECK_EQ(setup(), ERR_OK);
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		seens = gots = 0;
		CHECK_EQ(submit_setup(i, t[i].in, 0, t[i].len, t[i].setup), ERR_OK);
		if (t[i].in == OUT)
			CHECK_EQ(feed((const uint8_t *)"ab", t[i].len), ERR_OK);
		drain();
		CHECK_EQ(seens, t[i].status == 1);
		if (t[i].status == 1)
			CHECK_EQ(seen[0].req.ep, t[i].in ? 0x80 : 0);
		else
			CHECK_SUBMIT(0, i, t[i].status, 0);
	}
	teardown();
}

static void
nonsense_breaks_the_stream(void)
{
	static const struct {
		const char *name;
		struct usbip h;
	} t[] = {
	    {"RET_SUBMIT", {.cmd = USBIP_RET_SUBMIT, .devid = DEVID}},
	    {"RET_UNLINK", {.cmd = USBIP_RET_UNLINK, .devid = DEVID}},
	    {"command 0", {.cmd = 0, .devid = DEVID}},
	    {"another device", {.cmd = USBIP_SUBMIT, .devid = DEVID + 1}},
	    {"UNLINK for another device", {.cmd = USBIP_UNLINK, .devid = 0}},
	    {"direction 2", {.cmd = USBIP_SUBMIT, .devid = DEVID, .in = 2}},
	    {"endpoint 16", {.cmd = USBIP_SUBMIT, .devid = DEVID, .ep = 16}},
	    {"duplicate seqnum (item 36)",
	     {.cmd = USBIP_SUBMIT, .devid = DEVID, .in = IN, .ep = 1, .seqnum = 5}},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(setup(), ERR_OK);
		CHECK_EQ(submit(5, IN, 1, 64), ERR_OK);
		if (header(&t[i].h) != ERR_PROTO) {
			CHECK(!"refused");
			printf("# %s\n", t[i].name);
		}
		CHECK_EQ(submit(6, IN, 1, 64), ERR_PROTO); /* sticky */
		CHECK_EQ(seens, 1);
		CHECK_EQ(answer(0, 0, 0, NULL), ERR_OK);
		teardown();
	}
}

static void
seqnum_may_return_after_the_reply(void)
{
	CHECK_EQ(setup(), ERR_OK); /* item 17: and it may be any number */
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(submit(0xffffffff, IN, 1, 64), ERR_OK);
		CHECK_EQ(answer(i, 0, 0, NULL), ERR_OK);
	}
	drain();
	CHECK_EQ(gots, 3);
	teardown();
}

static void
long_urbs_fail_alone(void)
{
	static uint8_t big[URB_MAX + 1];

	CHECK_EQ(setup(), ERR_OK); /* items 38, 39 */
	CHECK_EQ(submit(1, OUT, 2, URB_MAX + 1), ERR_OK);
	CHECK_EQ(feed(big, URB_MAX), ERR_OK);
	drain();
	CHECK_EQ(gots, 0); /* the kernel still reads from this urb: no reply yet */
	CHECK_EQ(feed(big, 1), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, -LINUX_ENOMEM, 0);
	CHECK_EQ(submit(2, IN, 1, 0xffffffff), ERR_OK);
	CHECK_EQ(submit(3, IN, 1, URB_MAX), ERR_OK);
	drain();
	CHECK_SUBMIT(1, 2, -LINUX_ENOMEM, 0);
	CHECK_EQ(gots, 2);
	CHECK_EQ(seens, 1);
	CHECK_EQ(seen[0].req.len, URB_MAX);
	teardown();
}

static void
refused_data_is_swallowed(void)
{
	CHECK_EQ(setup(), ERR_OK);
	for (chunk = 1; chunk < 9; chunk++) {
		gots = seens = 0;
		CHECK_EQ(submit(1, OUT, 9, 12), ERR_OK); /* no such endpoint */
		CHECK_EQ(feed((const uint8_t *)"twelve bytes", 12), ERR_OK);
		CHECK_EQ(submit(2, IN, 1, 4), ERR_OK);
		CHECK_EQ(seens, 1);
		CHECK_EQ(answer(0, 0, 4, "good"), ERR_OK);
		drain();
		CHECK_SUBMIT(0, 1, -LINUX_EPIPE, 0);
		CHECK_SUBMIT(1, 2, 0, 4);
	}
	teardown();
}

static void
iso_is_parsed_and_fails_alone(void)
{
	static const uint8_t set_if[8] = {1, 11, 1, 0, 2, 0, 0, 0}, zero[400];
	uint8_t bad[300 + 48];
	struct usbip h = {.cmd = USBIP_SUBMIT, .devid = DEVID, .ep = 6};

	memset(bad, 1, sizeof(bad)); /* packets far outside the buffer */
	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit_setup(1, OUT, 0, 0, set_if), ERR_OK);
	CHECK_EQ(answer(0, 0, 0, NULL), ERR_OK);
	for (chunk = 1; chunk < 50; chunk += 16) {
		drain();
		gots = 0;
		h.seqnum = 2; /* OUT: data, then descriptors (item 18) */
		h.in = OUT;
		h.submit.len = 300;
		h.submit.packets = 3;
		CHECK_EQ(header(&h), ERR_OK);
		CHECK_EQ(feed(bad, 300 + 47), ERR_OK);
		drain();
		CHECK_EQ(gots, 0); /* the last byte is not there yet */
		CHECK_EQ(feed(bad, 1), ERR_OK);
		h.seqnum = 3; /* IN: descriptors only */
		h.in = IN;
		h.ep = 5;
		CHECK_EQ(header(&h), ERR_OK);
		CHECK_EQ(feed(bad, 48), ERR_OK);
		h.ep = 6;
		drain();
		CHECK_SUBMIT(0, 2, -LINUX_EINVAL, 0);
		CHECK_SUBMIT(1, 3, -LINUX_EINVAL, 0);
	}
	CHECK_EQ(seens, 1);
	/* item 38: a number that nobody could keep in memory is only skipped */
	h.seqnum = 9;
	h.submit.packets = 0x7fffffff;
	CHECK_EQ(header(&h), ERR_OK);
	CHECK_EQ(feed(zero, 400), ERR_OK);
	CHECK_EQ(seens, 1);
	teardown();
}

static void
both_ways_to_say_not_iso(void)
{
	struct usbip h = {.cmd = USBIP_SUBMIT, .devid = DEVID, .ep = 1, .in = IN};

	CHECK_EQ(setup(), ERR_OK);
	for (h.seqnum = 0; h.seqnum < 2; h.seqnum++) {
		h.submit.len = 4;
		h.submit.packets = h.seqnum == 0 ? 0 : USBIP_NO_PACKETS;
		CHECK_EQ(header(&h), ERR_OK);
		CHECK_EQ(seen[h.seqnum].req.packets, 0);
		CHECK_EQ(answer(h.seqnum, 0, 4, "data"), ERR_OK);
		drain();
		CHECK_SUBMIT(h.seqnum, h.seqnum, 0, 4);
		CHECK_EQ(got[h.seqnum].h.ret.packets, h.submit.packets); /* as it came */
	}
	h.ep = 9; /* refused, and no packet descriptors follow */
	h.submit.packets = USBIP_NO_PACKETS;
	CHECK_EQ(header(&h), ERR_OK);
	drain();
	CHECK_SUBMIT(2, 2, -LINUX_EPIPE, 0);
	teardown();
}

static void
budget_fails_alone_and_keeps_a_reserve(void)
{
	const uint32_t part = 1 << 16;
	struct import_stats st;
	unsigned n = 0;

	CHECK_EQ(setup(), ERR_OK);
	do { /* bulk: up to budget - reserve */
		CHECK_EQ(submit(n++, IN, 1, part), ERR_OK);
		drain();
	} while (gots == 0 && n < 100);
	CHECK_EQ(n, (conf.budget - conf.reserve) / (part + 384) + 1);
	CHECK_SUBMIT(0, n - 1, -LINUX_ENOMEM, 0);
	import_stats(im, &st);
	CHECK_EQ(st.charged, (n - 1) * (part + 384));
	CHECK_EQ(st.inflight, n - 1);
	CHECK_EQ(st.failed, 1);
	CHECK_EQ(submit(1000, IN, 3, 8), ERR_OK); /* interrupt has the reserve */
	CHECK_EQ(seens, n);
	CHECK_EQ(answer(0, 0, 0, NULL), ERR_OK);
	import_stats(im, &st);
	CHECK_EQ(st.charged, (n - 1) * (part + 384) + 8 + 384); /* not yet sent */
	drain();
	CHECK_EQ(submit(1001, IN, 1, part), ERR_OK);
	CHECK_EQ(seens, n + 1);
	teardown();
}

/* However small they are: all of them have to be found again. */
static void
there_are_only_so_many(void)
{
	CHECK_EQ(setup(), ERR_OK);
	import_free(im);
	conf.budget = 8 << 20;
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_OK);
	for (uint32_t n = 0; n < 4096; n++) {
		CHECK_EQ(submit(n, IN, 3, 0), ERR_OK);
		CHECK_EQ(seens, n == 0 ? 1 : 2);
		seens = 1; /* the first is remembered */
	}
	drain();
	CHECK_EQ(gots, 0);
	CHECK_EQ(submit(4096, IN, 3, 0), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 4096, -LINUX_ENOMEM, 0);
	CHECK_EQ(seens, 1);
	CHECK_EQ(answer(0, 0, 0, NULL), ERR_OK);
	CHECK_EQ(submit(4097, IN, 3, 0), ERR_OK);
	CHECK_EQ(seens, 2);
	teardown();
}

static void
no_memory_fails_alone(void)
{
	uint8_t byte = 0;

	CHECK_EQ(setup(), ERR_OK);
	pool.budget = pool.used; /* not one byte more */
	for (unsigned i = 0; i < RETQ_SPARES; i++) {
		CHECK_EQ(submit(i, i % 2, i % 2 ? 1 : 2, 1), ERR_OK);
		if (i % 2 == 0)
			CHECK_EQ(feed(&byte, 1), ERR_OK);
	}
	drain();
	CHECK_EQ(gots, RETQ_SPARES);
	for (unsigned i = 0; i < gots; i++)
		CHECK_SUBMIT(i, i, -LINUX_ENOMEM, 0);
	CHECK_EQ(unlink_it(1, 2), ERR_OK);
	drain();
	CHECK_UNLINK(gots - 1, 1, 0);
	/* nobody takes the replies: at last there is no way on */
	for (unsigned i = 0; i < RETQ_SPARES; i++)
		CHECK_EQ(unlink_it(i, 5000), ERR_OK);
	CHECK_EQ(unlink_it(1, 5000), ERR_NOMEM);
	CHECK_EQ(unlink_it(1, 5000), ERR_NOMEM);
	teardown();
}

static void
errors_are_passed_on(void)
{
	static const struct {
		int32_t in, out;
	} t[] = {
	    {-LINUX_EPIPE, -LINUX_EPIPE}, /* item 10: STALL is the driver's to clear */
	    {-LINUX_EPROTO, -LINUX_EPROTO},
	    {-LINUX_EOVERFLOW, -LINUX_EOVERFLOW},
	    {-LINUX_ESHUTDOWN, -LINUX_ESHUTDOWN},
	    {5, -LINUX_EPROTO},
	    {-100000, -LINUX_EPROTO},
	    /* item 9: nobody cancelled, so this would pass for an empty success */
	    {-LINUX_ECONNRESET, -LINUX_EPROTO},
	    {-LINUX_ENOENT, -LINUX_EPROTO},
	};

	CHECK_EQ(setup(), ERR_OK);
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(submit(i, IN, 1, 64), ERR_OK);
		CHECK_EQ(answer(i, t[i].in, 3, "abc"), ERR_OK);
		drain();
		CHECK_SUBMIT(i, i, t[i].out, 3); /* what was read is not lost */
		CHECK(memcmp(got[i].data, "abc", 3) == 0);
	}
	teardown();
}

static void
out_reports_what_was_sent(void)
{
	CHECK_EQ(setup(), ERR_OK); /* item 1 */
	CHECK_EQ(submit(1, OUT, 2, 4), ERR_OK);
	CHECK_EQ(feed((const uint8_t *)"abcd", 4), ERR_OK);
	CHECK_EQ(answer(0, -LINUX_EPROTO, 3, NULL), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, -LINUX_EPROTO, 3);
	teardown();
}

static void
bad_replies_change_nothing(void)
{
	struct import_reply r = {.actual = 65};
	struct urb_iso *iso;
	uint8_t *room;

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag, &r, &room, &iso),
		 ERR_PROTO); /* item 5 */
	r.actual = 0;
	CHECK_EQ(import_reply(im, 0x01, seen[0].tag, &r, &room, &iso), ERR_PROTO);
	CHECK_EQ(import_reply(im, 0x83, seen[0].tag, &r, &room, &iso), ERR_PROTO);
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag + 1, &r, &room, &iso), ERR_PROTO);
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag | 1ull << 59, &r, &room, &iso),
		 ERR_PROTO);
	CHECK_EQ(import_reply(im, 0x81, UINT64_MAX, &r, &room, &iso), ERR_PROTO);
	r.unlinked = true; /* though nobody asked */
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag, &r, &room, &iso), ERR_PROTO);
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	r.actual = 1; /* unlinked means that no data has moved */
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag, &r, &room, &iso), ERR_PROTO);
	drain();
	CHECK_EQ(gots, 0);
	CHECK_EQ(answer(0, 0, 1, "x"), ERR_OK);
	CHECK_EQ(answer(0, 0, 1, "x"), ERR_PROTO); /* twice */
	drain();
	CHECK_EQ(gots, 2);
	teardown();
}

static void
a_reply_without_end_did_not_happen(void)
{
	struct import_reply r = {.actual = 2};
	struct urb_iso *iso;
	uint8_t *room;

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag, &r, &room, &iso), ERR_OK);
	CHECK_EQ(answer(0, 0, 3, "abc"), ERR_OK);
	CHECK_EQ(import_reply_end(im), ERR_OK); /* nothing to end */
	drain();
	CHECK_EQ(gots, 1);
	CHECK_SUBMIT(0, 1, 0, 3);
	CHECK_EQ(submit(2, IN, 1, 64), ERR_OK);
	CHECK_EQ(submit(3, IN, 1, 64), ERR_OK);
	CHECK_EQ(import_reply(im, 0x81, seen[1].tag, &r, &room, &iso), ERR_OK);
	CHECK_EQ(answer(2, 0, 0, NULL), ERR_OK);
	CHECK_EQ(unlink_it(4, 2), ERR_OK); /* still in flight: it can be unlinked */
	CHECK_EQ(unlinks, 1);
	teardown();
}

static void
tags_are_of_their_endpoint(void)
{
	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	next_tag = seen[0].tag;
	CHECK_EQ(submit(2, IN, 3, 64), ERR_OK);
	CHECK_EQ(seen[0].tag, seen[1].tag);
	CHECK_EQ(answer(1, 0, 1, "b"), ERR_OK);
	CHECK_EQ(answer(0, 0, 1, "a"), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 2, 0, 1);
	CHECK_SUBMIT(1, 1, 0, 1);
	teardown();
}

static void
unlink_of_what_has_ended_is_answered_at_once(void)
{
	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(answer(0, 0, 0, NULL), ERR_OK);
	CHECK_EQ(unlink_it(10, 1), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, 0, 0);
	CHECK_UNLINK(1, 10, 0);
	CHECK_EQ(unlinks, 0);
	teardown();
}

/* vhci_tx may send an UNLINK before its SUBMIT. Nobody else hears of such an urb. */
static void
unlink_that_comes_first(void)
{
	static const uint32_t victims[] = {2, 0x7ffffff0, 0xffffffec, 5};
	uint8_t data[4] = {0};

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(unlink_it(3, victims[0]), ERR_OK); /* also before any SUBMIT */
	CHECK_EQ(unlink_it(4, victims[0]), ERR_OK);
	drain();
	CHECK_EQ(gots, 0);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(submit(2, OUT, 2, 4), ERR_OK);
	CHECK_EQ(feed(data, 3), ERR_OK);
	drain();
	CHECK_EQ(gots, 0);
	CHECK_EQ(feed(data, 1), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_UNLINK(0, 3, -LINUX_ECONNRESET);
	CHECK_UNLINK(1, 4, 0);
	CHECK_EQ(seens, 1);
	CHECK_EQ(unlinks, 0);
	for (uint32_t i = 1; i < ARRAY_LEN(victims); i++) { /* numbers wrap */
		CHECK_EQ(unlink_it(victims[i] + 7, victims[i]), ERR_OK);
		CHECK_EQ(submit(victims[i], IN, 1, 64), ERR_OK);
		drain();
		CHECK_UNLINK(1 + i, victims[i] + 7, -LINUX_ECONNRESET);
	}
	CHECK_EQ(seens, 1);
	teardown();
}

static void
unlink_that_comes_before_a_refusal(void)
{
	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(unlink_it(3, 2), ERR_OK);
	CHECK_EQ(unlink_it(901, 900), ERR_OK); /* whose SUBMIT never comes */
	CHECK_EQ(submit(2, IN, 9, 64), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_EQ(got[0].h.cmd, USBIP_RET_SUBMIT);
	CHECK(got[0].h.ret.status != 0);
	CHECK_UNLINK(1, 3, 0);
	CHECK_EQ(seens, 0);
	teardown();
}

static void
unlinked_has_no_ret_submit(void)
{
	struct import_stats st;

	CHECK_EQ(setup(), ERR_OK); /* items 14, 15 */
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(submit(2, IN, 1, 64), ERR_OK);
	CHECK_EQ(unlink_it(3, 1), ERR_OK);
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(unlinked_ep, 0x81);
	CHECK_EQ(unlinked_tag, seen[0].tag);
	drain();
	CHECK_EQ(gots, 0);
	CHECK_EQ(answer_unlinked(0), ERR_OK);
	CHECK_EQ(answer(0, 0, 1, "x"), ERR_PROTO);
	CHECK_EQ(answer(1, 0, 1, "x"), ERR_OK); /* item 16: only that one */
	drain();
	CHECK_EQ(gots, 2);
	CHECK_UNLINK(0, 3, -LINUX_ECONNRESET);
	CHECK_SUBMIT(1, 2, 0, 1);
	import_stats(im, &st);
	CHECK_EQ(st.unlinked, 1);
	CHECK_EQ(st.inflight, 0);
	CHECK_EQ(st.charged, 0);
	teardown();
}

static void
completion_that_wins_comes_first(void)
{
	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	CHECK_EQ(answer(0, 0, 3, "abc"), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_SUBMIT(0, 1, 0, 3);
	CHECK_UNLINK(1, 2, 0);
	/* cut short by the unlink, but data has moved: it is not lost */
	CHECK_EQ(submit(3, IN, 1, 64), ERR_OK);
	CHECK_EQ(unlink_it(4, 3), ERR_OK);
	CHECK_EQ(answer(1, -LINUX_ECONNRESET, 3, "abc"), ERR_OK);
	drain();
	CHECK_SUBMIT(2, 3, -LINUX_ECONNRESET, 3);
	CHECK_UNLINK(3, 4, 0);
	teardown();
}

static void
several_unlinks_of_one_urb(void)
{
	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	for (uint32_t i = 2; i < 5; i++)
		CHECK_EQ(unlink_it(i, 1), ERR_OK);
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(answer_unlinked(0), ERR_OK);
	drain();
	CHECK_EQ(gots, 3);
	CHECK_UNLINK(0, 2, -LINUX_ECONNRESET);
	CHECK_UNLINK(1, 3, 0);
	CHECK_UNLINK(2, 4, 0);
	teardown();
}

static void
unlink_that_cannot_be_sent_is_answered_later(void)
{
	CHECK_EQ(setup(), ERR_OK);
	unlink_says = ERR_NOMEM;
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	drain();
	CHECK_EQ(gots, 0);
	CHECK_EQ(answer(0, 0, 1, "x"), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, 0, 1);
	CHECK_UNLINK(1, 2, 0);
	teardown();
}

static void
unlink_while_the_reply_is_being_filled(void)
{
	struct import_reply r = {.actual = 2};
	struct urb_iso *iso;
	uint8_t *room;

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag, &r, &room, &iso), ERR_OK);
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	CHECK_EQ(unlinks, 0);
	memcpy(room, "ok", 2);
	CHECK_EQ(import_reply_end(im), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, 0, 2);
	CHECK_UNLINK(1, 2, 0);
	teardown();
}

static void
a_failing_submit_fails_alone(void)
{
	CHECK_EQ(setup(), ERR_OK); /* item 19: every request has a reply */
	submit_says = ERR_NOMEM;
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	submit_says = ERR_FAIL;
	CHECK_EQ(submit(2, IN, 1, 64), ERR_OK);
	submit_says = ERR_OK;
	CHECK_EQ(submit(3, IN, 1, 64), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_SUBMIT(0, 1, -LINUX_ENOMEM, 0);
	CHECK_SUBMIT(1, 2, -LINUX_ESHUTDOWN, 0);
	teardown();
}

static void
gone_answers_all(void)
{
	struct import_reply r = {.actual = 2};
	struct urb_iso *iso;
	uint8_t *room;

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(submit(2, IN, 3, 64), ERR_OK);
	CHECK_EQ(unlink_it(3, 2), ERR_OK);
	CHECK_EQ(submit(4, OUT, 2, 4), ERR_OK);
	CHECK_EQ(feed((const uint8_t *)"ab", 2), ERR_OK);
	CHECK_EQ(import_reply(im, 0x81, seen[0].tag, &r, &room, &iso), ERR_OK);
	wakes = 0;
	import_gone(im);
	CHECK_EQ(wakes, 1);
	CHECK_EQ(import_reply_end(im), ERR_OK);
	CHECK_EQ(answer(1, 0, 2, "xx"), ERR_OK); /* for nobody */
	drain();
	CHECK_EQ(gots, 3);
	CHECK_SUBMIT(0, 1, -LINUX_ESHUTDOWN, 0);
	CHECK_SUBMIT(1, 2, -LINUX_ESHUTDOWN, 0);
	CHECK_UNLINK(2, 3, 0);
	CHECK_EQ(feed((const uint8_t *)"cd", 2), ERR_OK);
	CHECK_EQ(submit(5, IN, 1, 64), ERR_OK);
	CHECK_EQ(unlink_it(6, 5), ERR_OK);
	drain();
	CHECK_EQ(gots, 6);
	CHECK_SUBMIT(3, 4, -LINUX_ESHUTDOWN, 0);
	CHECK_SUBMIT(4, 5, -LINUX_ESHUTDOWN, 0);
	CHECK_UNLINK(5, 6, 0);
	CHECK_EQ(seens, 2);
	teardown();
}

static void
go_away(void)
{
	import_gone(im);
}

static void
the_far_end_may_go_in_a_callback(void)
{
	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	in_submit = go_away;
	CHECK_EQ(submit(2, IN, 1, 64), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK_SUBMIT(0, 1, -LINUX_ESHUTDOWN, 0);
	CHECK_SUBMIT(1, 2, -LINUX_ESHUTDOWN, 0);
	teardown();

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	in_unlink = go_away;
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	drain();
	CHECK_SUBMIT(0, 1, -LINUX_ESHUTDOWN, 0);
	CHECK_UNLINK(1, 2, 0);
	teardown();
}

static void
wake_may_drain(void)
{
	CHECK_EQ(setup(), ERR_OK);
	in_wake = drain;
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(answer(0, 0, 1, "x"), ERR_OK);
	CHECK_EQ(gots, 1);
	CHECK_EQ(unlink_it(2, 1), ERR_OK);
	CHECK_EQ(gots, 2);
	in_submit = drain; /* while an older reply waits */
	in_wake = NULL;
	CHECK_EQ(unlink_it(3, 1), ERR_OK);
	wakes = 0;
	submit_says = ERR_NOMEM;
	CHECK_EQ(submit(4, IN, 1, 64), ERR_OK);
	CHECK_EQ(gots, 3);
	CHECK_EQ(wakes, 1); /* for the one that came after the drain */
	teardown();
}

static unsigned gets_left;

static void *
failing_get(void *arg, size_t n)
{
	(void)arg;
	if (gets_left-- == 0) {
		gets_left = 0;
		return NULL;
	}
	return malloc(n);
}

static void
every_allocation_may_fail(void)
{
	for (unsigned n = 0; n < 120; n++) {
		gets_left = n;
		pool = (struct pool)TEST_POOL(1 << 20);
		pool.get = failing_get;
		seens = gots = 0;
		in_submit = NULL;
		submit_says = ERR_OK;
		if (import_new(&im, &pool, &conf, &ops, NULL) != ERR_OK) {
			CHECK(im == NULL);
			CHECK_EQ(pool.used, 0);
			continue;
		}
		CHECK_EQ(submit(1, OUT, 2, 4), ERR_OK);
		CHECK_EQ(feed((const uint8_t *)"abcd", 4), ERR_OK);
		CHECK_EQ(submit(2, IN, 1, 64), ERR_OK);
		CHECK_EQ(submit(3, IN, 3, 64), ERR_OK);
		CHECK_EQ(unlink_it(4, 3), ERR_OK);
		for (unsigned i = 0; i < seens; i++)
			CHECK_EQ(answer(i, 0, 4, "abcd"), ERR_OK);
		drain();
		CHECK_EQ(gots, 4); /* every request is answered, memory or not */
		teardown();
	}
}

static void
bad_descriptors_are_refused(void)
{
	CHECK_EQ(setup(), ERR_OK);
	teardown();
	conf.raw_len--;
	CHECK_EQ(import_new(&im, &pool, &conf, &ops, NULL), ERR_PROTO);
	CHECK(im == NULL);
	CHECK_EQ(pool.used, 0);
	import_free(NULL);
}

static void
freeing_in_the_middle_leaks_nothing(void)
{
	struct import_reply r = {.actual = 2};
	struct urb_iso *iso;
	uint8_t *room;

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
	CHECK_EQ(submit(2, IN, 1, 64), ERR_OK);
	CHECK_EQ(unlink_it(3, 1), ERR_OK);
	CHECK_EQ(unlink_it(4, 99), ERR_OK);
	CHECK_EQ(import_reply(im, 0x81, seen[1].tag, &r, &room, &iso), ERR_OK);
	CHECK_EQ(submit(5, OUT, 2, 64), ERR_OK);
	CHECK_EQ(feed((const uint8_t *)"ab", 2), ERR_OK);
	teardown();
}

TEST_MAIN(TEST(nothing_is_said_before_the_kernel_speaks), TEST(out_and_in_in_any_chunks),
	  TEST(output_may_go_byte_by_byte), TEST(endpoint_type_is_from_descriptors),
	  TEST(same_endpoint_number_both_directions),
	  TEST(endpoints_follow_set_interface), TEST(control_requests_are_checked),
	  TEST(nonsense_breaks_the_stream), TEST(seqnum_may_return_after_the_reply),
	  TEST(long_urbs_fail_alone), TEST(refused_data_is_swallowed),
	  TEST(iso_is_parsed_and_fails_alone), TEST(both_ways_to_say_not_iso),
	  TEST(budget_fails_alone_and_keeps_a_reserve), TEST(there_are_only_so_many),
	  TEST(no_memory_fails_alone), TEST(errors_are_passed_on),
	  TEST(out_reports_what_was_sent), TEST(bad_replies_change_nothing),
	  TEST(a_reply_without_end_did_not_happen), TEST(tags_are_of_their_endpoint),
	  TEST(unlink_of_what_has_ended_is_answered_at_once),
	  TEST(unlink_that_comes_first), TEST(unlink_that_comes_before_a_refusal),
	  TEST(unlinked_has_no_ret_submit), TEST(completion_that_wins_comes_first),
	  TEST(several_unlinks_of_one_urb),
	  TEST(unlink_that_cannot_be_sent_is_answered_later),
	  TEST(unlink_while_the_reply_is_being_filled),
	  TEST(a_failing_submit_fails_alone), TEST(gone_answers_all),
	  TEST(the_far_end_may_go_in_a_callback), TEST(wake_may_drain),
	  TEST(every_allocation_may_fail), TEST(bad_descriptors_are_refused),
	  TEST(freeing_in_the_middle_leaks_nothing))
