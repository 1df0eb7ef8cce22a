/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core */
/* clang-format on */
/*
 * The kernel's bytes on one side, requests and replies of the far end on the other, and
 * between them an import engine with assists. Whole runs over a network are
 * test/sim/pad_test's.
 */
#include "core/assist.h"
#include "core/usbip.h"
#include "test/test.h"

/* clang-format off */
static uint8_t raw[] = {
	18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0, 1, 1, 2, 3, 1,
	9, 2, 0 /* setup */, 0, 4, 1, 0, 0x80, 50,
	9, 4, 0, 0, 2, 3, 1, 2, 0,		/* HID */
	9, 0x21, 0x11, 1, 0, 1, 0x22, 50, 0,
	7, 5, 0x81, 3, 64, 0, 1,
	7, 5, 0x06, 3, 64, 0, 1,
	9, 4, 0, 1, 1, 3, 1, 2, 0,
	7, 5, 0x81, 3, 64, 0, 1,
	9, 4, 1, 0, 1, 2, 2, 1, 0,		/* CDC-ACM */
	7, 5, 0x82, 3, 16, 0, 9,
	9, 4, 2, 0, 1, 255, 0, 0, 0,		/* the vendor's */
	7, 5, 0x83, 3, 16, 0, 9,
	9, 4, 3, 0, 2, 9, 0, 0, 0,		/* hub */
	7, 5, 0x84, 3, 1, 0, 12,
	7, 5, 0x85, 2, 0, 2, 0,
};
/* clang-format on */

#include "test/core/assisted.h"

static const struct ahead_stats *
stats(void)
{
	return assist_stats(assist, ASSIST_INTERRUPT);
}

/* --- names --- */

static void
names(void)
{
	uint32_t set = 7;

	CHECK(strcmp(assist_name(ASSIST_INTERRUPT), "interrupt") == 0);
	CHECK(assist_name(ASSIST_NAMES) == NULL);
	CHECK(assist_read("", &set) && set == 0);
	CHECK(assist_read("interrupt", &set) && set == 1);
	CHECK(assist_read("interrupt,interrupt", &set) && set == 1);
	CHECK(assist_read("storage,interrupt", &set) && set == 3);
	CHECK(assist_read("all", &set) && set == (1u << ASSIST_NAMES) - 1);
	CHECK(!assist_read("interrupt,", &set));
	CHECK(!assist_read(",interrupt", &set));
	CHECK(!assist_read("interrup", &set));
	CHECK(!assist_read("interrupts", &set));
	CHECK(!assist_read("all,no", &set));
}

/* --- which endpoints --- */

/* Requests that are open after so many urbs that were answered one by one. */
static unsigned
depth_of(uint8_t ep, unsigned urbs)
{
	unsigned done = 0;
	uint32_t seq;

	for (unsigned i = 0; i < urbs; i++) {
		seq = submit(ep, 1);
		if (silent())
			gives(done++, 1, (uint8_t)i);
		HEARD(seq, 0, 1, (uint8_t)i);
	}
	seq = submit(ep, 1);
	return fars - done;
}

static void
by_class(void)
{
	static const struct {
		uint8_t ep;
		unsigned most;
	} eps[] = {{0x81, 128}, {0x82, 2}, {0x83, 1}, {0x84, 1}, {0x85, 1}};

	for (size_t i = 0; i < ARRAY_LEN(eps); i++) {
		unsigned n;

		setup();
		n = depth_of(eps[i].ep, 300);
		CHECK(n <= eps[i].most);
		CHECK(n > eps[i].most * 3 / 4);
		teardown();
	}
	fail_at = 0;
	CHECK(setup_off(1u << ASSIST_INTERRUPT));
	CHECK(!assist_is_on(assist, ASSIST_INTERRUPT));
	CHECK_EQ(depth_of(0x81, 20), 1);
	CHECK_EQ(stats()->hits, 0);
	teardown();
}

/* The vendor's own are as others where the chip is known. */
static void
by_chip(void)
{
	static const struct {
		uint16_t vid, pid;
		unsigned most;
	} chips[] = {{0x067b, 0x2303, 2}, {0x1a86, 0x7523, 2}, {0x067b, 0x2304, 1}};

	for (size_t i = 0; i < ARRAY_LEN(chips); i++) {
		uint8_t was[4];

		memcpy(was, raw + 8, 4);
		raw[8] = (uint8_t)chips[i].vid;
		raw[9] = (uint8_t)(chips[i].vid >> 8);
		raw[10] = (uint8_t)chips[i].pid;
		raw[11] = (uint8_t)(chips[i].pid >> 8);
		setup();
		CHECK_EQ(depth_of(0x83, 5), chips[i].most);
		teardown();
		memcpy(raw + 8, was, 4);
	}
}

static void
interrupt_out_goes_the_plain_way(void)
{
	uint8_t byte = 9;
	uint32_t seq;

	setup();
	seq = submit(0x06, 1);
	CHECK_EQ(import_input(im, &byte, 1), ERR_OK);
	CHECK_EQ(fars, 1);
	CHECK_EQ(far[0].data, 9);
	gives(0, 1, 0);
	HEARD(seq, 0, 1, 0);
	teardown();
}

/* --- reading ahead --- */

static void
answered_at_once(void)
{
	uint32_t a, b;

	setup();
	a = submit(0x81, 64);
	CHECK_EQ(fars, 2);
	CHECK_EQ(far[1].len, 64);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	CHECK_EQ(stats()->hits, 0);
	gives(1, 7, 'b');
	CHECK(silent());
	CHECK_EQ(fars, 2); /* nobody waits: nothing is asked for */
	b = submit(0x81, 64);
	HEARD(b, 0, 7, 'b');
	CHECK_EQ(stats()->hits, 1);
	CHECK_EQ(stats()->saved, 1);
	CHECK_EQ(stats()->fallbacks, 0);
	teardown();
}

/* Several urbs of the driver, and one without data, in their order. */
static void
in_order(void)
{
	uint32_t a, b, c;

	setup();
	a = submit(0x81, 64);
	b = submit(0x81, 64);
	c = submit(0x81, 64);
	CHECK_EQ(fars, 3);
	gives(0, 1, 'a');
	gives(1, 0, 0);
	gives(2, 64, 'c');
	HEARD(a, 0, 1, 'a');
	HEARD(b, 0, 0, 0);
	HEARD(c, 0, 64, 'c');
	CHECK(silent());
	teardown();
}

/* Far away all that is open ends before the driver asks again: twice as many then. */
static void
twice_as_many_each_trip(void)
{
	unsigned done = 0, before, was;

	setup();
	(void)submit(0x81, 1);
	for (was = fars; was < 128; was = fars - done) {
		for (before = fars; done < before; done++)
			gives(done, 1, 0);
		while (!silent()) {
			hear_all();
			(void)submit(0x81, 1);
		}
		CHECK(fars - done >= 2 * was || fars - done == 128);
		CHECK(fars - done <= 2 * was + 1);
		if (test_failed)
			break;
	}
	teardown();
}

/* A driver that lets things lie has less in store than one that waits. */
static void
less_for_the_slow(void)
{
	unsigned quick, done = 0, before;

	setup();
	quick = depth_of(0x81, 60);
	CHECK(quick > 30);
	done = fars - quick;
	for (unsigned i = 0; i < 300; i++) { /* all that is open ends, and then one urb */
		for (before = fars; done < before; done++)
			gives(done, 1, 0);
		hear_all();
		(void)submit(0x81, 1);
	}
	hear_all();
	for (unsigned i = 0; i < 100 && !test_failed; i++) {
		(void)submit(0x81, 1);
		if (silent())
			break;
		hear_all();
	}
	CHECK(silent());
	CHECK(fars - done <= 8);
	teardown();
}

static void
another_length(void)
{
	uint32_t a, b, c;

	setup();
	a = submit(0x81, 8);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	gives(1, 8, 'b');
	b = submit(0x81, 3); /* has its share, and the next one the rest */
	HEARD(b, 0, 3, 'b');
	CHECK_EQ(stats()->fallbacks, 1);
	c = submit(0x81, 16);
	HEARD(c, 0, 5, 'b');
	CHECK_EQ(fars, 2);
	a = submit(0x81, 16);
	b = submit(0x81, 4);
	CHECK_EQ(fars, 4); /* one for each */
	CHECK_EQ(far[2].len, 16);
	CHECK_EQ(far[3].len, 4);
	gives(2, 16, 'x');
	gives(3, 4, 'y');
	HEARD(a, 0, 16, 'x');
	HEARD(b, 0, 4, 'y');
	CHECK_EQ(stats()->fallbacks, 1);
	teardown();
}

static void
short_not_ok(void)
{
	uint32_t a;

	setup();
	a = submit_flags(0x81, 8, URB_SHORT_NOT_OK);
	CHECK_EQ(far[0].flags, 0);
	gives(0, 7, 'a');
	HEARD(a, -LINUX_EREMOTEIO, 7, 'a');
	gives(1, 8, 'b');
	a = submit_flags(0x81, 8, URB_SHORT_NOT_OK);
	HEARD(a, 0, 8, 'b');
	teardown();
}

/* --- taken back --- */

static void
the_last_reader_leaves(void)
{
	uint32_t a, n;

	setup();
	a = submit(0x81, 8);
	n = take_back(a);
	CHECK_EQ(unlinks, 2);
	CHECK_EQ(unlinked[0], far[1].tag); /* the youngest first */
	CHECK_EQ(unlinked[1], far[0].tag);
	CHECK(silent());
	comes_back(1);
	CHECK(silent());
	comes_back(0);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	CHECK_EQ(fars, 2);
	a = submit(0x81, 8);
	CHECK_EQ(fars, 4);
	gives(2, 8, 'c');
	HEARD(a, 0, 8, 'c');
	teardown();
}

/* What came meanwhile is the leaving one's, and then the next one's. */
static void
nothing_is_lost_by_leaving(void)
{
	const struct import_reply part = {.status = -LINUX_ECONNRESET, .actual = 5};
	uint32_t a, b, n;

	setup();
	a = submit(0x81, 8);
	n = take_back(a);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	HEARD_UNLINK(n, 0);
	CHECK_EQ(says(1, &part, 'b'), ERR_OK); /* cancelled, and yet */
	CHECK(silent());
	b = submit(0x81, 8);
	HEARD(b, 0, 5, 'b');
	teardown();
}

static void
one_of_two_leaves(void)
{
	uint32_t a, b, n;

	setup();
	a = submit(0x81, 8);
	b = submit(0x81, 8);
	n = take_back(a);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	CHECK_EQ(unlinks, 0);
	gives(0, 8, 'a');
	HEARD(b, 0, 8, 'a');
	teardown();
}

/* A reader that comes while those of the last one are on their way back waits. */
static void
a_reader_comes_meanwhile(void)
{
	uint32_t a, b, n;

	setup();
	a = submit(0x81, 8);
	n = take_back(a);
	b = submit(0x81, 8);
	CHECK_EQ(fars, 2);
	comes_back(1);
	comes_back(0);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	CHECK_EQ(fars, 4);
	gives(2, 8, 'x');
	HEARD(b, 0, 8, 'x');
	teardown();
}

/* An UNLINK that could not be sent is sent when something else has happened. */
static void
unlinks_are_tried_again(void)
{
	uint32_t a, n;

	setup();
	a = submit(0x81, 8);
	unlink_says = ERR_NOMEM;
	n = take_back(a);
	CHECK_EQ(unlinks, 0);
	unlink_says = ERR_OK;
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	HEARD_UNLINK(n, 0);
	CHECK_EQ(unlinks, 1);
	comes_back(1);
	teardown();
}

/* --- errors --- */

static void
an_error_comes_once(void)
{
	uint32_t a;

	setup();
	(void)depth_of(0x81, 10);
	a = seqnum;
	CHECK(fars - 10 > 4);
	fails(10, -LINUX_EPROTO);
	HEARD(a, -LINUX_EPROTO, 0, 0);
	CHECK_EQ(unlinks, fars - 11);
	for (unsigned i = 11, n = fars; i < n; i++)
		fails(i, -LINUX_EPROTO); /* they did not come back in time */
	CHECK(silent());
	a = fars;
	(void)submit(0x81, 1);
	CHECK_EQ(fars - a, 2); /* from the beginning */
	fails(a, -LINUX_EPIPE);
	HEARD(seqnum, -LINUX_EPIPE, 0, 0);
	teardown();
}

/* Data behind an error come behind it. */
static void
an_error_in_its_place(void)
{
	uint32_t a, b;

	setup();
	a = submit(0x81, 8);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	a = submit(0x81, 8);
	b = submit(0x81, 8);
	CHECK(fars > 3);
	fails(1, -LINUX_EOVERFLOW);
	gives(2, 8, 'b');
	HEARD(a, -LINUX_EOVERFLOW, 0, 0);
	HEARD(b, 0, 8, 'b');
	for (unsigned i = 3; i < fars; i++)
		comes_back(i);
	CHECK(silent());
	teardown();
}

/* An urb of the driver fails when its own fails, ours are fewer from then on. */
static void
over_the_far_ends_budget(void)
{
	uint32_t a;

	setup();
	a = submit(0x81, 8);
	fails(1, -LINUX_ENOMEM);
	CHECK(silent());
	CHECK_EQ(stats()->fallbacks, 1);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	a = submit(0x81, 8);
	CHECK_EQ(fars, 3);
	fails(2, -LINUX_ENOMEM);
	HEARD(a, -LINUX_ENOMEM, 0, 0);
	teardown();
}

static void
nothing_can_be_sent(void)
{
	uint32_t a;

	setup();
	submit_says = ERR_NOMEM;
	a = submit(0x81, 8);
	HEARD(a, -LINUX_ENOMEM, 0, 0);
	submit_says = ERR_GONE;
	a = submit(0x81, 8);
	HEARD(a, -LINUX_ESHUTDOWN, 0, 0);
	submit_says = ERR_OK;
	a = submit(0x81, 8);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	teardown();
}

static void
the_far_end_goes(void)
{
	uint32_t a, c;

	setup();
	a = submit(0x81, 8);
	c = control(0x21, 0x0b, 0, 0, 0);
	import_gone(im);
	HEARD(a, -LINUX_ESHUTDOWN, 0, 0);
	HEARD(c, -LINUX_ESHUTDOWN, 0, 0);
	a = submit(0x81, 8);
	HEARD(a, -LINUX_ESHUTDOWN, 0, 0);
	gives(0, 8, 'a'); /* was on its way */
	comes_back(1);
	CHECK(silent());
	teardown();
}

/* --- a far end that lies --- */

static void
impossible_replies(void)
{
	static const struct import_reply bad[] = {
	    {.actual = 9},
	    {.unlinked = true, .status = -LINUX_ECONNRESET},
	    {.actual = 8, .packets = 1},
	};
	static const struct import_reply fine = {.actual = 8};
	struct urb_iso *iso;
	uint8_t *data;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		setup();
		(void)submit(0x81, 8);
		CHECK_EQ(says(0, &bad[i], 0), ERR_PROTO);
		teardown();
	}
	setup();
	(void)submit(0x81, 8);
	/* by the name that we gave the driver's urb */
	CHECK_EQ(assist_reply(assist, 0x81, 1ull << 58, &fine, &data, &iso), ERR_PROTO);
	gives(0, 8, 'a');
	CHECK_EQ(says(0, &fine, 0), ERR_PROTO); /* twice */
	CHECK_EQ(assist_reply(assist, 0x81, 77, &fine, &data, &iso), ERR_PROTO);
	CHECK_EQ(assist_reply(assist, 0x82, 1001, &fine, &data, &iso), ERR_PROTO);
	teardown();
}

/* One that is not ended has not happened. */
static void
a_reply_that_does_not_end(void)
{
	const struct import_reply r = {.actual = 8};
	struct urb_iso *iso;
	uint8_t *data;
	uint32_t a;

	setup();
	a = submit(0x81, 8);
	CHECK_EQ(assist_reply(assist, 0x81, far[0].tag, &r, &data, &iso), ERR_OK);
	gives(1, 8, 'b');
	HEARD(a, 0, 8, 'b');
	a = submit(0x81, 8);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	teardown();
}

/* --- what changes the endpoint --- */

static const struct change {
	uint8_t type, request, value, index;
	bool ours; /* of endpoint 0x81, interface 0 */
} changes[] = {
    {0x02, 1, 0, 0x81, true}, {0x01, 11, 1, 0, true},    {0x00, 9, 1, 0, true},
    {0x21, 0x0b, 1, 0, true}, {0x23, 3, 4, 1, true},     {0x02, 1, 0, 0x82, false},
    {0x01, 11, 0, 1, false},  {0x21, 0x0b, 1, 1, false}, {0x21, 0x0a, 0, 0, false},
    {0xa1, 1, 0, 0, false},   {0x21, 9, 0, 0, false},
};

/* It waits for what is open, discards what nobody took, and all goes on behind it. */
static void
changes_wait(void)
{
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		const struct change *c = &changes[i];
		uint32_t a, n;

		setup();
		a = submit(0x81, 8);
		gives(0, 8, 'a');
		HEARD(a, 0, 8, 'a');
		gives(1, 8, 'b'); /* nobody takes it */
		a = submit(0x81, 8);
		HEARD(a, 0, 8, 'b');
		a = submit(0x81, 8);
		n = fars;
		(void)control(c->type, c->request, c->value, c->index, 0);
		CHECK_EQ(fars, n + !c->ours);
		if (c->ours) {
			for (unsigned k = 2; k < n; k++)
				comes_back(k);
			CHECK_EQ(fars, n + 1); /* now, and no reads with it */
		} else {
			CHECK_EQ(unlinks, 0);
		}
		CHECK_EQ(far[n].setup[1], c->request);
		CHECK(silent());
		gives(n, 0, 0);
		HEARD(a + 1, 0, 0, 0);
		CHECK(fars > n + 1 || !c->ours);
		teardown();
	}
}

static void
what_was_kept_is_discarded(void)
{
	for (int ok = 0; ok < 2; ok++) {
		uint32_t a, c;

		setup();
		a = submit(0x81, 8);
		gives(0, 8, 'a');
		gives(1, 8, 'b');
		HEARD(a, 0, 8, 'a');
		c = control(0x21, 0x0b, 1, 0, 0);
		CHECK_EQ(fars, 3); /* nothing is open */
		a = submit(0x81, 8);
		CHECK(silent()); /* what was before is not for it */
		CHECK_EQ(fars, 3);
		if (ok)
			gives(2, 0, 0);
		else
			fails(2, -LINUX_EPIPE);
		HEARD(c, ok ? 0 : -LINUX_EPIPE, 0, 0);
		if (ok)
			gives(3, 8, 'c');
		HEARD(a, 0, 8, ok ? 'c' : 'b'); /* it was not changed */
		teardown();
	}
}

/* The urb that waits may yet have what comes before the change. */
static void
a_reader_over_a_change(void)
{
	uint32_t a, b, c;

	setup();
	a = submit(0x81, 8);
	c = control(0x21, 0x0b, 1, 0, 0);
	CHECK_EQ(unlinks, 2);
	b = submit(0x81, 8);
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	gives(1, 8, 'b');
	CHECK(silent());
	CHECK_EQ(fars, 3);
	gives(2, 0, 0);
	HEARD(c, 0, 0, 0);
	gives(3, 8, 'c');
	HEARD(b, 0, 8, 'c');
	teardown();
}

/* Control requests behind one that waits keep their place, with their data. */
static void
requests_in_order(void)
{
	uint32_t c, d, e;

	setup();
	(void)submit(0x81, 8);
	c = control(0x21, 0x0b, 1, 0, 0);
	d = control(0x21, 9, 0, 1, 3); /* SET_REPORT */
	CHECK_EQ(fars, 2);
	comes_back(1);
	comes_back(0);
	CHECK_EQ(fars, 4);
	CHECK_EQ(far[2].setup[1], 0x0b);
	CHECK_EQ(far[3].setup[1], 9);
	CHECK_EQ(far[3].len, 3);
	CHECK_EQ(far[3].data, d);
	e = control(0xa1, 1, 0, 1, 4);
	CHECK_EQ(fars, 5);
	gives(4, 4, 'r');
	HEARD(e, 0, 4, 'r');
	gives(3, 3, 0);
	HEARD(d, 0, 3, 0);
	gives(2, 0, 0);
	HEARD(c, 0, 0, 0);
	CHECK(fars > 5);
	teardown();
}

static void
a_request_is_taken_back(void)
{
	uint32_t a, c, d, n;

	setup();
	a = submit(0x81, 8);
	c = control(0x21, 0x0b, 1, 0, 0);
	d = control(0x21, 9, 0, 1, 3);
	n = take_back(c); /* before it went */
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	CHECK_EQ(fars, 3);
	CHECK_EQ(far[2].setup[1], 9);
	comes_back(1);
	CHECK_EQ(fars, 3); /* nothing until all are back */
	gives(0, 8, 'a');
	HEARD(a, 0, 8, 'a');
	gives(2, 3, 0);
	HEARD(d, 0, 3, 0);
	a = submit(0x81, 8);
	gives(3, 8, 'b');
	gives(4, 8, 'c');
	HEARD(a, 0, 8, 'b');
	c = control(0x21, 0x0b, 1, 0, 0);
	CHECK_EQ(fars, 6);
	unlinks = 0;
	n = take_back(c); /* when it is there */
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(unlinked[0], far[5].tag);
	comes_back(5);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	a = submit(0x81, 8);
	HEARD(a, 0, 8, 'c');
	teardown();
}

static void
a_request_cannot_be_sent(void)
{
	uint32_t a, c;

	setup();
	a = submit(0x81, 8);
	c = control(0x21, 0x0b, 1, 0, 0);
	submit_says = ERR_NOMEM;
	comes_back(1);
	comes_back(0);
	HEARD(a, -LINUX_ENOMEM, 0, 0);
	HEARD(c, -LINUX_ENOMEM, 0, 0);
	submit_says = ERR_OK;
	a = submit(0x81, 8);
	gives(2, 8, 'a');
	HEARD(a, 0, 8, 'a');
	teardown();
}

/* A port reset that the kernel does not tell (core/enumerate) waits as well. */
static void
an_inferred_reset(void)
{
	struct usbip h = {
	    .cmd = USBIP_SUBMIT,
	    .seqnum = 3,
	    .devid = DEVID,
	    .in = 1,
	    .submit = {.len = 64, .setup = {0x80, 6, 0, 1, 0, 0, 64, 0}},
	};
	uint8_t b[USBIP_HEADER];
	uint32_t a;

	setup();
	a = control(0x00, 9, 1, 0, 0);
	gives(0, 0, 0);
	HEARD(a, 0, 0, 0);
	a = submit(0x81, 8);
	usbip_pack(&h, b);
	CHECK_EQ(import_input(im, b, sizeof(b)), ERR_OK);
	CHECK_EQ(fars, 3);
	CHECK_EQ(unlinks, 2);
	comes_back(2);
	comes_back(1);
	CHECK_EQ(far[3].setup[0], 0x23);
	gives(3, 0, 0);
	HEARD(3, 0, 18, 18);
	gives(4, 8, 'a');
	HEARD(a, 0, 8, 'a');
	teardown();
}

/* --- without memory --- */

static void
a_day(void)
{
	static const uint8_t eps[] = {0x81, 0x82, 0x81};
	uint32_t a;

	for (size_t i = 0; i < ARRAY_LEN(eps); i++) {
		a = submit(eps[i], 8);
		(void)submit(eps[i], 8);
		(void)control(0x21, 9, 0, 1, 3);
		(void)control(0x02, 1, 0, eps[i], 0);
		(void)take_back(a);
		for (unsigned k = 0; k < fars; k++) {
			const struct import_reply r = {.actual = far[k].len};

			(void)says(k, &r, 1); /* some have ended already */
		}
	}
}

/* Every urb has an answer, or its own requests are still open. */
static void
no_memory(void)
{
	struct import_stats st;
	unsigned total;

	setup();
	a_day();
	total = gets;
	teardown();
	for (fail_at = 1; fail_at <= total; fail_at++) {
		if (setup_off(0))
			a_day();
		else if (im == NULL)
			continue;
		import_gone(im);
		hear_all();
		import_stats(im, &st);
		CHECK_EQ(st.inflight, 0);
		teardown();
	}
}

TEST_MAIN(TEST(names), TEST(by_class), TEST(by_chip),
	  TEST(interrupt_out_goes_the_plain_way), TEST(answered_at_once), TEST(in_order),
	  TEST(twice_as_many_each_trip), TEST(less_for_the_slow), TEST(another_length),
	  TEST(short_not_ok), TEST(the_last_reader_leaves),
	  TEST(nothing_is_lost_by_leaving), TEST(one_of_two_leaves),
	  TEST(a_reader_comes_meanwhile), TEST(unlinks_are_tried_again),
	  TEST(an_error_comes_once), TEST(an_error_in_its_place),
	  TEST(over_the_far_ends_budget), TEST(nothing_can_be_sent),
	  TEST(the_far_end_goes), TEST(impossible_replies),
	  TEST(a_reply_that_does_not_end), TEST(changes_wait),
	  TEST(what_was_kept_is_discarded), TEST(a_reader_over_a_change),
	  TEST(requests_in_order), TEST(a_request_is_taken_back),
	  TEST(a_request_cannot_be_sent), TEST(an_inferred_reset), TEST(no_memory))
