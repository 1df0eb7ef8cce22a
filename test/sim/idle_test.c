/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/ends test/sim/net core */
/* clang-format on */
/*
 * Links on which nobody has anything to say, with the times that the program uses: they
 * live on bad lines, rest on good ones, and notice an end within five seconds.
 *	SIM_SEEDS=n runs n of them, SIM_HOURS=n so many hours of the clock each.
 */
#include "core/arq_link.h"
#include "net/link.h"
#include "test/sim/ends.h"
#include "test/test.h"

#define SECOND 1000000ull
#define HOUR   (3600 * SECOND)

static int
message(void *arg, const struct session_msg *m)
{
	(void)arg;
	(void)m;
	return ERR_PROTO;
}

static int
accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	(void)sid;
	(void)prio;
	return ERR_PROTO;
}

static void
wake(void *arg)
{
	(void)arg;
}

static const struct session_ops quiet = {message, accept, wake};

static void
begin(struct ends *e, uint64_t seed, const struct net_conf *way)
{
	const struct session_ops *const ops[2] = {&quiet, &quiet};
	void *const arg[2] = {NULL, NULL};
	struct ends_conf c = {.to = {*way, *way},
			      .arq = {.mtu = 1162,
				      .keepalive_us = LINK_KEEPALIVE_US,
				      .dead_us = LINK_DEAD_US},
			      .window = 1 << 20,
			      .budget = 4 << 20};

	ends_init(e, seed, &c, ops, arg);
	e->end[1].arq->conf.keepalive_us = LINK_KEEPALIVE_SERVE_US;
}

static bool
rest(struct ends *e, uint64_t us)
{
	uint64_t end = e->now + us;

	while (ends_failed(e) == ERR_OK && ends_step(e, end))
		;
	return ends_failed(e) == ERR_OK;
}

static unsigned
from_env(const char *name, unsigned usual)
{
	const char *n = getenv(name);

	return n != NULL ? (unsigned)atoi(n) : usual;
}

static void
a_bad_line_is_not_dead(void)
{
	static const struct net_conf ways[] = {{.delay_us = 150000, .loss = 50000},
					       {.delay_us = 150000,
						.jitter_us = 40000,
						.loss = 50000,
						.reorder = 20000,
						.duplicate = 10000},
					       {.delay_us = 2000, .loss = 100000},
					       {.delay_us = 1000000, .loss = 5000}};
	unsigned seeds = from_env("SIM_SEEDS", 20), hours = from_env("SIM_HOURS", 2);

	for (unsigned seed = 1; seed <= seeds && !test_failed; seed++) {
		struct ends e;

		begin(&e, seed, &ways[seed % ARRAY_LEN(ways)]);
		CHECK(rest(&e, hours * HOUR));
		if (test_failed)
			printf("# seed %u, after %llu s\n", seed,
			       (unsigned long long)(e.now / SECOND));
		CHECK(ends_fini(&e));
	}
}

/* What wakes a side: a timer that sends something, a packet that comes. */
static void
a_good_line_is_quiet(void)
{
	static const struct net_conf way = {.delay_us = 10000};
	struct arq_stats s;
	struct ends e;

	begin(&e, 1, &way);
	CHECK(rest(&e, HOUR));
	for (int i = 0; i < 2; i++) {
		arq_stats(e.end[i].arq, &s);
		CHECK(s.sent + s.received < 3600 * 9 / 10);
		CHECK(s.received > 3600 / 5);
		CHECK_EQ(s.probes, 0);
	}
	CHECK(ends_fini(&e));
}

/* Whenever it happens, both sides know it at most five seconds later. */
static void
an_end_is_noticed(void)
{
	static const struct net_conf ways[] = {{.delay_us = 100}, {.delay_us = 150000}};
	uint64_t most = 0;

	for (unsigned k = 0; k < 200 && !test_failed; k++) {
		struct ends e;
		uint64_t cut, at;

		begin(&e, k + 1, &ways[k % 2]);
		CHECK(rest(&e, 10 * SECOND + k * 50021));
		cut = at = e.now;
		net_cut(e.net, true);
		while (e.end[0].failed == ERR_OK || e.end[1].failed == ERR_OK) {
			at = e.now; /* of what this step does */
			if (!ends_step(&e, cut + 6 * SECOND))
				break;
		}
		CHECK_EQ(e.end[0].failed, ERR_TIMEOUT);
		CHECK_EQ(e.end[1].failed, ERR_TIMEOUT);
		CHECK(at - cut <= 5 * SECOND);
		most = at - cut > most ? at - cut : most;
		CHECK(ends_fini(&e));
	}
	printf("# an end was noticed after %llu ms at most\n",
	       (unsigned long long)(most / 1000));
}

TEST_MAIN(TEST(a_bad_line_is_not_dead), TEST(a_good_line_is_quiet),
	  TEST(an_end_is_noticed))
