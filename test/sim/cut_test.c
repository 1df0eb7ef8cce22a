/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/driver test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/port test/sim/kernel test/sim/ends test/sim/cutter core/door test/sim/net core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/behind core/assist_way core/isoin core/isoout core/imports core/wire_tail core/imports_msg core/wire_iso core/import core/iurb core/iurb_iso core/iso core/retq core/exports core/exported core/export core/xurb core/tombs core/urbs core/bench core/wire core/usbip core/desc core/text core/log core/err core/session core/session_link core/session_tail core/tail_out core/tail_in core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/keyuse core/arq_path core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/cur core/mem core/enumerate core/desc_edit core/desc_cache core/stock_client core/stock_out test/sim/scsi core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own core/after */
/* clang-format on */
/*
 * A copy onto a disk, and its link cut at any moment of it, in each of the ways that
 * there are (test/sim/cutter). The copy is run once without, to know how long it takes,
 * and then once more with the cut at a random moment of that. In the end the disk holds
 * what was written, and every urb had its one answer and was run once.
 *	SIM_SEEDS=n cuts 10 n times (1,000 unless told), SIM_SEED=n makes that one cut.
 */
#include "test/sim/cutter.h"
#include "test/sim/driver.h"
#include "test/test.h"

#define PATIENCE 300000000u /* us of the clock for one run */

static unsigned cuts[CUT_KINDS], carried[CUT_KINDS], late;

static void
network(struct stack_conf *c, uint64_t seed)
{
	uint64_t s = seed * 31 + 7;

	memset(c, 0, sizeof(*c));
	cutter_network(&s, c->ends.to);
	c->ends.arq = cutter_arq;
	c->ends.arq.cubic = net_random(&s) % 3 == 0;
	c->ends.window = 1 << 20;
	c->ends.budget = 16 << 20;
	c->urb_max = 256 << 10;
	c->import_budget = c->export_budget = 4 << 20;
}

/* at: of the cut, from the start of the copy; UINT64_MAX: none. *took: us. */
static bool
copy(uint64_t seed, enum cut_kind kind, uint64_t at, uint64_t *took)
{
	static struct stack s;
	static struct driver d;
	struct cutter c;
	struct stack_conf conf;
	uint64_t start;
	bool ok = false;

	network(&conf, seed);
	stack_init(&s, seed, &conf);
	memset(&d, 0, sizeof(d));
	if (stack_attach(&s)) {
		start = s.ends.now;
		cutter_init(&c, &s.ends, seed);
		driver_init(&d, &s, 20000 + seed % 7 * 10000, 0);
		while (driver_run(&d) && d.wrong == NULL && !stack_bad(&s) &&
		       s.ends.now < start + PATIENCE) {
			if (s.ends.now - start >= at && c.kind == CUT_KINDS)
				cutter_cut(&c, kind);
			stack_step(&s, cutter_turn(&c, s.ends.now + 10000));
		}
		*took = s.ends.now - start;
		cutter_mend(&c);
		if (d.wrong == NULL && !stack_bad(&s))
			driver_end(&d);
		ok = d.step == DRIVER_FINISHED && d.wrong == NULL && !d.gone &&
		     stack_detach(&s);
	}
	if (!ok)
		printf("# %s, step %u, command %u, at %llu us\n",
		       d.wrong ? d.wrong : "no end", d.step, d.commands,
		       (unsigned long long)s.ends.now);
	if (at != UINT64_MAX && kind < CUT_KINDS) {
		cuts[kind]++;
		carried[kind] += s.ends.resumed;
		late += s.ends.refused;
	}
	return stack_fini(&s) && ok;
}

static bool
seed_cuts(uint64_t seed)
{
	uint64_t s = seed * 17 + 3, took = 0, cut_took;
	enum cut_kind kind = seed % CUT_KINDS;

	if (copy(seed, kind, UINT64_MAX, &took) &&
	    copy(seed, kind, net_random(&s) % took, &cut_took))
		return true;
	printf("# failed: SIM_SEED=%llu, %s\n", (unsigned long long)seed,
	       cut_names[kind]);
	return false;
}

static void
cut_at_random_moments(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL    ? 1
		     : many != NULL ? strtoull(many, NULL, 10) * 10
				    : 1000;

	for (uint64_t i = 0; i < n; i++)
		CHECK(seed_cuts(first + i));
	for (unsigned i = 0; i < CUT_KINDS; i++)
		printf("# %s: %u cuts, %u links went on\n", cut_names[i], cuts[i],
		       carried[i]);
	printf("# %u links came too late for the session\n", late);
	if (n < 100)
		return;
	for (unsigned i = 0; i < CUT_KINDS; i++)
		CHECK(i == CUT_SHORT || i == CUT_PATH ? carried[i] < cuts[i] / 4
						      : carried[i] >= cuts[i] * 9 / 10);
	CHECK(late > 0);
}

TEST_MAIN(TEST(cut_at_random_moments))
