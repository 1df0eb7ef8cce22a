/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/ends test/sim/net core */
/* clang-format on */
/*
 * Requests and responses as a disk would cause them, on several streams over
 * a bad network: every message arrives once, in order, byte for byte, and in
 * the end nobody holds anything. Each seed is another network and other sizes.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one.
 */
#include "test/sim/ends.h"
#include "test/test.h"

#define STREAMS  6
#define DEPTH    4 /* requests of a stream that wait for their response */
#define LARGEST  65536u
#define TOTAL    (1u << 20) /* bytes each way */
#define PATIENCE 600000000u /* us of the clock for one run */

struct job {
	struct ends *ends;
	int side;      /* 0 asks, 1 answers */
	uint64_t seed; /* of the sizes and bytes */
	uint64_t mood; /* of what varies from call to call */
	uint32_t total, bytes[STREAMS];
	uint32_t asked[STREAMS], heard[STREAMS];
	bool full[STREAMS]; /* said ERR_FULL */
	uint64_t retry_at;
	uint32_t fullness; /* of a million messages so many are refused at first */
	unsigned wrong;
};

static uint32_t
sid_of(uint32_t k)
{
	return k == 0 ? STREAM_SESSION : stream_of(k, k % 2 ? 0x81 : 0x02);
}

static uint32_t
index_of(uint32_t sid)
{
	return stream_dev(sid);
}

/* A message is known by who sends it, where, and its number. */
static uint64_t
about(const struct job *j, int from, uint32_t k, uint32_t nr)
{
	return j->seed * 1000003 + ((uint64_t)k << 40) + ((uint64_t)nr << 1) +
	       (uint64_t)from;
}

static uint32_t
size_of(uint64_t what)
{
	uint64_t r = what;
	uint32_t n = net_random(&r);

	return n % 2 == 0 ? n / 2 % 64 : n / 4 % (LARGEST + 1);
}

static void
draw(uint8_t *p, uint32_t n, uint64_t what)
{
	uint64_t x = what * 0x9e3779b97f4a7c15u | 1;

	for (uint32_t i = 0; i < n; i += 8) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		memcpy(p + i, &x, n - i < 8 ? n - i : 8);
	}
}

static int
send_it(struct job *j, uint32_t k, uint32_t nr)
{
	static uint8_t buf[LARGEST];
	uint64_t what = about(j, j->side, k, nr), index = 0;
	uint32_t n = size_of(what);
	struct session_slice sl[] = {{buf, n / 3}, {buf + n / 3, n - n / 3}};
	int r;

	draw(buf, n, what);
	r = session_send(j->ends->end[j->side].session, sid_of(k), (uint8_t)nr, sl, 2,
			 &index);
	j->wrong += r == ERR_OK && index != nr;
	j->total += r == ERR_OK ? n : 0;
	return r;
}

static bool
is_right(const struct job *j, const struct session_msg *m, uint32_t k)
{
	static uint8_t want[LARGEST], have[LARGEST];
	uint64_t what = about(j, !j->side, k, j->heard[k]);

	if (m->index != j->heard[k] || m->type != (uint8_t)m->index ||
	    m->len != size_of(what))
		return false;
	draw(want, m->len, what);
	session_msg_read(m, 0, have, m->len);
	return memcmp(want, have, m->len) == 0;
}

static int
message(void *arg, const struct session_msg *m)
{
	struct job *j = arg;
	uint32_t k = index_of(m->sid);

	if (net_random(&j->mood) % 1000000 < j->fullness) {
		j->full[k] = true;
		if (j->retry_at == UINT64_MAX)
			j->retry_at = j->ends->now + 1 + net_random(&j->mood) % 20000;
		return ERR_FULL;
	}
	if (j->wrong == 0 && !is_right(j, m, k))
		j->wrong++;
	j->heard[k]++;
	if (j->side == 1)
		j->wrong += send_it(j, k, (uint32_t)m->index) != ERR_OK;
	return ERR_OK;
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	*prio = sid == STREAM_SESSION ? STREAM_PRIO_SESSION : STREAM_PRIO_BULK;
	return index_of(sid) < STREAMS ? ERR_OK : ERR_PROTO;
}

static void
wake(void *arg)
{
	(void)arg;
}

static const struct session_ops owner = {message, accept, wake};

static void
retry(struct job *j)
{
	if (j->ends->now < j->retry_at)
		return;
	j->retry_at = UINT64_MAX;
	for (uint32_t k = 0; k < STREAMS; k++)
		if (j->full[k]) {
			j->full[k] = false;
			session_retry(j->ends->end[j->side].session, sid_of(k));
		}
}

/* Keeps DEPTH requests of each stream on their way; false: all were asked. */
static bool
ask(struct job *j, uint32_t total)
{
	for (uint32_t k = 0; k < STREAMS; k++)
		while (j->total < total && j->asked[k] < j->heard[k] + DEPTH)
			j->wrong += send_it(j, k, j->asked[k]++) != ERR_OK;
	return j->total < total;
}

static bool
all_heard(const struct job *j)
{
	for (uint32_t k = 0; k < STREAMS; k++)
		if (j->heard[k] < j->asked[k])
			return false;
	return true;
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool
finished(struct ends *e, struct job job[2], uint32_t total)
{
	retry(&job[0]);
	retry(&job[1]);
	return !ask(&job[0], total) && all_heard(&job[0]) && ends_idle(e);
}

struct run {
	uint32_t total, fullness;
	uint64_t cut_at, cut_for; /* us; 0: no cut */
};

static void
cut(struct ends *e, const struct run *r, uint64_t start)
{
	if (r->cut_for > 0)
		net_cut(e->net, e->now >= start + r->cut_at &&
				    e->now < start + r->cut_at + r->cut_for);
}

/* Returns how long it took, in us, rounded up; 0: it went wrong, and what is printed. */
static uint64_t
run(uint64_t seed, const struct ends_conf *conf, const struct run *r)
{
	static const struct session_ops *const ops[2] = {&owner, &owner};
	struct job job[2] = {{0}, {0}};
	void *const arg[2] = {&job[0], &job[1]};
	struct ends e;
	uint64_t start, took = 0;
	bool clean, done;

	for (int i = 0; i < 2; i++)
		job[i] = (struct job){.ends = &e,
				      .side = i,
				      .seed = seed,
				      .mood = seed + 77,
				      .retry_at = UINT64_MAX,
				      .fullness = r->fullness};
	ends_init(&e, seed, conf, ops, arg);
	for (uint32_t k = 0; k < STREAMS; k++)
		if (session_open(e.end[0].session, sid_of(k),
				 k ? STREAM_PRIO_BULK : STREAM_PRIO_SESSION) != ERR_OK)
			job[0].wrong++;
	start = e.now;
	while (!(done = finished(&e, job, r->total)) && e.now < start + PATIENCE &&
	       ends_failed(&e) == ERR_OK && job[0].wrong + job[1].wrong == 0) {
		uint64_t until = sooner(job[0].retry_at, job[1].retry_at);

		took = e.now - start;
		cut(&e, r, start);
		(void)ends_step(&e, sooner(until, e.now + 100000));
	}
	if (!done || !all_heard(&job[1]))
		printf("# done %d at %llu us: %s, wrong %u and %u\n", done,
		       (unsigned long long)took, ends_failed(&e) ? "failed" : "alive",
		       job[0].wrong, job[1].wrong);
	clean = ends_fini(&e);
	if (!clean)
		printf("# memory is left\n");
	return done && clean ? took + 1 : 0;
}

static const struct net_conf bad_way = {
    .delay_us = 20000,
    .jitter_us = 3000,
    .loss = 20000,
    .reorder = 100000,
    .duplicate = 10000,
};

static void
bad_network(struct ends_conf *c, uint64_t seed)
{
	uint64_t s = seed * 31 + 7;

	for (int i = 0; i < 2; i++) {
		c->to[i] = bad_way;
		c->to[i].delay_us = net_random(&s) % 60000;
		c->to[i].jitter_us = net_random(&s) % 10000;
		if (net_random(&s) % 2)
			c->to[i].rate = 100000 + net_random(&s) % 20000000;
		c->to[i].queue = 20000 + net_random(&s) % 500000;
	}
	c->arq = ends_arq;
	c->arq.mtu = net_random(&s) % 4 ? 1200 : 8900;
	c->arq.cubic = net_random(&s) % 3 == 0;
	c->window = 65536u << net_random(&s) % 5;
	if (c->window == 65536)
		c->window += SESSION_MSG_HEAD; /* the largest message just fits */
	c->budget = 64 << 20;
}

static bool
seed_runs(uint64_t seed)
{
	struct ends_conf c;
	struct run r = {.total = TOTAL};

	bad_network(&c, seed);
	r.fullness = seed % 2 ? 200000 : 0;
	if (seed % 5 == 0) {
		r.cut_at = 200000;
		r.cut_for = 1500000;
	}
	if (run(seed, &c, &r) > 0)
		return true;
	printf("# failed: SIM_SEED=%llu\n", (unsigned long long)seed);
	return false;
}

static void
bad_networks_by_seed(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 200;

	for (uint64_t i = 0; i < n; i++)
		CHECK(seed_runs(first + i));
}

struct profile {
	const char *name;
	struct net_conf way;
	uint32_t total;
	uint64_t limit_us; /* it has to be done in */
};

static void
profile(const struct profile *p, bool cubic)
{
	struct ends_conf c = {
	    .to = {p->way, p->way}, .arq = ends_arq, .window = 16 << 20};
	struct run r = {.total = p->total};
	uint64_t took;

	c.budget = 256 << 20;
	c.arq.cubic = cubic;
	took = run(1, &c, &r);
	printf("# %s%s: %u bytes each way in %llu us\n", p->name, cubic ? ", cubic" : "",
	       p->total, (unsigned long long)took);
	CHECK(took > 0 && took <= (cubic ? 2 : 1) * p->limit_us);
}

static void
known_networks(void)
{
	static const struct profile all[] = {
	    {"clean, no delay", {0}, 8 << 20, 1000000},
	    {"200 us", {.delay_us = 100}, 8 << 20, 2000000},
	    {"100 Mbit/s, 50 ms, 1 % loss",
	     {.delay_us = 25000, .loss = 10000, .rate = 12500000, .queue = 1 << 20},
	     4 << 20,
	     10000000},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		profile(&all[i], false);
		profile(&all[i], true);
	}
}

static void
a_dead_network_is_seen(void)
{
	struct ends_conf c = {
	    .to = {bad_way, bad_way}, .arq = ends_arq, .window = 1 << 20};
	struct run r = {.total = TOTAL, .cut_at = 100000, .cut_for = PATIENCE};

	c.budget = 64 << 20;
	CHECK_EQ(run(1, &c, &r), 0);
}

TEST_MAIN(TEST(bad_networks_by_seed), TEST(known_networks), TEST(a_dead_network_is_seen))
