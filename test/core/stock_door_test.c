/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A stock client and a device are played here; the rules are USBIP.md 1.4.
 */
#include "core/stock_door.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define DEVID   (255u << 16 | 1u)
#define URB_MAX 65536u
#define MANY    64

enum { OUT = 0, IN = 1 };

struct got {
	struct usbip h;
	uint8_t data[512];
};

static struct pool pool;
static struct stock_door *door;
static struct urb *lent[MANY]; /* to the device */
static struct got got[MANY];   /* by the client */
static unsigned lents, cancels, gots, wakes, ends;
static int says;            /* submit returns */
static int32_t says_status; /* with this status in the urb */
static bool at_once;        /* the device completes from inside submit */
static size_t chunk;

static void
done(struct urb *u, int32_t status, uint32_t actual)
{
	u->status = status;
	u->actual = actual;
	if (urb_in(u))
		for (uint32_t i = 0; i < actual; i++)
			u->buf[i] = (uint8_t)(i * 3);
	stock_door_complete(door, u);
}

static int
dev_submit(void *arg, struct urb *u)
{
	(void)arg;
	lent[lents++] = u;
	u->status = says_status;
	if (at_once)
		done(u, 0, u->len);
	return says;
}

static void
dev_cancel(void *arg, struct urb *u)
{
	(void)arg;
	(void)u;
	cancels++;
}

static void
on_wake(void *arg)
{
	(void)arg;
	wakes++;
}

static void
on_ended(void *arg)
{
	(void)arg;
	ends++;
	stock_door_free(door);
}

static const struct stock_door_ops ops = {dev_submit, dev_cancel, on_wake, on_ended};

static int
setup(void)
{
	static struct stock_door_conf conf = {.devid = DEVID,
					      .urb_max = URB_MAX,
					      .budget = 1 << 20,
					      .raw = sample,
					      .raw_len = sizeof(sample),
					      .config = 1};

	if (pool.budget == 0)
		pool = (struct pool)TEST_POOL(16 << 20);
	lents = cancels = gots = wakes = ends = 0;
	says = ERR_OK;
	says_status = 0;
	at_once = false;
	chunk = SIZE_MAX;
	return stock_door_new(&door, &pool, &conf, &ops, NULL);
}

static void
teardown(void)
{
	stock_door_end(door);
	CHECK_EQ(ends, 1);
	CHECK_EQ(pool.used, 0);
	pool.budget = 0;
}

static int
feed(const uint8_t *p, size_t n)
{
	int r = ERR_OK;

	for (size_t part; n > 0 && r == ERR_OK; p += part, n -= part) {
		uint8_t *copy;

		part = n < chunk ? n : chunk;
		copy = malloc(part); /* ASan sees its end */
		memcpy(copy, p, part);
		r = stock_door_input(door, copy, part);
		free(copy);
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
submit(uint32_t seqnum, uint32_t in, uint32_t ep, uint32_t len)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = seqnum, .devid = DEVID, .in = in, .ep = ep};
	uint8_t *data = calloc(1, len + 1);
	int r;

	h.submit.len = len;
	if (ep == 0)
		memcpy(h.submit.setup,
		       (uint8_t[8]){in ? 0x80 : 0, 6, 0, 6, 0, 0, (uint8_t)len,
				    (uint8_t)(len >> 8)},
		       8);
	r = header(&h);
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	if (r == ERR_OK && !in)
		r = feed(data, len);
	free(data);
	return r;
}

static int
unlink_urb(uint32_t seqnum, uint32_t victim)
{
	const struct usbip h = {
	    .cmd = USBIP_UNLINK, .seqnum = seqnum, .devid = DEVID, .victim = victim};

	return header(&h);
}

/* Everything that is to be sent; each reply is lent in one piece. */
static void
drain(void)
{
	const uint8_t *p;
	size_t n;

	while ((n = stock_door_output(door, &p)) > 0) {
		struct got *g = &got[gots++];

		CHECK(n >= USBIP_HEADER && usbip_unpack(&g->h, p) == ERR_OK);
		CHECK(n - USBIP_HEADER <= sizeof(g->data));
		memcpy(g->data, p + USBIP_HEADER, n - USBIP_HEADER);
		CHECK(g->h.devid == 0 && g->h.in == 0 && g->h.ep == 0);
		if (g->h.cmd == USBIP_RET_SUBMIT && n > USBIP_HEADER)
			CHECK_EQ(n - USBIP_HEADER,
				 g->h.ret.actual + (size_t)USBIP_ISO * g->h.ret.packets);
		stock_door_sent(door, n);
	}
}

static bool
is_ret(unsigned i, uint32_t cmd, uint32_t seqnum, int32_t status)
{
	const struct usbip *h = &got[i].h;

	return i < gots && h->cmd == cmd && h->seqnum == seqnum &&
	       (int32_t)(cmd == USBIP_RET_SUBMIT ? h->ret.status : h->status) == status;
}

static void
in_and_out(void)
{
	for (size_t c = 1; c < 100; c += c < 5 ? 1 : 43) {
		CHECK_EQ(setup(), ERR_OK);
		chunk = c;
		CHECK_EQ(submit(26852, IN, 1, 512), ERR_OK);
		CHECK_EQ(submit(26853, OUT, 2, 300), ERR_OK);
		CHECK_EQ(submit(26854, IN, 0, 18), ERR_OK);
		CHECK_EQ(lents, 3);
		CHECK(lent[0]->ep == 0x81 && lent[0]->len == 512);
		CHECK(lent[1]->ep == 2 && lent[1]->buf[299] == (uint8_t)(299 * 7));
		CHECK(lent[2]->ep == 0x80 && lent[2]->setup[6] == 18);
		done(lent[2], 0, 18);
		done(lent[0], 0, 511);
		done(lent[1], -LINUX_EPIPE, 64);
		CHECK_EQ(wakes, 3);
		drain();
		CHECK_EQ(gots, 3);
		CHECK(is_ret(0, USBIP_RET_SUBMIT, 26854, 0));
		CHECK(is_ret(1, USBIP_RET_SUBMIT, 26852, 0));
		CHECK(got[1].h.ret.actual == 511 && got[1].data[510] == (uint8_t)1530);
		CHECK(is_ret(2, USBIP_RET_SUBMIT, 26853, -LINUX_EPIPE));
		CHECK_EQ(got[2].h.ret.actual, 64);
		teardown();
	}
}

static void
unlinks(void)
{
	CHECK_EQ(setup(), ERR_OK);
	chunk = 1;
	CHECK_EQ(submit(1, IN, 1, 100) | submit(2, IN, 1, 100), ERR_OK);
	CHECK_EQ(unlink_urb(3, 1), ERR_OK); /* the device cancels it */
	CHECK_EQ(cancels, 1);
	drain();
	CHECK_EQ(gots, 0);
	done(lent[0], -LINUX_ECONNRESET, 0);
	CHECK_EQ(unlink_urb(4, 2), ERR_OK); /* it completes first */
	done(lent[1], 0, 100);
	CHECK_EQ(unlink_urb(5, 2), ERR_OK);     /* it is over */
	CHECK_EQ(unlink_urb(6, 77777), ERR_OK); /* it never was */
	drain();
	CHECK_EQ(gots, 5);
	CHECK(is_ret(0, USBIP_RET_UNLINK, 3, -LINUX_ECONNRESET));
	CHECK(is_ret(1, USBIP_RET_SUBMIT, 2, 0));
	CHECK(is_ret(2, USBIP_RET_UNLINK, 4, 0));
	CHECK(is_ret(3, USBIP_RET_UNLINK, 5, 0));
	CHECK(is_ret(4, USBIP_RET_UNLINK, 6, 0));
	/* a seqnum that was unlinked before it came is an ordinary one */
	CHECK_EQ(submit(77777, IN, 1, 8), ERR_OK);
	CHECK_EQ(lents, 3);
	done(lent[2], 0, 8);
	drain();
	CHECK(is_ret(5, USBIP_RET_SUBMIT, 77777, 0));
	teardown();
}

/* Each fails alone, and its payload is not taken for a header. */
static void
refused_alone(void)
{
	CHECK_EQ(setup(), ERR_OK);
	chunk = 7;
	CHECK_EQ(submit(1, OUT, 9, 300), ERR_OK);         /* no such endpoint */
	CHECK_EQ(submit(2, OUT, 2, URB_MAX + 1), ERR_OK); /* too long */
	CHECK_EQ(submit(3, OUT, 0, 10), ERR_OK);          /* setup says IN? no: 10 OUT */
	says = ERR_GONE;
	CHECK_EQ(submit(4, OUT, 2, 64), ERR_OK);
	says = ERR_FAIL;
	says_status = -LINUX_ETIMEDOUT;
	CHECK_EQ(submit(5, IN, 1, 64), ERR_OK);
	says_status = 0;
	CHECK_EQ(submit(6, IN, 1, 64), ERR_OK);
	says = ERR_OK;
	CHECK_EQ(submit(7, OUT, 2, 64), ERR_OK);
	drain();
	CHECK_EQ(gots, 5);
	CHECK(is_ret(0, USBIP_RET_SUBMIT, 1, -LINUX_EPIPE));
	CHECK(is_ret(1, USBIP_RET_SUBMIT, 2, -LINUX_ENOMEM));
	CHECK(is_ret(2, USBIP_RET_SUBMIT, 4, -LINUX_ESHUTDOWN));
	CHECK(is_ret(3, USBIP_RET_SUBMIT, 5, -LINUX_ETIMEDOUT));
	CHECK(is_ret(4, USBIP_RET_SUBMIT, 6, -LINUX_EIO));
	CHECK_EQ(lents, 5);
	done(lent[0], 0, 10);
	done(lent[4], 0, 64);
	drain();
	CHECK(is_ret(5, USBIP_RET_SUBMIT, 3, 0));
	CHECK(is_ret(6, USBIP_RET_SUBMIT, 7, 0));
	teardown();
}

static void
isochronous(void)
{
	struct usbip h = {.cmd = USBIP_SUBMIT, .seqnum = 9, .devid = DEVID, .ep = 6};
	uint8_t payload[192 + 2 * USBIP_ISO];

	memset(payload, 1, sizeof(payload)); /* packets far outside the buffer */
	CHECK_EQ(setup(), ERR_OK);
	h.submit.len = 192;
	h.submit.packets = 2;
	h.submit.setup[0] = 0;
	/* interface 2 in its setting with isochronous endpoints */
	{
		struct usbip s = {.cmd = USBIP_SUBMIT, .seqnum = 8, .devid = DEVID};

		memcpy(s.submit.setup, (uint8_t[8]){1, 11, 1, 0, 2, 0, 0, 0}, 8);
		CHECK_EQ(header(&s), ERR_OK);
		done(lent[0], 0, 0);
	}
	CHECK_EQ(header(&h), ERR_OK);
	CHECK_EQ(feed(payload, sizeof(payload)), ERR_OK);
	CHECK_EQ(submit(10, OUT, 2, 3), ERR_OK);
	drain();
	CHECK(is_ret(0, USBIP_RET_SUBMIT, 8, 0));
	CHECK(is_ret(1, USBIP_RET_SUBMIT, 9, -LINUX_EINVAL));
	CHECK_EQ(lents, 2);
	done(lent[1], 0, 3);
	teardown();
}

static void
streaming(void)
{
	struct usbip s = {.cmd = USBIP_SUBMIT, .seqnum = 8, .devid = DEVID};

	CHECK_EQ(setup(), ERR_OK);
	memcpy(s.submit.setup, (uint8_t[8]){1, 11, 1, 0, 2, 0, 0, 0}, 8);
	CHECK_EQ(header(&s), ERR_OK);
	done(lent[0], 0, 0);
	drain();
	lents = gots = 0;
}

/* Two packets of 16 bytes with a gap between them. */
static int
stream_submit(uint32_t seqnum, uint8_t ep)
{
	struct usbip h = {.cmd = USBIP_SUBMIT,
			  .seqnum = seqnum,
			  .devid = DEVID,
			  .in = ep >> 7,
			  .ep = ep & 15u};
	uint8_t b[64 + 2 * USBIP_ISO] = "packet one......gap.............packet two";
	int err;

	h.submit.len = 64;
	h.submit.packets = 2;
	usbip_iso_pack(&(struct urb_iso){.length = 16}, b + 64);
	usbip_iso_pack(&(struct urb_iso){.offset = 32, .length = 16}, b + 64 + USBIP_ISO);
	err = header(&h);
	if (err == ERR_OK)
		err = (ep & 0x80) ? feed(b + 64, 2 * USBIP_ISO) : feed(b, sizeof(b));
	return err;
}

static void
ran(struct urb *u)
{
	memcpy(u->buf, "abc", 3);
	memcpy(u->buf + 32, "de", 2);
	u->iso[0].actual = 3;
	u->iso[0].status = 0;
	u->iso[1].actual = 2;
	u->iso[1].status = 0;
}

static void
streams_both_ways(void)
{
	for (chunk = 1; chunk < 200; chunk += 30) {
		size_t c = chunk;

		streaming();
		chunk = c;
		CHECK_EQ(stream_submit(9, 0x85), ERR_OK);
		CHECK_EQ(stream_submit(10, 0x06), ERR_OK);
		CHECK_EQ(lents, 2);
		CHECK(memcmp(lent[1]->buf + 32, "packet two", 10) == 0);
		ran(lent[0]);
		done(lent[0], 0, 0);
		drain();
		CHECK(is_ret(0, USBIP_RET_SUBMIT, 9, 0));
		CHECK(got[0].h.ret.actual == 5 && memcmp(got[0].data, "abcde", 5) == 0);
		CHECK_EQ(got[0].h.ret.packets, 2);
		done(lent[1], 0, 0);
		drain();
		CHECK(is_ret(1, USBIP_RET_SUBMIT, 10, 0));
		CHECK_EQ(got[1].h.ret.errors, 2); /* nobody ran them */
		teardown();
		chunk = c;
	}
}

/* The reply comes before the request has been handed over; n-th allocation fails. */
static void
streams_answered_at_once(void)
{
	streaming();
	at_once = true;
	CHECK_EQ(stream_submit(9, 0x85), ERR_OK);
	drain();
	CHECK(is_ret(0, USBIP_RET_SUBMIT, 9, 0));
	CHECK_EQ(got[0].h.ret.packets, 2);
	CHECK_EQ(got[0].h.ret.actual, 0);
	at_once = false;
	says = ERR_NOMEM;
	CHECK_EQ(stream_submit(10, 0x06), ERR_OK);
	drain();
	CHECK(is_ret(1, USBIP_RET_SUBMIT, 10, -LINUX_ENOMEM));
	CHECK_EQ(got[1].h.ret.packets, 2);
	teardown();
}

static void
broken_streams(void)
{
	static const struct usbip table[] = {
	    {.cmd = USBIP_SUBMIT, .seqnum = 2, .devid = DEVID + 1, .ep = 1, .in = 1},
	    {.cmd = USBIP_UNLINK, .seqnum = 2, .devid = 0, .victim = 1},
	    {.cmd = USBIP_SUBMIT, .seqnum = 1, .devid = DEVID, .ep = 1, .in = 1},
	    {.cmd = USBIP_SUBMIT, .seqnum = 2, .devid = DEVID, .ep = 16, .in = 1},
	    {.cmd = USBIP_SUBMIT, .seqnum = 2, .devid = DEVID, .ep = 1, .in = 2},
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 2, .devid = DEVID},
	    {.cmd = USBIP_RET_UNLINK, .seqnum = 2, .devid = DEVID},
	    {.cmd = 5, .seqnum = 2, .devid = DEVID},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		CHECK_EQ(setup(), ERR_OK);
		CHECK_EQ(submit(1, IN, 1, 8), ERR_OK);
		CHECK_EQ(header(&table[i]), ERR_PROTO);
		CHECK_EQ(stock_door_input(door, sample, 1), ERR_PROTO);
		stock_door_end(door);
		CHECK_EQ(ends, 0);
		CHECK_EQ(cancels, 1);
		done(lent[0], -LINUX_ECONNRESET, 0);
		CHECK_EQ(ends, 1);
		CHECK_EQ(pool.used, 0);
	}
	pool.budget = 0;
}

/* A device that is done before submit returns. */
static void
at_once_done(void)
{
	CHECK_EQ(setup(), ERR_OK);
	chunk = 5;
	at_once = true;
	CHECK_EQ(submit(1, IN, 1, 200), ERR_OK);
	CHECK_EQ(submit(2, OUT, 2, 10), ERR_OK);
	chunk = SIZE_MAX;
	CHECK_EQ(submit(3, IN, 1, 0), ERR_OK);
	CHECK_EQ(unlink_urb(4, 3), ERR_OK);
	drain();
	CHECK_EQ(gots, 4);
	CHECK(is_ret(0, USBIP_RET_SUBMIT, 1, 0) && got[0].data[199] == (uint8_t)597);
	CHECK_EQ(got[0].h.ret.actual, 200);
	CHECK(is_ret(1, USBIP_RET_SUBMIT, 2, 0));
	CHECK(is_ret(2, USBIP_RET_SUBMIT, 3, 0));
	CHECK(is_ret(3, USBIP_RET_UNLINK, 4, 0));
	teardown();
}

/* SUBMIT and its UNLINK in one read, while the reply of the SUBMIT is kept. */
static void
at_once_unlinked(void)
{
	uint8_t b[2 * USBIP_HEADER];
	struct usbip h = {
	    .cmd = USBIP_SUBMIT, .seqnum = 1, .devid = DEVID, .ep = 1, .in = 1};

	CHECK_EQ(setup(), ERR_OK);
	at_once = true;
	h.submit.len = 9;
	usbip_pack(&h, b);
	h = (struct usbip){.cmd = USBIP_UNLINK, .seqnum = 2, .devid = DEVID, .victim = 1};
	usbip_pack(&h, b + USBIP_HEADER);
	CHECK_EQ(feed(b, sizeof(b)), ERR_OK);
	drain();
	CHECK_EQ(gots, 2);
	CHECK(is_ret(0, USBIP_RET_SUBMIT, 1, 0));
	CHECK(is_ret(1, USBIP_RET_UNLINK, 2, 0));
	teardown();
}

/* A job holds the others; they are answered when it has ended. */
static void
barrier(void)
{
	struct usbip h = {.cmd = USBIP_SUBMIT, .seqnum = 1, .devid = DEVID};

	CHECK_EQ(setup(), ERR_OK);
	memcpy(h.submit.setup, (uint8_t[8]){0, 9, 2, 0, 0, 0, 0, 0}, 8);
	CHECK_EQ(header(&h), ERR_OK);
	CHECK_EQ(submit(2, OUT, 2, 20), ERR_OK);
	CHECK_EQ(submit(3, IN, 1, 20), ERR_OK);
	CHECK_EQ(submit(4, IN, 1, 20), ERR_OK);
	CHECK_EQ(lents, 1);
	CHECK_EQ(unlink_urb(5, 4), ERR_OK); /* held: gone at once */
	done(lent[0], 0, 0);
	CHECK_EQ(lents, 2); /* configuration 2 has no endpoint 2 */
	done(lent[1], 0, 20);
	drain();
	CHECK_EQ(gots, 4);
	CHECK(is_ret(0, USBIP_RET_UNLINK, 5, -LINUX_ECONNRESET));
	CHECK(is_ret(1, USBIP_RET_SUBMIT, 1, 0));
	CHECK(is_ret(2, USBIP_RET_SUBMIT, 2, -LINUX_EPIPE));
	CHECK(is_ret(3, USBIP_RET_SUBMIT, 3, 0));
	teardown();
}

static void
ends_with_urbs_out(void)
{
	struct export_stats st;

	CHECK_EQ(setup(), ERR_OK);
	CHECK_EQ(submit(1, IN, 1, 8) | submit(2, IN, 1, 8), ERR_OK);
	stock_door_stats(door, &st);
	CHECK_EQ(st.inflight, 2);
	stock_door_end(door);
	CHECK_EQ(cancels, 2);
	done(lent[0], 0, 8);
	CHECK_EQ(ends, 0);
	done(lent[1], -LINUX_ECONNRESET, 0);
	CHECK_EQ(ends, 1);
	CHECK_EQ(pool.used, 0);
	pool.budget = 0;
}

static unsigned countdown;

static void *
failing_get(void *arg, size_t n)
{
	(void)arg;
	return countdown > 0 && --countdown == 0 ? NULL : malloc(n);
}

static void
no_memory(void)
{
	for (unsigned n = 1; n < 100; n++) {
		pool = (struct pool)TEST_POOL(16 << 20);
		pool.get = failing_get;
		countdown = n;
		if (setup() != ERR_OK) {
			CHECK_EQ(pool.used, 0);
			continue;
		}
		at_once = n % 2;
		CHECK_EQ(submit(1, IN, 1, 64), ERR_OK);
		CHECK_EQ(submit(2, OUT, 2, 64), ERR_OK);
		CHECK_EQ(submit(3, IN, 0, 18), ERR_OK);
		if (!at_once)
			for (unsigned i = 0; i < lents; i++)
				done(lent[i], 0, lent[i]->len);
		drain();
		CHECK_EQ(gots, 3); /* each has its answer, good or bad */
		teardown();
	}
}

TEST_MAIN(TEST(in_and_out), TEST(unlinks), TEST(refused_alone), TEST(isochronous),
	  TEST(streams_both_ways), TEST(streams_answered_at_once), TEST(broken_streams),
	  TEST(at_once_done), TEST(at_once_unlinked), TEST(barrier),
	  TEST(ends_with_urbs_out), TEST(no_memory))
