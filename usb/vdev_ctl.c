/* SPDX-License-Identifier: ISC */
/*
 * Endpoint 0 of a virtual device: a table of requests (USB 2.0 9.4), after the
 * kind's own. Those that throw state away wait while the kind is busy.
 */
#include <string.h>

#include "core/usbip.h"
#include "usb/vdev.h"

#define CONFIG_AT 18 /* the configuration descriptor in usb_dev.raw */

static int
get_descriptor(struct vdev *v, const struct vdev_control *c)
{
	size_t n = vdesc_get(&v->vdesc, &c->setup, c->out);

	return n > 0 ? (int)n : VDEV_STALL;
}

static int
get_config(struct vdev *v, const struct vdev_control *c)
{
	c->out[0] = v->dev.info.config;
	return 1;
}

static bool
has_interface(const struct vdev *v, unsigned index)
{
	return v->dev.info.config != 0 && index < v->dev.info.ifs;
}

static bool
has_setting(const struct vdev *v, unsigned index, unsigned alt)
{
	for (size_t i = CONFIG_AT; i < v->dev.raw_len; i += v->raw[i]) {
		const uint8_t *p = v->raw + i;

		if (p[1] == 4 && p[2] == index && p[3] == alt)
			return has_interface(v, index);
	}
	return false;
}

static int
get_interface(struct vdev *v, const struct vdev_control *c)
{
	if (!has_interface(v, c->setup.index))
		return VDEV_STALL;
	c->out[0] = v->desc.alt[c->setup.index];
	return 1;
}

static int
status_of_device(struct vdev *v, const struct vdev_control *c)
{
	c->out[0] = v->raw[CONFIG_AT + 7] >> 6 & 1; /* self powered */
	c->out[1] = 0;
	return 2;
}

static int
status_of_interface(struct vdev *v, const struct vdev_control *c)
{
	c->out[0] = c->out[1] = 0;
	return has_interface(v, c->setup.index) ? 2 : VDEV_STALL;
}

static bool
has_endpoint(const struct vdev *v, unsigned ep)
{
	if ((ep & 0xff7f) == 0)
		return true;
	return (ep & 0xff70) == 0 && desc_find(&v->desc, (uint8_t)ep) != NULL;
}

static int
status_of_endpoint(struct vdev *v, const struct vdev_control *c)
{
	if (!has_endpoint(v, c->setup.index))
		return VDEV_STALL;
	c->out[0] = v->halted >> vdev_index(c->setup.index) & 1;
	c->out[1] = 0;
	return 2;
}

static int
clear_halt(struct vdev *v, const struct vdev_control *c)
{
	if (c->setup.value != 0 || !has_endpoint(v, c->setup.index))
		return VDEV_STALL;
	v->halted &= ~(1u << vdev_index(c->setup.index));
	return 0;
}

static int
set_halt(struct vdev *v, const struct vdev_control *c)
{
	return c->setup.value == 0 && vdev_halt(v, c->setup.index) ? 0 : VDEV_STALL;
}

static int
set_config(struct vdev *v, const struct vdev_control *c)
{
	if (c->setup.value > 1)
		return VDEV_STALL;
	if (v->kind->busy && v->kind->busy(v))
		return VDEV_LATER;
	v->dev.info.config = (uint8_t)c->setup.value;
	desc_set_config(&v->desc, v->dev.info.config);
	vdev_flush(v, -1);
	v->kind->reset(v, VDEV_RESET_CONFIG);
	return 0;
}

static int
set_interface(struct vdev *v, const struct vdev_control *c)
{
	if (!has_setting(v, c->setup.index, c->setup.value))
		return VDEV_STALL;
	if (v->kind->busy && v->kind->busy(v))
		return VDEV_LATER;
	desc_set_interface(&v->desc, (uint8_t)c->setup.index, (uint8_t)c->setup.value);
	vdev_flush(v, c->setup.index);
	v->kind->reset(v, VDEV_RESET_IFACE);
	return 0;
}

/*
 * A port reset as a host's call: afterwards the configuration is chosen as it was,
 * and the alternate settings are 0.
 */
static int
bus_reset(struct vdev *v, const struct vdev_control *c)
{
	(void)c;
	if (v->kind->busy && v->kind->busy(v))
		return VDEV_LATER;
	desc_set_config(&v->desc, v->dev.info.config);
	vdev_flush(v, -1);
	v->kind->reset(v, VDEV_RESET_BUS);
	return 0;
}

static const struct vdev_row rows[] = {
    {0x80, 0, status_of_device},   {0x81, 0, status_of_interface},
    {0x82, 0, status_of_endpoint}, {0x02, 1, clear_halt},
    {0x02, 3, set_halt},           {0x80, 6, get_descriptor},
    {0x80, 8, get_config},         {0x00, 9, set_config},
    {0x81, 10, get_interface},     {0x01, 11, set_interface},
};

static vdev_request *
find_in(const struct vdev_row *row, size_t n, const struct vdesc_setup *s)
{
	for (size_t i = 0; i < n; i++)
		if (row[i].type == s->type && row[i].request == s->request)
			return row[i].run;
	return NULL;
}

static vdev_request *
find(const struct vdev *v, const struct urb *u, const struct vdesc_setup *s)
{
	vdev_request *run;

	if (u->job == URB_JOB_RESET)
		return bus_reset;
	run = find_in(v->kind->rows, v->kind->nrows, s);
	return run ? run : find_in(rows, ARRAY_LEN(rows), s);
}

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

bool
vdev_ctl_step(struct vdev *v)
{
	struct vdev_urb *vu = vdev_first(v, 0);
	uint8_t out[VDEV_DATA_MAX];
	struct vdev_control c = {.out = out};
	vdev_request *run;
	struct urb *u;
	int n;

	if (vu == NULL)
		return false;
	u = vu->urb;
	c.setup = vdesc_setup(u->setup);
	if ((c.setup.type & 0x80) == 0) {
		c.in = u->buf;
		c.in_len = min_u32(c.setup.length, u->len);
	}
	run = find(v, u, &c.setup);
	vu->pinned = true; /* run may complete urbs, and they may cancel this one */
	n = run ? run(v, &c) : VDEV_STALL;
	vu->pinned = false;
	if (n == VDEV_LATER)
		return false;
	if ((c.setup.type & 0x80) == 0)
		u->actual = n < 0 ? 0 : c.in_len;
	else if (n > 0 && u->len > 0) {
		u->actual = min_u32((uint32_t)n, min_u32(c.setup.length, u->len));
		memcpy(u->buf, out, u->actual);
	}
	vdev_finish(v, vu, n < 0 ? -LINUX_EPIPE : 0);
	return true;
}
