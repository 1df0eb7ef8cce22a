/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd/conf core/access core/pattern core/ticket core/b32 core/cur core/text core/mem */
/* clang-format on */
#include "cmd/conf.h"
#include "core/access.h"
#include "test/test.h"

static void
at_first(void)
{
	struct conf c;

	memset(&c, 0xaa, sizeof(c));
	conf_init(&c);
	CHECK(!c.link_cubic);
	CHECK_EQ(c.link_mtu, 0); /* auto */
	CHECK(!c.serve_attached);
	CHECK_EQ(c.port_min, 0);
	CHECK_EQ(c.port_max, 0);
	CHECK(access_name_ok(c.serve_name));
}

static void
taken(void)
{
	char why[200];
	struct conf c;

	conf_init(&c);
	CHECK_EQ(conf_set(&c, "link.cc=cubic", why, sizeof(why)), ERR_OK);
	CHECK(c.link_cubic);
	CHECK_EQ(conf_set(&c, "link.cc=bbr", why, sizeof(why)), ERR_OK);
	CHECK(!c.link_cubic);
	CHECK_EQ(conf_set(&c, "link.mtu=9000", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.link_mtu, 9000);
	CHECK_EQ(conf_set(&c, "link.mtu=auto", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.link_mtu, 0);
	CHECK_EQ(conf_set(&c, "ice.ports=1-65535", why, sizeof(why)), ERR_OK);
	CHECK(c.port_min == 1 && c.port_max == 65535);
	CHECK_EQ(conf_set(&c, "ice.ports=13240", why, sizeof(why)), ERR_OK);
	CHECK(c.port_min == 13240 && c.port_max == 13240);
	CHECK_EQ(conf_set(&c, "serve.attached=yes", why, sizeof(why)), ERR_OK);
	CHECK(c.serve_attached);
	CHECK(!c.serve_lan);
	CHECK_EQ(conf_set(&c, "serve.lan=yes", why, sizeof(why)), ERR_OK);
	CHECK(c.serve_lan);
	CHECK_EQ(conf_set(&c, "serve.lan=no", why, sizeof(why)), ERR_OK);
	CHECK(!c.serve_lan);
	CHECK_EQ(conf_set(&c, "serve.attached=no", why, sizeof(why)), ERR_OK);
	CHECK(!c.serve_attached);
	CHECK_EQ(conf_set(&c, "serve.name=lab-2.attic", why, sizeof(why)), ERR_OK);
	CHECK(strcmp(c.serve_name, "lab-2.attic") == 0);
}

static void
refused(void)
{
	static const struct {
		const char *setting, *why;
	} rows[] = {
	    {"", "there is no setting \"\"; \"usbp2p help\" lists them"},
	    {"link.cc.x=1",
	     "there is no setting \"link.cc.x\"; \"usbp2p help\" lists them"},
	    {"link.c=bbr", "there is no setting \"link.c\"; \"usbp2p help\" lists them"},
	    {"LINK.CC=bbr",
	     "there is no setting \"LINK.CC\"; \"usbp2p help\" lists them"},
	    {"link.cc", "link.cc wants bbr|cubic, not \"\""},
	    {"link.cc=BBR", "link.cc wants bbr|cubic, not \"BBR\""},
	    {"link.mtu=1199", "link.mtu wants auto|1200..9000, not \"1199\""},
	    {"link.mtu=0", "link.mtu wants auto|1200..9000, not \"0\""},
	    {"link.mtu=9001", "link.mtu wants auto|1200..9000, not \"9001\""},
	    {"link.mtu=18446744073709551617",
	     "link.mtu wants auto|1200..9000, not \"18446744073709551617\""},
	    {"link.mtu= 1400", "link.mtu wants auto|1200..9000, not \" 1400\""},
	    {"ice.ports=0-5", "ice.ports wants PORT[-PORT], not \"0-5\""},
	    {"ice.ports=5-65536", "ice.ports wants PORT[-PORT], not \"5-65536\""},
	    {"ice.ports=-5", "ice.ports wants PORT[-PORT], not \"-5\""},
	    {"ice.ports=5-4", "ice.ports wants PORT[-PORT], not \"5-4\""},
	    {"ice.ports=000000005-9", "ice.ports wants PORT[-PORT], not \"000000005-9\""},
	    {"serve.attached=1", "serve.attached wants yes|no, not \"1\""},
	    {"serve.lan=1", "serve.lan wants yes|no, not \"1\""},
	    {"serve.name=a b", "serve.name wants NAME, not \"a b\""},
	    {"serve.name=42", "serve.name wants NAME, not \"42\""},
	};
	char why[200];
	struct conf c, before;

	conf_init(&c);
	CHECK_EQ(conf_set(&c, "link.cc=cubic", why, sizeof(why)), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		before = c;
		if (conf_set(&c, rows[i].setting, why, sizeof(why)) != ERR_USAGE ||
		    strcmp(why, rows[i].why) != 0) {
			printf("# %s: %s\n", rows[i].setting, why);
			CHECK(false);
		}
		CHECK(memcmp(&c, &before, sizeof(c)) == 0);
	}
}

/* help shows the table: it has to be complete and in order. */
static void
the_table(void)
{
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		CHECK(strchr(k->name, '.') != NULL);
		CHECK(k->form[0] != '\0' && k->what[0] != '\0' && k->set != NULL);
		CHECK(k == conf_keys || strcmp(k[-1].name, k->name) < 0);
	}
}

TEST_MAIN(TEST(at_first), TEST(taken), TEST(refused), TEST(the_table))
