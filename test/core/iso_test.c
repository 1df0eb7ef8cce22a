/* SPDX-License-Identifier: ISC */
/* link: core */
/*
 * Layouts of packets, and results of devices that cannot be.
 */
#include "core/iso.h"
#include "core/usbip.h"
#include "test/test.h"

#define MAX UINT32_MAX

static void
layouts(void)
{
	static const struct {
		const char *name;
		struct urb_iso iso[3];
		uint32_t packets, len;
		int32_t out, in;
	} t[] = {
	    {"one", {{0, 8, 0, 0, false}}, 1, 8, 0, 0},
	    {"gaps", {{4, 4, 0, 0, false}, {12, 4, 0, 0, false}}, 2, 16, 0, 0},
	    {"empty ones",
	     {{0, 0, 0, 0, false}, {0, 0, 0, 0, false}, {8, 0, 0, 0, false}},
	     3,
	     8,
	     0,
	     0},
	    {"nothing at all", {{0, 0, 0, 0, false}}, 1, 0, 0, 0},
	    {"no packets", {{0, 0, 0, 0, false}}, 0, 8, -22, -22},
	    {"too long", {{0, 9, 0, 0, false}}, 1, 8, -22, -22},
	    {"behind the end", {{9, 0, 0, 0, false}}, 1, 8, -22, -22},
	    {"over the end", {{4, 5, 0, 0, false}}, 1, 8, -22, -22},
	    {"sum overflows", {{8, MAX - 7, 0, 0, false}}, 1, 8, -22, -22},
	    {"both huge", {{MAX, MAX, 0, 0, false}}, 1, MAX, -22, -22},
	    {"all there is", {{0, MAX, 0, 0, false}}, 1, MAX, 0, 0},
	    {"second outside",
	     {{0, 4, 0, 0, false}, {4, 5, 0, 0, false}},
	     2,
	     8,
	     -22,
	     -22},
	    {"backwards", {{4, 4, 0, 0, false}, {0, 4, 0, 0, false}}, 2, 8, 0, -22},
	    {"overlap", {{0, 4, 0, 0, false}, {3, 4, 0, 0, false}}, 2, 8, 0, -22},
	    {"same place", {{0, 4, 0, 0, false}, {0, 4, 0, 0, false}}, 2, 8, 0, -22},
	    {"inside", {{0, 8, 0, 0, false}, {4, 0, 0, 0, false}}, 2, 8, 0, -22},
	    {"more than fits",
	     {{0, 5, 0, 0, false}, {0, 4, 0, 0, false}},
	     2,
	     8,
	     -22,
	     -22},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(iso_admit(t[i].iso, t[i].packets, t[i].len, false), t[i].out);
		CHECK_EQ(iso_admit(t[i].iso, t[i].packets, t[i].len, true), t[i].in);
		if (test_failed) {
			printf("# %s\n", t[i].name);
			return;
		}
	}
}

static void
not_more_than_linux_takes(void)
{
	static struct urb_iso iso[ISO_PACKETS + 1];

	CHECK_EQ(iso_admit(iso, ISO_PACKETS, 0, true), 0);
	CHECK_EQ(iso_admit(iso, ISO_PACKETS + 1, 0, true), -LINUX_EINVAL);
}

static void
results_become_believable(void)
{
	struct urb_iso iso[] = {
	    {0, 8, 9, 0, false},      {8, 8, MAX, -LINUX_EXDEV, false},
	    {16, 8, 8, 0, false},     {24, 8, 3, 12345, false},
	    {32, 8, 0, -4000, false}, {40, 8, 1, -LINUX_EILSEQ, false},
	};
	struct urb u = {.type = URB_ISO,
			.len = 48,
			.iso = iso,
			.packets = ARRAY_LEN(iso),
			.actual = 4711};

	iso_clean(&u);
	CHECK_EQ(u.actual, 8 + 8 + 8 + 3 + 0 + 1);
	CHECK_EQ(iso[0].actual, 8);
	CHECK_EQ(iso[0].status, -LINUX_EOVERFLOW);
	CHECK_EQ(iso[1].actual, 8);
	CHECK_EQ(iso[1].status, -LINUX_EOVERFLOW);
	CHECK_EQ(iso[2].status, 0);
	CHECK_EQ(iso[3].status, -LINUX_EPROTO);
	CHECK_EQ(iso[4].status, -LINUX_EPROTO);
	CHECK_EQ(iso[5].status, -LINUX_EILSEQ);
	CHECK_EQ(iso_errors(iso, u.packets), 5);
	iso_unrun(iso, u.packets);
	iso_clean(&u);
	CHECK_EQ(u.actual, 0);
	CHECK_EQ(iso_errors(iso, u.packets), 6);
	CHECK_EQ(iso[2].status, -LINUX_EXDEV);
}

static void
data_move_together(void)
{
	uint8_t buf[] = "..abc..defg....h";
	struct urb_iso iso[] = {{2, 4, 3, 0, false},
				{7, 4, 4, 0, false},
				{12, 1, 0, 0, false},
				{15, 1, 1, 0, false}};
	struct urb u = {.buf = buf, .len = 16, .iso = iso, .packets = 4};

	iso_clean(&u);
	iso_compact(&u);
	CHECK_EQ(u.actual, 8);
	CHECK(memcmp(buf, "abcdefgh", 8) == 0);
}

TEST_MAIN(TEST(layouts), TEST(not_more_than_linux_takes), TEST(results_become_believable),
	  TEST(data_move_together))
