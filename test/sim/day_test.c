/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/driver test/sim/stack test/sim/disk test/sim/scsi test/sim/mic test/sim/pad test/sim/kernel test/sim/ends test/sim/cutter core/door test/sim/net core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own core/imports core/wire_tail core/imports_msg core/wire_iso core/import core/iurb core/iurb_iso core/iso core/retq core/exports core/exported core/after core/export core/xurb core/tombs core/urbs core/bench core/wire core/usbip core/desc core/text core/log core/err core/session core/session_link core/session_tail core/tail_out core/tail_in core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/arq_path core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/cur core/mem core/enumerate core/desc_edit core/desc_cache core/stock_client core/stock_out core/behind core/assist_way core/isoin core/isoout test/sim/port */
/* clang-format on */
/*
 * A day of one session whose device is plugged in and pulled out, or detached, all the
 * time, at work or at rest, while links are lost and made: each hour, when nothing is
 * attached and nothing on its way, the memory of both ends is what it was after the
 *first. SIM_HOURS=n: so many (24 in make check-long). SIM_SEED=n: another day.
 */
#include "test/sim/cutter.h"
#include "test/sim/driver.h"
#include "test/test.h"

#define SECOND     1000000ull
#define MINUTE     (60 * SECOND)
#define HOUR       (60 * MINUTE)
#define PATIENCE   (5 * MINUTE) /* for one piece of work */
#define MEMORY_MAX (1u << 20)   /* bytes of an end at any time */

struct day {
	struct stack s;
	struct driver d;
	struct cutter c;
	uint64_t seed;
	uint64_t event_at; /* the next thing that happens to the link */
	size_t first[2];   /* bytes of each end after an hour; 0: not yet */
	size_t most;
	unsigned plugs, pulls, events;
};

static uint64_t
below(struct day *y, uint64_t n)
{
	return net_random(&y->seed) % n;
}

static void
step(struct day *y, uint64_t until)
{
	uint64_t now = y->s.ends.now;

	if (now >= y->event_at) {
		cutter_cut(&y->c, (enum cut_kind)below(y, CUT_KINDS));
		y->event_at = now + SECOND + below(y, 2 * MINUTE);
		y->events++;
	}
	until = y->event_at < until ? y->event_at : until;
	stack_step(&y->s, cutter_turn(&y->c, until));
	for (int i = 0; i < 2; i++)
		if (y->s.ends.end[i].pool.used > y->most)
			y->most = y->s.ends.end[i].pool.used;
}

/* Nobody has anything to do. */
static void
rest(struct day *y, uint64_t us)
{
	uint64_t end = y->s.ends.now + us;

	while (y->s.ends.now < end && !stack_bad(&y->s))
		step(y, end);
}

/* Until it is done, or the device is pulled out in the middle of it. */
static bool
work(struct day *y)
{
	uint64_t late = y->s.ends.now + PATIENCE;
	uint64_t pull = below(y, 2) ? y->s.ends.now + below(y, 2 * SECOND) : UINT64_MAX;

	driver_init(&y->d, &y->s, (uint32_t)below(y, 60000),
		    512 + (uint32_t)below(y, 30000));
	while (driver_run(&y->d) && !stack_bad(&y->s) && y->s.ends.now < late) {
		if (y->s.ends.now >= pull && !y->s.disk.unplugged) {
			stack_unplug(&y->s);
			y->pulls++;
		}
		step(y, y->s.ends.now + 10000);
	}
	return y->s.ends.now < late;
}

/* A link that both ends have, and that nothing happens to: stack.c does not dial. */
static void
calm(struct day *y)
{
	cutter_mend(&y->c);
	ends_relink(&y->s.ends);
}

/* A device from its coming to its going. */
static bool
one_device(struct day *y)
{
	bool ok = work(y);

	if (ok && !y->d.gone && below(y, 3) == 0)
		rest(y, below(y, MINUTE));
	calm(y);
	if (!stack_bad(&y->s))
		driver_end(&y->d);
	ok = ok && y->d.wrong == NULL && y->d.gone == y->s.removed;
	if (!ok)
		printf("# %s, step %u\n", y->d.wrong ? y->d.wrong : "no end", y->d.step);
	ok = ok && stack_detach(&y->s);
	stack_part(&y->s);
	return ok && !stack_bad(&y->s);
}

/* With a link that is new, so that it knows as much as any other. */
static void
look_at_memory(struct day *y)
{
	calm(y);
	y->event_at = UINT64_MAX;
	rest(y, 10 * SECOND);
	y->event_at = y->s.ends.now + SECOND;
	for (int i = 0; i < 2; i++) {
		size_t used = y->s.ends.end[i].pool.used;

		if (y->first[i] == 0)
			y->first[i] = used;
		CHECK_EQ(used, y->first[i]);
	}
}

static void
begin(struct day *y, uint64_t seed)
{
	struct stack_conf c = {
	    .ends = {.arq = cutter_arq, .window = 1 << 20, .budget = 16 << 20},
	    .urb_max = 256 << 10,
	    .import_budget = 4 << 20,
	    .export_budget = 4 << 20};

	memset(y, 0, sizeof(*y));
	y->seed = seed * 31 + 7;
	cutter_network(&y->seed, c.ends.to);
	stack_init(&y->s, seed, &c);
	cutter_init(&y->c, &y->s.ends, seed);
	y->event_at = UINT64_MAX;
	CHECK(stack_attach(&y->s));
	y->event_at = y->s.ends.now + SECOND;
}

static void
a_day(void)
{
	const char *n = getenv("SIM_DAYS"), *one = getenv("SIM_SEED");
	uint64_t hours = 24 * (n != NULL ? strtoull(n, NULL, 10) : 1), looks = 0, start;
	static struct day y;

	begin(&y, one != NULL ? strtoull(one, NULL, 10) : 1);
	start = y.s.ends.now;
	while (looks < hours && !test_failed) {
		y.plugs++;
		CHECK(one_device(&y));
		rest(&y, below(&y, 2 * MINUTE));
		if (!test_failed && y.s.ends.now >= start + (looks + 1) * HOUR) {
			look_at_memory(&y);
			looks++;
		}
		y.s.disk.stalls = 5;
		calm(&y);
		CHECK(stack_replug(&y.s));
	}
	printf("# %llu hours, %u devices, %u pulled at work, %llu links; memory at rest "
	       "%zu and %zu, at most %zu\n",
	       (unsigned long long)looks, y.plugs, y.pulls,
	       (unsigned long long)y.s.ends.generation, y.first[0], y.first[1], y.most);
	CHECK(y.most <= MEMORY_MAX);
	CHECK(y.plugs > 20 * hours && y.pulls > 5 * hours &&
	      y.s.ends.generation > 10 * hours);
	CHECK(stack_detach(&y.s));
	CHECK(stack_fini(&y.s));
}

TEST_MAIN(TEST(a_day))
