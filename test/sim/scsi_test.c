/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/scsi_driver test/sim/scsi test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/kernel test/sim/ends test/sim/net test/sim/port core */
/* clang-format on */
/*
 * Random commands to a disk with moods, over a bad network, once with what shortens the
 * distance (core/assist) and once without: what their driver sees is the same, and so is
 * the medium afterwards. Reads, many of them behind each other, writes before and behind
 * them, other commands, bad sectors, stalls, short data, media that are changed, devices
 * that hang until they are reset, links that end.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one and tells what is seen.
 */
#include "core/assist.h"
#include "test/sim/scsi_driver.h"
#include "test/test.h"

/* --- runs --- */

static uint64_t hits, saved, fallbacks; /* of all runs */

static bool
run(uint64_t seed, bool plain, const struct op *op, unsigned n, struct view *view,
    struct scsi *disk)
{
	static struct stack s;
	static struct driver d;
	struct stack_conf c;
	bool ok = false;

	scsi_network(&c, seed);
	c.plain = plain;
	scsi_init(disk, seed);
	stack_init(&s, seed, &c);
	s.disk.scsi = disk;
	memset(&d, 0, sizeof(d));
	d.s = &s;
	d.fill = seed;
	memset(view, 0, n * sizeof(*view));
	if (stack_attach(&s)) {
		for (unsigned i = 0; i < n && !stack_bad(&s); i++) {
			scsi_before(&d, disk, &op[i]);
			scsi_perform(&d, &op[i], &view[i]);
		}
		if (!plain) {
			const struct ahead_stats *st =
			    assist_stats(bridge_assists(s.bridge), ASSIST_STORAGE);

			hits += st->hits;
			saved += st->saved;
			fallbacks += st->fallbacks;
		}
		ok = !stack_bad(&s) && stack_detach(&s);
	}
	return stack_fini(&s) && ok;
}

static void
tell(unsigned i, const struct op *o, const struct view *v, const char *who)
{
	printf("# %u: %s kind %u at %u, %u sectors: hung %u broken %u status %u key %u "
	       "asc %02x got %u sum %08x\n",
	       i, who, o->kind, o->lba, o->sectors, v->hung, v->broken, v->status, v->key,
	       v->asc, v->got, (unsigned)v->sum);
}

static bool
same(const struct view *a, const struct view *b)
{
	return a->hung == b->hung && !a->broken && !b->broken && a->status == b->status &&
	       a->key == b->key && a->asc == b->asc && a->got == b->got &&
	       a->sum == b->sum;
}

static bool
seed_runs(uint64_t seed, bool loud)
{
	static struct scsi disk[2];
	static struct op op[OPS];
	struct view view[2][OPS];
	unsigned n = scsi_script(op, seed);
	bool ok = true;

	for (unsigned i = 0; i < 2; i++)
		ok = run(seed, i == 1, op, n, view[i], &disk[i]) && ok;
	for (unsigned i = 0; i < n; i++) {
		bool alike = same(&view[0][i], &view[1][i]);

		if (loud || (ok && !alike)) {
			tell(i, &op[i], &view[0][i], "with   ");
			tell(i, &op[i], &view[1][i], "without");
		}
		ok = ok && alike;
	}
	if (memcmp(disk[0].bytes, disk[1].bytes, sizeof(disk[0].bytes)) != 0) {
		printf("# the media are not the same\n");
		ok = false;
	}
	if (!ok)
		printf("# failed: SIM_SEED=%llu\n", (unsigned long long)seed);
	return ok;
}

static void
the_driver_sees_the_same(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 300;

	for (uint64_t i = 0; i < n; i++)
		CHECK(seed_runs(first + i, one != NULL));
	CHECK(seed_runs(98540, false)); /* a status came before its block was done */
	printf("# %llu hits, %llu round trips saved, %llu fall-backs\n",
	       (unsigned long long)hits, (unsigned long long)saved,
	       (unsigned long long)fallbacks);
	if (n >= 100)
		CHECK(hits > 4 * n && saved > 10 * n && fallbacks > n / 50);
}

/* --- 50 ms away --- */

/* The clock's time for all the disk, two sectors at a time. */
static uint64_t
all_of_it(bool plain)
{
	static struct scsi disk;
	static struct op op[3 + SCSI_SECTORS / 2];
	static struct view view[ARRAY_LEN(op)];
	static struct stack s;
	static struct driver d;
	struct stack_conf c;
	uint64_t start;

	memset(op, 0, sizeof(op));
	op[0].kind = OP_INQUIRY;
	op[1].kind = OP_SIZE;
	for (unsigned i = 0; i < SCSI_SECTORS / 2; i++)
		op[2 + i] = (struct op){.kind = OP_READ, .lba = 2 * i, .sectors = 2};
	scsi_network(&c, 1);
	for (int i = 0; i < 2; i++)
		c.ends.to[i] = (struct net_conf){.delay_us = 25000, .queue = 1 << 20};
	c.plain = plain;
	scsi_init(&disk, 1);
	memset(disk.mood, SCSI_FINE, sizeof(disk.mood));
	disk.type = 0;
	stack_init(&s, 1, &c);
	s.disk.scsi = &disk;
	memset(&d, 0, sizeof(d));
	d.s = &s;
	CHECK(stack_attach(&s));
	start = s.ends.now;
	for (unsigned i = 0; i < 2 + SCSI_SECTORS / 2; i++) {
		op[i].pieces = 1;
		scsi_perform(&d, &op[i], &view[i]);
		CHECK(view[i].status == 0 && !view[i].hung && !view[i].broken);
	}
	start = s.ends.now - start;
	CHECK(stack_detach(&s) && stack_fini(&s));
	return start;
}

static void
reads_come_at_once(void)
{
	uint64_t with = all_of_it(false), without = all_of_it(true);

	printf("# %llu ms, %llu without\n", (unsigned long long)with / 1000,
	       (unsigned long long)without / 1000);
	CHECK(with * 15 < without);
}

TEST_MAIN(TEST(the_driver_sees_the_same), TEST(reads_come_at_once))
