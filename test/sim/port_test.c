/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/port test/sim/kernel test/sim/ends test/sim/net test/sim/scsi core */
/* clang-format on */
/*
 * What is sent to a serial port far away (test/sim/port), written behind its driver and
 * not: the port gets the same, in its order, once; of what did not get there the driver
 * is told, if late; no request overtakes data. Nobody holds anything at the end.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one.
 */
#include "test/sim/stack.h"
#include "test/test.h"

#define WRITERS 4
#define URB     64u
#define REST_US 10000000u

struct hand {
	struct stack *s;
	uint64_t seed;
	unsigned writers; /* urbs that it keeps out */
	bool steady;      /* it only writes */
	struct kurb urb[WRITERS], ask;
	uint8_t buf[WRITERS][URB], ask_buf[8];
	uint32_t number[WRITERS];
	bool out[WRITERS], asking, closing, idle, gone, stalled;
	uint32_t next, told;     /* told: number after the last that it thinks is there */
	bool excused[PORT_URBS]; /* the driver knows that it is not there */
	unsigned failures, unlinks, asked, cleared;
	const char *wrong;
};

static struct stack s;
static struct hand h;

static uint32_t
below(uint32_t n)
{
	return net_random(&h.seed) % n;
}

static void
wrong(const char *what)
{
	if (h.wrong == NULL)
		h.wrong = what;
}

static bool
writes(void)
{
	return !h.gone && !h.stalled && !h.idle && h.next < PORT_URBS - 1;
}

static void submit(unsigned i);

static void
on_done(struct kurb *u)
{
	unsigned i = (unsigned)(u - h.urb);
	uint32_t k = h.number[i];

	h.out[i] = false;
	if (u->status == 0) {
		h.told = k + 1 > h.told ? k + 1 : h.told;
	} else {
		h.excused[k] = true;
		h.failures += u->status != -LINUX_ECONNRESET;
	}
	if (u->status == -LINUX_ESHUTDOWN)
		h.gone = true;
	else if (u->status == -LINUX_EPIPE)
		h.stalled = true;
	else if (u->status != 0 && u->status != -LINUX_EPROTO &&
		 (u->status != -LINUX_ECONNRESET || !u->unlinking))
		wrong("a write ended in another way");
	if (!h.closing && writes() && u->status == 0)
		submit(i);
}

static void
submit(unsigned i)
{
	uint32_t k = h.number[i] = h.next++;

	for (uint32_t n = 0; n < URB; n++)
		h.buf[i][n] = n < 4 ? (uint8_t)(k >> 8 * n) : (uint8_t)(k + n);
	h.urb[i] = (struct kurb){
	    .ep = PORT_OUT, .buf = h.buf[i], .len = URB, .done = on_done, .arg = &h};
	h.out[i] = true;
	kernel_submit(&h.s->kernel, &h.urb[i]);
}

static void
on_asked(struct kurb *u)
{
	h.asking = false;
	if (u->status == -LINUX_ESHUTDOWN)
		h.gone = true;
	else if (u->status != 0)
		wrong("a request failed");
	else if (u->setup[0] == 0x02)
		h.stalled = false;
}

static void
ask(bool clear)
{
	static const uint8_t setup[2][8] = {{0x21, 0x20, 0, 0, PORT_CTL, 0, 7, 0},
					    {0x02, 1, 0, 0, PORT_OUT, 0, 0, 0}};

	h.ask = (struct kurb){
	    .buf = h.ask_buf, .len = setup[clear][6], .done = on_asked, .arg = &h};
	memcpy(h.ask.setup, setup[clear], 8);
	if (!clear) {
		h.ask.setup[2] = (uint8_t)h.told;
		h.ask.setup[3] = (uint8_t)(h.told >> 8);
	}
	h.asking = true;
	h.asked++;
	h.cleared += clear;
	kernel_submit(&h.s->kernel, &h.ask);
}

static unsigned
flying(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h.writers; i++)
		n += h.out[i];
	return n;
}

static void
take_back(unsigned i)
{
	if (h.out[i] && !h.urb[i].unlinking) {
		h.unlinks++;
		kernel_unlink(&h.s->kernel, &h.urb[i]);
	}
}

static void
moods(void)
{
	uint32_t mood = below(3000);

	if (mood < 10) {
		h.idle = !h.idle;
	} else if (mood < 25) {
		take_back(below(h.writers));
	} else if (mood < 30) {
		for (unsigned i = h.writers; i-- > 0;)
			take_back(i);
	} else if (mood < 50 && !h.asking) {
		ask(below(4) == 0);
	}
}

static void
run_hand(void)
{
	if (h.stalled && !h.asking && flying() == 0)
		ask(true);
	else if (!h.steady)
		moods();
	for (unsigned i = 0; i < h.writers && writes(); i++)
		if (!h.out[i])
			submit(i);
}

/* All that can still happen does; then nothing is missing that the driver thinks is
 * there. */
static void
end_hand(void)
{
	uint64_t end = h.s->ends.now + REST_US;

	s.port.stalls = s.port.noise = 0;
	h.steady = true;
	h.idle = false;
	while (h.s->ends.now < end && !h.gone && h.wrong == NULL && !stack_bad(&s) &&
	       h.s->ends.now < end - REST_US + 1000000) {
		run_hand();
		stack_step(&s, s.ends.now + 10000);
	}
	h.closing = true;
	while (s.ends.now < end && !stack_bad(&s) && h.wrong == NULL)
		stack_step(&s, s.ends.now + 10000);
	if (!kernel_idle(&s.kernel))
		wrong("the kernel waits for ever");
}

/*
 * The device failed some: each cost the driver one urb, that one or one behind it, but
 * for those behind which it wrote none. What else is missing the driver knows.
 */
static void
account(void)
{
	unsigned failed = 0;
	bool told = true;

	for (uint32_t k = 0; k < h.next; k++) {
		failed += s.port.failed[k] != 0;
		told = (told && s.port.failed[k] == 0) || h.excused[k];
		if (s.port.failed[k] == 0 && !s.port.had[k] && !h.excused[k] && !h.gone)
			wrong("an urb was lost");
	}
	if (!h.gone && h.cleared == 0 && !told)
		wrong("no failure was told");
	if (h.failures > failed && !h.gone)
		wrong("more failures than there were");
}

struct run {
	bool steady, plain;
	unsigned writers;
	uint64_t rate;
	uint32_t stalls, noise;
	struct stack_life life;
};

static bool
one_turn(void *arg)
{
	(void)arg;
	if (h.wrong != NULL || h.gone)
		return false;
	run_hand();
	return true;
}

static bool
run(uint64_t seed, struct stack_conf *c, const struct run *r)
{
	bool ok = false;

	c->plain = r->plain;
	stack_init(&s, seed, c);
	s.port.rate = r->rate;
	s.port.stalls = r->stalls;
	s.port.noise = r->noise;
	memset(&h, 0, sizeof(h));
	h.s = &s;
	h.seed = seed * 5 + 1;
	h.writers = r->writers;
	h.steady = r->steady;
	if (stack_attach(&s)) {
		stack_live(&s, &r->life, &h.seed, one_turn, NULL);
		if (h.wrong == NULL && !stack_bad(&s))
			end_hand();
		account();
		ok = h.wrong == NULL && !stack_bad(&s) && h.gone == r->life.unplug &&
		     stack_detach(&s);
	}
	if (!ok)
		printf("# %s at %llu us\n", h.wrong ? h.wrong : "no end",
		       (unsigned long long)s.ends.now);
	return stack_fini(&s) && ok;
}

/* 921,600 baud over 50 ms, two urbs of 64 bytes: and a seventh of it without. */
static void
as_quick_as_the_line(void)
{
	struct run r = {.steady = true, .writers = 2, .rate = 92160, .life.us = 10000000};
	struct stack_conf c = stack_far(25000, 0, 0);
	uint64_t told;

	CHECK(run(1, &c, &r));
	told = h.next * (uint64_t)URB;
	printf("# %u bytes/s, %u urbs at once\n",
	       (unsigned)(told * 1000000 / (r.life.us + 1000000)), s.port.most);
	CHECK(told >= r.rate * 105 / 10);
	CHECK(s.port.most * URB <= 16384); /* a fraction of a second */
	r.plain = true;
	CHECK(run(1, &c, &r));
	printf("# without: %u\n",
	       (unsigned)(h.next * (uint64_t)URB * 1000000 / r.life.us));
	CHECK(h.next * (uint64_t)URB * 1000000 / r.life.us < 5000);
}

/* At 9,600 baud the driver is not told of much more than the line can take. */
static void
as_slow_as_the_line(void)
{
	struct run r = {.steady = true, .writers = 2, .rate = 960, .life.us = 20000000};
	struct stack_conf c = stack_far(25000, 0, 0);

	CHECK(run(1, &c, &r));
	printf("# %u urbs at once\n", s.port.most);
	CHECK(s.port.most * URB <= 4096);
}

/* A port that takes nothing does not keep requests away for ever. */
static void
a_request_does_not_wait_for_ever(void)
{
	struct stack_conf c = stack_far(25000, 0, 0);
	uint64_t at;

	stack_init(&s, 1, &c);
	memset(&h, 0, sizeof(h));
	h.s = &s;
	h.writers = 2;
	h.closing = true; /* submits nothing by itself */
	s.port.rate = 1;
	CHECK(stack_attach(&s));
	submit(0);
	while (h.out[0] && !stack_bad(&s) && s.ends.now < 60000000)
		stack_step(&s, s.ends.now + 1000);
	at = s.ends.now;
	h.told = 0; /* it does not mind */
	ask(false);
	while (h.asking && !stack_bad(&s) && s.ends.now < at + 10000000)
		stack_step(&s, s.ends.now + 1000);
	printf("# %u ms\n", (unsigned)((s.ends.now - at) / 1000));
	CHECK(!h.asking);
	CHECK(s.ends.now - at >= 4000000 && s.ends.now - at < 4500000);
	CHECK(stack_detach(&s) && stack_fini(&s));
}

static struct run
any_run(uint64_t seed)
{
	uint64_t x = seed * 77 + 5;
	struct run r = {.life.us = 3000000};

	r.writers = 1 + net_random(&x) % WRITERS;
	r.rate = net_random(&x) % 3 ? 20000 + net_random(&x) % 200000 : 0;
	r.stalls = net_random(&x) % 3 == 0 ? 5 : 0;
	r.noise = net_random(&x) % 4 == 0 ? 10 : 0;
	if (net_random(&x) % 4 == 0)
		r.life.relink_us = 200000 + net_random(&x) % 1000000;
	r.life.unplug = net_random(&x) % 9 == 0;
	return r;
}

static void
hands_by_seed(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 200;
	uint64_t urbs[2] = {0, 0}, unlinks = 0, failures = 0, asked = 0;

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
			urbs[plain] += h.next;
			unlinks += h.unlinks;
			failures += h.failures;
			asked += h.asked;
		}
	}
	printf("# %llu urbs, %llu without; %llu unlinks, %llu failures, %llu requests\n",
	       (unsigned long long)urbs[0], (unsigned long long)urbs[1],
	       (unsigned long long)unlinks, (unsigned long long)failures,
	       (unsigned long long)asked);
	CHECK(urbs[0] > urbs[1]);
}

TEST_MAIN(TEST(as_quick_as_the_line), TEST(as_slow_as_the_line),
	  TEST(a_request_does_not_wait_for_ever), TEST(hands_by_seed))
