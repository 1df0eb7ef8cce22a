/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: net core */
/* clang-format on */
/*
 * When a TCP connection counts as silent: two ends on loopback, one of which is made
 * deaf by a filter that drops what it would acknowledge.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/stock.h"
#include "test/test.h"

#define SILENCE_US 50000

static int ours, theirs;

static void
setup(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(bind(l, (struct sockaddr *)&a, n), 0);
	CHECK_EQ(listen(l, 1), 0);
	CHECK_EQ(getsockname(l, (struct sockaddr *)&a, &n), 0);
	ours = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(connect(ours, (struct sockaddr *)&a, n), 0);
	theirs = accept(l, NULL, NULL);
	CHECK(theirs >= 0);
	close(l);
}

static void
teardown(void)
{
	close(ours);
	close(theirs);
}

static struct tcp_info
info(void)
{
	struct tcp_info i;
	socklen_t n = sizeof(i);

	memset(&i, 0, sizeof(i));
	CHECK_EQ(getsockopt(ours, IPPROTO_TCP, TCP_INFO, &i, &n), 0);
	return i;
}

static void
deaf(bool yes)
{
	static struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	static const struct sock_fprog prog = {1, &drop};
	int one = 1;

	if (yes)
		CHECK_EQ(
		    setsockopt(theirs, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)),
		    0);
	else
		CHECK_EQ(
		    setsockopt(theirs, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)),
		    0);
}

static bool
is_silent(void)
{
	return stock_silent(ours, SILENCE_US);
}

static bool
was_idle(void)
{
	return info().tcpi_last_ack_recv > 4 * SILENCE_US / 1000;
}

static bool
is_heard(void)
{
	return info().tcpi_unacked == 0;
}

/* Looks at it again and again; false: not within 20 s. */
static bool
comes(bool (*what)(void))
{
	uint64_t end = clock_us() + 20000000;

	while (!what()) {
		if (clock_us() > end)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

/* A connection that nothing went over for long, with a request that has just left. */
static void
first_after_a_pause(void)
{
	setup();
	CHECK(comes(was_idle));
	CHECK(!is_silent());
	deaf(true);
	CHECK_EQ(send(ours, "x", 1, 0), 1);
	CHECK_EQ(info().tcpi_unacked, 1);
	CHECK(!is_silent());
	teardown();
}

static void
nobody_hears(void)
{
	setup();
	deaf(true);
	CHECK_EQ(send(ours, "x", 1, 0), 1);
	CHECK(comes(is_silent));
	CHECK(info().tcpi_retransmits > 1);
	CHECK(!stock_silent(ours, 3600000000u));
	deaf(false);
	CHECK(comes(is_heard));
	CHECK(!is_silent());
	teardown();
}

static void
no_tcp(void)
{
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	CHECK(!stock_silent(fd[0], 0));
	close(fd[0]);
	close(fd[1]);
}

TEST_MAIN(TEST(first_after_a_pause), TEST(nobody_hears), TEST(no_tcp))
