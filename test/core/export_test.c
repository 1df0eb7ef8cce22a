/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The door and the device are both played here. "item N" is that of
 * PRIOR-ART.md 9.
 */
#include "core/export.h"
#include "core/tombs.h"
#include "core/usbip.h"
#include "test/core/sample.h"
#include "test/test.h"

#define MANY 256

struct told {
	uint64_t tag;
	int32_t status;
	uint32_t actual;
	bool unlinked;
	uint8_t data[16];
};

static struct pool pool;
static struct export *ex;
static struct urb *lent[MANY]; /* submitted, in order */
static struct urb *cancels[MANY];
static struct told told[MANY];
static unsigned lents, cancelled, tolds, ends;
static int submit_says;
static int32_t submit_status;
static bool at_once, free_at_end, cancel_at_once;
static void (*in_reply)(void), (*in_submit)(void);

static int
dev_submit(void *dev, struct urb *u)
{
	(void)dev;
	if (in_submit != NULL)
		in_submit();
	if (submit_says != ERR_OK) {
		u->status = submit_status;
		return submit_says;
	}
	lent[lents++ % MANY] = u;
	if (at_once) {
		u->status = 0;
		u->actual = u->len;
		export_complete(ex, u);
	}
	return ERR_OK;
}

static void
complete(struct urb *u, int32_t status, uint32_t actual)
{
	u->status = status;
	u->actual = actual;
	export_complete(ex, u);
}

static void
dev_cancel(void *dev, struct urb *u)
{
	(void)dev;
	cancels[cancelled++ % MANY] = u;
	if (cancel_at_once)
		complete(u, -LINUX_ECONNRESET, 0);
}

static void
door_reply(void *door, uint64_t tag, const struct urb *u, bool unlinked)
{
	struct told *t = &told[tolds++ % MANY];

	(void)door;
	t->tag = tag;
	t->status = u->status;
	t->actual = u->actual;
	t->unlinked = unlinked;
	if (urb_in(u) && u->actual > 0)
		memcpy(t->data, u->buf, u->actual < 16 ? u->actual : 16);
	if (in_reply != NULL)
		in_reply();
}

static void
door_ended(void *door)
{
	(void)door;
	ends++;
	if (free_at_end)
		export_free(ex);
}

static const struct export_ops ops = {dev_submit, dev_cancel, door_reply, door_ended};
static const struct export_conf conf = {
    .urb_max = 65536, .raw = sample, .raw_len = sizeof(sample), .config = 1};

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(1 << 20);
	lents = cancelled = tolds = ends = 0;
	submit_says = ERR_OK;
	submit_status = 0;
	at_once = free_at_end = cancel_at_once = false;
	in_reply = in_submit = NULL;
	CHECK_EQ(export_new(&ex, &pool, &conf, &ops, NULL, NULL), ERR_OK);
}

/* Ends it as the world does: what is still out comes back cancelled. */
static void
teardown(void)
{
	unsigned n = 0;

	export_end(ex);
	while (ends == 0 && n < cancelled)
		if (cancels[n++] != NULL)
			complete(cancels[n - 1], -LINUX_ECONNRESET, 0);
	CHECK_EQ(ends, 1);
	export_free(ex);
	CHECK_EQ(pool.used, 0);
}

/* A completed urb may be freed: it is not cancelled at the end again. */
static void
complete_cancelled(unsigned i, int32_t status, uint32_t actual)
{
	struct urb *u = cancels[i];

	cancels[i] = NULL;
	complete(u, status, actual);
}

static bool
request_setup(uint64_t tag, uint8_t ep, uint32_t len, const char *data, const uint8_t *s)
{
	struct export_request q = {.tag = tag, .ep = ep, .len = len, .flags = ~0u};
	void *handle;
	uint8_t *buf;

	if (s != NULL)
		memcpy(q.setup, s, 8);
	export_prepare(ex, &q, &handle, &buf);
	if (handle == NULL) {
		CHECK(buf == NULL);
		return false;
	}
	CHECK_EQ(buf != NULL, !(ep & 0x80) && len > 0);
	if (buf != NULL)
		memcpy(buf, data, len);
	export_go(ex, handle);
	return true;
}

static bool
request(uint64_t tag, uint8_t ep, uint32_t len, const char *data)
{
	return request_setup(tag, ep, len, data, NULL);
}

static const uint8_t set_if1[8] = {1, 11, 1, 0, 0, 0, 0, 0};
static const uint8_t set_config2[8] = {0, 9, 2, 0, 0, 0, 0, 0};
static const uint8_t clear_halt[8] = {2, 1, 0, 0, 0x81, 0, 0, 0};
static const uint8_t get_status[8] = {0x80, 0, 0, 0, 0, 0, 2, 0};

#define CHECK_TOLD(i, tg, st, act, unl)          \
	do {                                     \
		CHECK(tolds > (i));              \
		CHECK_EQ(told[i].tag, tg);       \
		CHECK_EQ(told[i].status, st);    \
		CHECK_EQ(told[i].actual, act);   \
		CHECK_EQ(told[i].unlinked, unl); \
	} while (0)

static void
data_goes_both_ways(void)
{
	struct export_stats st;

	setup();
	CHECK(request(1, 0x02, 5, "hello"));
	CHECK(request(2, 0x81, 64, NULL));
	CHECK_EQ(lents, 2);
	CHECK_EQ(lent[0]->type, URB_BULK);
	CHECK_EQ(lent[0]->ep, 0x02);
	CHECK_EQ(lent[0]->len, 5);
	CHECK(memcmp(lent[0]->buf, "hello", 5) == 0);
	CHECK_EQ(lent[0]->flags, URB_ZERO_PACKET);
	CHECK_EQ(lent[1]->flags, URB_SHORT_NOT_OK);
	CHECK_EQ(lent[1]->actual, 0);
	memcpy(lent[1]->buf, "world", 5);
	export_stats(ex, &st);
	CHECK_EQ(st.inflight, 2);
	complete(lent[1], 0, 5);
	complete(lent[0], 0, 5);
	CHECK_TOLD(0, 2, 0, 5, false);
	CHECK(memcmp(told[0].data, "world", 5) == 0);
	CHECK_TOLD(1, 1, 0, 5, false); /* item 1: OUT says how much was sent */
	export_stats(ex, &st);
	CHECK_EQ(st.inflight, 0);
	CHECK_EQ(st.urbs, 2);
	CHECK_EQ(st.failed, 0);
	CHECK_EQ(st.bytes_in, 5);
	CHECK_EQ(st.bytes_out, 5);
	teardown();
}

static void
idle_in_blocks_nobody(void)
{
	setup(); /* items 8, 11, 12, 13: nothing waits for an IN that waits */
	CHECK(request(1, 0x83, 8, NULL));
	CHECK(request(2, 0x81, 64, NULL));
	CHECK(request(3, 0x02, 3, "out"));
	CHECK(request_setup(4, 0x80, 2, NULL, get_status));
	CHECK(request(5, 0x83, 8, NULL));
	CHECK_EQ(lents, 5);
	CHECK_EQ(lent[0]->type, URB_INTERRUPT); /* item 6 */
	CHECK_EQ(lent[3]->type, URB_CONTROL);
	CHECK(memcmp(lent[3]->setup, get_status, 8) == 0);
	CHECK_EQ(cancelled, 0);
	CHECK_EQ(export_type(ex, 0x81), URB_BULK);
	CHECK_EQ(export_type(ex, 0x83), URB_INTERRUPT);
	CHECK_EQ(export_type(ex, 0x00), URB_CONTROL);
	CHECK_EQ(export_type(ex, 0x8f), URB_BULK);
	teardown();
}

static void
bad_requests_fail_alone(void)
{
	static const struct {
		const char *name;
		uint8_t ep;
		uint32_t len;
		uint8_t setup[8];
		int32_t status;
	} t[] = {
	    {"no such endpoint", 0x8f, 8, {0}, -LINUX_EPIPE},
	    {"other direction (item 7)", 0x82, 8, {0}, -LINUX_EPIPE},
	    {"reserved bits", 0xf1, 8, {0}, -LINUX_EPIPE},
	    {"too long (item 38)", 0x81, 65537, {0}, -LINUX_ENOMEM},
	    {"far too long", 0x02, 0xffffffff, {0}, -LINUX_ENOMEM},
	    {"wLength over len (item 37)",
	     0x80,
	     8,
	     {0x80, 6, 0, 1, 0, 0, 9, 0},
	     -LINUX_EINVAL},
	    {"wLength over len, OUT",
	     0x00,
	     8,
	     {0x00, 7, 0, 1, 0, 0, 9, 0},
	     -LINUX_EINVAL},
	    {"direction of setup", 0x80, 8, {0x00, 6, 0, 1, 0, 0, 8, 0}, -LINUX_EINVAL},
	    {"direction of endpoint",
	     0x00,
	     8,
	     {0x80, 6, 0, 1, 0, 0, 8, 0},
	     -LINUX_EINVAL},
	};

	setup(); /* items 19, 39: exactly one reply, and life goes on */
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		unsigned before = tolds;

		if (request_setup(i, t[i].ep, t[i].len, NULL, t[i].setup))
			CHECK(!"refused");
		CHECK_EQ(tolds, before + 1);
		CHECK_TOLD(before, i, t[i].status, 0, false);
		if (test_failed)
			printf("# %s\n", t[i].name);
	}
	CHECK_EQ(lents, 0);
	CHECK(request(100, 0x81, 65536, NULL));
	teardown();
}

static void
iso_fails_alone(void)
{
	static const uint8_t set_if[8] = {1, 11, 1, 0, 2, 0, 0, 0};
	struct export_request q = {
	    .tag = 2, .ep = 0x85, .len = 64, .packets = 0xfffffffe};
	void *handle;
	uint8_t *buf;

	setup();
	CHECK(request_setup(1, 0, 0, NULL, set_if));
	complete(lent[0], 0, 0);
	export_prepare(ex, &q, &handle, &buf);
	CHECK(handle == NULL);
	CHECK_TOLD(1, 2, -LINUX_EINVAL, 0, false);
	q.tag = 3;
	q.packets = 1;
	q.ep = 0x81; /* not isochronous */
	export_prepare(ex, &q, &handle, &buf);
	CHECK(handle == NULL);
	CHECK_TOLD(2, 3, -LINUX_EINVAL, 0, false);
	q.tag = 4;
	q.packets = USBIP_NO_PACKETS;
	export_prepare(ex, &q, &handle, &buf);
	CHECK(handle != NULL);
	export_go(ex, handle);
	CHECK_EQ(lents, 2);
	teardown();
}

static void
results_are_passed_on(void)
{
	static const struct {
		int32_t status;
		uint32_t actual;
		int32_t told;
		uint32_t told_actual;
	} t[] = {
	    {-LINUX_EPIPE, 0, -LINUX_EPIPE, 0},
	    {-LINUX_EPROTO, 3, -LINUX_EPROTO, 3},
	    {-LINUX_EREMOTEIO, 3, -LINUX_EREMOTEIO, 3},
	    {0, 0, 0, 0},
	    {0, 9, -LINUX_EOVERFLOW, 8}, /* item 5: a device is a stranger */
	    {0, UINT32_MAX, -LINUX_EOVERFLOW, 8},
	    {7, 0, -LINUX_EPROTO, 0},
	};

	setup(); /* items 9, 10: no error is hidden, no stall is cleared */
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		CHECK(request(i, 0x81, 8, NULL));
		memset(lent[i]->buf, 'x', 8);
		complete(lent[i], t[i].status, t[i].actual);
		CHECK_TOLD(i, i, t[i].told, t[i].told_actual, false);
	}
	CHECK_EQ(lents, ARRAY_LEN(t));
	CHECK_EQ(cancelled, 0);
	teardown();
}

static void
device_that_refuses_an_urb(void)
{
	static const struct {
		int err;
		int32_t status, told;
	} t[] = {
	    {ERR_GONE, 0, -LINUX_ESHUTDOWN},
	    {ERR_NOMEM, 0, -LINUX_ENOMEM},
	    {ERR_FAIL, -LINUX_EINVAL, -LINUX_EINVAL},
	    {ERR_FAIL, 0, -LINUX_EIO},
	};

	setup();
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		submit_says = t[i].err;
		submit_status = t[i].status;
		CHECK(request(i, 0x81, 8, NULL));
		CHECK_TOLD(i, i, t[i].told, 0, false);
	}
	/* a refused job is no barrier any more */
	CHECK(request_setup(50, 0, 0, NULL, set_config2));
	submit_says = ERR_OK;
	CHECK(request(51, 0x81, 8, NULL));
	CHECK_EQ(lents, 1);
	CHECK_EQ(lent[0]->type, URB_BULK); /* configuration 1 still */
	teardown();
}

static void
duplicate_tag_fails_alone(void)
{
	setup(); /* items 17, 36 */
	CHECK(request(1, 0x81, 8, NULL));
	CHECK(!request(1, 0x81, 8, NULL));
	CHECK_TOLD(0, 1, -LINUX_EINVAL, 0, false);
	complete(lent[0], 0, 8);
	CHECK_TOLD(1, 1, 0, 8, false);
	CHECK(request(1, 0x81, 8, NULL)); /* free again */
	teardown();
}

static void
over_budget_fails_alone(void)
{
	unsigned n = 0;

	setup();
	while (n < 100 && request(n, 0x81, 65536, NULL))
		n++;
	CHECK(n > 10 && n < 16);
	CHECK_TOLD(0, n, -LINUX_ENOMEM, 0, false);
	complete(lent[0], 0, 0);
	CHECK(request(n, 0x81, 65536, NULL));
	teardown();
}

static void
barrier_holds_the_whole_device(void)
{
	setup();                          /* item 20 */
	CHECK(request(1, 0x83, 8, NULL)); /* in flight before */
	CHECK(request_setup(2, 0, 0, NULL, clear_halt));
	CHECK_EQ(lent[1]->job, URB_JOB_CLEAR_HALT);
	CHECK(request(3, 0x81, 8, NULL));
	CHECK(request(4, 0x83, 8, NULL));
	CHECK(request_setup(5, 0x80, 2, NULL, get_status));
	CHECK(request(6, 0x02, 2, "ab"));
	CHECK_EQ(lents, 2);
	complete(lent[0], 0, 8); /* an earlier one may end meanwhile */
	CHECK_EQ(lents, 2);
	complete(lent[1], 0, 0);
	CHECK_TOLD(1, 2, 0, 0, false);
	CHECK_EQ(lents, 6);
	CHECK_EQ(lent[2]->ep, 0x81);
	CHECK_EQ(lent[3]->ep, 0x83);
	CHECK_EQ(lent[4]->ep, 0x80);
	CHECK_EQ(lent[5]->ep, 0x02);
	CHECK_EQ(lent[4]->job, URB_JOB_NONE);
	teardown();
}

/* It would end them: a reset that is inferred is a request among others (usbtest 10). */
static void
reset_waits_for_endpoint_0(void)
{
	static const uint8_t reset[8] = {0x23, 3, 4, 0, 1, 0, 0, 0};

	setup();
	CHECK(request(1, 0x83, 8, NULL)); /* this one it may end */
	CHECK(request_setup(2, 0x80, 2, NULL, get_status));
	CHECK(request_setup(3, 0x80, 2, NULL, get_status));
	CHECK(request_setup(4, 0, 0, NULL, reset));
	CHECK(request_setup(5, 0x80, 2, NULL, get_status));
	CHECK(request(6, 0x81, 8, NULL));
	CHECK_EQ(lents, 3);
	complete(lent[1], 0, 2);
	CHECK_EQ(lents, 3);
	complete(lent[2], -LINUX_EPIPE, 0);
	CHECK_EQ(lents, 4);
	CHECK_EQ(lent[3]->job, URB_JOB_RESET);
	complete(lent[3], 0, 0);
	CHECK_EQ(lents, 6);
	teardown();
}

static void
barriers_come_one_by_one(void)
{
	setup();
	CHECK(request_setup(1, 0, 0, NULL, clear_halt));
	CHECK(request_setup(2, 0, 0, NULL, set_if1));
	CHECK(request(3, 0x81, 8, NULL));
	CHECK(request_setup(4, 0, 0, NULL, set_config2));
	CHECK(request(5, 0x81, 8, NULL));
	CHECK_EQ(lents, 1);
	complete(lent[0], -LINUX_EPIPE, 0); /* failed, ended all the same */
	CHECK_EQ(lents, 2);
	CHECK_EQ(lent[1]->job, URB_JOB_SET_INTERFACE);
	complete(lent[1], 0, 0);
	CHECK_EQ(lents, 4);
	CHECK_EQ(lent[2]->type, URB_INTERRUPT); /* of the new alternate */
	CHECK_EQ(lent[3]->job, URB_JOB_SET_CONFIGURATION);
	complete(lent[3], 0, 0);
	CHECK_EQ(lents, 5);
	teardown();
}

static void
endpoints_follow_what_succeeded(void)
{
	setup();
	CHECK(request_setup(1, 0, 0, NULL, set_if1));
	CHECK(request(2, 0x04, 1, "x")); /* exists only when that has succeeded */
	CHECK_EQ(tolds, 0);
	complete(lent[0], -LINUX_EPIPE, 0);
	CHECK_TOLD(1, 2, -LINUX_EPIPE, 0, false);
	CHECK(request_setup(3, 0, 0, NULL, set_if1));
	CHECK(request(4, 0x04, 1, "x"));
	complete(lent[1], 0, 0);
	CHECK_EQ(lents, 3);
	CHECK_EQ(lent[2]->ep, 0x04);
	CHECK(!request(5, 0x83, 8, NULL));
	CHECK_EQ(told[tolds - 1].status, -LINUX_EPIPE);
	teardown();
}

static void
unlink_of_a_lent_urb(void)
{
	struct export_stats st;

	setup();
	CHECK(request(1, 0x81, 8, NULL));
	CHECK(request(2, 0x81, 8, NULL));
	export_unlink(ex, 1);
	export_unlink(ex, 1);
	CHECK_EQ(cancelled, 1); /* once, and item 16: only that one */
	CHECK(cancels[0] == lent[0]);
	CHECK_EQ(tolds, 0);
	complete_cancelled(0, -LINUX_ECONNRESET, 0);
	CHECK_TOLD(0, 1, -LINUX_ECONNRESET, 0, true);
	complete(lent[1], 0, 8);
	CHECK_TOLD(1, 2, 0, 8, false);
	export_stats(ex, &st);
	CHECK_EQ(st.unlinked, 1);
	CHECK_EQ(st.failed, 0);
	teardown();
}

static void
unlink_loses_no_data(void)
{
	static const struct {
		int32_t status;
		uint32_t actual;
	} t[] = {
	    {-LINUX_ECONNRESET, 3}, {0, 8}, {0, 0}, {-LINUX_EPIPE, 0},
	    {-LINUX_ESHUTDOWN, 0},
	};

	setup();
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		CHECK(request(i, 0x81, 8, NULL));
		memcpy(lent[i]->buf, "abcdefgh", 8);
		export_unlink(ex, i);
		complete_cancelled(i, t[i].status, t[i].actual);
		CHECK_TOLD(i, i, t[i].status, t[i].actual, false);
		CHECK(memcmp(told[i].data, "abcdefgh", t[i].actual) == 0);
	}
	/* cancelled by somebody else: not unlinked */
	CHECK(request(9, 0x81, 8, NULL));
	complete(lent[ARRAY_LEN(t)], -LINUX_ECONNRESET, 0);
	CHECK_TOLD(ARRAY_LEN(t), 9, -LINUX_ECONNRESET, 0, false);
	teardown();
}

static void
unlink_of_a_held_urb(void)
{
	setup();
	CHECK(request_setup(1, 0, 0, NULL, clear_halt));
	CHECK(request(2, 0x81, 8, NULL));
	CHECK(request(3, 0x81, 8, NULL));
	export_unlink(ex, 2);
	CHECK_TOLD(0, 2, -LINUX_ECONNRESET, 0, true);
	CHECK_EQ(cancelled, 0);
	complete(lent[0], 0, 0);
	CHECK_EQ(lents, 2);
	complete(lent[1], 0, 1);
	CHECK_TOLD(2, 3, 0, 1, false);
	/* the barrier itself */
	CHECK(request_setup(4, 0, 0, NULL, set_config2));
	CHECK(request(5, 0x81, 8, NULL));
	export_unlink(ex, 4);
	CHECK_EQ(cancelled, 1);
	complete_cancelled(0, -LINUX_ECONNRESET, 0);
	CHECK_TOLD(3, 4, -LINUX_ECONNRESET, 0, true);
	CHECK_EQ(lents, 4);
	CHECK_EQ(lent[3]->type, URB_BULK);
	teardown();
}

static void
unlink_while_the_door_fills(void)
{
	struct export_request q = {.tag = 1, .ep = 0x02, .len = 4};
	void *handle;
	uint8_t *buf;

	setup();
	export_prepare(ex, &q, &handle, &buf);
	export_unlink(ex, 1);
	CHECK_EQ(tolds, 0); /* the door still writes into the buffer */
	memcpy(buf, "data", 4);
	export_go(ex, handle);
	CHECK_EQ(lents, 0);
	CHECK_TOLD(0, 1, -LINUX_ECONNRESET, 0, true);
	teardown();
}

static void
unlink_before_its_request(void)
{
	setup();
	export_unlink(ex, 1);
	export_unlink(ex, 1);
	CHECK_EQ(tolds, 0);
	CHECK(!request(1, 0x81, 8, NULL));
	CHECK_TOLD(0, 1, -LINUX_ECONNRESET, 0, true);
	CHECK_EQ(lents, 0);
	CHECK(request(1, 0x81, 8, NULL)); /* only once */
	teardown();
}

static void
tombstones_are_bounded(void)
{
	setup();
	for (uint64_t tag = 0; tag < 3 * TOMBS_MAX; tag++)
		export_unlink(ex, tag << 32);
	CHECK(request(2 * TOMBS_MAX - 1, 0x81, 8, NULL));
	CHECK(request((2ull * TOMBS_MAX - 1) << 32, 0x81, 8, NULL)); /* forgotten */
	CHECK_EQ(tolds, 0);
	for (uint64_t tag = 3 * TOMBS_MAX; tag-- > 2 * TOMBS_MAX;)
		CHECK(!request(tag << 32, 0x81, 8, NULL));
	CHECK_EQ(tolds, TOMBS_MAX);
	CHECK_EQ(lents, 2);
	teardown();
}

static void
gone_device_answers_at_once(void)
{
	setup();
	CHECK(request(1, 0x81, 8, NULL));
	CHECK(request_setup(2, 0, 0, NULL, clear_halt));
	CHECK(request(3, 0x81, 8, NULL));
	export_gone(ex);
	CHECK(request(4, 0x02, 1, "x")); /* behind the barrier */
	complete(lent[0], -LINUX_ESHUTDOWN, 0);
	complete(lent[1], -LINUX_ESHUTDOWN, 0);
	CHECK(!request(5, 0x81, 8, NULL));
	CHECK_EQ(tolds, 5);
	CHECK_EQ(lents, 2);
	for (unsigned i = 0; i < 5; i++)
		CHECK_TOLD(i, i + 1, -LINUX_ESHUTDOWN, 0, false);
	teardown();
}

static void
end_says_nothing_more(void)
{
	struct export_request q = {.tag = 9, .ep = 0x02, .len = 4};
	void *handle;
	uint8_t *buf;

	setup();
	CHECK(request(1, 0x81, 8, NULL));
	export_unlink(ex, 1);
	CHECK(request_setup(2, 0, 0, NULL, clear_halt));
	CHECK(request(3, 0x81, 8, NULL));
	export_prepare(ex, &q, &handle, &buf);
	export_end(ex);
	CHECK_EQ(cancelled, 2);
	CHECK_EQ(ends, 0);
	CHECK(!request(4, 0x81, 8, NULL));
	export_unlink(ex, 2);
	export_end(ex);
	CHECK_EQ(cancelled, 2);
	complete_cancelled(0, -LINUX_ECONNRESET, 0);
	CHECK_EQ(ends, 0);
	complete_cancelled(1, 0, 0);
	CHECK_EQ(ends, 1);
	CHECK_EQ(tolds, 0);
	CHECK_EQ(lents, 2);
	export_free(ex);
	CHECK_EQ(pool.used, 0);
}

static void
end_may_come_at_once_and_free(void)
{
	setup();
	free_at_end = true;
	export_end(ex);
	CHECK_EQ(ends, 1);
	CHECK_EQ(pool.used, 0);

	setup();
	free_at_end = cancel_at_once = true;
	CHECK(request(1, 0x81, 8, NULL));
	CHECK(request(2, 0x81, 8, NULL));
	export_end(ex);
	CHECK_EQ(ends, 1);
	CHECK_EQ(tolds, 0);
	CHECK_EQ(pool.used, 0);
}

static void
end_it(void)
{
	in_reply = NULL;
	export_end(ex);
}

static void
end_inside_a_reply(void)
{
	setup();
	free_at_end = true;
	in_reply = end_it;
	CHECK(request_setup(1, 0, 0, NULL, clear_halt));
	CHECK(request(2, 0x81, 8, NULL));
	complete(lent[0], 0, 0);
	CHECK_EQ(ends, 1);
	CHECK_EQ(tolds, 1);
	CHECK_EQ(lents, 1);
	CHECK_EQ(pool.used, 0);

	setup();
	free_at_end = true;
	in_reply = end_it;
	CHECK(request(1, 0x81, 8, NULL));
	CHECK(request(2, 0x81, 8, NULL));
	complete(lent[0], 0, 0);
	CHECK_EQ(cancelled, 1); /* the other one, not the one being told */
	CHECK_EQ(ends, 0);
	complete_cancelled(0, -LINUX_ECONNRESET, 0);
	CHECK_EQ(ends, 1);
	CHECK_EQ(pool.used, 0);

	setup();
	free_at_end = true;
	in_reply = end_it;
	CHECK(!request(1, 0x8f, 8, NULL));
	CHECK_EQ(ends, 1);
	CHECK_EQ(pool.used, 0);
}

static uint64_t more_tag;

static void
ask_more(void)
{
	if (more_tag < 20)
		CHECK(request(more_tag++, 0x81, 8, NULL));
}

static void
reply_may_ask_and_unlink(void)
{
	setup();
	more_tag = 10;
	in_reply = ask_more;
	CHECK(request(1, 0x81, 8, NULL));
	complete(lent[0], 0, 8);
	CHECK_EQ(lents, 2);
	complete(lent[1], 0, 8);
	CHECK_EQ(lents, 3);
	CHECK_TOLD(1, 10, 0, 8, false);
	teardown();
}

static void
a_device_may_complete_inside_submit(void)
{
	setup();
	at_once = true;
	CHECK(request(1, 0x81, 8, NULL));
	CHECK_TOLD(0, 1, 0, 8, false);
	CHECK(request_setup(2, 0, 0, NULL, set_if1));
	CHECK(request(3, 0x04, 1, "x"));
	CHECK_EQ(tolds, 3);
	more_tag = 10;
	in_reply = ask_more;
	CHECK(request(4, 0x81, 8, NULL));
	CHECK_EQ(tolds, 14);
	in_reply = NULL;
	teardown();
}

static void
many_barriers_in_a_row(void)
{
	setup();
	CHECK(request_setup(0, 0, 0, NULL, clear_halt));
	for (uint64_t tag = 1; tag < 2000; tag++)
		CHECK(request_setup(tag, 0, 0, NULL, clear_halt));
	CHECK_EQ(lents, 1);
	at_once = true;
	complete(lent[0], 0, 0);
	CHECK_EQ(lents, 2000);
	CHECK_EQ(tolds, 2000);
	teardown();
}

static void
ask_once(void)
{
	in_submit = in_reply = NULL;
	CHECK(request(99, 0x83, 8, NULL));
}

static void
held_urbs_are_not_overtaken(void)
{
	setup();
	CHECK(request_setup(1, 0, 0, NULL, clear_halt));
	CHECK(request(2, 0x83, 8, NULL));
	CHECK(request(3, 0x83, 8, NULL));
	in_reply = ask_once; /* the barrier is over, they have not started yet */
	complete(lent[0], 0, 0);
	CHECK_EQ(lents, 4);
	complete(lent[3], 0, 8);
	CHECK_TOLD(1, 99, 0, 8, false);
	teardown();
}

static void
request_inside_the_submit_of_a_barrier(void)
{
	setup();
	in_submit = ask_once;
	at_once = true;
	CHECK(request_setup(1, 0, 0, NULL, clear_halt));
	CHECK_EQ(tolds, 2); /* not forgotten behind a barrier that is over */
	CHECK_TOLD(0, 1, 0, 0, false);
	CHECK_TOLD(1, 99, 0, 8, false);
	teardown();
}

static void
too_many_fail_alone(void)
{
	uint64_t n = 0;

	setup();
	pool.budget = 64 << 20;
	cancel_at_once = true;
	while (n < 10000 && request(n, 0x83, 0, NULL))
		n++;
	CHECK_EQ(n, 4096);
	CHECK_TOLD(0, n, -LINUX_ENOMEM, 0, false);
	teardown();
}

static void
unlink_first(void)
{
	export_unlink(ex, 1);
}

static void
unlink_inside_submit(void)
{
	setup();
	in_submit = unlink_first;
	CHECK(request(1, 0x81, 8, NULL));
	CHECK_EQ(cancelled, 1);
	complete_cancelled(0, -LINUX_ECONNRESET, 0);
	CHECK_TOLD(0, 1, -LINUX_ECONNRESET, 0, true);
	in_submit = end_it;
	CHECK(request(2, 0x81, 8, NULL));
	CHECK_EQ(cancelled, 2);
	CHECK_EQ(ends, 0);
	complete_cancelled(1, -LINUX_ECONNRESET, 0);
	CHECK_EQ(ends, 1);
	export_free(ex);
	CHECK_EQ(pool.used, 0);
}

static unsigned gets_left;

static void *
failing_get(void *arg, size_t n)
{
	(void)arg;
	if (gets_left == 0)
		return NULL;
	gets_left--;
	return malloc(n);
}

static void
every_allocation_may_fail(void)
{
	for (unsigned n = 0; n < 4; n++) {
		setup();
		teardown();
		gets_left = n;
		pool.get = failing_get;
		tolds = lents = ends = cancelled = 0;
		if (export_new(&ex, &pool, &conf, &ops, NULL, NULL) != ERR_OK) {
			CHECK_EQ(n, 0);
			CHECK(ex == NULL);
			continue;
		}
		for (unsigned tag = 0; tag < 3; tag++)
			CHECK_EQ(request(tag, 0x02, 3, "abc"), tag + 1 < n);
		CHECK_EQ(tolds, 3 - (n - 1));
		CHECK_EQ(told[0].status, -LINUX_ENOMEM);
		teardown();
	}
}

static void
bad_descriptors_are_refused(void)
{
	struct export_conf bad = conf;

	setup();
	teardown();
	bad.raw_len--;
	CHECK_EQ(export_new(&ex, &pool, &bad, &ops, NULL, NULL), ERR_PROTO);
	CHECK(ex == NULL);
	CHECK_EQ(pool.used, 0);
	export_free(NULL);
}

TEST_MAIN(TEST(data_goes_both_ways), TEST(idle_in_blocks_nobody),
	  TEST(bad_requests_fail_alone), TEST(iso_fails_alone),
	  TEST(results_are_passed_on), TEST(device_that_refuses_an_urb),
	  TEST(duplicate_tag_fails_alone), TEST(over_budget_fails_alone),
	  TEST(barrier_holds_the_whole_device), TEST(reset_waits_for_endpoint_0),
	  TEST(barriers_come_one_by_one), TEST(endpoints_follow_what_succeeded),
	  TEST(unlink_of_a_lent_urb), TEST(unlink_loses_no_data),
	  TEST(unlink_of_a_held_urb), TEST(unlink_while_the_door_fills),
	  TEST(unlink_before_its_request), TEST(tombstones_are_bounded),
	  TEST(gone_device_answers_at_once), TEST(end_says_nothing_more),
	  TEST(end_may_come_at_once_and_free), TEST(end_inside_a_reply),
	  TEST(reply_may_ask_and_unlink), TEST(a_device_may_complete_inside_submit),
	  TEST(many_barriers_in_a_row), TEST(held_urbs_are_not_overtaken),
	  TEST(request_inside_the_submit_of_a_barrier), TEST(too_many_fail_alone),
	  TEST(unlink_inside_submit), TEST(every_allocation_may_fail),
	  TEST(bad_descriptors_are_refused))
