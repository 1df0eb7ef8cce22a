/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/driver test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/port test/sim/kernel test/sim/ends test/sim/cutter core/door test/sim/net core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/behind core/assist_way core/isoin core/isoout core/imports core/wire_tail core/imports_msg core/wire_iso core/import core/iurb core/iurb_iso core/iso core/retq core/exports core/exported core/export core/xurb core/tombs core/urbs core/bench core/wire core/usbip core/desc core/text core/log core/err core/session core/session_link core/session_tail core/tail_out core/tail_in core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/arq_path core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/cur core/mem core/enumerate core/desc_edit core/desc_cache core/stock_client core/stock_out test/sim/scsi core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own core/after */
/* clang-format on */
/*
 * Hours of one session with a disk and a keyboard on a line that loses a packet in
 * twenty: links are cut in every way that test/sim/cutter knows, get new keys, a side
 * sleeps or its clock jumps, and between that there is work, and rest. Every byte and
 * every urb is checked by the driver's model, and memory does not grow.
 *	SIM_HOURS=n: so many (10 in make check-long, with ASan). SIM_SEED=n: another life.
 */
#include "test/sim/cutter.h"
#include "test/sim/driver.h"
#include "test/test.h"

#define SECOND      1000000ull
#define MINUTE      (60 * SECOND)
#define HOUR        (60 * MINUTE)
#define WORN        1000         /* packets of a link that gets a successor */
#define PATIENCE    (5 * MINUTE) /* for one piece of work, but for sleep */
#define MEMORY_MAX  (1u << 20)   /* bytes of an end at any time, */
#define MEMORY_REST (128u << 10) /* and when nothing is on its way */

struct life {
	struct stack s;
	struct driver d;
	struct cutter c;
	uint64_t seed, end;
	uint64_t event_at; /* the next thing that happens to the link */
	uint64_t work_at;  /* the next piece of work */
	uint64_t late_at;  /* the last one is not done by then */
	uint64_t wake_at;  /* someone sleeps until then; 0: nobody */
	bool stands;       /* and its clock with it */
	uint64_t asleep_at;
	size_t most, most_at_rest; /* bytes */
	unsigned events[CUT_KINDS], sleeps, jumps, keys, works, rests;
};

static uint64_t
below(struct life *l, uint64_t n)
{
	return net_random(&l->seed) % n;
}

static void
bad_line(struct life *l, struct net_conf to[2])
{
	cutter_network(&l->seed, to);
	for (int i = 0; i < 2; i++) {
		to[i].loss = 50000;
		to[i].reorder = 50000;
		to[i].duplicate = 10000;
	}
}

/* --- what happens to the link --- */

static void
fall_asleep(struct life *l)
{
	unsigned who = (unsigned)below(l, 2);

	l->s.ends.end[who].asleep = true;
	l->stands = below(l, 2);
	l->asleep_at = l->s.ends.now;
	l->wake_at = l->s.ends.now + SECOND + below(l, 5 * MINUTE);
	l->sleeps++;
}

static void
wake_up(struct life *l)
{
	for (int i = 0; i < 2; i++) {
		struct end *e = &l->s.ends.end[i];

		if (e->asleep && l->stands)
			e->ahead -= (int64_t)(l->s.ends.now - l->asleep_at);
		e->asleep = false;
	}
	if (l->late_at != UINT64_MAX)
		l->late_at += l->s.ends.now - l->asleep_at;
	l->wake_at = 0;
	l->event_at = l->s.ends.now + SECOND + below(l, MINUTE);
}

static void
happen(struct life *l)
{
	uint64_t what = below(l, CUT_KINDS + 3);
	struct net_conf to[2];

	if (what < CUT_KINDS) {
		cutter_cut(&l->c, (enum cut_kind)what);
		l->events[what]++;
	} else if (what == CUT_KINDS) {
		l->s.ends.end[below(l, 2)].ahead += (int64_t)below(l, 10 * MINUTE);
		l->jumps++;
	} else {
		fall_asleep(l);
	}
	bad_line(l, to); /* the cutter's are better */
	net_change(l->s.ends.net, to);
}

/* As the program does it; the setup, in which the old one goes on, takes no time here. */
static void
renew_keys(struct life *l)
{
	struct arq_stats st;

	if (l->s.ends.end[0].arq == NULL || l->s.ends.end[0].failed != ERR_OK)
		return;
	arq_stats(l->s.ends.end[0].arq, &st);
	if (st.sent < WORN && st.received < WORN)
		return;
	ends_dial(&l->s.ends);
	l->keys++;
}

/* --- work and rest --- */

static void
work(struct life *l)
{
	if (below(l, 3) == 0)
		l->d.to_write += (uint32_t)(1 + below(l, 100000));
	l->d.to_read += (uint32_t)(512 + below(l, 30000));
	l->d.step = DRIVER_IDLE;
	l->late_at = l->s.ends.now + PATIENCE;
	l->works++;
}

static bool
at_rest(const struct life *l)
{
	return l->d.step == DRIVER_FINISHED && ends_idle(&l->s.ends) && l->wake_at == 0;
}

static void
look_at_memory(struct life *l)
{
	bool rest = at_rest(l);

	for (int i = 0; i < 2; i++) {
		size_t used = l->s.ends.end[i].pool.used;

		l->most = used > l->most ? used : l->most;
		if (rest && used > l->most_at_rest)
			l->most_at_rest = used;
	}
}

/* The work is done: nobody touches disk or keyboard for a while. */
static void
take_a_rest(struct life *l)
{
	uint64_t until;

	if (l->d.step != DRIVER_FINISHED || l->work_at != 0)
		return;
	l->late_at = UINT64_MAX;
	l->rests++;
	until = l->s.ends.now + below(l, below(l, 4) ? 20 * SECOND : 10 * MINUTE);
	l->work_at = until;
	if (below(l, 2))
		l->s.disk.report_at = until;
}

static void
turn(struct life *l)
{
	uint64_t now = l->s.ends.now, until;

	if (now >= l->event_at && l->wake_at == 0) {
		l->event_at = now + SECOND + below(l, MINUTE);
		happen(l);
	}
	if (l->wake_at != 0 && now >= l->wake_at)
		wake_up(l);
	renew_keys(l);
	if (l->work_at != 0 && now >= l->work_at) {
		l->work_at = 0;
		work(l);
	}
	(void)driver_run(&l->d);
	take_a_rest(l);
	look_at_memory(l);
	until = now + (l->d.step == DRIVER_FINISHED ? SECOND : 10000);
	until = l->event_at < until && l->event_at > now ? l->event_at : until;
	until = l->work_at > now && l->work_at < until ? l->work_at : until;
	until = l->wake_at > now && l->wake_at < until ? l->wake_at : until;
	stack_step(&l->s, cutter_turn(&l->c, until));
}

static void
begin(struct life *l, uint64_t seed, uint64_t hours)
{
	struct stack_conf c = {
	    .ends = {.arq = cutter_arq, .window = 1 << 20, .budget = 16 << 20},
	    .urb_max = 256 << 10,
	    .import_budget = 4 << 20,
	    .export_budget = 4 << 20};

	memset(l, 0, sizeof(*l));
	l->seed = seed * 29 + 11;
	bad_line(l, c.ends.to);
	stack_init(&l->s, seed, &c);
	l->s.disk.stalls = 5;
	l->s.disk.shorts = 20;
	CHECK(stack_attach(&l->s));
	cutter_init(&l->c, &l->s.ends, seed);
	driver_init(&l->d, &l->s, 100000, 50000);
	l->end = l->s.ends.now + hours * HOUR;
	l->late_at = l->s.ends.now + PATIENCE;
}

static void
report(const struct life *l)
{
	printf("# %u pieces of work in %u commands, %u reports, %u rests; %llu links\n",
	       l->works, l->d.commands, l->d.reports, l->rests,
	       (unsigned long long)l->s.ends.generation);
	for (unsigned i = 0; i < CUT_KINDS; i++)
		printf("# %u times: %s\n", l->events[i], cut_names[i]);
	printf("# %u sleeps, %u jumps of a clock, %u times new keys\n", l->sleeps,
	       l->jumps, l->keys);
	printf("# at most %zu KiB of memory, at rest %zu\n", l->most >> 10,
	       l->most_at_rest >> 10);
}

static void
a_long_life(void)
{
	const char *h = getenv("SIM_HOURS"), *one = getenv("SIM_SEED");
	uint64_t hours = h != NULL ? strtoull(h, NULL, 10) : 1;
	static struct life l;

	begin(&l, one != NULL ? strtoull(one, NULL, 10) : 1, hours);
	while (l.s.ends.now < l.end && l.d.wrong == NULL && !stack_bad(&l.s) &&
	       (l.wake_at != 0 || l.s.ends.now < l.late_at))
		turn(&l);
	CHECK(l.s.ends.now >= l.end);
	if (l.wake_at != 0)
		wake_up(&l);
	cutter_mend(&l.c);
	if (!stack_bad(&l.s) && l.d.wrong == NULL) {
		while (driver_run(&l.d) && !stack_bad(&l.s) && l.s.ends.now < l.late_at)
			stack_step(&l.s, cutter_turn(&l.c, l.s.ends.now + 10000));
		driver_end(&l.d);
	}
	if (l.d.wrong != NULL)
		printf("# %s at %llu s\n", l.d.wrong,
		       (unsigned long long)(l.s.ends.now / SECOND));
	CHECK(l.d.wrong == NULL);
	CHECK(stack_detach(&l.s));
	report(&l);
	CHECK(l.most <= MEMORY_MAX);
	CHECK(l.most_at_rest > 0 && l.most_at_rest <= MEMORY_REST);
	CHECK(l.s.ends.generation > 10 * hours && l.rests > 10 * hours);
	CHECK(stack_fini(&l.s));
}

TEST_MAIN(TEST(a_long_life))
