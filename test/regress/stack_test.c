/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/port test/sim/kernel test/sim/ends core/door test/sim/net core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/behind core/assist_way core/isoin core/isoout core/stock_out core/stock_client core/imports core/imports_msg core/wire_iso core/import core/desc_cache core/desc_edit core/enumerate core/iurb core/iurb_iso core/iso core/retq core/exports core/exported core/export core/xurb core/tombs core/urbs core/bench core/wire core/usbip core/desc core/text core/log core/err core/session core/session_link core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/keyuse core/arq_path core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/cur core/mem core/wire_tail core/session_tail core/tail_in core/tail_out test/sim/scsi core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own core/after */
/* clang-format on */
/*
 * The regression list (test/regress/LIST) where time and both ends count: all of
 * core/ between a kernel and a device (test/sim/stack), with the times of a real link.
 */
#include "net/link.h"
#include "test/sim/stack.h"
#include "test/test.h"

#define SECOND 1000000ull
#define HOUR   (3600 * SECOND)

static struct stack s;
static uint8_t buf[2][18];
static struct kurb report, info;
static unsigned reports, infos;

static bool cut;

static void
on_report(struct kurb *u)
{
	reports++;
	CHECK_EQ(u->status, 0);
	CHECK_EQ(u->actual, 8);
}

static void
on_info(struct kurb *u)
{
	infos++;
	CHECK_EQ(u->status, 0);
	CHECK_EQ(u->actual, 18);
}

/* Attached, and a driver waits for a report that comes after so long. */
static bool
setup(uint64_t quiet_us)
{
	struct stack_conf c = {.urb_max = 1 << 16};

	for (int i = 0; i < 2; i++)
		c.ends.to[i] = (struct net_conf){.delay_us = 20000};
	c.ends.arq = (struct arq_conf){.mtu = LINK_MTU_MIN,
				       .keepalive_us = LINK_KEEPALIVE_US,
				       .dead_us = LINK_DEAD_US};
	c.ends.window = 1 << 20;
	c.ends.budget = 16 << 20;
	c.import_budget = c.export_budget = 4 << 20;
	stack_init(&s, 1, &c);
	reports = infos = 0;
	if (!stack_attach(&s))
		return false;
	s.disk.report_at = s.ends.now + quiet_us;
	report =
	    (struct kurb){.ep = DISK_REPORT, .buf = buf[0], .len = 8, .done = on_report};
	kernel_submit(&s.kernel, &report);
	return true;
}

static void
ask(void)
{
	info = (struct kurb){.ep = 0x80,
			     /* a vendor's: the standard one is answered here */
			     .setup = "\xc0\6\0\1\0\0\x12",
			     .buf = buf[1],
			     .len = 18,
			     .done = on_info};
	kernel_submit(&s.kernel, &info);
}

/* A link that was lost is made anew once there is a network. */
static void
turn(uint64_t end)
{
	stack_step(&s, s.ends.now + 100000 < end ? s.ends.now + 100000 : end);
	if (!cut && s.ends.end[0].arq == NULL)
		ends_relink(&s.ends);
}

static void
let_pass(uint64_t us)
{
	uint64_t end = s.ends.now + us;

	while (s.ends.now < end && !stack_bad(&s))
		turn(end);
}

static void
teardown(void)
{
	CHECK(!stack_bad(&s));
	if (!stack_bad(&s))
		CHECK(stack_detach(&s));
	CHECK(stack_fini(&s));
}

/* The disk is 1-4.2, its devnum 9: so the kernel names it 1 << 16 | 9. */
static void
devid_is_bus_and_device_number(void)
{
	CHECK(setup(SECOND));
	ask();
	let_pass(2 * SECOND);
	CHECK_EQ(infos, 1);
	CHECK_EQ(reports, 1);
	teardown();
}

static void
an_hour_of_silence(void)
{
	CHECK(setup(HOUR));
	let_pass(HOUR - SECOND);
	CHECK_EQ(ends_failed(&s.ends), ERR_OK);
	CHECK_EQ(s.ends.generation, 1); /* not even a link was lost */
	CHECK_EQ(reports, 0);
	ask();
	let_pass(2 * SECOND);
	CHECK_EQ(infos, 1);
	CHECK_EQ(reports, 1);
	teardown();
}

static void
seconds_without_network(void)
{
	for (unsigned cut_s = 1; cut_s <= 9; cut_s += 2) {
		CHECK(setup(SECOND));
		net_cut(s.ends.net, cut = true);
		ask(); /* and the report comes while nothing gets through */
		let_pass(cut_s * SECOND);
		CHECK_EQ(infos + reports, 0);
		CHECK(s.open && !s.removed);
		net_cut(s.ends.net, cut = false);
		let_pass(20 * SECOND);
		CHECK_EQ(ends_failed(&s.ends), ERR_OK);
		CHECK_EQ(infos, 1);
		CHECK_EQ(reports, 1);
		teardown();
	}
}

TEST_MAIN(TEST_AS("regress 22: devid wrong for hub paths",
		  devid_is_bus_and_device_number),
	  TEST_AS("regress 27: idle socket = disconnect", an_hour_of_silence),
	  TEST_AS("regress 33: network blip = detach", seconds_without_network))
