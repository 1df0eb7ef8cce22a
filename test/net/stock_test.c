/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: net core */
/* clang-format on */
/*
 * Our listener and our dialler on loopback, and clients of the test's own that
 * speak badly.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "net/stock.h"
#include "net/tcp_addr.h"
#include "test/test.h"

static const struct devinfo stick = {.busid = "v-1",
				     .busnum = 255,
				     .devnum = 1,
				     .speed = DEVINFO_HIGH,
				     .vid = 0x1d6b,
				     .pid = 0x0104,
				     .ifs = 1,
				     .iface = {{8, 6, 80}}};

enum { NO = 1, YES, LATER };

static struct event_base *base;
static struct pool pool;
static struct stock_listener *listener;
static struct stock_conn *waiting;
static struct stock_dial *dial;
static unsigned seen, asked, lefts, dones;
static struct devinfo got;
static char wish[64], peer[TCP_ADDR_TEXT];
static int says, err_got, fd_got, fd_given;

static const struct devinfo *
on_list(void *arg, unsigned i)
{
	(void)arg;
	return i < 2 ? &stick : NULL;
}

static void
on_ask(void *arg, struct stock_conn *c, const char *busid)
{
	(void)arg;
	asked++;
	snprintf(wish, sizeof(wish), "%s", busid);
	snprintf(peer, sizeof(peer), "%s", stock_conn_peer(c));
	if (says == NO)
		stock_no(c, USBIP_OP_BUSY);
	else if (says == YES)
		CHECK_EQ(stock_yes(c, &stick, &fd_given), ERR_OK);
	else
		waiting = c;
	if (says == LATER)
		event_base_loopbreak(base);
}

static void
on_left(void *arg, struct stock_conn *c)
{
	(void)arg;
	CHECK(c == waiting);
	waiting = NULL;
	lefts++;
	event_base_loopbreak(base);
}

static const struct stock_ops ops = {on_list, on_ask, on_left};

static void
on_device(void *arg, const struct devinfo *d)
{
	(void)arg;
	seen++;
	got = *d;
}

static void
on_done(void *arg, int err, int fd)
{
	(void)arg;
	dones++;
	err_got = err;
	fd_got = fd;
	stock_dial_free(dial);
	dial = NULL;
	event_base_loopbreak(base);
}

static const struct stock_dial_ops dial_ops = {on_device, on_done};

static void
setup(void)
{
	const struct stock_allow nobody = {0};
	char why[256];

	pool = (struct pool)TEST_POOL(65536);
	seen = asked = lefts = dones = 0;
	says = YES;
	err_got = 1;
	fd_got = fd_given = -1;
	waiting = NULL;
	base = event_base_new();
	CHECK_EQ(stock_listen(&listener, base, &pool, "127.0.0.1:0", &nobody, &ops, NULL,
			      why, sizeof(why)),
		 ERR_OK);
}

static void
teardown(void)
{
	stock_listener_free(listener);
	stock_dial_free(dial);
	dial = NULL;
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	if (fd_got >= 0)
		close(fd_got);
	if (fd_given >= 0)
		close(fd_given);
	CHECK_EQ(pool.used, 0);
}

/* Until a callback says that it is enough. */
static void
run(void)
{
	const struct timeval limit = {30, 0};

	event_base_loopexit(base, &limit);
	event_base_dispatch(base);
	CHECK(event_base_got_break(base));
}

static void
call(const char *busid)
{
	dial = stock_dial(base, NULL, stock_listener_where(listener), busid, &dial_ops,
			  NULL);
	CHECK(dial != NULL);
	run();
}

static void
lists(void)
{
	setup();
	call(NULL);
	CHECK_EQ(err_got, ERR_OK);
	CHECK_EQ(fd_got, -1);
	CHECK_EQ(seen, 2);
	CHECK(memcmp(&got, &stick, sizeof(got)) == 0);
	CHECK_EQ(asked, 0);
	teardown();
}

static int
option(int fd, int name)
{
	int v = -1;
	socklen_t n = sizeof(v);

	getsockopt(fd, IPPROTO_TCP, name, &v, &n);
	return v;
}

/* Both sockets are joined, and notice within 15 s when the other end is gone. */
static void
joined(void)
{
	const int fds[2] = {fd_got, fd_given};
	char b[6] = "";

	CHECK_EQ(err_got, ERR_OK);
	CHECK(fd_got >= 0 && fd_given >= 0);
	CHECK_EQ(write(fd_got, "hello", 6), 6);
	CHECK_EQ(recv(fd_given, b, 6, MSG_WAITALL), 6);
	CHECK_EQ(write(fd_given, "world", 6), 6);
	CHECK_EQ(recv(fd_got, b, 6, MSG_WAITALL), 6);
	CHECK(strcmp(b, "world") == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(option(fds[i], TCP_USER_TIMEOUT) <= 15000);
		CHECK(option(fds[i], TCP_KEEPIDLE) + 2 * option(fds[i], TCP_KEEPINTVL) <=
		      15);
	}
}

static void
imports(void)
{
	setup();
	call("v-1");
	CHECK(strcmp(wish, "v-1") == 0 && strncmp(peer, "127.0.0.1:", 10) == 0);
	CHECK_EQ(seen, 1);
	joined();
	teardown();
}

static void
imports_later(void)
{
	setup();
	says = LATER;
	call("v-1");
	CHECK_EQ(dones, 0);
	CHECK(waiting != NULL);
	CHECK_EQ(stock_yes(waiting, &stick, &fd_given), ERR_OK);
	run();
	joined();
	CHECK_EQ(lefts, 0);
	teardown();
}

static void
refused(void)
{
	setup();
	says = NO;
	call("v-1");
	CHECK_EQ(err_got, ERR_BUSY);
	says = LATER;
	call("v-1");
	stock_no(waiting, USBIP_OP_NODEV);
	run();
	CHECK_EQ(err_got, ERR_NODEV);
	CHECK_EQ(dones, 2);
	CHECK_EQ(fd_got, -1);
	teardown();
}

/* The client goes away while it waits. */
static void
leaves(void)
{
	setup();
	says = LATER;
	call("v-1");
	stock_dial_free(dial);
	dial = NULL;
	run();
	CHECK_EQ(lefts, 1);
	CHECK_EQ(dones, 0);
	teardown();
}

/* The listener goes away while one waits. */
static void
sent_away(void)
{
	setup();
	says = LATER;
	call("v-1");
	stock_listener_free(listener);
	listener = NULL;
	run();
	CHECK_EQ(dones, 1);
	CHECK_EQ(err_got, ERR_CLOSED);
	CHECK_EQ(lefts, 0);
	teardown();
}

static void
nobody_there(void)
{
	char where[TCP_ADDR_TEXT];

	setup();
	snprintf(where, sizeof(where), "%s", stock_listener_where(listener));
	stock_listener_free(listener);
	listener = NULL;
	dial = stock_dial(base, NULL, where, NULL, &dial_ops, NULL);
	run();
	CHECK_EQ(err_got, ERR_UNREACHABLE);
	CHECK(stock_dial(base, NULL, where, "", &dial_ops, NULL) == NULL);
	teardown();
}

static int
raw_client(void)
{
	struct sockaddr_storage ss;
	struct tcp_where w;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_EQ(tcp_where_split(&w, stock_listener_where(listener)), ERR_OK);
	CHECK(tcp_where_numeric(&w, &ss));
	CHECK_EQ(connect(fd, (struct sockaddr *)&ss, sizeof(struct sockaddr_in)), 0);
	return fd;
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(base);
}

/* What a client gets that sends these bytes; -1: nothing but the end. */
static ssize_t
answer_to(const char *bytes, size_t n, uint8_t *buf, size_t cap)
{
	int fd = raw_client();
	struct event *ev = event_new(base, fd, EV_READ, on_client, NULL);
	ssize_t r;

	event_add(ev, NULL);
	CHECK_EQ(write(fd, bytes, n), n);
	run();
	r = recv(fd, buf, cap, 0);
	if (r > 0) { /* and that was all */
		event_add(ev, NULL);
		run();
		CHECK_EQ(recv(fd, buf + r, cap - (size_t)r, MSG_DONTWAIT), 0);
	}
	event_free(ev);
	close(fd);
	return r;
}

static void
bad_clients(void)
{
	static const char more[8 + 32 + 48] = {1, 0x11, (char)0x80, 3, 0, 0, 0, 0, 'v'};
	uint8_t b[64];

	setup();
	CHECK(answer_to("GET / HTTP/1.1\r\n", 16, b, sizeof(b)) <= 0);
	CHECK(answer_to("\1\6\200\5\0\0\0\0", 8, b, sizeof(b)) <= 0);
	CHECK(answer_to(more, sizeof(more), b, sizeof(b)) <= 0);
	CHECK_EQ(asked, 0);
	says = NO;
	CHECK_EQ(answer_to(more, 40, b, sizeof(b)), 8);
	CHECK_EQ(b[7], USBIP_OP_BUSY);
	call(NULL); /* it still answers */
	CHECK_EQ(seen, 2);
	teardown();
}

static void
addresses(void)
{
	static const struct {
		const char *text, *where;
	} table[] = {{"10.0.0.1", "10.0.0.1:3240"},
		     {"10.0.0.1:99", "10.0.0.1:99"},
		     {"lab.example", "lab.example:3240"},
		     {"::1", "[::1]:3240"},
		     {"[::1]", "[::1]:3240"},
		     {"[fe80::1]:99", "[fe80::1]:99"},
		     {"", NULL},
		     {"a:b", NULL},
		     {"1.2.3.4:70000", NULL}};
	char where[STOCK_WHERE];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int err = stock_where(where, table[i].text);

		CHECK_EQ(err == ERR_OK, table[i].where != NULL);
		if (err == ERR_OK && table[i].where != NULL)
			CHECK(strcmp(where, table[i].where) == 0);
	}
}

static void
uris(void)
{
	static const struct {
		const char *text, *where, *busid;
	} table[] = {{"usbip://lab", "lab:3240", ""},
		     {"usbip://lab/", "lab:3240", ""},
		     {"usbip://lab:99/1-4.2", "lab:99", "1-4.2"},
		     {"usbip://[::1]/v-1", "[::1]:3240", "v-1"},
		     {"usbip://", NULL, NULL},
		     {"usbip:///1-1", NULL, NULL},
		     {"usbip://lab/1-1/2", NULL, NULL},
		     {"usbip://lab/12345678901234567890123456789012", NULL, NULL},
		     {"usbip:lab", NULL, NULL},
		     {"http://lab", NULL, NULL}};
	char where[STOCK_WHERE], busid[USBIP_OP_BUSID];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int err = stock_uri(table[i].text, where, busid);

		CHECK_EQ(err == ERR_OK, table[i].where != NULL);
		if (err == ERR_OK && table[i].where != NULL)
			CHECK(strcmp(where, table[i].where) == 0 &&
			      strcmp(busid, table[i].busid) == 0);
	}
}

static void
who_may_come(void)
{
	static const char *const bad[] = {
	    "",       "x",     "10.0.0.0/33", "10.0.0.0/", "10.0.0/8",
	    "::/129", "lab/8", "[::1]",       "1.2.3.4:5", "10.0.0.0/-1"};
	static const struct {
		const char *where;
		bool may;
	} table[] = {
	    {"127.0.0.1:5", true},        {"[::1]:5", true},       {"10.1.2.3:5", true},
	    {"11.1.2.3:5", false},        {"192.0.2.7:5", true},   {"192.0.2.6:5", false},
	    {"[fd12::1]:5", true},        {"[fe80::1]:5", false},  {"172.16.5.9:5", true},
	    {"172.24.0.1:5", true},       {"172.32.0.1:5", false}, {"lab:5", false},
	    {"[::ffff:10.9.9.9]:5", true}};
	struct stock_allow a = {0};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(stock_allow_add(&a, bad[i]), ERR_USAGE);
	CHECK(!stock_allow_has(&a, "10.1.2.3:5") && stock_allow_has(&a, "127.0.0.1:5"));
	CHECK_EQ(stock_allow_add(&a, "10.0.0.0/8"), ERR_OK);
	CHECK_EQ(stock_allow_add(&a, "192.0.2.7"), ERR_OK);
	CHECK_EQ(stock_allow_add(&a, "fd00::/8"), ERR_OK);
	CHECK_EQ(stock_allow_add(&a, "172.16.0.0/12"), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		CHECK_EQ(stock_allow_has(&a, table[i].where), table[i].may);
	CHECK_EQ(stock_allow_add(&a, "0.0.0.0/0"), ERR_OK);
	CHECK(stock_allow_has(&a, "11.1.2.3") && !stock_allow_has(&a, "fe80::1"));
	while (a.n < STOCK_NETS)
		CHECK_EQ(stock_allow_add(&a, "::/0"), ERR_OK);
	CHECK_EQ(stock_allow_add(&a, "::/0"), ERR_FULL);
}

static void
not_to_everybody(void)
{
	static const char *const where[] = {"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0"};
	const struct stock_allow nobody = {0};
	char why[256];

	setup();
	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		struct stock_listener *l;

		CHECK_EQ(stock_listen(&l, base, &pool, where[i], &nobody, &ops, NULL, why,
				      sizeof(why)),
			 ERR_USAGE);
		CHECK(l == NULL && strstr(why, "--usbip-allow") != NULL);
	}
	teardown();
}

TEST_MAIN(TEST(lists), TEST(imports), TEST(imports_later), TEST(refused), TEST(leaves),
	  TEST(sent_away), TEST(nobody_there), TEST(bad_clients), TEST(addresses),
	  TEST(uris), TEST(who_may_come), TEST(not_to_everybody))
