/* SPDX-License-Identifier: ISC */
/*
 * One command after the other; what does not come in time is reset.
 */
#include "test/sim/scsi_driver.h"

#include <string.h>

#include "core/mem.h"
#include "test/sim/net.h"

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

void
scsi_run_for(struct stack *s, uint64_t us)
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

uint64_t
scsi_sum(const uint8_t *p, uint32_t n)
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

static bool
is_write(const struct op *o)
{
	return o->kind == OP_WRITE || o->kind == OP_FUA;
}

void
scsi_perform(struct driver *d, const struct op *o, struct view *v)
{
	static const uint8_t code[] = {0x28, 0x2a, 0x00, 0x03, 0x12,
				       0x25, 0x35, 0x1b, 0x1a, 0x2a};
	static const uint32_t lens[] = {0, 0, 0, 18, 36, 8, 0, 0, 192, 0};
	bool moves = o->kind == OP_READ || is_write(o);
	uint32_t len = moves ? o->sectors * SCSI_SECTOR : lens[o->kind];
	uint8_t cdb[16] = {code[o->kind]};
	bool in = !is_write(o) && len > 0;

	if (moves) {
		cdb[1] = o->kind == OP_FUA ? 8 : 0;
		cdb[4] = (uint8_t)(o->lba >> 8);
		cdb[5] = (uint8_t)o->lba;
		cdb[8] = (uint8_t)o->sectors;
	} else {
		cdb[2] = o->kind == OP_MODE ? 0x3f : 0;
		cdb[4] = (uint8_t)len;
	}
	memset(d->data, 0, sizeof(d->data));
	if (is_write(o))
		fill(d, len);
	transport(d, cdb, in, len, o->pieces, v);
	v->sum = in && !v->hung ? scsi_sum(d->data, v->got) : 0;
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

unsigned
scsi_script(struct op *op, uint64_t seed)
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

void
scsi_network(struct stack_conf *c, uint64_t seed)
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

void
scsi_before(struct driver *d, struct scsi *disk, const struct op *o)
{
	struct stack *s = d->s;

	scsi_run_for(s, o->wait);
	if (o->change) {
		scsi_change_medium(disk);
		scsi_run_for(s, 5000000); /* what was read before is too old by then */
	}
	if (o->relink)
		ends_relink(&s->ends);
	if (o->cut > 0) {
		net_cut(s->ends.net, true);
		scsi_run_for(s, o->cut);
		net_cut(s->ends.net, false);
	}
}
