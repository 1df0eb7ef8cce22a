/* SPDX-License-Identifier: ISC */
/*
 * Endpoint 0 of the virtual disk (Bulk-Only Transport 3). Its halts are not
 * vdev's: those of a transport that is dead stay until Reset Recovery.
 */
#include "usb/disk.h"

static struct disk *
disk_of(struct vdev *v)
{
	return CONTAINER_OF(v, struct disk, v);
}

static bool
pipe_of(const struct disk *d, unsigned ep, enum bot_pipe *pipe)
{
	*pipe = ep == DISK_EP_IN ? BOT_PIPE_IN : BOT_PIPE_OUT;
	return d->v.dev.info.config != 0 && (ep == DISK_EP_IN || ep == DISK_EP_OUT);
}

static int
status_of_endpoint(struct vdev *v, const struct vdev_control *c)
{
	struct disk *d = disk_of(v);
	enum bot_pipe pipe;

	c->out[0] = c->out[1] = 0;
	if (pipe_of(d, c->setup.index, &pipe))
		c->out[0] = d->bot.halted[pipe];
	else if ((c->setup.index & 0x7f) != 0)
		return VDEV_STALL;
	return 2;
}

static int
clear_halt(struct vdev *v, const struct vdev_control *c)
{
	struct disk *d = disk_of(v);
	enum bot_pipe pipe;

	if (c->setup.value != 0)
		return VDEV_STALL;
	if (pipe_of(d, c->setup.index, &pipe))
		bot_clear_halt(&d->bot, pipe);
	else if ((c->setup.index & 0x7f) != 0)
		return VDEV_STALL;
	return 0;
}

static int
set_halt(struct vdev *v, const struct vdev_control *c)
{
	struct disk *d = disk_of(v);
	enum bot_pipe pipe;

	if (c->setup.value != 0 || !pipe_of(d, c->setup.index, &pipe))
		return VDEV_STALL;
	bot_halt(&d->bot, pipe);
	return 0;
}

/* Our only interface is 0. */
static bool
has_interface(const struct disk *d, unsigned index)
{
	return d->v.dev.info.config != 0 && index == 0;
}

static int
max_lun(struct vdev *v, const struct vdev_control *c)
{
	c->out[0] = 0;
	return has_interface(disk_of(v), c->setup.index) ? 1 : VDEV_STALL;
}

static int
bulk_reset(struct vdev *v, const struct vdev_control *c)
{
	struct disk *d = disk_of(v);

	if (!has_interface(d, c->setup.index))
		return VDEV_STALL;
	if (d->job.out)
		return VDEV_LATER;
	bot_recover(&d->bot);
	return 0;
}

const struct vdev_row disk_rows[DISK_ROWS] = {
    {0x82, 0, status_of_endpoint}, {0x02, 1, clear_halt},    {0x02, 3, set_halt},
    {0xa1, 0xfe, max_lun},         {0x21, 0xff, bulk_reset},
};
