/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The attach side is a peer that says anything (test/core/pair.h); the outside
 * and its devices are played here.
 */
#include "core/after.h"
#include "core/cur.h"
#include "core/exports.h"
#include "core/iso.h"
#include "core/usbip.h"
#include "core/wire.h"
#include "test/core/pair.h"
#include "test/core/sample.h"

#define LENTS 128

static struct pair pair;
static struct exports *e;
static struct pool urbs;

/* the outside */
static struct devinfo info = {
    .busid = "1-4", .busnum = 1, .devnum = 2, .speed = DEVINFO_HIGH, .config = 1};
static int hello_says;
static uint32_t devices, opened, closed; /* in the list; calls */
static uint32_t forgone;                 /* the last one */
static unsigned forgo_at_once;
static uint32_t open_dev;
static char open_busid[DEVINFO_BUSID];
static uint8_t open_flags;
static bool open_at_once, cancel_at_once;
static struct urb *lent[LENTS];
static uint32_t lent_of[LENTS]; /* the device's number */
static uint32_t numbers[256];   /* number i is device &numbers[i] */
static unsigned lents, cancels;
static void (*in_submit)(void), (*in_close)(void);
static uint32_t my_window;
static uint64_t my_caps, their_caps;

static int
on_hello(void *arg, const struct wire_hello *h, struct wire_hello *reply,
	 struct wire_refusal *no)
{
	(void)arg;
	CHECK_EQ(h->greet.major, 1);
	strcpy(no->text, "no, thank you");
	strcpy(reply->greet.name, "lab");
	reply->window = my_window;
	reply->greet.caps = my_caps;
	reply->urb_max = 1 << 20;
	return hello_says;
}

static bool
on_list(void *arg, unsigned i, struct wire_device *d)
{
	(void)arg;
	memset(d, 0, sizeof(*d));
	d->info = info;
	memset(d->info.product, 'p', sizeof(d->info.product) - 1);
	return i < devices;
}

static void
yes(uint32_t dev)
{
	static const struct wire_refusal ok = {WIRE_OK, ""};
	const struct exports_device d = {&numbers[dev], &info,
					 sample,        sizeof(sample),
					 sample_cache,  sizeof(sample_cache)};

	numbers[dev] = dev;
	exports_opened(e, dev, &ok, &d);
}

static void
on_open(void *arg, uint32_t dev, const char *busid, uint8_t flags)
{
	(void)arg;
	opened++;
	open_dev = dev;
	strcpy(open_busid, busid);
	open_flags = flags;
	if (open_at_once)
		yes(dev);
}

static int
on_submit(void *device, struct urb *u)
{
	CHECK(lents < LENTS);
	lent_of[lents] = *(uint32_t *)device;
	lent[lents++] = u;
	if (in_submit != NULL)
		in_submit();
	return ERR_OK;
}

static void
complete(struct urb *u, int32_t status, uint32_t actual)
{
	unsigned i = lents;

	while (lent[--i] != u)
		CHECK(i > 0);
	lent[i] = NULL;
	u->status = status;
	u->actual = actual;
	exports_complete(e, lent_of[i], u);
}

static void
on_cancel(void *device, struct urb *u)
{
	(void)device;
	cancels++;
	if (cancel_at_once)
		complete(u, -LINUX_ECONNRESET, 0);
}

static void
on_close(void *arg, void *device)
{
	(void)arg;
	CHECK(device >= (void *)numbers && device < (void *)&numbers[256]);
	closed++;
	if (in_close != NULL)
		in_close();
}

/* Says no at once when told to, as for one that waits for its turn. */
static void
on_forgo(void *arg, uint32_t dev)
{
	static const struct wire_refusal no = {WIRE_TROUBLE, "not wanted"};

	(void)arg;
	forgone = dev;
	if (forgo_at_once)
		exports_opened(e, dev, &no, NULL);
}

static const struct exports_ops ops = {on_hello,  on_list,  on_open, on_submit,
				       on_cancel, on_close, on_forgo};

static int
message(void *arg, const struct session_msg *m)
{
	(void)arg;
	return exports_message(e, m);
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	return exports_accept(e, sid, prio);
}

static const struct session_ops session_ops = {message, accept, pair_wake};

static void
setup_window(uint32_t window)
{
	static const struct exports_conf conf = {&urbs, 1 << 20};

	urbs = (struct pool)TEST_POOL(4 << 20);
	my_window = window;
	pair_init(&pair, my_window, &session_ops, NULL);
	e = exports_new(&pair.pool, pair.near, &conf, &ops, NULL);
	CHECK(e != NULL);
	hello_says = ERR_OK;
	devices = 1;
	opened = closed = lents = cancels = 0;
	open_dev = 0;
	open_at_once = cancel_at_once = true;
	in_submit = in_close = NULL;
}

static void
setup(void)
{
	setup_window(4 << 20);
}

static void
teardown(void)
{
	cancel_at_once = true;
	CHECK(exports_end(e));
	exports_free(e);
	pair_fini(&pair);
	CHECK_EQ(urbs.used, 0);
}

/* --- what the peer says --- */

static int
say_hello(uint32_t window)
{
	struct wire_hello h;
	uint8_t b[512];
	struct wr w;

	memset(&h, 0, sizeof(h));
	h.greet.major = 1;
	h.window = window;
	h.urb_max = 1 << 20;
	h.greet.caps = their_caps;
	wr_init(&w, b, sizeof(b));
	wire_put_hello(&w, &h);
	return pair_say(&pair, STREAM_SESSION, WIRE_HELLO, b, (size_t)(w.p - b));
}

static int
say_import(uint32_t dev, uint8_t flags)
{
	struct wire_import i = {.dev = dev, .flags = flags, .busid = "1-4"};
	uint8_t b[64];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_import(&w, &i);
	return pair_say(&pair, STREAM_SESSION, WIRE_IMPORT, b, (size_t)(w.p - b));
}

static int
say_release(uint32_t dev)
{
	uint8_t b[4];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wr_le32(&w, dev);
	return pair_say(&pair, STREAM_SESSION, WIRE_RELEASE, b, sizeof(b));
}

static int
say_unlink(uint32_t sid, uint64_t index)
{
	uint8_t b[12];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wr_le32(&w, sid);
	wr_le64(&w, index);
	return pair_say(&pair, STREAM_SESSION, WIRE_UNLINK, b, sizeof(b));
}

static uint32_t say_after, say_flags; /* of the SUBMITs that follow */

/* data: bytes behind the head, whatever len says. */
static int
say_submit(uint32_t sid, uint32_t len, const uint8_t *setup_bytes, uint32_t data)
{
	static uint8_t b[WIRE_SUBMIT_HEAD + (1 << 20)];
	struct wire_submit s = {.after = say_after, .flags = say_flags, .len = len};
	struct wr w;

	if (setup_bytes != NULL)
		memcpy(s.setup, setup_bytes, 8);
	wr_init(&w, b, sizeof(b));
	wire_put_submit(&w, &s);
	for (uint32_t i = 0; i < data; i++)
		b[WIRE_SUBMIT_HEAD + i] = (uint8_t)i;
	return pair_say(&pair, sid, WIRE_SUBMIT, b, WIRE_SUBMIT_HEAD + data);
}

/* Packets and data behind the head, as many as the test likes. */
static int
say_iso(uint32_t sid, uint32_t len, uint32_t packets, const struct urb_iso *iso,
	uint32_t sent, uint32_t data)
{
	static const uint8_t bytes[4096] = {1, 2, 3};
	static uint8_t b[WIRE_SUBMIT_HEAD + 65536];
	const struct wire_submit s = {.len = len, .packets = packets, .start_frame = 5};
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_submit(&w, &s);
	for (uint32_t i = 0; i < sent; i++)
		wire_put_packet(&w, &iso[i]);
	wr_bytes(&w, bytes, data);
	CHECK(!w.bad);
	return pair_say(&pair, sid, WIRE_SUBMIT, b, (size_t)(w.p - b));
}

/* Past hello and IMPORTED of device 1. */
static void
imported(void)
{
	setup();
	CHECK_EQ(say_hello(4 << 20), ERR_OK);
	CHECK_EQ(say_import(1, 0), ERR_OK);
	pair_last(&pair, WIRE_IMPORTED);
}

static struct wire_complete
heard_complete(const struct pair_got *g)
{
	struct wire_complete c;
	struct rd r;

	memset(&c, 0, sizeof(c));
	rd_init(&r, g->body, WIRE_COMPLETE_HEAD);
	CHECK_EQ(wire_get_complete(&r, &c), ERR_OK);
	return c;
}

#define BULK_IN  stream_of(1, 0x81)
#define BULK_OUT stream_of(1, 0x02)
#define CONTROL  stream_of(1, 0x00)

/* --- greeting --- */

static void
nothing_before_hello(void)
{
	static const struct {
		uint32_t sid;
		uint8_t type;
		uint32_t len;
		int err;
	} t[] = {
	    {STREAM_SESSION, WIRE_LIST, 0, ERR_PROTO},
	    {STREAM_SESSION, WIRE_IMPORT, 10, ERR_PROTO},
	    {STREAM_SESSION, WIRE_RELEASE, 4, ERR_PROTO},
	    {STREAM_SESSION, WIRE_UNLINK, 12, ERR_PROTO},
	    {STREAM_SESSION, WIRE_HELLO, 98, ERR_PROTO},
	    {STREAM_SESSION, WIRE_WELCOME, 150, ERR_PROTO},
	    {STREAM_SESSION, 127, 0, ERR_PROTO},
	    {STREAM_SESSION, 128, 0, ERR_OK},
	    {STREAM_BENCH, WIRE_PING, 8, ERR_PROTO},
	    {STREAM_ECHO, WIRE_PING, 8, ERR_PROTO},
	    {32, WIRE_SUBMIT, 32, ERR_PROTO},
	    {STREAM_SESSION, WIRE_SUBMIT, 32, ERR_PROTO},
	};
	static const uint8_t body[200];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		setup();
		CHECK_EQ(pair_say(&pair, t[i].sid, t[i].type, body, t[i].len), t[i].err);
		CHECK_EQ(opened + pair.gots, 0);
		CHECK(!exports_open(e));
		if (test_failed)
			printf("# row %zu\n", i);
		teardown();
	}
}

static void
hello_and_welcome(void)
{
	struct wire_hello h;
	const struct pair_got *g;
	struct rd r;

	setup();
	CHECK_EQ(say_hello(4 << 20), ERR_OK);
	g = pair_last(&pair, WIRE_WELCOME);
	rd_init(&r, g->body, g->len);
	CHECK_EQ(wire_get_hello(&r, &h), ERR_OK);
	CHECK(strcmp(h.greet.name, "lab") == 0 && h.window == my_window);
	CHECK(exports_open(e));
	CHECK_EQ(say_hello(4 << 20), ERR_PROTO); /* once */
	teardown();
}

static void
refused(void)
{
	struct wire_refusal no;
	const struct pair_got *g;
	struct rd r;

	setup();
	hello_says = ERR_REFUSED;
	CHECK_EQ(say_hello(4 << 20), ERR_OK);
	g = pair_last(&pair, WIRE_REFUSED);
	rd_init(&r, g->body, g->len);
	CHECK_EQ(wire_get_refusal(&r, &no), ERR_OK);
	CHECK(no.reason == WIRE_NOT_ALLOWED && strcmp(no.text, "no, thank you") == 0);
	CHECK(!exports_open(e));
	hello_says = ERR_OK;
	CHECK_EQ(say_hello(4 << 20), ERR_PROTO); /* no second try */
	CHECK(!exports_open(e));
	teardown();
}

/* --- lists --- */

/* How many devices the last DEVICES holds. */
static unsigned
listed(void)
{
	const struct pair_got *g = pair_last(&pair, WIRE_DEVICES);

	return g->body[0] | (unsigned)g->body[1] << 8;
}

static void
list_and_changes(void)
{
	setup();
	CHECK_EQ(say_hello(4 << 20), ERR_OK);
	for (devices = 0; devices < 3; devices++) {
		CHECK_EQ(pair_say(&pair, STREAM_SESSION, WIRE_LIST, NULL, 0), ERR_OK);
		CHECK_EQ(listed(), devices);
	}
	exports_changed(e);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(pair.gots, 5);
	CHECK_EQ(listed(), 3);
	teardown();
	setup();
	exports_changed(e); /* nobody is there */
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(pair.gots, 0);
	teardown();
}

/* As many as fit in the message and in the peer's window. */
static void
more_devices_than_fit(void)
{
	static const uint32_t window[] = {0, 65536, 100000, 1 << 20};

	for (size_t i = 0; i < ARRAY_LEN(window); i++) {
		setup();
		devices = 1000000;
		CHECK_EQ(say_hello(window[i]), ERR_OK);
		CHECK_EQ(pair_say(&pair, STREAM_SESSION, WIRE_LIST, NULL, 0), ERR_OK);
		CHECK(listed() > 100 && listed() < 5000);
		CHECK(pair_last(&pair, WIRE_DEVICES)->len <= WIRE_LARGE);
		teardown();
	}
}

/* --- import and release --- */

static unsigned
import_reason(void)
{
	const struct pair_got *g = pair_last(&pair, WIRE_IMPORTED);
	struct wire_imported i;
	struct rd r;

	memset(&i, 0, sizeof(i));
	rd_init(&r, g->body, g->len);
	CHECK_EQ(wire_get_imported(&r, &i), ERR_OK);
	if (i.no.reason == WIRE_OK)
		CHECK(i.raw_len == sizeof(sample) &&
		      memcmp(i.raw, sample, sizeof(sample)) == 0 &&
		      i.cache_len == sizeof(sample_cache) &&
		      memcmp(i.cache, sample_cache, sizeof(sample_cache)) == 0);
	return i.no.reason;
}

static void
import_numbers_rise(void)
{
	imported();
	CHECK_EQ(import_reason(), WIRE_OK);
	CHECK(opened == 1 && open_dev == 1 && strcmp(open_busid, "1-4") == 0);
	CHECK_EQ(say_import(5, 0xff), ERR_OK);
	CHECK_EQ(open_dev, 5);
	CHECK_EQ(open_flags, 1);               /* what is not known is masked */
	CHECK_EQ(say_import(5, 0), ERR_PROTO); /* the same again */
	CHECK_EQ(opened, 2);
	teardown();
	imported();
	CHECK_EQ(say_import(4, 0), ERR_OK);
	CHECK_EQ(say_import(3, 0), ERR_PROTO);
	teardown();
	imported();
	CHECK_EQ(say_import(STREAM_DEV_MAX + 1, 0), ERR_PROTO);
	teardown();
	setup();
	CHECK_EQ(say_hello(1 << 20), ERR_OK);
	CHECK_EQ(say_import(0, 0), ERR_PROTO);
	teardown();
}

static void
too_many_devices(void)
{
	setup();
	open_at_once = false;
	CHECK_EQ(say_hello(1 << 20), ERR_OK);
	for (uint32_t i = 1; i <= EXPORTS_DEVS; i++)
		CHECK_EQ(say_import(i, 0), ERR_OK);
	CHECK_EQ(pair.gots, 1);
	CHECK_EQ(say_import(EXPORTS_DEVS + 1, 0), ERR_OK);
	CHECK_EQ(import_reason(), WIRE_LIMIT);
	CHECK_EQ(opened, EXPORTS_DEVS);
	for (uint32_t i = 1; i <= EXPORTS_DEVS; i++)
		yes(i);
	CHECK_EQ(say_release(7), ERR_OK);
	CHECK_EQ(closed, 1);
	open_at_once = true;
	CHECK_EQ(say_import(EXPORTS_DEVS + 2, 0), ERR_OK);
	CHECK_EQ(import_reason(), WIRE_OK);
	teardown();
	CHECK_EQ(closed, EXPORTS_DEVS + 1);
}

static void
device_that_cannot_be_opened(void)
{
	static const struct wire_refusal busy = {WIRE_IN_USE, "held by anna"};
	static const struct wire_refusal ok = {WIRE_OK, ""};
	struct exports_device d = {&numbers[2], &info, sample, 17, NULL, 0};

	setup();
	open_at_once = false;
	CHECK_EQ(say_hello(1 << 20), ERR_OK);
	CHECK_EQ(say_import(1, 0), ERR_OK);
	exports_opened(e, 1, &busy, NULL);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(import_reason(), WIRE_IN_USE);
	CHECK_EQ(closed, 0);
	CHECK_EQ(say_import(2, 0), ERR_OK);
	exports_opened(e, 2, &ok, &d); /* its descriptors are cut short */
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(import_reason(), WIRE_TROUBLE);
	CHECK_EQ(closed, 1);
	urbs.budget = 10;
	CHECK_EQ(say_import(3, 0), ERR_OK);
	yes(3);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(import_reason(), WIRE_LIMIT);
	CHECK_EQ(closed, 2);
	teardown();
}

static void
let_go_while_opening(void)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, "unplugged"};
	static const struct wire_refusal busy = {WIRE_IN_USE, ""};

	/* who lets go: 0 the peer, 1 the outside, 2 the link; what open then says */
	for (unsigned i = 0; i < 6; i++) {
		unsigned heard;

		setup();
		open_at_once = false;
		CHECK_EQ(say_hello(1 << 20), ERR_OK);
		CHECK_EQ(say_import(1, 0), ERR_OK);
		if (i % 3 == 0)
			CHECK_EQ(say_release(1), ERR_OK);
		else if (i % 3 == 1)
			exports_remove(e, 1, &why);
		else
			CHECK(!exports_end(e));
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		if (i % 3 == 1)
			pair_last(&pair, WIRE_REMOVED);
		heard = pair.gots;
		CHECK_EQ(closed, 0);
		if (i < 3)
			yes(1);
		else
			exports_opened(e, 1, &busy, NULL);
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		CHECK_EQ(pair.gots, heard);
		CHECK_EQ(closed, i < 3);
		CHECK(exports_end(e));
		teardown();
	}
}

static void
an_end_that_is_near(void)
{
	struct wire_ends ends = {.seconds = 30, .why = "bed time"}, got;
	const struct pair_got *g;
	unsigned heard;
	struct rd r;

	setup();
	CHECK_EQ(say_hello(4 << 20), ERR_OK);
	CHECK_EQ(say_import(1, 0), ERR_OK);
	exports_ends(e, 1, &ends);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_ENDS);
	rd_init(&r, g->body, g->len);
	CHECK_EQ(wire_get_ends(&r, &got), ERR_OK);
	CHECK(got.dev == 1 && got.seconds == 30 && strcmp(got.why, "bed time") == 0);
	heard = pair.gots;
	exports_ends(e, 2, &ends); /* there is none */
	CHECK_EQ(say_release(1), ERR_OK);
	exports_ends(e, 1, &ends);
	open_at_once = false;
	CHECK_EQ(say_import(2, 0), ERR_OK);
	exports_ends(e, 2, &ends); /* not yet */
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(pair.gots, heard);
	yes(2);
	open_at_once = true;
	teardown();
}

static void
waiting_for_its_turn(void)
{
	struct wire_queued q = {.position = 2, .since = 5, .holder = "anna"}, got;
	const struct pair_got *g;
	struct rd r;

	for (forgo_at_once = 0; forgo_at_once < 2; forgo_at_once++) {
		static const struct wire_refusal busy = {WIRE_IN_USE, "busy"};
		unsigned heard;

		setup();
		open_at_once = false;
		CHECK_EQ(say_hello(4 << 20), ERR_OK);
		closed = 0;
		forgone = 0;
		CHECK_EQ(say_import(1, 0), ERR_OK);
		exports_queued(e, 1, &q);
		exports_queued(e, 2, &q); /* there is none */
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		g = pair_last(&pair, WIRE_QUEUED);
		rd_init(&r, g->body, g->len);
		CHECK_EQ(wire_get_queued(&r, &got), ERR_OK);
		CHECK(got.dev == 1 && got.position == 2 &&
		      strcmp(got.holder, "anna") == 0);
		heard = pair.gots;
		CHECK_EQ(say_release(1), ERR_OK);
		CHECK_EQ(forgone, 1);
		exports_queued(e, 1, &q); /* it does not want to know */
		if (!forgo_at_once)
			exports_opened(e, 1, &busy, NULL);
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		CHECK_EQ(pair.gots, heard);
		CHECK_EQ(closed, 0);
		CHECK_EQ(say_import(2, 0), ERR_OK); /* and one that turns up */
		yes(2);
		exports_queued(e, 2, &q);
		CHECK_EQ(say_release(2), ERR_OK);
		CHECK(forgone == 1 && closed == 1);
		teardown();
	}
	forgo_at_once = 0;
}

static void
release_of_what_is_not_there(void)
{
	const struct session_msg late = {
	    .sid = stream_of(1, 0x81), .type = WIRE_SUBMIT, .len = WIRE_SUBMIT_HEAD};

	imported();
	CHECK_EQ(say_release(1), ERR_OK);
	CHECK_EQ(closed, 1);
	CHECK_EQ(say_release(1), ERR_OK); /* it may have crossed REMOVED */
	CHECK_EQ(closed, 1);
	CHECK_EQ(exports_message(e, &late), ERR_OK);
	CHECK_EQ(say_release(2), ERR_PROTO); /* never asked for */
	teardown();
}

/* --- requests --- */

static void
requests_and_replies(void)
{
	struct wire_complete c;
	const struct pair_got *g;
	struct export_stats st;

	imported();
	CHECK_EQ(say_submit(BULK_OUT, 600, NULL, 600), ERR_OK);
	CHECK_EQ(say_submit(BULK_IN, 512, NULL, 0), ERR_OK);
	CHECK_EQ(say_submit(BULK_IN, 512, NULL, 0), ERR_OK);
	CHECK_EQ(lents, 3);
	CHECK(lent[0]->ep == 0x02 && lent[0]->len == 600 &&
	      lent[0]->buf[599] == 599 % 256);
	memcpy(lent[2]->buf, "abc", 3);
	complete(lent[2], 0, 3);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_COMPLETE);
	c = heard_complete(g);
	CHECK(g->sid == BULK_IN && c.index == 1 && c.status == 0 && c.actual == 3);
	CHECK(g->len == 36 && memcmp(g->body + 33, "abc", 3) == 0);
	complete(lent[0], -LINUX_EPIPE, 100);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_COMPLETE);
	c = heard_complete(g);
	CHECK(g->sid == BULK_OUT && c.index == 0 && c.status == -LINUX_EPIPE);
	CHECK(c.actual == 100 && g->len == 33); /* OUT has no data */
	exports_stats(e, &st);
	CHECK(st.urbs == 3 && st.inflight == 1 && st.bytes_in == 3);
	CHECK_EQ(say_release(1), ERR_OK);
	exports_stats(e, &st); /* the sum outlives the device */
	CHECK(st.urbs == 3 && st.inflight == 0 && st.failed == 1);
	teardown();
}

#define ISO_IN  stream_of(1, 0x85)
#define ISO_OUT stream_of(1, 0x06)

static const struct urb_iso two[] = {{8, 16, 0, 0, false}, {32, 32, 0, 0, false}};

/* Device 1 with its isochronous endpoints. */
static void
streaming(void)
{
	static const uint8_t set_if[8] = {1, 11, 1, 0, 2, 0, 0, 0};

	imported();
	CHECK_EQ(say_submit(CONTROL, 0, set_if, 0), ERR_OK);
	complete(lent[0], 0, 0);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	lents = 0;
}

static void
isochronous(void)
{
	const struct pair_got *g;
	struct wire_complete c;
	struct urb_iso iso[2];
	enum stream_prio prio;
	struct rd r;

	streaming();
	CHECK_EQ(exports_accept(e, ISO_IN, &prio), ERR_OK);
	CHECK_EQ(prio, STREAM_PRIO_ISO);
	CHECK_EQ(say_iso(ISO_IN, 64, 2, two, 2, 0), ERR_OK);
	CHECK_EQ(say_iso(ISO_OUT, 64, 2, two, 2, 64), ERR_OK);
	CHECK_EQ(lents, 2);
	CHECK(lent[0]->packets == 2 && lent[0]->iso[1].offset == 32 &&
	      lent[0]->iso[1].length == 32 && lent[0]->start_frame == 5);
	CHECK(lent[1]->buf[2] == 3 && lent[1]->packets == 2);
	memcpy(lent[0]->buf + 8, "abc", 3);
	memcpy(lent[0]->buf + 32, "de", 2);
	lent[0]->iso[0].actual = 3;
	lent[0]->iso[0].status = 0;
	lent[0]->iso[1].actual = 2;
	lent[0]->iso[1].status = -LINUX_EILSEQ;
	complete(lent[0], 0, 0);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_COMPLETE);
	c = heard_complete(g);
	CHECK(g->sid == ISO_IN && c.packets == 2 && c.actual == 5 && c.start_frame == 5);
	CHECK(c.error_count == 1 && g->len == WIRE_COMPLETE_HEAD + 2 * WIRE_PACKET + 5);
	rd_init(&r, g->body + WIRE_COMPLETE_HEAD, 2 * WIRE_PACKET);
	wire_get_packet(&r, &iso[0]);
	wire_get_packet(&r, &iso[1]);
	CHECK(iso[0].actual == 3 && iso[0].status == 0);
	CHECK(iso[1].actual == 2 && iso[1].status == -LINUX_EILSEQ);
	CHECK(memcmp(g->body + WIRE_COMPLETE_HEAD + 2 * WIRE_PACKET, "abcde", 5) == 0);
	CHECK_EQ(say_unlink(ISO_OUT, 0), ERR_OK);
	g = pair_last(&pair, WIRE_COMPLETE);
	c = heard_complete(g);
	CHECK(c.flags == WIRE_UNLINKED && c.packets == 0);
	CHECK_EQ(g->len, WIRE_COMPLETE_HEAD);
	teardown();
}

/* SUBMIT whose last tail bytes may get lost, and [from, to) of them do. */
static int
say_lossy(uint32_t sid, uint32_t len, uint32_t packets, uint32_t tail, uint32_t from,
	  uint32_t to)
{
	const struct wire_submit s = {.len = len, .packets = packets};
	uint8_t b[512] = {0};
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_submit(&w, &s);
	for (uint32_t i = 0; i < packets; i++)
		wire_put_packet(&w, &two[i]);
	memset(w.p, 7, len);
	w.p += (sid & 1) != 0 ? 0 : len;
	return pair_say_tail(&pair, sid, WIRE_SUBMIT, b, (size_t)(w.p - b), tail, from,
			     to);
}

static void
with_tails(void)
{
	my_caps = their_caps = WIRE_CAPS;
	streaming();
	my_caps = their_caps = 0;
	CHECK(session_has_tails(pair.near));
}

/* A packet whose data got lost is run without any, and its driver is told. */
static void
lost_packets_are_told(void)
{
	const struct pair_got *g;
	struct wire_complete c;
	struct urb_iso iso[2];
	struct rd r;

	with_tails();
	CHECK_EQ(say_lossy(ISO_OUT, 64, 2, 64, 23, 24), ERR_OK);
	CHECK_EQ(lents, 1);
	CHECK(lent[0]->iso[0].lost && lent[0]->iso[0].length == 0);
	CHECK(!lent[0]->iso[1].lost && lent[0]->iso[1].length == 32);
	CHECK_EQ(lent[0]->buf[32 + 31], 7);
	for (int i = 0; i < 2; i++) {
		lent[0]->iso[i].actual = lent[0]->iso[i].length;
		lent[0]->iso[i].status = 0;
	}
	complete(lent[0], 0, 0);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	g = pair_last(&pair, WIRE_COMPLETE);
	c = heard_complete(g);
	CHECK(c.packets == 2 && c.actual == 32 && c.error_count == 1 && c.status == 0);
	rd_init(&r, g->body + WIRE_COMPLETE_HEAD, 2 * WIRE_PACKET);
	wire_get_packet(&r, &iso[0]);
	wire_get_packet(&r, &iso[1]);
	CHECK(iso[0].actual == 0 && iso[0].status == -LINUX_EXDEV);
	CHECK(iso[1].actual == 32 && iso[1].status == 0);
	/* what is between the packets is nobody's */
	CHECK_EQ(say_lossy(ISO_OUT, 64, 2, 64, 24, 32), ERR_OK);
	CHECK(lents == 2 && !lent[1]->iso[0].lost && !lent[1]->iso[1].lost);
	CHECK_EQ(say_lossy(ISO_OUT, 64, 2, 64, 0, 64), ERR_OK);
	CHECK(lents == 3 && lent[2]->iso[0].lost && lent[2]->iso[1].lost);
	teardown();
}

/* Both must know them. IN data then go as a datagram, OUT data have come as one. */
static void
tails_are_agreed(void)
{
	struct session_stats st;
	const struct pair_got *g;

	for (unsigned i = 0; i < 4; i++) {
		my_caps = i & 1 ? WIRE_CAPS : WIRE_CAPS << 1;
		their_caps = i & 2 ? WIRE_CAPS | 64 : 64;
		streaming();
		my_caps = their_caps = 0;
		CHECK_EQ(session_has_tails(pair.near), i == 3);
		if (i == 3)
			session_tails(pair.far);
		CHECK_EQ(say_iso(ISO_IN, 64, 2, two, 2, 0), ERR_OK);
		memcpy(lent[0]->buf + 32, "abc", 3);
		lent[0]->iso[1].actual = 3;
		lent[0]->iso[1].status = 0;
		complete(lent[0], 0, 0);
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		g = pair_last(&pair, WIRE_COMPLETE);
		CHECK_EQ(g->len, WIRE_COMPLETE_HEAD + 2 * WIRE_PACKET + 3);
		CHECK(memcmp(g->body + g->len - 3, "abc", 3) == 0);
		session_stats(pair.near, &st);
		CHECK_EQ(st.sent, i == 3);
		CHECK_EQ(say_lossy(ISO_OUT, 64, 2, 64, 0, 0),
			 i == 3 ? ERR_OK : ERR_PROTO);
		teardown();
	}
}

/* --- requests that wait for another --- */

static void
ordered(uint64_t mine, uint64_t theirs)
{
	my_caps = mine;
	their_caps = theirs;
	imported();
	my_caps = their_caps = 0;
}

static void
say_read(uint32_t after)
{
	say_after = after;
	CHECK_EQ(say_submit(BULK_IN, 512, NULL, 0), ERR_OK);
	say_after = 0;
}

static void
one_begins_after_another(void)
{
	ordered(WIRE_CAPS, WIRE_CAPS);
	say_read(after_name(0x02, 1));
	say_read(after_name(0x02, 0));
	CHECK_EQ(lents, 0);
	CHECK_EQ(say_submit(BULK_OUT, 31, NULL, 31), ERR_OK);
	CHECK_EQ(lents, 1);
	complete(lent[0], 0, 31);
	CHECK_EQ(lents, 2); /* the second of them */
	CHECK_EQ(lent[1]->ep, 0x81);
	CHECK_EQ(say_submit(BULK_OUT, 31, NULL, 31), ERR_OK);
	complete(lent[2], -LINUX_EPIPE, 0); /* as it is, it has ended */
	CHECK_EQ(lents, 4);
	say_read(after_name(0x02, 1)); /* has ended already */
	say_read(after_name(0x02, 0));
	CHECK_EQ(lents, 6);
	complete(lent[1], 0, 0);
	complete(lent[3], 0, 0);
	teardown();
}

/* One that fails before it gets to the device has ended, too; IN as well as OUT. */
static void
one_that_fails_has_ended(void)
{
	ordered(WIRE_CAPS, WIRE_CAPS);
	say_read(after_name(0x02, 0));
	CHECK_EQ(say_submit(BULK_IN, 512, NULL, 0), ERR_OK);
	complete(lent[0], 0, 0);
	CHECK_EQ(lents, 1);
	CHECK_EQ(say_unlink(BULK_OUT, 0), ERR_OK); /* before it comes */
	CHECK_EQ(say_submit(BULK_OUT, 31, NULL, 31), ERR_OK);
	CHECK_EQ(lents, 2);
	CHECK_EQ(lent[1]->ep, 0x81);
	complete(lent[1], 0, 0);
	say_after = after_name(0x81, 2);
	CHECK_EQ(say_submit(BULK_OUT, 31, NULL, 31), ERR_OK);
	say_after = 0;
	CHECK_EQ(lents, 2);
	CHECK_EQ(say_submit(BULK_IN, 512, NULL, 0), ERR_OK);
	complete(lent[2], -LINUX_EPIPE, 0);
	CHECK_EQ(lents, 4);
	complete(lent[3], 0, 31);
	teardown();
}

/* --- a row of them, each of which wants the one before to be well --- */

static void
say_if_well(uint32_t sid, uint32_t len, uint32_t after)
{
	bool out = (sid & 1) == 0;

	say_flags = WIRE_IF_WELL;
	say_after = after;
	CHECK_EQ(say_submit(sid, len, NULL, out ? len : 0), ERR_OK);
	say_flags = say_after = 0;
}

/* Commands of a disk: command block, data, status. */
static void
say_row(unsigned n)
{
	ordered(WIRE_CAPS, WIRE_CAPS);
	for (unsigned i = 0; i < n; i++) {
		say_if_well(BULK_OUT, 31, i > 0 ? after_name(0x81, 2 * i - 1) : 0);
		say_if_well(BULK_IN, 512, after_name(0x02, i));
		say_if_well(BULK_IN, 13, after_name(0x81, 2 * i));
	}
	CHECK_EQ(lents, 1);
}

/* A status of the disk: so it ends. */
static void
end_status(struct urb *u, uint8_t how)
{
	memset(u->buf, 0, 13);
	u->buf[12] = how;
	complete(u, 0, 13);
}

static void
a_row_goes_on(void)
{
	say_row(2);
	complete(lent[0], 0, 31);
	CHECK_EQ(lents, 2);
	complete(lent[1], 0, 100); /* short: the status says how */
	CHECK_EQ(lents, 3);
	end_status(lent[2], 0);
	CHECK_EQ(lents, 4);
	CHECK_EQ(lent[3]->ep, 0x02);
	complete(lent[3], 0, 31);
	complete(lent[4], 0, 512);
	end_status(lent[5], 0);
	CHECK_EQ(lents, 6);
	say_if_well(BULK_OUT, 31, after_name(0x81, 3)); /* well, and long ago */
	CHECK_EQ(lents, 7);
	complete(lent[6], 0, 31);
	teardown();
}

/* Those that are left come back, and none of them has seen the device. */
static void
a_row_ends(void)
{
	static const struct {
		unsigned at; /* the request of the row that goes wrong */
		int32_t status;
		uint32_t actual;
		uint8_t how;
	} t[] = {{0, -LINUX_EPIPE, 0, 0},  {0, 0, 30, 0}, {1, -LINUX_EPIPE, 512, 0},
		 {1, -LINUX_EPROTO, 0, 0}, {2, 0, 13, 1}, {2, 0, 12, 0},
		 {2, -LINUX_EPIPE, 13, 0}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		say_row(30);
		for (unsigned k = 0; k < t[i].at; k++)
			complete(lent[k], 0, lent[k]->len);
		if (lent[t[i].at]->len == 13)
			lent[t[i].at]->buf[12] = t[i].how;
		complete(lent[t[i].at], t[i].status, t[i].actual);
		CHECK_EQ(lents, t[i].at + 1);
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		CHECK_EQ(heard_complete(pair_last(&pair, WIRE_COMPLETE)).flags,
			 WIRE_UNLINKED);
		say_if_well(BULK_OUT, 31, after_name(0x81, 59)); /* came back */
		CHECK_EQ(heard_complete(pair_last(&pair, WIRE_COMPLETE)).flags,
			 WIRE_UNLINKED);
		CHECK_EQ(lents, t[i].at + 1);
		CHECK_EQ(say_submit(BULK_OUT, 31, NULL, 31), ERR_OK);
		CHECK_EQ(lents, t[i].at + 2);
		complete(lent[t[i].at + 1], 0, 31);
		teardown();
	}
}

/* What ended too long ago is not said to have ended well. */
static void
nobody_knows_any_more(void)
{
	ordered(WIRE_CAPS, WIRE_CAPS);
	for (unsigned i = 0; i < 65; i++) {
		CHECK_EQ(say_submit(BULK_OUT, 31, NULL, 31), ERR_OK);
		complete(lent[i], 0, 31);
	}
	say_if_well(BULK_IN, 512, after_name(0x02, 1));
	CHECK_EQ(lents, 66);
	complete(lent[65], 0, 512);
	say_if_well(BULK_IN, 512, after_name(0x02, 0));
	CHECK_EQ(lents, 66);
	teardown();
}

static void
one_that_waits_is_unlinked(void)
{
	struct wire_complete c;

	ordered(WIRE_CAPS, WIRE_CAPS);
	say_read(after_name(0x02, 0));
	CHECK_EQ(say_unlink(BULK_IN, 0), ERR_OK);
	c = heard_complete(pair_last(&pair, WIRE_COMPLETE));
	CHECK_EQ(c.flags, WIRE_UNLINKED);
	CHECK_EQ(lents, 0);
	say_read(after_name(0x02, 0));
	CHECK_EQ(say_release(1), ERR_OK);
	CHECK_EQ(closed, 1);
	teardown();
}

static void
waiting_is_agreed(void)
{
	for (unsigned i = 0; i < 3; i++) {
		ordered(i & 1 ? WIRE_CAP_AFTER : 1, i & 2 ? WIRE_CAP_AFTER : 1);
		say_read(after_name(0x02, 0));
		CHECK_EQ(lents, 1);
		teardown();
	}
}

/* Data are of use as long as the device has packets to go on with, 200 ms at least. */
static void
patience_is_the_drivers(void)
{
	static const struct {
		uint32_t urbs;
		uint64_t ms;
		bool leaves;
	} t[] = {{1, 199, true},  {1, 200, false},  {6, 599, true},
		 {6, 600, false}, {99, 4999, true}, {99, 5000, false}};
	static struct urb_iso iso[100];
	struct session_stats st;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		with_tails();
		session_tails(pair.far);
		for (uint32_t k = 0; k < t[i].urbs; k++)
			CHECK_EQ(say_iso(ISO_IN, 64, 100, iso, 100, 0), ERR_OK);
		lent[0]->iso[0] = (struct urb_iso){.length = 3, .actual = 3};
		session_arq_ops.clock(pair.near, 7000);
		complete(lent[0], 0, 0);
		session_arq_ops.clock(pair.near, 1000000);
		session_arq_ops.clock(pair.near, 1000000 + t[i].ms * 1000);
		CHECK_EQ(pair_flush(&pair), ERR_OK);
		session_stats(pair.near, &st);
		CHECK_EQ(st.sent, t[i].leaves);
		CHECK_EQ(st.expired, !t[i].leaves);
		teardown();
	}
}

static void
tails_where_none_may_be(void)
{
	const struct {
		uint32_t sid, len, packets, tail;
	} t[] = {
	    {ISO_OUT, 64, 2, 63},    {ISO_OUT, 64, 2, 65}, {BULK_OUT, 64, 0, 64},
	    {BULK_OUT, 64, 0, 10},   {ISO_IN, 64, 2, 16},  {CONTROL, 8, 0, 8},
	    {STREAM_BENCH, 8, 0, 8},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		with_tails();
		CHECK_EQ(say_lossy(t[i].sid, t[i].len, t[i].packets, t[i].tail, 0, 0),
			 ERR_PROTO);
		CHECK_EQ(lents, 0);
		teardown();
	}
	with_tails(); /* LIST has no body, and so no tail */
	CHECK_EQ(pair_say_tail(&pair, STREAM_SESSION, WIRE_LIST, (const uint8_t *)"x", 1,
			       1, 0, 0),
		 ERR_PROTO);
	teardown();
}

static void
packets_that_contradict(void)
{
	static const struct {
		uint8_t ep;
		uint32_t len, packets, sent, data;
	} t[] = {
	    {0x85, 64, 2, 1, 0},          {0x85, 64, 1, 2, 0},   {0x85, 64, 2, 2, 1},
	    {0x85, 64, 0x10000000, 0, 0}, {0x85, 64, ~0u, 0, 0}, {0x06, 64, 2, 2, 63},
	    {0x06, 64, 2, 2, 0},          {0x06, 64, 0, 2, 64},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		streaming();
		CHECK_EQ(say_iso(stream_of(1, t[i].ep), t[i].len, t[i].packets, two,
				 t[i].sent, t[i].data),
			 ERR_PROTO);
		CHECK_EQ(lents, 0);
		teardown();
	}
}

static void
bad_packets_fail_alone(void)
{
	static const struct urb_iso many[ISO_PACKETS + 1], outside = {60, 5, 0, 0, false};
	static const struct {
		uint8_t ep;
		uint32_t len, packets;
		const struct urb_iso *iso;
		int32_t status;
		bool results;
	} t[] = {
	    {0x85, 64, 1, &outside, -LINUX_EINVAL, true},
	    {0x85, 64, 0, NULL, -LINUX_EINVAL, false},
	    {0x85, 64, ISO_PACKETS + 1, many, -LINUX_EINVAL, false},
	    {0x85, 1 << 20, 1, many, -LINUX_ENOMEM, false},
	    {0x81, 64, 1, many, -LINUX_EINVAL, false},
	    {0x8f, 64, 1, many, -LINUX_EPIPE, false},
	};

	streaming();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct wire_complete c;

		CHECK_EQ(say_iso(stream_of(1, t[i].ep), t[i].len, t[i].packets, t[i].iso,
				 t[i].packets, 0),
			 ERR_OK);
		c = heard_complete(pair_last(&pair, WIRE_COMPLETE));
		CHECK_EQ(c.status, t[i].status);
		CHECK_EQ(c.actual, 0);
		CHECK_EQ(c.packets, t[i].results ? t[i].packets : 0);
	}
	CHECK_EQ(lents, 0);
	CHECK_EQ(say_iso(ISO_IN, 64, 2, two, 2, 0), ERR_OK);
	CHECK_EQ(lents, 1);
	teardown();
}

static void
control_goes_by_its_setup(void)
{
	static const uint8_t get[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
	static const uint8_t set[8] = {0x21, 9, 0, 2, 0, 0, 4, 0};

	imported();
	CHECK_EQ(say_submit(CONTROL, 18, get, 0), ERR_OK);
	CHECK_EQ(say_submit(CONTROL, 4, set, 4), ERR_OK);
	CHECK_EQ(lents, 2);
	CHECK(lent[0]->ep == 0x80 && lent[0]->type == URB_CONTROL);
	CHECK(lent[1]->ep == 0x00 && lent[1]->buf[3] == 3);
	teardown();
}

static void
lengths_that_contradict(void)
{
	static const uint8_t get[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
	static const struct {
		uint8_t ep;
		const uint8_t *setup;
		uint32_t len, data;
	} t[] = {
	    {0x02, NULL, 10, 9},         {0x02, NULL, 10, 11}, {0x02, NULL, 0, 1},
	    {0x02, NULL, 0xffffffff, 5}, {0x81, NULL, 10, 10}, {0x81, NULL, 0, 1},
	    {0x00, get, 18, 18},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		imported();
		CHECK_EQ(
		    say_submit(stream_of(1, t[i].ep), t[i].len, t[i].setup, t[i].data),
		    ERR_PROTO);
		CHECK_EQ(lents, 0);
		teardown();
	}
}

static void
bad_requests_fail_alone(void)
{
	static const struct {
		uint8_t ep;
		uint32_t len;
		int32_t status;
	} t[] = {
	    {0x8f, 8, -LINUX_EPIPE},
	    {0x81, (1 << 20) + 1, -LINUX_ENOMEM},
	    {0x81, 0xffffffff, -LINUX_ENOMEM},
	};

	imported();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct wire_complete c;

		CHECK_EQ(say_submit(stream_of(1, t[i].ep), t[i].len, NULL, 0), ERR_OK);
		c = heard_complete(pair_last(&pair, WIRE_COMPLETE));
		CHECK_EQ(c.status, t[i].status);
		CHECK_EQ(c.actual, 0);
	}
	CHECK_EQ(lents, 0);
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK);
	CHECK_EQ(lents, 1);
	teardown();
}

static void
streams_that_may_not_be(void)
{
	static const struct {
		uint32_t sid;
		int err;
	} t[] = {
	    {1 << 5 | 1, ERR_PROTO}, /* endpoint 0 has one stream */
	    {2 << 5, ERR_PROTO},     /* no such device yet */
	    {1 << 5 | 31, ERR_OK},   /* any endpoint; the request will fail */
	    {3, ERR_PROTO},          /* no device, not bench's */
	    {STREAM_BENCH, ERR_OK},  {STREAM_ECHO, ERR_OK}, {0xffffffff, ERR_PROTO},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		enum stream_prio prio;

		imported();
		CHECK_EQ(exports_accept(e, t[i].sid, &prio), t[i].err);
		teardown();
	}
}

static void
priorities_by_endpoint(void)
{
	enum stream_prio prio;

	imported();
	CHECK_EQ(exports_accept(e, CONTROL, &prio), ERR_OK);
	CHECK_EQ(prio, STREAM_PRIO_CONTROL);
	CHECK_EQ(exports_accept(e, stream_of(1, 0x83), &prio), ERR_OK);
	CHECK_EQ(prio, STREAM_PRIO_INTERRUPT);
	CHECK_EQ(exports_accept(e, BULK_IN, &prio), ERR_OK);
	CHECK_EQ(prio, STREAM_PRIO_BULK);
	CHECK_EQ(say_release(1), ERR_OK);
	CHECK_EQ(exports_accept(e, BULK_IN, &prio), ERR_GONE);
	teardown();
	setup();
	open_at_once = false;
	CHECK_EQ(say_hello(1 << 20), ERR_OK);
	CHECK_EQ(say_import(1, 0), ERR_OK);
	CHECK_EQ(exports_accept(e, BULK_IN, &prio), ERR_PROTO);
	yes(1);
	teardown();
}

static void
unlinks(void)
{
	struct wire_complete c;

	imported();
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK);
	CHECK_EQ(say_unlink(BULK_IN, 0), ERR_OK);
	c = heard_complete(pair_last(&pair, WIRE_COMPLETE));
	CHECK(c.flags == WIRE_UNLINKED && c.index == 0 && c.status == -LINUX_ECONNRESET);
	CHECK_EQ(say_unlink(BULK_IN, 0), ERR_OK); /* again: too late, no harm */
	CHECK_EQ(say_unlink(BULK_IN, 1), ERR_OK); /* has not come yet */
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK);
	c = heard_complete(pair_last(&pair, WIRE_COMPLETE));
	CHECK(c.flags == WIRE_UNLINKED && c.index == 1);
	CHECK(lents == 1 && cancels == 1);
	CHECK_EQ(say_release(1), ERR_OK);
	CHECK_EQ(say_unlink(BULK_IN, 0), ERR_OK); /* they crossed */
	teardown();
}

static void
unlinks_that_may_not_be(void)
{
	static const struct {
		uint32_t sid;
		uint64_t index;
	} t[] = {
	    {STREAM_SESSION, 0}, {STREAM_BENCH, 0},        {1 << 5 | 1, 0},
	    {2 << 5 | 3, 0},     {1 << 5 | 3, 1ull << 59}, {UINT32_MAX, UINT64_MAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		imported();
		CHECK_EQ(say_unlink(t[i].sid, t[i].index), ERR_PROTO);
		teardown();
	}
}

/* --- the end of a device --- */

static void
release_with_urbs_out(void)
{
	unsigned heard;

	imported();
	cancel_at_once = false;
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK);
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK);
	heard = pair.gots;
	CHECK_EQ(say_release(1), ERR_OK);
	CHECK(cancels == 2 && closed == 0);
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK); /* is for nobody */
	CHECK_EQ(lents, 2);
	CHECK(session_unacked(pair.near, BULK_IN) == 0 &&
	      session_send(pair.near, BULK_IN, 1, NULL, 0, NULL) == ERR_STATE);
	complete(lent[1], 0, 8); /* reply after release: ignored */
	CHECK_EQ(closed, 0);
	complete(lent[0], -LINUX_ECONNRESET, 0);
	CHECK_EQ(closed, 1);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(pair.gots, heard);
	teardown();
}

static unsigned gots_at_close;

static void
note_gots(void)
{
	while (pair_step(pair.near, pair.far, true))
		;
	gots_at_close = pair.gots;
}

static void
removed_with_urbs_out(void)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, "unplugged"};
	struct wire_refusal heard;
	const struct pair_got *g;
	uint32_t dev = 0;
	struct rd r;

	imported();
	in_close = note_gots;
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK);
	exports_remove(e, 1, &why);
	exports_remove(e, 1, &why); /* it is gone already */
	CHECK_EQ(closed, 1);
	CHECK_EQ(gots_at_close, 3); /* first the peer is told, then close */
	g = pair_last(&pair, WIRE_REMOVED);
	rd_init(&r, g->body, g->len);
	CHECK_EQ(wire_get_removed(&r, &dev, &heard), ERR_OK);
	CHECK(dev == 1 && heard.reason == WIRE_NO_DEVICE);
	CHECK(strcmp(heard.text, "unplugged") == 0);
	teardown();
}

static void
remove_it(void)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, ""};

	in_submit = NULL;
	exports_remove(e, 1, &why);
}

static void
removed_in_submit(void)
{
	imported();
	in_submit = remove_it;
	CHECK_EQ(say_submit(BULK_IN, 8, NULL, 0), ERR_OK);
	pair_last(&pair, WIRE_REMOVED);
	CHECK_EQ(say_submit(BULK_OUT, 8, NULL, 8), ERR_OK);
	CHECK_EQ(lents, 1);
	CHECK_EQ(closed, 1);
	teardown();
}

static void
close_the_other(void)
{
	static const struct wire_refusal why = {WIRE_NO_DEVICE, ""};

	in_close = NULL;
	exports_remove(e, 1, &why);
	exports_remove(e, 2, &why);
	exports_remove(e, 3, &why);
}

/* close() of one takes another: the rest must still be found. */
static void
end_with_callbacks(void)
{
	imported();
	for (uint32_t i = 2; i < 5; i++)
		CHECK_EQ(say_import(i, 0), ERR_OK);
	in_close = close_the_other;
	CHECK(exports_end(e));
	CHECK_EQ(closed, 4);
	CHECK_EQ(say_import(9, 0), ERR_OK); /* heard no more */
	CHECK_EQ(opened, 4);
	teardown();
}

/* --- memory --- */

/*
 * A peer that acknowledges nothing: requests are refused alone while the rest
 * completes with all its data, and the session lives.
 */
static void
replies_have_their_room(void)
{
	unsigned refused_ones = 0, n = 0;

	imported();
	pair.pool.budget = 2 << 20;
	urbs.budget = 16 << 20;
	pair.deaf = true;
	while (refused_ones == 0 && n < LENTS) {
		unsigned before = lents;

		CHECK_EQ(say_submit(BULK_IN, 65536, NULL, 0), ERR_OK);
		refused_ones += lents == before;
		n++;
	}
	CHECK(lents > 20 && lents < 32);
	for (uint32_t len = 32768; len >= 256; len /= 2, n++) /* the last gaps */
		CHECK_EQ(say_submit(BULK_IN, len, NULL, 0), ERR_OK);
	refused_ones = n - lents;
	CHECK_EQ(say_submit(stream_of(1, 0x83), 20000, NULL, 0), ERR_OK); /* a reserve */
	CHECK_EQ(++n - lents, refused_ones);
	for (unsigned i = 0; i < n - refused_ones; i++)
		complete(lent[i], 0, lent[i]->len);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	pair.deaf = false;
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(pair.gots, 2 + n);
	CHECK_EQ(say_submit(BULK_IN, 65536, NULL, 0), ERR_OK);
	CHECK_EQ(lents, n - refused_ones + 1);
	teardown();
}

/* Packets are counted, and streams leave interrupts their part. */
static void
packets_have_their_room(void)
{
	static const struct urb_iso empty[ISO_PACKETS];
	unsigned n = 0;

	streaming();
	pair.pool.budget = 2 << 20;
	urbs.budget = 16 << 20;
	pair.deaf = true;
	for (unsigned before = ~0u; before != lents; n++) {
		before = lents;
		CHECK_EQ(say_iso(ISO_IN, 64, ISO_PACKETS, empty, ISO_PACKETS, 0), ERR_OK);
	}
	CHECK(lents > 20 && lents < 60);
	for (uint32_t len = 32768; len >= 256; len /= 2, n++) /* the last gaps */
		CHECK_EQ(say_iso(ISO_IN, len, 1, empty, 1, 0), ERR_OK);
	CHECK_EQ(say_submit(stream_of(1, 0x83), 20000, NULL, 0), ERR_OK);
	CHECK_EQ(lent[lents - 1]->type, URB_INTERRUPT);
	for (unsigned i = 0, all = lents; i < all; i++)
		complete(lent[i], 0, 0);
	CHECK_EQ(session_failed(pair.near), ERR_OK);
	pair.deaf = false;
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	teardown();
}

/* A window of the peer that is smaller than the largest urb. */
static void
replies_fit_the_window(void)
{
	static const uint32_t most = 65536 - 5 - WIRE_COMPLETE_HEAD;
	struct wire_complete c;

	setup_window(65536);
	CHECK_EQ(say_hello(0), ERR_OK);
	CHECK_EQ(say_import(1, 0), ERR_OK);
	CHECK_EQ(say_submit(BULK_IN, most + 1, NULL, 0), ERR_OK);
	c = heard_complete(pair_last(&pair, WIRE_COMPLETE));
	CHECK_EQ(c.status, -LINUX_ENOMEM);
	CHECK_EQ(say_submit(BULK_IN, most, NULL, 0), ERR_OK);
	complete(lent[0], 0, most);
	CHECK_EQ(pair_flush(&pair), ERR_OK);
	CHECK_EQ(pair_last(&pair, WIRE_COMPLETE)->len, most + WIRE_COMPLETE_HEAD);
	teardown();
}

static void
whole_life(void)
{
	static const uint8_t get[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
	static const uint8_t set_if[8] = {1, 11, 1, 0, 2, 0, 0, 0};

	(void)(say_hello(1 << 20) != ERR_OK ||
	       pair_say(&pair, STREAM_SESSION, WIRE_LIST, NULL, 0) != ERR_OK ||
	       say_import(1, 0) != ERR_OK ||
	       say_submit(BULK_IN, 512, NULL, 0) != ERR_OK ||
	       say_submit(BULK_OUT, 9000, NULL, 9000) != ERR_OK ||
	       say_submit(CONTROL, 18, get, 0) != ERR_OK ||
	       say_submit(CONTROL, 0, set_if, 0) != ERR_OK);
	for (unsigned i = 0; i < lents; i++)
		if (lent[i] != NULL && lent[i]->job != URB_JOB_NONE)
			complete(lent[i], 0, 0);
	if (session_failed(pair.near) == ERR_OK && pair_flush(&pair) == ERR_OK &&
	    say_iso(ISO_IN, 64, 2, two, 2, 0) == ERR_OK && lents > 0 &&
	    lent[lents - 1] != NULL && lent[lents - 1]->type == URB_ISO)
		complete(lent[lents - 1], 0, 0);
	(void)(session_failed(pair.near) != ERR_OK || pair_flush(&pair) != ERR_OK ||
	       say_unlink(BULK_IN, 0) != ERR_OK || say_import(2, 0) != ERR_OK ||
	       say_release(1) != ERR_OK);
}

/* Each allocation fails once: the session goes on, or fails for that reason. */
static void
every_allocation_fails_once(void)
{
	unsigned total, i, survived = 0;

	setup();
	whole_life();
	total = pair.gets;
	CHECK_EQ(session_failed(pair.near), ERR_OK);
	teardown();
	for (i = 4; i <= total; i++) { /* the first are session_new and exports_new */
		int err;

		setup();
		pair.fail_at = i;
		whole_life();
		err = session_failed(pair.near);
		CHECK(err == ERR_OK || err == ERR_NOMEM);
		survived += err == ERR_OK;
		teardown();
	}
	CHECK(survived > 0 && total > 20);
	pair_init(&pair, 65536, &session_ops, NULL);
	pair.fail_at = pair.gets + 1;
	CHECK(exports_new(&pair.pool, pair.near, NULL, &ops, NULL) == NULL);
	pair_fini(&pair);
}

TEST_MAIN(TEST(nothing_before_hello), TEST(hello_and_welcome), TEST(refused),
	  TEST(list_and_changes), TEST(more_devices_than_fit), TEST(import_numbers_rise),
	  TEST(too_many_devices), TEST(device_that_cannot_be_opened),
	  TEST(let_go_while_opening), TEST(waiting_for_its_turn),
	  TEST(an_end_that_is_near), TEST(release_of_what_is_not_there),
	  TEST(requests_and_replies), TEST(isochronous), TEST(lost_packets_are_told),
	  TEST(tails_are_agreed), TEST(one_begins_after_another), TEST(a_row_goes_on),
	  TEST(a_row_ends), TEST(nobody_knows_any_more), TEST(one_that_fails_has_ended),
	  TEST(one_that_waits_is_unlinked), TEST(waiting_is_agreed),
	  TEST(patience_is_the_drivers), TEST(tails_where_none_may_be),
	  TEST(packets_that_contradict), TEST(bad_packets_fail_alone),
	  TEST(control_goes_by_its_setup), TEST(lengths_that_contradict),
	  TEST(bad_requests_fail_alone), TEST(streams_that_may_not_be),
	  TEST(priorities_by_endpoint), TEST(unlinks), TEST(unlinks_that_may_not_be),
	  TEST(release_with_urbs_out), TEST(removed_with_urbs_out),
	  TEST(removed_in_submit), TEST(end_with_callbacks),
	  TEST(replies_have_their_room), TEST(packets_have_their_room),
	  TEST(replies_fit_the_window), TEST(every_allocation_fails_once))
