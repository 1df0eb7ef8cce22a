/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd net core */
/* clang-format on */
#include <unistd.h>

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
	CHECK_EQ(c.link_rekey, 134217728);
	CHECK_EQ(c.attach_grace_us, 75000000);
	CHECK_EQ(c.attach_off, 0);
	CHECK_EQ(c.peers_ttl_us, 86400ull * 1000000);
	CHECK_EQ(c.peers_uses, 1);
	CHECK_EQ(c.log_level, LOG_LEVEL_INFO);
	CHECK(c.serve_listen.n == 1 && strcmp(c.serve_listen.word[0], "[::]:13240") == 0);
	CHECK(c.rdv_listen.n == 1 && strcmp(c.rdv_listen.word[0], "[::]:13241") == 0);
	CHECK_EQ(c.rdv_peers, 32768);
	CHECK_EQ(c.rdv_per_address, 256);
	CHECK_EQ(c.rdv_handshakes, 400);
	CHECK_EQ(c.made_n, 0);
	conf_fini(&c);
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
	CHECK_EQ(conf_set(&c, "ice.ports=1-65535", why, sizeof(why)), ERR_OK);
	CHECK(c.port_min == 1 && c.port_max == 65535);
	CHECK_EQ(conf_set(&c, "ice.ports=13240", why, sizeof(why)), ERR_OK);
	CHECK(c.port_min == 13240 && c.port_max == 13240);
	CHECK_EQ(conf_set(&c, "ice.relay=only", why, sizeof(why)), ERR_OK);
	CHECK(c.relay_only);
	CHECK_EQ(conf_set(&c, "ice.relay=auto", why, sizeof(why)), ERR_OK);
	CHECK(!c.relay_only);
	CHECK_EQ(conf_set(&c, "ice.seek=1s", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.seek_us, 1000000);
	CHECK_EQ(conf_set(&c, "ice.seek=no", why, sizeof(why)), ERR_OK);
	CHECK_EQ(c.seek_us, 0);
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
	conf_fini(&c);
}

static bool
is(const struct conf_list *l, const char *a, const char *b)
{
	return l->n == (b != NULL ? 2 : 1) && strcmp(l->word[0], a) == 0 &&
	       (b == NULL || strcmp(l->word[1], b) == 0);
}

/* The rest of the keys, and sections with names. */
static void
taken_too(void)
{
	static const char *const rows[] = {
	    "attach.grace=2m",
	    "attach.no_assist=storage,serial,interrupt,isochronous,compression",
	    "attach.write_cache=yes",
	    "log.level=warn",
	    "log.to=journal",
	    "attach.sleep=keep",
	    "audit.to=/var/log/a b",
	    "audit.size=64k",
	    "audit.keep=0",
	    "control.group=users",
	    "policy.never=class=hid,1-4",
	    "policy a.peer=anna, ben",
	    "policy a.device=class=storage",
	    "policy a.hours=Mon-Tue 08:00-18:00,Sun",
	    "policy a.session=2h",
	    "policy a.pause=5m",
	    "policy a.warn=10s",
	    "policy a.rate=1.5M",
	    "policy b.session=1h",
	    "peers.ttl=1h",
	    "peers.uses=3",
	    "rendezvous.listen=127.0.0.1:1, [::1]:2",
	    "rendezvous.nats=nats://a:1,b:2",
	    "rendezvous.handshakes=1000000",
	    "rendezvous.peers=2",
	    "rendezvous.per_address=3",
	    "rendezvous.turn=turn:a",
	    "rendezvous.turn_secret_file=/a b",
	    "serve.listen=127.0.0.1:0",
	    "serve.share=1-4,class=hid",
	    "serve.usbip=127.0.0.1:9",
	    "serve.usbip_allow=10.0.0.0/8,fd00::/8",
	    "serve.virtual=disk:/a,ro\nserial",
	    "attach lab.peer=attic",
	    "attach lab.device=1-4 , class=storage",
	    "attach lab.grace=0",
	    "attach lab.takeover=yes",
	    "attach lab.accept_changed=yes",
	    "attach lab.write_cache=yes",
	    "attach lab.via=usbip=127.0.0.1:7",
	    "attach a.b.takeover=no",
	};
	const struct policy_rule *r;
	const struct conf_attach *a;
	char why[200];
	struct conf c;

	conf_init(&c);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (conf_set(&c, rows[i], why, sizeof(why)) != ERR_OK) {
			printf("# %s: %s\n", rows[i], why);
			CHECK(false);
		}
	CHECK_EQ(c.attach_grace_us, 120000000);
	CHECK_EQ(c.attach_off, (1u << ASSIST_NAMES) - 1);
	CHECK_EQ(c.log_level, LOG_LEVEL_WARN);
	CHECK_EQ(c.peers_ttl_us, 3600000000);
	CHECK_EQ(c.peers_uses, 3);
	CHECK(is(&c.rdv_listen, "127.0.0.1:1", "[::1]:2"));
	CHECK(strcmp(c.rdv_nats, "nats://a:1,b:2") == 0);
	CHECK_EQ(c.rdv_handshakes, 1000000);
	CHECK_EQ(c.rdv_peers, 2);
	CHECK_EQ(c.rdv_per_address, 3);
	CHECK(is(&c.rdv_turn, "turn:a", NULL));
	CHECK(strcmp(c.rdv_secret_file, "/a b") == 0);
	CHECK(is(&c.serve_listen, "127.0.0.1:0", NULL));
	CHECK(is(&c.serve_share, "1-4", "class=hid"));
	CHECK(strcmp(c.serve_usbip, "127.0.0.1:9") == 0);
	CHECK(is(&c.serve_usbip_allow, "10.0.0.0/8", "fd00::/8"));
	CHECK(is(&c.serve_virtual, "disk:/a,ro", "serial"));
	CHECK_EQ(c.attaches, 2);
	CHECK(conf_find_attach(&c, "attic") == NULL);
	CHECK(conf_find_attach(&c, "a.b")->grace_us == UINT64_MAX);
	a = conf_find_attach(&c, "lab");
	CHECK(a != NULL && strcmp(a->peer, "attic") == 0 && a->grace_us == 0);
	CHECK(is(&a->device, "1-4", "class=storage"));
	CHECK(a->takeover && a->accept && a->write_cache);
	CHECK(c.attach_write_cache);
	CHECK(strcmp(a->via, "127.0.0.1:7") == 0);
	CHECK(c.log_to == CONF_LOG_JOURNAL && !c.attach_sleeps);
	CHECK(strcmp(c.audit_to, "/var/log/a b") == 0);
	CHECK(c.audit_size == 64000 && c.audit_keep == 0);
	CHECK(strcmp(c.control_group, "users") == 0);
	CHECK(is(&c.never, "class=hid", "1-4"));
	CHECK_EQ(c.policies, 2);
	r = c.policy[0];
	CHECK(strcmp(r->name, "a") == 0 && r->peers == 2 && r->devices == 1);
	CHECK(strcmp(r->peer[1], "ben") == 0 &&
	      strcmp(r->device[0], "class=storage") == 0);
	CHECK(r->hours == 3 && r->hour[2].from == 6 * POLICY_DAY);
	CHECK(r->session_us == 7200000000 && r->pause_us == 300000000);
	CHECK(r->warn_us == 10000000 && r->rate == 1500000);
	CHECK(c.policy[1]->warn_us == 30000000 && c.policy[1]->pause_us == 60000000);
	CHECK_EQ(conf_set(&c, "attach lab.via=vhci", why, sizeof(why)), ERR_OK);
	CHECK(a->via[0] == '\0');
	CHECK_EQ(conf_set(&c, "serve.listen=none", why, sizeof(why)), ERR_OK);
	CHECK(is(&c.serve_listen, "none", NULL));
	conf_fini(&c);
}

/* Every key takes its default and is of some use to somebody. */
static void
differ(void *arg, const struct conf_key *k)
{
	(void)k;
	++*(unsigned *)arg;
}

static void
differs(void)
{
	struct conf a, b;
	unsigned n = 0;
	char why[200];

	conf_init(&a);
	conf_init(&b);
	conf_differ(&a, &b, differ, &n);
	CHECK_EQ(n, 0);
	CHECK_EQ(conf_set(&b, "link.cc=cubic", why, sizeof(why)), ERR_OK);
	CHECK_EQ(conf_set(&b, "link.mtu=auto", why, sizeof(why)), ERR_OK);
	conf_differ(&a, &b, differ, &n);
	CHECK_EQ(n, 1); /* auto is what it was */
	conf_fini(&a);
	conf_fini(&b);
}

/* --- files --- */

static char file[] = "/tmp/conf_test.XXXXXX";

static int
load(struct conf *c, const char *text, const char *option, char *why, size_t cap)
{
	struct conf_sources from = {.file = file};
	FILE *f = fopen(file, "w");

	CHECK(f != NULL);
	fputs(text, f);
	fclose(f);
	if (option != NULL)
		from.option[from.n++] = option;
	conf_init(c);
	return conf_load(c, &from, why, cap);
}

static const struct conf_key *
key(const char *name)
{
	const struct conf_key *k = conf_keys;

	while (strcmp(k->name, name) != 0)
		k++;
	return k;
}

static void
from_a_file(void)
{
	char why[400], where[64];
	struct conf c;
	int fd = mkstemp(file);

	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(load(&c,
		      "; a comment\n# another\n[link]\ncc = cubic ; why\nmtu=1300\n\n"
		      "[serve]\n  name = lab\nshare = 1-4\n\t1-5,1-6\n  ; inside\n  1-7\n"
		      "rendezvous = rdv://a.example:1#"
		      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		      "[attach lab]\npeer = x\n[attach attic]\npeer = y\n",
		      "link.mtu=1400", why, sizeof(why)),
		 ERR_USAGE); /* the pin */
	conf_fini(&c);
	CHECK_EQ(load(&c,
		      "; a comment\n# another\n[link]\ncc = cubic ; why\nmtu=1300\n\n"
		      "[serve]\n  name = lab\nshare = 1-4\n\t1-5,1-6\n  ; inside\n  1-7\n"
		      "[attach lab]\npeer = x\n[attach attic]\npeer = y\n",
		      "link.mtu=1400", why, sizeof(why)),
		 ERR_OK);
	CHECK(c.link_cubic && c.link_mtu == 1400);
	CHECK(strcmp(c.serve_name, "lab") == 0);
	CHECK_EQ(c.serve_share.n, 4);
	CHECK(strcmp(c.serve_share.word[3], "1-7") == 0);
	CHECK(strcmp(conf_find_attach(&c, "lab")->peer, "x") == 0);
	CHECK(strcmp(conf_find_attach(&c, "attic")->peer, "y") == 0);
	snprintf(where, sizeof(where), "%s:4", file);
	CHECK(strcmp(conf_find(&c, key("link.cc"), "")->from, where) == 0);
	CHECK(strcmp(conf_find(&c, key("link.mtu"), "")->from, "-o") == 0);
	CHECK(conf_find(&c, key("link.fast"), "") == NULL);
	CHECK(strcmp(conf_find(&c, key("attach NAME.peer"), "attic")->text, "y") == 0);
	conf_fini(&c);
}

static void
wrong_files(void)
{
	static char long_line[300], long_name[100];
	const struct {
		const char *text, *why;
	} rows[] = {
	    {"[link]\ncc = cubic\nfoo = 1\n", ":3: unknown key \"foo\" in [link]"},
	    {"[links]\ncc = cubic\n", ":2: unknown section [links]"},
	    {"[link]\n\ncc = BBR\n", ":3: link.cc wants bbr|cubic, not \"BBR\""},
	    {"cc = bbr\n", ":1: a [SECTION] has to stand before it"},
	    {"[link]\ncc\n", ":2: neither [SECTION] nor KEY = VALUE"},
	    {"[link\ncc = bbr\n", ":1: a ] is missing"},
	    {"[link]\ncc = bbr\n[link]\ncc = cubic\n",
	     ":4: \"cc\" stands in line 2 already"},
	    {"[link]\ncc = bbr\n cubic\n",
	     ":2: link.cc wants bbr|cubic, not \"bbr\ncubic\""},
	    {"[attach]\npeer = x\n", ":2: unknown key \"peer\" in [attach]"},
	    {"[link lab]\ncc = bbr\n", ":2: unknown section [link lab]"},
	    {"[attach a/b]\npeer = x\n", ":2: \"a/b\" cannot be the name of a section"},
	    {"[attach a]\npeer = x\n[attach b]\npeer = y\n[attach a]\npeer = z\n",
	     ":6: \"peer\" stands in line 2 already"},
	    {"[ice]\nturn.password =\n", ":2: ice.turn.password wants TEXT, not \"...\""},
	    {long_line, ":1: the line is longer than 198: go on in the next, indented"},
	    {long_name, ":1: the name of the section is too long"},
	};
	char why[400];
	struct conf c;

	memset(long_line, 'a', sizeof(long_line) - 2);
	memset(long_name, 'a', sizeof(long_name) - 2);
	long_name[0] = '[';
	long_name[97] = ']';
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (load(&c, rows[i].text, NULL, why, sizeof(why)) != ERR_USAGE ||
		    strncmp(why, file, strlen(file)) != 0 ||
		    strcmp(why + strlen(file), rows[i].why) != 0) {
			printf("# %s: %s\n", rows[i].text, why);
			CHECK(false);
		}
		conf_fini(&c);
	}
	unlink(file);
	conf_init(&c);
	CHECK_EQ(conf_load(&c, &(struct conf_sources){.file = file}, why, sizeof(why)),
		 ERR_IO);
	conf_fini(&c);
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
	    {"ice.ports=0-5", "ice.ports wants PORT[-PORT], not \"0-5\""},
	    {"ice.ports=5-65536", "ice.ports wants PORT[-PORT], not \"5-65536\""},
	    {"ice.ports=-5", "ice.ports wants PORT[-PORT], not \"-5\""},
	    {"ice.ports=5-4", "ice.ports wants PORT[-PORT], not \"5-4\""},
	    {"ice.ports=000000005-9", "ice.ports wants PORT[-PORT], not \"000000005-9\""},
	    {"ice.relay=yes", "ice.relay wants auto|only, not \"yes\""},
	    {"ice.seek=0s", "ice.seek wants TIME|no, not \"0s\""},
	    {"ice.seek=2h", "ice.seek wants TIME|no, not \"2h\""},
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
	    {"serve.rendezvous=x", "serve.rendezvous wants URI[,URI], not \"x\""},
	    {"serve.listen=a b",
	     "serve.listen wants ADDR:PORT[,ADDR:PORT]|none, not \"a b\""},
	    {"serve.share=1-4,", "serve.share wants DEVICE[,DEVICE], not \"1-4,\""},
	    {"serve.usbip=yes:x", "serve.usbip wants no|ADDR:PORT, not \"yes:x\""},
	    {"serve.usbip_allow=a", "serve.usbip_allow wants CIDR[,CIDR], not \"a\""},
	    {"serve.virtual=", "serve.virtual wants SPEC, not \"\""},
	    {"attach.no_assist=",
	     "attach.no_assist wants "
	     "none|all|interrupt,storage,serial,isochronous,compression, not "
	     "\"\""},
	    {"attach.no_assist=interrupt,",
	     "attach.no_assist wants "
	     "none|all|interrupt,storage,serial,isochronous,compression, not "
	     "\"interrupt,\""},
	    {"attach.no_assist=mice",
	     "attach.no_assist wants "
	     "none|all|interrupt,storage,serial,isochronous,compression, not "
	     "\"mice\""},
	    {"attach.grace=soon", "attach.grace wants TIME, not \"soon\""},
	    {"attach lab.grace=x", "attach NAME.grace wants TIME, not \"x\""},
	    {"attach lab.peer=a b", "attach NAME.peer wants NAME, not \"a b\""},
	    {"attach lab.via=tcp",
	     "attach NAME.via wants vhci|usbip=ADDR:PORT, not \"tcp\""},
	    {"attach NAME.peer=x y", "attach NAME.peer wants NAME, not \"x y\""},
	    {"link lab.cc=bbr",
	     "there is no setting \"link lab.cc\"; \"usbp2p help\" lists them"},
	    {"log.to=file", "log.to wants auto|stderr|journal, not \"file\""},
	    {"attach.sleep=no", "attach.sleep wants detach|keep, not \"no\""},
	    {"audit.to=file", "audit.to wants none|log|/FILE, not \"file\""},
	    {"audit.size=1", "audit.size wants BYTES[k|M|G], not \"1\""},
	    {"audit.keep=101", "audit.keep wants 0..100, not \"101\""},
	    {"policy.never=", "policy.never wants DEVICE[,DEVICE], not \"\""},
	    {"policy NAME.peer=a b", "policy NAME.peer wants NAME[,NAME], not \"a b\""},
	    {"policy NAME.hours=8-18",
	     "policy NAME.hours wants HOURS[,HOURS], not \"8-18\""},
	    {"policy NAME.session=0", "policy NAME.session wants TIME, not \"0\""},
	    {"policy NAME.rate=fast",
	     "policy NAME.rate wants BYTES[k|M|G], not \"fast\""},
	    {"policy.session=1h",
	     "there is no setting \"policy.session\"; \"usbp2p help\" lists them"},
	    {"peers.ttl=0", "peers.ttl wants TIME, not \"0\""},
	    {"peers.uses=9", "peers.uses wants 1..8, not \"9\""},
	    {"log.level=all", "log.level wants error|warn|info|debug, not \"all\""},
	    {"rendezvous.peers=0", "rendezvous.peers wants 1..1000000, not \"0\""},
	    {"rendezvous.turn=a", "rendezvous.turn wants URI[,URI], not \"a\""},
	};
	char why[200];
	struct conf c, before;

	conf_init(&c);
	CHECK_EQ(conf_set(&c, "link.cc=cubic", why, sizeof(why)), ERR_OK);
	CHECK_EQ(conf_set(&c, "attach lab.takeover=yes", why, sizeof(why)), ERR_OK);
	CHECK_EQ(conf_set(&c, "attach NAME.takeover=yes", why, sizeof(why)), ERR_OK);
	CHECK_EQ(conf_set(&c, "policy NAME.warn=1s", why, sizeof(why)), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		before = c;
		if (conf_set(&c, rows[i].setting, why, sizeof(why)) != ERR_USAGE ||
		    strcmp(why, rows[i].why) != 0) {
			printf("# %s: %s\n", rows[i].setting, why);
			CHECK(false);
		}
		CHECK(memcmp(&c, &before, sizeof(c)) == 0);
	}
	conf_fini(&c);
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

TEST_MAIN(TEST(at_first), TEST(taken), TEST(taken_too), TEST(refused), TEST(differs),
	  TEST(from_a_file), TEST(wrong_files), TEST(the_table))
