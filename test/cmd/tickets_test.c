/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd core */
/* clang-format on */
#include <sys/stat.h>

#include "cmd/tickets.h"
#include "test/cmd/place.h"

#define NOW 1000000

static struct issued
sample(uint8_t n)
{
	struct issued r = {.expiry = NOW + 60, .uses = 1};

	memset(r.id, n, sizeof(r.id));
	memset(r.secret, n + 1, sizeof(r.secret));
	return r;
}

static int
redeem(const struct place *p, uint8_t ticket, uint8_t client, uint64_t now)
{
	uint8_t id[TICKET_ID], who[PEERID];

	memset(id, ticket, sizeof(id));
	memset(who, client, sizeof(who));
	return tickets_redeem(p->dir, id, who, now);
}

static void
found_as_it_was(void)
{
	struct issued r = sample(0xa5), got;
	struct place p;
	uint8_t id[TICKET_ID] = {1};

	place_make(&p);
	r.uses = 3;
	strcpy(r.name, "anna");
	r.words = 3;
	strcpy(r.word[0], "1d6b:0104");
	strcpy(r.word[1], "!serial=a b%c");
	strcpy(r.word[2], "-");
	CHECK_EQ(tickets_find(p.dir, r.id, &got), ERR_NODEV);
	CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_OK);
	memset(&got, 0, sizeof(got));
	CHECK_EQ(tickets_find(p.dir, r.id, &got), ERR_OK);
	CHECK(memcmp(&got, &r, sizeof(r)) == 0);
	CHECK_EQ(tickets_find(p.dir, id, &got), ERR_NODEV);
	place_end(&p);
}

static void
the_file(void)
{
	struct issued r = sample(0x0f);
	struct stat st;
	struct place p;
	char path[128];

	place_make(&p);
	CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_OK);
	CHECK(place_is(&p, "tickets",
		       "0f0f0f0f0f0f0f0f 10101010101010101010101010101010 1000060 1 - 0 "
		       "\n"));
	place_path(&p, "tickets", path);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	place_end(&p);
}

static void
used_up(void)
{
	struct issued r = sample(1);
	struct place p;

	place_make(&p);
	CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 2, 50, NOW), ERR_NODEV);
	CHECK_EQ(redeem(&p, 1, 50, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 50, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 51, NOW), ERR_REFUSED);
	CHECK_EQ(redeem(&p, 1, 50, NOW), ERR_OK);
	place_end(&p);
}

static void
several_uses(void)
{
	struct issued r = sample(1), got;
	struct place p;

	place_make(&p);
	r.uses = TICKETS_REDEEMERS;
	CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_OK);
	for (uint8_t i = 0; i < TICKETS_REDEEMERS; i++)
		CHECK_EQ(redeem(&p, 1, i, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 99, NOW), ERR_REFUSED);
	for (uint8_t i = 0; i < TICKETS_REDEEMERS; i++)
		CHECK_EQ(redeem(&p, 1, i, NOW), ERR_OK);
	CHECK_EQ(tickets_find(p.dir, r.id, &got), ERR_OK);
	CHECK_EQ(got.uses, 0);
	CHECK_EQ(got.redeemers, TICKETS_REDEEMERS);
	place_end(&p);
}

static void
expires(void)
{
	struct issued r = sample(1), always = sample(2);
	struct place p;

	place_make(&p);
	r.uses = 2;
	always.expiry = 0;
	CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_OK);
	CHECK_EQ(tickets_add(p.dir, &always, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 50, NOW + 59), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 51, NOW + 60), ERR_REFUSED);
	CHECK_EQ(redeem(&p, 1, 51, NOW + 600), ERR_REFUSED);
	CHECK_EQ(redeem(&p, 1, 50, NOW + 60), ERR_REFUSED); /* it knows us by now */
	CHECK_EQ(redeem(&p, 2, 51, UINT64_MAX), ERR_OK);
	place_end(&p);
}

/* What is refused leaves no trace. */
static void
refusals_are_not_written(void)
{
	struct issued r = sample(1), before, after;
	struct place p;

	place_make(&p);
	CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_OK);
	CHECK_EQ(tickets_find(p.dir, r.id, &before), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 50, NOW + 60), ERR_REFUSED);
	CHECK_EQ(tickets_find(p.dir, r.id, &after), ERR_OK);
	CHECK(memcmp(&before, &after, sizeof(before)) == 0);
	place_end(&p);
}

/* Expired ones make room, and only then. */
static void
room_for_more(void)
{
	static char text[TICKETS_MAX * 100];
	size_t at = 0;
	struct issued r = sample(0xee), got;
	struct place p;
	uint8_t id[TICKET_ID] = {0};

	place_make(&p);
	for (unsigned i = 0; i < TICKETS_MAX; i++)
		at +=
		    (size_t)snprintf(text + at, sizeof(text) - at,
				     "%016x 10101010101010101010101010101010 %d 1 - 0 \n",
				     i, i == 0 ? NOW + 5 : NOW + 10);
	place_write(&p, "tickets", text);
	CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_FULL);
	CHECK_EQ(tickets_find(p.dir, id, &got), ERR_OK);
	CHECK_EQ(tickets_add(p.dir, &r, NOW + 5), ERR_OK);
	CHECK_EQ(tickets_find(p.dir, id, &got), ERR_NODEV);
	CHECK_EQ(tickets_find(p.dir, r.id, &got), ERR_OK);
	r.id[0] = 1;
	CHECK_EQ(tickets_add(p.dir, &r, NOW + 5), ERR_FULL);
	place_end(&p);
}

static void
damaged_lines(void)
{
#define ID     "0102030405060708"
#define SECRET "10101010101010101010101010101010"
	static const char *const rows[] = {
	    "x",
	    ID,
	    ID " " SECRET,
	    ID " " SECRET " 5 1 -",
	    ID "09 " SECRET " 5 1 - 0 ",
	    "010203040506070 " SECRET " 5 1 - 0 ",
	    "010203040506070g " SECRET " 5 1 - 0 ",
	    "+10203040506070a " SECRET " 5 1 - 0 ",
	    ID " " SECRET "10 5 1 - 0 ",
	    ID " " SECRET " -5 1 - 0 ",
	    ID " " SECRET " 5 9 - 0 ",
	    ID " " SECRET " 5 1 - 17 ",
	    ID " " SECRET " 5 1 - 2 a ",
	    ID " " SECRET " 5 1 %zz 0 ",
	    ID " " SECRET " 5 1 - 0 " SECRET,
	};
	uint8_t id[TICKET_ID] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct issued r = sample(1), got;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[300];
		struct place p;

		place_make(&p);
		snprintf(text, sizeof(text), "\n%s\n", rows[i]);
		place_write(&p, "tickets", text);
		if (tickets_find(p.dir, id, &got) != ERR_USAGE)
			printf("# row %zu\n", i);
		CHECK(strcmp(place_said(&p), "usbp2p: tickets line 2 is not understood: "
					     "remove it\n") == 0);
		CHECK_EQ(tickets_add(p.dir, &r, NOW), ERR_USAGE);
		CHECK_EQ(redeem(&p, 1, 1, NOW), ERR_USAGE);
		place_said(&p);
		CHECK(place_is(&p, "tickets", text));
		place_end(&p);
	}
}

/* Who is forgotten knows the secret: it opens to nobody new. */
static void
forgotten(void)
{
	struct issued a = sample(1), b = sample(2), got;
	uint8_t one[PEERID];
	struct place p;

	memset(one, 1, sizeof(one));
	a.uses = b.uses = 3;
	place_make(&p);
	CHECK_EQ(tickets_add(p.dir, &a, NOW), ERR_OK);
	CHECK_EQ(tickets_add(p.dir, &b, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 1, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 2, NOW), ERR_OK);
	CHECK_EQ(tickets_forget(p.dir, one), ERR_OK);
	CHECK_EQ(redeem(&p, 1, 1, NOW), ERR_REFUSED);
	CHECK_EQ(redeem(&p, 1, 3, NOW), ERR_REFUSED);
	CHECK_EQ(redeem(&p, 1, 2, NOW), ERR_OK);
	CHECK_EQ(redeem(&p, 2, 3, NOW), ERR_OK);
	CHECK_EQ(tickets_find(p.dir, b.id, &got), ERR_OK);
	CHECK_EQ(got.uses, 2);
	place_end(&p);
}

TEST_MAIN(TEST(found_as_it_was), TEST(the_file), TEST(used_up), TEST(several_uses),
	  TEST(expires), TEST(refusals_are_not_written), TEST(room_for_more),
	  TEST(damaged_lines), TEST(forgotten))
