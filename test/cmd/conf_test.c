/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd/conf core/assist_kind net/ice_uri net/tcp_addr core/access core/pattern core/ticket core/rdv_uri core/b32 core/cur core/text core/mem */
/* clang-format on */
#include "cmd/conf.h"
#include "core/access.h"
#include "core/assist_kind.h"
#include "test/test.h"

static void
at_first(void)
{
	struct conf c;

	memset(&c, 0xaa, sizeof(c));
	conf_init(&c);
	CHECK(!c.link_cubic);
	CHECK_EQ(c.link_mtu, 0); /* auto */
	CHECK_EQ(c.link_cipher, CONF_CIPHER_AUTO);
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
	CHECK_EQ(conf_set(&c, "link.cipher=chacha20", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.link_cipher, CONF_CIPHER_CHACHA);
	CHECK_EQ(conf_set(&c, "link.cipher=aes128", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.link_cipher, CONF_CIPHER_AES);
	CHECK_EQ(conf_set(&c, "link.cipher=auto", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.link_cipher, CONF_CIPHER_AUTO);
	CHECK_EQ(conf_set(&c, "link.mtu=9000", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.link_mtu, 9000);
	CHECK_EQ(conf_set(&c, "link.mtu=auto", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.link_mtu, 0);
	CHECK_EQ(conf_set(&c, "attach.no_assist=all", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.no_assist, (1u << ASSISTS) - 1);
	CHECK_EQ(conf_set(&c, "attach.no_assist=interrupt", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.no_assist, 1u << ASSIST_INTERRUPT);
	CHECK_EQ(conf_set(&c, "attach.no_assist=none", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.no_assist, 0);
	CHECK_EQ(conf_set(&c, "ice.ports=1-65535", why, sizeof(why)), ERR_OK);
	CHECK(c.port_min == 1 && c.port_max == 65535);
	CHECK_EQ(conf_set(&c, "ice.ports=13240", why, sizeof(why)), ERR_OK);
	CHECK(c.port_min == 13240 && c.port_max == 13240);
	CHECK_EQ(conf_set(&c, "ice.relay=only", why, sizeof(why)), ERR_OK);
	CHECK(c.relay_only);
	CHECK_EQ(conf_set(&c, "ice.relay=auto", why, sizeof(why)), ERR_OK);
	CHECK(!c.relay_only);
	CHECK_EQ(conf_set(&c, "ice.stun=stun.lab.example", why, sizeof(why)), ERR_OK);
	CHECK(strcmp(c.ice.stun.host, "stun.lab.example") == 0 &&
	      c.ice.stun.port == 3478);
	CHECK_EQ(conf_set(&c, "ice.turn=turn:[2001:db8::1]:5000,turn:b?transport=tcp",
			  why, sizeof(why)),
		 ERR_OK);
	CHECK_EQ(c.ice.turns, 3);
	CHECK(c.ice.turn[1].port == 5000 && c.ice.turn[1].transport == ICE_TCP &&
	      strcmp(c.ice.turn[1].host, "2001:db8::1") == 0);
	CHECK(strcmp(c.ice.turn[2].host, "b") == 0);
	CHECK_EQ(conf_set(&c, "ice.turn=turn:c?transport=udp", why, sizeof(why)), ERR_OK);
	CHECK(c.ice.turns == 1 && c.ice.turn[0].transport == ICE_UDP);
	CHECK(strcmp(c.ice.stun.host, "stun.lab.example") == 0);
	CHECK_EQ(conf_set(&c, "ice.turn.user=anna", why, sizeof(why)), ERR_OK);
	CHECK_EQ(conf_set(&c, "ice.turn.password=a=b,c", why, sizeof(why)), ERR_OK);
	CHECK(strcmp(c.turn_user, "anna") == 0 && strcmp(c.turn_password, "a=b,c") == 0);
	CHECK_EQ(conf_set(&c, "serve.address=router.example:443", why, sizeof(why)),
		 ERR_OK);
	CHECK(strcmp(c.serve_address, "router.example:443") == 0);
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
	    {"link.cipher=aes", "link.cipher wants auto|aes128|chacha20, not \"aes\""},
	    {"link.mtu=1199", "link.mtu wants auto|1200..9000, not \"1199\""},
	    {"link.mtu=0", "link.mtu wants auto|1200..9000, not \"0\""},
	    {"link.mtu=9001", "link.mtu wants auto|1200..9000, not \"9001\""},
	    {"link.mtu=18446744073709551617",
	     "link.mtu wants auto|1200..9000, not \"18446744073709551617\""},
	    {"link.mtu= 1400", "link.mtu wants auto|1200..9000, not \" 1400\""},
	    {"attach.no_assist=",
	     "attach.no_assist wants none|all|interrupt,storage, not \"\""},
	    {"attach.no_assist=interrupt,",
	     "attach.no_assist wants none|all|interrupt,storage, not \"interrupt,\""},
	    {"attach.no_assist=mice",
	     "attach.no_assist wants none|all|interrupt,storage, not \"mice\""},
	    {"ice.ports=0-5", "ice.ports wants PORT[-PORT], not \"0-5\""},
	    {"ice.ports=5-65536", "ice.ports wants PORT[-PORT], not \"5-65536\""},
	    {"ice.ports=-5", "ice.ports wants PORT[-PORT], not \"-5\""},
	    {"ice.ports=5-4", "ice.ports wants PORT[-PORT], not \"5-4\""},
	    {"ice.ports=000000005-9", "ice.ports wants PORT[-PORT], not \"000000005-9\""},
	    {"ice.relay=yes", "ice.relay wants auto|only, not \"yes\""},
	    {"ice.stun=", "ice.stun wants HOST[:PORT], not \"\""},
	    {"ice.stun=a b", "ice.stun wants HOST[:PORT], not \"a b\""},
	    {"ice.stun=a:0", "ice.stun wants HOST[:PORT], not \"a:0\""},
	    {"ice.turn=a", "ice.turn wants URI[,URI], not \"a\""},
	    {"ice.turn=turn:", "ice.turn wants URI[,URI], not \"turn:\""},
	    {"ice.turn=turn:a,", "ice.turn wants URI[,URI], not \"turn:a,\""},
	    {"ice.turn=turn:a?transport=x",
	     "ice.turn wants URI[,URI], not \"turn:a?transport=x\""},
	    {"ice.turn=turn:a,turn:b,turn:c",
	     "ice.turn wants URI[,URI], not \"turn:a,turn:b,turn:c\""},
	    {"ice.turn.user=", "ice.turn.user wants NAME, not \"\""},
	    {"serve.address=a b", "serve.address wants HOST[:PORT], not \"a b\""},
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
