/* SPDX-License-Identifier: ISC */
/*
 * What the machine can do without us, for ratios in the same run: 64-byte round
 * trips over UDP and bytes over TCP, both on 127.0.0.1, nothing encrypted, the
 * other end in a process of its own. Prints one JSON object.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS  2000
#define TCP_US  1500000
#define PIECE   65536
#define LIMIT_S 20 /* nothing here may hang */

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static int
bound(int type, struct sockaddr_in *a)
{
	socklen_t n = sizeof(*a);
	int fd = socket(AF_INET, type, 0);

	*a = (struct sockaddr_in){.sin_family = AF_INET};
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0 && bind(fd, (struct sockaddr *)a, sizeof(*a)) == 0 &&
		 getsockname(fd, (struct sockaddr *)a, &n) == 0,
	     "socket");
	return fd;
}

static int
by_value(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

static void
udp(void)
{
	static uint64_t rtt[ROUNDS];
	struct sockaddr_in here, there;
	int a = bound(SOCK_DGRAM, &here), b = bound(SOCK_DGRAM, &there);
	char m[64] = {0};
	pid_t echo;

	must(connect(a, (struct sockaddr *)&there, sizeof(there)) == 0 &&
		 connect(b, (struct sockaddr *)&here, sizeof(here)) == 0,
	     "connect");
	must((echo = fork()) >= 0, "fork");
	if (echo == 0) {
		alarm(LIMIT_S);
		for (int i = 0; i < ROUNDS; i++)
			must(recv(b, m, sizeof(m), 0) == 64 &&
				 send(b, m, sizeof(m), 0) == 64,
			     "echo");
		_exit(0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = now_us();

		must(send(a, m, sizeof(m), 0) == 64 && recv(a, m, sizeof(m), 0) == 64,
		     "udp");
		rtt[i] = now_us() - t;
	}
	waitpid(echo, NULL, 0);
	qsort(rtt, ROUNDS, sizeof(rtt[0]), by_value);
	printf("\"udp_rtt_us\":{\"p50\":%llu,\"p99\":%llu}",
	       (unsigned long long)rtt[ROUNDS / 2],
	       (unsigned long long)rtt[ROUNDS * 99 / 100]);
}

static void
tcp(void)
{
	static char piece[PIECE];
	struct sockaddr_in where;
	int server = bound(SOCK_STREAM, &where), fd;
	uint64_t start, us, bytes = 0;
	ssize_t n;
	pid_t source;

	must(listen(server, 1) == 0, "listen");
	must((source = fork()) >= 0, "fork");
	if (source == 0) {
		alarm(LIMIT_S);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		must(connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0,
		     "connect");
		for (start = now_us(); now_us() - start < TCP_US;)
			must(send(fd, piece, sizeof(piece), 0) > 0, "send");
		_exit(0);
	}
	must((fd = accept(server, NULL, NULL)) >= 0, "accept");
	start = now_us();
	while ((n = recv(fd, piece, sizeof(piece), 0)) > 0)
		bytes += (uint64_t)n;
	us = now_us() - start;
	waitpid(source, NULL, 0);
	printf("\"tcp_mb_s\":%.3f", (double)bytes / (double)us);
}

int
main(void)
{
	alarm(LIMIT_S);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("{");
	udp();
	printf(",");
	tcp();
	printf("}\n");
	return 0;
}
