/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/behind core/assist_way core/isoin core/isoout core/import core/iurb core/iurb_iso core/iso core/retq core/urbs core/usbip core/desc core/cur core/log core/mem core/enumerate core/desc_edit core/desc_cache core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own */
/* clang-format on */
/*
 * Serial ports under the assists: which endpoints they are, and what waits for what.
 * Writing behind alone is behind_test's, whole runs are test/sim/port_test's.
 */
#include <stdint.h>

#define ASSISTED_NOW

/* clang-format off */
static uint8_t raw[] = {
	18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0, 1, 1, 2, 3, 1,
	9, 2, 0 /* setup */, 0, 6, 1, 0, 0x80, 50,
	9, 4, 0, 0, 1, 2, 2, 1, 0,		/* CDC-ACM, its data in 1 */
	5, 0x24, 0, 0x10, 1,
	5, 0x24, 6, 0, 1,
	7, 5, 0x83, 3, 16, 0, 9,
	9, 4, 1, 0, 2, 10, 0, 0, 0,
	7, 5, 0x81, 2, 64, 0, 0,
	7, 5, 0x01, 2, 64, 0, 0,
	9, 4, 2, 0, 0, 2, 6, 0, 0,		/* CDC-ECM, its data in 3 */
	5, 0x24, 6, 2, 3,
	9, 4, 3, 0, 2, 10, 0, 0, 0,
	7, 5, 0x82, 2, 64, 0, 0,
	7, 5, 0x02, 2, 64, 0, 0,
	9, 4, 4, 0, 2, 255, 0, 0, 0,		/* the vendor's */
	7, 5, 0x84, 2, 64, 0, 0,
	7, 5, 0x04, 2, 64, 0, 0,
	9, 4, 5, 0, 2, 255, 0, 0, 0,		/* a second one */
	7, 5, 0x85, 2, 64, 0, 0,
	7, 5, 0x05, 2, 64, 0, 0,
};
/* clang-format on */

#include "test/core/assisted.h"

static uint32_t
sends(uint8_t ep, uint32_t n)
{
	static const uint8_t zeros[64];

	return send_bytes(ep, zeros, n);
}

/* The device is that chip. */
static void
chip(uint16_t vid, uint16_t pid)
{
	raw[8] = (uint8_t)vid;
	raw[9] = (uint8_t)(vid >> 8);
	raw[10] = (uint8_t)pid;
	raw[11] = (uint8_t)(pid >> 8);
	now = 1000000;
	setup();
}

static bool
reads_ahead(uint8_t ep)
{
	unsigned before = fars;

	(void)submit(ep, 64);
	return fars > before + 1;
}

static bool
writes_behind(uint8_t ep)
{
	bool told;

	(void)sends(ep, 8);
	told = !silent();
	hear_all();
	return told;
}

static void
data_of_ports_alone(void)
{
	chip(0x1d6b, 0x0104);
	CHECK(reads_ahead(0x81) && writes_behind(0x01));
	CHECK(!reads_ahead(0x82) && !writes_behind(0x02));
	CHECK(!reads_ahead(0x84) && !writes_behind(0x04));
	CHECK_EQ(assist_stats(assist, ASSIST_SERIAL)->hits, 1);
	teardown();
	setup_off(1u << ASSIST_SERIAL);
	CHECK(!reads_ahead(0x81) && !writes_behind(0x01));
	teardown();
}

static void
chips_that_are_known(void)
{
	static const struct {
		uint16_t vid, pid;
		bool known;
	} chips[] = {
	    {0x0403, 0x6001, true}, {0x0403, 0x6010, true},  {0x0403, 0x6011, true},
	    {0x0403, 0x6014, true}, {0x0403, 0x6015, true},  {0x067b, 0x2303, true},
	    {0x10c4, 0xea60, true}, {0x10c4, 0xea70, true},  {0x1a86, 0x7523, true},
	    {0x1a86, 0x5523, true}, {0x0403, 0x6002, false}, {0x6001, 0x0403, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(chips); i++) {
		chip(chips[i].vid, chips[i].pid);
		CHECK_EQ(reads_ahead(0x84), chips[i].known);
		CHECK_EQ(writes_behind(0x04), chips[i].known);
		CHECK(reads_ahead(0x81));
		teardown();
	}
}

/* As many as the distance asks for, from the beginning. */
static void
as_deep_as_it_is_far(void)
{
	static const struct {
		uint64_t trip;
		unsigned open;
	} far_away[] = {{0, 8}, {1000, 10}, {50000, 108}, {500000, 128}};

	for (size_t i = 0; i < ARRAY_LEN(far_away); i++) {
		chip(0x1d6b, 0x0104);
		CHECK_EQ(assist_turn(assist, far_away[i].trip), UINT64_MAX);
		(void)submit(0x81, 64);
		CHECK_EQ(fars, far_away[i].open);
		teardown();
	}
	chip(0x1d6b, 0x0104);
	(void)assist_turn(assist, 500000);
	(void)submit(0x81, 16384);
	CHECK_EQ(fars, 4); /* so many bytes at most */
	teardown();
}

/* Any request waits for what the driver thinks is there, and those behind it for that. */
static void
requests_wait_for_data(void)
{
	uint32_t a, c, d;

	chip(0x1d6b, 0x0104);
	c = control(0x21, 0x20, 0, 0, 7);
	CHECK_EQ(fars, 1); /* nothing is on its way */
	gives(0, 7, 0);
	HEARD(c, 0, 7, 0);
	a = sends(0x01, 8);
	HEARD(a, 0, 8, 0);
	c = control(0x21, 0x20, 0, 0, 7);
	d = control(0x21, 0x22, 0, 0, 0);
	CHECK_EQ(fars, 2);
	a = sends(0x01, 8); /* it has its own answer meanwhile */
	CHECK(silent());
	CHECK_EQ(fars, 3);
	gives(1, 8, 0);
	CHECK_EQ(fars, 5);
	CHECK_EQ(far[3].setup[1], 0x20);
	CHECK_EQ(far[4].setup[1], 0x22);
	gives(3, 7, 0);
	HEARD(c, 0, 7, 0);
	gives(4, 0, 0);
	HEARD(d, 0, 0, 0);
	HEARD(a, 0, 8, 0); /* nothing bars it any more */
	gives(2, 8, 0);
	CHECK(silent());
	teardown();
}

static void
four_seconds_at_most(void)
{
	uint32_t c;

	chip(0x1d6b, 0x0104);
	(void)sends(0x01, 8);
	hear_all();
	now += 1000;
	c = control(0x21, 0x20, 0, 0, 7);
	CHECK_EQ(assist_turn(assist, 50000), now + 4000000);
	now += 3999999;
	CHECK_EQ(assist_turn(assist, 50000), now + 1);
	CHECK_EQ(fars, 1);
	now += 1;
	CHECK_EQ(assist_turn(assist, 50000), UINT64_MAX);
	CHECK_EQ(fars, 2);
	gives(1, 7, 0);
	HEARD(c, 0, 7, 0);
	gives(0, 8, 0);
	teardown();
}

/* The end of a halt ends what failed before it; another request does not. */
static void
what_failed(void)
{
	for (int clears = 0; clears < 2; clears++) {
		uint32_t a, c;

		chip(0x1d6b, 0x0104);
		(void)sends(0x01, 8);
		hear_all();
		fails(0, -LINUX_EPIPE);
		c = clears ? control(0x02, 1, 0, 0x01, 0) : control(0x21, 0x22, 0, 0, 0);
		CHECK_EQ(fars, 2);
		gives(1, 0, 0);
		HEARD(c, 0, 0, 0);
		a = sends(0x01, 8);
		CHECK_EQ(fars, 2 + (unsigned)clears);
		HEARD(a, clears ? 0 : -LINUX_EPIPE, clears ? 8 : 0, 0);
		teardown();
	}
}

/* A chip that is told to empty its buffers: what was read before is not for who reads
 * then. */
static void
purges(void)
{
	static const struct {
		uint16_t vid, pid;
		uint8_t type, request, value, index;
		bool ours; /* of interface 4 */
	} at[] = {
	    {0x0403, 0x6010, 0x40, 0, 1, 5, true},
	    {0x0403, 0x6010, 0x40, 0, 0, 5, true},
	    {0x0403, 0x6010, 0x40, 0, 1, 0, true},
	    {0x0403, 0x6010, 0x40, 0, 1, 6, false},
	    {0x0403, 0x6010, 0x40, 0, 2, 5, false},
	    {0x0403, 0x6010, 0x40, 3, 1, 5, false},
	    {0x067b, 0x2303, 0x40, 1, 8, 0, true},
	    {0x10c4, 0xea60, 0x41, 0x12, 15, 4, true},
	    {0x10c4, 0xea70, 0x41, 0x12, 15, 5, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		uint32_t a, c;
		unsigned n;

		chip(at[i].vid, at[i].pid);
		a = submit(0x84, 64);
		gives(0, 8, 'a');
		HEARD(a, 0, 8, 'a');
		gives(1, 8, 'b'); /* nobody reads it */
		n = fars;
		c = control(at[i].type, at[i].request, at[i].value, at[i].index, 0);
		CHECK_EQ(fars, n + !at[i].ours);
		for (unsigned k = 2; at[i].ours && k < n; k++)
			comes_back(k);
		CHECK_EQ(fars, n + 1);
		gives(n, 0, 0);
		HEARD(c, 0, 0, 0);
		a = submit(0x84, 64);
		if (at[i].ours)
			CHECK(silent());
		else
			HEARD(a, 0, 8, 'b');
		teardown();
	}
}

/* One that begins to be read while the endpoint is being changed waits for that. */
static void
a_change_comes_first(void)
{
	uint32_t a, c;

	chip(0x1d6b, 0x0104);
	c = control(0x01, 11, 0, 1, 0);
	CHECK_EQ(fars, 1);
	a = submit(0x81, 64);
	CHECK_EQ(fars, 1);
	gives(0, 0, 0);
	HEARD(c, 0, 0, 0);
	CHECK_EQ(fars, 9);
	gives(1, 8, 'a');
	HEARD(a, 0, 8, 'a');
	teardown();
}

static void
a_day(void)
{
	for (unsigned i = 0; i < 3; i++) {
		uint32_t a = submit(0x81, 64), b = sends(0x01, 64);

		(void)sends(0x01, 64);
		(void)control(0x21, 0x20, 0, 0, 7);
		(void)control(0x02, 1, 0, i == 1 ? 0x81 : 0x01, 0);
		(void)take_back(i == 2 ? a : b);
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

	chip(0x1d6b, 0x0104);
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

TEST_MAIN(TEST(data_of_ports_alone), TEST(chips_that_are_known),
	  TEST(as_deep_as_it_is_far), TEST(requests_wait_for_data),
	  TEST(four_seconds_at_most), TEST(what_failed), TEST(purges),
	  TEST(a_change_comes_first), TEST(no_memory))
