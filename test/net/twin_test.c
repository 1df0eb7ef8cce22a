/* SPDX-License-Identifier: ISC */
/* link: net */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "net/twin.h"
#include "test/test.h"

#define LONGEST 9000

/* "libnice's" socket of one end, and the twin beside it. */
struct end {
	int fd, twin_fd;
	struct sockaddr_storage at;
	socklen_t len;
	struct twin *t;
	unsigned packets, bytes, ready;
	uint64_t came;
	unsigned wrong; /* not the next number, or not its length */
};

struct fixture {
	struct event_base *base;
	struct event *limit;
	struct end a, b;
	unsigned want; /* packets at b */
	bool late;
};

static uint8_t bytes[TWIN_BATCH][LONGEST];

/* The length that packet k has in every test with mixed lengths. */
static size_t
length_of(unsigned k)
{
	return k % 7 == 3 ? 40 + k % 900 : 1200;
}

static void
on_packet(void *arg, const uint8_t *p, size_t n, uint64_t now)
{
	struct end *e = arg;

	if (p[0] != 32 || p[1] != (uint8_t)e->packets || n != length_of(e->packets))
		e->wrong++;
	e->wrong += now == 0 || now < e->came;
	e->came = now;
	e->packets++;
	e->bytes += (unsigned)n;
}

static void
on_ready(void *arg)
{
	((struct end *)arg)->ready++;
}

static const struct twin_ops ops = {on_packet, on_ready};

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct fixture *)arg)->late = true;
}

static void
open_end(struct end *e, const char *ip)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&e->at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&e->at;

	memset(e, 0, sizeof(*e));
	e->len = sizeof(e->at);
	if (inet_pton(AF_INET, ip, &four->sin_addr) == 1)
		four->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, ip, &six->sin6_addr) == 1)
		six->sin6_family = AF_INET6;
	e->fd = socket(e->at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CHECK_EQ(bind(e->fd, (struct sockaddr *)&e->at,
		      e->at.ss_family == AF_INET ? sizeof(*four) : sizeof(*six)),
		 0);
	CHECK_EQ(getsockname(e->fd, (struct sockaddr *)&e->at, &e->len), 0);
}

static void
open_twin(struct fixture *f, struct end *e, const struct end *to)
{
	/* the next number that is free: the test looks at the socket behind */
	e->twin_fd = dup(0);
	close(e->twin_fd);
	e->t =
	    twin_new(f->base, e->fd, (const struct sockaddr *)&to->at, to->len, &ops, e);
	CHECK(e->t != NULL);
}

static void
setup(struct fixture *f, const char *ip)
{
	struct timeval limit = {30, 0};

	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	f->limit = evtimer_new(f->base, give_up, f);
	event_add(f->limit, &limit);
	open_end(&f->a, ip);
	open_end(&f->b, ip);
	open_twin(f, &f->a, &f->b);
	open_twin(f, &f->b, &f->a);
}

static void
teardown(struct fixture *f)
{
	CHECK(!f->late);
	twin_free(f->a.t);
	twin_free(f->b.t);
	close(f->a.fd);
	close(f->b.fd);
	event_free(f->limit);
	event_base_free(f->base);
}

/* Packets of a batch from number `first` on. */
static void
fill(struct ice_packet *p, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bytes[i][0] = 32;
		bytes[i][1] = (uint8_t)(first + i);
		p[i] = (struct ice_packet){bytes[i], length_of(first + i)};
	}
}

static void
wait_for_packets(struct fixture *f, struct end *e, unsigned n)
{
	while (e->packets < n && !f->late)
		event_base_loop(f->base, EVLOOP_ONCE);
}

/* 640 packets of two lengths arrive each as it was, in order. */
static void
flow(struct fixture *f)
{
	struct ice_packet p[TWIN_BATCH];

	for (unsigned first = 0; first < 640; first += TWIN_BATCH) {
		fill(p, first, TWIN_BATCH);
		CHECK_EQ(twin_send(f->a.t, p, TWIN_BATCH), TWIN_BATCH);
		wait_for_packets(f, &f->b, first + TWIN_BATCH);
	}
	CHECK_EQ(f->b.packets, 640);
	CHECK_EQ(f->b.wrong, 0);
}

static void
trains_keep_every_datagram(void)
{
	struct fixture f;
	struct twin_stats a, b;

	setup(&f, "127.0.0.1");
	flow(&f);
	CHECK(strcmp(twin_kind(f.a.t), "gso") == 0);
	twin_stats(f.a.t, &a);
	twin_stats(f.b.t, &b);
	CHECK_EQ(a.sends, 10);    /* a batch is one call, */
	CHECK(b.receives <= 400); /* and trains arrive as trains */
	teardown(&f);
}

static void
on_ipv6(void)
{
	struct fixture f;

	setup(&f, "::1");
	flow(&f);
	teardown(&f);
}

/* Without checksums the kernel refuses trains (EIO), as for some devices. */
static void
without_segmentation(void)
{
	struct fixture f;
	struct twin_stats s;
	const int one = 1;

	setup(&f, "127.0.0.1");
	CHECK_EQ(setsockopt(f.a.twin_fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)), 0);
	flow(&f);
	CHECK(strcmp(twin_kind(f.a.t), "mmsg") == 0);
	twin_stats(f.a.t, &s);
	CHECK_EQ(s.sends, 10);
	teardown(&f);
}

static ssize_t
nice_reads(const struct end *e)
{
	uint8_t b[100]; /* the rest of a datagram is cut off */

	return recv(e->fd, b, sizeof(b), MSG_DONTWAIT);
}

/* STUN (0..3), TURN (64..79) and what else there may be stay libnice's. */
static void
first_bytes_part_them(void)
{
	struct fixture f;
	unsigned twins = 0, nices = 0;
	uint8_t b[40] = {0};

	setup(&f, "127.0.0.1");
	for (unsigned first = 0; first < 256; first++) {
		b[0] = (uint8_t)first;
		CHECK_EQ(
		    sendto(f.a.fd, b, sizeof(b), 0, (struct sockaddr *)&f.b.at, f.b.len),
		    sizeof(b));
	}
	while (nice_reads(&f.b) > 0)
		nices++;
	wait_for_packets(&f, &f.b, 32);
	twins = f.b.packets;
	CHECK_EQ(twins, 32);
	CHECK_EQ(nices, 224);
	teardown(&f);
}

/* Without its twin libnice's socket has everything again, then another comes. */
static void
comes_and_goes(void)
{
	struct fixture f;
	struct ice_packet p[1];

	setup(&f, "127.0.0.1");
	fill(p, 0, 1);
	for (unsigned i = 1; i <= 3; i++) {
		twin_free(f.b.t);
		CHECK_EQ(twin_send(f.a.t, p, 1), 1);
		CHECK_EQ(nice_reads(&f.b), 100);
		open_twin(&f, &f.b, &f.a);
		CHECK_EQ(twin_send(f.a.t, p, 1), 1);
		wait_for_packets(&f, &f.b, i);
		CHECK_EQ(nice_reads(&f.b), -1);
	}
	teardown(&f);
}

/*
 * In a network of its own, whose loopback sends slowly, so that packets stay in the
 * sender's socket.
 */
static void
fill_up(void)
{
	struct fixture f;
	struct ice_packet p[TWIN_BATCH];
	const int small = 1;
	unsigned sent = 0, times = 0;

	setup(&f, "127.0.0.1");
	CHECK_EQ(setsockopt(f.a.twin_fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
		 0);
	fill(p, 0, TWIN_BATCH);
	while (sent < TWIN_BATCH && !f.late) {
		f.a.ready = 0;
		sent += twin_send(f.a.t, p + sent, TWIN_BATCH - sent);
		while (sent < TWIN_BATCH && f.a.ready == 0 && !f.late)
			event_base_loop(f.base, EVLOOP_ONCE);
		times++;
	}
	CHECK(times > 1);
	wait_for_packets(&f, &f.b, TWIN_BATCH);
	CHECK_EQ(f.b.packets, TWIN_BATCH);
	CHECK_EQ(f.b.wrong, 0);
	teardown(&f);
}

/* Runs test in a network of its own, which ip and tc set up. */
static void
elsewhere(const char *setup_command, void (*test)(void))
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		if (unshare(CLONE_NEWNET) != 0 &&
		    unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
			_exit(77);
		if (system(setup_command) != 0)
			_exit(78);
		test();
		fflush(stdout);
		_exit(test_failed);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		printf("# not tested: no right to make a network namespace\n");
	else
		CHECK_EQ(WEXITSTATUS(status), 0);
}

static void
a_full_socket_says_when_it_is_ready(void)
{
	elsewhere("ip link set lo up && tc qdisc add dev lo root tbf rate 8mbit "
		  "burst 4kb limit 4mb",
		  fill_up);
}

/* Three that fit, one that does not, and so on; the last of them do not. */
static void
send_mixed(struct fixture *f, size_t too_long)
{
	struct ice_packet p[12];

	fill(p, 0, ARRAY_LEN(p));
	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		bool fits = i < 9 && i % 3 != 1;

		bytes[i][1] = (uint8_t)(fits ? i / 3 * 2 + (i % 3 == 2) : 99);
		p[i].n = fits ? length_of(bytes[i][1]) : too_long;
	}
	CHECK_EQ(twin_send(f->a.t, p, ARRAY_LEN(p)), ARRAY_LEN(p));
}

/*
 * With 1500 bytes to a packet: what is longer is lost, and nothing else; it is not cut
 * in pieces, and trains go on.
 */
static void
lose_long_ones(void)
{
	static const char *const ip[] = {"127.0.0.1", "::1"};

	for (size_t i = 0; i < ARRAY_LEN(ip); i++) {
		struct fixture f;
		struct twin_stats s;
		struct ice_packet p[TWIN_BATCH];

		setup(&f, ip[i]);
		for (size_t k = 0; k < 2; k++) {
			f.b.packets = 0;
			send_mixed(&f, 1500 - (i ? 48 : 28) + 1 + 1000 * k);
			wait_for_packets(&f, &f.b, 6);
			event_base_loop(f.base, EVLOOP_NONBLOCK);
			CHECK_EQ(f.b.packets, 6);
			CHECK_EQ(f.b.wrong, 0);
		}
		CHECK(strcmp(twin_kind(f.a.t), "gso") == 0);
		twin_stats(f.a.t, &s);
		f.b.packets = 0;
		fill(p, 0, TWIN_BATCH);
		CHECK_EQ(twin_send(f.a.t, p, TWIN_BATCH), TWIN_BATCH);
		wait_for_packets(&f, &f.b, TWIN_BATCH);
		CHECK_EQ(f.b.wrong, 0);
		teardown(&f);
	}
}

static void
what_is_too_long_is_lost_alone(void)
{
	elsewhere("ip link set lo mtu 1500 up", lose_long_ones);
}

/* A longer one is not joined with the next: it may be too long for the device. */
static void
a_longer_one_goes_alone(void)
{
	struct fixture f;
	struct ice_packet p[3];
	struct twin_stats s;

	setup(&f, "127.0.0.1");
	fill(p, 0, ARRAY_LEN(p));
	p[0].n = 5000;
	CHECK_EQ(twin_send(f.a.t, p, 2), 2);
	wait_for_packets(&f, &f.b, 2);
	twin_stats(f.b.t, &s);
	CHECK_EQ(s.receives, 2);
	CHECK_EQ(twin_send(f.a.t, p + 1, 2), 2); /* as equal ones are */
	wait_for_packets(&f, &f.b, 4);
	twin_stats(f.b.t, &s);
	CHECK_EQ(s.receives, 3);
	teardown(&f);
}

TEST_MAIN(TEST(trains_keep_every_datagram), TEST(on_ipv6), TEST(without_segmentation),
	  TEST(first_bytes_part_them), TEST(comes_and_goes),
	  TEST(a_full_socket_says_when_it_is_ready), TEST(what_is_too_long_is_lost_alone),
	  TEST(a_longer_one_goes_alone))
