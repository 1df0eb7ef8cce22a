/* SPDX-License-Identifier: ISC */
/* link: net core */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>

#include "net/clock.h"
#include "net/tcp.h"
#include "net/tcp_addr.h"
#include "net/tcp_conn.h"
#include "test/test.h"

enum { CONNECTED, DATA, CLOSED, ACCEPTED, NEVER };

struct fixture;

struct end {
	struct fixture *f;
	struct tcp *tcp;
	int connected, closed, err;
	size_t got;
	uint8_t sum;
	int free_in;   /* the op that frees it */
	int data_says; /* what data returns */
	bool echo;
};

struct fixture {
	struct event_base *base;
	struct event *limit;
	struct tcp_listener *listener;
	char port[TCP_ADDR_TEXT]; /* "127.0.0.1:12345" */
	struct end a, b;          /* who dials, who was accepted last */
	int accepted;
	bool take, late, free_listener;
};

static bool
gone(struct end *e, int op)
{
	if (e->free_in != op)
		return false;
	tcp_free(e->tcp);
	e->tcp = NULL;
	return true;
}

static void
on_connected(void *arg)
{
	struct end *e = arg;

	e->connected++;
	gone(e, CONNECTED);
}

static int
on_data(void *arg, const uint8_t *p, size_t n)
{
	struct end *e = arg;

	e->got += n;
	for (size_t i = 0; i < n; i++)
		e->sum = (uint8_t)(e->sum * 31 + p[i]);
	if (e->echo)
		tcp_write(e->tcp, p, n);
	gone(e, DATA);
	return e->data_says;
}

static void
on_closed(void *arg, int err)
{
	struct end *e = arg;

	e->closed++;
	e->err = err;
	gone(e, CLOSED);
}

static const struct tcp_ops ops = {on_connected, on_data, on_closed};

static void
on_accepted(void *arg, struct tcp *t)
{
	struct fixture *f = arg;

	f->accepted++;
	if (f->take) {
		f->b.tcp = t;
		tcp_take(t, &ops, &f->b);
	}
	gone(&f->b, ACCEPTED);
	if (f->free_listener) {
		tcp_listener_free(f->listener);
		f->listener = NULL;
	}
}

static const struct tcp_listener_ops listener_ops = {on_accepted};

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct fixture *)arg)->late = true;
}

static void
listen_on(struct fixture *f, const char *where)
{
	char why[200] = "";

	CHECK_EQ(
	    tcp_listen(&f->listener, f->base, where, &listener_ops, f, why, sizeof(why)),
	    ERR_OK);
	CHECK(strcmp(why, "") == 0);
	snprintf(f->port, sizeof(f->port), "%s", tcp_listener_where(f->listener));
}

static void
setup(struct fixture *f)
{
	struct event_config *c = event_config_new();

	memset(f, 0, sizeof(*f));
	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	f->base = event_base_new_with_config(c);
	event_config_free(c);
	f->limit = event_new(f->base, -1, 0, give_up, f);
	f->a = f->b = (struct end){.f = f, .free_in = NEVER};
	f->take = true;
	listen_on(f, "127.0.0.1:0");
}

static void
teardown(struct fixture *f)
{
	tcp_free(f->a.tcp);
	tcp_free(f->b.tcp);
	tcp_listener_free(f->listener);
	event_free(f->limit);
	event_base_free(f->base);
}

static void
dial(struct fixture *f, const char *where)
{
	f->a.tcp = tcp_dial(f->base, NULL, where, &ops, &f->a);
	CHECK_EQ(f->a.connected + f->a.closed, 0);
}

/* Runs the loop until the condition holds, at most for 30 s. */
#define RUN(f, condition)                                        \
	do {                                                     \
		const struct timeval tv = {30, 0};               \
		(f)->late = false;                               \
		event_add((f)->limit, &tv);                      \
		while (!(condition) && !(f)->late)               \
			event_base_loop((f)->base, EVLOOP_ONCE); \
		event_del((f)->limit);                           \
		CHECK(condition);                                \
	} while (0)

static void
connect_pair(struct fixture *f)
{
	dial(f, f->port);
	RUN(f, f->a.connected == 1 && f->b.tcp != NULL);
}

/* A socket of ours that the module does not know. */
static int
knock_with(struct fixture *f, int rcvbuf)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (rcvbuf != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(strrchr(f->port, ':') + 1));
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
	      errno == EINPROGRESS);
	return fd;
}

static int
knock(struct fixture *f)
{
	return knock_with(f, 0);
}

/* Whether the other end closed it. */
static bool
closed(int fd)
{
	char b;
	ssize_t n = recv(fd, &b, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

static void
bytes_come_back(void)
{
	static uint8_t bytes[100000];
	struct fixture f;
	uint8_t sum = 0;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 256);
		sum = (uint8_t)(sum * 31 + bytes[i]);
	}
	setup(&f);
	f.b.echo = true;
	dial(&f, f.port);
	tcp_write(f.a.tcp, bytes, 1); /* before it is connected */
	RUN(&f, f.a.connected == 1);
	for (size_t i = 1; i < 100; i++)
		tcp_write(f.a.tcp, bytes + i, 1);
	tcp_write(f.a.tcp, bytes + 100, sizeof(bytes) - 100);
	RUN(&f, f.a.got == sizeof(bytes));
	CHECK_EQ(f.a.sum, sum);
	CHECK_EQ(f.b.got, sizeof(bytes));
	CHECK(strcmp(tcp_peer(f.a.tcp), f.port) == 0);
	CHECK(strcmp(tcp_local_ip(f.a.tcp), "127.0.0.1") == 0);
	CHECK(strncmp(tcp_peer(f.b.tcp), "127.0.0.1:", 10) == 0);
	CHECK(strcmp(tcp_local_ip(f.b.tcp), "127.0.0.1") == 0);
	tcp_free(f.a.tcp);
	f.a.tcp = NULL;
	RUN(&f, f.b.closed == 1);
	CHECK_EQ(f.b.err, ERR_CLOSED);
	teardown(&f);
}

static void
refused_dial_ends_soon(void)
{
	struct fixture f;
	uint64_t start = clock_us();

	setup(&f);
	tcp_listener_free(f.listener);
	f.listener = NULL;
	dial(&f, f.port);
	RUN(&f, f.a.closed == 1);
	CHECK_EQ(f.a.err, ERR_UNREACHABLE);
	CHECK_EQ(f.a.connected, 0);
	CHECK(clock_us() - start < 1000000);
	teardown(&f);
}

static void
bad_text_is_usage(void)
{
	static const char *const bad[] = {
	    "",          ":",     ":80",   "a:b",          "a:",      "a:65536",
	    "a:0",       "a:-1",  "[::1",  "[::1]80",      "[::1]:x", "[1.2.3.4",
	    "1.2.3.4.5", "1.2.3", "a b:1", "a..b",         ".a",      "a/b",
	    "user@host", "::1::", "a:b:c", "[localhost]x", "\x01",    "127.0.0.1:80x",
	};
	char longest[400];
	struct fixture f;

	setup(&f);
	memset(longest, 'a', sizeof(longest));
	longest[399] = '\0';
	for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
		const char *where = i < ARRAY_LEN(bad) ? bad[i] : longest;

		f.a.closed = 0;
		dial(&f, where);
		RUN(&f, f.a.closed == 1);
		if (f.a.err != ERR_USAGE)
			printf("# \"%s\"\n", where);
		CHECK_EQ(f.a.err, ERR_USAGE);
		tcp_free(f.a.tcp);
		f.a.tcp = NULL;
	}
	teardown(&f);
}

static void
where_is_cut(void)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} t[] = {
	    {"host", "host", TCP_PORT},
	    {"host:1", "host", 1},
	    {"1.2.3.4:65535", "1.2.3.4", 65535},
	    {"[::1]:80", "::1", 80},
	    {"[::1]", "::1", TCP_PORT},
	    {"::1", "::1", TCP_PORT},
	    {":80", "", 80},
	    {"", "", TCP_PORT},
	    {"fe80::1%lo", "fe80::1%lo", TCP_PORT},
	};
	struct tcp_where w;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_EQ(tcp_where_split(&w, t[i].text), ERR_OK);
		CHECK(strcmp(w.host, t[i].host) == 0);
		CHECK_EQ(w.port, t[i].port);
	}
}

static void
loopback_is_known(void)
{
	static const char *const yes[] = {
	    "127.0.0.1", "127.1.2.3:80", "[::1]",       "[::1]:13240",
	    "::1",       "localhost",    "LocalHost:1", "[::ffff:127.0.0.1]:1"};
	static const char *const no[] = {"",          "192.0.2.1", "localhost.example",
					 "128.0.0.1", "[::2]:1",   "127.0.0.1.example:1",
					 "0.0.0.0",   "[::]",      "localhost:x"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		CHECK(tcp_is_loopback(yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		CHECK(!tcp_is_loopback(no[i]));
}

/* localhost is ::1, where nobody listens, and then 127.0.0.1. */
static void
next_address_is_tried(void)
{
	struct fixture f;
	char where[TCP_ADDR_TEXT];

	setup(&f);
	snprintf(where, sizeof(where), "localhost%s", strrchr(f.port, ':'));
	dial(&f, where);
	RUN(&f, f.a.connected == 1);
	CHECK(strcmp(tcp_peer(f.a.tcp), f.port) == 0);
	teardown(&f);
}

/* A listener whose backlog is full drops SYNs: nobody answers there. */
static int
dead_end(char where[TCP_ADDR_TEXT], int family, int knocks[3])
{
	struct sockaddr_storage ss = {.ss_family = (sa_family_t)family};
	socklen_t n = sizeof(ss);
	int fd = socket(family, SOCK_STREAM, 0);

	if (family == AF_INET)
		((struct sockaddr_in *)&ss)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&ss)->sin6_addr = in6addr_loopback;
	CHECK_EQ(bind(fd, (struct sockaddr *)&ss,
		      family == AF_INET ? sizeof(struct sockaddr_in)
					: sizeof(struct sockaddr_in6)),
		 0);
	CHECK_EQ(listen(fd, 0), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	tcp_addr_text(&ss, true, where);
	for (int i = 0; i < 3; i++) {
		knocks[i] = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(knocks[i], (struct sockaddr *)&ss, n);
	}
	return fd;
}

static void
silent_address_is_given_up(void)
{
	struct fixture f;
	char where[TCP_ADDR_TEXT];
	int knocks[3], fd = dead_end(where, AF_INET, knocks);

	setup(&f);
	dial(&f, where);
	tcp_set_patience(f.a.tcp, 100000);
	RUN(&f, f.a.closed == 1);
	CHECK_EQ(f.a.err, ERR_UNREACHABLE);
	CHECK_EQ(f.a.connected, 0);
	teardown(&f);
	close(fd);
	for (int i = 0; i < 3; i++)
		close(knocks[i]);
}

/* ::1 is silent; 127.0.0.1 with the same port has a listener. */
static void
silent_address_then_the_next(void)
{
	struct fixture f;
	char dead[TCP_ADDR_TEXT], where[TCP_ADDR_TEXT];
	int knocks[3], fd = dead_end(dead, AF_INET6, knocks);

	setup(&f);
	tcp_listener_free(f.listener);
	snprintf(where, sizeof(where), "127.0.0.1%s", strrchr(dead, ':'));
	listen_on(&f, where);
	snprintf(where, sizeof(where), "localhost%s", strrchr(dead, ':'));
	dial(&f, where);
	tcp_set_patience(f.a.tcp, 100000);
	RUN(&f, f.a.connected == 1);
	CHECK(strcmp(tcp_peer(f.a.tcp), f.port) == 0);
	teardown(&f);
	close(fd);
	for (int i = 0; i < 3; i++)
		close(knocks[i]);
}

/* A nameserver of ours: knows good.test (two addresses), is silent otherwise. */
struct nameserver {
	struct evdns_base *dns;
	struct evdns_server_port *port;
	int fd, asked;
};

static void
on_question(struct evdns_server_request *r, void *arg)
{
	struct nameserver *n = arg;
	const uint32_t a[2] = {htonl(0x7f000002), htonl(INADDR_LOOPBACK)};

	n->asked++;
	if (strncasecmp(r->questions[0]->name, "good", 4) != 0) {
		evdns_server_request_drop(r);
		return;
	}
	if (r->questions[0]->type == EVDNS_TYPE_A)
		evdns_server_request_add_a_reply(r, r->questions[0]->name, 2, a, 60);
	evdns_server_request_respond(r, 0);
}

static void
nameserver_start(struct nameserver *n, struct fixture *f)
{
	struct sockaddr_in me = {.sin_family = AF_INET};
	socklen_t len = sizeof(me);

	me.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(n, 0, sizeof(*n));
	n->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CHECK_EQ(bind(n->fd, (struct sockaddr *)&me, sizeof(me)), 0);
	CHECK_EQ(getsockname(n->fd, (struct sockaddr *)&me, &len), 0);
	n->port = evdns_add_server_port_with_base(f->base, n->fd, 0, on_question, n);
	n->dns = evdns_base_new(f->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	CHECK_EQ(evdns_base_nameserver_sockaddr_add(n->dns, (struct sockaddr *)&me,
						    sizeof(me), 0),
		 0);
}

static void
nameserver_stop(struct nameserver *n, struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	evdns_base_free(n->dns, 1);
	evdns_close_server_port(n->port);
	close(n->fd);
}

static void
dial_name(struct fixture *f, struct nameserver *n, const char *host)
{
	char where[TCP_ADDR_TEXT];

	snprintf(where, sizeof(where), "%s%s", host, strrchr(f->port, ':'));
	f->a.tcp = tcp_dial(f->base, n->dns, where, &ops, &f->a);
}

/* 127.0.0.2 refuses, 127.0.0.1 does not. */
static void
name_is_looked_up(void)
{
	struct fixture f;
	struct nameserver n;

	setup(&f);
	nameserver_start(&n, &f);
	dial_name(&f, &n, "good.test");
	RUN(&f, f.a.connected == 1);
	CHECK(strcmp(tcp_peer(f.a.tcp), f.port) == 0);
	CHECK(n.asked >= 2); /* A and AAAA */
	tcp_free(f.a.tcp);
	f.a.tcp = NULL;
	nameserver_stop(&n, &f);
	teardown(&f);
}

static void
silent_nameserver(void)
{
	struct fixture f;
	struct nameserver n;

	setup(&f);
	nameserver_start(&n, &f);
	dial_name(&f, &n, "bad.test");
	tcp_set_patience(f.a.tcp, 100000);
	RUN(&f, f.a.closed == 1);
	CHECK_EQ(f.a.err, ERR_UNREACHABLE);
	CHECK(n.asked > 0);
	tcp_free(f.a.tcp); /* again, while it is looked up */
	dial_name(&f, &n, "bad.test");
	n.asked = 0;
	RUN(&f, n.asked > 0);
	tcp_free(f.a.tcp);
	f.a.tcp = NULL;
	nameserver_stop(&n, &f);
	teardown(&f);
}

static void
no_resolver_is_unreachable(void)
{
	struct fixture f;

	setup(&f);
	dial(&f, "name.test:1");
	RUN(&f, f.a.closed == 1);
	CHECK_EQ(f.a.err, ERR_UNREACHABLE);
	teardown(&f);
}

static void
free_in_each_op(void)
{
	struct fixture f;

	for (int op = CONNECTED; op <= ACCEPTED; op++) {
		setup(&f);
		f.a.free_in = op == CONNECTED ? op : NEVER;
		f.b.free_in = op == CONNECTED ? NEVER : op;
		dial(&f, f.port);
		tcp_write(f.a.tcp, "hello", 5);
		if (op == CONNECTED) {
			RUN(&f, f.a.tcp == NULL);
			CHECK_EQ(f.a.connected, 1);
			CHECK_EQ(f.a.closed, 0);
		} else {
			RUN(&f, f.accepted == 1 && (op != DATA || f.b.got == 5));
			if (op == CLOSED) {
				tcp_free(f.a.tcp);
				f.a.tcp = NULL;
				RUN(&f, f.b.closed == 1);
			}
			CHECK(f.b.tcp == NULL);
			CHECK_EQ(f.b.closed, op == CLOSED);
		}
		teardown(&f);
	}
}

/* A dial that fails, and the op frees it. */
static void
free_in_closed_of_a_dial(void)
{
	struct fixture f;

	setup(&f);
	f.a.free_in = CLOSED;
	dial(&f, "bad text");
	RUN(&f, f.a.closed == 1);
	CHECK(f.a.tcp == NULL);
	teardown(&f);
}

static void
free_before_anything(void)
{
	struct fixture f;

	setup(&f);
	dial(&f, f.port);
	teardown(&f);
	CHECK_EQ(f.a.connected + f.a.closed, 0);
}

static void
error_of_data_closes(void)
{
	struct fixture f;

	setup(&f);
	f.b.data_says = ERR_PROTO;
	connect_pair(&f);
	tcp_write(f.a.tcp, "x", 1);
	RUN(&f, f.b.closed == 1 && f.a.closed == 1);
	CHECK_EQ(f.b.err, ERR_PROTO);
	CHECK_EQ(f.a.err, ERR_CLOSED);
	teardown(&f);
}

/* Who never reads: what is queued for it has an end, and so has it. */
static void
output_is_capped(void)
{
	static uint8_t bytes[16384];
	struct fixture f;
	int fd, writes = 0;

	setup(&f);
	fd = knock(&f);
	RUN(&f, f.b.tcp != NULL);
	while (f.b.closed == 0 && writes < 10000) {
		tcp_write(f.b.tcp, bytes, sizeof(bytes));
		writes++;
		CHECK(writes > 16 || f.b.closed == 0);
		if (writes % 16 == 0)
			event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	CHECK_EQ(f.b.closed, 1);
	CHECK_EQ(f.b.err, ERR_FULL);
	close(fd);
	teardown(&f);
}

static void
output_cap_is_exact(void)
{
	static uint8_t bytes[TCP_OUT_MAX];
	struct fixture f;

	setup(&f);
	dial(&f, f.port); /* not connected yet: all of it stays queued */
	tcp_write(f.a.tcp, bytes, sizeof(bytes));
	RUN(&f, f.b.got == sizeof(bytes));
	tcp_write(f.a.tcp, bytes, 1);
	tcp_write(f.a.tcp, bytes, sizeof(bytes));
	CHECK_EQ(f.a.closed, 0); /* not from inside */
	RUN(&f, f.a.closed == 1);
	CHECK_EQ(f.a.err, ERR_FULL);
	teardown(&f);
}

/* All of it arrives, although the other end had sent something we did not read. */
static void
finish_delivers(void)
{
	static uint8_t bytes[200000];
	struct fixture f;

	setup(&f);
	connect_pair(&f);
	tcp_write(f.a.tcp, "unread", 6);
	tcp_write(f.b.tcp, bytes, sizeof(bytes));
	tcp_finish(f.b.tcp);
	tcp_finish(f.b.tcp);
	tcp_write(f.b.tcp, "late", 4);
	CHECK_EQ(f.b.closed, 0);
	RUN(&f, f.a.closed == 1 && f.b.closed == 1);
	CHECK_EQ(f.a.got, sizeof(bytes));
	CHECK_EQ(f.b.got, 0);
	CHECK_EQ(f.a.err, ERR_CLOSED);
	CHECK_EQ(f.b.err, ERR_CLOSED);
	teardown(&f);
}

/* Reads all there is; adds to *got. Whether that was the end. */
static bool
drain(int fd, size_t *got)
{
	static char bytes[65536];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		*got += (size_t)n;
	return n == 0;
}

static void
finish_waits_for_the_other_end(void)
{
	static uint8_t bytes[200000];
	struct fixture f;
	size_t got = 0;
	int fd;

	setup(&f);
	fd = knock(&f);
	RUN(&f, f.b.tcp != NULL);
	tcp_write(f.b.tcp, bytes, sizeof(bytes));
	tcp_finish(f.b.tcp);
	RUN(&f, drain(fd, &got));
	CHECK_EQ(got, sizeof(bytes));
	for (int i = 0; i < 3; i++)
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(f.b.closed, 0);
	close(fd);
	RUN(&f, f.b.closed == 1);
	CHECK_EQ(f.b.err, ERR_CLOSED);
	teardown(&f);
}

/* Who has finished itself still gets what was queued for it. */
static void
finish_of_both(void)
{
	static uint8_t bytes[TCP_OUT_MAX];
	struct fixture f;
	const int small = 4096;
	uint64_t start;
	size_t got = 0;
	int fd;

	setup(&f);
	fd = knock_with(&f, small);
	RUN(&f, f.b.tcp != NULL);
	setsockopt(f.b.tcp->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	tcp_write(f.b.tcp, bytes, sizeof(bytes)); /* more than the kernel takes */
	tcp_finish(f.b.tcp);
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	for (int i = 0; i < 3; i++)
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(f.b.closed, 0);
	start = clock_us();
	RUN(&f, drain(fd, &got) && f.b.closed == 1);
	CHECK(clock_us() - start < 1000000);
	CHECK_EQ(got, sizeof(bytes));
	CHECK_EQ(f.b.err, ERR_CLOSED);
	close(fd);
	teardown(&f);
}

static void
finish_has_an_end(void)
{
	static uint8_t bytes[TCP_OUT_MAX];
	struct fixture f;
	int fd, i;

	setup(&f);
	fd = knock(&f);
	RUN(&f, f.b.tcp != NULL);
	for (i = 0; i < 20; i++) { /* fill the kernel's buffers, a little at a time */
		tcp_write(f.b.tcp, bytes, sizeof(bytes) / 20);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	tcp_set_patience(f.b.tcp, 100000);
	tcp_finish(f.b.tcp);
	RUN(&f, f.b.closed == 1);
	CHECK_EQ(f.b.err, ERR_CLOSED);
	close(fd);
	teardown(&f);
}

static void
finish_while_dialling(void)
{
	struct fixture f;

	setup(&f);
	dial(&f, f.port);
	tcp_write(f.a.tcp, "never said", 10);
	tcp_finish(f.a.tcp);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(f.a.closed, 1);
	CHECK_EQ(f.a.err, ERR_CLOSED);
	CHECK_EQ(f.a.connected, 0);
	teardown(&f);
}

static const struct tcp_limits open_wide = {
    .gate = {64, 64, 100000, 100000}, .admit_us = 5000000, .pause_us = 50000};

static void
not_taken_is_closed(void)
{
	struct fixture f;
	int fd;

	setup(&f);
	f.take = false;
	fd = knock(&f);
	RUN(&f, closed(fd));
	CHECK_EQ(f.accepted, 1);
	close(fd);
	teardown(&f);
}

static void
one_accept_a_turn(void)
{
	struct fixture f;
	int fd[5];

	setup(&f);
	f.take = false;
	for (int i = 0; i < 5; i++)
		fd[i] = knock(&f);
	for (int i = 1; i <= 5; i++) {
		event_base_loop(f.base, EVLOOP_ONCE);
		CHECK(f.accepted <= i);
	}
	RUN(&f, f.accepted == 5);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	teardown(&f);
}

/* Takes every one, and keeps it. */
struct crowd {
	struct end end[100];
	int n;
	struct tcp_listener *listener;
};

static void
crowd_accepted(void *arg, struct tcp *t)
{
	struct crowd *c = arg;
	struct end *e = &c->end[c->n++];

	e->free_in = NEVER;
	e->tcp = t;
	tcp_take(t, &ops, e);
}

static void
crowd_begin(struct crowd *c, struct fixture *f, const struct tcp_limits *limits)
{
	static const struct tcp_listener_ops crowd_ops = {crowd_accepted};
	char why[200];

	memset(c, 0, sizeof(*c));
	setup(f);
	CHECK_EQ(tcp_listen(&c->listener, f->base, "127.0.0.1:0", &crowd_ops, c, why,
			    sizeof(why)),
		 ERR_OK);
	if (limits != NULL)
		tcp_listener_limit(c->listener, limits);
	snprintf(f->port, sizeof(f->port), "%s", tcp_listener_where(c->listener));
}

static void
crowd_end(struct crowd *c, struct fixture *f)
{
	for (int i = 0; i < c->n; i++)
		tcp_free(c->end[i].tcp);
	tcp_listener_free(c->listener);
	teardown(f);
}

/* Eight of one address, then the door is shut for it; who is admitted leaves room. */
static void
eight_of_an_address(void)
{
	struct fixture f;
	struct crowd c;
	int fd[11];

	crowd_begin(&c, &f, NULL);
	for (int i = 0; i < 9; i++)
		fd[i] = knock(&f);
	RUN(&f, closed(fd[8]));
	CHECK_EQ(c.n, 8);
	tcp_admitted(c.end[3].tcp);
	fd[9] = knock(&f);
	RUN(&f, c.n == 9);
	tcp_free(c.end[8].tcp); /* so does who goes */
	c.end[8].tcp = NULL;
	fd[10] = knock(&f);
	RUN(&f, c.n == 10);
	for (int i = 0; i < 11; i++)
		close(fd[i]);
	crowd_end(&c, &f);
}

static void
strangers_in_all(void)
{
	struct tcp_limits limits = open_wide;
	struct fixture f;
	struct crowd c;
	int fd[65];

	limits.gate.strangers = 64;
	crowd_begin(&c, &f, &limits);
	for (int i = 0; i < 65; i++)
		fd[i] = knock(&f);
	RUN(&f, closed(fd[64]));
	CHECK_EQ(c.n, 64);
	for (int i = 0; i < 65; i++)
		close(fd[i]);
	crowd_end(&c, &f);
}

static void
burst_is_limited(void)
{
	struct tcp_limits limits = open_wide;
	struct fixture f;
	struct crowd c;
	int fd[6];

	limits.gate.burst = 4;
	limits.gate.per_second = 20;
	crowd_begin(&c, &f, &limits);
	for (int i = 0; i < 5; i++)
		fd[i] = knock(&f);
	RUN(&f, closed(fd[4]));
	CHECK_EQ(c.n, 4);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	crowd_end(&c, &f);
}

static void
stranger_has_little_time(void)
{
	struct tcp_limits limits = open_wide;
	struct fixture f;
	struct crowd c;
	int fd[2];

	limits.admit_us = 100000;
	crowd_begin(&c, &f, &limits);
	fd[0] = knock(&f);
	RUN(&f, c.n == 1);
	tcp_admitted(c.end[0].tcp);
	fd[1] = knock(&f);
	RUN(&f, c.n == 2 && c.end[1].closed == 1);
	CHECK_EQ(c.end[1].err, ERR_TIMEOUT);
	CHECK(closed(fd[1]));
	CHECK_EQ(c.end[0].closed, 0);
	CHECK(!closed(fd[0]));
	close(fd[0]);
	close(fd[1]);
	crowd_end(&c, &f);
}

static void
no_descriptors_left(void)
{
	struct fixture f;
	struct rlimit was, none;
	int fd[2], probe;
	uint64_t start;

	setup(&f);
	tcp_listener_limit(f.listener, &open_wide);
	fd[0] = knock(&f);
	fd[1] = knock(&f); /* valgrind's EMFILE takes one away */
	probe = dup(0);
	close(probe);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)probe;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 3; i++)
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(f.accepted, 0); /* it pauses, it does not spin */
	start = clock_us();
	RUN(&f, f.accepted > 0);
	CHECK(clock_us() - start < 1000000);
	close(fd[0]);
	close(fd[1]);
	teardown(&f);
}

static void
listener_freed_in_accepted(void)
{
	struct fixture f;

	setup(&f);
	f.free_listener = true;
	connect_pair(&f);
	CHECK(f.listener == NULL);
	tcp_write(f.a.tcp, "x", 1);
	RUN(&f, f.b.got == 1); /* the connection lives on */
	tcp_admitted(f.b.tcp);
	teardown(&f);
}

/* "[::]" and "" are for both families, and IPv4 looks like IPv4. */
static void
dual_stack(void)
{
	static const char *const all[] = {"[::]:0", ":0"};
	struct fixture f;
	char where[TCP_ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(all) * 2; i++) {
		const char *host = i % 2 == 0 ? "127.0.0.1" : "[::1]";

		setup(&f);
		tcp_listener_free(f.listener);
		listen_on(&f, all[i / 2]);
		CHECK(strncmp(f.port, "[::]:", 5) == 0);
		snprintf(where, sizeof(where), "%s%s", host, strrchr(f.port, ':'));
		dial(&f, where);
		RUN(&f, f.a.connected == 1 && f.b.tcp != NULL);
		CHECK(strncmp(tcp_peer(f.b.tcp), host, strlen(host)) == 0);
		CHECK(strcmp(tcp_local_ip(f.b.tcp), i % 2 == 0 ? "127.0.0.1" : "::1") ==
		      0);
		teardown(&f);
	}
}

static void
listen_errors(void)
{
	static const struct {
		const char *where;
		int want;
	} t[] = {
	    {"localhost:0", ERR_USAGE},  {"127.0.0.1:x", ERR_USAGE},
	    {"192.0.2.77:0", ERR_USAGE}, {"[::1", ERR_USAGE},
	    {"lab:1", ERR_USAGE},
	};
	struct tcp_listener *l;
	struct fixture f;
	char why[200];

	setup(&f);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		why[0] = '\0';
		CHECK_EQ(tcp_listen(&l, f.base, t[i].where, &listener_ops, &f, why,
				    sizeof(why)),
			 t[i].want);
		CHECK(l == NULL && strstr(why, t[i].where) != NULL);
	}
	CHECK_EQ(tcp_listen(&l, f.base, f.port, &listener_ops, &f, why, sizeof(why)),
		 ERR_BUSY);
	CHECK(strstr(why, f.port) != NULL);
	teardown(&f);
}

TEST_MAIN(TEST(where_is_cut), TEST(loopback_is_known), TEST(bytes_come_back),
	  TEST(refused_dial_ends_soon), TEST(bad_text_is_usage),
	  TEST(next_address_is_tried), TEST(silent_address_is_given_up),
	  TEST(silent_address_then_the_next), TEST(name_is_looked_up),
	  TEST(silent_nameserver), TEST(no_resolver_is_unreachable),
	  TEST(free_in_each_op), TEST(free_in_closed_of_a_dial),
	  TEST(free_before_anything), TEST(error_of_data_closes), TEST(output_is_capped),
	  TEST(output_cap_is_exact), TEST(finish_delivers),
	  TEST(finish_waits_for_the_other_end), TEST(finish_of_both),
	  TEST(finish_has_an_end), TEST(finish_while_dialling), TEST(not_taken_is_closed),
	  TEST(one_accept_a_turn), TEST(eight_of_an_address), TEST(strangers_in_all),
	  TEST(burst_is_limited), TEST(stranger_has_little_time),
	  TEST(no_descriptors_left), TEST(listener_freed_in_accepted), TEST(dual_stack),
	  TEST(listen_errors))
