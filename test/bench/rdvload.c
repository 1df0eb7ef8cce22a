/* SPDX-License-Identifier: ISC */
/*
 * Peers for rendezvous on this machine, each with its own key and, fifty from each of the
 * addresses from 127.1.0.1 on:
 *
 *	rdvload URI[,URI...] HOSTS [GUESTS RATE SECONDS]
 *
 * They go to the nodes in turn and give signs of life; "ready" is said when all have
 * joined. Then the guests make offers, RATE a second in all, each to some host at
 * another node, which answers; what became of them is a line of JSON. It lets go of all
 * when its standard input ends. As many processes as file descriptors ask for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/rdv_uri.h"
#include "core/rdv_wire.h"
#include "net/clock.h"
#include "net/ident.h"
#include "net/tls.h"

#define NODES   8
#define FIRST   0x7f010001u /* 127.1.0.1 */
#define OF_ONE  50          /* peers of one address */
#define SPARE   100         /* file descriptors for other things */
#define AT_ONCE 32          /* handshakes under way */
#define LIFE_US 40000000
#define OFFER   1400 /* bytes of the first words of two peers */
#define WAIT_US 5000000
#define EVENTS  256

struct node {
	struct rdv_uri uri;
	struct sockaddr_in at;
};

struct peer {
	struct load *of;
	int fd;
	bool joined, host;
	struct tls *tls;
};

/* What all processes of it know. */
struct tally {
	atomic_uint sent, delivered, answered, absent;
	atomic_bool go;
	atomic_ullong cpu_us; /* while offers are made */
	uint64_t start, last;
	uint32_t *there, *back; /* us, of each offer that arrived, and of its answer */
	uint8_t (*id)[PEERID];
};

/* One process has every `workers`-th peer, its own beginning with `first`. */
struct load {
	struct node node[NODES];
	unsigned nodes, hosts, guests, rate, seconds;
	unsigned workers, first;
	struct peer *all; /* ours */
	unsigned mine, begun, joined, pinged;
	unsigned sent; /* by us */
	int epoll;
	char dir[32];
	uint64_t life_us; /* since when signs of life are given */
	struct tally *tally;
	uint32_t seed;
};

_Noreturn void
core_panic(const char *file, int line)
{
	fprintf(stderr, "rdvload: ASSERT at %s:%d\n", file, line);
	abort();
}

_Noreturn static void
die(const char *what, const struct peer *x)
{
	fprintf(stderr, "rdvload: peer %ld: %s\n", (long)(x - x->of->all), what);
	exit(1);
}

/* --- one peer --- */

static void
on_output(void *arg, const uint8_t *p, size_t n)
{
	struct peer *x = arg;

	if (write(x->fd, p, n) != (ssize_t)n)
		die("does not take all of it", x);
}

static int
on_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct peer *x = arg;
	uint8_t b[19] = {RDV_MAJOR, RDV_MINOR, x->host ? RDV_HOST : RDV_GUEST, 1};

	(void)id;
	return tls_send(x->tls, RDV_JOIN, b, sizeof(b));
}

/* A parcel without words but the time that is in it, and what fills it up. */
static void
say(struct peer *x, const struct rdv_address *to, uint64_t us, size_t n)
{
	static uint8_t data[OFFER];
	struct rdv_parcel p = {.with = *to, .data = data, .n = n};
	uint8_t b[RDV_BODY];
	struct wr w;

	memcpy(data, &us, sizeof(us));
	wr_init(&w, b, sizeof(b));
	rdv_put_parcel(&w, &p);
	if (tls_send(x->tls, RDV_SEND, b, (size_t)(w.p - b)) != ERR_OK)
		die("cannot send", x);
}

static int
on_deliver(struct peer *x, const uint8_t *body, size_t n)
{
	struct tally *t = x->of->tally;
	struct rdv_parcel p;
	uint64_t us;
	struct rd r;

	rd_init(&r, body, n);
	if (rdv_get_parcel(&r, &p) != ERR_OK || p.n < sizeof(us))
		return ERR_PROTO;
	memcpy(&us, p.data, sizeof(us));
	if (x->host) {
		t->there[t->delivered++] = (uint32_t)(clock_us() - us);
		say(x, &p.with, us, sizeof(us));
	} else {
		t->back[t->answered++] = (uint32_t)(clock_us() - us);
	}
	return ERR_OK;
}

static int
on_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct peer *x = arg;

	if (type == RDV_DELIVER)
		return on_deliver(x, body, n);
	if (type == RDV_END)
		die(rdv_end_text(body[0]), x);
	x->of->tally->absent += type == RDV_ABSENT;
	x->of->joined += type == RDV_JOINED;
	x->joined |= type == RDV_JOINED;
	return ERR_OK;
}

static const struct tls_ops ops = {on_output, on_up, on_message};

static struct ident *
new_ident(const char *dir)
{
	static const char *const files[] = {"key.pem", "cert.pem"};
	char file[300], why[200];
	struct ident *id;

	if (ident_load(&id, dir, why, sizeof(why)) != ERR_OK) {
		fprintf(stderr, "rdvload: %s\n", why);
		exit(1);
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, files[i]);
		unlink(file);
	}
	return id;
}

static int
connect_from(uint32_t address, const struct sockaddr_in *to)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	from.sin_addr.s_addr = htonl(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		perror("rdvload");
		exit(1);
	}
	return fd;
}

/* Number of a peer of ours among all. */
static unsigned
number(const struct load *l, unsigned mine)
{
	return l->first + mine * l->workers;
}

static void
begin(struct load *l, unsigned mine)
{
	const unsigned i = number(l, mine);
	const uint32_t from = FIRST + i % (1 + (l->hosts + l->guests) / OF_ONE);
	const struct node *node = &l->node[i % l->nodes];
	struct peer *x = &l->all[mine];
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = x};
	struct ident *id = new_ident(l->dir);
	struct tls_ctx *ctx = tls_ctx_new(id, TLS_RDV);

	x->of = l;
	x->host = i < l->hosts;
	memcpy(l->tally->id[i], ident_id(id), PEERID);
	x->fd = connect_from(from, &node->at);
	x->tls = tls_new_in(ctx, false, node->uri.pin, &ops, x);
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, x->fd, &ev);
	if (tls_start(x->tls) != ERR_OK)
		die("cannot begin", x);
	tls_ctx_free(ctx);
	ident_free(id);
}

static void
hear(struct peer *x)
{
	uint8_t b[16384];
	ssize_t n = read(x->fd, b, sizeof(b));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || tls_input(x->tls, b, (size_t)n) != ERR_OK)
		die(x->joined ? "was let go" : "is not let in", x);
}

/* --- all of them --- */

/* Signs of life, evenly over the time. */
static void
give_signs(struct load *l, uint64_t now)
{
	uint64_t due;

	if (l->life_us == 0)
		l->life_us = now;
	due = (now - l->life_us) * l->begun / LIFE_US;
	for (; l->pinged < due && l->pinged < l->begun; l->pinged++)
		if (l->all[l->pinged].joined)
			(void)!tls_send(l->all[l->pinged].tls, RDV_PING, NULL, 0);
	if (now < l->life_us + LIFE_US)
		return;
	l->life_us = now;
	l->pinged = 0;
}

/* false: standard input has ended. */
static bool
turn(struct load *l, int wait_ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(l->epoll, ev, EVENTS, wait_ms);
	char c;

	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr != NULL)
			hear(ev[i].data.ptr);
		else if (read(0, &c, 1) <= 0)
			return false;
	}
	give_signs(l, clock_us());
	return true;
}

static void
join_all(struct load *l)
{
	while (l->joined < l->mine) {
		bool more = l->begun < l->mine && l->begun - l->joined < AT_ONCE;

		if (more)
			begin(l, l->begun++);
		(void)turn(l, more ? 0 : 10);
	}
}

static unsigned
dice(struct load *l, unsigned n)
{
	l->seed = l->seed * 1664525u + 1013904223u;
	return (unsigned)((uint64_t)l->seed * n >> 32);
}

/* From the next of our guests. */
static void
offer(struct load *l)
{
	const unsigned hosts = (l->hosts - l->first + l->workers - 1) / l->workers;
	const unsigned mine = hosts + l->sent++ % (l->mine - hosts);
	struct rdv_address to = {.id = {0}};
	unsigned i;

	do
		i = dice(l, l->hosts);
	while (l->nodes > 1 && i % l->nodes == number(l, mine) % l->nodes);
	memcpy(to.id, l->tally->id[i], PEERID);
	l->tally->sent++;
	say(&l->all[mine], &to, clock_us(), OFFER);
}

static uint64_t
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void
make_offers(struct load *l)
{
	const unsigned all = l->rate * l->seconds, n = all / l->workers;
	const uint64_t cpu = cpu_us();
	struct tally *t = l->tally;
	uint64_t last;

	while (l->sent < n) {
		while (l->sent < n && clock_us() >= t->start + (uint64_t)l->sent *
								   l->workers * 1000000 /
								   l->rate)
			offer(l);
		(void)turn(l, 1);
	}
	t->last = last = clock_us();
	t->cpu_us += cpu_us() - cpu;
	while (t->answered + t->absent < all && clock_us() < last + WAIT_US)
		(void)turn(l, 10);
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
put_times(const char *name, uint32_t *us, unsigned n)
{
	qsort(us, n, sizeof(*us), by_size);
	printf(",\"%s\":%u,\"%s_us\":{\"p50\":%u,\"p99\":%u,\"max\":%u}", name, n, name,
	       n > 0 ? us[n / 2] : 0, n > 0 ? us[(uint64_t)n * 99 / 100] : 0,
	       n > 0 ? us[n - 1] : 0);
}

static void
report(struct tally *t)
{
	printf("{\"offers\":%u,\"seconds\":%.2f,\"cpu_s\":%.2f,\"absent\":%u", t->sent,
	       (double)(t->last - t->start) / 1e6, (double)t->cpu_us / 1e6, t->absent);
	put_times("delivered", t->there, t->delivered);
	put_times("answered", t->back, t->answered);
	printf("}\n");
	fflush(stdout);
}

/* --- start --- */

static bool
read_node(struct node *n, const char *text)
{
	char host[RDV_ADDR], *port;

	if (rdv_uri_read(text, &n->uri) != ERR_OK)
		return false;
	memcpy(host, n->uri.addr, sizeof(host));
	if ((port = strrchr(host, ':')) == NULL)
		return false;
	*port++ = '\0';
	n->at.sin_family = AF_INET;
	n->at.sin_port = htons((uint16_t)atoi(port));
	return inet_pton(AF_INET, host, &n->at.sin_addr) == 1;
}

static bool
options(struct load *l, int argc, char **argv)
{
	unsigned *const numbers[] = {&l->hosts, &l->guests, &l->rate, &l->seconds};

	if (argc != 3 && argc != 6)
		return false;
	for (char *t = strtok(argv[1], ","); t != NULL; t = strtok(NULL, ","))
		if (l->nodes == NODES || !read_node(&l->node[l->nodes++], t))
			return false;
	for (int i = 2; i < argc; i++)
		*numbers[i - 2] = (unsigned)atoi(argv[i]);
	return l->nodes > 0 && l->hosts > l->nodes &&
	       (argc == 3 || (l->guests > 0 && l->rate > 0 && l->seconds > 0));
}

static void *
shared(size_t n)
{
	void *p =
	    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("rdvload: mmap");
		exit(1);
	}
	return p;
}

static void
prepare(struct load *l)
{
	const unsigned n = l->hosts + l->guests, offers = 1 + l->rate * l->seconds;
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	l->workers = 1 + n / (unsigned)(files.rlim_cur - SPARE);
	l->tally = shared(sizeof(*l->tally));
	l->tally->there = shared(offers * sizeof(uint32_t));
	l->tally->back = shared(offers * sizeof(uint32_t));
	l->tally->id = shared(n * sizeof(*l->tally->id));
}

/* Writes a byte when all of its peers have joined, and one when its offers are made. */
static void
work(struct load *l, int done)
{
	struct epoll_event ev = {.events = EPOLLIN};

	l->mine = (l->hosts + l->guests - l->first + l->workers - 1) / l->workers;
	l->seed = l->first;
	snprintf(l->dir, sizeof(l->dir), "/dev/shm/rdvload.XXXXXX");
	l->epoll = epoll_create1(0);
	l->all = calloc(l->mine, sizeof(*l->all));
	if (mkdtemp(l->dir) == NULL || l->epoll < 0 || l->all == NULL) {
		perror("rdvload");
		exit(1);
	}
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, 0, &ev);
	join_all(l);
	rmdir(l->dir);
	(void)!write(done, "j", 1);
	while (!l->tally->go)
		if (!turn(l, 10))
			exit(0);
	if (l->rate > 0)
		make_offers(l);
	(void)!write(done, "o", 1);
	while (turn(l, 100))
		;
	exit(0);
}

static int
start_all(struct load *l)
{
	int done[2];

	if (pipe(done) != 0)
		exit(1);
	for (; l->first < l->workers; l->first++)
		if (fork() == 0) {
			close(done[0]);
			work(l, done[1]);
		}
	close(done[1]);
	return done[0];
}

static void
wait_all(const struct load *l, int done)
{
	char c;

	for (unsigned i = 0; i < l->workers; i++)
		if (read(done, &c, 1) != 1)
			exit(1);
}

int
main(int argc, char **argv)
{
	static struct load l;
	int done;

	if (!options(&l, argc, argv)) {
		fprintf(stderr,
			"usage: rdvload URI[,URI...] HOSTS [GUESTS RATE SECONDS]\n");
		return 2;
	}
	prepare(&l);
	done = start_all(&l);
	wait_all(&l, done);
	printf("ready\n");
	fflush(stdout);
	l.tally->start = clock_us();
	l.tally->go = true;
	wait_all(&l, done);
	if (l.rate > 0)
		report(l.tally);
	while (wait(NULL) > 0)
		;
	return 0;
}
