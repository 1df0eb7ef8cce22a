/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: tui core */
/* clang-format on */
/*
 * The browser without a terminal: rows that are filtered, sorted, followed and clicked,
 * the log, each key of the table, and a monkey.
 */
#include <locale.h>

#include "test/tui/models.h"

#define FEET (grid.h - 2) /* the row of the state */

static void
knows_utf8(void)
{
	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
}

static void
is_asked(enum ui_verb verb, const char *peer, const char *busid, const char *arg)
{
	CHECK_EQ(asked_n, 1);
	CHECK_EQ(asked.verb, verb);
	CHECK(strcmp(asked.peer, peer) == 0);
	CHECK(strcmp(asked.busid, busid) == 0);
	CHECK(strcmp(asked.arg, arg) == 0);
	asked_n = 0;
}

static void
done(struct ui *u, int code, const char *out, const char *err)
{
	ui_done(u, &asked, false, code, out, err);
	ui_draw(u, &grid, NOW);
}

/* --- rows --- */

static void
filter_and_sort(void)
{
	struct ui *u = start(usual, 80, 24);

	keys(u, "/zig");
	CHECK(row_has(2, "1-10") && row_has(FEET, "/zig_"));
	CHECK(!screen_has("Mouse"));
	keys(u, "\n ");
	is_asked(UI_UNSHARE, "", "1-10", "");
	done(u, 0, "", "");
	ui_key(u, UI_KEY_ESC);
	keys(u, "s"); /* by name: Backup, Mouse, Ultra, Zigbee */
	CHECK(row_has(FEET, "sorted by name"));
	CHECK(row_has(2, "1-4.3.1") && row_has(4, "1-4.2"));
	keys(u, "s"); /* by use */
	CHECK(row_has(2, "anna"));
	keys(u, "s");
	CHECK(row_has(2, "1-2 "));
	keys(u, "2s");
	CHECK(row_has(FEET, "sorted by what they are"));
	ui_free(u);
	u = start(attached, 80, 24);
	keys(u, "2ss"); /* by RTT: anna's is shorter than office's */
	CHECK(row_has(FEET, "sorted by RTT") && row_has(4, "anna"));
	keys(u, "3ss");
	CHECK(row_has(FEET, "sorted by rate") && row_has(2, "office/1-4"));
	keys(u, "4/busy\n");
	CHECK(row_has(2, "office/1-5 waits: busy") && row_has(3, "busy: 1-5") &&
	      !screen_has("serve runs"));
	ui_free(u);
}

/* Rows that come and go above do not put another one under the cursor. */
static void
the_cursor_stays_on_its_row(void)
{
	struct ui *u = start(asking, 80, 24);

	keys(u, "2G"); /* dora asks, anna asks, anna */
	usual(&model);
	ui_draw(u, &grid, NOW);
	CHECK(row_has(2, "anna") && (grid_at(&grid, 0, 2)->style & GRID_CURSOR) != 0);
	asking(&model);
	keys(u, "n");
	CHECK(screen_has("> anna"));
	ui_key(u, UI_KEY_ESC);
	keys(u, "1G"); /* 1-10 */
	tell(&model, "S", SERVE_HEAD "\"devices\":[" STICK "],\"peers\":[]}", 3000000);
	keys(u, " ");
	is_asked(UI_UNSHARE, "", "1-10", "");
	none(&model);
	ui_draw(u, &grid, NOW);
	keys(u, " ");
	CHECK_EQ(asked_n, 0);
	ui_free(u);
}

static void
umlauts_can_be_typed(void)
{
	static const int name[] = {'d', 0xf6, 0x65e5, 0x1f600, 'x', 0xd800, 0x9b, 0x7f};
	struct ui *u = start(usual, 80, 24);

	keys(u, "/");
	for (size_t i = 0; i < ARRAY_LEN(name); i++)
		ui_key(u, name[i]);
	ui_draw(u, &grid, NOW);
	CHECK(row_has(FEET, "/dö日😀x_"));
	ui_key(u, UI_KEY_BACK);
	ui_key(u, UI_KEY_BACK);
	ui_draw(u, &grid, NOW);
	CHECK(row_has(FEET, "/dö日_"));
	for (unsigned i = 0; i < 9; i++)
		ui_key(u, UI_KEY_BACK);
	for (unsigned i = 0; i < 300; i++)
		ui_key(u, 0x65e5);
	ui_draw(u, &grid, NOW);
	ui_key(u, UI_KEY_ESC);
	keys(u, "i");
	for (unsigned i = 0; i < 3000; i++)
		ui_key(u, 0xf6);
	keys(u, "\n");
	CHECK_EQ(asked.verb, UI_INVITE);
	CHECK(strlen(asked.arg) > 2000 && strlen(asked.arg) % 2 == 0);
	ui_free(u);
}

static void
the_log_tells_what_happens(void)
{
	struct ui *u = start(cut, 120, 40);

	keys(u, "4");
	CHECK(screen_has("serve runs"));
	CHECK(screen_has("dora asks to come in"));
	CHECK(
	    screen_has("anna: the line is up, host 10.0.0.1:5000 -> host 10.0.0.2:5000"));
	CHECK(screen_has("office/1-4 is /dev/sdb here"));
	CHECK(screen_has("office/1-5 waits: busy: held by bob"));
	CHECK(screen_has("office: the line is cut, what is attached waits"));
	CHECK(!screen_has("has left"));
	tell(&model, "A", ATTACH("51000", "", "4500000"), 5000000);
	tell(&model, "S", SERVE_HEAD "\"devices\":[" STICK "," MOUSE "],\"peers\":[]}",
	     6000000);
	tell(&model, "S",
	     SERVE_HEAD "\"devices\":[" STICK "," MOUSE "," DISK "],\"peers\":[]}",
	     7000000);
	CHECK(!model_ended(&model, "A"));
	CHECK(model_ended(&model, "S"));
	ui_draw(u, &grid, NOW);
	CHECK(screen_has("office: the line is back"));
	CHECK(screen_has("1-4.2 Ultra is gone"));
	CHECK(screen_has("anna has left"));
	CHECK(screen_has("1-4.2 Ultra is plugged in"));
	CHECK(screen_has("anna uses 1-4.2 Ultra"));
	CHECK(screen_has("office/1-4 Ultra is gone"));
	CHECK(screen_has("serve has ended"));
	ui_free(u);
}

static void
forgotten_peers_go(void)
{
	static const char known[] =
	    "{\"peers\":[{\"kind\":\"client\",\"name\":\"zoe\",\"id\":\"Z\"},"
	    "{\"kind\":\"server\",\"name\":\"attic\",\"id\":\"A\"}]}";
	static const char nobody[] = "{\"peers\":[]}";
	struct ui *u = start(usual, 80, 24);

	CHECK_EQ(model_peers(&model, json_read(known, strlen(known))), ERR_OK);
	keys(u, "2");
	CHECK(row_has(2, "anna") && row_has(3, "attic") && row_has(4, "zoe"));
	CHECK(row_has(3, "Enter asks what it shares") && row_has(4, "may use ours"));
	keys(u, "j\n");
	is_asked(UI_LIST, "attic", "", "");
	model_list_failed(&model, "attic", "it cannot be reached");
	done(u, 6, "", "usbp2p: it cannot be reached\n");
	CHECK(row_has(3, "it cannot be reached"));
	CHECK_EQ(model_peers(&model, json_read(nobody, strlen(nobody))), ERR_OK);
	ui_draw(u, &grid, NOW);
	CHECK(row_has(2, "anna") && !screen_has("attic") && !screen_has("zoe"));
	ui_free(u);
}

/* --- the mouse --- */

static void
clicks_choose(void)
{
	struct ui *u = start(attached, 80, 24);

	ui_click(u, 30, 0); /* Attached */
	ui_draw(u, &grid, NOW);
	CHECK(row_has(1, "Here"));
	ui_click(u, 1, 0);
	ui_draw(u, &grid, NOW);
	ui_click(u, 5, 7);
	ui_click(u, 5, 23); /* below the rows */
	keys(u, " ");
	is_asked(UI_UNSHARE, "", "1-10", "");
	done(u, 0, "", "");
	ui_click(u, 5, 7); /* once more: as Enter */
	ui_draw(u, &grid, NOW);
	CHECK(screen_has("Details") && screen_has("cdc_acm"));
	ui_click(u, 30, 0); /* not while a box is there */
	ui_key(u, UI_KEY_ESC);
	ui_draw(u, &grid, NOW);
	CHECK(row_has(1, "Shared"));
	ui_wheel(u, -3);
	keys(u, " ");
	CHECK(screen_has("Take it back?")); /* 1-4.2 */
	ui_free(u);
}

/* --- the table --- */

/* What the screen and its owner know. */
static unsigned
print_of(struct ui *u)
{
	unsigned sum = asked_n * 7919 + quits * 104729 + (unsigned)strlen(copied);

	ui_draw(u, &grid, NOW);
	for (unsigned y = 0; y < grid.h; y++)
		for (unsigned x = 0; x < grid.w; x++) {
			const struct grid_cell *c = grid_at(&grid, x, y);

			for (const char *p = c->glyph; *p != '\0'; p++)
				sum = sum * 31 + (unsigned char)*p;
			sum = sum * 31 + c->style;
		}
	return sum;
}

/* Places where a key may do something: typed after start. */
static const char *const places[] = {
    "1j", "1jj",  "1",  "2",  "2jjjj", "2jjj", "3",       "3j",  "4",
    "4g", "1jj ", "ix", "/x", "/x\n",  "?jjj", "1ix\n\f", "1jn", "1ix\n\fQ",
};

static bool
does_something(int key)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct ui *u = start(attached, 80, 24);
		unsigned before, after;

		for (const char *p = places[i]; *p != '\0'; p++)
			if (*p == '\f') {
				ui_done(u, &asked, false, 0, "usbp2p:AA\n", "");
				give_code(u);
			} else {
				ui_key(u, *p);
			}
		before = print_of(u);
		ui_key(u, key);
		after = print_of(u);
		ui_free(u);
		if (before != after)
			return true;
	}
	return false;
}

static void
each_key_of_the_table_does_something(void)
{
	unsigned n = 0;

	for (int key[2]; ui_table_keys(n, key); n++)
		for (unsigned i = 0; i < 2 && key[i] != 0; i++) {
			bool ok = does_something(key[i]);

			if (!ok)
				printf("# the key %d (%s) of the table does nothing\n",
				       key[i], ui_table_name(n));
			CHECK(ok);
		}
	CHECK(n > 40);
	CHECK(ui_help_line(n) == NULL);
}

static void
lives_with_a_monkey(void)
{
	static void (*const fills[])(struct model *) = {cut, hostile, none, attached};
	struct ui *u = start(cut, 80, 24);
	uint32_t r = 1;

	for (unsigned i = 0; i < 20000; i++) {
		r = r * 1664525 + 1013904223;
		unsigned x = r >> 16;

		if (x % 50 == 0)
			CHECK_EQ(grid_resize(&grid, x % 131, x / 131 % 61), ERR_OK);
		else if (x % 50 == 1)
			ui_click(u, x % 90, x % 30);
		else if (x % 50 == 2 && asked_n > 0)
			ui_done(u, &asked, x % 5 == 0, x % 3 == 0,
				x % 7 == 0 ? "" : "usbp2p:AB\nx", "no\n");
		else if (x % 50 == 3)
			fills[x / 50 % 4](&model);
		else if (x % 50 == 4)
			(void)model_ended(&model, x % 100 < 50 ? "S" : "A");
		else if (x % 50 == 5)
			give_code(u);
		else if (x % 50 == 6)
			ui_wheel(u, (int)(x / 50 % 9) - 4);
		else if (x % 50 == 7)
			grid.ascii = x % 100 < 50;
		else if (x % 3 == 0)
			ui_key(u, UI_KEY_UP + (int)(x / 3 % 10));
		else
			ui_key(u, (int)(x % 160));
		ui_draw(u, &grid, NOW);
	}
	grid.ascii = false;
	ui_free(u);
}

TEST_MAIN(TEST(knows_utf8), TEST(filter_and_sort), TEST(the_cursor_stays_on_its_row),
	  TEST(umlauts_can_be_typed), TEST(the_log_tells_what_happens),
	  TEST(forgotten_peers_go), TEST(clicks_choose),
	  TEST(each_key_of_the_table_does_something), TEST(lives_with_a_monkey),
	  TEST(end_models))
