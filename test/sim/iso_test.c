/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/mic test/sim/stack test/sim/disk test/sim/kernel test/sim/ends core/door test/sim/net core/bridge core/imports core/imports_msg core/wire_iso core/import core/desc_cache core/desc_edit core/enumerate core/iurb core/iurb_iso core/iso core/retq core/exports core/exported core/export core/xurb core/tombs core/urbs core/bench core/wire core/usbip core/desc core/text core/log core/err core/session core/session_link core/session_tail core/tail_in core/tail_out core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/cur core/mem core/stock_client core/stock_out */
/* clang-format on */
/*
 * A microphone and a loudspeaker over a network, whole (test/sim/stack): the
 * kernel's bytes at one end, streams that wait for nobody at the other. What is
 * lost when the driver's urbs come too late is lost at the device, and the
 * driver sees each packet of it; nothing else may be lost, doubled or changed.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one.
 */
#include "test/sim/stack.h"
#include "test/test.h"

#define URBS    5
#define PACKETS 8
#define ROOM    (MIC_PACKET + 16) /* packets lie apart */
#define RUN_US  1500000u
#define STEP_US 500

struct stream {
	struct stack *s;
	uint8_t ep;
	struct kurb urb[URBS];
	struct urb_iso iso[URBS][PACKETS];
	uint8_t buf[URBS][PACKETS * ROOM];
	unsigned flying, delivered, missed, errors;
	uint32_t last; /* IN: number of the last packet; OUT: of the last one sent */
	uint64_t bytes;
	bool ending;
	const char *wrong;
};

static void
see_packet(struct stream *t, const struct kurb *u, const struct urb_iso *p)
{
	uint32_t k;

	if (p->status != 0) {
		t->errors++;
		if (p->actual != 0)
			t->wrong = "a packet failed and has data";
		return;
	}
	t->delivered++;
	if (t->ep == MIC_OUT)
		return;
	if (!mic_read(u->buf + p->offset, p->actual, &k)) {
		t->wrong = "a packet was changed on its way";
		return;
	}
	if (t->last != MIC_NOTHING && k <= t->last)
		t->wrong = "a packet twice, or out of order";
	if (t->last != MIC_NOTHING)
		t->missed += k - t->last - 1;
	t->last = k;
}

static void
fill(struct stream *t, struct kurb *u)
{
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct urb_iso *p = &u->iso[i];

		*p = (struct urb_iso){.offset = i * ROOM, .length = MIC_PACKET};
		if (t->ep == MIC_OUT)
			p->length = mic_make(u->buf + p->offset, ++t->last);
	}
}

static void
urb_done(struct kurb *u)
{
	struct stream *t = u->arg;

	t->flying--;
	if (u->status != 0 && u->status != -LINUX_ECONNRESET)
		t->wrong = "an urb failed";
	if (u->status == 0 || u->actual > 0)
		for (uint32_t i = 0; i < PACKETS; i++)
			see_packet(t, u, &u->iso[i]);
	if (t->ending || u->status != 0)
		return;
	fill(t, u);
	t->flying++;
	kernel_submit(&t->s->kernel, u);
}

static void
stream_start(struct stream *t, struct stack *s, uint8_t ep)
{
	memset(t, 0, sizeof(*t));
	t->s = s;
	t->ep = ep;
	t->last = MIC_NOTHING;
	for (unsigned i = 0; i < URBS; i++) {
		struct kurb *u = &t->urb[i];

		*u = (struct kurb){.ep = ep,
				   .buf = t->buf[i],
				   .len = sizeof(t->buf[i]),
				   .iso = t->iso[i],
				   .packets = PACKETS,
				   .done = urb_done,
				   .arg = t};
		fill(t, u);
		t->flying++;
		kernel_submit(&s->kernel, u);
	}
}

static void
stream_stop(struct stream *t)
{
	t->ending = true;
	for (unsigned i = 0; i < URBS; i++)
		if (!list_empty(&t->urb[i].link))
			kernel_unlink(&t->s->kernel, &t->urb[i]);
}

static bool
streams_run(struct stack *s, struct stream *in, struct stream *out)
{
	uint64_t end = s->ends.now + RUN_US;

	stream_start(in, s, MIC_IN);
	stream_start(out, s, MIC_OUT);
	while (s->ends.now < end && !stack_bad(s) && in->wrong == NULL)
		stack_step(s, s->ends.now + STEP_US);
	stream_stop(in);
	stream_stop(out);
	end += RUN_US;
	while (s->ends.now < end && !stack_bad(s) && !kernel_idle(&s->kernel))
		stack_step(s, s->ends.now + STEP_US);
	if (in->flying + out->flying > 0)
		printf("# %u and %u urbs are still out\n", in->flying, out->flying);
	return in->flying + out->flying == 0 && !stack_bad(s);
}

static bool
said(const char *what)
{
	if (what != NULL)
		printf("# %s\n", what);
	return what == NULL;
}

/* What the driver saw of a stream is what the device did. */
static bool
agree(const struct stream *t, const struct mic_ep *e)
{
	unsigned missed = t->ep == MIC_IN ? t->missed : e->missed;

	if (t->delivered == e->delivered && missed == e->missed &&
	    t->errors == e->errors && t->delivered > 0)
		return true;
	printf("# endpoint %02x: driver has %u lost %u failed %u, device %u %u %u\n",
	       t->ep, t->delivered, missed, t->errors, e->delivered, e->missed,
	       e->errors);
	return false;
}

static bool
run(uint64_t seed, uint64_t delay, uint32_t noise, uint32_t loss, unsigned *missed)
{
	static struct stack s;
	static struct stream in, out;
	struct stack_conf c = {
	    .urb_max = 256 << 10, .import_budget = 4 << 20, .export_budget = 4 << 20};
	bool ok = false;

	for (int i = 0; i < 2; i++)
		c.ends.to[i] = (struct net_conf){.delay_us = delay,
						 .jitter_us = delay / 4,
						 .loss = loss,
						 .reorder = loss,
						 .duplicate = loss,
						 .queue = 1 << 20};
	c.ends.arq = ends_arq;
	c.ends.window = 1 << 20;
	c.ends.budget = 16 << 20;
	stack_init(&s, seed, &c);
	s.mic.noise = noise;
	if (stack_attach(&s))
		ok = streams_run(&s, &in, &out) && said(in.wrong) && said(out.wrong) &&
		     said(s.mic.wrong) && agree(&in, &s.mic.in) &&
		     agree(&out, &s.mic.out) && stack_detach(&s);
	*missed = s.mic.in.missed;
	return stack_fini(&s) && ok;
}

static void
each_seed(uint64_t delay, uint32_t noise, uint32_t loss, bool loses)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 30;
	unsigned missed;

	for (uint64_t i = first; i < first + n; i++) {
		bool ok = run(i, delay, noise, loss, &missed);

		CHECK(ok);
		CHECK_EQ(missed > 0, loses);
		if (test_failed) {
			printf("# SIM_SEED=%llu\n", (unsigned long long)i);
			return;
		}
	}
}

static void
nothing_is_lost_next_door(void)
{
	each_seed(0, 0, 0, false);
}

static void
losses_at_a_distance_are_seen(void)
{
	each_seed(20000, 0, 0, true);
}

static void
bad_packets_are_seen(void)
{
	each_seed(1000, 50, 0, true);
}

static void
a_lossy_link_heals(void)
{
	each_seed(20000, 20, 20000, true);
}

TEST_MAIN(TEST(nothing_is_lost_next_door), TEST(losses_at_a_distance_are_seen),
	  TEST(bad_packets_are_seen), TEST(a_lossy_link_heals))
