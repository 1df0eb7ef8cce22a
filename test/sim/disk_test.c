/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/driver test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/port test/sim/kernel test/sim/ends test/sim/net test/sim/scsi core */
/* clang-format on */
/*
 * A disk over a bad network, whole: the kernel's bytes at one end, a device at
 * the other, everything of core/ between (test/sim/stack). A driver writes and
 * reads, with several urbs at once, gives up in the middle, and recovers; at the
 * end the disk holds what was written, every urb had its one answer, and nobody
 * holds anything. Each seed is another network and another mood.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one.
 */
#include "core/pack.h"
#include "test/sim/driver.h"
#include "test/test.h"

#define PATIENCE 2000000000u /* us of the clock for one run */

/* --- runs --- */

static uint64_t relinks, resumed; /* links made anew in all runs; how many came to be */
static struct pack_stats packed;  /* what both ends have compressed in all runs */

struct run {
	uint32_t write, read;            /* bytes, at most */
	uint64_t cut_at, cut_us;         /* the network is dead; 0: never */
	uint64_t unplug_at;              /* 0: never */
	uint64_t relink_us;              /* links end after so long, about; 0: never */
	void (*before)(struct driver *); /* NULL: nothing */
};

static void
bad_network(struct stack_conf *c, uint64_t seed)
{
	uint64_t s = seed * 31 + 7;

	memset(c, 0, sizeof(*c));
	for (int i = 0; i < 2; i++) {
		struct net_conf *n = &c->ends.to[i];

		*n = (struct net_conf){
		    .loss = 20000, .reorder = 100000, .duplicate = 10000};
		n->delay_us = net_random(&s) % 60000;
		n->jitter_us = net_random(&s) % 10000;
		if (net_random(&s) % 2)
			n->rate = 200000 + net_random(&s) % 20000000;
		n->queue = 20000 + net_random(&s) % 500000;
	}
	c->ends.arq = ends_arq;
	c->ends.arq.mtu = net_random(&s) % 4 ? 1200 : 8900;
	c->ends.arq.cubic = net_random(&s) % 3 == 0;
	c->ends.window = net_random(&s) % 2 ? 1 << 20 : 280 << 10;
	c->ends.budget = 16 << 20;
	c->urb_max = 256 << 10;
	c->import_budget = 4 << 20;
	c->export_budget = 4 << 20;
}

/* Links end at any moment, some for a while, some before they are really there. */
static void
relink(struct stack *s, uint64_t us, uint64_t *at)
{
	uint64_t seed = s->seed + s->ends.now;

	if (*at == 0)
		*at = s->ends.now + net_random(&seed) % us;
	if (s->ends.now < *at)
		return;
	if (s->ends.end[0].arq != NULL && net_random(&seed) % 2) {
		ends_unlink(&s->ends);
		*at = s->ends.now + 1 + net_random(&seed) % 3000000;
	} else {
		ends_relink(&s->ends);
		*at = s->ends.now + 1 + net_random(&seed) % us;
	}
}

static void
events(struct stack *s, const struct run *r, uint64_t start, uint64_t *relink_at)
{
	uint64_t t = s->ends.now - start;

	if (r->cut_us > 0)
		net_cut(s->ends.net, t >= r->cut_at && t < r->cut_at + r->cut_us);
	if (r->unplug_at > 0 && t >= r->unplug_at && !s->disk.unplugged)
		stack_unplug(s);
	if (r->relink_us > 0)
		relink(s, r->relink_us, relink_at);
}

/* What one has sent packed, the other has opened, but for what was on its way. */
static void
look_packed(struct stack *s)
{
	struct pack_stats p;
	bool agreed = s->conf.packs[0] && s->conf.packs[1] && !s->conf.reliable;

	CHECK(!exports_packs(s->exports, &p) || agreed);
	CHECK(p.messages == 0 || agreed);
	CHECK(p.after <= p.before - p.before / 8);
	packed.messages += p.messages;
	packed.before += p.before;
	packed.after += p.after;
}

static bool
run(uint64_t seed, const struct stack_conf *conf, const struct run *r)
{
	static struct stack s;
	static struct driver d;
	bool ok = false;
	uint64_t start, relink_at = 0;

	stack_init(&s, seed, conf);
	s.disk.stalls = 20;
	s.disk.shorts = 100;
	memset(&d, 0, sizeof(d));
	if (stack_attach(&s)) {
		start = s.ends.now;
		driver_init(&d, &s, r->write, r->read);
		if (r->before != NULL)
			r->before(&d);
		while (driver_run(&d) && d.wrong == NULL && !stack_bad(&s) &&
		       s.ends.now < start + PATIENCE) {
			events(&s, r, start, &relink_at);
			stack_step(&s, s.ends.now + 10000);
		}
		net_cut(s.ends.net, false);
		if (s.ends.end[0].arq == NULL || s.ends.end[1].arq == NULL)
			ends_relink(&s.ends);
		if (d.wrong == NULL && !stack_bad(&s))
			driver_end(&d);
		ok = (d.step == DRIVER_FINISHED || d.gone) && d.wrong == NULL &&
		     d.gone == s.removed && stack_detach(&s);
	}
	if (!ok)
		printf("# %s, step %u, command %u, at %llu us\n",
		       d.wrong ? d.wrong : "no end", d.step, d.commands,
		       (unsigned long long)s.ends.now);
	look_packed(&s);
	relinks += s.ends.generation - 1;
	resumed += s.ends.resumed;
	return stack_fini(&s) && ok;
}

static bool packs[2]; /* of the runs that follow */

static bool
seed_runs(uint64_t seed, uint64_t relink_us)
{
	uint64_t s = seed * 17 + 3;
	struct stack_conf c;
	struct run r;

	memset(&r, 0, sizeof(r));
	r.relink_us = relink_us;
	r.write = 1 + net_random(&s) % (512 << 10);
	r.read = 1 + net_random(&s) % (512 << 10);
	if (seed % 7 == 0) {
		r.cut_at = 300000;
		r.cut_us = 1500000;
	}
	if (seed % 9 == 0)
		r.unplug_at = 1 + net_random(&s) % 3000000;
	bad_network(&c, seed);
	memcpy(c.packs, packs, sizeof(packs));
	if (run(seed, &c, &r))
		return true;
	printf("# failed: SIM_SEED=%llu\n", (unsigned long long)seed);
	return false;
}

static void
seeds(uint64_t relink_us, uint64_t usual)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : usual;

	for (uint64_t i = 0; i < n; i++)
		CHECK(seed_runs(first + i, relink_us));
}

static void
disks_by_seed(void)
{
	seeds(0, 300);
	CHECK_EQ(packed.messages, 0);
}

/* No urb is lost and none comes twice when the session goes on over another link. */
static void
disks_over_many_links(void)
{
	relinks = resumed = 0;
	seeds(1500000, 300);
	printf("# %llu new links, %llu of them carried the session\n",
	       (unsigned long long)relinks, (unsigned long long)resumed);
	CHECK(resumed > relinks / 2);
}

/* The same with compressed data, of both ends, and where only one knows them. */
static void
disks_with_compression(void)
{
	memset(&packed, 0, sizeof(packed));
	packs[0] = packs[1] = true;
	seeds(0, 60);
	seeds(1500000, 60);
	printf("# %llu messages, %llu bytes in %llu\n",
	       (unsigned long long)packed.messages, (unsigned long long)packed.before,
	       (unsigned long long)packed.after);
	CHECK(packed.messages > 0);
	memset(&packed, 0, sizeof(packed));
	for (int i = 0; i < 2; i++) {
		packs[0] = i == 0;
		packs[1] = i == 1;
		seeds(0, 5);
	}
	CHECK_EQ(packed.messages, 0);
	packs[0] = packs[1] = false;
}

/* --- a crowd of urbs that wait for data which does not come --- */

#define CROWD       40
#define CROWD_BYTES 65536u

static struct kurb crowd[CROWD];
static unsigned crowd_done, crowd_refused, crowd_unlinked, crowd_gone;

static void
crowd_urb_done(struct kurb *u)
{
	crowd_done++;
	crowd_refused += u->status == -LINUX_ENOMEM;
	crowd_gone += u->status == -LINUX_ESHUTDOWN;
	crowd_unlinked += u->status == -LINUX_ECONNRESET;
	if (u->actual != 0)
		driver_wrong(u->arg, "data from nowhere");
}

static void
submit_crowd(struct driver *d)
{
	static uint8_t room[CROWD_BYTES];

	crowd_done = crowd_refused = crowd_unlinked = crowd_gone = 0;
	for (unsigned i = 0; i < CROWD; i++) {
		crowd[i] = (struct kurb){.ep = DISK_IN,
					 .buf = room,
					 .len = CROWD_BYTES,
					 .done = crowd_urb_done,
					 .arg = d};
		kernel_submit(&d->s->kernel, &crowd[i]);
	}
}

static void
wait_us(struct driver *d, uint64_t us)
{
	uint64_t end = d->s->ends.now + us;

	while (d->s->ends.now < end && !stack_bad(d->s))
		stack_step(d->s, end);
}

static void
unlink_crowd(struct driver *d)
{
	for (unsigned i = 0; i < CROWD; i++)
		if (!list_empty(&crowd[i].link))
			kernel_unlink(&d->s->kernel, &crowd[i]);
	wait_us(d, 5000000);
}

/* Too many for the budget: those fail, at once and alone. */
static void
crowd_and_others(struct driver *d)
{
	uint32_t reports;

	submit_crowd(d);
	wait_us(d, 5000000);
	CHECK(crowd_refused >= 5 && crowd_refused <= 35);
	CHECK_EQ(crowd_done, crowd_refused);
	reports = d->reports;
	driver_ask(d);
	wait_us(d, 5000000);
	CHECK(!d->info_flying && d->info.status == 0);
	CHECK(d->reports > reports);
	unlink_crowd(d);
	CHECK_EQ(crowd_done, CROWD);
	CHECK_EQ(crowd_refused + crowd_unlinked, CROWD);
}

/* Then, with the same stack, all is as ever. */
static void
over_budget_fails_alone(void)
{
	static const struct run r = {
	    .write = 100000, .read = 100000, .before = crowd_and_others};

	for (unsigned i = 0; i < 3; i++) {
		struct stack_conf c;

		bad_network(&c, 1);
		if (i == 0)
			c.import_budget = 1 << 20;
		else if (i == 1)
			c.export_budget = 1 << 20;
		else
			c.serve_budget = 2 << 20;
		CHECK(run(3, &c, &r));
	}
}

static void
crowd_and_unplug(struct driver *d)
{
	submit_crowd(d);
	wait_us(d, 2000000);
	CHECK_EQ(crowd_done, 0);
	stack_unplug(d->s);
	for (unsigned i = 0; i < 4; i++) /* they cross */
		kernel_unlink(&d->s->kernel, &crowd[i * 3]);
	wait_us(d, 5000000);
	CHECK_EQ(crowd_done, CROWD);
	CHECK(crowd_gone >= CROWD - 4 && crowd_gone + crowd_unlinked == CROWD);
	submit_crowd(d);
	CHECK(!d->s->open);
	wait_us(d, 100000);
	CHECK_EQ(crowd_done, CROWD);
	CHECK_EQ(crowd_gone, CROWD);
	CHECK_EQ(d->reports_flying, 0);
}

static void
unplugged_with_urbs_out(void)
{
	static const struct run r = {.before = crowd_and_unplug};

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct stack_conf c;

		bad_network(&c, seed);
		CHECK(run(seed, &c, &r));
	}
}

/* --- over 50 ms --- */

/* The clock's time for so much of the driver's work. */
static uint64_t
far_away(bool plain)
{
	static const struct run r = {.write = 2000000, .read = 2000000};
	static struct stack s;
	static struct driver d;
	struct stack_conf c;
	uint64_t start;

	bad_network(&c, 1);
	for (int i = 0; i < 2; i++)
		c.ends.to[i] = (struct net_conf){.delay_us = 25000, .queue = 1 << 20};
	c.plain = plain;
	stack_init(&s, 7, &c);
	memset(&d, 0, sizeof(d));
	CHECK(stack_attach(&s));
	start = s.ends.now;
	driver_init(&d, &s, r.write, r.read);
	d.patient = true;
	while (driver_run(&d) && d.wrong == NULL && !stack_bad(&s))
		stack_step(&s, s.ends.now + 10000);
	start = s.ends.now - start;
	driver_end(&d);
	CHECK(d.wrong == NULL && d.step == DRIVER_FINISHED);
	CHECK(stack_detach(&s) && stack_fini(&s));
	return start;
}

static void
one_round_trip_each(void)
{
	uint64_t with = far_away(false), without = far_away(true);

	printf("# %llu ms, %llu without\n", (unsigned long long)with / 1000,
	       (unsigned long long)without / 1000);
	CHECK(with * 2 < without);
}

TEST_MAIN(TEST(disks_by_seed), TEST(disks_over_many_links), TEST(disks_with_compression),
	  TEST(over_budget_fails_alone), TEST(unplugged_with_urbs_out),
	  TEST(one_round_trip_each))
