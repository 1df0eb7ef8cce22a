/* SPDX-License-Identifier: ISC */
/*
 * Someone who types at a terminal in which the browser runs:
 *
 * - typist time N CMD ARG... goes to the log and back N times, and prints how many
 *   microseconds the screen took to answer: median, 99 of 100, the longest; how many
 *   took longer than 50 ms; and how many bytes came for 20 keys that change nothing
 * - typist monkey N SEED CMD ARG... makes N keys and resizes by chance; CMD is started
 *   anew when it ends, which it may with code 0 only
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pty.h>

#define SEEN 65536 /* of the latest output */

static char seen[SEEN];
static size_t seen_n;
static pid_t pid;
static int fd = -1;

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "typist: %s\n", what);
	exit(1);
}

static void
start(char **argv)
{
	struct winsize w = {.ws_row = 24, .ws_col = 80};

	pid = forkpty(&fd, NULL, NULL, &w);
	must(pid >= 0, "no terminal");
	if (pid > 0)
		return;
	setenv("TERM", "xterm-256color", 1);
	execv(argv[0], argv);
	_exit(127);
}

/* What the screen says meanwhile; false: the program has ended. */
static bool
listen_for(int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[8192];
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return true;
	if ((n = read(fd, buf, sizeof(buf))) <= 0)
		return n < 0 && errno == EINTR;
	if (seen_n + (size_t)n >= sizeof(seen)) {
		memmove(seen, seen + seen_n / 2, seen_n - seen_n / 2);
		seen_n -= seen_n / 2;
	}
	memcpy(seen + seen_n, buf, (size_t)n);
	seen_n += (size_t)n;
	return true;
}

static bool
has_seen(const char *words)
{
	return memmem(seen, seen_n, words, strlen(words)) != NULL;
}

static void
wait_for(const char *words, int seconds)
{
	uint64_t end = now_us() + (uint64_t)seconds * 1000000;

	while (!has_seen(words))
		must(now_us() < end && listen_for(100), words);
}

static int
end(int sig)
{
	int st;

	if (sig != 0)
		kill(pid, sig);
	while (listen_for(10000) && poll(&(struct pollfd){.fd = fd}, 1, 0) == 0)
		;
	must(waitpid(pid, &st, 0) == pid, "it does not end");
	close(fd);
	return st;
}

/* --- time --- */

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Head lines of both views differ in each letter, so all of it is sent. */
static uint64_t
press(const char *key, const char *answer)
{
	uint64_t since;

	seen_n = 0;
	since = now_us();
	must(write(fd, key, 1) == 1, "write");
	wait_for(answer, 20);
	return now_us() - since;
}

static unsigned
longer(const uint64_t *us, unsigned n)
{
	unsigned more = 0;

	for (unsigned i = 0; i < n; i++)
		more += us[i] > 50000;
	return more;
}

/* A screen that stays as it is is not drawn again. */
static size_t
useless_bytes(void)
{
	press("1", "Port");
	while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 300) > 0)
		must(listen_for(0), "it has ended");
	seen_n = 0;
	for (unsigned i = 0; i < 20; i++)
		must(write(fd, "g", 1) == 1, "write");
	while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 500) > 0)
		must(listen_for(0), "it has ended");
	return seen_n;
}

static int
measure(unsigned n, char **argv)
{
	static uint64_t us[10000];

	must(n > 0 && n <= 10000, "1 to 10000");
	start(argv);
	wait_for("This machine", 20);
	press("4", "Time");
	for (unsigned i = 0; i < n; i++) {
		const char *key = i % 2 == 0 ? "1" : "4";

		us[i] = press(key, i % 2 == 0 ? "Port" : "Time");
		while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 20) > 0)
			must(listen_for(0), "it has ended");
	}
	qsort(us, n, sizeof(us[0]), by_size);
	if (n % 2 == 1)
		press("4", "Time");
	printf("%llu %llu %llu %u %zu\n", (unsigned long long)us[n / 2],
	       (unsigned long long)us[n * 99 / 100], (unsigned long long)us[n - 1],
	       longer(us, n), useless_bytes());
	must(end(SIGTERM) == 0, "it did not end in order");
	return 0;
}

/* --- monkey --- */

static const char *const special[] = {
    "\033[A",       "\033[B",
    "\033[C",       "\033[D",
    "\033[5~",      "\033[6~",
    "\033OH",       "\033OF",
    "\033[Z",       "\t",
    "\r",           "\177",
    "\033",         "\303\266",
    "\346\227\245", "\360\237\230\200",
    "\377",         "\033[M !!",
    "\033[M`!%",    "\033[Ma!%",
    "\033[<0;5;5M", "\033[<64;5;5M",
    "\033[",        "\033[200~x",
};

/* Its output is read meanwhile, or both would wait for each other. */
static bool
type_in(const char *s, size_t n)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	for (;;) {
		must(poll(&p, 1, 20000) > 0, "it does not read keys");
		if ((p.revents & POLLIN) != 0 && !listen_for(0))
			return false;
		if ((p.revents & (POLLHUP | POLLERR)) != 0)
			return false;
		if ((p.revents & POLLOUT) != 0)
			return write(fd, s, n) == (ssize_t)n;
	}
}

static void
resize(unsigned x)
{
	struct winsize w = {.ws_row = (unsigned short)(1 + x % 101),
			    .ws_col = (unsigned short)(1 + x / 101 % 301)};

	ioctl(fd, TIOCSWINSZ, &w);
}

static bool
monkey_types(unsigned x)
{
	char c = (char)(' ' + x / 64 % 95);
	const char *s = &c;
	size_t n = 1;

	if (x % 4 == 0) {
		s = special[x / 4 % (sizeof(special) / sizeof(special[0]))];
		n = strlen(s);
	} else if (c == 'q' && x % 50 != 0) {
		return true; /* it would always be at the start */
	}
	return type_in(s, n);
}

static int
monkey(unsigned n, unsigned seed, char **argv)
{
	unsigned starts = 0;
	uint32_t r = seed;

	for (unsigned i = 0; i < n; i++) {
		if (fd < 0) {
			start(argv);
			wait_for("machine", 60);
			starts++;
		}
		bool there = true;

		r = r * 1664525 + 1013904223;
		if ((r >> 16) % 40 == 0)
			resize(r >> 8);
		else
			there = monkey_types(r >> 16);
		if (!there || !listen_for(0) || (i % 16 == 0 && !listen_for(2))) {
			int st = end(0);

			if (st != 0) {
				printf("%.*s\n# ended with %d after %u keys of seed %u\n",
				       (int)seen_n, seen, st, i, seed);
				return 1;
			}
			fd = -1;
			seen_n = 0;
		}
	}
	printf("%u keys, %u starts\n", n, starts);
	if (fd >= 0)
		must(end(SIGTERM) == 0, "it did not end in order");
	return 0;
}

int
main(int argc, char **argv)
{
	must(argc > 3, "time N CMD... | monkey N SEED CMD...");
	if (strcmp(argv[1], "time") == 0)
		return measure((unsigned)atoi(argv[2]), argv + 3);
	must(argc > 4, "monkey N SEED CMD...");
	return monkey((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), argv + 4);
}
