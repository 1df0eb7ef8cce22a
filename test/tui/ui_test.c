/* SPDX-License-Identifier: ISC */
/* link: tui/ui tui/items tui/views tui/box tui/keys tui/details tui/model tui/grid core/json core/text core/mem */
/*
 * The browser without a terminal: whole screens, kept in test/tui/screens, what keys ask
 * for, and a monkey. SCREENS=write makes the screens anew (read the difference).
 */
#include <locale.h>

#include "core/text.h"
#include "test/test.h"
#include "tui/ui.h"

#define NOW 1000000

static struct ui_job asked;
static unsigned asked_n, quits;
static char copied[3000];

static void
on_run(void *arg, const struct ui_job *j)
{
	(void)arg;
	asked = *j;
	asked_n++;
}

static void
on_copy(void *arg, const char *text)
{
	(void)arg;
	text_copy(copied, sizeof(copied), text);
}

static void
on_quit(void *arg)
{
	(void)arg;
	quits++;
}

static const struct ui_ops ops = {on_run, on_copy, on_quit};

/* --- models --- */

static void
tell(struct model *m, const char *source, const char *json, uint64_t now_us)
{
	CHECK_EQ(model_status(m, source, json_read(json, strlen(json)), now_us), ERR_OK);
}

#define SERVE_HEAD                                                     \
	"{\"schema\":\"usbp2p/1\",\"kind\":\"serve\",\"pid\":1,"       \
	"\"name\":\"lab\",\"id\":\"Z2XIMZM-NTS7QQ\",\"since\":999000," \
	"\"listen\":[\"[::]:13240\"],\"devices\":["
#define DISK                                                                        \
	"{\"busid\":\"1-4.2\",\"id\":\"0781:5581\",\"speed\":\"480 Mbit/s\","       \
	"\"class\":\"storage\",\"manufacturer\":\"SanDisk\",\"product\":\"Ultra\"," \
	"\"serial\":\"4C53\",\"shared\":true,\"state\":\"held\","                   \
	"\"holder\":\"anna\",\"since\":999900}"
#define STICK                                                                      \
	"{\"busid\":\"1-10\",\"id\":\"1209:0001\",\"speed\":\"12 Mbit/s\","        \
	"\"class\":\"serial\",\"manufacturer\":\"\",\"product\":\"Zigbee Stick\"," \
	"\"serial\":\"\",\"nick\":\"attic\",\"shared\":true,\"state\":\"free\"}"
#define MOUSE                                                                    \
	"{\"busid\":\"1-2\",\"id\":\"046d:c077\",\"speed\":\"1.5 Mbit/s\","      \
	"\"class\":\"hid\",\"manufacturer\":\"Logitech\",\"product\":\"Mouse\"," \
	"\"serial\":\"\",\"shared\":false,\"state\":\"free\"}"
#define GUEST                                                                   \
	"{\"name\":\"anna\",\"id\":\"ANNAAAA-BBB\",\"since\":999000,\"link\":{" \
	"\"path\":\"10.0.0.2:5000 host\",\"carrier\":\"gso\",\"cc\":\"bbr\","   \
	"\"rtt_us\":1234,\"min_rtt_us\":900,\"packets_out\":100000,\"lost\":12}}"

static void
usual(struct model *m)
{
	tell(m, "S", SERVE_HEAD DISK "," STICK "," MOUSE "],\"peers\":[" GUEST "]}", 0);
}

/* Names that would clear screens, turn the direction of writing, and overflow. */
static void
hostile(struct model *m)
{
	tell(m, "S",
	     SERVE_HEAD
	     "{\"busid\":\"2-1\",\"id\":\"dead:beef\",\"speed\":\"?\",\"class\":\"hid\","
	     "\"manufacturer\":\"\\u001b[2J\\u001b[H\",\"product\":"
	     "\"a\\tb\\nc\xe2\x80\xae"
	     "gnp\","
	     "\"serial\":\"\",\"shared\":true,\"state\":\"held\","
	     "\"holder\":\"\xe2\x80\x8b"
	     "evil\\r\"},"
	     "{\"busid\":\"2-2\",\"id\":\"0000:0000\",\"speed\":\"?\",\"class\":\"\","
	     "\"manufacturer\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\","
	     "\"product\":"
	     "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"serial\":\"\",\"shared\":false,"
	     "\"state\":\"free\"},"
	     "{\"busid\":\"2-3\",\"id\":\"0000:0001\",\"speed\":\"?\",\"class\":\"\","
	     "\"manufacturer\":\"\xff\xfe\xc0\x80\",\"product\":\"e\xcc\x81 \xc2\x9b"
	     "31m\","
	     "\"serial\":\"\",\"shared\":false,\"state\":\"free\"}],\"peers\":[]}",
	     0);
}

static void
none(struct model *m)
{
	tell(m, "S", SERVE_HEAD "],\"peers\":[]}", 0);
}

static void
many(struct model *m)
{
	char *json = malloc(100000);
	struct text t;

	text_init(&t, json, 100000);
	text_str(&t, SERVE_HEAD);
	for (unsigned i = 300; i > 0; i--) {
		text_str(&t, "{\"busid\":\"3-");
		text_u64(&t, i);
		text_str(&t, "\",\"id\":\"1d6b:0104\",\"class\":\"storage\",\"product\":"
			     "\"Disk ");
		text_u64(&t, i);
		text_str(&t,
			 "\",\"manufacturer\":\"\",\"shared\":true,\"state\":\"free\"}");
		text_str(&t, i > 1 ? "," : "");
	}
	text_str(&t, "],\"peers\":[]}");
	CHECK(!t.full);
	tell(m, "S", json, 0);
	free(json);
}

#define ATTACH(held, bytes)                                                            \
	"{\"schema\":\"usbp2p/1\",\"kind\":\"attach\",\"pid\":2,\"peer\":\"office\","  \
	"\"peer_id\":\"OFFICEX-YYY\",\"since\":999000,\"link\":{"                      \
	"\"path\":\"192.0.2.7:13240 srflx\",\"carrier\":\"mmsg\",\"cc\":\"bbr\","      \
	"\"rtt_us\":51000,\"min_rtt_us\":50000,\"packets_out\":1000,\"lost\":20}" held \
	",\"devices\":[{\"busid\":\"1-4\",\"id\":\"0781:5581\",\"class\":\"storage\"," \
	"\"manufacturer\":\"SanDisk\",\"product\":\"Ultra\",\"state\":\"attached\","   \
	"\"port\":8,\"local\":\"3-1\",\"nodes\":\"/dev/sdb\",\"since\":996400,"        \
	"\"urbs\":{\"done\":7,\"failed\":1,\"unlinked\":0,\"inflight\":2,"             \
	"\"bytes_in\":" bytes ",\"bytes_out\":0}},"                                    \
	"{\"busid\":\"1-5\",\"id\":\"1050:0407\",\"class\":\"hid\","                   \
	"\"manufacturer\":\"Yubico\",\"product\":\"Key\",\"state\":\"waiting\","       \
	"\"reason\":\"busy: held by bob\"}]}"
#define OFFICE_LIST                                                                \
	"{\"schema\":\"usbp2p/1\",\"kind\":\"list\",\"devices\":["                 \
	"{\"busid\":\"1-4\",\"id\":\"0781:5581\",\"class\":\"storage\","           \
	"\"manufacturer\":\"SanDisk\",\"product\":\"Ultra\",\"state\":\"yours\"}," \
	"{\"busid\":\"1-5\",\"id\":\"1050:0407\",\"class\":\"hid\","               \
	"\"manufacturer\":\"Yubico\",\"product\":\"Key\",\"state\":\"taken\","     \
	"\"holder\":\"bob\"},"                                                     \
	"{\"busid\":\"1-6\",\"id\":\"0403:6001\",\"class\":\"serial\","            \
	"\"manufacturer\":\"FTDI\",\"product\":\"UART\",\"state\":\"free\"}]}"

static void
attached(struct model *m)
{
	usual(m);
	tell(m, "A", ATTACH("", "0"), 1000000);
	tell(m, "A", ATTACH("", "500000"), 2000000);
	tell(m, "A", ATTACH("", "4500000"), 3000000);
	CHECK_EQ(model_list(m, "office", json_read(OFFICE_LIST, strlen(OFFICE_LIST))),
		 ERR_OK);
	model_log(m, "12:00:01", false, "office/1-4 attached");
	model_log(m, "12:00:02", true, "office: busy: 1-5 is held by bob");
}

static void
cut(struct model *m)
{
	attached(m);
	tell(m, "A", ATTACH(",\"held_s\":12", "4500000"), 4000000);
}

/* --- screens --- */

static void
knows_utf8(void)
{
	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
}

static struct model model;
static struct grid grid;

static struct ui *
start(void (*fill)(struct model *), unsigned w, unsigned h)
{
	struct ui *u;

	model_free(&model);
	memset(&model, 0, sizeof(model));
	asked_n = quits = 0;
	fill(&model);
	CHECK_EQ(grid_resize(&grid, w, h), ERR_OK);
	u = ui_new(&model, &ops, NULL);
	CHECK(u != NULL);
	return u;
}

static void
keys(struct ui *u, const char *s)
{
	for (; *s != '\0'; s++)
		ui_key(u, *s);
}

static bool
same(const char *name, const char *is)
{
	char path[200], *want = calloc(1, 200000);
	const char *write = getenv("SCREENS");
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "test/tui/screens/%s.txt", name);
	f = fopen(path, write != NULL ? "w" : "r");
	if (f == NULL) {
		printf("# cannot open %s\n", path);
		free(want);
		return false;
	}
	if (write != NULL)
		fputs(is, f);
	else
		want[fread(want, 1, 199999, f)] = '\0';
	fclose(f);
	ok = write != NULL || strcmp(want, is) == 0;
	if (!ok)
		printf("# %s is not:\n%s", path, is);
	free(want);
	return ok;
}

static void
screen(struct ui *u, const char *name)
{
	struct text t;
	char *all = malloc(200000), row[2000];

	ui_draw(u, &grid, NOW);
	text_init(&t, all, 200000);
	for (unsigned y = 0; y < grid.h; y++) {
		grid_row(&grid, y, row, sizeof(row));
		text_str(&t, row);
		text_char(&t, '\n');
	}
	CHECK(same(name, all));
	free(all);
}

static const struct {
	const char *name;
	void (*fill)(struct model *);
	const char *keys;
} views[] = {
    {"local", usual, "1"},        {"peers", attached, "2"},
    {"attached", attached, "3"},  {"log", attached, "4"},
    {"hostile", hostile, ""},     {"none", none, ""},
    {"many", many, "G"},          {"cut", cut, "3"},
    {"cutpeer", cut, "2"},        {"help", usual, "?"},
    {"details", attached, "3\n"}, {"ask", usual, "jj "},
    {"line", usual, "ianna"},     {"filter", usual, "/disk"},
    {"sorted", usual, "ss"},
};

static void
looks_as_kept(void)
{
	static const struct {
		unsigned w, h;
	} sizes[] = {{80, 24}, {40, 10}, {120, 40}};
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			struct ui *u = start(views[i].fill, sizes[k].w, sizes[k].h);

			ui_draw(u, &grid, NOW);
			keys(u, views[i].keys);
			snprintf(name, sizeof(name), "%s-%ux%u", views[i].name,
				 sizes[k].w, sizes[k].h);
			screen(u, name);
			ui_free(u);
		}
}

static void
looks_as_kept_in_ascii(void)
{
	struct ui *u = start(attached, 80, 24);

	grid.ascii = true;
	keys(u, "3");
	screen(u, "ascii-80x24");
	ui_draw(u, &grid, NOW);
	for (unsigned y = 0; y < grid.h; y++)
		for (unsigned x = 0; x < grid.w; x++)
			CHECK((unsigned char)grid_at(&grid, x, y)->glyph[0] < 0x80);
	grid.ascii = false;
	ui_free(u);
}

/* Each cell is one printable character, or two cells are one wide one. */
static void
nothing_but_text_gets_into_cells(void)
{
	struct ui *u = start(hostile, 120, 40);
	const struct grid_cell *c;

	ui_draw(u, &grid, NOW);
	for (unsigned y = 0; y < grid.h; y++)
		for (unsigned x = 0; x < grid.w; x++) {
			c = grid_at(&grid, x, y);
			if (c->glyph[0] == '\0')
				CHECK(x > 0 &&
				      grid_at(&grid, x - 1, y)->glyph[2] != '\0');
			else
				CHECK((unsigned char)c->glyph[0] >= 0x20 &&
				      c->glyph[0] != 0x7f);
			CHECK(strcmp(c->glyph, "\xe2\x80\xae") != 0);
		}
	ui_free(u);
}

/* --- keys --- */

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
space_shares(void)
{
	struct ui *u = start(usual, 80, 24);

	keys(u, " "); /* the mouse is private: 1-2 is first */
	is_asked(UI_SHARE, "", "1-2", "");
	keys(u, " ");
	CHECK_EQ(asked_n, 0); /* it is being done */
	ui_done(u, &asked, 0, "", "");
	keys(u, "jj "); /* nobody uses 1-10 */
	is_asked(UI_UNSHARE, "", "1-10", "");
	keys(u, "k "); /* anna uses 1-4.2 */
	CHECK_EQ(asked_n, 0);
	keys(u, "n");
	CHECK_EQ(asked_n, 0);
	keys(u, " y");
	is_asked(UI_UNSHARE, "", "1-4.2", "");
	ui_free(u);
}

static void
space_attaches_and_detaches(void)
{
	struct ui *u = start(attached, 80, 24);

	keys(u, "2jj"); /* anna, office, office's 1-4 */
	keys(u, " y");
	is_asked(UI_DETACH, "office", "1-4", "");
	ui_done(u, &asked, 0, "", "");
	keys(u, "jj ");
	is_asked(UI_ATTACH, "office", "1-6", "");
	ui_done(u, &asked, 5, "", "usbp2p: busy: held by bob\nmore\n");
	ui_draw(u, &grid, NOW);
	{
		char row[200];

		grid_row(&grid, grid.h - 2, row, sizeof(row));
		CHECK(strcmp(row, "usbp2p: busy: held by bob") == 0);
	}
	keys(u, "3 y");
	is_asked(UI_DETACH, "office", "1-4", "");
	ui_free(u);
}

static void
peers_keys_ask(void)
{
	struct ui *u = start(attached, 80, 24);

	keys(u, "2jr");
	is_asked(UI_LIST, "office", "", "");
	ui_done(u, &asked, 0, "", "");
	keys(u, "b");
	is_asked(UI_BENCH, "office", "", "");
	ui_done(u, &asked, 0, "rtt 1 ms\n", "");
	ui_key(u, UI_KEY_ESC);
	keys(u, "Fy");
	is_asked(UI_FORGET, "office", "", "");
	ui_done(u, &asked, 0, "", "");
	keys(u, "nhome\n");
	is_asked(UI_RENAME, "office", "", "home");
	ui_done(u, &asked, 0, "", "");
	keys(u, "ausbp2p:ABC\n");
	is_asked(UI_TICKET, "", "", "usbp2p:ABC");
	ui_free(u);
}

static void
an_invitation_can_be_copied(void)
{
	struct ui *u = start(usual, 80, 24);

	keys(u, "ianna\n");
	is_asked(UI_INVITE, "", "", "anna");
	ui_done(u, &asked, 0, "usbp2p:AAAA\n", "");
	screen(u, "ticket-80x24");
	keys(u, "c");
	CHECK(strcmp(copied, "usbp2p:AAAA") == 0);
	ui_free(u);
}

static void
filter_and_sort(void)
{
	struct ui *u = start(usual, 80, 24);
	char row[200];

	keys(u, "/zig");
	ui_draw(u, &grid, NOW);
	grid_row(&grid, 2, row, sizeof(row));
	CHECK(strncmp(row, "1-10", 4) == 0);
	grid_row(&grid, 3, row, sizeof(row));
	CHECK(row[0] == '\0');
	keys(u, "\n ");
	is_asked(UI_UNSHARE, "", "1-10", "");
	ui_done(u, &asked, 0, "", "");
	ui_key(u, UI_KEY_ESC);
	keys(u, "s"); /* by name: Mouse, Ultra, Zigbee */
	ui_draw(u, &grid, NOW);
	grid_row(&grid, 3, row, sizeof(row));
	CHECK(strncmp(row, " 1-4.2", 6) == 0);
	ui_free(u);
}

static void
clicks_choose(void)
{
	struct ui *u = start(attached, 80, 24);
	char row[200];

	ui_draw(u, &grid, NOW);
	ui_click(u, 30, 0); /* Attached */
	ui_draw(u, &grid, NOW);
	grid_row(&grid, 1, row, sizeof(row));
	CHECK(strstr(row, "Here") != NULL);
	ui_click(u, 1, 0);
	ui_draw(u, &grid, NOW);
	ui_click(u, 5, 4);
	ui_click(u, 5, 23); /* below the rows */
	keys(u, " ");
	is_asked(UI_UNSHARE, "", "1-10", "");
	ui_free(u);
}

static void
each_key_of_the_table_does_something(void)
{
	unsigned n = 0;

	for (int key; (key = ui_table_key(n)) != 0; n++) {
		unsigned acted = 0;

		for (char tab = '1'; tab <= '4'; tab++) {
			struct ui *u = start(attached, 80, 24);
			char before[24][400], after[400];

			ui_key(u, tab);
			ui_key(u, 'j');
			if (key == UI_KEY_ESC)
				keys(u, "/x\n");
			ui_draw(u, &grid, NOW);
			for (unsigned y = 0; y < 24; y++)
				grid_row(&grid, y, before[y], sizeof(before[y]));
			const struct grid_cell *c = grid_at(&grid, 0, 3);
			unsigned style = c->style, style0 = grid_at(&grid, 1, 0)->style;

			ui_key(u, key);
			ui_draw(u, &grid, NOW);
			for (unsigned y = 0; y < 24; y++) {
				grid_row(&grid, y, after, sizeof(after));
				acted += strcmp(before[y], after) != 0;
			}
			acted += asked_n + quits;
			acted += grid_at(&grid, 0, 3)->style != style ||
				 grid_at(&grid, 1, 0)->style != style0;
			ui_free(u);
		}
		if (acted == 0)
			printf("# key %d of the table does nothing\n", key);
		CHECK(acted > 0);
	}
	CHECK(n > 20);
	CHECK_EQ(ui_help_line(n) == NULL, 1);
}

static void
lives_with_a_monkey(void)
{
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
			ui_done(u, &asked, x % 3 == 0, x % 7 == 0 ? "" : "usbp2p:AB\nx",
				"no\n");
		else if (x % 50 == 3)
			(x % 400 < 200 ? cut : hostile)(&model);
		else if (x % 50 == 4)
			(void)model_ended(&model, x % 100 < 50 ? "S" : "A");
		else if (x % 3 == 0)
			ui_key(u, UI_KEY_UP + (int)(x % 10));
		else
			ui_key(u, (int)(x % 128));
		ui_draw(u, &grid, NOW);
	}
	ui_free(u);
}

static void
ends(void)
{
	model_free(&model);
	grid_free(&grid);
}

TEST_MAIN(TEST(knows_utf8), TEST(looks_as_kept), TEST(looks_as_kept_in_ascii),
	  TEST(nothing_but_text_gets_into_cells), TEST(space_shares),
	  TEST(space_attaches_and_detaches), TEST(peers_keys_ask),
	  TEST(an_invitation_can_be_copied), TEST(filter_and_sort), TEST(clicks_choose),
	  TEST(each_key_of_the_table_does_something), TEST(lives_with_a_monkey),
	  TEST(ends))
