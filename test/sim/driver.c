/* SPDX-License-Identifier: ISC */
/*
 * One command after the other; each is a row of urbs, and what they bring is
 * judged in the order in which they were submitted.
 */
#include <string.h>

#include "test/sim/driver.h"

static uint32_t
below(struct driver *d, uint32_t n)
{
	return net_random(&d->seed) % n;
}

void
driver_wrong(struct driver *d, const char *what)
{
	if (d->wrong == NULL)
		d->wrong = what;
}

static void
put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The device is gone, and whoever asks is told so. */
static bool
is_gone(struct driver *d, const struct kurb *u)
{
	if (u->status != -LINUX_ESHUTDOWN)
		return false;
	d->gone = true;
	return true;
}

static void
unlink_pending(struct driver *d, bool only_in)
{
	for (unsigned i = d->sent; i-- > 0;)
		if (!d->done[i] && (!only_in || d->urb[i].ep == DISK_IN))
			kernel_unlink(&d->s->kernel, &d->urb[i]);
}

static void
judge_in(struct driver *d, const struct kurb *u)
{
	if (u->status == -LINUX_EPIPE) {
		d->stalled_in = d->data_over = true;
	} else if (u->status != 0) {
		if (!u->unlinking)
			driver_wrong(d, "an IN urb failed");
	} else if (!d->data_over) {
		d->got += u->actual;
		d->data_over = u->actual < u->len || d->got == d->sectors * DISK_SECTOR;
	} else if (u->actual == sizeof(d->status) && memcmp(u->buf, "USBS", 4) == 0) {
		d->has_csw = true;
		memcpy(d->status, u->buf, sizeof(d->status));
	} else if (!d->aborting) {
		driver_wrong(d, "this is no CSW");
	}
}

/* Looks at IN urbs in the order they were submitted, as data must come. */
static void
scan(struct driver *d)
{
	while (d->looked < d->sent &&
	       (d->done[d->looked] || d->urb[d->looked].ep != DISK_IN)) {
		if (d->urb[d->looked].ep == DISK_IN)
			judge_in(d, &d->urb[d->looked]);
		d->looked++;
	}
	if (d->has_csw)
		unlink_pending(d, true); /* they wait for data that will not come */
}

static void
urb_done(struct kurb *u)
{
	struct driver *d = u->arg;

	d->done[u - d->urb] = true;
	d->flying--;
	if (is_gone(d, u))
		return;
	if (u->ep == DISK_OUT && u->status == -LINUX_EPIPE)
		d->stalled_out = true;
	else if (u->ep == DISK_OUT && u->status != 0 && !u->unlinking)
		driver_wrong(d, "an OUT urb failed");
	else if (u->ep == DISK_OUT && u->status == 0 && u->actual != u->len)
		driver_wrong(d, "not all was sent");
	scan(d);
}

static void
add(struct driver *d, uint8_t ep, uint8_t *buf, uint32_t len)
{
	d->done[d->urbs] = false;
	d->urb[d->urbs++] =
	    (struct kurb){.ep = ep, .buf = buf, .len = len, .done = urb_done, .arg = d};
}

static void
submit(struct driver *d)
{
	d->flying++;
	kernel_submit(&d->s->kernel, &d->urb[d->sent++]);
}

static void
give_up(struct driver *d)
{
	d->aborting = true;
	d->aborts++;
	unlink_pending(d, false);
}

static void
make_cbw(struct driver *d)
{
	memset(d->cbw, 0, sizeof(d->cbw));
	memcpy(d->cbw, "USBC", 4);
	put_le32(d->cbw + 4, ++d->tag);
	put_le32(d->cbw + 8, d->sectors * DISK_SECTOR);
	d->cbw[12] = d->in ? 0x80 : 0;
	d->cbw[14] = 10;
	d->cbw[15] = d->in ? 0x28 : 0x2a;
	d->cbw[20] = (uint8_t)d->lba;
	d->cbw[19] = (uint8_t)(d->lba >> 8);
	d->cbw[22] = (uint8_t)(d->sectors >> 8);
	d->cbw[23] = (uint8_t)d->sectors;
}

static void
start(struct driver *d)
{
	uint32_t len = d->sectors * DISK_SECTOR, off = 0, n;

	d->step = DRIVER_COMMAND;
	d->urbs = d->sent = d->looked = d->got = 0;
	d->data_over = !d->in;
	d->has_csw = d->aborting = d->stalled_in = d->stalled_out = false;
	d->at_once = !d->patient && below(d, 2);
	make_cbw(d);
	if (!d->in)
		memcpy(d->data, d->ref + d->lba * DISK_SECTOR, len);
	add(d, DISK_OUT, d->cbw, sizeof(d->cbw));
	for (; off < len; off += n) {
		n = (1 + below(d, d->sectors)) * DISK_SECTOR;
		if (n > len - off || d->urbs == DRIVER_URBS - 2)
			n = len - off;
		add(d, d->in ? DISK_IN : DISK_OUT, d->data + off, n);
	}
	add(d, DISK_IN, d->csw, below(d, 2) ? 13 : DRIVER_CSW);
	submit(d);
	while (d->at_once && d->sent < d->urbs)
		submit(d);
	if (!d->patient &&
	    below(d, 40) == 0) /* UNLINKs overtake what is still on its way */
		give_up(d);
}

/* Four bytes that a disk may hold; they shrink where that is looked for. */
static uint32_t
fresh(struct driver *d)
{
	uint32_t any = net_random(&d->seed);

	return d->s->conf.packs[0] ? any % 4 * 0x01010101u : any;
}

static void
choose(struct driver *d)
{
	uint32_t *left = d->to_write > 0 ? &d->to_write : &d->to_read;

	d->in = d->to_write == 0;
	d->sectors = 1 + below(d, below(d, 3) ? 16 : DRIVER_SECTORS);
	if (d->sectors * DISK_SECTOR > *left)
		d->sectors = *left / DISK_SECTOR;
	if (d->sectors == 0) {
		*left = 0;
		d->step = d->to_read == 0 ? DRIVER_FINISHED : DRIVER_IDLE;
		return;
	}
	*left -= d->sectors * DISK_SECTOR;
	d->lba = below(d, DISK_SECTORS - d->sectors + 1);
	d->commands++;
	for (uint32_t i = 0; !d->in && i < d->sectors * DISK_SECTOR; i += 4)
		put_le32(d->ref + d->lba * DISK_SECTOR + i, fresh(d));
	start(d);
}

/* The command has its status. */
static void
conclude(struct driver *d)
{
	uint32_t residue = le32(d->status + 8), len = d->sectors * DISK_SECTOR;

	if (le32(d->status + 4) != d->tag || residue > len)
		driver_wrong(d, "another command's CSW");
	else if (d->status[12] != 0 || residue == len)
		start(d);
	else if (d->in && (d->got != len - residue ||
			   memcmp(d->data, d->ref + d->lba * DISK_SECTOR, d->got) != 0))
		driver_wrong(d, "not what was written");
	else if (residue == 0)
		d->step = DRIVER_IDLE;
	else {
		d->short_reads++;
		d->lba += d->got / DISK_SECTOR;
		d->sectors -= d->got / DISK_SECTOR;
		start(d);
	}
}

/* --- recovery, by control requests --- */

static void
control_done(struct kurb *u)
{
	struct driver *d = u->arg;

	d->control_flying = false;
	if (!is_gone(d, u) && u->status != 0)
		driver_wrong(d, "a control request failed");
}

static void
next_control(struct driver *d)
{
	d->control = (struct kurb){.done = control_done, .arg = d};
	memcpy(d->control.setup, d->todo[0], 8);
	memmove(d->todo[0], d->todo[1], sizeof(d->todo) - 8);
	d->todos--;
	d->control_flying = true;
	kernel_submit(&d->s->kernel, &d->control);
}

static void
clear_halt(struct driver *d, uint8_t ep)
{
	const uint8_t setup[8] = {2, 1, 0, 0, ep, 0, 0, 0};

	memcpy(d->todo[d->todos++], setup, 8);
	d->step = DRIVER_RECOVERY;
	d->recoveries++;
}

/* BOT 5.3.4 */
static void
reset_recovery(struct driver *d)
{
	static const uint8_t reset[8] = {0x21, 0xff, 0, 0, 0, 0, 0, 0};

	memcpy(d->todo[d->todos++], reset, 8);
	clear_halt(d, DISK_IN);
	clear_halt(d, DISK_OUT);
}

/* All that was submitted of the command has ended. */
static void
next_stage(struct driver *d)
{
	bool csw_left;

	if (d->aborting) {
		reset_recovery(d);
	} else if (d->stalled_in || d->stalled_out) {
		if (d->stalled_in)
			clear_halt(d, DISK_IN);
		if (d->stalled_out)
			clear_halt(d, DISK_OUT);
	} else if (d->has_csw) {
		conclude(d);
	} else {
		csw_left = d->sent == 1 && d->urbs > 2; /* the data first */
		do
			submit(d);
		while (csw_left && d->sent < d->urbs - 1);
	}
}

/* Back to the command: its status, or from the start. */
static void
recovered(struct driver *d)
{
	bool again = d->aborting;

	d->step = DRIVER_COMMAND;
	d->stalled_in = d->stalled_out = false;
	if (again) {
		start(d);
	} else if (!d->has_csw) {
		d->urbs = d->sent = d->looked = 0;
		d->data_over = true;
		add(d, DISK_IN, d->csw, DRIVER_CSW);
		submit(d);
	}
}

/* --- what runs beside: reports, descriptors, changes of mind --- */

static void
submit_report(struct driver *d, struct kurb *u)
{
	d->reports_flying++;
	kernel_submit(&d->s->kernel, u);
}

static void
report_done(struct kurb *u)
{
	struct driver *d = u->arg;

	d->reports_flying--;
	if (is_gone(d, u))
		return;
	if (u->status == 0 && (u->actual != 8 || le32(u->buf) != d->reports ||
			       le32(u->buf + 4) != ~d->reports))
		driver_wrong(d, "a report was lost, or came twice");
	else if (u->status != 0 && !(u->unlinking && u->status == -LINUX_ECONNRESET))
		driver_wrong(d, "a report failed");
	d->reports += u->status == 0;
	if (!d->closing)
		submit_report(d, u);
}

static void
info_done(struct kurb *u)
{
	struct driver *d = u->arg;

	d->info_flying = false;
	if (is_gone(d, u))
		return;
	if (u->status == 0 && (u->actual != 18 || memcmp(u->buf, disk_raw, 18) != 0))
		driver_wrong(d, "another descriptor");
	else if (u->status != 0 && !(u->unlinking && u->status == -LINUX_ECONNRESET))
		driver_wrong(d, "no descriptor");
}

void
driver_ask(struct driver *d)
{
	/* a vendor's GET_DESCRIPTOR: the standard one does not leave the engine */
	static const uint8_t setup[8] = {0xc0, 6, 0, 1, 0, 0, 64, 0};

	d->info = (struct kurb){
	    .ep = 0x80, .buf = d->info_buf, .len = 64, .done = info_done, .arg = d};
	memcpy(d->info.setup, setup, 8);
	d->info_flying = true;
	kernel_submit(&d->s->kernel, &d->info);
}

static void
change_mind(struct driver *d)
{
	uint32_t mood = below(d, 4000);

	if (mood < 4 && d->step == DRIVER_COMMAND && d->flying > 0 && !d->aborting) {
		give_up(d);
	} else if (mood < 20 && d->reports_flying == DRIVER_REPORTS) {
		kernel_unlink(&d->s->kernel, &d->report[mood % DRIVER_REPORTS]);
	} else if (mood < 25) {
		kernel_unlink_past(&d->s->kernel);
	} else if (mood < 45 && !d->info_flying) {
		driver_ask(d);
	} else if (mood < 65 && d->info_flying) {
		kernel_unlink(&d->s->kernel, &d->info);
	}
}

void
driver_init(struct driver *d, struct stack *s, uint32_t write, uint32_t read)
{
	memset(d, 0, sizeof(*d));
	d->s = s;
	d->seed = s->seed + 2;
	d->to_write = write;
	d->to_read = read;
	memcpy(d->ref, s->disk.bytes, sizeof(d->ref));
	for (int i = 0; i < DRIVER_REPORTS; i++) {
		d->report[i] = (struct kurb){.ep = DISK_REPORT,
					     .buf = d->report_buf[i],
					     .len = 8,
					     .done = report_done,
					     .arg = d};
		submit_report(d, &d->report[i]);
	}
}

bool
driver_run(struct driver *d)
{
	if (d->step == DRIVER_FINISHED || d->gone)
		return false;
	if (!d->patient)
		change_mind(d);
	if (d->flying > 0 || d->control_flying)
		return true;
	if (d->todos > 0)
		next_control(d);
	else if (d->step == DRIVER_RECOVERY)
		recovered(d);
	else if (d->step == DRIVER_COMMAND)
		next_stage(d);
	else
		choose(d);
	return true;
}

/* What was read before its driver asked is still there for it. */
static void
read_the_rest(struct driver *d, uint64_t end)
{
	struct stack *s = d->s;

	while (d->reports != s->disk.report && !stack_bad(s) && s->ends.now < end) {
		if (d->reports_flying == 0)
			submit_report(d, &d->report[0]);
		stack_step(s, s->ends.now + 10000);
	}
	if (d->reports_flying > 0)
		kernel_unlink(&s->kernel, &d->report[0]);
	while (!kernel_idle(&s->kernel) && !stack_bad(s) && s->ends.now < end)
		stack_step(s, s->ends.now + 10000);
}

void
driver_end(struct driver *d)
{
	uint64_t end = d->s->ends.now + 60000000;

	d->closing = true;
	d->s->disk.report_at = UINT64_MAX;
	for (int i = 0; i < DRIVER_REPORTS && !d->gone; i++)
		kernel_unlink(&d->s->kernel, &d->report[i]);
	if (d->info_flying && !d->gone)
		kernel_unlink(&d->s->kernel, &d->info);
	while (!kernel_idle(&d->s->kernel) && !stack_bad(d->s) && d->s->ends.now < end)
		stack_step(d->s, d->s->ends.now + 10000);
	if (!kernel_idle(&d->s->kernel))
		driver_wrong(d, "the kernel waits for ever");
	if (d->gone)
		return;
	if (memcmp(d->ref, d->s->disk.bytes, sizeof(d->ref)) != 0)
		driver_wrong(d, "the disk holds something else");
	read_the_rest(d, end);
	if (d->reports != d->s->disk.report)
		driver_wrong(d, "a report was lost at the end");
}
