/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * A stock server and the user of the client are played here; the rules are
 * USBIP.md 1.4.
 */
#include "core/stock_client.h"
#include "core/usbip.h"
#include "test/test.h"

#define DEVID (3u << 16 | 7u)
#define MANY  128

enum { OUT = 0, IN = 0x80 };

struct got {
	uint8_t ep;
	uint64_t tag;
	struct import_reply reply;
	uint8_t data[512];
	struct urb_iso iso[4];
	bool ended;
};

struct sent {
	struct usbip h;
	uint8_t data[512];
	size_t n; /* of data */
	struct urb_iso iso[4];
};

static struct pool pool;
static struct stock_client *client;
static struct got got[MANY];
static struct sent sent[MANY]; /* to the server */
static unsigned gots, sents, wakes;
static int says, ends;  /* the user, to a reply and to its end */
static bool wants_none; /* the user lends no room */
static bool asks_more;  /* the user sends one from inside reply_end */
static size_t chunk;

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 uint8_t **data, struct urb_iso **iso)
{
	struct got *g = &got[gots++];

	CHECK(arg == &client);
	*g = (struct got){.ep = ep, .tag = tag, .reply = *r};
	*data = (ep & 0x80) && !wants_none ? g->data : NULL;
	*iso = r->packets > 0 && !wants_none ? g->iso : NULL;
	CHECK(r->packets <= ARRAY_LEN(g->iso));
	return says;
}

static int
on_reply_end(void *arg)
{
	const struct import_request q = {.ep = 0x81, .type = URB_BULK, .len = 8};
	uint64_t tag;

	(void)arg;
	CHECK(gots > 0 && !got[gots - 1].ended);
	got[gots - 1].ended = true;
	if (asks_more)
		CHECK_EQ(stock_client_submit(client, &q, &tag), ERR_OK);
	return ends;
}

static const struct stock_client_user user = {on_reply, on_reply_end};

static void
on_wake(void *arg)
{
	CHECK(arg == &client);
	wakes++;
}

static const struct stock_client_ops ops = {on_wake};

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(1 << 20);
	gots = sents = wakes = 0;
	says = ends = ERR_OK;
	wants_none = asks_more = false;
	chunk = SIZE_MAX;
	client = stock_client_new(&pool, DEVID, &ops, &client);
	CHECK(client != NULL);
	stock_client_set_user(client, &user, &client);
}

static void
teardown(void)
{
	stock_client_free(client);
	CHECK_EQ(pool.used, 0);
}

/* Everything that is to be sent, taken in pieces of chunk bytes. */
static void
drain(void)
{
	static uint8_t all[65536];
	size_t have = 0, n, at = 0;
	const uint8_t *p;

	while ((n = stock_client_output(client, &p)) > 0) {
		n = n < chunk ? n : chunk;
		memcpy(all + have, p, n);
		have += n;
		stock_client_sent(client, n);
	}
	while (at < have) {
		struct sent *s = &sent[sents++];

		CHECK(have - at >= USBIP_HEADER);
		CHECK_EQ(usbip_unpack(&s->h, all + at), ERR_OK);
		at += USBIP_HEADER;
		s->n = 0;
		if (s->h.cmd == USBIP_SUBMIT && !s->h.in)
			s->n = s->h.submit.len;
		memcpy(s->data, all + at, s->n);
		at += s->n;
		for (unsigned i = 0; s->h.cmd == USBIP_SUBMIT && i < s->h.submit.packets;
		     i++, at += USBIP_ISO)
			usbip_iso_unpack(&s->iso[i], all + at);
	}
	CHECK_EQ(at, have);
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
		r = stock_client_input(client, copy, part);
		free(copy);
	}
	return r;
}

static uint64_t
submit(uint8_t ep, uint32_t len)
{
	static const uint8_t data[512] = {[0] = 0x33, [299] = 0x44};
	struct import_request q = {.ep = ep, .type = URB_BULK, .len = len, .interval = 5};
	uint64_t tag = 0;

	if (!(ep & 0x80))
		q.data = data;
	if ((ep & 15) == 0) {
		q.type = URB_CONTROL;
		memcpy(q.setup, (uint8_t[8]){ep, 6, 0, 1, 0, 0, (uint8_t)len, 0}, 8);
	}
	CHECK_EQ(stock_client_submit(client, &q, &tag), ERR_OK);
	return tag;
}

/* data: n bytes that follow the header. */
static int
ret_submit(uint64_t seqnum, int32_t status, uint32_t actual, size_t n)
{
	struct usbip h = {.cmd = USBIP_RET_SUBMIT, .seqnum = (uint32_t)seqnum};
	uint8_t b[USBIP_HEADER + 512];

	h.ret.status = (uint32_t)status;
	h.ret.actual = actual;
	usbip_pack(&h, b);
	for (size_t i = 0; i < n; i++)
		b[USBIP_HEADER + i] = (uint8_t)(i * 3);
	return feed(b, USBIP_HEADER + n);
}

static int
ret_unlink(uint64_t seqnum, int32_t status)
{
	struct usbip h = {.cmd = USBIP_RET_UNLINK, .seqnum = (uint32_t)seqnum};
	uint8_t b[USBIP_HEADER];

	h.status = (uint32_t)status;
	usbip_pack(&h, b);
	return feed(b, sizeof(b));
}

/* Asks for it; returns the seqnum of the UNLINK. */
static uint32_t
unlink_urb(uint64_t tag)
{
	unsigned before;

	drain();
	before = sents;
	CHECK_EQ(stock_client_unlink(client, tag), ERR_OK);
	drain();
	CHECK_EQ(sents, before + 1);
	CHECK_EQ(sent[before].h.cmd, USBIP_UNLINK);
	CHECK_EQ(sent[before].h.devid, DEVID);
	CHECK_EQ(sent[before].h.victim, tag);
	CHECK(sent[before].h.in == 0 && sent[before].h.ep == 0);
	return sent[before].h.seqnum;
}

static bool
is_got(unsigned i, uint64_t tag, bool unlinked, int32_t status, uint32_t actual)
{
	return i < gots && got[i].ended && got[i].tag == tag &&
	       got[i].reply.unlinked == unlinked &&
	       (unlinked || got[i].reply.status == status) &&
	       got[i].reply.actual == actual;
}

static void
requests(void)
{
	for (size_t c = 1; c < 100; c += c < 5 ? 1 : 43) {
		struct import_request q = {.ep = 0x83,
					   .type = URB_INTERRUPT,
					   .flags = URB_SHORT_NOT_OK | URB_ZERO_PACKET,
					   .len = 8,
					   .interval = 4};
		uint64_t tag;

		setup();
		chunk = c;
		submit(IN | 1, 512);
		CHECK_EQ(wakes, 1);
		submit(OUT | 2, 300);
		submit(IN | 0, 18);
		submit(OUT | 0, 0);
		CHECK_EQ(stock_client_submit(client, &q, &tag), ERR_OK);
		drain();
		CHECK_EQ(sents, 5);
		for (unsigned i = 0; i < sents; i++) {
			CHECK(sent[i].h.cmd == USBIP_SUBMIT && sent[i].h.devid == DEVID);
			CHECK_EQ(sent[i].h.seqnum, i + 1);
			CHECK_EQ(sent[i].h.submit.packets, 0);
		}
		CHECK(sent[0].h.in == 1 && sent[0].h.ep == 1);
		CHECK(sent[0].h.submit.len == 512 && sent[0].h.submit.flags == 0x200);
		CHECK(sent[1].h.in == 0 && sent[1].h.ep == 2);
		CHECK(sent[1].h.submit.len == 300 && sent[1].h.submit.flags == 0);
		CHECK(sent[1].data[0] == 0x33 && sent[1].data[299] == 0x44);
		CHECK(sent[2].h.in == 1 && sent[2].h.ep == 0 &&
		      sent[2].h.submit.setup[6] == 18);
		CHECK(sent[3].h.in == 0 && sent[3].h.submit.len == 0);
		CHECK(sent[4].h.submit.flags == 0x241 && sent[4].h.submit.interval == 4);
		teardown();
	}
}

/* Whatever room it has: the kernel of a server refuses lengths that contradict. */
static void
no_data_stage(void)
{
	const uint8_t data[8] = {1};
	struct import_request q = {.type = URB_CONTROL, .len = 8, .data = data};
	uint64_t tag;

	setup();
	memcpy(q.setup, (uint8_t[8]){0, 9, 1, 0, 0, 0, 0, 0}, 8);
	CHECK_EQ(stock_client_submit(client, &q, &tag), ERR_OK);
	drain();
	CHECK(sent[0].h.submit.len == 0 && sent[0].n == 0);
	CHECK_EQ(ret_submit(tag, 0, 0, 0), ERR_OK);
	CHECK(is_got(0, tag, false, 0, 0));
	teardown();
}

static void
replies(void)
{
	for (size_t c = 1; c < 100; c += c < 5 ? 1 : 43) {
		uint64_t in, out, stall, odd, none;

		setup();
		chunk = c;
		in = submit(IN | 1, 512);
		out = submit(OUT | 2, 300);
		stall = submit(IN | 0, 18);
		odd = submit(OUT | 2, 3);
		none = submit(IN | 1, 512);
		CHECK_EQ(ret_submit(out, -LINUX_EREMOTEIO, 64, 0), ERR_OK);
		CHECK_EQ(ret_submit(in, 0, 511, 511), ERR_OK);
		CHECK_EQ(ret_submit(stall, -LINUX_EPIPE, 5, 5), ERR_OK);
		CHECK_EQ(ret_submit(odd, 77, 0, 0), ERR_OK);
		CHECK_EQ(gots, 4);
		wants_none = true;
		CHECK_EQ(ret_submit(none, 0, 100, 100), ERR_OK);
		CHECK(is_got(0, out, false, -LINUX_EREMOTEIO, 64) && got[0].ep == 2);
		CHECK(is_got(1, in, false, 0, 511) && got[1].ep == 0x81);
		CHECK_EQ(got[1].data[510], (uint8_t)1530);
		CHECK(is_got(2, stall, false, -LINUX_EPIPE, 5) && got[2].data[4] == 12);
		CHECK(is_got(3, odd, false, -LINUX_EPROTO, 0));
		CHECK(is_got(4, none, false, 0, 100) && got[4].data[5] == 0);
		teardown();
	}
}

static void
asked_from_inside(void)
{
	setup();
	asks_more = true;
	submit(IN | 1, 8);
	for (unsigned i = 1; i < 50; i++)
		CHECK_EQ(ret_submit(i, 0, 8, 8), ERR_OK);
	CHECK_EQ(gots, 49);
	teardown();
}

/* Each order in which an UNLINK can end, and what the user hears: once. */
static void
unlinks(void)
{
	static const int32_t states[] = {-LINUX_ECONNRESET, 0, -LINUX_ENOENT,
					 -LINUX_EPIPE, 12345};
	uint64_t a, b;
	uint32_t u;

	for (size_t c = 1; c < 60; c += 49)
		for (unsigned i = 0; i < ARRAY_LEN(states); i++) {
			setup();
			chunk = c;
			a = submit(IN | 1, 100);
			b = submit(IN | 1, 100);
			u = unlink_urb(a); /* it worked, whatever it says */
			CHECK_EQ(ret_unlink(u, states[i]), ERR_OK);
			CHECK(gots == 1 && is_got(0, a, true, 0, 0));
			CHECK_EQ(ret_submit(a, 0, 50, 50), ERR_OK); /* all the same */
			CHECK_EQ(gots, 1);
			u = unlink_urb(b); /* it came too late */
			CHECK_EQ(ret_submit(b, 0, 100, 100), ERR_OK);
			CHECK(gots == 2 && is_got(1, b, false, 0, 100));
			CHECK_EQ(ret_unlink(u, states[i]), ERR_OK);
			CHECK_EQ(gots, 2);
			teardown();
		}
}

static void
unlinked_twice(void)
{
	uint64_t a;
	uint32_t u;

	setup();
	a = submit(IN | 1, 100);
	u = unlink_urb(a);
	CHECK_EQ(stock_client_unlink(client, a), ERR_OK);
	CHECK_EQ(stock_client_unlink(client, 4711), ERR_OK);
	drain();
	CHECK_EQ(sents, 2);
	CHECK_EQ(ret_unlink(u, 0), ERR_OK);
	CHECK_EQ(stock_client_unlink(client, a), ERR_OK); /* it has ended */
	drain();
	CHECK_EQ(sents, 2);
	/* while its reply is coming it is no use any more */
	a = submit(IN | 1, 100);
	drain();
	CHECK_EQ(ret_submit(a, 0, 100, 60), ERR_OK);
	CHECK_EQ(stock_client_unlink(client, a), ERR_OK);
	drain();
	CHECK_EQ(sents, 3);
	teardown();
}

/* The 64 that were unlinked last may be answered late, those before may not. */
static void
many_late(void)
{
	uint64_t tag[66];
	unsigned n;

	for (unsigned bad = 0; bad < 2; bad++) {
		setup();
		for (n = 0; n < 66; n++) {
			tag[n] = submit(IN | 1, 8);
			sents = 0;
			CHECK_EQ(ret_unlink(unlink_urb(tag[n]), 0), ERR_OK);
			gots = 0;
		}
		for (n = 65; n > 1; n--)
			CHECK_EQ(ret_submit(tag[n], 0, 8, 8), ERR_OK);
		CHECK_EQ(ret_submit(tag[bad], 0, 0, 0), ERR_PROTO);
		CHECK_EQ(gots, 0);
		teardown();
	}
}

static void
broken(void)
{
	static const struct usbip table[] = {
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 99},
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 0},
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 4}, /* an UNLINK's */
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 3}, /* answered already */
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 1, .ret = {.actual = 101}},
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 2, .ret = {.actual = 51}},
	    {.cmd = USBIP_RET_SUBMIT, .seqnum = 1, .ret = {.actual = 0xffffffffu}},
	    {.cmd = USBIP_RET_UNLINK, .seqnum = 99},
	    {.cmd = USBIP_RET_UNLINK, .seqnum = 1}, /* a SUBMIT's */
	    {.cmd = USBIP_SUBMIT, .seqnum = 1},
	    {.cmd = USBIP_UNLINK, .seqnum = 4},
	    {.cmd = 0},
	    {.cmd = 5},
	    {.cmd = 0x01000000},
	};
	uint8_t b[USBIP_HEADER];
	uint64_t tag;

	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		const struct import_request q = {.ep = 0x81, .len = 1};
		const uint8_t *p;

		setup();
		chunk = 1 + i % 3 * 20;
		submit(IN | 1, 100);
		submit(OUT | 2, 50);
		submit(OUT | 2, 50);
		CHECK_EQ(ret_submit(3, 0, 50, 0), ERR_OK);
		CHECK_EQ(unlink_urb(1), 4);
		usbip_pack(&table[i], b);
		for (unsigned k = 0; k < 4; k++) /* usbip_pack knows commands only */
			b[k] = (uint8_t)(table[i].cmd >> (24 - 8 * k));
		CHECK_EQ(feed(b, sizeof(b)), ERR_PROTO);
		CHECK_EQ(gots, 1);
		/* sticky: nothing in, nothing out */
		CHECK_EQ(ret_submit(2, 0, 50, 0), ERR_PROTO);
		CHECK_EQ(stock_client_submit(client, &q, &tag), ERR_GONE);
		CHECK_EQ(stock_client_unlink(client, 2), ERR_GONE);
		CHECK_EQ(stock_client_output(client, &p), 0);
		CHECK_EQ(gots, 1);
		teardown();
	}
}

static void
refused_by_user(void)
{
	uint64_t a;

	setup();
	a = submit(IN | 1, 100);
	says = ERR_PROTO;
	CHECK_EQ(ret_submit(a, 0, 100, 100), ERR_PROTO);
	CHECK(gots == 1 && !got[0].ended);
	teardown();
	setup();
	a = submit(IN | 1, 100);
	says = ERR_PROTO;
	CHECK_EQ(ret_unlink(unlink_urb(a), 0), ERR_PROTO);
	CHECK(gots == 1 && !got[0].ended);
	teardown();
}

/* --- isochronous --- */

#define RUN 3

static uint64_t
submit_iso(uint8_t ep)
{
	static const uint8_t data[300] = {[299] = 9};
	static const struct urb_iso iso[RUN] = {{0, 90, 7, -LINUX_EXDEV, false},
						{100, 91, 7, -LINUX_EXDEV, false},
						{200, 92, 7, -LINUX_EXDEV, false}};
	const struct import_request q = {.ep = ep,
					 .type = URB_ISO,
					 .flags = URB_ISO_ASAP,
					 .len = 300,
					 .start_frame = 77,
					 .packets = RUN,
					 .data = ep & 0x80 ? NULL : data,
					 .iso = iso};
	uint64_t tag = 0;

	CHECK_EQ(stock_client_submit(client, &q, &tag), ERR_OK);
	return tag;
}

/* data: bytes behind the header, before packets descriptors that say 10, 20, 30... */
static int
ret_iso(uint64_t seqnum, int32_t status, uint32_t actual, uint32_t packets, size_t data)
{
	struct usbip h = {.cmd = USBIP_RET_SUBMIT, .seqnum = (uint32_t)seqnum};
	uint8_t b[USBIP_HEADER + 512];
	size_t n = USBIP_HEADER + data;

	h.ret.status = (uint32_t)status;
	h.ret.actual = actual;
	h.ret.packets = packets;
	h.ret.start_frame = 78;
	usbip_pack(&h, b);
	memset(b + USBIP_HEADER, 0x66, data);
	for (uint32_t i = 0; i < packets && i < 8; i++, n += USBIP_ISO) {
		const struct urb_iso iso = {
		    .length = 1, .actual = 10 * (i + 1), .status = -(int32_t)i};

		usbip_iso_pack(&iso, b + n);
	}
	return feed(b, n);
}

static void
iso_sent(const struct sent *s, uint32_t flags)
{
	CHECK(s->h.submit.packets == RUN && s->h.submit.len == 300);
	CHECK(s->h.submit.start_frame == 77 && s->h.submit.flags == flags);
	for (unsigned k = 0; k < RUN; k++) {
		CHECK(s->iso[k].offset == k * 100 && s->iso[k].length == 90 + k);
		CHECK(s->iso[k].actual == 0 && s->iso[k].status == 0);
	}
}

static void
iso_got(const struct got *g)
{
	CHECK(g->reply.packets == RUN && g->reply.start_frame == 78);
	CHECK(g->iso[2].actual == 30 && g->iso[2].status == -2);
	CHECK(g->iso[0].actual == 10 && g->iso[0].status == 0);
}

static void
isochronous(void)
{
	for (size_t c = 1; c < 100; c += c < 5 ? 1 : 43) {
		uint64_t in, out, none, failed;

		setup();
		chunk = c;
		in = submit_iso(0x85);
		out = submit_iso(0x06);
		none = submit_iso(0x85);
		failed = submit_iso(0x85);
		drain();
		CHECK(sents == 4 && sent[0].n == 0 && sent[1].n == 300);
		CHECK_EQ(sent[1].data[299], 9);
		iso_sent(&sent[0], 0x202);
		iso_sent(&sent[1], 2);
		CHECK_EQ(ret_iso(out, 0, 60, RUN, 0), ERR_OK);
		CHECK_EQ(ret_iso(in, 0, 60, RUN, 60), ERR_OK);
		CHECK_EQ(ret_iso(failed, -LINUX_ESHUTDOWN, 0, 0, 0), ERR_OK);
		CHECK_EQ(gots, 3);
		wants_none = true;
		CHECK_EQ(ret_iso(none, 0, 60, RUN, 60), ERR_OK);
		CHECK(is_got(0, out, false, 0, 60) && is_got(1, in, false, 0, 60));
		CHECK(is_got(2, failed, false, -LINUX_ESHUTDOWN, 0));
		CHECK(is_got(3, none, false, 0, 60) && got[3].iso[0].actual == 0);
		iso_got(&got[0]);
		iso_got(&got[1]);
		CHECK(got[1].data[59] == 0x66 && got[1].data[60] == 0);
		CHECK_EQ(got[2].reply.packets, 0);
		teardown();
	}
}

static void
isochronous_late_or_bad(void)
{
	struct usbip h = {.cmd = USBIP_RET_SUBMIT};
	uint8_t b[USBIP_HEADER];
	uint64_t tag;

	setup();
	tag = submit_iso(0x85);
	CHECK_EQ(ret_unlink(unlink_urb(tag), 0), ERR_OK);
	CHECK_EQ(ret_iso(tag, 0, 60, RUN, 60), ERR_OK); /* read over */
	tag = submit(IN | 1, 8);
	CHECK_EQ(ret_submit(tag, 0, 8, 8), ERR_OK);
	CHECK(gots == 2 && is_got(1, tag, false, 0, 8));
	/* an ordinary one has none, whatever the field says */
	h.seqnum = (uint32_t)submit(IN | 1, 8);
	h.ret.packets = USBIP_NO_PACKETS;
	usbip_pack(&h, b);
	CHECK_EQ(feed(b, sizeof(b)), ERR_OK);
	CHECK(gots == 3 && got[2].ended && got[2].reply.packets == 0);
	teardown();
	setup();
	CHECK_EQ(ret_iso(submit_iso(0x85), 0, 60, RUN + 1, 60), ERR_PROTO);
	CHECK_EQ(gots, 0);
	teardown();
	setup();
	ends = ERR_PROTO; /* the user finds that they do not add up */
	CHECK_EQ(ret_iso(submit_iso(0x06), 0, 60, RUN, 0), ERR_PROTO);
	CHECK_EQ(gots, 1);
	teardown();
}

/* RET_UNLINK twice: the second is for no UNLINK any more. */
static void
duplicates(void)
{
	uint64_t a;
	uint32_t u;

	setup();
	a = submit(IN | 1, 100);
	u = unlink_urb(a);
	CHECK_EQ(ret_unlink(u, 0), ERR_OK);
	CHECK_EQ(ret_unlink(u, 0), ERR_PROTO);
	teardown();
	setup();
	a = submit(IN | 1, 100);
	u = unlink_urb(a);
	CHECK_EQ(ret_unlink(u, 0), ERR_OK);
	CHECK_EQ(ret_submit(a, 0, 0, 0), ERR_OK); /* late */
	CHECK_EQ(ret_submit(a, 0, 0, 0), ERR_PROTO);
	CHECK_EQ(gots, 1);
	teardown();
}

static unsigned gets_left; /* calls until memory fails */

static void *
scarce_get(void *arg, size_t n)
{
	(void)arg;
	return gets_left == 0 ? NULL : (gets_left--, malloc(n));
}

/* Memory fails at every n-th call: what was refused is not sent, and leaves nothing. */
static void
no_memory(void)
{
	const struct import_request q = {.ep = 0x81, .len = 1};
	uint64_t tag;
	size_t before;

	for (unsigned n = 0; n < 3; n++) {
		setup();
		submit(IN | 1, 8);
		drain();
		before = pool.used;
		pool.get = scarce_get;
		gets_left = n;
		CHECK_EQ(stock_client_submit(client, &q, &tag),
			 n < 2 ? ERR_NOMEM : ERR_OK);
		if (n < 2)
			CHECK_EQ(pool.used, before);
		gets_left = 0;
		CHECK_EQ(stock_client_unlink(client, 1), ERR_NOMEM);
		drain();
		CHECK_EQ(sents, n < 2 ? 1 : 2);
		CHECK_EQ(ret_submit(1, 0, 8, 8), ERR_OK);
		teardown();
	}
	gets_left = 0;
	CHECK(stock_client_new(&pool, DEVID, &ops, NULL) == NULL);
	CHECK_EQ(pool.used, 0);
	stock_client_free(NULL);
}

TEST_MAIN(TEST(requests), TEST(no_data_stage), TEST(replies), TEST(asked_from_inside),
	  TEST(unlinks), TEST(unlinked_twice), TEST(many_late), TEST(broken),
	  TEST(refused_by_user), TEST(duplicates), TEST(isochronous),
	  TEST(isochronous_late_or_bad), TEST(no_memory))
