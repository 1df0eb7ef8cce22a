/* SPDX-License-Identifier: ISC */
/*
 * The life of a virtual device: queues, opening, cancelling, closing. What its
 * endpoints do is the kind's; endpoint 0 is usb/vdev_ctl's.
 */
#include "usb/vdev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "core/usbip.h"
#include "usb/bus.h"

static struct vdev *
vdev(struct usb_dev *dev)
{
	return CONTAINER_OF(dev, struct vdev, dev);
}

static struct vdev_urb *
urb_of(struct list *l)
{
	return CONTAINER_OF(l, struct vdev_urb, link);
}

void
vdev_kick(struct vdev *v)
{
	event_active(v->kick, EV_TIMEOUT, 0);
}

struct vdev_urb *
vdev_first(struct vdev *v, uint8_t ep)
{
	struct list *q = &v->pipe[vdev_index(ep)];

	return list_empty(q) || urb_of(q->next)->pinned ? NULL : urb_of(q->next);
}

void
vdev_finish(struct vdev *v, struct vdev_urb *vu, int32_t status)
{
	struct urb *u = vu->urb;
	bool too_short = u->actual < u->len && urb_in(u) && (u->flags & URB_SHORT_NOT_OK);

	list_del(&vu->link);
	free(vu);
	u->device = NULL;
	u->status = status == 0 && too_short ? -LINUX_EREMOTEIO : status;
	usb_dev_complete(&v->dev, u);
}

void
vdev_drop(struct vdev *v, struct vdev_urb *vu)
{
	list_del(&vu->link);
	list_add(&v->cancelled, &vu->link);
	vdev_kick(v);
}

bool
vdev_halt(struct vdev *v, unsigned ep)
{
	if (ep > 0xff || (ep & 0x70) != 0 || desc_find(&v->desc, (uint8_t)ep) == NULL)
		return false;
	v->halted |= 1u << vdev_index(ep);
	return true;
}

static void
take_all(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *l = from->next;

		list_del(l);
		list_add(to, l);
	}
}

/* What is submitted from inside complete belongs to the new state: it stays. */
void
vdev_flush(struct vdev *v, int iface)
{
	struct list all;

	list_init(&all);
	for (unsigned i = 0; i < v->desc.eps; i++) {
		const struct desc_ep *e = &v->desc.ep[i];

		if (iface < 0 || e->iface == iface) {
			v->halted &= ~(1u << vdev_index(e->addr));
			take_all(&v->pipe[vdev_index(e->addr)], &all);
		}
	}
	while (!list_empty(&all))
		vdev_finish(v, urb_of(all.next), -LINUX_ESHUTDOWN);
}

static bool
cancelled_step(struct vdev *v)
{
	if (list_empty(&v->cancelled))
		return false;
	vdev_finish(v, urb_of(v->cancelled.next),
		    v->dev.left ? -LINUX_ESHUTDOWN : -LINUX_ECONNRESET);
	return true;
}

static bool
halted_step(struct vdev *v)
{
	for (unsigned i = 1; v->halted >> i != 0; i++)
		if ((v->halted >> i & 1) && !list_empty(&v->pipe[i])) {
			vdev_finish(v, urb_of(v->pipe[i].next), -LINUX_EPIPE);
			return true;
		}
	return false;
}

static bool
step(struct vdev *v)
{
	return cancelled_step(v) || vdev_ctl_step(v) || halted_step(v) ||
	       v->kind->step(v);
}

/* Without memory for it the strings are asked for one by one. */
static void
fill_cache(struct vdev *v)
{
	if (v->dev.cache == NULL)
		v->dev.cache = malloc(DEVINFO_CACHE);
	if (v->dev.cache != NULL)
		v->dev.cache_len = vdesc_cache(&v->vdesc, v->dev.cache);
}

/* May free the device. */
static void
finish_open(struct vdev *v)
{
	const char *why = "";
	int err = v->kind->open ? v->kind->open(v, &why) : ERR_OK;

	v->opening = false;
	if (err == ERR_OK) {
		v->dev.info.config = 1;
		desc_set_config(&v->desc, 1);
		v->halted = 0;
		fill_cache(v);
		v->kind->reset(v, VDEV_RESET_OPEN);
	}
	usb_dev_opened(&v->dev, err, why);
}

/* May free the device. */
static void
finish_close(struct vdev *v)
{
	if (v->kind->close && !v->kind->close(v))
		return;
	v->closing = false;
	usb_dev_closed(&v->dev);
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct vdev *v = arg;
	int i;

	(void)fd;
	(void)what;
	if (v->opening) {
		finish_open(v);
		return;
	}
	if (v->dev.state == USB_DEV_FREE)
		return;
	for (i = 0; i < VDEV_TURN && !v->closing && step(v); i++)
		;
	if (i == VDEV_TURN)
		vdev_kick(v);
	if (v->closing)
		finish_close(v);
}

static void
vdev_open(struct usb_dev *dev)
{
	vdev(dev)->opening = true;
	vdev_kick(vdev(dev));
}

static void
vdev_close(struct usb_dev *dev)
{
	vdev(dev)->closing = true;
	vdev_kick(vdev(dev));
}

/* The queue for an urb; NULL: no such endpoint. */
static struct list *
queue_of(struct vdev *v, const struct urb *u)
{
	const struct desc_ep *e;

	if ((u->ep & 0x7f) == 0)
		return u->type == URB_CONTROL ? &v->pipe[0] : NULL;
	e = (u->ep & 0x70) == 0 ? desc_find(&v->desc, u->ep) : NULL;
	return e && e->type == u->type ? &v->pipe[vdev_index(u->ep)] : NULL;
}

static int
vdev_submit(struct usb_dev *dev, struct urb *u)
{
	struct vdev *v = vdev(dev);
	struct list *q = queue_of(v, u);
	struct vdev_urb *vu;

	if (q == NULL) {
		u->status = -LINUX_ENOENT;
		return ERR_FAIL;
	}
	vu = malloc(sizeof(*vu));
	if (vu == NULL)
		return ERR_NOMEM;
	*vu = (struct vdev_urb){.urb = u, .since = vdev_now()};
	u->device = vu;
	list_add(q, &vu->link);
	vdev_kick(v);
	return ERR_OK;
}

static void
cancel(struct vdev *v, struct vdev_urb *vu)
{
	if (vu->cancelled)
		return;
	vu->cancelled = true;
	if (!vu->pinned)
		vdev_drop(v, vu);
}

static void
vdev_cancel(struct usb_dev *dev, struct urb *u)
{
	cancel(vdev(dev), u->device);
}

static void
vdev_cancel_all(struct usb_dev *dev)
{
	struct vdev *v = vdev(dev);
	struct list *l, *n;

	for (size_t i = 0; i < ARRAY_LEN(v->pipe); i++)
		LIST_EACH_SAFE (&v->pipe[i], l, n)
			cancel(v, urb_of(l));
}

static void
vdev_free(struct usb_dev *dev)
{
	vdev(dev)->kind->free(vdev(dev));
}

static const struct usb_dev_ops vdev_ops = {
    .open = vdev_open,
    .close = vdev_close,
    .submit = vdev_submit,
    .cancel = vdev_cancel,
    .cancel_all = vdev_cancel_all,
    .free = vdev_free,
};

/* Our own descriptors: device, one configuration. */
static void
describe(struct vdev *v)
{
	struct devinfo *info = &v->dev.info;
	const uint8_t *p = v->raw;
	int r = desc_parse(&v->desc, p, v->dev.raw_len, 1);

	ASSERT(r == ERR_OK);
	info->speed = v->kind->speed;
	info->vid = (uint16_t)(p[8] | p[9] << 8);
	info->pid = (uint16_t)(p[10] | p[11] << 8);
	info->bcd = (uint16_t)(p[12] | p[13] << 8);
	info->cls = p[4];
	info->sub = p[5];
	info->proto = p[6];
	info->config = info->configs = 1;
	info->ifs = p[18 + 4];
	for (size_t i = 18; i < v->dev.raw_len; i += p[i])
		if (p[i + 1] == 4 && p[i + 3] == 0)
			info->iface[p[i + 2]] =
			    (struct devinfo_if){p[i + 5], p[i + 6], p[i + 7]};
}

int
vdev_init(struct vdev *v, const struct vdev_kind *kind, struct event_base *base)
{
	ASSERT(kind->raw_len <= VDEV_RAW);
	v->kind = kind;
	v->dev.ops = &vdev_ops;
	v->dev.is_virtual = true;
	memcpy(v->raw, kind->raw, kind->raw_len);
	v->dev.raw = v->raw;
	v->dev.raw_len = kind->raw_len;
	v->strings[0] = v->dev.info.manufacturer;
	v->strings[1] = v->dev.info.product;
	v->strings[2] = v->dev.info.serial;
	v->vdesc = (struct vdesc){v->raw, kind->raw_len, v->strings, 3};
	for (size_t i = 0; i < ARRAY_LEN(v->pipe); i++)
		list_init(&v->pipe[i]);
	list_init(&v->cancelled);
	v->kick = event_new(base, -1, 0, on_kick, v);
	return v->kick ? ERR_OK : ERR_NOMEM;
}

void
vdev_fini(struct vdev *v)
{
	if (v->kick)
		event_free(v->kick);
	free(v->dev.cache);
}

void
vdev_name(struct vdev *v, struct usb_bus *bus)
{
	struct devinfo *info = &v->dev.info;

	describe(v);
	info->busnum = USB_BUS_VIRTUAL;
	info->devnum = ++bus->virtuals;
	snprintf(info->busid, sizeof(info->busid), "v-%u", info->devnum);
	if (info->serial[0] == '\0')
		memcpy(info->serial, info->busid, sizeof(info->busid));
}

struct vdev *
vdev_of(struct usb_dev *dev, const struct vdev_kind *kind)
{
	return dev->ops == &vdev_ops && vdev(dev)->kind == kind ? vdev(dev) : NULL;
}

uint64_t
vdev_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
