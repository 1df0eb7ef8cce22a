/* SPDX-License-Identifier: ISC */
/*
 * A path between two network namespaces with a delay, a loss and a rate, for all IP, so
 * that what is measured beside us meets the same line. It makes a TUN device "path" in
 * each and carries packets between them until it is told to end.
 *
 *	path NS-A NS-B [delay=MS] [loss=PERCENT] [rate=MBIT] [queue=KB] [seed=N]
 *
 * Each way has the delay, the loss, the rate and in front of the rate the queue, whose
 * tail is dropped. NS is a name of "ip netns"; the devices get their addresses from who
 * calls. Prints "ready", and at the end what became of the packets of each way.
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

#define LONGEST  9216
#define RECORD   (sizeof(struct packet) + LONGEST)
#define RING     (64u << 20) /* bytes on the way, each direction; whole records in it */
#define TURN     64          /* packets read before others are looked at */
#define WAITS    2048        /* classes of a millisecond */
#define MILLI_NS 1000000u
#define SECOND   1000000000u

struct packet {
	uint64_t at; /* ns, when it arrives */
	uint64_t n;
	uint8_t b[];
};

/* One direction; packets lie one behind the other, none is cut at the end of the ring. */
struct way {
	const char *name;
	int from, to;
	uint8_t *ring;
	size_t head, tail, end; /* end: behind the last record when tail has wrapped */
	uint64_t free_at;       /* ns, when the line has sent all it has */
	uint64_t carried, lost, dropped, refused;
	uint64_t waited[WAITS]; /* packets by what the queue cost them */
};

struct line {
	uint64_t delay_ns, rate, queue; /* ns, bytes per second, bytes; rate 0: none */
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
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
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

/* --- the ring --- */

/* Where the next packet is read to; NULL: there is no room. */
static struct packet *
last(struct way *w)
{
	if (w->tail >= w->head && RING - w->tail < RECORD && w->head > 0) {
		w->end = w->tail;
		w->tail = 0;
	}
	if ((w->tail < w->head ? w->head - 1 : RING) - w->tail < RECORD)
		return NULL;
	return (struct packet *)(void *)(w->ring + w->tail);
}

static void
push(struct way *w, const struct packet *p)
{
	w->tail += (sizeof(*p) + p->n + 15) & ~(size_t)15;
}

/* NULL: nothing is on the way. */
static const struct packet *
first(struct way *w)
{
	if (w->head > w->tail && w->head == w->end)
		w->head = 0;
	return w->head == w->tail ? NULL : (struct packet *)(void *)(w->ring + w->head);
}

static void
pop(struct way *w, const struct packet *p)
{
	w->head += (sizeof(*p) + p->n + 15) & ~(size_t)15;
}

/* --- the line --- */

static void
note_wait(struct way *w, uint64_t ns)
{
	w->waited[ns / MILLI_NS < WAITS ? ns / MILLI_NS : WAITS - 1]++;
}

/* When a packet of n bytes that comes now arrives; 0: it does not. */
static uint64_t
arrival(struct way *w, struct line *l, size_t n, uint64_t now)
{
	uint64_t busy = w->free_at > now ? w->free_at - now : 0;

	if (l->rate > 0 && busy / 1000 * l->rate / 1000000 + n > l->queue) {
		w->dropped++;
		return 0;
	}
	note_wait(w, busy);
	w->free_at = now + busy + (l->rate > 0 ? n * SECOND / l->rate : 0);
	if (dice(&l->seed) < l->loss) {
		w->lost++;
		return 0;
	}
	w->carried++;
	return w->free_at + l->delay_ns;
}

static bool
take(struct way *w, struct line *l)
{
	static uint8_t spare[LONGEST];
	struct packet *p = last(w);
	ssize_t n = read(w->from, p != NULL ? p->b : spare, LONGEST);

	if (n <= 0)
		return false;
	if (p == NULL) {
		w->dropped++;
		return true;
	}
	p->n = (uint64_t)n;
	if ((p->at = arrival(w, l, (size_t)n, now_ns())) != 0)
		push(w, p);
	return true;
}

static void
give(struct way *w, uint64_t now)
{
	const struct packet *p;

	while ((p = first(w)) != NULL && p->at <= now) {
		if (write(w->to, p->b, p->n) < 0) /* its device is not up, say */
			w->refused++;
		pop(w, p);
	}
}

static void
carry(struct way w[2], struct line *l)
{
	while (!ended) {
		struct pollfd p[2] = {{w[0].from, POLLIN, 0}, {w[1].from, POLLIN, 0}};
		uint64_t now = now_ns(), next = now + SECOND - 1;
		struct timespec wait;

		for (int i = 0; i < 2; i++) {
			const struct packet *k;

			give(&w[i], now);
			if ((k = first(&w[i])) != NULL && k->at < next)
				next = k->at;
		}
		now = now_ns();
		wait = (struct timespec){0, (long)(next > now ? next - now : 0)};
		if (ppoll(p, 2, &wait, NULL) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			for (int k = 0; k < TURN && take(&w[i], l); k++)
				;
	}
}

/* --- before and after --- */

static void
way_init(struct way *w, const char *name, int from, int to)
{
	*w = (struct way){.name = name, .from = from, .to = to, .ring = malloc(RING)};
	if (w->ring == NULL)
		die("memory");
}

/* The class that so many of a hundred packets do not exceed, in ms. */
static unsigned
wait_of(const struct way *w, unsigned percent)
{
	uint64_t all = w->carried + w->lost, seen = 0;
	unsigned i = 0;

	while (i < WAITS - 1 && (seen += w->waited[i]) * 100 < all * percent)
		i++;
	return i;
}

static void
report(const struct way *w)
{
	printf("%s carried=%llu lost=%llu dropped=%llu refused=%llu "
	       "wait_ms_p50=%u wait_ms_p99=%u wait_ms_max=%u\n",
	       w->name, (unsigned long long)w->carried, (unsigned long long)w->lost,
	       (unsigned long long)w->dropped, (unsigned long long)w->refused,
	       wait_of(w, 50), wait_of(w, 99), wait_of(w, 100));
}

static bool
option(struct line *l, const char *s)
{
	const char *eq = strchr(s, '=');
	char *end;
	double v = eq == NULL ? 0 : strtod(eq + 1, &end);

	if (eq == NULL || *end != '\0' || end == eq + 1 || !(v >= 0 && v <= 1e6))
		return false;
	if (strncmp(s, "delay=", 6) == 0)
		l->delay_ns = (uint64_t)(v * MILLI_NS);
	else if (strncmp(s, "loss=", 5) == 0 && v <= 100)
		l->loss = (uint32_t)(v / 100 * UINT32_MAX);
	else if (strncmp(s, "rate=", 5) == 0)
		l->rate = (uint64_t)(v * 125000);
	else if (strncmp(s, "queue=", 6) == 0)
		l->queue = (uint64_t)(v * 1000);
	else if (strncmp(s, "seed=", 5) == 0)
		l->seed = (uint64_t)v * 2 + 1;
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	struct line l = {.queue = 256000, .seed = 88172645463325252u};
	static struct way w[2];
	int a, b;

	for (int i = 3; i < argc; i++)
		if (!option(&l, argv[i]))
			argc = 0;
	if (argc < 3) {
		fprintf(stderr, "usage: path NS-A NS-B [delay=MS] [loss=PERCENT] "
				"[rate=MBIT] [queue=KB] [seed=N]\n");
		return 2;
	}
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	a = tun(argv[1]);
	b = tun(argv[2]);
	way_init(&w[0], "a-b", a, b);
	way_init(&w[1], "b-a", b, a);
	puts("ready");
	fflush(stdout);
	carry(w, &l);
	for (int i = 0; i < 2; i++)
		report(&w[i]);
	return 0;
}
