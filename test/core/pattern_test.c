/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/pattern.h"
#include "test/test.h"

static const struct devinfo stick = {
    .busid = "1-4.2",
    .vid = 0x1d6b,
    .pid = 0x0104,
    .ifs = 1,
    .iface = {{0x08, 0x06, 0x50}},
    .manufacturer = "ACME",
    .product = "Fast Disk 3",
    .serial = "A1b2",
};

static const struct devinfo gadget = {
    .busid = "v-1",
    .vid = 0xabcd,
    .pid = 0xef01,
    .cls = 0xef,
    .sub = 2,
    .proto = 1,
    .ifs = 3,
    .iface = {{0x02, 0x02, 0x01}, {0x0a, 0, 0}, {0x03, 1, 1}},
    .product = "Zürich key",
};

static void
matches(void)
{
	static const struct {
		const char *text;
		bool stick, gadget;
	} rows[] = {
	    {"1-4.2", true, false},
	    {"1-4", false, false},
	    {"1-4.22", false, false},
	    {"v-1", false, true},
	    {"v-11", false, false},
	    {"1d6b:0104", true, false},
	    {"1D6B:0104", true, false},
	    {"ABCD:ef01", false, true},
	    {"1d6b:*", true, false},
	    {"*:0104", true, false},
	    {"*:*", true, true},
	    {"1d6b:0105", false, false},
	    {"1d6c:0104", false, false},
	    {"serial=A1b2", true, false},
	    {"serial=a1b2", false, false},
	    {"serial=A1b", false, false},
	    {"class=storage", true, false},
	    {"class=08", true, false},
	    {"class=hid", false, true},
	    {"class=03", false, true},
	    {"class=comm", false, true},
	    {"class=cdc", false, true},
	    {"class=serial", false, true},
	    {"class=net", false, false},
	    {"class=ef", false, true},
	    {"class=EF", false, true},
	    {"class=00", false, false},
	    {"class=vendor", false, false},
	    {"disk", true, false},
	    {"FAST disk", true, false},
	    {"acme", true, false},
	    {"acme fast", true, false},
	    {"fast acme", false, false},
	    {"zürich", false, true},
	    {"key", false, true},
	    {"A1b2", false, false},
	    {"!key", true, false},
	    {"!class=hid", true, false},
	    {"!1-4.2", false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (pattern_check(rows[i].text) == ERR_OK &&
		    pattern_match(rows[i].text, &stick) == rows[i].stick &&
		    pattern_match(rows[i].text, &gadget) == rows[i].gadget)
			continue;
		printf("# %s\n", rows[i].text);
		CHECK(0);
	}
}

static void
refuses_bad_patterns(void)
{
	static const char *const bad[] = {
	    "",         "!",         "!!x",        "serial=",  "class=",    "class=foo",
	    "class=8",  "class=008", "class=HID",  "class=g0", "1-",        "1-4.",
	    "1-4..2",   "1--4",      "1-4-2",      "12-.4",    "1d6b:",     "1d6b:010",
	    ":0104",    ":",         "1d6b:01044", "1d6b:**",  "*",         "**:*",
	    "vendor=x", "tab\there", "nl\n",       "\x7f",     "!1d6b:010", "!name=x",
	};
	char text[PATTERN_TEXT + 1];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (pattern_check(bad[i]) != ERR_USAGE) {
			printf("# %s\n", bad[i]);
			CHECK(0);
		}
	memset(text, 'x', sizeof(text));
	text[PATTERN_TEXT] = '\0';
	CHECK_EQ(pattern_check(text), ERR_USAGE);
	CHECK_EQ(pattern_check(text + 1), ERR_OK);
}

/* Text that has something of the other kinds and is text all the same. */
static void
takes_odd_text(void)
{
	static const char *const text[] = {"1",      "802.11", "-",      "v-",   "v-x",
					   "v-1a",   "1-4x",   "USB: x", "C=64", "a!",
					   "Müller", "usb1",   "2.4 GHz"};

	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		if (pattern_check(text[i]) != ERR_OK || pattern_is_port(text[i])) {
			printf("# %s\n", text[i]);
			CHECK(0);
		}
}

static void
nicknames(void)
{
	static const char *const
	    good[] = {"yubikey", "a",     "7",
		      "disk-2",  "x_y.z", "1d6b",
		      "v-x",     "hid",   "0123456789012345678901234567890"},
	    *const bad[] = {"",     "!a",       "-a",
			    ".a",   "_a",       "A",
			    "a b",  "1-4",      "v-1",
			    "1-4.", "1-",       "1d6b:0104",
			    "*",    "serial=x", "a=",
			    "a/b",  "ü",        "01234567890123456789012345678901"};
	struct devinfo d = stick;
	char word[PATTERN_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!pattern_is_nick(good[i]) || pattern_check(good[i]) != ERR_OK) {
			printf("# %s\n", good[i]);
			CHECK(0);
		}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (pattern_is_nick(bad[i])) {
			printf("# %s\n", bad[i]);
			CHECK(0);
		}
	CHECK(!pattern_names("", &d)); /* which has none */
	strcpy(d.nick, "key");
	CHECK(pattern_names("key", &d) && pattern_names("!key", &d));
	CHECK(!pattern_names("Key", &d) && !pattern_names("ke", &d));
	CHECK(!pattern_match("key", &d)); /* text, until it is resolved */
	pattern_resolve(strcpy(word, "key"), &d);
	CHECK(strcmp(word, "1-4.2") == 0);
	pattern_resolve(strcpy(word, "!key"), &d);
	CHECK(strcmp(word, "!1-4.2") == 0);
	pattern_resolve(strcpy(word, "keys"), &d);
	CHECK(strcmp(word, "keys") == 0);
	strcpy(d.nick, "2-2"); /* a peer's */
	pattern_resolve(strcpy(word, "2-2"), &d);
	CHECK(strcmp(word, "2-2") == 0);
}

/* A bad pattern that was not checked opens nothing, negated or not. */
static void
bad_patterns_match_nothing(void)
{
	const char *list[] = {"1-4.2", "!class=foo"};

	CHECK(!pattern_match("class=foo", &stick));
	CHECK(!pattern_match("!class=foo", &stick));
	CHECK(!pattern_match("", &stick));
	CHECK(!pattern_list(list, 2, &stick));
}

static void
lists(void)
{
	static const struct {
		const char *text[3];
		unsigned n;
		bool stick, gadget;
	} rows[] = {
	    {{NULL}, 0, false, false},
	    {{"disk"}, 1, true, false},
	    {{"disk", "key"}, 2, true, true},
	    {{"!disk"}, 1, false, true},
	    {{"!disk", "!key"}, 2, false, false},
	    {{"*:*", "!class=hid"}, 2, true, false},
	    {{"!class=hid", "*:*"}, 2, true, false},
	    {{"disk", "!1-4.2", "key"}, 3, false, true},
	    {{"nothing", "!class=hid"}, 2, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(pattern_list(rows[i].text, rows[i].n, &stick), rows[i].stick);
		CHECK_EQ(pattern_list(rows[i].text, rows[i].n, &gadget), rows[i].gadget);
	}
}

static void
ports(void)
{
	CHECK(pattern_is_port("1-4.2"));
	CHECK(pattern_is_port("12-1.4.3.2"));
	CHECK(pattern_is_port("v-17"));
	CHECK(!pattern_is_port("!1-4.2"));
	CHECK(!pattern_is_port("1-4."));
	CHECK(!pattern_is_port("v-"));
	CHECK(!pattern_is_port(""));
	CHECK(!pattern_is_port("disk"));
	CHECK(!pattern_is_port("1d6b:0104"));
}

static void
guards_classes(void)
{
	static const struct {
		const char *what;
		struct devinfo_if i;
		bool guarded;
	} rows[] = {
	    {"storage", {0x08, 0x06, 0x50}, false},
	    {"vendor", {0xff, 0x00, 0x00}, false},
	    {"printer", {0x07, 0x01, 0x02}, false},
	    {"keyboard", {0x03, 0x01, 0x01}, true},
	    {"hub", {0x09, 0x00, 0x00}, true},
	    {"serial, AT commands", {0x02, 0x02, 0x01}, false},
	    {"serial, none", {0x02, 0x02, 0x00}, false},
	    {"RNDIS as ACM", {0x02, 0x02, 0xff}, true},
	    {"ECM", {0x02, 0x06, 0x00}, true},
	    {"NCM", {0x02, 0x0d, 0x00}, true},
	    {"MBIM", {0x02, 0x0e, 0x00}, true},
	    {"CDC data", {0x0a, 0x00, 0x00}, false},
	    {"bluetooth", {0xe0, 0x01, 0x01}, true},
	    {"RNDIS", {0xe0, 0x01, 0x03}, true},
	    {"RNDIS as misc", {0xef, 0x04, 0x01}, true},
	};
	struct devinfo d = {.ifs = 2};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		d.iface[0] = (struct devinfo_if){0xff, 0, 0};
		d.iface[1] = rows[i].i;
		if (pattern_needs_name(&d) == rows[i].guarded)
			continue;
		printf("# %s\n", rows[i].what);
		CHECK(0);
	}
	d.iface[1] = (struct devinfo_if){0x08, 6, 0x50};
	CHECK(!pattern_needs_name(&d));
	d.cls = 0x02; /* many serial devices say CDC as a whole */
	CHECK(!pattern_needs_name(&d));
	d.cls = 0x09;
	CHECK(pattern_needs_name(&d));
	d.cls = 0;
	d.ifs = 0; /* not configured: nothing is known */
	CHECK(pattern_needs_name(&d));
	d.ifs = 255; /* more than there can be: looks at those there are */
	CHECK(!pattern_needs_name(&d));
}

TEST_MAIN(TEST(matches), TEST(refuses_bad_patterns), TEST(takes_odd_text),
	  TEST(nicknames), TEST(bad_patterns_match_nothing), TEST(lists), TEST(ports),
	  TEST(guards_classes))
