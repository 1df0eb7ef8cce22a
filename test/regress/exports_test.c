/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The regression list (test/regress/LIST) where one peer has two devices. The peer
 * says what it likes (test/core/pair.h), both devices are played here.
 */
#include "core/cur.h"
#include "core/exports.h"
#include "core/usbip.h"
#include "core/wire.h"
#include "test/core/pair.h"
#include "test/core/sample.h"

#define LENTS 8

static struct pair pair;
static struct exports *e;
static struct pool urbs;
static uint32_t number[3]; /* of the devices: 1 and 2 */
static struct {
	struct urb *urb;
	uint32_t dev;
	bool cancelled;
} lent[LENTS];
static unsigned lents;

static int
on_hello(void *arg, const struct wire_hello *h, struct wire_hello *reply,
	 struct wire_refusal *no)
{
	(void)arg, (void)h, (void)no;
	reply->window = 1 << 20;
	reply->urb_max = 1 << 20;
	return ERR_OK;
}

static bool
on_list(void *arg, unsigned i, struct wire_device *d)
{
	(void)arg, (void)i, (void)d;
	return false;
}

static void
on_open(void *arg, uint32_t dev, const char *busid, uint8_t flags)
{
	static const struct devinfo info = {.config = 1};
	static const struct wire_refusal yes = {WIRE_OK, ""};
	const struct exports_device d = {&number[dev],   &info, sample,
					 sizeof(sample), NULL,  0};

	(void)arg, (void)busid, (void)flags;
	number[dev] = dev;
	exports_opened(e, dev, &yes, &d);
}

static int
on_submit(void *device, struct urb *u)
{
	lent[lents].urb = u;
	lent[lents].cancelled = false;
	lent[lents++].dev = *(uint32_t *)device;
	return ERR_OK;
}

static void
complete(unsigned i, int32_t status)
{
	struct urb *u = lent[i].urb;

	lent[i].urb = NULL;
	u->status = status;
	exports_complete(e, lent[i].dev, u);
}

static void
on_cancel(void *device, struct urb *u)
{
	(void)device;
	for (unsigned i = 0; i < lents; i++)
		if (lent[i].urb == u) {
			lent[i].cancelled = true;
			complete(i, -LINUX_ECONNRESET);
			return;
		}
}

static void
on_close(void *arg, void *device)
{
	(void)arg, (void)device;
}

static const struct exports_ops ops = {on_hello,  on_list,  on_open, on_submit,
				       on_cancel, on_close, NULL};

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

static void
say(uint32_t sid, uint8_t type, const uint8_t *b, const struct wr *w)
{
	CHECK(!w->bad);
	CHECK_EQ(pair_say(&pair, sid, type, b, (size_t)(w->p - b)), ERR_OK);
}

static void
import(uint32_t dev)
{
	struct wire_import i = {.dev = dev, .busid = "1-4"};
	uint8_t b[64];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wire_put_import(&w, &i);
	say(STREAM_SESSION, WIRE_IMPORT, b, &w);
}

static void
submit(uint32_t sid, const char *setup_bytes, uint32_t len)
{
	struct wire_submit s = {.len = len};
	uint8_t b[WIRE_SUBMIT_HEAD];
	struct wr w;

	memcpy(s.setup, setup_bytes, 8);
	wr_init(&w, b, sizeof(b));
	wire_put_submit(&w, &s);
	say(sid, WIRE_SUBMIT, b, &w);
}

static void
unlink_first(uint32_t sid)
{
	uint8_t b[12];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	wr_le32(&w, sid);
	wr_le64(&w, 0);
	say(STREAM_SESSION, WIRE_UNLINK, b, &w);
}

static void
setup(void)
{
	static const struct session_ops session_ops = {message, accept, pair_wake};
	static const struct exports_conf conf = {&urbs, 1 << 20};
	struct wire_hello h = {.greet.major = WIRE_MAJOR, .window = 1 << 20};
	uint8_t b[512];
	struct wr w;

	urbs = (struct pool)TEST_POOL(4 << 20);
	lents = 0;
	pair_init(&pair, 1 << 20, &session_ops, NULL);
	e = exports_new(&pair.pool, pair.near, &conf, &ops, NULL);
	h.urb_max = 1 << 20;
	wr_init(&w, b, sizeof(b));
	wire_put_hello(&w, &h);
	say(STREAM_SESSION, WIRE_HELLO, b, &w);
	import(1);
	import(2);
}

static void
teardown(void)
{
	CHECK(exports_end(e));
	exports_free(e);
	pair_fini(&pair);
	CHECK_EQ(urbs.used, 0);
}

#define NO_SETUP "\0\0\0\0\0\0\0"

static void
devices_do_not_wait_for_one_another(void)
{
	setup();
	submit(stream_of(1, 0x81), NO_SETUP, 64);       /* waits for ever */
	submit(stream_of(1, 0), "\2\1\0\0\x81\0\0", 0); /* and a job in the worker */
	CHECK_EQ(lents, 2);
	submit(stream_of(2, 0x81), NO_SETUP, 64);
	submit(stream_of(2, 0), "\x80\0\0\0\0\0\2", 2);
	CHECK_EQ(lents, 4);
	if (lents == 4) {
		CHECK_EQ(lent[3].dev, 2);
		complete(3, 0);
		pair_flush(&pair);
		CHECK_EQ(pair_last(&pair, WIRE_COMPLETE)->sid, stream_of(2, 0));
	}
	teardown();
}

static void
numbers_are_of_their_device(void)
{
	setup();
	submit(stream_of(1, 0x81), NO_SETUP, 64); /* both are number 0 of endpoint 81 */
	submit(stream_of(2, 0x81), NO_SETUP, 64);
	CHECK_EQ(lents, 2);
	unlink_first(stream_of(2, 0x81));
	CHECK(!lent[0].cancelled);
	CHECK(lent[1].cancelled);
	CHECK_EQ(pair_last(&pair, WIRE_COMPLETE)->sid, stream_of(2, 0x81));
	if (!lent[0].cancelled)
		complete(0, 0);
	pair_flush(&pair);
	CHECK_EQ(pair_last(&pair, WIRE_COMPLETE)->sid, stream_of(1, 0x81));
	teardown();
}

/* clang-format off */
TEST_MAIN(TEST_AS("regress 13: one mutex per connection",
		  devices_do_not_wait_for_one_another),
	  TEST_AS("regress 17: seqnum collisions across devices",
		  numbers_are_of_their_device))
