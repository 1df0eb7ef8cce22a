/* SPDX-License-Identifier: ISC */
/* Vendor requests of the virtual test device. */
#include <string.h>

#include "core/cur.h"
#include "usb/loopdev.h"

static struct loopdev *
loopdev_of(struct vdev *v)
{
	return CONTAINER_OF(v, struct loopdev, v);
}

/* Writes and reads back, as gadget zero does; here what was not written is zero. */
static int
write_buffer(struct vdev *v, const struct vdev_control *c)
{
	struct loopdev *l = loopdev_of(v);

	if (c->in_len > LOOPDEV_CONTROL)
		return VDEV_STALL;
	memset(l->control, 0, sizeof(l->control));
	if (c->in_len > 0)
		memcpy(l->control, c->in, c->in_len);
	return 0;
}

static int
read_buffer(struct vdev *v, const struct vdev_control *c)
{
	if (c->setup.length > LOOPDEV_CONTROL)
		return VDEV_STALL;
	memcpy(c->out, loopdev_of(v)->control, c->setup.length);
	return c->setup.length;
}

static int
read_counters(struct vdev *v, const struct vdev_control *c)
{
	const struct loopdev_counters *n = &loopdev_of(v)->count;
	struct wr w;

	wr_init(&w, c->out, sizeof(*n));
#define PUT(name) wr_le64(&w, n->name);
	LOOPDEV_COUNTER_LIST(PUT)
#undef PUT
	return (int)sizeof(*n);
}

static int
clear_counters(struct vdev *v, const struct vdev_control *c)
{
	(void)c;
	loopdev_of(v)->count = (struct loopdev_counters){0};
	return 0;
}

static int
stall(struct vdev *v, const struct vdev_control *c)
{
	return vdev_halt(v, c->setup.index) ? 0 : VDEV_STALL;
}

const struct vdev_row loopdev_rows[LOOPDEV_ROWS] = {
    {0xc0, 0x01, read_counters}, {0x40, 0x02, clear_counters}, {0x40, 0x03, stall},
    {0x40, 0x5b, write_buffer},  {0xc0, 0x5c, read_buffer},
};
