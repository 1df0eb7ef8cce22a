/* SPDX-License-Identifier: ISC */
/*
 * Endpoint 0 of the virtual disk: a table of requests (USB 2.0 9.4, Bulk-Only
 * Transport 3). Those that throw the transport's state away wait for the job
 * that is out, and keep new ones from starting.
 */
#include "core/cur.h"
#include "core/usbip.h"
#include "usb/disk.h"

#define STALL -1

/* Writes the answer, gives its length or STALL. */
typedef int request(struct disk *, const struct vdesc_setup *, uint8_t out[VDESC_MAX]);

static int
get_descriptor(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	size_t n = vdesc_get(&d->desc, s, out);

	return n > 0 ? (int)n : STALL;
}

static int
get_config(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	(void)s;
	out[0] = d->dev.info.config;
	return 1;
}

/* Our only interface is 0, with the alternate setting 0. */
static bool
has_interface(const struct disk *d, unsigned index)
{
	return d->dev.info.config != 0 && index == 0;
}

static int
get_interface(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	out[0] = 0;
	return has_interface(d, s->index) ? 1 : STALL;
}

static int
status_of_device(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	(void)d;
	(void)s;
	out[0] = 1; /* self powered */
	out[1] = 0;
	return 2;
}

static int
status_of_interface(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	out[0] = out[1] = 0;
	return has_interface(d, s->index) ? 2 : STALL;
}

static bool
pipe_of(const struct disk *d, unsigned ep, enum bot_pipe *pipe)
{
	*pipe = ep == DISK_EP_IN ? BOT_PIPE_IN : BOT_PIPE_OUT;
	return d->dev.info.config != 0 && (ep == DISK_EP_IN || ep == DISK_EP_OUT);
}

static int
status_of_endpoint(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	enum bot_pipe pipe;

	out[0] = out[1] = 0;
	if (pipe_of(d, s->index, &pipe))
		out[0] = d->bot.halted[pipe];
	else if ((s->index & 0x7f) != 0)
		return STALL;
	return 2;
}

static int
clear_halt(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	enum bot_pipe pipe;

	(void)out;
	if (s->value != 0)
		return STALL;
	if (pipe_of(d, s->index, &pipe))
		bot_clear_halt(&d->bot, pipe);
	else if ((s->index & 0x7f) != 0)
		return STALL;
	return 0;
}

static int
set_halt(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	enum bot_pipe pipe;

	(void)out;
	if (s->value != 0 || !pipe_of(d, s->index, &pipe))
		return STALL;
	bot_halt(&d->bot, pipe);
	return 0;
}

static int
set_config(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	(void)out;
	if (s->value > 1)
		return STALL;
	disk_flush_urbs(d);
	bot_reset(&d->bot);
	d->dev.info.config = (uint8_t)s->value;
	return 0;
}

static int
set_interface(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	(void)out;
	if (!has_interface(d, s->index) || s->value != 0)
		return STALL;
	disk_flush_urbs(d);
	bot_reset(&d->bot);
	return 0;
}

static int
max_lun(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	out[0] = 0;
	return has_interface(d, s->index) ? 1 : STALL;
}

static int
bulk_reset(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	(void)out;
	if (!has_interface(d, s->index))
		return STALL;
	bot_recover(&d->bot);
	return 0;
}

/* A port reset as the host knows it: the host sets the configuration again. */
static int
bus_reset(struct disk *d, const struct vdesc_setup *s, uint8_t *out)
{
	(void)s;
	(void)out;
	disk_flush_urbs(d);
	bot_reset(&d->bot);
	scsi_reset(&d->scsi);
	return 0;
}

static const struct row {
	uint8_t type, request;
	bool still; /* only while no job is out */
	request *run;
} rows[] = {
    {0x80, 0, false, status_of_device},   {0x81, 0, false, status_of_interface},
    {0x82, 0, false, status_of_endpoint}, {0x02, 1, false, clear_halt},
    {0x02, 3, false, set_halt},           {0x80, 6, false, get_descriptor},
    {0x80, 8, false, get_config},         {0x00, 9, true, set_config},
    {0x81, 10, false, get_interface},     {0x01, 11, true, set_interface},
    {0xa1, 0xfe, false, max_lun},         {0x21, 0xff, true, bulk_reset},
};

static const struct row reset_row = {.still = true, .run = bus_reset};

static const struct row *
find(const struct urb *u, const struct vdesc_setup *s)
{
	if (u->job == URB_JOB_RESET)
		return &reset_row;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == s->type && rows[i].request == s->request)
			return &rows[i];
	return NULL;
}

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void
answer(struct disk *d, struct disk_urb *du, const struct row *row,
       const struct vdesc_setup *s)
{
	struct urb *u = du->urb;
	uint8_t out[VDESC_MAX];
	int n = row ? row->run(d, s, out) : STALL;

	if (n > 0 && u->len > 0) {
		u->actual = min_u32((uint32_t)n, min_u32(s->length, u->len));
		memcpy(u->buf, out, u->actual);
	}
	disk_finish(d, du, n < 0 ? -LINUX_EPIPE : 0);
}

bool
disk_ctl_step(struct disk *d)
{
	struct disk_urb *du = disk_first(d, DISK_CTL);
	struct vdesc_setup s;
	const struct row *row;

	if (du == NULL)
		return false;
	s = vdesc_setup(du->urb->setup);
	row = find(du->urb, &s);
	if (row && row->still && d->job.out)
		return false;
	answer(d, du, row, &s);
	return true;
}
