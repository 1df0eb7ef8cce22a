/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/access.h"
#include "test/test.h"

static char id_text[PEERID_TEXT];

static struct access_row
sample(enum access_kind kind)
{
	struct access_row row;

	memset(&row, 0, sizeof(row));
	row.kind = kind;
	memset(row.id, 0xa5, sizeof(row.id));
	peerid_text(row.id, id_text);
	snprintf(row.name, sizeof(row.name), "anna");
	return row;
}

static void
check_round_trip(const struct access_row *row)
{
	char line[ACCESS_LINE];
	struct access_row back;

	CHECK_EQ(access_write(row, line, sizeof(line)), ERR_OK);
	CHECK_EQ(access_read(line, &back), ERR_OK);
	CHECK(memcmp(row, &back, sizeof(back)) == 0);
}

static void
reads_back(void)
{
	struct access_row row = sample(ACCESS_CLIENT);

	check_round_trip(&row);
	row.words = 2;
	snprintf(row.word[0], PATTERN_TEXT, "!class=hid");
	snprintf(row.word[1], PATTERN_TEXT, "100%% fast disk");
	check_round_trip(&row);
	for (row.words = 0; row.words < ACCESS_WORDS; row.words++)
		memset(row.word[row.words], ' ', PATTERN_TEXT - 1);
	check_round_trip(&row);
	row = sample(ACCESS_SERVER);
	row.words = 1;
	snprintf(row.word[0], PATTERN_TEXT, "[::1]:13240");
	check_round_trip(&row);
}

static void
writes_a_line(void)
{
	struct access_row row = sample(ACCESS_CLIENT);
	char line[ACCESS_LINE], want[ACCESS_LINE];
	size_t n;

	row.words = 2;
	snprintf(row.word[0], PATTERN_TEXT, "fast disk");
	snprintf(row.word[1], PATTERN_TEXT, "1-4");
	CHECK_EQ(access_write(&row, line, sizeof(line)), ERR_OK);
	snprintf(want, sizeof(want), "client %s anna fast%%20disk 1-4", id_text);
	CHECK(strcmp(line, want) == 0);
	n = strlen(want) + 1;
	CHECK_EQ(access_write(&row, line, n), ERR_OK);
	for (size_t cap = 1; cap < n; cap++)
		CHECK_EQ(access_write(&row, line, cap), ERR_TOOBIG);
	snprintf(row.word[1], PATTERN_TEXT, "class=nonsense");
	CHECK_EQ(access_write(&row, line, sizeof(line)), ERR_USAGE);
	row = sample(ACCESS_CLIENT);
	snprintf(row.name, sizeof(row.name), "an na");
	CHECK_EQ(access_write(&row, line, sizeof(line)), ERR_USAGE);
	row = sample(ACCESS_SERVER);
	CHECK_EQ(access_write(&row, line, sizeof(line)), ERR_USAGE);
}

/* $ stands for a peer id */
static void
reads_what_people_write(void)
{
	static const struct {
		const char *line;
		int r;
		unsigned words;
	} rows[] = {
	    {"", ERR_NODEV, 0},
	    {"  \t", ERR_NODEV, 0},
	    {"# client", ERR_NODEV, 0},
	    {"  #", ERR_NODEV, 0},
	    {"client $ anna", ERR_OK, 0},
	    {"\t client  $\tanna  1-4 ", ERR_OK, 1},
	    {"client $ anna 1-4 !class=hid serial=A%20B", ERR_OK, 3},
	    {"server $ lab 192.0.2.7:13240 [::1]:13240", ERR_OK, 2},
	    {"server $ lab", ERR_USAGE, 0},
	    {"client", ERR_USAGE, 0},
	    {"client $", ERR_USAGE, 0},
	    {"client anna $", ERR_USAGE, 0},
	    {"clients $ anna", ERR_USAGE, 0},
	    {"Client $ anna", ERR_USAGE, 0},
	    {"client $A anna", ERR_USAGE, 0},
	    {"client $ an%20na", ERR_USAGE, 0},
	    {"client $ 123", ERR_USAGE, 0},
	    {"client $ anna class=foo", ERR_USAGE, 0},
	    {"client $ anna %", ERR_USAGE, 0},
	    {"client $ anna serial=A\x01", ERR_USAGE, 0},
	    {"server $ lab h\x7f:1", ERR_USAGE, 0},
	    {"client $ anna %2", ERR_USAGE, 0},
	    {"client $ anna %zz", ERR_USAGE, 0},
	    {"client $ anna %00", ERR_USAGE, 0},
	    {"client $ anna a%0ab", ERR_USAGE, 0},
	    {"client $ anna a\rb", ERR_USAGE, 0},
	    {"client $ anna\r", ERR_USAGE, 0},
	    {"client $ anna 1 2 3 4 5 6 7 8 9 a b c d e f g", ERR_OK, 16},
	    {"client $ anna 1 2 3 4 5 6 7 8 9 a b c d e f g h", ERR_USAGE, 0},
	};
	struct access_row row = sample(ACCESS_CLIENT);
	char line[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *in = rows[i].line, *at = strchr(in, '$');
		int before = at != NULL ? (int)(at - in) : (int)strlen(in);

		snprintf(line, sizeof(line), "%.*s%s%s", before, in,
			 at != NULL ? id_text : "", at != NULL ? at + 1 : "");
		if (access_read(line, &row) == rows[i].r &&
		    (rows[i].r != ERR_OK || row.words == rows[i].words))
			continue;
		printf("# %s\n", in);
		CHECK(0);
	}
}

/* A wrong character in an id is not another peer. */
static void
refuses_a_changed_id(void)
{
	struct access_row row = sample(ACCESS_CLIENT);
	char line[256];

	for (size_t i = 0; id_text[i] != '\0'; i++) {
		if (id_text[i] == '-')
			continue;
		snprintf(line, sizeof(line), "client %s anna", id_text);
		line[7 + i] = line[7 + i] == 'B' ? 'C' : 'B';
		CHECK_EQ(access_read(line, &row), ERR_USAGE);
	}
}

static void
words(void)
{
	char out[PATTERN_TEXT], back[PATTERN_TEXT], all[256];

	for (int c = 1; c < 256; c++)
		all[c - 1] = (char)c;
	all[255] = '\0';
	for (int i = 0; i < 255; i += 40) {
		char part[41] = {0};

		memcpy(part, all + i, i + 40 > 255 ? (size_t)(255 - i) : 40);
		CHECK(access_escape(part, out, sizeof(out)));
		for (char *c = out; *c != '\0'; c++)
			CHECK((unsigned char)*c > ' ' && *c != 0x7f);
		CHECK(access_unescape(out, strlen(out), back, sizeof(back)));
		CHECK(strcmp(back, part) == 0);
	}
	CHECK(!access_escape("a b", out, 5));
	CHECK(access_escape("a b", out, 6));
	CHECK(!access_unescape("abc", 3, out, 3));
	CHECK(access_unescape("abc", 2, out, 3));
	CHECK(strcmp(out, "ab") == 0);
	CHECK(!access_unescape("a%41", 3, out, 8)); /* cut by n */
	CHECK(!access_unescape("a%00", 4, out, 8));
	CHECK(access_unescape("a%41", 4, out, 8));
	CHECK(strcmp(out, "aA") == 0);
}

static void
names(void)
{
	static const char *const good[] = {"a", "anna", "lab-2", "1a", "a.b_c", "_"};
	static const char *const bad[] = {"",   "1",  "123", "a b",      "a/b", "../x",
					  ".a", "-a", "a:b", "usbp2p:x", "ä",   "a\n"};
	struct access_row row = sample(ACCESS_CLIENT);
	char text[ACCESS_NAME + 1];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(access_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (access_name_ok(bad[i])) {
			printf("# %s\n", bad[i]);
			CHECK(0);
		}
	peerid_text(row.id, text);
	CHECK(!access_name_ok(text));
	memset(text, 'a', sizeof(text));
	text[ACCESS_NAME] = '\0';
	CHECK(!access_name_ok(text));
	CHECK(access_name_ok(text + 1));
}

static void
cleans_names(void)
{
	static const struct {
		const char *name, *clean;
	} rows[] = {
	    {"anna", "anna"},   {"Anna's PC", "Anna-s-PC"},
	    {"  lab  ", "lab"}, {"../etc", "etc"},
	    {"--help", "help"}, {"", "peer"},
	    {"\x1b[2J", "2J"},  {"123", "peer"},
	    {"äöü", "peer"},    {"...", "peer"},
	};
	struct access_row row = sample(ACCESS_CLIENT);
	char name[ACCESS_NAME];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(name, sizeof(name), "%s", rows[i].name);
		access_name_clean(name);
		if (strcmp(name, rows[i].clean) != 0 || !access_name_ok(name)) {
			printf("# %s: %s\n", rows[i].name, name);
			CHECK(0);
		}
	}
	peerid_text(row.id, id_text);
	memcpy(name, id_text, ACCESS_NAME);
	access_name_clean(name);
	CHECK(access_name_ok(name));
	memset(name, 'x', sizeof(name)); /* no NUL at all */
	access_name_clean(name);
	CHECK_EQ(strlen(name), ACCESS_NAME - 1);
}

static void
allows(void)
{
	struct access_row row = sample(ACCESS_CLIENT);
	const struct devinfo d = {.busid = "1-4", .product = "Disk"};

	CHECK(access_allows(&row, &d)); /* no pattern: all */
	row.words = 1;
	snprintf(row.word[0], PATTERN_TEXT, "1-4");
	CHECK(access_allows(&row, &d));
	snprintf(row.word[0], PATTERN_TEXT, "1-5");
	CHECK(!access_allows(&row, &d));
	snprintf(row.word[0], PATTERN_TEXT, "!disk");
	CHECK(!access_allows(&row, &d));
	row.kind = ACCESS_SERVER; /* a server we know may not use our devices */
	row.words = 0;
	CHECK(!access_allows(&row, &d));
	snprintf(row.word[0], PATTERN_TEXT, "1-4");
	row.words = 1;
	CHECK(!access_allows(&row, &d));
}

TEST_MAIN(TEST(reads_back), TEST(writes_a_line), TEST(reads_what_people_write),
	  TEST(refuses_a_changed_id), TEST(words), TEST(names), TEST(cleans_names),
	  TEST(allows))
