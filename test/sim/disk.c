/* SPDX-License-Identifier: ISC */
/*
 * Each endpoint is a queue of urbs; the first is served when the endpoint is
 * ready and the protocol's phase has something for it.
 */
#include <assert.h>
#include <string.h>

#include "core/err.h"
#include "core/usbip.h"
#include "test/sim/disk.h"
#include "test/sim/mic.h"
#include "test/sim/net.h"
#include "test/sim/pad.h"
#include "test/sim/port.h"
#include "test/sim/scsi.h"

#define CBW_LEN 31
#define CSW_LEN 13

enum { CONTROL, OUT, IN, REPORT };

/* clang-format off */
const uint8_t disk_raw[] = {
	18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x05, 0x01, 0, 1, 1, 2, 3, 1,

	9, 2, 115, 0, 5, 1, 0, 0x80, 50,
	9, 4, 0, 0, 3, 8, 6, 80, 0,
	7, 5, DISK_IN, 2, 0x00, 0x02, 0,
	7, 5, DISK_OUT, 2, 0x00, 0x02, 0,
	7, 5, DISK_REPORT, 3, 8, 0, 10,
	9, 4, 1, 0, 2, 255, 0, 0, 0,
	7, 5, MIC_IN, 1, 0xc0, 0x00, 4,
	7, 5, MIC_OUT, 1, 0xc0, 0x00, 4,
	9, 4, PAD_IFACE, 0, 1, 3, 1, 2, 0,
	7, 5, PAD_IN, 3, PAD_REPORT, 0, 1,
	9, 4, PORT_CTL, 0, 0, 2, 2, 1, 0,	/* CDC-ACM, and its union */
	5, 0x24, 6, PORT_CTL, PORT_IFACE,
	9, 4, PORT_IFACE, 0, 2, 10, 0, 0, 0,
	7, 5, PORT_IN, 2, 0x40, 0x00, 0,
	7, 5, PORT_OUT, 2, 0x40, 0x00, 0,
};
/* clang-format on */
const size_t disk_raw_len = sizeof(disk_raw);

const struct devinfo disk_info = {
    .busid = "1-4.2",
    .busnum = 1,
    .devnum = 9,
    .speed = DEVINFO_HIGH,
    .vid = 0x1d6b,
    .pid = 0x0105,
    .config = 1,
    .configs = 1,
    .ifs = 5,
    .iface = {{8, 6, 80}, {255, 0, 0}, {3, 1, 2}, {2, 2, 1}, {10, 0, 0}},
    .product = "Disk of memory",
};

static uint32_t
below(struct disk *d, uint32_t n)
{
	return net_random(&d->seed) % n;
}

static bool
chance(struct disk *d, uint32_t thousandths)
{
	return below(d, 1000) < thousandths;
}

static uint32_t
le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static struct disk_ep *
ep_of(struct disk *d, uint8_t ep)
{
	switch (ep) {
	case DISK_OUT:
		return &d->ep[OUT];
	case DISK_IN:
		return &d->ep[IN];
	case DISK_REPORT:
		return &d->ep[REPORT];
	}
	assert((ep & 15) == 0);
	return &d->ep[CONTROL];
}

void
disk_init(struct disk *d, uint64_t seed, void (*complete)(void *arg, struct urb *),
	  void *arg)
{
	memset(d, 0, sizeof(*d));
	d->seed = seed;
	d->complete = complete;
	d->arg = arg;
	for (size_t i = 0; i < sizeof(d->bytes); i += 4)
		put_le32(d->bytes + i, net_random(&d->seed));
}

static void
take_out(struct disk_ep *e, unsigned i)
{
	memmove(&e->urb[i], &e->urb[i + 1], (e->n - i - 1) * sizeof(e->urb[0]));
	e->n--;
}

/* The first urb of an endpoint is done. */
static void
done(struct disk *d, struct disk_ep *e, int32_t status, uint32_t actual)
{
	struct urb *u = e->urb[0];

	take_out(e, 0);
	u->status = status;
	u->actual = actual;
	d->complete(d->arg, u);
}

/* The command's data end here, maybe before the host has all it asked for. */
static void
data_ends(struct disk *d, bool on_boundary)
{
	d->phase = DISK_CSW;
	if (d->residue == 0)
		return;
	d->shortened++;
	if (d->stall_at_end) {
		d->ep[IN].halted = true;
		d->stalled++;
	} else {
		d->zlp = on_boundary;
	}
}

/* What the medium and its moods make of it. */
static void
on_scsi(struct disk *d, const uint8_t *cbw)
{
	bool in = (cbw[12] & 0x80) != 0;
	uint32_t len = le32(cbw + 8);
	struct scsi_answer a;

	scsi_command(d->scsi, cbw + 15, &a);
	d->tag = le32(cbw + 4);
	d->data = a.data;
	d->pos = 0;
	d->left = a.n < len ? a.n : len;
	d->residue = len - d->left;
	d->failed = a.failed;
	d->zlp = false;
	d->stall_at_end = a.stalls;
	if (a.hangs)
		d->phase = DISK_HUNG;
	else if (len == 0)
		d->phase = DISK_CSW;
	else
		d->phase = in ? DISK_DATA_IN : DISK_DATA_OUT;
	if (d->phase == DISK_DATA_IN && d->left == 0)
		data_ends(d, true);
}

/* READ(10) and WRITE(10) of whole sectors (SBC-3 5.10, 5.30). */
static void
on_command(struct disk *d, const uint8_t *cbw)
{
	uint32_t lba = (uint32_t)cbw[17] << 24 | cbw[18] << 16 | cbw[19] << 8 | cbw[20];
	uint32_t sectors = (uint32_t)cbw[22] << 8 | cbw[23];
	bool in = (cbw[12] & 0x80) != 0;

	assert(cbw[15] == (in ? 0x28 : 0x2a) && lba + sectors <= DISK_SECTORS);
	d->tag = le32(cbw + 4);
	d->left = le32(cbw + 8);
	assert(d->left == sectors * DISK_SECTOR && d->left > 0);
	d->data = d->bytes;
	d->pos = lba * DISK_SECTOR;
	d->residue = 0;
	d->failed = d->zlp = false;
	d->phase = in ? DISK_DATA_IN : DISK_DATA_OUT;
	if (!in || !chance(d, d->shorts))
		return;
	d->residue = below(d, sectors + 1) * DISK_SECTOR;
	d->left -= d->residue;
	d->stall_at_end = chance(d, 500);
	if (d->left == 0)
		data_ends(d, true);
}

static void
halt(struct disk *d, struct disk_ep *e)
{
	e->halted = d->failed = true;
	d->stalled++;
	d->phase = DISK_CSW;
	done(d, e, -LINUX_EPIPE, 0);
}

static bool
is_cbw(const struct urb *u)
{
	return u->len == CBW_LEN && memcmp(u->buf, "USBC", 4) == 0;
}

static void
serve_out(struct disk *d, struct disk_ep *e)
{
	struct urb *u = e->urb[0];

	if (d->phase == DISK_CBW && !is_cbw(u)) { /* BOT 6.6.1 */
		d->ep[IN].halted = true;
		halt(d, e);
		return;
	}
	if (d->phase == DISK_CBW && d->scsi != NULL) {
		on_scsi(d, u->buf);
	} else if (d->phase == DISK_CBW) {
		on_command(d, u->buf);
	} else if (d->left < u->len) { /* it takes no more */
		memcpy(d->data + d->pos, u->buf, d->left);
		e->halted = true;
		d->stalled++;
		d->phase = DISK_CSW;
		done(d, e, -LINUX_EPIPE, d->left);
		return;
	} else if (chance(d, d->stalls)) {
		halt(d, e);
		return;
	} else {
		memcpy(d->data + d->pos, u->buf, u->len);
		d->pos += u->len;
		if ((d->left -= u->len) == 0)
			d->phase = DISK_CSW;
	}
	done(d, e, 0, u->len);
}

static void
serve_csw(struct disk *d, struct disk_ep *e)
{
	uint8_t *p = e->urb[0]->buf;

	if (d->zlp) {
		d->zlp = false;
		done(d, e, 0, 0);
		return;
	}
	assert(e->urb[0]->len >= CSW_LEN);
	memcpy(p, "USBS", 4);
	put_le32(p + 4, d->tag);
	put_le32(p + 8, d->residue);
	p[12] = d->failed;
	d->phase = DISK_CBW;
	done(d, e, 0, CSW_LEN);
}

static void
serve_in(struct disk *d, struct disk_ep *e)
{
	struct urb *u = e->urb[0];
	uint32_t n = u->len < d->left ? u->len : d->left;

	if (d->phase == DISK_CSW) {
		serve_csw(d, e);
		return;
	}
	if (chance(d, d->stalls)) {
		halt(d, e);
		return;
	}
	memcpy(u->buf, d->data + d->pos, n);
	d->pos += n;
	if ((d->left -= n) == 0)
		data_ends(d, n == u->len);
	done(d, e, 0, n);
}

static void
serve_report(struct disk *d, struct disk_ep *e, uint64_t now)
{
	uint8_t *p = e->urb[0]->buf;

	assert(e->urb[0]->len == 8);
	put_le32(p, (uint32_t)d->report);
	put_le32(p + 4, ~(uint32_t)d->report);
	d->report++;
	d->report_at = now + 1000 + below(d, 400000);
	done(d, e, 0, 8);
}

static void
give_descriptor(struct disk *d, struct disk_ep *e)
{
	struct urb *u = e->urb[0];
	size_t n = u->len < 18 ? u->len : 18;

	memcpy(u->buf, disk_raw, n);
	done(d, e, 0, (uint32_t)n);
}

static void
serve_control(struct disk *d, struct disk_ep *e)
{
	struct urb *u = e->urb[0];

	if (u->setup[0] == 0xc0 && u->setup[1] == 6) {
		give_descriptor(d, e);
	} else if (u->job == URB_JOB_CLEAR_HALT) {
		ep_of(d, u->setup[4])->halted = false;
		done(d, e, 0, 0);
	} else if (u->setup[0] == 0x21 && u->setup[1] == 0xff) {
		d->phase = DISK_CBW; /* BOT 3.1 */
		done(d, e, 0, 0);
	} else {
		done(d, e, -LINUX_EPIPE, 0);
	}
}

/* Whether the first urb of endpoint i can be served, the time apart. */
static bool
has_work(const struct disk *d, unsigned i)
{
	if (d->ep[i].n == 0 || d->unplugged)
		return false;
	if (d->ep[i].halted || i == CONTROL || i == REPORT)
		return true;
	return i == OUT ? d->phase == DISK_CBW || d->phase == DISK_DATA_OUT
			: d->phase == DISK_DATA_IN || d->phase == DISK_CSW;
}

static uint64_t
due(const struct disk *d, unsigned i)
{
	uint64_t at = d->ep[i].ready;

	if (!has_work(d, i))
		return UINT64_MAX;
	return i == REPORT && !d->ep[i].halted && d->report_at > at ? d->report_at : at;
}

static void
serve(struct disk *d, unsigned i, uint64_t now)
{
	struct disk_ep *e = &d->ep[i];

	e->ready = now + (chance(d, 200) ? below(d, 20000) : below(d, 300));
	if (e->halted)
		done(d, e, -LINUX_EPIPE, 0);
	else if (i == OUT)
		serve_out(d, e);
	else if (i == IN)
		serve_in(d, e);
	else if (i == REPORT)
		serve_report(d, e, now);
	else
		serve_control(d, e);
}

int
disk_submit(struct disk *d, struct urb *u, uint64_t now)
{
	struct disk_ep *e = ep_of(d, u->ep);

	if (d->unplugged)
		return ERR_GONE;
	assert(e->n < DISK_QUEUE);
	if (e->n == 0 && e->ready < now)
		e->ready = now + (chance(d, 500) ? 0 : below(d, 2000));
	e->urb[e->n++] = u;
	return ERR_OK;
}

void
disk_cancel(struct disk *d, struct urb *u, uint64_t now)
{
	struct disk_ep *e = ep_of(d, u->ep);
	unsigned at = 0;

	while (at < e->n && e->urb[at] != u)
		at++;
	assert(at < e->n);
	if (at == 0 && has_work(d, (unsigned)(e - d->ep)) && chance(d, 400)) {
		d->raced++;
		serve(d, (unsigned)(e - d->ep), now);
		return;
	}
	take_out(e, at);
	u->status = -LINUX_ECONNRESET;
	u->actual = 0;
	if (at == 0 && e == &d->ep[IN] && d->phase == DISK_DATA_IN && !e->halted &&
	    chance(d, 500)) { /* some of its packets had come */
		u->actual = below(d, (u->len < d->left ? u->len : d->left) + 1);
		memcpy(u->buf, d->data + d->pos, u->actual);
	}
	if (chance(d, 300)) {
		d->complete(d->arg, u);
		return;
	}
	d->dying[d->dyings].urb = u;
	d->dying[d->dyings++].at = now + below(d, 3000);
}

void
disk_unplug(struct disk *d)
{
	d->unplugged = true;
}

static void
bury(struct disk *d, uint64_t now)
{
	for (unsigned i = 0; i < d->dyings;) {
		struct urb *u = d->dying[i].urb;

		if (d->dying[i].at > now) {
			i++;
			continue;
		}
		d->dying[i] = d->dying[--d->dyings];
		d->complete(d->arg, u);
	}
}

void
disk_run(struct disk *d, uint64_t now)
{
	bury(d, now);
	for (unsigned i = 0; i < 4; i++)
		if (due(d, i) <= now)
			serve(d, i, now);
}

uint64_t
disk_next(const struct disk *d)
{
	uint64_t t = UINT64_MAX;

	for (unsigned i = 0; i < 4; i++)
		t = due(d, i) < t ? due(d, i) : t;
	for (unsigned i = 0; i < d->dyings; i++)
		t = d->dying[i].at < t ? d->dying[i].at : t;
	return t;
}

bool
disk_idle(const struct disk *d)
{
	unsigned n = d->dyings;

	for (unsigned i = 0; i < 4; i++)
		n += d->ep[i].n;
	return n == 0;
}
