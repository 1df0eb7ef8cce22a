/* SPDX-License-Identifier: ISC */
/* link: cmd core */
#include "cmd/share.h"
#include "core/text.h"
#include "test/cmd/place.h"
#include "usb/bus.h"

static struct devinfo
stick(void)
{
	struct devinfo d = {.vid = 0x1d6b, .pid = 0x0104};

	strcpy(d.busid, "1-4");
	strcpy(d.product, "Stick");
	return d;
}

static int
add(struct share *s, const char *word)
{
	struct share_row row = {.part = false};

	text_copy(row.word, sizeof(row.word), word);
	return share_add(s, &row);
}

static int
bind_as(const struct place *p, const char *word, const char *nick, bool part)
{
	struct share_row row = {.part = part};

	text_copy(row.word, sizeof(row.word), word);
	text_copy(row.nick, sizeof(row.nick), nick);
	return share_bind(p->dir, &row);
}

static void
nothing_unless_told(void)
{
	static struct share s;
	struct devinfo d = stick();
	struct place p;

	place_make(&p);
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_OK);
	CHECK_EQ(s.n, 0);
	CHECK(!share_has(&s, &d, false));
	CHECK(share_has(&s, &d, true));
	place_end(&p);
}

static void
bound_and_unbound(void)
{
	static struct share s;
	struct devinfo d = stick(), other = stick();
	struct place p;

	strcpy(other.busid, "1-5");
	place_make(&p);
	CHECK_EQ(share_unbind(p.dir, "1-4"), ERR_NODEV);
	CHECK_EQ(bind_as(&p, "1-4", "", false), ERR_OK);
	CHECK_EQ(bind_as(&p, "class=hid", "", false), ERR_OK);
	CHECK_EQ(bind_as(&p, "1-4", "", false), ERR_OK);
	CHECK(place_is(&p, "bound", "1-4\nclass=hid\n"));
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_OK);
	CHECK(share_has(&s, &d, false));
	CHECK(!share_has(&s, &other, false));
	CHECK_EQ(share_unbind(p.dir, "1-4"), ERR_OK);
	CHECK(place_is(&p, "bound", "class=hid\n"));
	CHECK_EQ(share_unbind(p.dir, "class=hid"), ERR_OK);
	CHECK(place_is(&p, "bound", ""));
	place_end(&p);
}

static void
negation(void)
{
	static struct share s;
	struct devinfo d = stick();

	s.n = 0;
	CHECK_EQ(add(&s, "1d6b:*"), ERR_OK);
	CHECK(share_has(&s, &d, false));
	CHECK_EQ(add(&s, "!stick"), ERR_OK);
	CHECK(!share_has(&s, &d, false));
}

static void
damaged_file(void)
{
	static struct share s;
	struct place p;

	place_make(&p);
	place_write(&p, "bound", "# by hand\n\n1-4\n1d6b:10\n");
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_USAGE);
	CHECK(strcmp(place_said(&p), "usbp2p: bound line 4 is no device: mend or remove "
				     "it\n") == 0);
	CHECK_EQ(bind_as(&p, "1-5", "", false), ERR_USAGE);
	place_said(&p);
	CHECK(place_is(&p, "bound", "# by hand\n\n1-4\n1d6b:10\n"));
	place_end(&p);
}

static void
lines(void)
{
	static const struct {
		const char *word, *nick;
		bool part;
		int want;
	} bad[] = {
	    {"1d6b:10", "", false, ERR_USAGE}, {"!1-4", "x", false, ERR_USAGE},
	    {"!1-4", "", true, ERR_USAGE},     {"1-5", "A", false, ERR_USAGE},
	    {"1-5", "key", false, ERR_BUSY},   {"1-4", "stick", false, ERR_BUSY},
	    {"1-4", "1-4", false, ERR_USAGE},
	};
	const char *file =
	    "as=key keep=local 1-4\nas=stick Two words\nkeep=local *:*\n!2-2\n";
	static struct share s;
	struct place p;

	place_make(&p);
	CHECK_EQ(bind_as(&p, "1-4", "old", false), ERR_OK);
	CHECK_EQ(bind_as(&p, "Two words", "stick", false), ERR_OK);
	CHECK_EQ(bind_as(&p, "*:*", "", true), ERR_OK);
	CHECK_EQ(bind_as(&p, "!2-2", "", false), ERR_OK);
	CHECK_EQ(bind_as(&p, "1-4", "key", true), ERR_OK);
	CHECK_EQ(bind_as(&p, "1-4", "key", true), ERR_OK);
	CHECK(place_is(&p, "bound", file));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_EQ(bind_as(&p, bad[i].word, bad[i].nick, bad[i].part), bad[i].want);
		CHECK(place_is(&p, "bound", file));
	}
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_OK);
	CHECK_EQ(s.n, 4);
	CHECK(s.row[0].part && strcmp(s.row[0].nick, "key") == 0);
	CHECK(!s.row[1].part && strcmp(s.row[1].word, "Two words") == 0);
	CHECK(s.row[2].part && s.row[2].nick[0] == '\0');
	CHECK_EQ(share_unbind(p.dir, "key"), ERR_OK);
	CHECK_EQ(share_unbind(p.dir, "Two words"), ERR_OK);
	CHECK(place_is(&p, "bound", "keep=local *:*\n!2-2\n"));
	CHECK_EQ(share_unbind(p.dir, ""), ERR_NODEV);
	CHECK_EQ(bind_as(&p, "*:*", "", false), ERR_OK); /* the last word counts */
	CHECK(place_is(&p, "bound", "*:*\n!2-2\n"));
	place_end(&p);
}

static void
bad_lines(void)
{
	static const char *const bad[] = {
	    "as=key",          "as= 1-4",
	    "as=K 1-4",        "as=1-5 1-4",
	    "as=key ",         "as=key !1-4",
	    "keep=local !1-4", "keep=local",
	    "keep=me 1-4",     "keep=local as=key 1-4",
	    "as=key 1d6b:10",  "as=0123456789012345678901234567890123456789 1-4",
	};
	static struct share s;
	struct place p;

	place_make(&p);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[128];

		snprintf(text, sizeof(text), "1-4\n%s\n", bad[i]);
		place_write(&p, "bound", text);
		s.n = 0;
		CHECK_EQ(share_load(&s, p.dir), ERR_USAGE);
		if (strstr(place_said(&p), "bound line 2 is no device") == NULL) {
			printf("# %s\n", bad[i]);
			CHECK(0);
		}
	}
	place_write(&p, "bound", "as=key 1-4\n1-6\nas=key 1-5\n");
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_BUSY);
	CHECK(strcmp(place_said(&p),
		     "usbp2p: bound line 3: the nickname key stands twice\n") == 0);
	place_end(&p);
}

/* Three sticks of one kind, and another device. */
static struct usb_dev devs[4];
static struct usb_bus bus;

static void
plug_all(void)
{
	static const char *const busid[] = {"1-1", "1-2", "1-3", "v-1"};

	memset(devs, 0, sizeof(devs));
	list_init(&bus.devs);
	for (int i = 0; i < 4; i++) {
		devs[i].info = stick();
		strcpy(devs[i].info.busid, busid[i]);
		list_add(&bus.devs, &devs[i].link);
	}
	devs[3].is_virtual = true;
	strcpy(devs[3].info.product, "Thing");
}

static bool
nicks(const struct share *s, const char *a, const char *b, const char *c, const char *v)
{
	share_mark(s, &bus);
	return strcmp(devs[0].info.nick, a) == 0 && strcmp(devs[1].info.nick, b) == 0 &&
	       strcmp(devs[2].info.nick, c) == 0 && strcmp(devs[3].info.nick, v) == 0;
}

static void
one_device_has_a_nickname(void)
{
	static struct share s;
	static const struct share_row rows[] = {{.word = "Stick", .nick = "one"},
						{.word = "1d6b:*", .nick = "two"},
						{.word = "v-1", .nick = "thing"}};

	plug_all();
	s.n = 0;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(share_add(&s, &rows[i]), ERR_OK);
	CHECK(nicks(&s, "one", "two", "", "thing"));
	devs[0].left = true; /* unplugged: the next one gets it */
	list_del(&devs[0].link);
	CHECK(nicks(&s, "one", "two", "one", "thing"));
	devs[0].left = false; /* and keeps it */
	devs[0].info.nick[0] = '\0';
	list_del(&devs[1].link);
	list_add(&bus.devs, &devs[0].link);
	CHECK(nicks(&s, "two", "two", "one", "thing"));
	CHECK_EQ(add(&s, "!1-3"), ERR_OK); /* no longer shared */
	CHECK(nicks(&s, "two", "two", "", "thing"));
	s.n = 1;
	CHECK(nicks(&s, "", "two", "one", "")); /* first on the bus now */
	s.n = 0;
	CHECK(nicks(&s, "", "two", "", ""));
}

static void
parts(void)
{
	static struct share s;
	static const struct share_row rows[] = {{.word = "1-1", .part = true},
						{.word = "v-1", .part = true}};

	plug_all();
	s.n = 0;
	CHECK_EQ(add(&s, "1d6b:*"), ERR_OK);
	share_mark(&s, &bus);
	CHECK(!devs[0].info.part);
	CHECK_EQ(share_add(&s, &rows[0]), ERR_OK);
	CHECK_EQ(share_add(&s, &rows[1]), ERR_OK);
	share_mark(&s, &bus);
	CHECK(devs[0].info.part && !devs[1].info.part);
	CHECK(!devs[3].info.part); /* nobody else has it */
	s.n = 0;
	share_mark(&s, &bus);
	CHECK(!devs[0].info.part);
}

static void
modes(void)
{
	static const char *const words[] = {"exclusive", "queued", "readonly",
					    "queued,readonly"};
	static const char *const bad[] = {"mode= 1-4\n", "mode=shared 1-4\n",
					  "mode=queued\n", "mode=queued !1-4\n",
					  "mode=readonly,queued 1-4\n"};
	static struct share s;
	struct place p;

	plug_all();
	for (unsigned i = 0; i < 4; i++) {
		struct share_row row = {.word = "1d6b:*"};

		place_make(&p);
		CHECK(share_read_mode(&row, words[i]));
		CHECK(row.queued == (i & 1) && row.read_only == i / 2);
		CHECK(strcmp(share_mode(row.queued, row.read_only), words[i]) == 0);
		CHECK_EQ(share_bind(p.dir, &row), ERR_OK);
		s.n = 0;
		CHECK_EQ(share_load(&s, p.dir), ERR_OK);
		share_mark(&s, &bus);
		CHECK(devs[0].info.queued == (i & 1) && devs[0].info.read_only == i / 2);
		place_end(&p);
	}
	s.n = 0;
	share_mark(&s, &bus);
	CHECK(!devs[0].info.queued && !devs[0].info.read_only);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		place_make(&p);
		place_write(&p, "bound", bad[i]);
		s.n = 0;
		CHECK_EQ(share_load(&s, p.dir), ERR_USAGE);
		place_said(&p);
		place_end(&p);
	}
	place_make(&p);
	place_write(&p, "bound", "as=x keep=local mode=queued,readonly 1-4\n");
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_OK);
	CHECK(s.row[0].part && s.row[0].queued && s.row[0].read_only);
	CHECK_EQ(bind_as(&p, "1-5", "", false), ERR_OK);
	CHECK(place_is(&p, "bound", "as=x keep=local mode=queued,readonly 1-4\n1-5\n"));
	place_end(&p);
}

/* A grant of "stick" is of that one then, and not of all that are called so. */
static void
grants(void)
{
	static const struct {
		const char *word, *named, *other;
	} rows[] = {
	    {"stick", "1-4", "0-0"},
	    {"!stick", "!1-4", "!0-0"},
	    {"Stick", "Stick", "Stick"},
	    {"1-4", "1-4", "1-4"},
	};
	static struct share s;
	static const struct share_row row = {.word = "1-4", .nick = "stick"};
	struct devinfo named = stick(), other = stick();
	char word[PATTERN_TEXT];

	s.n = 0;
	share_resolve(&s, strcpy(word, "stick"), &other);
	CHECK(strcmp(word, "stick") == 0);
	CHECK_EQ(share_add(&s, &row), ERR_OK);
	strcpy(named.nick, "stick");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		share_resolve(&s, strcpy(word, rows[i].word), &named);
		CHECK(strcmp(word, rows[i].named) == 0);
		share_resolve(&s, strcpy(word, rows[i].word), &other);
		CHECK(strcmp(word, rows[i].other) == 0);
	}
}

static void
full(void)
{
	static struct share s;
	char word[16], longest[PATTERN_TEXT];
	struct place p;

	place_make(&p);
	s.n = 0;
	for (int i = 0; i < SHARE_MAX; i++) {
		snprintf(word, sizeof(word), "1-%d", i + 1);
		CHECK_EQ(add(&s, word), ERR_OK);
	}
	CHECK_EQ(add(&s, "2-1"), ERR_FULL);
	s.n = 0;
	memset(longest, 'x', sizeof(longest));
	longest[PATTERN_TEXT - 1] = '\0';
	CHECK_EQ(add(&s, longest), ERR_OK);
	for (int i = 0; i < SHARE_MAX; i++) {
		longest[0] = (char)('a' + i / 16);
		longest[1] = (char)('a' + i % 16);
		CHECK_EQ(bind_as(&p, longest, "", false), ERR_OK);
	}
	CHECK_EQ(bind_as(&p, "2-1", "", false), ERR_FULL);
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_OK);
	CHECK_EQ(s.n, SHARE_MAX);
	CHECK(strcmp(s.row[SHARE_MAX - 1].word, longest) == 0);
	place_end(&p);
}

TEST_MAIN(TEST(nothing_unless_told), TEST(bound_and_unbound), TEST(negation),
	  TEST(damaged_file), TEST(lines), TEST(bad_lines),
	  TEST(one_device_has_a_nickname), TEST(parts), TEST(modes), TEST(grants),
	  TEST(full))
