/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: tui core */
/* clang-format on */
/*
 * Whole screens of the browser, kept in test/tui/screens: every view with every kind of
 * model at three sizes, and the boxes. SCREENS=write makes them anew (read the
 * difference).
 */
#include <locale.h>

#include "test/tui/models.h"

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

static void
knows_utf8(void)
{
	setenv("TZ", "UTC", 1);
	CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
}

static const struct {
	unsigned w, h;
} sizes[] = {{80, 24}, {40, 10}, {120, 40}};

static void
each_view_of_each_model(void)
{
	static const struct {
		const char *name;
		void (*fill)(struct model *);
	} models[] = {{"usual", attached},
		      {"hostile", hostile},
		      {"none", none},
		      {"many", many},
		      {"cut", cut}};
	static const char *const tabs[] = {"local", "peers", "attached", "log"};
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			struct ui *u = start(models[i].fill, sizes[k].w, sizes[k].h);

			for (unsigned t = 0; t < 4; t++) {
				ui_key(u, (int)('1' + t));
				if (models[i].fill == many)
					ui_key(u, 'G');
				snprintf(name, sizeof(name), "%s-%s-%ux%u", tabs[t],
					 models[i].name, sizes[k].w, sizes[k].h);
				screen(u, name);
			}
			ui_free(u);
		}
}

static const struct {
	const char *name;
	const char *keys;
} boxes[] = {
    {"help", "?"},          {"details", "3\n"},        {"details-peer", "2jjj\n"},
    {"ask-unshare", "jj "}, /* in use, and others wait */
    {"ask-share", "jjjj "}, /* mounted here */
    {"ask-detach", "3 "},   {"ask-reset", "3R"},       {"ask-forget", "2jjF"},
    {"ask-accept", "2 "},   {"ask-accept-dev", "2j "}, {"nick", "n"},
    {"invite", "iberta"},   {"filter", "/stick"},      {"sorted", "ss"},
};

static void
each_box(void)
{
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(boxes); i++)
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			struct ui *u = start(attached, sizes[k].w, sizes[k].h);

			keys(u, boxes[i].keys);
			snprintf(name, sizeof(name), "%s-%ux%u", boxes[i].name,
				 sizes[k].w, sizes[k].h);
			screen(u, name);
			ui_free(u);
		}
}

static void
a_ticket_and_its_code(void)
{
	char name[64];

	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct ui *u = start(usual, sizes[k].w, sizes[k].h);

		keys(u, "ianna\n");
		ui_done(u, &asked, false, 0, "usbp2p:AAAABBBBCCCC\n", "");
		give_code(u);
		snprintf(name, sizeof(name), "ticket-%ux%u", sizes[k].w, sizes[k].h);
		screen(u, name);
		keys(u, "Q");
		snprintf(name, sizeof(name), "code-%ux%u", sizes[k].w, sizes[k].h);
		screen(u, name);
		ui_free(u);
	}
}

static void
the_tree_of_descriptors(void)
{
	struct ui *u = start(attached, 80, 24);

	keys(u, "\n");
	CHECK_EQ(asked.verb, UI_DESCRIBE);
	ui_done(u, &asked, false, 0, "device 046d:c077\n  configuration 1\n", "");
	screen(u, "tree-80x24");
	ui_free(u);
}

static void
is_ascii(void)
{
	for (unsigned y = 0; y < grid.h; y++)
		for (unsigned x = 0; x < grid.w; x++)
			CHECK((unsigned char)grid_at(&grid, x, y)->glyph[0] < 0x80);
}

/* These are in the manual. */
static void
ascii_only(void)
{
	static const struct {
		const char *name;
		unsigned h;
	} of[] = {
	    {"man-local", 10}, {"man-peers", 12}, {"man-attached", 7}, {"man-log", 10}};

	for (unsigned t = 0; t < ARRAY_LEN(of); t++) {
		struct ui *u = start(attached, 72, of[t].h);

		grid.ascii = true;
		ui_key(u, (int)('1' + t));
		screen(u, of[t].name);
		is_ascii();
		grid.ascii = false;
		ui_free(u);
	}
}

static void
an_ascii_code(void)
{
	struct ui *u = start(usual, 120, 50);

	grid.ascii = true;
	keys(u, "ix\n");
	ui_done(u, &asked, false, 0, "usbp2p:A\n", "");
	give_code(u);
	keys(u, "Q");
	screen(u, "code-ascii");
	is_ascii();
	grid.ascii = false;
	ui_free(u);
}

/* From the smallest to the largest: each draws, and all of the rows' text is there. */
static void
all_sizes(void)
{
	static const unsigned w[] = {1, 2, 5, 20, 40, 60, 80, 132, 200, 300};
	static const unsigned h[] = {1, 2, 3, 4, 5, 10, 24, 50, 100};

	for (size_t i = 0; i < ARRAY_LEN(w); i++)
		for (size_t k = 0; k < ARRAY_LEN(h); k++) {
			struct ui *u = start(attached, w[i], h[k]);

			keys(u, "2341?");
			ui_key(u, UI_KEY_ESC);
			keys(u, "3\n");
			ui_free(u);
		}
	{
		struct ui *u = start(attached, 300, 100);

		keys(u, "3");
		screen(u, "attached-300x100");
		ui_free(u);
	}
}

/* Each cell is one printable character, or two cells are one wide one. */
static void
nothing_but_text_gets_into_cells(void)
{
	for (char tab = '1'; tab <= '4'; tab++) {
		struct ui *u = start(hostile, 120, 40);
		const struct grid_cell *c;

		ui_key(u, tab);
		ui_key(u, UI_KEY_ENTER);
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
				CHECK(strcmp(c->glyph, "\xc2\x9b") != 0);
			}
		ui_free(u);
	}
}

/* Whatever the rate, its unit is not cut off. */
static void
a_rate_fits_its_column(void)
{
	static const struct {
		unsigned long long bytes; /* in one second */
		const char *shown;
	} table[] = {{0, " 0.0 kB/s "},          {99999, " 99.9 kB/s "},
		     {100000, " 0.1 MB/s "},     {999999999, " 999.9 MB/s "},
		     {1000000000, " 1.0 GB/s "}, {99900000000, " 99.9 GB/s "}};
	char json[6000];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct ui *u = start(none, 80, 24);

		ui_key(u, '2');
		for (unsigned s = 0; s < 2; s++) {
			snprintf(json, sizeof(json),
				 SERVE_HEAD
				 "\"devices\":[],\"peers\":[" GUEST("%llu") "]}",
				 s * table[i].bytes);
			tell(&model, "S", json, (s + 1) * 1000000ULL);
		}
		ui_draw(u, &grid, NOW);
		CHECK(row_has(2, table[i].shown));
		ui_free(u);
	}
}

TEST_MAIN(TEST(knows_utf8), TEST(each_view_of_each_model), TEST(each_box),
	  TEST(a_rate_fits_its_column), TEST(a_ticket_and_its_code),
	  TEST(the_tree_of_descriptors), TEST(ascii_only), TEST(an_ascii_code),
	  TEST(all_sizes), TEST(nothing_but_text_gets_into_cells), TEST(end_models))
