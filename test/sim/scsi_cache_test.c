/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/scsi_driver test/sim/scsi test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/kernel test/sim/ends test/sim/net test/sim/port core */
/* clang-format on */
/*
 * Random commands to a disk with moods that is attached with a write cache, over a bad
 * network. As long as nothing is lost the driver sees what it sees without, and its reads
 * what it has written last. Whenever a flush, or a write that asks for it, has passed,
 *the medium has all that the driver was told is written. Once something is lost no write
 *and no flush passes any more. SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one and
 *tells what is seen.
 */
#include "core/assist.h"
#include "core/unit.h"
#include "test/sim/scsi_driver.h"
#include "test/test.h"

#define MODE 3 /* the op that asks for the modes */

/* What a sector has to be, if the driver is right. */
struct mirror {
	uint8_t bytes[2][SCSI_SECTORS * SCSI_SECTOR];
	bool unsure[2]
		   [SCSI_SECTORS]; /* a write of it failed, who knows how far it came */
};

static uint64_t hits, losses, retries, flushes; /* of all runs */

/* --- what is to be done --- */

static unsigned
script(struct op *op, uint64_t seed)
{
	uint64_t r = seed * 31 + 7;
	unsigned n = scsi_script(op, seed);

	op[MODE].kind = OP_MODE;
	op[MODE].change = false;
	for (unsigned i = MODE + 1; i < n; i++) {
		uint64_t dice = net_random(&r) % 100;

		if (dice < 45)
			op[i].kind = OP_WRITE;
		else if (dice < 53)
			op[i].kind = OP_SYNC;
		else if (dice < 58)
			op[i].kind = OP_FUA;
		if (net_random(&r) % 3 != 0)
			op[i].change = false;
		if (net_random(&r) % 3 != 0)
			op[i].wait = 0;
	}
	return n;
}

static void
moods(struct scsi *disk, uint64_t seed, bool plain)
{
	scsi_init(disk, seed);
	if (seed % 2 == 0)
		memset(disk->mood, SCSI_FINE, sizeof(disk->mood));
	disk->modes = (enum scsi_modes)(seed / 2 % SCSI_MODES);
	disk->no_sync = !plain && disk->type == 0 && seed / 8 % 2;
}

/* --- what has to be --- */

static bool
passed(const struct view *v)
{
	return !v->hung && v->status == 0;
}

static void
written(struct mirror *m, const struct scsi *disk, const struct driver *d,
	const struct op *o, const struct view *v)
{
	unsigned k = disk->medium;

	for (uint32_t i = 0; i < o->sectors; i++) {
		uint32_t lba = o->lba + i;

		m->unsure[k][lba] = !passed(v);
		memcpy(m->bytes[k] + lba * SCSI_SECTOR, d->data + i * SCSI_SECTOR,
		       SCSI_SECTOR);
	}
}

static bool
is_as_read(const struct mirror *m, const struct scsi *disk, const struct driver *d,
	   const struct op *o, const struct view *v)
{
	for (uint32_t i = 0; i < v->got / SCSI_SECTOR; i++) {
		uint32_t lba = o->lba + i;

		if (!m->unsure[disk->medium][lba] &&
		    memcmp(m->bytes[disk->medium] + lba * SCSI_SECTOR,
			   d->data + i * SCSI_SECTOR, SCSI_SECTOR) != 0)
			return false;
	}
	return true;
}

static bool
is_on_disk(const struct mirror *m, const struct scsi *disk)
{
	for (unsigned k = 0; k < 2; k++)
		for (uint32_t i = 0; i < SCSI_SECTORS; i++)
			if (!m->unsure[k][i] &&
			    memcmp(m->bytes[k] + i * SCSI_SECTOR,
				   disk->bytes[k] + i * SCSI_SECTOR, SCSI_SECTOR) != 0)
				return false;
	return true;
}

static const struct unit_cached *
cached(const struct stack *s)
{
	return assist_cached(bridge_assists(s->bridge));
}

/* NULL: it is as it has to be. */
static const char *
judge(struct mirror *m, const struct scsi *disk, const struct driver *d,
      const struct op *o, const struct view *v, bool lost)
{
	bool writes = o->kind == OP_WRITE || o->kind == OP_FUA;

	if (lost && (writes || o->kind == OP_SYNC) && passed(v))
		return "it passes after a loss";
	if (writes)
		written(m, disk, d, o, v);
	if (o->kind == OP_READ && !lost && passed(v) && cached(d->s)->lost_writes == 0 &&
	    !is_as_read(m, disk, d, o, v))
		return "it reads what is old";
	if ((o->kind == OP_SYNC || o->kind == OP_FUA) && passed(v)) {
		flushes++;
		if (cached(d->s)->writes > 0 || !is_on_disk(m, disk))
			return "it is not flushed";
	}
	return NULL;
}

/* Until all is done, or lost. Of a device that hangs a driver has to ask for it. */
static void
settle(struct driver *d, uint64_t seed)
{
	static const struct op sync = {.kind = OP_SYNC, .pieces = 1};
	struct stack *s = d->s;
	uint64_t end = s->ends.now + 10000000;
	struct view v = {0};

	if (seed % 2)
		scsi_perform(d, &sync, &v);
	while (cached(s)->writes > 0 && !stack_bad(s) && s->ends.now < end)
		stack_step(s, s->ends.now + 10000);
	if (cached(s)->writes > 0 || cached(s)->bytes > 0)
		s->wrong = "writes do not end";
}

static void
shake(struct scsi *disk, struct stack *s, uint64_t *r, bool *shaken)
{
	if (net_random(r) % 12 != 0)
		return;
	scsi_run_for(s, net_random(r) % 100000);
	scsi_restart(disk);
	*shaken = true;
}

struct outcome {
	bool lost, shaken;
	struct view view[OPS];
};

static bool
run(uint64_t seed, bool plain, const struct op *op, unsigned n, struct outcome *out,
    struct scsi *disk)
{
	static struct mirror m;
	static struct stack s;
	static struct driver d;
	struct stack_conf c;
	uint64_t r = seed * 3 + 1;
	bool ok = false, lost = false;

	scsi_network(&c, seed);
	c.plain = plain;
	c.cache = !plain;
	moods(disk, seed, plain);
	memcpy(m.bytes, disk->bytes, sizeof(m.bytes));
	memset(m.unsure, 0, sizeof(m.unsure));
	stack_init(&s, seed, &c);
	s.disk.scsi = disk;
	memset(&d, 0, sizeof(d));
	d.s = &s;
	d.fill = seed;
	memset(out, 0, sizeof(*out));
	if (!stack_attach(&s))
		return stack_fini(&s) && false;
	for (unsigned i = 0; i < n && !stack_bad(&s); i++) {
		const char *why = NULL;

		scsi_before(&d, disk, &op[i]);
		if (!plain && seed % 4 == 0 && i > MODE)
			shake(disk, &s, &r, &out->shaken);
		scsi_perform(&d, &op[i], &out->view[i]);
		if (!plain && !stack_bad(&s))
			why = judge(&m, disk, &d, &op[i], &out->view[i], lost);
		if (why != NULL) {
			printf("# op %u: %s\n", i, why);
			s.wrong = why;
		}
		lost = !plain && cached(&s)->lost_writes > 0;
	}
	if (!plain && !stack_bad(&s)) {
		settle(&d, seed);
		hits += cached(&s)->hits;
		out->lost = cached(&s)->lost_writes > 0;
		losses += out->lost;
		retries += out->shaken && !out->lost;
		if (!out->lost && !is_on_disk(&m, disk))
			s.wrong = "it never came to the disk";
	}
	ok = !stack_bad(&s) && stack_detach(&s);
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
	static struct outcome out[2];
	unsigned n = script(op, seed);
	bool ok = run(seed, false, op, n, &out[0], &disk[0]), compare;

	compare = ok && !out[0].lost && !out[0].shaken;
	if (compare)
		ok = run(seed, true, op, n, &out[1], &disk[1]);
	for (unsigned i = 0; i < n; i++) {
		bool alike =
		    !compare || i == MODE || same(&out[0].view[i], &out[1].view[i]);

		if (loud || (ok && !alike)) {
			tell(i, &op[i], &out[0].view[i], "with   ");
			if (compare)
				tell(i, &op[i], &out[1].view[i], "without");
		}
		ok = ok && alike;
	}
	if (compare && ok &&
	    memcmp(disk[0].bytes, disk[1].bytes, sizeof(disk[0].bytes)) != 0) {
		printf("# the media are not the same\n");
		ok = false;
	}
	if (!ok)
		printf("# failed: SIM_SEED=%llu\n", (unsigned long long)seed);
	return ok;
}

static void
nothing_is_lost_in_silence(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
	uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 300;

	for (uint64_t i = 0; i < n; i++)
		CHECK(seed_runs(first + i, one != NULL));
	printf(
	    "# %llu hits, %llu flushes, %llu runs with a loss, %llu without in spite of "
	    "restarts\n",
	    (unsigned long long)hits, (unsigned long long)flushes,
	    (unsigned long long)losses, (unsigned long long)retries);
	if (n >= 100)
		CHECK(hits > 4 * n && flushes > n && losses > n / 20 && retries > n / 20);
}

TEST_MAIN(TEST(nothing_is_lost_in_silence))
