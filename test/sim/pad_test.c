/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/port test/sim/kernel test/sim/ends test/sim/net test/sim/scsi core */
/* clang-format on */
/*
 * A HID device far away (test/sim/pad), or a serial port that sends, read ahead of its
 * driver and not: what the
 * driver sees is the same but for the time. No report is lost, doubled or late, but for
 * those that a request of the driver made void; every urb has its one answer; nobody
 * holds anything at the end.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one.
 */
#include "test/sim/stack.h"
#include "test/test.h"

#define READERS     4
#define REST_US     10000000u

#define PORT_REPORT 92u /* at one a millisecond: 921,600 baud */

struct hand {
	struct stack *s;
	uint64_t seed;
	unsigned readers; /* urbs that it keeps out */
	bool steady;      /* it only reads */
	bool is_port;
	bool calm; /* it does not begin to read while a request is out */
	struct kurb urb[READERS], ask;
	uint8_t buf[READERS][128], ask_buf[64];
	uint32_t sent_after[READERS]; /* changes that were over when it was submitted */
	bool out[READERS], asking, closing, idle, gone, stalled;
	uint32_t next,
	    changes;   /* number of the next report, as of the last one's changes */
	uint32_t over; /* changes that have ended */
	bool any;      /* a report came after the last change */
	unsigned reports, stalls, errors, unlinks;
	const char *wrong;
};

static uint32_t
below(struct hand *h, uint32_t n)
{
	return net_random(&h->seed) % n;
}

static void
wrong(struct hand *h, const char *what)
{
	if (h->wrong == NULL)
		h->wrong = what;
}

static uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void submit(struct hand *h, unsigned i);

static void
see_report(struct hand *h, const uint8_t *p, uint32_t after)
{
	uint32_t number = le32(p), changes = le32(p + 4);

	h->reports++;
	if (changes < after)
		wrong(h, "a report of before came after");
	if (changes == h->changes && number != h->next)
		wrong(h, "a report was lost, or came twice");
	if (changes < h->changes || changes > h->s->pad.changes)
		wrong(h, "reports out of order");
	else if (changes > h->changes && number != h->s->pad.first[changes])
		wrong(h, "the first report after a change was lost");
	h->next = number + 1;
	h->changes = changes;
}

static bool
reads(const struct hand *h)
{
	return !h->gone && !h->stalled && !h->idle && !(h->calm && h->asking);
}

static void
on_done(struct kurb *u)
{
	struct hand *h = u->arg;
	unsigned i = (unsigned)(u - h->urb);

	h->out[i] = false;
	if (u->status == -LINUX_ESHUTDOWN)
		h->gone = true;
	else if (u->status == 0 && u->actual == h->s->pad.size)
		see_report(h, u->buf, h->sent_after[i]);
	else if (u->status == -LINUX_EPIPE)
		h->stalled = true;
	else if (u->status == -LINUX_EPROTO)
		h->errors++;
	else if (u->status != -LINUX_ECONNRESET || !u->unlinking)
		wrong(h, "a read ended in another way");
	if (!h->closing && reads(h) && u->status == 0)
		submit(h, i); /* from the interrupt, as usbhid does */
}

static void
submit(struct hand *h, unsigned i)
{
	h->urb[i] = (struct kurb){.ep = h->s->pad.ep,
				  .buf = h->buf[i],
				  .len = h->s->pad.size,
				  .done = on_done,
				  .arg = h};
	h->out[i] = true;
	h->sent_after[i] = h->over;
	kernel_submit(&h->s->kernel, &h->urb[i]);
}

static void
on_asked(struct kurb *u)
{
	struct hand *h = u->arg;

	h->asking = false;
	if (u->status == -LINUX_ESHUTDOWN)
		h->gone = true;
	else if (u->status == 0)
		h->over = h->s->pad.changes;
	else if (u->status != -LINUX_ECONNRESET || !u->unlinking)
		wrong(h, "a request failed");
	if (u->status == 0)
		h->stalled = false;
}

/* The last makes the kernel's port reset, as vhci shows it (USBIP.md 1.4). */
static const uint8_t changes[][8] = {
    {0x02, 1, 0, 0, PAD_IN, 0, 0, 0},
    {0x01, 11, 0, 0, PAD_IFACE, 0, 0, 0},
    {0x00, 9, 1, 0, 0, 0, 0, 0},
    {0x80, 6, 0, 1, 0, 0, 64, 0},
    {0x21, 0x0b, 1, 0, PAD_IFACE, 0, 0, 0}, /* of HID alone */
};

static void
ask(struct hand *h, const uint8_t setup[8])
{
	h->ask = (struct kurb){.ep = (setup[0] & 0x80) ? 0x80 : 0x00,
			       .buf = h->ask_buf,
			       .len = setup[6],
			       .done = on_asked,
			       .arg = h};
	memcpy(h->ask.setup, setup, 8);
	if (setup[4] == PAD_IN)
		h->ask.setup[4] = h->s->pad.ep;
	else if (setup[4] == PAD_IFACE)
		h->ask.setup[4] = h->s->pad.iface;
	h->asking = true;
	kernel_submit(&h->s->kernel, &h->ask);
}

static unsigned
flying(const struct hand *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < READERS; i++)
		n += h->out[i];
	return n;
}

static void
take_back(struct hand *h, unsigned i)
{
	if (h->out[i] && !h->urb[i].unlinking) {
		h->unlinks++;
		kernel_unlink(&h->s->kernel, &h->urb[i]);
	}
}

static void
moods(struct hand *h)
{
	uint32_t mood = below(h, 3000);

	if (mood < 5) {
		h->idle = !h->idle;
	} else if (mood < 20) {
		take_back(h, below(h, h->readers));
	} else if (mood < 25) {
		for (unsigned i = h->readers; i-- > 0;)
			take_back(h, i);
	} else if (mood < 30 && !h->asking) {
		ask(h, changes[below(h, ARRAY_LEN(changes) - h->is_port)]);
	} else if (mood < 32 && h->asking && h->ask.setup[0] != 0x80) {
		kernel_unlink(&h->s->kernel, &h->ask);
	}
}

/* As drivers do it: they read nothing until the halt is cleared. */
static void
run_hand(struct hand *h)
{
	if (h->stalled && !h->asking && flying(h) == 0) {
		h->stalls++;
		ask(h, changes[0]);
	} else if (!h->steady) {
		moods(h);
	}
	for (unsigned i = 0; i < h->readers && reads(h); i++)
		if (!h->out[i])
			submit(h, i);
}

static void
settle(struct hand *h, uint64_t us)
{
	uint64_t end = h->s->ends.now + us;

	while (h->s->ends.now < end && !stack_bad(h->s) && h->wrong == NULL)
		stack_step(h->s, h->s->ends.now + 10000);
}

/* The device is moved no more: what it has said by then comes, all of it. */
static void
end_hand(struct hand *h)
{
	uint64_t end = h->s->ends.now + REST_US;

	h->s->pad.until = h->s->ends.now;
	h->s->pad.stalls = h->s->pad.noise = 0;
	h->steady = true;
	h->idle = false;
	while (h->s->ends.now < end && !h->gone && h->wrong == NULL && !stack_bad(h->s)) {
		run_hand(h);
		stack_step(h->s, h->s->ends.now + 10000);
	}
	h->closing = true;
	for (unsigned i = 0; i < h->readers && !h->gone; i++)
		take_back(h, i);
	settle(h, REST_US);
	if (!kernel_idle(&h->s->kernel))
		wrong(h, "the kernel waits for ever");
	if (!h->gone && h->s->pad.number > 0 &&
	    (h->changes == h->s->pad.changes
		 ? h->next != h->s->pad.number
		 : h->s->pad.first[h->s->pad.changes] != h->s->pad.number))
		wrong(h, "a report was lost at the end");
}

struct run {
	bool steady, calm, plain, is_port;
	unsigned readers;
	uint64_t every; /* us: a report */
	uint32_t stalls, noise;
	struct stack_life life;
};

static struct stack s;
static struct hand h;

static void
begin(uint64_t seed, struct stack_conf *c, const struct run *r)
{
	c->plain = r->plain;
	stack_init(&s, seed, c);
	s.pad.every = r->every;
	if (r->is_port) {
		s.pad.ep = PORT_IN;
		s.pad.iface = PORT_IFACE;
		s.pad.size = PORT_REPORT;
	}
	s.pad.stalls = r->stalls;
	s.pad.noise = r->noise;
	s.pad.guarded = r->calm && !r->plain;
	memset(&h, 0, sizeof(h));
	h.s = &s;
	h.seed = seed * 5 + 1;
	h.readers = r->readers;
	h.steady = r->steady;
	h.calm = r->calm;
	h.is_port = r->is_port;
}

static bool
one_turn(void *arg)
{
	(void)arg;
	if (h.wrong != NULL || h.gone)
		return false;
	run_hand(&h);
	return true;
}

static bool
run(uint64_t seed, struct stack_conf *c, const struct run *r)
{
	bool ok = false;

	begin(seed, c, r);
	if (stack_attach(&s)) {
		stack_live(&s, &r->life, &h.seed, one_turn, NULL);
		if (h.wrong == NULL && !stack_bad(&s))
			end_hand(&h);
		ok = h.wrong == NULL && !stack_bad(&s) && h.gone == r->life.unplug &&
		     stack_detach(&s);
	}
	if (!ok)
		printf("# %s at %llu us\n", h.wrong ? h.wrong : "no end",
		       (unsigned long long)s.ends.now);
	return stack_fini(&s) && ok;
}

/* --- runs --- */

/* 1,000 reports a second over 50 ms: all of them, and one each round trip without. */
static void
as_quick_as_the_device(void)
{
	struct run r = {.steady = true, .readers = 1, .every = 1000, .life.us = 11000000};
	struct stack_conf c = stack_far(25000, 0, 0);

	CHECK(run(1, &c, &r));
	printf("# %u reports in 11 s, %u urbs at once\n", h.reports, s.pad.most);
	CHECK(h.reports >= 10450);
	CHECK(s.pad.most <= 130);
	r.plain = true;
	CHECK(run(1, &c, &r));
	printf("# without: %u\n", h.reports);
	CHECK(h.reports < 300);
}

/* A serial port at 921,600 baud, whose driver keeps two reads open. */
static void
as_quick_as_the_line(void)
{
	struct run r = {.steady = true,
			.is_port = true,
			.readers = 2,
			.every = 1000,
			.life.us = 11000000};
	struct stack_conf c = stack_far(25000, 0, 0);

	CHECK(run(1, &c, &r));
	printf("# %u bytes/s, %u urbs at once\n", h.reports * PORT_REPORT / 11,
	       s.pad.most);
	CHECK(h.reports >= 10800);
	r.plain = true;
	CHECK(run(1, &c, &r));
	printf("# without: %u\n", h.reports * PORT_REPORT / 11);
	CHECK(h.reports < 600);
}

/* Who reads seldom gets what is new, not what was kept since he was quick. */
static void
seldom_read_is_not_old(void)
{
	struct stack_conf c = stack_far(10000, 0, 0);
	const struct run r = {.steady = true, .readers = 1, .every = 10000};
	uint32_t last = 0, lag = 0;

	begin(1, &c, &r);
	CHECK(stack_attach(&s));
	h.closing = true; /* submits nothing by itself */
	for (int i = 0; i < 30 && h.wrong == NULL; i++) {
		submit(&h, 0);
		settle(&h, 1000000);
		CHECK(!h.out[0]);
		last = h.next - 1;
		lag = s.pad.number - 1 - last > lag ? s.pad.number - 1 - last : lag;
	}
	CHECK(h.wrong == NULL);
	printf("# at most %u reports behind\n", lag);
	CHECK(lag <= 2);
	CHECK(stack_detach(&s) && stack_fini(&s));
}

static struct run
any_run(uint64_t seed)
{
	uint64_t x = seed * 77 + 5;
	struct run r = {.life.us = 3000000};

	r.is_port = seed % 2;
	r.calm = net_random(&x) % 2;
	r.readers = 1 + net_random(&x) % READERS;
	r.every = net_random(&x) % 3 ? 500 + net_random(&x) % 3000
				     : 20000 + net_random(&x) % 200000;
	r.stalls = net_random(&x) % 3 == 0 ? 5 : 0;
	r.noise = net_random(&x) % 4 == 0 ? 10 : 0;
	if (net_random(&x) % 4 == 0)
		r.life.relink_us = 200000 + net_random(&x) % 1000000;
	r.life.unplug = net_random(&x) % 9 == 0;
	return r;
}

/* Bad networks, drivers that change their minds: with and without. */
static void
hands_by_seed(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 300;
	uint64_t reports[2] = {0, 0}, unlinks = 0, stalls = 0;

	for (uint64_t i = first; i < first + n; i++) {
		for (int plain = 0; plain < 2; plain++) {
			uint64_t x = i;
			struct run r = any_run(i);
			struct stack_conf c = stack_far(net_random(&x) % 60000,
							net_random(&x) % 10000, 20000);

			r.plain = plain;
			if (!run(i, &c, &r)) {
				CHECK(false);
				printf("# failed: SIM_SEED=%llu%s\n",
				       (unsigned long long)i, plain ? " plain" : "");
				return;
			}
			reports[plain] += h.reports;
			unlinks += h.unlinks;
			stalls += h.stalls;
		}
	}
	printf("# %llu reports, %llu without; %llu unlinks, %llu stalls\n",
	       (unsigned long long)reports[0], (unsigned long long)reports[1],
	       (unsigned long long)unlinks, (unsigned long long)stalls);
	CHECK(reports[0] > reports[1]);
}

TEST_MAIN(TEST(as_quick_as_the_device), TEST(as_quick_as_the_line),
	  TEST(seldom_read_is_not_old), TEST(hands_by_seed))
