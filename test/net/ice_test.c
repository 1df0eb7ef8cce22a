/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: net core */
/* clang-format on */
#include <unistd.h>

#include <event2/event.h>

#include "net/gpump.h"
#include "net/ice.h"
#include "net/ice_cand.h"
#include "test/test.h"

/* Real libnice; addresses are always given, and always loopback. */

enum { GATHERED, FOUND, LAST, CONNECTED, MOVED, FAILED, PACKET, OPS };

struct end {
	struct fixture *f;
	struct end *peer;
	struct ice *ice;
	struct ice_desc desc;
	int count[OPS];
	int free_in;   /* the op that frees its own agent, or OPS */
	bool bad_pwd;  /* what it tells the other is wrong */
	uint32_t next; /* number of the packet it expects */
	unsigned lost;
};

struct fixture {
	struct event_base *base;
	struct gpump *pump;
	struct event *limit;
	struct end a, b;
	unsigned want;    /* packets at both ends, then the loop ends */
	int before, most; /* packets of the turns before, of one turn */
	bool late;
};

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;

	(void)fd;
	(void)what;
	f->late = true;
	event_base_loopbreak(f->base);
}

static void
ends(struct fixture *f)
{
	f->a = (struct end){.f = f, .peer = &f->b, .free_in = OPS};
	f->b = (struct end){.f = f, .peer = &f->a, .free_in = OPS};
}

static void
setup(struct fixture *f)
{
	struct event_config *c = event_config_new();

	memset(f, 0, sizeof(*f));
	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	f->base = event_base_new_with_config(c);
	event_config_free(c);
	f->pump = gpump_new(f->base);
	f->limit = event_new(f->base, -1, 0, give_up, f);
	ends(f);
}

static void
teardown(struct fixture *f)
{
	ice_free(f->a.ice);
	ice_free(f->b.ice);
	gpump_free(f->pump);
	event_free(f->limit);
	event_base_free(f->base);
}

/* Runs until done says so; false when that took too long. */
static bool
run(struct fixture *f, bool (*done)(struct fixture *), int limit_s)
{
	struct timeval tv = {limit_s, 0};

	f->late = false;
	event_add(f->limit, &tv);
	while (!f->late && !done(f))
		event_base_loop(f->base, EVLOOP_ONCE);
	event_del(f->limit);
	return !f->late;
}

static bool
count(struct end *e, int op)
{
	e->count[op]++;
	if (e->free_in != op)
		return e->ice != NULL;
	ice_free(e->ice);
	e->ice = NULL;
	return false;
}

static void
on_gathered(void *arg, const struct ice_desc *d)
{
	struct end *e = arg;
	struct ice_desc told = *d;

	CHECK(d->n >= 1);
	e->desc = *d;
	if (e->bad_pwd)
		told.pwd[3] = told.pwd[3] == 'x' ? 'y' : 'x';
	if (e->peer->ice != NULL)
		CHECK_EQ(ice_remote(e->peer->ice, &told), ERR_OK);
	count(e, GATHERED);
}

static void
on_found(void *arg, const char *candidate)
{
	struct end *e = arg;

	CHECK_EQ(e->count[GATHERED], 1);
	CHECK_EQ(e->count[LAST], 0);
	if (candidate == NULL && e->peer->ice != NULL)
		ice_remote_last(e->peer->ice);
	else if (e->peer->ice != NULL)
		CHECK_EQ(ice_remote_more(e->peer->ice, candidate), ERR_OK);
	count(e, candidate != NULL ? FOUND : LAST);
}

static void
on_connected(void *arg)
{
	count(arg, CONNECTED);
}

static void
on_moved(void *arg)
{
	count(arg, MOVED);
}

static void
on_failed(void *arg, int err)
{
	CHECK(err != ERR_OK);
	count(arg, FAILED);
}

static void
on_packet(void *arg, const uint8_t *p, size_t n)
{
	struct end *e = arg;
	uint32_t number;

	if (e->count[PACKET] == 0 || n != 1000)
		CHECK_EQ(n, 1000);
	memcpy(&number, p, sizeof(number));
	if (number != e->next)
		e->lost++;
	e->next = number + 1;
	count(e, PACKET);
}

static const struct ice_ops ops = {on_gathered, on_found, on_connected, on_moved,
				   on_failed,   NULL,     on_packet};

static void
begin(struct fixture *f, const char *address)
{
	struct ice_conf conf = {.address = {address}, .addresses = 1};

	f->b.ice = ice_new(f->pump, &conf, &ops, &f->b);
	conf.controlling = true;
	f->a.ice = ice_new(f->pump, &conf, &ops, &f->a);
	CHECK(f->a.ice != NULL && f->b.ice != NULL);
	CHECK_EQ(f->a.count[GATHERED] + f->b.count[GATHERED], 0);
}

static bool
both_connected(struct fixture *f)
{
	return f->a.count[CONNECTED] > 0 && f->b.count[CONNECTED] > 0;
}

static unsigned
burst(struct end *e, uint32_t first, unsigned n)
{
	static uint8_t bytes[64][1000];
	struct ice_packet p[64];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t number = first + i;

		memcpy(bytes[i], &number, sizeof(number));
		p[i] = (struct ice_packet){bytes[i], sizeof(bytes[i])};
	}
	return ice_send(e->ice, p, n);
}

static bool
all_came(struct fixture *f)
{
	return f->a.next >= f->want && f->b.next >= f->want;
}

static void
exchange(struct fixture *f, unsigned packets)
{
	for (unsigned i = 0; i < packets; i += 50) {
		CHECK_EQ(burst(&f->a, i, 50), 50);
		CHECK_EQ(burst(&f->b, i, 50), 50);
		f->want = i + 50;
		if (!run(f, all_came, 5))
			return;
	}
}

static void
pair_on(const char *address)
{
	struct fixture f;
	char path[128] = "x";

	setup(&f);
	begin(&f, address);
	ice_path(f.a.ice, path, sizeof(path));
	CHECK(strcmp(path, "") == 0);
	CHECK(run(&f, both_connected, 10));
	ice_path(f.a.ice, path, sizeof(path));
	CHECK(strstr(path, address) != NULL && strstr(path, " -> host ") != NULL);
	exchange(&f, 1000);
	CHECK_EQ(f.a.count[PACKET], 1000);
	CHECK_EQ(f.b.count[PACKET], 1000);
	CHECK_EQ(f.a.lost + f.b.lost, 0);
	CHECK_EQ(f.a.count[GATHERED], 1);
	CHECK_EQ(f.a.count[CONNECTED], 1);
	CHECK_EQ(f.a.count[FAILED] + f.b.count[FAILED], 0);
	teardown(&f);
}

static void
pair_on_ipv4(void)
{
	pair_on("127.0.0.1");
}

static void
pair_on_ipv6(void)
{
	pair_on("::1");
}

static bool
all_of_the_flood(struct fixture *f)
{
	if (f->b.count[PACKET] - f->before > f->most)
		f->most = f->b.count[PACKET] - f->before;
	f->before = f->b.count[PACKET];
	return f->b.count[PACKET] == 192;
}

/* Bursts of 64 fit the socket's buffer, and a turn hands on no more than 64. */
static void
work_of_a_turn_is_bounded(void)
{
	struct fixture f;

	setup(&f);
	begin(&f, "127.0.0.1");
	CHECK(run(&f, both_connected, 10));
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(burst(&f.a, i * 64, 64), 64);
	CHECK(run(&f, all_of_the_flood, 5));
	CHECK_EQ(f.b.count[PACKET], 192);
	CHECK_EQ(f.b.lost, 0);
	CHECK_EQ(f.most, 64);
	teardown(&f);
}

static bool
freed(struct fixture *f)
{
	return f->a.ice == NULL;
}

static void
free_in_each_op(void)
{
	static const int each[] = {GATHERED, CONNECTED, PACKET};
	struct fixture f;

	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		setup(&f);
		f.a.free_in = each[i];
		begin(&f, "127.0.0.1");
		if (each[i] == PACKET) {
			CHECK(run(&f, both_connected, 10));
			CHECK_EQ(burst(&f.b, 0, 50), 50);
		}
		CHECK(run(&f, freed, 10));
		CHECK_EQ(f.a.count[each[i]], 1);
		teardown(&f);
	}
}

/* The pump goes while the freed agent still waits for its end. */
static void
free_in_op_then_everything(void)
{
	struct fixture f;

	setup(&f);
	f.a.free_in = PACKET;
	begin(&f, "127.0.0.1");
	CHECK(run(&f, both_connected, 10));
	CHECK_EQ(burst(&f.b, 0, 1), 1);
	CHECK(run(&f, freed, 10));
	teardown(&f);
}

static void
port_range_is_kept(void)
{
	struct fixture f;
	const uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	struct ice_conf conf = {
	    .address = {"127.0.0.1"}, .addresses = 1, .port_min = port, .port_max = port};
	char want[40];

	setup(&f);
	for (int i = 0; i < 2; i++) { /* the port is free again at once */
		f.a.count[GATHERED] = f.a.count[LAST] = 0;
		f.a.ice = ice_new(f.pump, &conf, &ops, &f.a);
		CHECK(f.a.ice != NULL);
		CHECK(ice_new(f.pump, &conf, &ops, &f.b) == NULL);
		while (f.a.count[GATHERED] == 0)
			event_base_loop(f.base, EVLOOP_ONCE);
		snprintf(want, sizeof(want), " 127.0.0.1 %u typ host", port);
		CHECK(strstr(f.a.desc.candidate[0], want) != NULL);
		ice_free(f.a.ice);
		f.a.ice = NULL;
	}
	teardown(&f);
}

static void
bad_addresses_are_refused(void)
{
	static const char *const bad[] = {"localhost", "", "127.0.0.1:80", "192.0.2.77"};
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ice_conf conf = {.address = {bad[i]}, .addresses = 1};

		CHECK(ice_new(f.pump, &conf, &ops, &f.a) == NULL);
	}
	teardown(&f);
}

static const struct {
	const char *what, *line;
	int plain, loopback; /* what is said when we gather elsewhere, on loopback */
} lines[] = {
    {"host", "candidate:1 1 UDP 2015363327 192.0.2.1 4711 typ host", ERR_OK, ERR_OK},
    {"ipv6", "candidate:1 1 udp 1 2001:db8::1 1 typ srflx raddr :: rport 9", ERR_OK,
     ERR_OK},
    {"prflx", "candidate:a+/ 1 UDP 1 192.0.2.1 1 typ prflx", ERR_OK, ERR_OK},
    {"relay", "candidate:1 1 UDP 1 192.0.2.1 65535 typ relay x y", ERR_OK, ERR_OK},
    {"loopback", "candidate:1 1 UDP 1 127.0.0.1 1 typ host", ERR_REFUSED, ERR_OK},
    {"all of 127/8", "candidate:1 1 UDP 1 127.9.9.9 1 typ host", ERR_REFUSED, ERR_OK},
    {"loopback 6", "candidate:1 1 UDP 1 ::1 1 typ host", ERR_REFUSED, ERR_OK},
    {"mapped", "candidate:1 1 UDP 1 ::ffff:127.0.0.1 1 typ host", ERR_REFUSED,
     ERR_REFUSED},
    {"compatible", "candidate:1 1 UDP 1 ::127.0.0.1 1 typ host", ERR_REFUSED,
     ERR_REFUSED},
    {"nat64", "candidate:1 1 UDP 1 64:ff9b::7f00:1 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"link-local", "candidate:1 1 UDP 1 169.254.7.7 1 typ host", ERR_REFUSED,
     ERR_REFUSED},
    {"link-local 6", "candidate:1 1 UDP 1 fe80::1 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"multicast", "candidate:1 1 UDP 1 224.0.0.251 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"multicast 6", "candidate:1 1 UDP 1 ff02::fb 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"broadcast", "candidate:1 1 UDP 1 255.255.255.255 1 typ host", ERR_REFUSED,
     ERR_REFUSED},
    {"unspecified", "candidate:1 1 UDP 1 0.0.0.0 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"unspecified 6", "candidate:1 1 UDP 1 :: 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"mDNS", "candidate:1 1 UDP 1 4c1d.local 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"scope", "candidate:1 1 UDP 1 fe80::1%lo 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"TCP", "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype active", ERR_REFUSED,
     ERR_REFUSED},
    {"component", "candidate:1 2 UDP 1 192.0.2.1 1 typ host", ERR_REFUSED, ERR_REFUSED},
    {"type", "candidate:1 1 UDP 1 192.0.2.1 1 typ guest", ERR_REFUSED, ERR_REFUSED},
    {"component 0", "candidate:1 0 UDP 1 192.0.2.1 1 typ host", ERR_PROTO, ERR_PROTO},
    {"port 0", "candidate:1 1 UDP 1 192.0.2.1 0 typ host", ERR_PROTO, ERR_PROTO},
    {"port", "candidate:1 1 UDP 1 192.0.2.1 65536 typ host", ERR_PROTO, ERR_PROTO},
    {"priority", "candidate:1 1 UDP 2147483648 192.0.2.1 1 typ host", ERR_PROTO,
     ERR_PROTO},
    {"negative", "candidate:1 1 UDP -1 192.0.2.1 1 typ host", ERR_PROTO, ERR_PROTO},
    {"foundation", "candidate:1% 1 UDP 1 192.0.2.1 1 typ host", ERR_PROTO, ERR_PROTO},
    {"long foundation",
     "candidate:123456789012345678901234567890123 1 UDP 1 192.0.2.1 1 typ host",
     ERR_PROTO, ERR_PROTO},
    {"empty word", "candidate:1 1  UDP 1 192.0.2.1 1 typ host", ERR_PROTO, ERR_PROTO},
    {"no type", "candidate:1 1 UDP 1 192.0.2.1 1 typ", ERR_PROTO, ERR_PROTO},
    {"half a pair", "candidate:1 1 UDP 1 192.0.2.1 1 typ host x", ERR_PROTO, ERR_PROTO},
    {"newline", "candidate:1 1 UDP 1 192.0.2.1 1 typ host\n", ERR_PROTO, ERR_PROTO},
    {"8 bits", "candidate:1 1 UDP 1 192.0.2.1 1 typ host \xff y", ERR_PROTO, ERR_PROTO},
    {"prefix", "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host", ERR_PROTO, ERR_PROTO},
    {"nothing", "", ERR_PROTO, ERR_PROTO},
};

static void
candidates_are_filtered(void)
{
	char in[ICE_CANDIDATE_TEXT], out[ICE_CANDIDATE_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		int r;

		snprintf(in, sizeof(in), "%s", lines[i].line);
		r = ice_cand_check(in, sizeof(in), ICE_SCOPE_WORLD, out);
		if (r != lines[i].plain)
			printf("# %s\n", lines[i].what);
		CHECK_EQ(r, lines[i].plain);
		CHECK_EQ(ice_cand_check(in, sizeof(in), ICE_SCOPE_LOOPBACK, out),
			 lines[i].loopback);
	}
}

static void
scopes(void)
{
	static const char *const link_local[] = {"169.254.0.1", "fe80::1", "febf::1",
						 "fe80::1%eth0"};
	static const char *const others[] = {"169.253.0.1", "fec0::1", "127.0.0.1", "",
					     "fe80"};
	char in[ICE_CANDIDATE_TEXT], out[ICE_CANDIDATE_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(link_local); i++)
		CHECK(ice_cand_is_link_local(link_local[i]));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		CHECK(!ice_cand_is_link_local(others[i]));
	for (size_t i = 0; i < 3; i++) {
		snprintf(in, sizeof(in), "candidate:1 1 UDP 1 %s 1 typ host",
			 link_local[i]);
		CHECK_EQ(ice_cand_check(in, sizeof(in), ICE_SCOPE_LINK, out), ERR_OK);
	}
	CHECK_EQ(ice_cand_check("candidate:1 1 UDP 1 127.0.0.1 1 typ host", 60,
				ICE_SCOPE_LINK, out),
		 ERR_REFUSED);
}

/* A host's port at its router's address. */
static void
forwarded_ports(void)
{
	const char *host = "candidate:7 1 UDP 5 10.0.0.7 4711 typ host";
	const char *six = "candidate:7 1 UDP 5 fd00::7 4711 typ host";
	char out[ICE_CANDIDATE_TEXT];

	CHECK(ice_cand_forwarded(host, "192.0.2.1", out));
	CHECK(strcmp(out, "candidate:f7 1 UDP 1694498815 192.0.2.1 4711 typ srflx") == 0);
	CHECK(!ice_cand_forwarded(host, "2001:db8::1", out));
	CHECK(ice_cand_forwarded(six, "2001:db8::1", out));
	CHECK(!ice_cand_forwarded("candidate:7 1 UDP 5 10.0.0.7 4711 typ relay",
				  "192.0.2.1", out));
	CHECK(!ice_cand_forwarded("candidate:7", "192.0.2.1", out));
	CHECK(ice_cand_is_at(host, "10.0.0.7"));
	CHECK(!ice_cand_is_at(host, "10.0.0.8"));
	CHECK(ice_cand_is_at(six, "fd00:0::7"));
	CHECK(!ice_cand_is_at(six, "lab"));
}

/* What libnice sees is short, and what we wrote. */
static void
candidates_are_rewritten(void)
{
	char in[ICE_CANDIDATE_TEXT] =
	    "candidate:7 1 udp 5 192.0.2.1 4711 typ srflx raddr host.local rport 9";
	char out[ICE_CANDIDATE_TEXT];

	CHECK_EQ(ice_cand_check(in, sizeof(in), ICE_SCOPE_WORLD, out), ERR_OK);
	CHECK(strcmp(out, "candidate:7 1 UDP 5 192.0.2.1 4711 typ srflx") == 0);
	memset(in, 'x', sizeof(in)); /* no NUL */
	CHECK_EQ(ice_cand_check(in, sizeof(in), ICE_SCOPE_WORLD, out), ERR_PROTO);
	memcpy(in, "candidate:", 10);
	CHECK_EQ(ice_cand_check(in, sizeof(in), ICE_SCOPE_WORLD, out), ERR_PROTO);
}

static void
remote_is_checked(void)
{
	static const struct {
		const char *ufrag, *pwd, *line;
		int want;
	} told[] = {
	    {"abc", "0123456789012345678901", "192.0.2.1", ERR_PROTO},
	    {"abcd", "012345678901234567890", "192.0.2.1", ERR_PROTO},
	    {"ab:d", "0123456789012345678901", "192.0.2.1", ERR_PROTO},
	    {"abcd", "0123456789012345678901", "224.0.0.1", ERR_OK}, /* left out */
	    {"abcd", "0123456789012345678901", "host.lan", ERR_OK},
	    {"abcd", "012345678901234567890\n", "127.0.0.1", ERR_PROTO},
	    {"abcd", "0123456789012345678901", "127.0.0.1", ERR_OK},
	};
	struct fixture f;
	struct ice_conf conf = {.address = {"127.0.0.1"}, .addresses = 1};
	struct ice_desc d;

	setup(&f);
	f.a.ice = ice_new(f.pump, &conf, &ops, &f.a);
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		memset(&d, 0, sizeof(d));
		snprintf(d.ufrag, sizeof(d.ufrag), "%s", told[i].ufrag);
		snprintf(d.pwd, sizeof(d.pwd), "%s", told[i].pwd);
		snprintf(d.candidate[0], sizeof(d.candidate[0]),
			 "candidate:1 1 UDP 1 %s 9 typ host", told[i].line);
		d.n = 1;
		CHECK_EQ(ice_remote(f.a.ice, &d), told[i].want);
	}
	memset(&d, 'x', sizeof(d));
	CHECK_EQ(ice_remote(f.a.ice, &d), ERR_PROTO);
	teardown(&f);
}

/* Only what can be found without asking anybody: no name server in a test. */
static void
names_are_looked_up(void)
{
	struct ice_servers servers = {.stun = {"localhost", 9}, .turns = 2};
	struct ice_conf conf = {.address = {"127.0.0.1"}, .addresses = 1};
	struct fixture f;

	strcpy(servers.turn[0].host, "no-such-name.invalid");
	strcpy(servers.turn[1].host, "localhost");
	servers.turn[0].port = servers.turn[1].port = 9;
	setup(&f);
	conf.servers = &servers;
	CHECK(ice_new(f.pump, &conf, &ops, &f.a) == NULL); /* with nobody to ask */
	conf.base = f.base;
	f.a.ice = ice_new(f.pump, &conf, &ops, &f.a);
	CHECK(f.a.ice != NULL);
	while (f.a.count[GATHERED] == 0)
		event_base_loop(f.base, EVLOOP_ONCE);
	CHECK(strstr(f.a.desc.candidate[0], " typ host") != NULL);
	ice_free(f.a.ice);
	f.a.ice = ice_new(f.pump, &conf, &ops, &f.a);
	teardown(&f); /* while it looks */
}

static bool
a_failed(struct fixture *f)
{
	return f->a.count[FAILED] > 0;
}

/* It fails when all is told, not before. */
static void
a_peer_without_addresses(void)
{
	struct ice_conf conf = {.address = {"127.0.0.1"}, .addresses = 1};
	struct ice_desc d = {.ufrag = "abcd", .pwd = "0123456789012345678901"};
	struct fixture f;

	setup(&f);
	f.a.ice = ice_new(f.pump, &conf, &ops, &f.a);
	while (f.a.count[LAST] == 0)
		event_base_loop(f.base, EVLOOP_ONCE);
	CHECK_EQ(ice_remote(f.a.ice, &d), ERR_OK);
	CHECK_EQ(ice_remote_more(f.a.ice, "candidate:1 1 UDP 1 224.0.0.1 1 typ host"),
		 ERR_OK);
	CHECK_EQ(ice_remote_more(f.a.ice, "nonsense"), ERR_PROTO);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(f.a.count[FAILED], 0);
	ice_remote_last(f.a.ice);
	CHECK(run(&f, a_failed, 5));
	teardown(&f);
}

static bool
both_failed(struct fixture *f)
{
	return f->a.count[FAILED] > 0 && f->b.count[FAILED] > 0;
}

/* A wrong password never connects, and fails (5 s); free works in that op too. */
static void
failures(void)
{
	struct fixture f;

	setup(&f);
	f.a.free_in = FAILED;
	f.a.bad_pwd = f.b.bad_pwd = true;
	begin(&f, "127.0.0.1");
	CHECK(run(&f, both_failed, 30));
	CHECK(f.a.ice == NULL && f.b.ice != NULL);
	CHECK_EQ(f.a.count[CONNECTED] + f.b.count[CONNECTED], 0);
	CHECK_EQ(f.a.count[PACKET] + f.b.count[PACKET], 0);
	teardown(&f);
}

TEST_MAIN(TEST(candidates_are_filtered), TEST(candidates_are_rewritten), TEST(scopes),
	  TEST(forwarded_ports), TEST(names_are_looked_up),
	  TEST(a_peer_without_addresses), TEST(remote_is_checked),
	  TEST(bad_addresses_are_refused), TEST(pair_on_ipv4), TEST(pair_on_ipv6),
	  TEST(work_of_a_turn_is_bounded), TEST(port_range_is_kept),
	  TEST(free_in_each_op), TEST(free_in_op_then_everything), TEST(failures))
