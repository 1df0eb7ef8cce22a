/* SPDX-License-Identifier: ISC */
/* link: cmd/share cmd/state cmd/usage core/pattern core/err core/text core/mem */
#include "cmd/share.h"
#include "test/cmd/place.h"

static struct devinfo
stick(void)
{
	struct devinfo d = {.vid = 0x1d6b, .pid = 0x0104};

	strcpy(d.busid, "1-4");
	strcpy(d.product, "Stick");
	return d;
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
	CHECK_EQ(share_bind(p.dir, "1-4"), ERR_OK);
	CHECK_EQ(share_bind(p.dir, "class=hid"), ERR_OK);
	CHECK_EQ(share_bind(p.dir, "1-4"), ERR_OK);
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
	CHECK_EQ(share_add(&s, "1d6b:*"), ERR_OK);
	CHECK(share_has(&s, &d, false));
	CHECK_EQ(share_add(&s, "!stick"), ERR_OK);
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
	CHECK_EQ(share_bind(p.dir, "1-5"), ERR_USAGE);
	place_said(&p);
	CHECK(place_is(&p, "bound", "# by hand\n\n1-4\n1d6b:10\n"));
	place_end(&p);
}

static void
full(void)
{
	static struct share s;
	char word[16], longest[PATTERN_TEXT + 1];
	struct place p;

	place_make(&p);
	s.n = 0;
	for (int i = 0; i < SHARE_MAX; i++) {
		snprintf(word, sizeof(word), "1-%d", i + 1);
		CHECK_EQ(share_add(&s, word), ERR_OK);
	}
	CHECK_EQ(share_add(&s, "2-1"), ERR_FULL);
	s.n = 0;
	memset(longest, 'x', sizeof(longest));
	longest[PATTERN_TEXT] = '\0';
	CHECK_EQ(share_add(&s, longest), ERR_USAGE);
	CHECK_EQ(s.n, 0);
	longest[PATTERN_TEXT - 1] = '\0';
	CHECK_EQ(share_add(&s, longest), ERR_OK);
	for (int i = 0; i < SHARE_MAX; i++) {
		longest[0] = (char)('a' + i / 16);
		longest[1] = (char)('a' + i % 16);
		CHECK_EQ(share_bind(p.dir, longest), ERR_OK);
	}
	CHECK_EQ(share_bind(p.dir, "2-1"), ERR_FULL);
	s.n = 0;
	CHECK_EQ(share_load(&s, p.dir), ERR_OK);
	CHECK_EQ(s.n, SHARE_MAX);
	CHECK(strcmp(s.word[SHARE_MAX - 1], longest) == 0);
	place_end(&p);
}

TEST_MAIN(TEST(nothing_unless_told), TEST(bound_and_unbound), TEST(negation),
	  TEST(damaged_file), TEST(full))
