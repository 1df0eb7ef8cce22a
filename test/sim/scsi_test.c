/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: test/sim/scsi core/assist_kind test/sim/stack test/sim/disk test/sim/mic test/sim/pad test/sim/kernel test/sim/ends core/door test/sim/net core/bridge core/assist core/assist_held core/assist_face core/ahead core/ahead_fetch core/bot core/bot_csw core/bot_far core/bot_late core/bot_take core/unit core/unit_watch core/unit_row core/unit_mend core/unit_own core/imports core/imports_msg core/wire_iso core/import core/iurb core/iurb_iso core/iso core/retq core/exports core/exported core/after core/export core/xurb core/tombs core/urbs core/bench core/wire core/usbip core/desc core/text core/log core/err core/session core/session_link core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/keyuse core/arq_path core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/cur core/mem core/enumerate core/desc_edit core/desc_cache core/stock_client core/stock_out core/wire_tail core/session_tail core/tail_in core/tail_out core/behind core/assist_way core/isoin core/isoout test/sim/port */
/* clang-format on */
/*
 * Random commands to a disk with moods, over a bad network, once with what shortens the
 * distance (core/assist) and once without: what their driver sees is the same, and so is
 * the medium afterwards. Reads, many of them behind each other, writes before and behind
 * them, other commands, bad sectors, stalls, short data, media that are changed, devices
 * that hang until they are reset, links that end.
 *	SIM_SEEDS=n runs n of them, SIM_SEED=n runs that one and tells what is seen.
 */
#include "test/sim/scsi.h"
#include "core/assist.h"
#include "test/sim/stack.h"
#include "test/test.h"

#define OPS     24
#define MOST    24u      /* sectors of one command */
#define URBS    6        /* of data of one command */
#define PATIENT 8000000u /* us that a driver waits for its device */

enum kind { OP_READ, OP_WRITE, OP_READY, OP_SENSE, OP_INQUIRY, OP_SIZE, OP_SYNC, OP_ODD };

struct op {
	enum kind kind;
	uint32_t lba, sectors;
	uint64_t wait;   /* us, before it */
	bool change;     /* the medium, and a long wait */
	unsigned pieces; /* urbs of data */
	uint64_t cut;    /* the network is dead for so long; 0: not */
	bool relink;
};

/* What the driver saw of one. */
struct view {
	bool hung, broken; /* it had to reset; a transport that makes no sense */
	uint8_t status, key, asc;
	uint32_t got; /* bytes that came, or went */
	uint64_t sum;
};

struct driver {
	struct stack *s;
	uint32_t tag;
	uint8_t data[MOST * SCSI_SECTOR], csw[64];
	struct kurb cbw, urb[URBS], status, control;
	unsigned flying;
	uint64_t fill; /* of data that are written */
};

/* --- one thing after the other --- */

static void
done(struct kurb *u)
{
	struct driver *d = u->arg;

	d->flying--;
}

static void
submit(struct driver *d, struct kurb *u, uint8_t ep, uint8_t *buf, uint32_t len)
{
	*u = (struct kurb){.ep = ep, .buf = buf, .len = len, .done = done, .arg = d};
	d->flying++;
	kernel_submit(&d->s->kernel, u);
}

static void
run_for(struct stack *s, uint64_t us)
{
	uint64_t end = s->ends.now + us;

	while (s->ends.now < end && !stack_bad(s))
		stack_step(s, end);
}

/* false: the driver has waited long enough. */
static bool
wait_all(struct driver *d)
{
	uint64_t end = d->s->ends.now + PATIENT;

	while (d->flying > 0 && !stack_bad(d->s) && d->s->ends.now < end)
		stack_step(d->s, d->s->ends.now + 2000);
	return d->flying == 0;
}

static void
control(struct driver *d, const uint8_t setup[8])
{
	d->control = (struct kurb){.done = done, .arg = d};
	memcpy(d->control.setup, setup, 8);
	d->flying++;
	kernel_submit(&d->s->kernel, &d->control);
	if (!wait_all(d) || d->control.status != 0)
		d->s->wrong = "a control request failed";
}

static void
clear_halt(struct driver *d, uint8_t ep)
{
	const uint8_t setup[8] = {2, 1, 0, 0, ep, 0, 0, 0};

	control(d, setup);
}

/* BOT 5.3.4, after all that was out has been taken back. */
static void
reset(struct driver *d)
{
	static const uint8_t setup[8] = {0x21, 0xff, 0, 0, 0, 0, 0, 0};
	struct kurb *all[URBS + 2] = {&d->cbw, &d->status};

	for (unsigned i = 0; i < URBS; i++)
		all[i + 2] = &d->urb[i];
	for (unsigned i = URBS + 2; i-- > 0;)
		if (all[i]->arg != NULL && !list_empty(&all[i]->link))
			kernel_unlink(&d->s->kernel, all[i]);
	if (!wait_all(d))
		d->s->wrong = "a driver cannot take its urbs back";
	control(d, setup);
	clear_halt(d, DISK_IN);
	clear_halt(d, DISK_OUT);
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t
get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* --- a command, as usb-storage does it --- */

/* The data, in pieces, until one of them is short or stalls; bytes that were moved. */
static bool
move(struct driver *d, bool in, uint32_t len, unsigned pieces, uint32_t *moved)
{
	uint32_t each = len / SCSI_SECTOR / pieces * SCSI_SECTOR, at = 0;
	unsigned n = 0;

	each = each == 0 ? len : each;
	for (; at < len; n++) {
		uint32_t some = n == pieces - 1 || len - at < each ? len - at : each;
		struct kurb *u = &d->urb[n];

		submit(d, u, in ? DISK_IN : DISK_OUT, d->data + at, some);
		if (!wait_all(d))
			return false;
		at += some;
		*moved += u->actual;
		if (u->status == -LINUX_EPIPE)
			clear_halt(d, u->ep);
		else if (u->status != 0)
			return false;
		if (u->status != 0 || u->actual < some)
			return true;
	}
	return true;
}

/* true: there is a status. */
static bool
fetch_status(struct driver *d)
{
	for (unsigned i = 0; i < 2; i++) {
		submit(d, &d->status, DISK_IN, d->csw, 13);
		if (!wait_all(d))
			return false;
		if (d->status.status != -LINUX_EPIPE)
			break;
		clear_halt(d, DISK_IN);
	}
	return d->status.status == 0 && d->status.actual == 13 &&
	       memcmp(d->csw, "USBS", 4) == 0 && get32(d->csw + 4) == d->tag;
}

static void
transport(struct driver *d, const uint8_t cdb[16], bool in, uint32_t len, unsigned pieces,
	  struct view *v)
{
	uint8_t cbw[31] = {'U', 'S', 'B', 'C'};
	uint32_t residue, moved = 0;

	for (unsigned i = 0; i < URBS; i++)
		d->urb[i].arg = NULL;
	d->status.arg = NULL;
	put32(cbw + 4, ++d->tag);
	put32(cbw + 8, len);
	cbw[12] = in ? 0x80 : 0;
	cbw[14] = cdb[0] < 0x20 ? 6 : 10;
	memcpy(cbw + 15, cdb, 16);
	submit(d, &d->cbw, DISK_OUT, cbw, sizeof(cbw));
	if (!wait_all(d) || d->cbw.status != 0 || !move(d, in, len, pieces, &moved) ||
	    !fetch_status(d)) {
		v->hung = true;
		reset(d);
		return;
	}
	residue = get32(d->csw + 8);
	v->status = d->csw[12];
	if (residue > len || (in && moved > len - residue))
		v->broken = true;
	v->got = len - residue;
}

static uint64_t
sum_of(const uint8_t *p, uint32_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static void
ask_sense(struct driver *d, struct view *v)
{
	static const uint8_t cdb[16] = {3, 0, 0, 0, 18};
	struct view why;

	memset(&why, 0, sizeof(why));
	memset(d->data, 0, 18);
	transport(d, cdb, true, 18, 1, &why);
	v->key = d->data[2];
	v->asc = d->data[12];
	v->hung = v->hung || why.hung;
}

static void
fill(struct driver *d, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 8) {
		uint64_t x = net_random(&d->fill);

		memcpy(d->data + i, &x, 8);
	}
}

static void
perform(struct driver *d, const struct op *o, struct view *v)
{
	static const uint8_t code[] = {0x28, 0x2a, 0x00, 0x03, 0x12, 0x25, 0x35, 0x1b};
	static const uint32_t lens[] = {0, 0, 0, 18, 36, 8, 0, 0};
	uint32_t len = o->kind <= OP_WRITE ? o->sectors * SCSI_SECTOR : lens[o->kind];
	uint8_t cdb[16] = {code[o->kind]};
	bool in = o->kind != OP_WRITE && len > 0;

	if (o->kind <= OP_WRITE) {
		cdb[4] = (uint8_t)(o->lba >> 8);
		cdb[5] = (uint8_t)o->lba;
		cdb[8] = (uint8_t)o->sectors;
	} else {
		cdb[4] = (uint8_t)len;
	}
	memset(d->data, 0, sizeof(d->data));
	if (o->kind == OP_WRITE)
		fill(d, len);
	transport(d, cdb, in, len, o->pieces, v);
	v->sum = in && !v->hung ? sum_of(d->data, v->got) : 0;
	if (v->status != 0)
		ask_sense(d, v);
}

/* --- what is to be done, by a seed --- */

static void
choose(struct op *o, uint64_t *r, uint32_t *next)
{
	static const enum kind others[] = {OP_READY, OP_SENSE, OP_INQUIRY,
					   OP_SIZE,  OP_SYNC,  OP_ODD};
	uint64_t dice = net_random(r) % 100;

	memset(o, 0, sizeof(*o));
	o->kind = dice < 70 ? OP_READ : dice < 85 ? OP_WRITE : others[net_random(r) % 6];
	o->sectors = 1 + (uint32_t)(net_random(r) % MOST);
	if (net_random(r) % 3 != 0)
		o->sectors = 8;
	o->lba = *next;
	if (dice >= 60 && o->kind <= OP_WRITE) /* elsewhere, often not far */
		o->lba = (*next + (uint32_t)(net_random(r) % 64)) % SCSI_SECTORS;
	if (o->lba + o->sectors > SCSI_SECTORS)
		o->lba = net_random(r) % 2 ? 0 : SCSI_SECTORS - o->sectors;
	if (o->kind == OP_READ)
		*next = o->lba + o->sectors;
	o->pieces = 1 + (unsigned)(net_random(r) % URBS);
	if (net_random(r) % 5 == 0)
		o->wait = net_random(r) % 2000000;
	/* INQUIRY tells nobody of it, so that two changes would look like one */
	o->change = net_random(r) % 25 == 0 && o->kind != OP_INQUIRY;
	if (net_random(r) % 40 == 0)
		o->cut = 1 + net_random(r) % 1500000;
	o->relink = net_random(r) % 40 == 0;
}

static unsigned
script(struct op *op, uint64_t seed)
{
	uint64_t r = seed * 77 + 5;
	uint32_t next = (uint32_t)(net_random(&r) % 200);

	for (unsigned i = 0; i < OPS; i++)
		choose(&op[i], &r, &next);
	op[0].kind = OP_READY; /* as all do, before they look closer */
	op[1].kind = OP_INQUIRY;
	op[2].kind = OP_SIZE;
	return OPS;
}

static void
network(struct stack_conf *c, uint64_t seed)
{
	uint64_t r = seed * 13 + 1;

	memset(c, 0, sizeof(*c));
	for (int i = 0; i < 2; i++) {
		struct net_conf *n = &c->ends.to[i];

		*n = (struct net_conf){.queue = 1 << 20};
		n->delay_us = net_random(&r) % 60000;
		if (net_random(&r) % 2)
			n->loss = 10000, n->reorder = 50000, n->jitter_us = 5000;
		if (net_random(&r) % 3 == 0)
			n->rate = 1000000 + net_random(&r) % 10000000;
	}
	c->ends.arq = ends_arq;
	c->ends.arq.mtu = 1200;
	c->ends.window = 1 << 20;
	c->ends.budget = 16 << 20;
	c->urb_max = 256 << 10;
	c->import_budget = c->export_budget = 4 << 20;
}

/* --- runs --- */

static uint64_t hits, saved, fallbacks; /* of all runs */

static void
before(struct driver *d, struct scsi *disk, const struct op *o)
{
	struct stack *s = d->s;

	run_for(s, o->wait);
	if (o->change) {
		scsi_change_medium(disk);
		run_for(s, 5000000); /* what was read before is too old by then */
	}
	if (o->relink)
		ends_relink(&s->ends);
	if (o->cut > 0) {
		net_cut(s->ends.net, true);
		run_for(s, o->cut);
		net_cut(s->ends.net, false);
	}
}

static bool
run(uint64_t seed, bool plain, const struct op *op, unsigned n, struct view *view,
    struct scsi *disk)
{
	static struct stack s;
	static struct driver d;
	struct stack_conf c;
	bool ok = false;

	network(&c, seed);
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
			before(&d, disk, &op[i]);
			perform(&d, &op[i], &view[i]);
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
	unsigned n = script(op, seed);
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
	network(&c, 1);
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
		perform(&d, &op[i], &view[i]);
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
