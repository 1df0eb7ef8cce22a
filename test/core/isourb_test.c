/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/isourb.h"
#include "core/usbip.h"
#include "test/test.h"

#define PACKETS 3
#define LEN     8

static struct urb_iso room[2 * PACKETS + 1];
static struct isourb u;

/* Packets of 3, none and 5 bytes. */
static void
setup(const uint8_t *data)
{
	struct urb_iso iso[PACKETS] = {{.length = 3}, {.offset = 3}, {.offset = 3}};
	const struct import_request q = {
	    .ep = 1, .len = LEN, .packets = PACKETS, .data = data, .iso = iso};

	iso[2].length = 5;
	CHECK(isourb_room(PACKETS, LEN) <= sizeof(room));
	isourb_init(&u, &q, room);
	memset(iso, 0xff, sizeof(iso)); /* they were lent */
}

static void
keeps_what_was_lent(void)
{
	uint8_t data[LEN] = "abcdefg";

	setup(data);
	memset(data, 0, sizeof(data));
	CHECK(u.req.iso == u.as && u.req.data == u.data);
	CHECK(memcmp(u.data, "abcdefg", LEN) == 0);
	CHECK_EQ(u.as[2].offset, 3);
	CHECK_EQ(u.as[2].length, 5);
	setup(NULL);
	CHECK(u.req.data == NULL);
}

static void
replies(void)
{
	static const struct {
		struct import_reply r;
		uint32_t actual; /* of the last packet */
		int err, end;
	} rows[] = {
	    {{.packets = PACKETS, .actual = 5}, 5, ERR_OK, ERR_OK},
	    {{.packets = PACKETS, .actual = 4}, 5, ERR_OK, ERR_PROTO},
	    {{.packets = PACKETS, .actual = 6}, 6, ERR_OK, ERR_PROTO},
	    {{.packets = PACKETS, .actual = LEN + 1}, 5, ERR_PROTO, 0},
	    {{.packets = PACKETS - 1}, 0, ERR_PROTO, 0},
	    {{.unlinked = true}, 0, ERR_PROTO, 0},
	    {{.status = -LINUX_EPROTO}, 0, ERR_OK, ERR_OK},
	};
	struct urb_iso *iso;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setup(NULL);
		memset(u.iso, 0, PACKETS * sizeof(*u.iso));
		CHECK_EQ(isourb_reply(&u, &rows[i].r, false, &iso), rows[i].err);
		CHECK((iso != NULL) == (rows[i].err == ERR_OK && rows[i].r.packets > 0));
		if (rows[i].err != ERR_OK)
			continue;
		u.iso[PACKETS - 1].actual = rows[i].actual;
		CHECK_EQ(isourb_reply_end(&u), rows[i].end);
	}
	setup(NULL);
	CHECK_EQ(isourb_reply(&u, &rows[5].r, true, &iso), ERR_OK);
}

static void
says_what_was_lost(void)
{
	uint32_t lost = 1;

	setup(NULL);
	CHECK_EQ(isourb_invent(&u, &lost, -LINUX_EXDEV), 5);
	CHECK_EQ(lost, 0);
	CHECK_EQ(u.iso[0].status, -LINUX_EXDEV);
	CHECK_EQ(u.iso[0].actual, 0);
	CHECK_EQ(u.iso[2].status, 0);
	CHECK_EQ(u.iso[2].actual, 5);
	lost = 4; /* one has no data to lose */
	CHECK_EQ(isourb_invent(&u, &lost, -LINUX_EXDEV), 0);
	CHECK_EQ(lost, 2);
	CHECK_EQ(u.iso[1].status, 0);
	lost = 0;
	CHECK_EQ(isourb_invent(&u, &lost, -LINUX_EXDEV), LEN);
}

TEST_MAIN(TEST(keeps_what_was_lent), TEST(replies), TEST(says_what_was_lost))
