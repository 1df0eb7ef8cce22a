/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core/assist core/assist_kind core/after core/assist_held core/assist_face core/ahead core/ahead_fetch core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own core/import core/iurb core/iurb_iso core/iso core/retq core/urbs core/usbip core/desc core/cur core/log core/mem core/enumerate core/desc_edit core/desc_cache core/behind core/assist_way core/isoin core/isoout */
/* clang-format on */
/*
 * A disk's driver on one side, what the far end makes of it on the other. Whole runs
 * over a network are test/sim/disk_test's.
 */
#include "core/after.h"

#include <stdint.h>

/* clang-format off */
static uint8_t raw[] = {
	18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0, 1, 1, 2, 3, 1,
	9, 2, 0 /* setup */, 0, 3, 1, 0, 0x80, 50,
	9, 4, 0, 0, 2, 8, 6, 80, 0,		/* a disk */
	7, 5, 0x81, 2, 0, 2, 0,
	7, 5, 0x02, 2, 0, 2, 0,
	9, 4, 1, 0, 2, 8, 6, 98, 0,		/* UAS alone */
	7, 5, 0x83, 2, 0, 2, 0,
	7, 5, 0x04, 2, 0, 2, 0,
	9, 4, 2, 0, 3, 8, 6, 80, 0,		/* one that cannot be understood */
	7, 5, 0x85, 2, 0, 2, 0,
	7, 5, 0x06, 2, 0, 2, 0,
	7, 5, 0x87, 2, 0, 2, 0,
};
/* clang-format on */

#include "test/core/assisted.h"

#define IN  0x81
#define OUT 0x02

static const struct ahead_stats *
stats(void)
{
	return assist_stats(assist, ASSIST_STORAGE);
}

static uint8_t tag;

/* A command block for so many bytes; the next tag. */
static uint32_t
command(bool in, uint32_t len)
{
	uint8_t b[31] = {'U', 'S', 'B', 'C', ++tag, 7, 7, 7};

	b[8] = (uint8_t)len;
	b[9] = (uint8_t)(len >> 8);
	b[10] = (uint8_t)(len >> 16);
	b[12] = in ? 0x80 : 0;
	b[14] = 10;
	b[15] = in ? 0x28 : 0x2a;
	return send_bytes(OUT, b, sizeof(b));
}

static uint32_t
data_out(uint32_t len)
{
	static const uint8_t b[4096];

	return send_bytes(OUT, b, len);
}

/* The far end's request i ends with the status of the command. */
static void
status(unsigned i, uint32_t residue, uint8_t how)
{
	const struct import_reply r = {.actual = 13};
	uint8_t csw[13] = {
	    'U', 'S', 'B', 'S', tag, 7, 7, 7, (uint8_t)residue, (uint8_t)(residue >> 8),
	    0,   0,   how};
	struct urb_iso *iso;
	uint8_t *data = NULL;

	CHECK_EQ(assist_reply(assist, far[i].ep, far[i].tag, &r, &data, &iso), ERR_OK);
	CHECK(data != NULL);
	if (data != NULL)
		memcpy(data, csw, sizeof(csw));
	CHECK_EQ(assist_reply_end(assist), ERR_OK);
}

/* The driver has the status, which says so much. */
#define HEARD_STATUS(seq, residue, how) HEARD_CSW(seq, tag, residue, how)

static const uint32_t after_first = 0x20000000u + 1000; /* far[0] of OUT */

/* --- commands that go well --- */

static void
a_read(void)
{
	uint32_t c, d, s;

	setup();
	c = command(true, 4096);
	HEARD(c, 0, 31, 0); /* at once */
	CHECK_EQ(fars, 1);
	d = submit(IN, 4096);
	CHECK_EQ(fars, 3);
	CHECK_EQ(far[1].len, 4096);
	CHECK_EQ(far[1].after, after_first); /* it may overtake the command */
	CHECK_EQ(far[2].len, 13);
	CHECK_EQ(far[2].after, after_first);
	gives(0, 31, 0);
	gives(1, 4096, 'd');
	HEARD(d, 0, 4096, 'd');
	status(2, 0, 0);
	CHECK(silent());
	s = submit(IN, 13);
	HEARD_STATUS(s, 0, 0);
	CHECK_EQ(fars, 3);
	CHECK_EQ(stats()->hits, 1);
	CHECK_EQ(stats()->saved, 2);
	CHECK_EQ(stats()->fallbacks, 0);
	teardown();
}

static void
a_write(void)
{
	uint32_t c, d[2], s;

	setup();
	c = command(false, 3000);
	HEARD(c, 0, 31, 0);
	d[0] = data_out(2000);
	HEARD(d[0], 0, 2000, 0);
	d[1] = data_out(1000);
	HEARD(d[1], 0, 1000, 0);
	s = submit(IN, 13);
	CHECK_EQ(fars, 4);
	CHECK_EQ(far[3].after, after_first + 2);
	gives(0, 31, 0);
	gives(1, 2000, 0);
	status(3, 0, 0); /* before its data have their end: streams do not wait */
	CHECK(silent());
	gives(2, 1000, 0);
	HEARD_STATUS(s, 0, 0);
	CHECK_EQ(stats()->hits, 1);
	CHECK_EQ(stats()->saved, 3);
	teardown();
}

static void
without_data(void)
{
	uint32_t c, s;

	setup();
	c = command(false, 0);
	HEARD(c, 0, 31, 0);
	s = submit(IN, 512); /* more room than it needs */
	CHECK_EQ(far[1].len, 512);
	gives(0, 31, 0);
	status(1, 0, 1);
	HEARD_STATUS(s, 0, 1);
	c = command(true, 512);
	HEARD(c, 0, 31, 0);
	CHECK_EQ(stats()->hits, 1);
	teardown();
}

/* Several reads, and the status with them; a device that ends its data early. */
static void
all_at_once(void)
{
	uint32_t c, d, e, s;

	setup();
	c = command(true, 1024);
	HEARD(c, 0, 31, 0);
	d = submit(IN, 512);
	CHECK_EQ(fars, 2);
	e = submit(IN, 512);
	CHECK_EQ(fars, 4);
	s = submit(IN, 13);
	CHECK_EQ(fars, 4);
	gives(0, 31, 0);
	gives(1, 512, 'd');
	gives(2, 100, 'e');
	status(3, 412, 0);
	HEARD(d, 0, 512, 'd');
	HEARD(e, 0, 100, 'e');
	HEARD_STATUS(s, 412, 0);
	teardown();
}

/* --- which devices --- */

static void
others_go_the_plain_way(void)
{
	static const uint8_t cbw[31] = {'U', 'S', 'B', 'C', 1, 0, 0, 0,
					0,   0,   0,   0,   0, 0, 6};
	static const uint8_t outs[] = {0x04, 0x06};
	uint32_t c;

	for (size_t i = 0; i < sizeof(outs); i++) {
		setup();
		(void)send_bytes(outs[i], cbw, 31);
		CHECK(silent());
		gives(0, 31, 0);
		HEARD(1, 0, 31, 0);
		CHECK_EQ(stats()->fallbacks, 0);
		teardown();
	}
	fail_at = 0;
	CHECK(setup_off(1u << ASSIST_STORAGE));
	c = command(true, 512);
	CHECK(silent());
	gives(0, 31, 0);
	HEARD(c, 0, 31, 0);
	teardown();
}

/* --- what is not understood --- */

static void
no_command_block(void)
{
	uint8_t b[31] = {'U', 'S', 'B', 'C', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6};
	static const struct {
		uint8_t at, is;
	} wrong[] = {{0, 'X'}, {12, 1}, {13, 16}, {14, 0}, {14, 17}};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		uint8_t was = b[wrong[i].at];
		uint32_t c;

		setup();
		b[wrong[i].at] = wrong[i].is;
		c = send_bytes(OUT, b, 31);
		CHECK(silent());
		CHECK_EQ(stats()->fallbacks, 1);
		gives(0, 31, 0);
		HEARD(c, 0, 31, 0);
		b[wrong[i].at] = was;
		teardown();
	}
	setup();
	(void)send_bytes(OUT, b, 30);
	CHECK(silent());
	teardown();
}

/* To the end of the command: its status, wherever that is seen. */
static void
back_to_the_quick_way(void)
{
	uint32_t c, d, s;

	setup();
	c = command(true, 512);
	HEARD(c, 0, 31, 0);
	gives(0, 31, 0);
	d = submit(IN, 1024); /* more than there is */
	CHECK_EQ(fars, 2);
	CHECK_EQ(stats()->fallbacks, 1);
	gives(1, 512, 'd');
	HEARD(d, 0, 512, 'd');
	s = submit(IN, 13);
	status(2, 0, 0);
	HEARD_STATUS(s, 0, 0);
	CHECK_EQ(stats()->hits, 0);
	c = command(true, 512);
	HEARD(c, 0, 31, 0);
	teardown();
}

/* --- what goes wrong --- */

/* The halt is cleared from here, and the status says how much was not taken. */
static void
a_write_stalls(void)
{
	const struct import_reply half = {.status = -LINUX_EPIPE, .actual = 512};
	uint32_t c, s;

	setup();
	(void)command(false, 3000);
	(void)data_out(2000);
	(void)data_out(1000);
	hear_all();
	s = submit(IN, 13);
	CHECK_EQ(fars, 4);
	gives(0, 31, 0);
	CHECK_EQ(says(1, &half, 0), ERR_OK);
	CHECK_EQ(fars, 4); /* not while one of them is at the device */
	fails(2, -LINUX_EPIPE);
	CHECK_EQ(fars, 5);
	CHECK_EQ(far[4].ep, 0);
	CHECK(memcmp(far[4].setup, "\x02\x01\0\0\x02\0\0\0", 8) == 0);
	status(3, 0, 0); /* a device that does not count */
	CHECK(silent());
	gives(4, 0, 0);
	HEARD_STATUS(s, 2488, 1); /* the driver has to look */
	c = command(true, 512);
	HEARD(c, 0, 31, 0);
	teardown();
}

/* A residue that the driver may not trust is not enough; of other data it is. */
static void
a_write_stalls_and_counts(void)
{
	static const uint8_t op[] = {0x2a, 0x8a, 0x55 /* MODE SELECT */};

	for (size_t i = 0; i < sizeof(op); i++) {
		uint8_t b[31] = {'U', 'S', 'B', 'C', ++tag, 7, 7, 7, 0, 2};
		uint32_t s;

		setup();
		b[14] = 10;
		b[15] = op[i];
		(void)send_bytes(OUT, b, sizeof(b));
		(void)data_out(512);
		hear_all();
		s = submit(IN, 13);
		gives(0, 31, 0);
		fails(1, -LINUX_EPIPE);
		gives(3, 0, 0);
		status(2, 512, 0);
		HEARD_STATUS(s, 512, op[i] != 0x55);
		teardown();
	}
}

/* Data that the driver sends then are taken from it, and go nowhere. */
static void
a_write_stalls_early(void)
{
	uint32_t d, s;

	setup();
	(void)command(false, 3000);
	(void)data_out(2000);
	hear_all();
	gives(0, 31, 0);
	fails(1, -LINUX_EPIPE);
	CHECK_EQ(fars, 3);
	d = data_out(1000);
	HEARD(d, 0, 1000, 0);
	CHECK_EQ(fars, 3);
	gives(2, 0, 0);
	s = submit(IN, 13);
	status(3, 3000, 1);
	HEARD_STATUS(s, 3000, 1);
	teardown();
}

/* The driver of the command hears of it where it waits. */
static void
a_write_fails(void)
{
	uint32_t s, c;

	setup();
	(void)command(false, 512);
	(void)data_out(512);
	hear_all();
	s = submit(IN, 13);
	gives(0, 31, 0);
	fails(1, -LINUX_EPROTO);
	CHECK_EQ(unlinks, 1);
	CHECK(silent());
	comes_back(2);
	HEARD(s, -LINUX_EPROTO, 0, 0);
	CHECK_EQ(stats()->fallbacks, 1);
	c = control(0x21, 0xff, 0, 0, 0);
	gives(3, 0, 0);
	HEARD(c, 0, 0, 0);
	c = command(true, 512);
	HEARD(c, 0, 31, 0);
	teardown();
}

static void
a_command_fails(void)
{
	uint32_t d;

	setup();
	(void)command(true, 1024);
	hear_all();
	d = submit(IN, 1024);
	fails(0, -LINUX_EPIPE);
	CHECK_EQ(unlinks, 2);
	CHECK_EQ(unlinked[0], far[2].tag); /* the status first */
	CHECK_EQ(unlinked[1], far[1].tag);
	comes_back(2);
	comes_back(1);
	HEARD(d, -LINUX_EPROTO, 0, 0);
	CHECK(silent());
	teardown();
}

/* Nobody waits: whoever comes next hears of it. */
static void
a_failure_is_owed(void)
{
	uint32_t s, n;

	setup();
	(void)command(false, 512);
	(void)data_out(512);
	hear_all();
	gives(0, 31, 0);
	fails(1, -LINUX_EOVERFLOW);
	n = fars;
	s = submit(IN, 13);
	HEARD(s, -LINUX_EPROTO, 0, 0);
	CHECK_EQ(fars, n);
	teardown();
}

/* Data that stall: the driver clears that halt, and the status is asked for again. */
static void
a_read_stalls(void)
{
	const struct import_reply half = {.status = -LINUX_EPIPE, .actual = 512};
	uint32_t d, c, s;

	setup();
	(void)command(true, 1024);
	hear_all();
	d = submit(IN, 1024);
	gives(0, 31, 0);
	CHECK_EQ(says(1, &half, 'd'), ERR_OK);
	HEARD(d, -LINUX_EPIPE, 512, 'd');
	c = control(0x02, 1, 0, IN, 0);
	CHECK_EQ(fars, 3); /* not while the status is asked for */
	CHECK_EQ(unlinks, 1);
	fails(2, -LINUX_EPIPE);
	CHECK_EQ(fars, 4);
	gives(3, 0, 0);
	HEARD(c, 0, 0, 0);
	s = submit(IN, 13);
	CHECK_EQ(fars, 5);
	status(4, 512, 0);
	HEARD_STATUS(s, 512, 0);
	teardown();
}

/* --- the driver changes its mind --- */

/* Data that are taken back: the status behind them first. */
static void
a_read_is_taken_back(void)
{
	uint32_t d, e, n, c;

	setup();
	(void)command(true, 1024);
	hear_all();
	gives(0, 31, 0);
	d = submit(IN, 1024);
	n = take_back(d);
	CHECK_EQ(unlinks, 2);
	CHECK_EQ(unlinked[0], far[2].tag);
	CHECK_EQ(unlinked[1], far[1].tag);
	comes_back(1);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	e = submit(IN,
		   512); /* it goes on reading: behind the status that is coming back */
	CHECK_EQ(fars, 3);
	comes_back(2);
	CHECK_EQ(fars, 4);
	CHECK_EQ(far[3].len, 512);
	gives(3, 512, 'e');
	HEARD(e, 0, 512, 'e');
	c = control(0x21, 0xff, 0, 0, 0);
	CHECK_EQ(fars, 5);
	gives(4, 0, 0);
	HEARD(c, 0, 0, 0);
	teardown();
}

/* A command while a status is asked for that nobody wants waits for its way back. */
static void
a_command_too_early(void)
{
	uint32_t c, d, s;

	setup();
	(void)command(true, 512);
	hear_all();
	gives(0, 31, 0);
	d = submit(IN, 512);
	status(1, 512, 1); /* instead of data */
	HEARD_STATUS(d, 512, 1);
	c = command(true, 512);
	CHECK_EQ(fars, 3);
	CHECK_EQ(unlinks, 1);
	d = submit(IN, 512);
	CHECK(silent());
	comes_back(2);
	HEARD(c, 0, 31, 0);
	CHECK_EQ(fars, 6);
	CHECK_EQ(far[3].ep, OUT);
	CHECK_EQ(far[4].len, 512);
	CHECK_EQ(far[5].len, 13);
	gives(3, 31, 0);
	gives(4, 512, 'x');
	HEARD(d, 0, 512, 'x');
	s = submit(IN, 13);
	status(5, 0, 0);
	HEARD_STATUS(s, 0, 0);
	teardown();
}

/* Of those that wait each can be taken back; of those that did as well. */
static void
one_that_waits_is_taken_back(void)
{
	uint32_t c, d, n;

	setup();
	(void)command(true, 512);
	hear_all();
	gives(0, 31, 0);
	d = submit(IN, 512);
	status(1, 512, 1);
	HEARD_STATUS(d, 512, 1);
	c = command(true, 512);
	n = take_back(c);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	d = submit(IN, 600);
	comes_back(2);
	CHECK_EQ(fars, 4);
	CHECK_EQ(far[3].len, 600);
	unlinks = 0;
	n = take_back(d);
	CHECK_EQ(unlinks, 1);
	CHECK_EQ(unlinked[0], far[3].tag);
	comes_back(3);
	HEARD_UNLINK(n, -LINUX_ECONNRESET);
	teardown();
}

static void
the_status_is_taken_back(void)
{
	uint32_t s, n;

	setup();
	(void)command(true, 512);
	hear_all();
	(void)submit(IN, 512);
	s = submit(IN, 13);
	n = take_back(s);
	CHECK_EQ(unlinks, 1);
	gives(0, 31, 0);
	gives(1, 512, 'd');
	HEARD(s - 1, 0, 512, 'd');
	status(2, 0, 0); /* too late */
	HEARD_STATUS(s, 0, 0);
	HEARD_UNLINK(n, 0);
	teardown();
}

/* What the driver thinks was sent is taken back before a reset, and forgotten. */
static void
a_reset_in_between(void)
{
	static const uint8_t resets[][4] = {
	    {0x21, 0xff, 0, 0}, {0x23, 3, 4, 1}, {0x00, 9, 1, 0}, {0x01, 11, 0, 0}};

	for (size_t i = 0; i < ARRAY_LEN(resets); i++) {
		uint32_t c, s, n;

		setup();
		(void)command(false, 512);
		(void)data_out(512);
		hear_all();
		s = submit(IN, 13);
		n = take_back(s);
		comes_back(2);
		HEARD_UNLINK(n, -LINUX_ECONNRESET);
		unlinks = 0;
		c = control(resets[i][0], resets[i][1], resets[i][2], resets[i][3], 0);
		CHECK_EQ(fars, 3);
		CHECK_EQ(unlinks, 2);
		CHECK_EQ(unlinked[0], far[1].tag);
		comes_back(1);
		gives(0, 31, 0);
		CHECK_EQ(fars, 4);
		gives(3, 0, 0);
		HEARD(c, 0, 0, 0);
		c = command(true, 512);
		HEARD(c, 0, 31, 0);
		CHECK(silent());
		teardown();
	}
}

/* --- a far end that lies --- */

static void
impossible_replies(void)
{
	static const struct import_reply long_out = {.actual = 32}, csw = {.actual = 14},
					 back = {.unlinked = true,
						 .status = -LINUX_ECONNRESET};

	setup();
	(void)command(true, 512);
	CHECK_EQ(says(0, &long_out, 0), ERR_PROTO);
	CHECK_EQ(says(0, &back, 0), ERR_PROTO);
	(void)submit(IN, 512);
	CHECK_EQ(says(2, &csw, 0), ERR_PROTO);
	CHECK_EQ(says(2, &back, 0), ERR_PROTO);
	CHECK_EQ(says(1, &back, 0), ERR_PROTO);
	gives(0, 31, 0);
	CHECK_EQ(says(0, &(struct import_reply){0}, 0), ERR_PROTO); /* twice */
	teardown();
}

/* --- without memory --- */

static void
a_day(void)
{
	uint32_t s;

	(void)command(true, 512);
	s = submit(IN, 512);
	(void)submit(IN, 13);
	(void)take_back(s);
	(void)command(false, 512);
	(void)data_out(512);
	(void)submit(IN, 13);
	(void)control(0x21, 0xff, 0, 0, 0);
	for (unsigned k = 0; k < fars; k++) {
		const struct import_reply r = {.actual = far[k].len};

		(void)says(k, &r, 1); /* some have ended already */
	}
}

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

/* --- what waits for another at the far end --- */

static bool
waits(const struct after *a, uint32_t name)
{
	return after_turn(a, name, false) == AFTER_WAIT;
}

static void
names_of_those_before(void)
{
	struct after a;
	enum after_turn turn;
	uint64_t t;
	int x, y;

	pool = (struct pool)TEST_POOL(1 << 20);
	after_init(&a, &pool);
	CHECK(!waits(&a, 0));
	CHECK(waits(&a, after_name(2, 0)));
	after_ended(&a, 2, 0, true);
	CHECK(!waits(&a, after_name(2, 0)));
	CHECK(waits(&a, after_name(2, 1)));
	CHECK(waits(&a, after_name(3, 0)));
	CHECK(waits(&a, after_name(0x82, 0)));
	CHECK(after_hold(&a, after_name(2, 5), false, 50, &x));
	CHECK(after_hold(&a, after_name(2, 3), true, 30, &y));
	CHECK(after_next(&a, &t, &turn) == NULL);
	after_ended(&a, 2, 4, true);
	CHECK(after_next(&a, &t, &turn) == &y);
	CHECK(t == 30 && turn == AFTER_SKIP); /* nobody said that 3 was well */
	CHECK(after_next(&a, &t, &turn) == NULL);
	CHECK(after_take(&a, 30) == NULL);
	CHECK(after_take(&a, 50) == &x);
	after_ended(&a, 2, (1ull << 27) + 7, true); /* the low bits come again */
	CHECK(!waits(&a, after_name(2, (1ull << 27) + 7)));
	CHECK(waits(&a, after_name(2, (1ull << 27) + 8)));
	after_ended(&a, 2, 3, true); /* an older one */
	CHECK(!waits(&a, after_name(2, (1ull << 27) + 7)));
	CHECK(after_hold(&a, after_name(2, (1ull << 27) + 9), false, 1, &x));
	after_fini(&a);
	CHECK_EQ(pool.used, 0);
}

/* How each of the last 64 ended; older ones did not end well. */
static void
how_they_ended(void)
{
	struct after a;

	pool = (struct pool)TEST_POOL(1 << 20);
	after_init(&a, &pool);
	for (unsigned i = 0; i < 70; i++)
		after_ended(&a, 0x81, i, i % 3 != 0);
	for (unsigned i = 0; i < 70; i++)
		CHECK_EQ(after_turn(&a, after_name(0x81, i), true),
			 i >= 6 && i % 3 != 0 ? AFTER_GO : AFTER_SKIP);
	after_ended(&a, 0x81, 72, false); /* taken back */
	after_ended(&a, 0x81, 71, true);
	CHECK_EQ(after_turn(&a, after_name(0x81, 71), true), AFTER_GO);
	CHECK_EQ(after_turn(&a, after_name(0x81, 70), true), AFTER_SKIP);
	CHECK_EQ(after_turn(&a, after_name(0x81, 72), true), AFTER_SKIP);
	CHECK_EQ(after_turn(&a, after_name(0x81, 68), true), AFTER_GO);
	CHECK_EQ(after_turn(&a, after_name(0x81, 73), true), AFTER_WAIT);
	after_ended(&a, 0x81, 1000, true);
	CHECK_EQ(after_turn(&a, after_name(0x81, 999), true), AFTER_SKIP);
	CHECK_EQ(after_turn(&a, after_name(0x81, 1000), true), AFTER_GO);
	after_fini(&a);
	CHECK_EQ(pool.used, 0);
}

TEST_MAIN(TEST(a_read), TEST(a_write), TEST(without_data), TEST(all_at_once),
	  TEST(others_go_the_plain_way), TEST(no_command_block),
	  TEST(back_to_the_quick_way), TEST(a_write_stalls),
	  TEST(a_write_stalls_and_counts), TEST(a_write_stalls_early),
	  TEST(a_write_fails), TEST(a_command_fails), TEST(a_failure_is_owed),
	  TEST(a_read_stalls), TEST(a_read_is_taken_back), TEST(a_command_too_early),
	  TEST(one_that_waits_is_taken_back), TEST(the_status_is_taken_back),
	  TEST(a_reset_in_between), TEST(impossible_replies), TEST(no_memory),
	  TEST(names_of_those_before), TEST(how_they_ended))
