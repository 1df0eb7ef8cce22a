/* SPDX-License-Identifier: ISC */
/*
 * A path between two network namespaces with a delay, a loss and a rate, for all IP,
 * so that what is measured beside us meets the same line. It makes a TUN device in
 * each and carries packets between them, one by one, until it is told to end.
 *
 *	path NS-A NS-B [delay=MS] [loss=PERCENT] [rate=MBIT] [queue=KB] [seed=N]
 *
 * Each way has the delay, the loss and the rate; NS is a name of "ip netns". The
 * devices are called "path", and have addresses from who calls. Prints "ready".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define LONGEST 9216
#define SLOTS   65536 /* packets on the way, each direction; a power of two */
#define TURN    64    /* packets read before others are looked at */

struct packet {
	uint64_t at; /* ns, when it arrives */
	uint16_t n;
	uint8_t *b;
};

struct way {
	int from, to;
	struct packet *ring;
	uint32_t head, tail;
	uint64_t free_at; /* ns, when the line has sent all it has */
	uint64_t packets, lost, dropped;
};

struct line {
	uint64_t delay_ns, rate, queue; /* bytes per second, bytes; rate 0: none */
	uint32_t loss;                  /* of 2^32 */
	uint64_t seed;
};

static volatile sig_atomic_t ended;

static void
on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t
dice(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 32);
}

static void
die(const char *what)
{
	fprintf(stderr, "path: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int
tun(const char *ns)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	char file[200];
	int fd;

	snprintf(file, sizeof(file), "/run/netns/%s", ns);
	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) < 0 || setns(fd, CLONE_NEWNET) != 0)
		die(file);
	close(fd);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "path");
	if ((fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0 ||
	    ioctl(fd, TUNSETIFF, &r) != 0)
		die("/dev/net/tun");
	return fd;
}

/* When a packet of n bytes that comes now arrives; 0: it does not. */
static uint64_t
arrival(struct way *w, struct line *l, size_t n, uint64_t now)
{
	if (w->tail - w->head == SLOTS) {
		w->dropped++;
		return 0;
	}
	if (l->rate > 0) {
		uint64_t busy = w->free_at > now ? w->free_at - now : 0;

		if (busy / 1000 * l->rate / 1000000 + n > l->queue) {
			w->dropped++;
			return 0;
		}
		w->free_at = now + busy + n * 1000000000u / l->rate;
	} else {
		w->free_at = now;
	}
	if (dice(&l->seed) < l->loss) {
		w->lost++;
		return 0;
	}
	return w->free_at + l->delay_ns;
}

static bool
take(struct way *w, struct line *l)
{
	struct packet *p = &w->ring[w->tail % SLOTS];
	uint8_t spare[LONGEST];
	ssize_t n = read(w->from, w->tail - w->head < SLOTS ? p->b : spare, LONGEST);

	if (n <= 0)
		return false;
	w->packets++;
	if ((p->at = arrival(w, l, (size_t)n, now_ns())) != 0) {
		p->n = (uint16_t)n;
		w->tail++;
	}
	return true;
}

static void
give(struct way *w, uint64_t now)
{
	while (w->head != w->tail && w->ring[w->head % SLOTS].at <= now) {
		const struct packet *p = &w->ring[w->head++ % SLOTS];

		if (write(w->to, p->b, p->n) < 0 && errno != EINVAL && errno != EAGAIN)
			die("write");
	}
}

/* A ring of packets, whose memory is there only once it is used. */
static void
way_init(struct way *w, int from, int to)
{
	uint8_t *b = malloc((size_t)SLOTS * LONGEST);

	w->from = from;
	w->to = to;
	if (b == NULL || (w->ring = calloc(SLOTS, sizeof(*w->ring))) == NULL)
		die("memory");
	for (size_t i = 0; i < SLOTS; i++)
		w->ring[i].b = b + i * LONGEST;
}

static void
carry(struct way w[2], struct line *l)
{
	while (!ended) {
		struct pollfd p[2] = {{w[0].from, POLLIN, 0}, {w[1].from, POLLIN, 0}};
		uint64_t now = now_ns(), next = now + 1000000000u;
		struct timespec wait;

		for (int i = 0; i < 2; i++) {
			give(&w[i], now);
			if (w[i].head != w[i].tail &&
			    w[i].ring[w[i].head % SLOTS].at < next)
				next = w[i].ring[w[i].head % SLOTS].at;
		}
		wait = (struct timespec){0, (long)(next > now ? next - now : 0)};
		if (wait.tv_nsec >= 1000000000)
			wait = (struct timespec){1, 0};
		if (ppoll(p, 2, &wait, NULL) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			for (int k = 0; k < TURN && take(&w[i], l); k++)
				;
	}
}

static bool
option(struct line *l, const char *s)
{
	const char *eq = strchr(s, '=');
	char *end;
	double v = eq == NULL ? 0 : strtod(eq + 1, &end);

	if (eq == NULL || *end != '\0' || end == eq + 1 || v < 0)
		return false;
	if (strncmp(s, "delay=", 6) == 0)
		l->delay_ns = (uint64_t)(v * 1e6);
	else if (strncmp(s, "loss=", 5) == 0 && v <= 100)
		l->loss = (uint32_t)(v / 100 * 4294967295.0);
	else if (strncmp(s, "rate=", 5) == 0)
		l->rate = (uint64_t)(v * 125000);
	else if (strncmp(s, "queue=", 6) == 0)
		l->queue = (uint64_t)(v * 1000);
	else if (strncmp(s, "seed=", 5) == 0)
		l->seed = (uint64_t)v | 1;
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	struct line l = {.queue = 256000, .seed = 88172645463325252u};
	struct way w[2] = {{0}};
	int a, b;

	for (int i = 3; i < argc; i++)
		if (!option(&l, argv[i]))
			argc = 0;
	if (argc < 3) {
		fprintf(stderr, "path NS-A NS-B [delay=MS] [loss=PERCENT] [rate=MBIT] "
				"[queue=KB] [seed=N]\n");
		return 2;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	a = tun(argv[1]);
	b = tun(argv[2]);
	way_init(&w[0], a, b);
	way_init(&w[1], b, a);
	puts("ready");
	fflush(stdout);
	carry(w, &l);
	for (int i = 0; i < 2; i++)
		printf("way %d: %llu packets, %llu lost, %llu dropped\n", i,
		       (unsigned long long)w[i].packets, (unsigned long long)w[i].lost,
		       (unsigned long long)w[i].dropped);
	return 0;
}
