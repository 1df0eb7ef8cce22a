/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/mic test/sim/pad test/sim/port test/sim/stack test/sim/disk test/sim/kernel test/sim/ends test/sim/net test/sim/scsi core */
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

#define URBS     12 /* at most */
#define PACKETS  8
#define ROOM     (MIC_PACKET + 16) /* packets lie apart */
#define RUN_US   1500000u
#define STEP_US  500
#define START_US 100000 /* a stream may stumble so long */

struct stream {
	struct stack *s;
	uint8_t ep;
	struct kurb urb[URBS];
	struct urb_iso iso[URBS][PACKETS];
	uint8_t buf[URBS][PACKETS * ROOM];
	unsigned urbs, flying, delivered, missed, errors;
	uint32_t first;
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
	if (t->last == MIC_NOTHING)
		t->first = k;
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

/* Also one of which all that was read got lost. */
static bool
was_run(const struct kurb *u)
{
	for (uint32_t i = 0; i < PACKETS; i++)
		if (u->iso[i].status != 0 || u->iso[i].actual > 0)
			return true;
	return false;
}

static void
urb_done(struct kurb *u)
{
	struct stream *t = u->arg;

	t->flying--;
	if (u->status != 0 && u->status != -LINUX_ECONNRESET)
		t->wrong = "an urb failed";
	if (u->status == 0 || was_run(u))
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
	*t = (struct stream){.urbs = t->urbs};
	t->s = s;
	t->ep = ep;
	t->last = MIC_NOTHING;
	for (unsigned i = 0; i < t->urbs; i++) {
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
	for (unsigned i = 0; i < t->urbs; i++)
		if (!list_empty(&t->urb[i].link))
			kernel_unlink(&t->s->kernel, &t->urb[i]);
}

static uint64_t run_us = RUN_US;

static bool
streams_run(struct stack *s, struct stream *in, struct stream *out, uint64_t relink)
{
	uint64_t end = s->ends.now + run_us, at = s->ends.now + relink;

	stream_start(in, s, MIC_IN);
	stream_start(out, s, MIC_OUT);
	while (s->ends.now < end && !stack_bad(s) && in->wrong == NULL) {
		stack_step(s, s->ends.now + STEP_US);
		if (relink > 0 && s->ends.now >= at) {
			ends_relink(&s->ends);
			at += relink;
		}
	}
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

/*
 * What the driver saw of a stream is what the device did, but for packets that the
 * network lost: of each of those the driver was told. *lost is how many.
 */
static bool
agree(const struct stream *t, const struct mic_ep *e, unsigned *lost)
{
	unsigned gone = t->errors - e->errors;
	unsigned outside = t->first - e->first + e->last - t->last; /* at the ends */
	bool in = t->ep == MIC_IN, right;

	right = in ? t->delivered + gone == e->delivered : t->delivered == e->delivered;
	right &= in ? t->missed + outside == e->missed + gone : gone == e->empty;
	*lost += gone;
	if (right && t->delivered > 0)
		return true;
	printf("# endpoint %02x: driver has %u lost %u failed %u, device %u %u %u %u\n",
	       t->ep, t->delivered, t->missed, t->errors, e->delivered, e->missed,
	       e->errors, e->empty);
	return false;
}

/* A way between the two, and what is seen at its ends in all runs. */
struct line {
	uint64_t delay;
	uint32_t noise, loss; /* chances of a packet: in a thousand, in a million */
	unsigned urbs;        /* of each driver */
	bool reliable;
	uint64_t relink; /* us after which the link is another; 0: never */
	unsigned missed; /* the device, for no urb was there */
	unsigned lost;   /* the network */
	uint64_t expired;
};

static bool
both_agree(struct line *l, const struct stack *s, const struct stream *in,
	   const struct stream *out)
{
	struct session_stats st;

	l->missed += s->mic.in.missed;
	for (int i = 0; i < 2; i++) {
		session_stats(s->ends.end[i].session, &st);
		l->expired += st.expired;
	}
	return said(in->wrong) && said(out->wrong) && said(s->mic.wrong) &&
	       agree(in, &s->mic.in, &l->lost) && agree(out, &s->mic.out, &l->lost);
}

static bool
run(uint64_t seed, struct line *l)
{
	static struct stack s;
	static struct stream in, out;
	struct stack_conf c = stack_far(l->delay, (uint32_t)(l->delay / 4), l->loss);
	bool ok = false;

	c.reliable = l->reliable;
	c.plain = true;
	for (int i = 0; i < 2; i++)
		c.ends.to[i].reorder = c.ends.to[i].duplicate = l->loss;
	stack_init(&s, seed, &c);
	s.mic.noise = l->noise;
	in.urbs = out.urbs = l->urbs;
	if (stack_attach(&s))
		ok = streams_run(&s, &in, &out, l->relink) &&
		     both_agree(l, &s, &in, &out) && stack_detach(&s);
	return stack_fini(&s) && ok;
}

static void
each_seed(struct line *l)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 30;

	for (uint64_t i = first; i < first + n; i++) {
		CHECK(run(i, l));
		CHECK(l->expired == 0 || l->relink > 0);
		if (test_failed) {
			printf("# SIM_SEED=%llu\n", (unsigned long long)i);
			return;
		}
	}
	printf("# %u missed, %u lost\n", l->missed, l->lost);
}

static void
nothing_is_lost_next_door(void)
{
	struct line l = {.urbs = 5};

	each_seed(&l);
	CHECK_EQ(l.missed + l.lost, 0);
}

/* As far as the driver's urbs reach. */
static void
nothing_is_lost_on_the_way(void)
{
	struct line l = {.delay = 20000, .urbs = 10};

	each_seed(&l);
	CHECK_EQ(l.missed + l.lost, 0);
}

static void
losses_at_a_distance_are_seen(void)
{
	struct line l = {.delay = 20000, .urbs = 5};

	each_seed(&l);
	CHECK(l.missed > 0);
	CHECK_EQ(l.lost, 0);
}

static void
bad_packets_are_seen(void)
{
	struct line l = {.delay = 1000, .noise = 50, .urbs = 5};

	each_seed(&l);
	CHECK(l.missed > 0);
	CHECK_EQ(l.lost, 0);
}

/* One in a hundred: the device never waits, and no more is lost than that. */
static void
only_what_was_lost_is_missing(void)
{
	struct line l = {.delay = 20000, .loss = 10000, .urbs = 12};

	each_seed(&l);
	CHECK(l.missed <= l.lost / 10); /* some are lost twice */
	CHECK(l.lost > 0);
}

static void
a_lossy_link_heals(void)
{
	struct line l = {.delay = 20000, .noise = 20, .loss = 20000, .urbs = 5};

	each_seed(&l);
	CHECK(l.missed > 0);
	CHECK(l.lost > 0);
}

/* What is on the old link's way is lost and told; no urb is, and none comes twice. */
static void
another_link_costs_what_was_on_its_way(void)
{
	struct line l = {.delay = 20000, .urbs = 12, .relink = 170000};

	each_seed(&l);
	CHECK(l.lost > 0);
}

/* To a peer that does not know datagrams. */
static void
without_datagrams_nothing_is_lost(void)
{
	struct line l = {.delay = 20000, .loss = 20000, .urbs = 5, .reliable = true};

	each_seed(&l);
	CHECK(l.missed > 0);
	CHECK_EQ(l.lost, 0);
}

/* --- with what does not wait for the driver --- */

/*
 * What the driver saw of the microphone has no hole but for packets of which it was told,
 * and of what the loudspeaker missed it was told, but for so many packets at the end.
 */
static bool
agree_ahead(const struct stream *in, const struct stream *out, const struct mic *m,
	    unsigned late)
{
	unsigned bad = m->out.empty + m->out.errors;

	printf("# in: %u, %u missing, %u told, %u gaps; out: %u, %u missing, %u told, %u "
	       "gaps, the last at %u ms\n",
	       in->delivered, in->missed, in->errors, m->in.gaps, m->out.delivered, bad,
	       out->errors, m->out.gaps, (unsigned)(m->out.gap_at / 1000));
	return said(in->wrong) && said(out->wrong) && said(m->wrong) &&
	       in->missed <= in->errors + m->in.gaps && in->errors <= in->missed + late &&
	       out->errors <= bad && bad <= out->errors + late &&
	       (late > 100 || (in->delivered > 0 && m->out.delivered > 0));
}

struct far {
	uint64_t delay, jitter, us; /* us: so long */
	uint32_t loss;
	uint64_t relink;
	bool plain;
	uint64_t packet; /* us, by the device's clock */
};

/* Streams; m is what the device saw. */
static bool
run_ahead(uint64_t seed, const struct far *f, struct mic *m)
{
	static struct stack s;
	static struct stream in, out;
	struct stack_conf c = stack_far(f->delay, f->jitter, f->loss);
	bool ok = false;

	c.plain = f->plain;
	stack_init(&s, seed, &c);
	in.urbs = out.urbs = 2; /* 16 ms */
	s.mic.us = f->packet > 0 ? f->packet : MIC_US;
	run_us = f->us;
	if (stack_attach(&s))
		ok = streams_run(&s, &in, &out, f->relink) &&
		     (f->plain ||
		      agree_ahead(&in, &out, &s.mic, f->relink > 0 ? 800 : 40)) &&
		     stack_detach(&s);
	*m = s.mic;
	run_us = RUN_US;
	return stack_fini(&s) && ok;
}

static bool
is_whole(const struct mic *m)
{
	uint64_t begun = m->in.first * m->us + START_US;

	return (m->in.gaps == 0 || m->in.gap_at < begun) &&
	       (m->out.gaps == 0 || m->out.gap_at < begun);
}

/* 50 ms, 10 ms of jitter, a minute; the driver has 16 ms out. */
static void
no_gap_at_a_distance(void)
{
	struct far f = {.delay = 20000, .jitter = 10000, .us = 60000000};
	struct mic m;

	CHECK(run_ahead(1, &f, &m));
	CHECK(is_whole(&m));
	CHECK(m.out.empty + m.out.errors < PACKETS); /* it was stopped in the middle */
	CHECK(m.out.delivered > 59000);
	f.us = 2000000;
	f.plain = true;
	CHECK(run_ahead(1, &f, &m));
	CHECK(m.in.gaps > 1000 && m.out.gaps > 1000);
}

/* The device's clock is not ours: it neither runs dry nor gets more and more behind. */
static void
clocks_differ(void)
{
	for (uint64_t packet = 995; packet <= 1005; packet += 10) {
		const struct far f = {
		    .delay = 20000, .jitter = 10000, .us = 60000000, .packet = packet};
		struct mic m;

		CHECK(run_ahead(3, &f, &m));
		CHECK(is_whole(&m));
		CHECK(m.in.most < 60 && m.out.most < 60);
		CHECK(m.out.delivered > 59000000 / packet);
	}
}

/* One in a hundred is lost: no more is missing than that. */
static void
a_loss_is_no_gap(void)
{
	const struct far f = {
	    .delay = 20000, .jitter = 10000, .us = 60000000, .loss = 10000};
	struct mic m;

	CHECK(run_ahead(2, &f, &m));
	CHECK(is_whole(&m));
	CHECK(m.out.empty > 100 && m.out.empty < 1800);
}

static void
far_streams_by_seed(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 100;
	struct mic m;

	for (uint64_t i = first; i < first + n && !test_failed; i++) {
		uint64_t x = i;
		struct far f = {.us = RUN_US, .delay = net_random(&x) % 50000};

		f.jitter = net_random(&x) % 20000;
		f.loss = net_random(&x) % 3 ? net_random(&x) % 30000 : 0;
		f.relink = net_random(&x) % 4 == 0 ? 150000 + net_random(&x) % 400000 : 0;
		CHECK(run_ahead(i, &f, &m));
		if (test_failed)
			printf("# SIM_SEED=%llu\n", (unsigned long long)i);
	}
}

TEST_MAIN(TEST(nothing_is_lost_next_door), TEST(nothing_is_lost_on_the_way),
	  TEST(losses_at_a_distance_are_seen), TEST(bad_packets_are_seen),
	  TEST(only_what_was_lost_is_missing), TEST(a_lossy_link_heals),
	  TEST(another_link_costs_what_was_on_its_way),
	  TEST(without_datagrams_nothing_is_lost), TEST(no_gap_at_a_distance),
	  TEST(a_loss_is_no_gap), TEST(clocks_differ), TEST(far_streams_by_seed))
