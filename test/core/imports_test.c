/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The serve side is a peer that says anything (test/core/pair.h); the owner and
 * the user of a device are played here.
 */
#include "core/cur.h"
#include "core/imports.h"
#include "core/iso.h"
#include "core/usbip.h"
#include "core/wire.h"
#include "test/core/pair.h"
#include "test/core/sample.h"

static struct pair pair;
static struct imports *m;

/* the owner, and the user of devices */
static unsigned welcomes, listed, lists, bench_heard, answers, replies, removals;
static uint32_t position;
static int welcome_err, welcome_says, imported_err, reply_says;
static uint32_t imported_dev, release_in_reply;
static struct import_reply last_reply;
static uint64_t last_tag;
static uint8_t last_ep, last_data[16];
static bool last_has_data;
static char last_text[WIRE_TEXT];

static int
on_welcome(void *arg, int err, const struct wire_hello *h, const struct wire_refusal *no)
{
	(void)arg;
	CHECK((err == ERR_OK) == (h != NULL) && (h == NULL) == (no != NULL));
	welcomes++;
	welcome_err = err;
	return err != ERR_OK ? err : welcome_says;
}

static void
on_device(void *arg, const struct wire_device *d)
{
	(void)arg;
	if (d == NULL)
		lists++;
	else
		listed++;
}

static int
on_bench(void *arg, const struct session_msg *msg)
{
	(void)arg;
	(void)msg;
	bench_heard++;
	return ERR_OK;
}

static const struct imports_ops ops = {on_welcome, on_device, on_bench};

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	CHECK(arg == &pair);
	answers++;
	imported_err = err;
	imported_dev = i->dev;
	strcpy(last_text, i->no.text);
	if (err == ERR_OK)
		CHECK(i->raw_len == sizeof(sample) &&
		      memcmp(i->raw, sample, sizeof(sample)) == 0 &&
		      i->cache_len == sizeof(sample_cache) &&
		      memcmp(i->cache, sample_cache, sizeof(sample_cache)) == 0);
}

static struct urb_iso last_iso[8];

static int
on_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	 const struct session_msg *msg)
{
	CHECK(arg == &pair);
	replies++;
	last_ep = ep;
	last_tag = tag;
	last_reply = *r;
	last_has_data = msg != NULL;
	if (r->packets > 0 && msg != NULL)
		imports_packets(msg, last_iso, r->packets);
	if (msg != NULL && ((ep & 0x80) != 0 || r->packets == 0))
		imports_data(msg, last_data, r->actual < 16 ? r->actual : 16);
	if (release_in_reply != 0)
		imports_release(m, release_in_reply);
	return reply_says;
}

static void
on_removed(void *arg, const struct wire_refusal *why)
{
	CHECK(arg == &pair);
	removals++;
	strcpy(last_text, why->text);
}

static void
on_queued(void *arg, const struct wire_queued *q)
{
	(void)arg;
	position = q->position;
}

static struct wire_ends ends;

static void
on_ends(void *arg, const struct wire_ends *e)
{
	(void)arg;
	ends = *e;
}

static const struct imports_user user = {on_imported, on_reply, on_removed, on_queued,
					 on_ends};

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

static void
setup(void)
{
	pair_init(&pair, 4 << 20, &session_ops, NULL);
	m = imports_new(&pair.pool, pair.near, &ops, NULL);
	CHECK(m != NULL);
	welcomes = listed = lists = bench_heard = answers = replies = removals = 0;
	welcome_says = reply_says = ERR_OK;
	release_in_reply = 0;
}

static void
teardown(void)
{
	imports_free(m);
	pair_fini(&pair);
}

/* --- what the server says --- */

static struct wr
writer(void)
{
	static uint8_t b[WIRE_LARGE];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	return w;
}

static int
say(uint32_t sid, uint8_t type, const struct wr *w)
{
	size_t n = WIRE_LARGE - wr_left(w);

	CHECK(!w->bad);
	return pair_say(&pair, sid, type, w->end - WIRE_LARGE, n);
}

static int
say_welcome(void)
{
	struct wr w = writer();
	struct wire_hello h;

	memset(&h, 0, sizeof(h));
	h.greet.major = 1;
	h.window = 4 << 20;
	h.urb_max = 1 << 20;
	wire_put_hello(&w, &h);
	return say(STREAM_SESSION, WIRE_WELCOME, &w);
}

static int
say_refused(uint8_t reason)
{
	struct wire_refusal no = {.reason = reason, .text = "no"};
	struct wr w = writer();

	wire_put_refusal(&w, &no);
	return say(STREAM_SESSION, WIRE_REFUSED, &w);
}

static uint32_t cache_cut; /* bytes that are missing at its end */

static int
say_imported(uint32_t dev, uint8_t reason, const uint8_t *raw, uint32_t n)
{
	struct wire_imported i = {.dev = dev,
				  .no = {.reason = reason, .text = "why"},
				  .raw = raw,
				  .raw_len = n,
				  .cache = sample_cache,
				  .cache_len = sizeof(sample_cache) - cache_cut};
	struct wr w = writer();

	i.info.speed = DEVINFO_HIGH;
	i.info.config = 1;
	wire_put_imported(&w, &i);
	return say(STREAM_SESSION, WIRE_IMPORTED, &w);
}

static int
say_removed(uint32_t dev)
{
	struct wire_refusal no = {.reason = WIRE_NO_DEVICE, .text = "unplugged"};
	struct wr w = writer();

	wire_put_removed(&w, dev, &no);
	return say(STREAM_SESSION, WIRE_REMOVED, &w);
}

static int
say_ends(uint32_t dev, uint32_t seconds)
{
	struct wire_ends e = {.dev = dev, .seconds = seconds, .why = "bed time"};
	struct wr w = writer();

	wire_put_ends(&w, &e);
	return say(STREAM_SESSION, WIRE_ENDS, &w);
}

static int
say_queued(uint32_t dev, uint32_t place)
{
	struct wire_queued q = {.dev = dev, .position = place, .holder = "anna"};
	struct wr w = writer();

	wire_put_queued(&w, &q);
	return say(STREAM_SESSION, WIRE_QUEUED, &w);
}

static int
say_complete(uint32_t sid, const struct wire_complete *c, uint32_t data)
{
	struct wr w = writer();

	wire_put_complete(&w, c);
	for (uint32_t i = 0; i < data; i++)
		wr_u8(&w, (uint8_t)(i + 1));
	return say(sid, WIRE_COMPLETE, &w);
}

static int
hello(uint32_t window, uint32_t urb_max)
{
	struct wire_hello h;

	memset(&h, 0, sizeof(h));
	h.greet.major = 1;
	h.window = window;
	h.urb_max = urb_max;
	return imports_hello(m, &h);
}

static void
welcomed(void)
{
	setup();
	CHECK_EQ(hello(4 << 20, 1 << 20), ERR_OK);
	CHECK_EQ(say_welcome(), ERR_OK);
	CHECK_EQ(welcomes, 1);
}

static uint32_t
ask(void)
{
	uint32_t dev = 0;

	CHECK_EQ(imports_import(m, "1-4", 1, &user, &pair, &dev), ERR_OK);
	return dev;
}

static void
imported(void)
{
	welcomed();
	CHECK_EQ(ask(), 1);
	CHECK_EQ(say_imported(1, WIRE_OK, sample, sizeof(sample)), ERR_OK);
	CHECK(answers == 1 && imported_err == ERR_OK);
}

static int
submit(uint8_t ep, uint32_t len, const uint8_t *setup_bytes, uint64_t *tag)
{
	static const uint8_t data[4096] = {'d', 'a', 't', 'a'};
	struct import_request q = {.ep = ep, .type = URB_BULK, .len = len, .data = data};

	if ((ep & 15) == 0)
		q.type = URB_CONTROL;
	if (setup_bytes != NULL)
		memcpy(q.setup, setup_bytes, 8);
	return imports_submit(m, 1, &q, tag);
}

#define BULK_IN  stream_of(1, 0x81)
#define BULK_OUT stream_of(1, 0x02)

/* --- greeting --- */

static void
not_before_the_welcome(void)
{
	static const struct {
		uint8_t type;
		uint32_t len;
	} t[] = {
	    {WIRE_WELCOME, 120}, {WIRE_REFUSED, 2}, {WIRE_DEVICES, 2},
	    {WIRE_IMPORTED, 6},  {WIRE_REMOVED, 6}, {WIRE_HELLO, 120},
	    {WIRE_COMPLETE, 33}, {WIRE_PONG, 8},    {127, 0},
	};
	static const uint8_t body[200];
	uint32_t dev;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		setup(); /* no hello was said */
		CHECK_EQ(imports_list(m), ERR_STATE);
		CHECK_EQ(imports_import(m, "1-4", 0, &user, &pair, &dev), ERR_STATE);
		CHECK_EQ(pair_say(&pair, STREAM_SESSION, t[i].type, body, t[i].len),
			 ERR_PROTO);
		CHECK_EQ(welcomes + lists + answers + removals, 0);
		teardown();
	}
	setup();
	CHECK_EQ(pair_say(&pair, STREAM_SESSION, 128, body, 200), ERR_OK);
	CHECK_EQ(imports_urb_max(m), 0);
	CHECK_EQ(imports_window(m), 0);
	teardown();
}

static void
hello_once_welcome_once(void)
{
	setup();
	CHECK_EQ(hello(4 << 20, 8 << 20), ERR_OK);
	CHECK_EQ(hello(4 << 20, 8 << 20), ERR_STATE);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	pair_last(&pair, WIRE_HELLO);
	CHECK_EQ(say_welcome(), ERR_OK);
	CHECK_EQ(imports_urb_max(m), 1 << 20);
	CHECK_EQ(imports_window(m), 4 << 20);
	CHECK_EQ(say_welcome(), ERR_PROTO);
	CHECK_EQ(welcomes, 1);
	teardown();
	setup(); /* a transfer's reply has to fit in our window, too */
	CHECK_EQ(hello(100000, 8 << 20), ERR_OK);
	CHECK_EQ(say_welcome(), ERR_OK);
	CHECK_EQ(imports_urb_max(m), 100000 - 38);
	teardown();
}

static void
refusals(void)
{
	setup();
	CHECK_EQ(hello(1 << 20, 1 << 20), ERR_OK);
	CHECK_EQ(say_refused(WIRE_BAD_TICKET), ERR_REFUSED);
	CHECK(welcomes == 1 && welcome_err == ERR_REFUSED);
	CHECK_EQ(imports_list(m), ERR_STATE);
	teardown();
	setup(); /* "refused, all is well" is no answer */
	CHECK_EQ(hello(1 << 20, 1 << 20), ERR_OK);
	CHECK_EQ(say_refused(WIRE_OK), ERR_PROTO);
	CHECK_EQ(welcomes, 0);
	teardown();
	welcomed();
	CHECK_EQ(say_refused(WIRE_BAD_TICKET), ERR_PROTO);
	teardown();
	setup(); /* the owner does not like what it hears */
	welcome_says = ERR_PROTO;
	CHECK_EQ(hello(1 << 20, 1 << 20), ERR_OK);
	CHECK_EQ(say_welcome(), ERR_PROTO);
	teardown();
}

/* --- lists --- */

static int
say_devices(unsigned n, unsigned really, unsigned behind)
{
	struct wr w = writer();
	struct wire_device d;

	memset(&d, 0, sizeof(d));
	d.info.speed = DEVINFO_HIGH;
	wr_le16(&w, (uint16_t)n);
	while (really-- > 0)
		wire_put_device(&w, &d);
	while (behind-- > 0)
		wr_u8(&w, 0);
	return say(STREAM_SESSION, WIRE_DEVICES, &w);
}

static void
device_lists(void)
{
	welcomed();
	CHECK_EQ(imports_list(m), ERR_OK);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	pair_last(&pair, WIRE_LIST);
	CHECK_EQ(say_devices(0, 0, 0), ERR_OK);
	CHECK(lists == 1 && listed == 0);
	CHECK_EQ(say_devices(3, 3, 0), ERR_OK); /* nobody asked: it has changed */
	CHECK(lists == 2 && listed == 3);
	CHECK_EQ(say_devices(3000, 3000, 0), ERR_OK);
	CHECK(lists == 3 && listed == 3003);
	teardown();
	for (unsigned i = 0; i < 3; i++) {
		static const unsigned bad[3][3] = {{1, 0, 0}, {2, 2, 1}, {65535, 3, 7}};

		welcomed();
		CHECK_EQ(say_devices(bad[i][0], bad[i][1], bad[i][2]), ERR_PROTO);
		CHECK_EQ(lists, 0);
		teardown();
	}
}

/* --- import, release, removed --- */

static void
import_says_what(void)
{
	struct wire_import i;
	const struct pair_got *g;
	char name[DEVINFO_BUSID + 1];
	uint32_t dev = 77;
	struct rd r;

	welcomed();
	CHECK_EQ(ask(), 1);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_IMPORT);
	rd_init(&r, g->body, g->len);
	CHECK_EQ(wire_get_import(&r, &i), ERR_OK);
	CHECK(i.dev == 1 && i.flags == 1 && strcmp(i.busid, "1-4") == 0);
	CHECK_EQ(ask(), 2);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_EQ(imports_import(m, name, 0, &user, &pair, &dev), ERR_NODEV);
	teardown();
}

static void
answers_to_import(void)
{
	welcomed();
	(void)ask();
	CHECK_EQ(say_imported(1, WIRE_IN_USE, NULL, 0), ERR_OK);
	CHECK(answers == 1 && imported_err == ERR_BUSY && imported_dev == 1);
	CHECK(strcmp(last_text, "why") == 0);
	CHECK_EQ(say_imported(1, WIRE_IN_USE, NULL, 0), ERR_OK); /* forgotten */
	CHECK_EQ(answers, 1);
	(void)ask();
	imports_release(m, 2);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	pair_last(&pair, WIRE_RELEASE);
	CHECK_EQ(say_imported(2, WIRE_OK, sample, sizeof(sample)), ERR_OK); /* crossed */
	CHECK_EQ(answers, 1);
	CHECK_EQ(say_imported(3, WIRE_OK, sample, sizeof(sample)), ERR_PROTO);
	teardown();
	welcomed();
	CHECK_EQ(say_imported(0, WIRE_OK, sample, sizeof(sample)), ERR_PROTO);
	teardown();
	imported();
	CHECK_EQ(say_imported(1, WIRE_OK, sample, sizeof(sample)), ERR_PROTO); /* twice */
	CHECK_EQ(answers, 1);
	teardown();
}

static void
descriptors_that_make_no_sense(void)
{
	static const uint8_t zeros[64];

	static const struct {
		const uint8_t *raw;
		uint32_t n;
	} t[] = {{sample, 0}, {sample, 17}, {sample, 20}, {zeros, 64}, {zeros, 18}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		welcomed();
		(void)ask();
		CHECK_EQ(say_imported(1, WIRE_OK, t[i].raw, t[i].n), ERR_PROTO);
		CHECK_EQ(answers, 0);
		teardown();
	}
	welcomed();
	(void)ask();
	cache_cut = 1;
	CHECK_EQ(say_imported(1, WIRE_OK, sample, sizeof(sample)), ERR_PROTO);
	cache_cut = 0;
	CHECK_EQ(answers, 0);
	teardown();
}

static void
removals_by_the_server(void)
{
	uint64_t tag;

	imported();
	CHECK_EQ(say_removed(1), ERR_OK);
	CHECK(removals == 1 && strcmp(last_text, "unplugged") == 0);
	CHECK_EQ(submit(0x81, 8, NULL, &tag), ERR_GONE);
	CHECK_EQ(say_removed(1), ERR_OK);
	CHECK_EQ(removals, 1);
	imports_release(m, 1); /* is harmless */
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	(void)ask();
	CHECK_EQ(say_removed(2), ERR_OK); /* before its IMPORTED */
	CHECK_EQ(removals, 2);
	CHECK_EQ(say_removed(3), ERR_PROTO);
	teardown();
}

static void
waiting_for_its_turn(void)
{
	welcomed();
	CHECK_EQ(ask(), 1);
	CHECK_EQ(say_queued(1, 2), ERR_OK);
	CHECK(position == 2 && answers == 0);
	CHECK_EQ(say_queued(1, 1), ERR_OK);
	CHECK_EQ(position, 1);
	CHECK_EQ(say_imported(1, WIRE_OK, sample, sizeof(sample)), ERR_OK);
	CHECK(answers == 1 && imported_err == ERR_OK);
	CHECK_EQ(say_queued(1, 1), ERR_PROTO); /* it is ours */
	teardown();
	welcomed();
	(void)ask();
	imports_release(m, 1);
	CHECK_EQ(say_queued(1, 7), ERR_OK); /* it crossed */
	CHECK_EQ(position, 1);
	CHECK_EQ(say_queued(2, 1), ERR_PROTO); /* never asked for */
	CHECK_EQ(say_queued(1, 0), ERR_PROTO);
	teardown();
	setup();
	CHECK_EQ(say_queued(1, 1), ERR_PROTO);
	teardown();
}

static void
an_end_that_is_near(void)
{
	memset(&ends, 0, sizeof(ends));
	welcomed();
	CHECK_EQ(ask(), 1);
	CHECK_EQ(say_ends(1, 30), ERR_OK); /* not ours yet: nobody hears it */
	CHECK_EQ(ends.dev, 0);
	CHECK_EQ(say_imported(1, WIRE_OK, sample, sizeof(sample)), ERR_OK);
	CHECK_EQ(say_ends(1, 30), ERR_OK);
	CHECK(ends.dev == 1 && ends.seconds == 30 && strcmp(ends.why, "bed time") == 0);
	CHECK_EQ(say_removed(1), ERR_OK);
	CHECK_EQ(say_ends(1, 29), ERR_OK); /* it crossed */
	CHECK_EQ(ends.seconds, 30);
	CHECK_EQ(say_ends(2, 30), ERR_PROTO); /* never asked for */
	teardown();
	welcomed();
	CHECK_EQ(ask(), 1);
	CHECK_EQ(say_ends(0, 30), ERR_PROTO);
	teardown();
}

/* --- requests --- */

static void
requests(void)
{
	static const uint8_t no_data[8] = {0x21, 10, 0, 0, 0, 0, 0, 0};
	struct wire_submit s;
	const struct pair_got *g;
	uint64_t tag = 9;
	struct rd r;

	imported();
	CHECK_EQ(submit(0x02, 4, NULL, &tag), ERR_OK);
	CHECK_EQ(tag, 0);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_SUBMIT);
	CHECK(g->sid == BULK_OUT && g->len == 36 && memcmp(g->body + 32, "data", 4) == 0);
	CHECK_EQ(submit(0x02, 4, NULL, &tag), ERR_OK);
	CHECK_EQ(tag, 1);
	CHECK_EQ(submit(0x81, 1 << 20, NULL, &tag), ERR_OK);
	CHECK_EQ(tag, 0);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_SUBMIT);
	CHECK(g->sid == BULK_IN && g->len == 32);
	CHECK_EQ(submit(0x81, (1 << 20) + 1, NULL, &tag), ERR_TOOBIG);
	/* room for data that the setup bytes do not ask for: direction is theirs */
	CHECK_EQ(submit(0x80, 64, no_data, &tag), ERR_OK);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_SUBMIT);
	rd_init(&r, g->body, 32);
	CHECK_EQ(wire_get_submit(&r, &s), ERR_OK);
	CHECK(g->sid == stream_of(1, 0) && g->len == 32 && s.len == 0);
	CHECK_EQ(imports_unlink(m, 1, 0x81, 0), ERR_OK);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_UNLINK);
	rd_init(&r, g->body, g->len);
	CHECK_EQ(rd_le32(&r), BULK_IN);
	CHECK_EQ(rd_le64(&r), 0);
	teardown();
}

static void
not_before_it_is_ours(void)
{
	uint64_t tag;

	welcomed();
	CHECK_EQ(submit(0x81, 8, NULL, &tag), ERR_GONE);
	(void)ask();
	CHECK_EQ(submit(0x81, 8, NULL, &tag), ERR_GONE);
	teardown();
}

static void
replies_come_through(void)
{
	struct wire_complete c = {.index = 5, .status = -LINUX_EPIPE, .actual = 3};
	uint64_t tag;

	imported();
	CHECK_EQ(submit(0x81, 8, NULL, &tag), ERR_OK);
	CHECK_EQ(say_complete(BULK_IN, &c, 3), ERR_OK);
	CHECK(replies == 1 && last_ep == 0x81 && last_tag == 5 && last_has_data);
	CHECK(last_reply.status == -LINUX_EPIPE && last_reply.actual == 3);
	CHECK(memcmp(last_data, "\1\2\3", 3) == 0 && !last_reply.unlinked);
	CHECK_EQ(submit(0x02, 8, NULL, &tag), ERR_OK);
	c = (struct wire_complete){
	    .index = 0, .flags = WIRE_UNLINKED, .status = -LINUX_ECONNRESET};
	CHECK_EQ(say_complete(BULK_OUT, &c, 0), ERR_OK);
	CHECK(replies == 2 && last_ep == 0x02 && !last_has_data && last_reply.unlinked);
	reply_says = ERR_PROTO; /* the user knows no such request */
	CHECK_EQ(say_complete(BULK_OUT, &c, 0), ERR_PROTO);
	teardown();
}

static void
replies_that_may_not_be(void)
{
	static const struct {
		struct wire_complete c;
		uint32_t data;
	} t[] = {
	    {{.actual = 3}, 2},     {{.actual = 3}, 4},
	    {{.actual = 0}, 1},     {{.status = 1}, 0},
	    {{.status = -4096}, 0}, {{.status = INT32_MIN}, 0},
	    {{.packets = 1}, 0},    {{.flags = WIRE_UNLINKED, .actual = 2}, 2},
	};
	uint64_t tag;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		imported();
		CHECK_EQ(submit(0x81, 8, NULL, &tag), ERR_OK);
		CHECK_EQ(say_complete(BULK_IN, &t[i].c, t[i].data), ERR_PROTO);
		CHECK_EQ(replies, 0);
		teardown();
	}
}

static int
say_packets(uint32_t sid, const struct wire_complete *c, uint32_t packets, uint32_t data)
{
	struct wr w = writer();

	wire_put_complete(&w, c);
	for (uint32_t i = 0; i < packets; i++) {
		const struct urb_iso p = {.actual = i + 1, .status = -(int32_t)i};

		wire_put_packet(&w, &p);
	}
	for (uint32_t i = 0; i < data; i++)
		wr_u8(&w, (uint8_t)(i + 1));
	return say(sid, WIRE_COMPLETE, &w);
}

#define ISO_IN  (1u << 5 | 5u << 1 | 1u) /* stream_of(1, 0x85) */
#define ISO_OUT (1u << 5 | 6u << 1)      /* stream_of(1, 0x06) */

static int
submit_iso(uint8_t ep, uint32_t len, uint32_t packets, uint64_t *tag)
{
	static struct urb_iso iso[ISO_PACKETS + 1];
	const struct import_request q = {.ep = ep,
					 .type = URB_ISO,
					 .len = len,
					 .packets = packets,
					 .iso = iso,
					 .data = (ep & 0x80) ? NULL
							     : (const uint8_t *)"data"};

	for (uint32_t i = 0; i < packets; i++)
		iso[i] = (struct urb_iso){i * 2, 2, 0, 0, false};
	return imports_submit(m, 1, &q, tag);
}

static void
isochronous(void)
{
	struct wire_complete c = {.actual = 3, .packets = 2, .start_frame = 9};
	const struct pair_got *g;
	struct urb_iso p;
	uint64_t tag;
	struct rd r;

	imported();
	CHECK_EQ(submit_iso(0x06, 4, 2, &tag), ERR_OK);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_SUBMIT);
	CHECK(g->sid == ISO_OUT && g->len == WIRE_SUBMIT_HEAD + 2 * WIRE_PACKET + 4);
	rd_init(&r, g->body + WIRE_SUBMIT_HEAD + WIRE_PACKET, WIRE_PACKET);
	wire_get_packet(&r, &p);
	CHECK(p.offset == 2 && p.length == 2 && p.actual == 0 && p.status == 0);
	CHECK(memcmp(g->body + WIRE_SUBMIT_HEAD + 2 * WIRE_PACKET, "data", 4) == 0);
	CHECK_EQ(submit_iso(0x85, 4, 2, &tag), ERR_OK);
	CHECK_EQ(say_packets(ISO_IN, &c, 2, 3), ERR_OK);
	CHECK(replies == 1 && last_has_data && last_reply.packets == 2);
	CHECK(last_reply.start_frame == 9 && memcmp(last_data, "\1\2\3", 3) == 0);
	CHECK(last_iso[1].actual == 2 && last_iso[1].status == -1);
	CHECK_EQ(say_packets(ISO_OUT, &c, 2, 0), ERR_OK);
	CHECK(replies == 2 && last_reply.packets == 2);
	/* packets count to the longest transfer, which is 2^20 here */
	CHECK_EQ(submit_iso(0x85, (1 << 20) - 31, 2, &tag), ERR_TOOBIG);
	CHECK_EQ(submit_iso(0x85, 2048, ISO_PACKETS + 1, &tag), ERR_TOOBIG);
	CHECK_EQ(submit_iso(0x85, (1 << 20) - 32, 2, &tag), ERR_OK);
	pair.fail_at = pair.gets + 1;
	CHECK_EQ(submit_iso(0x85, 4, 2, &tag), ERR_NOMEM);
	teardown();
}

static void
packets_that_may_not_be(void)
{
	static const struct {
		uint32_t sid;
		struct wire_complete c;
		uint32_t packets, data;
	} t[] = {
	    {ISO_IN, {.packets = 2, .actual = 3}, 1, 3},
	    {ISO_IN, {.packets = 1, .actual = 3}, 2, 3},
	    {ISO_IN, {.packets = 2, .actual = 3}, 2, 0},
	    {ISO_IN, {.packets = 2, .actual = 3}, 2, 2},
	    {ISO_OUT, {.packets = 2, .actual = 3}, 2, 3},
	    {ISO_IN, {.packets = 0x10000000}, 0, 0},
	    {ISO_IN, {.packets = ~0u}, 0, 0},
	    {ISO_IN, {.packets = ISO_PACKETS + 1}, ISO_PACKETS + 1, 0},
	    {ISO_IN, {.packets = 1, .flags = WIRE_UNLINKED}, 1, 0},
	    {1u << 5, {.packets = 1, .actual = 16}, 1, 0},
	};
	uint64_t tag;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		imported();
		CHECK_EQ(submit(0x80, 8, NULL, &tag), ERR_OK);
		CHECK_EQ(submit_iso(0x85, 4, 2, &tag), ERR_OK);
		CHECK_EQ(submit_iso(0x06, 4, 2, &tag), ERR_OK);
		CHECK_EQ(say_packets(t[i].sid, &t[i].c, t[i].packets, t[i].data),
			 ERR_PROTO);
		CHECK_EQ(replies, 0);
		if (test_failed)
			printf("# row %zu\n", i);
		teardown();
	}
}

static void
streams_that_are_not_open(void)
{
	struct wire_complete c = {.index = 0};
	enum stream_prio prio;

	imported(); /* nothing was asked on this endpoint */
	CHECK_EQ(say_complete(BULK_IN, &c, 0), ERR_PROTO);
	teardown();
	imported();
	CHECK_EQ(imports_accept(m, stream_of(2, 0x81), &prio), ERR_PROTO);
	CHECK_EQ(imports_accept(m, STREAM_BENCH, &prio), ERR_PROTO);
	imports_release(m, 1);
	CHECK_EQ(imports_accept(m, BULK_IN, &prio), ERR_GONE);
	CHECK_EQ(say_complete(BULK_IN, &c, 0), ERR_OK); /* ignored */
	CHECK_EQ(replies, 0);
	teardown();
}

static void
release_in_a_reply(void)
{
	struct wire_complete c = {.index = 0};
	uint64_t tag;

	imported();
	CHECK_EQ(submit(0x81, 8, NULL, &tag), ERR_OK);
	CHECK_EQ(submit(0x81, 8, NULL, &tag), ERR_OK);
	release_in_reply = 1;
	CHECK_EQ(say_complete(BULK_IN, &c, 0), ERR_OK);
	c.index = 1;
	CHECK_EQ(say_complete(BULK_IN, &c, 0), ERR_OK);
	CHECK_EQ(replies, 1);
	pair_last(&pair, WIRE_RELEASE);
	teardown();
}

static void
bench_is_passed_on(void)
{
	static const uint8_t body[8];

	welcomed();
	CHECK_EQ(session_open(pair.near, STREAM_ECHO, STREAM_PRIO_INTERRUPT), ERR_OK);
	CHECK_EQ(pair_say(&pair, STREAM_ECHO, WIRE_PONG, body, 8), ERR_OK);
	CHECK_EQ(bench_heard, 1);
	CHECK_EQ(pair_say(&pair, STREAM_ECHO, WIRE_PING, body, 8), ERR_PROTO);
	teardown();
}

/* --- memory --- */

static void
whole_life(void)
{
	struct wire_complete c = {.index = 0, .actual = 8};
	uint32_t dev;
	uint64_t tag;

	(void)(hello(4 << 20, 1 << 20) != ERR_OK || say_welcome() != ERR_OK ||
	       imports_list(m) != ERR_OK || say_devices(40, 40, 0) != ERR_OK ||
	       imports_import(m, "1-4", 0, &user, &pair, &dev) != ERR_OK ||
	       say_imported(1, WIRE_OK, sample, sizeof(sample)) != ERR_OK ||
	       submit(0x81, 8, NULL, &tag) != ERR_OK || submit(0x02, 4096, NULL, &tag) ||
	       imports_unlink(m, 1, 0x02, 0) != ERR_OK ||
	       say_complete(BULK_IN, &c, 8) != ERR_OK || say_removed(1) != ERR_OK);
}

static void
every_allocation_fails_once(void)
{
	unsigned total;

	setup();
	whole_life();
	total = pair.gets;
	CHECK(replies == 1 && removals == 1 && session_failed(pair.near) == ERR_OK);
	teardown();
	CHECK(total > 15);
	for (unsigned i = 4; i <= total; i++) { /* session_new and imports_new before */
		int err;

		setup();
		pair.fail_at = i;
		whole_life();
		err = session_failed(pair.near);
		CHECK(err == ERR_OK || err == ERR_NOMEM);
		teardown();
	}
	pair_init(&pair, 65536, &session_ops, NULL);
	pair.fail_at = pair.gets + 1;
	CHECK(imports_new(&pair.pool, pair.near, &ops, NULL) == NULL);
	pair_fini(&pair);
}

TEST_MAIN(TEST(not_before_the_welcome), TEST(hello_once_welcome_once), TEST(refusals),
	  TEST(device_lists), TEST(import_says_what), TEST(answers_to_import),
	  TEST(descriptors_that_make_no_sense), TEST(removals_by_the_server),
	  TEST(waiting_for_its_turn), TEST(an_end_that_is_near), TEST(requests),
	  TEST(not_before_it_is_ours), TEST(replies_come_through),
	  TEST(replies_that_may_not_be), TEST(isochronous), TEST(packets_that_may_not_be),
	  TEST(streams_that_are_not_open), TEST(release_in_a_reply),
	  TEST(bench_is_passed_on), TEST(every_allocation_fails_once))
