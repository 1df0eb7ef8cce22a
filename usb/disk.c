/* SPDX-License-Identifier: ISC */
/*
 * The virtual disk's life: made from a file, opened (then it has a worker),
 * urbs queued per endpoint, closed. It completes nothing inside a call: the
 * event `kick` does.
 */
#include "usb/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/log.h"
#include "core/text.h"
#include "core/usbip.h"
#include "usb/bus.h"

#define DISK_TURN 16 /* things done per turn of the loop (DESIGN.md 9) */

/* USB 2.0 9.6; Linux Foundation's multifunction gadget; mass storage, SCSI, BOT */
static const uint8_t descriptors[18 + 32] = {
    18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0x00, 0x01, 1, 2, 3, 1,
    /* configuration 1: one interface, self powered */
    9, 2, 32, 0, 1, 1, 0, 0xc0, 0,
    /* interface 0 */
    9, 4, 0, 0, 2, 0x08, 0x06, 0x50, 0,
    /* endpoints: bulk, 512 bytes */
    7, 5, DISK_EP_IN, 2, DISK_PACKET & 0xff, DISK_PACKET >> 8, 0, 7, 5, DISK_EP_OUT, 2,
    DISK_PACKET & 0xff, DISK_PACKET >> 8, 0};

static struct disk *
disk_of(struct usb_dev *dev)
{
	return CONTAINER_OF(dev, struct disk, dev);
}

void
disk_kick(struct disk *d)
{
	event_active(d->kick, EV_TIMEOUT, 0);
}

struct disk_urb *
disk_first(struct disk *d, enum disk_queue q)
{
	struct disk_urb *du;

	if (list_empty(&d->queue[q]))
		return NULL;
	du = CONTAINER_OF(d->queue[q].next, struct disk_urb, link);
	return du == d->job.pin ? NULL : du;
}

void
disk_finish(struct disk *d, struct disk_urb *du, int32_t status)
{
	struct urb *u = du->urb;
	bool too_short = u->actual < u->len && urb_in(u) && (u->flags & URB_SHORT_NOT_OK);

	list_del(&du->link);
	free(du);
	u->device = NULL;
	u->status = status == 0 && too_short ? -LINUX_EREMOTEIO : status;
	usb_dev_complete(&d->dev, u);
}

static void
move(struct disk *d, struct disk_urb *du, enum disk_queue q)
{
	list_del(&du->link);
	list_add(&d->queue[q], &du->link);
	disk_kick(d);
}

void
disk_drop(struct disk *d, struct disk_urb *du)
{
	move(d, du, DISK_CANCELLED);
}

/* What is submitted from inside complete belongs to the new state: it stays. */
void
disk_flush_urbs(struct disk *d)
{
	struct list all;

	list_init(&all);
	for (int q = DISK_IN; q <= DISK_OUT; q++)
		while (!list_empty(&d->queue[q])) {
			struct list *l = d->queue[q].next;

			list_del(l);
			list_add(&all, l);
		}
	while (!list_empty(&all))
		disk_finish(d, CONTAINER_OF(all.next, struct disk_urb, link),
			    -LINUX_ESHUTDOWN);
}

static bool
cancelled_step(struct disk *d)
{
	struct disk_urb *du = disk_first(d, DISK_CANCELLED);

	if (du == NULL)
		return false;
	disk_finish(d, du, d->dev.left ? -LINUX_ESHUTDOWN : -LINUX_ECONNRESET);
	return true;
}

static bool
step(struct disk *d)
{
	return cancelled_step(d) || disk_ctl_step(d) || disk_bulk_step(d);
}

/* May free the disk. */
static void
finish_open(struct disk *d)
{
	d->opening = false;
	d->worker = worker_new(d->dev.bus->base);
	if (d->worker == NULL) {
		usb_dev_opened(&d->dev, ERR_NOMEM,
			       "no thread for the disk's file; raise the limits of "
			       "processes and open files");
		return;
	}
	d->dev.info.config = 1;
	bot_reset(&d->bot);
	scsi_reset(&d->scsi);
	usb_dev_opened(&d->dev, ERR_OK, "");
}

/* No job is out. May free the disk. */
static void
finish_close(struct disk *d)
{
	if (d->dirty) {
		d->dirty = false; /* one try */
		disk_sync(d);
		return;
	}
	d->closing = false;
	worker_free(d->worker);
	d->worker = NULL;
	usb_dev_closed(&d->dev);
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct disk *d = arg;
	int i;

	(void)fd;
	(void)what;
	if (d->opening) {
		finish_open(d);
		return;
	}
	for (i = 0; i < DISK_TURN && !d->closing && step(d); i++)
		;
	if (i == DISK_TURN)
		disk_kick(d);
	if (d->closing && !d->job.out)
		finish_close(d);
}

static void
disk_open(struct usb_dev *dev)
{
	disk_of(dev)->opening = true;
	disk_kick(disk_of(dev));
}

static void
disk_close(struct usb_dev *dev)
{
	disk_of(dev)->closing = true;
	disk_kick(disk_of(dev));
}

/* The queue for an urb, or DISK_QUEUES: no such endpoint. */
static enum disk_queue
queue_of(const struct disk *d, const struct urb *u)
{
	if ((u->ep & 0x7f) == 0 && u->type == URB_CONTROL)
		return DISK_CTL;
	if (d->dev.info.config == 0 || u->type != URB_BULK)
		return DISK_QUEUES;
	return u->ep == DISK_EP_IN    ? DISK_IN
	       : u->ep == DISK_EP_OUT ? DISK_OUT
				      : DISK_QUEUES;
}

static int
disk_submit(struct usb_dev *dev, struct urb *u)
{
	struct disk *d = disk_of(dev);
	enum disk_queue q = queue_of(d, u);
	struct disk_urb *du;

	if (q == DISK_QUEUES) {
		u->status = -LINUX_ENOENT;
		return ERR_FAIL;
	}
	du = malloc(sizeof(*du));
	if (du == NULL)
		return ERR_NOMEM;
	*du = (struct disk_urb){.urb = u};
	u->device = du;
	list_add(&d->queue[q], &du->link);
	disk_kick(d);
	return ERR_OK;
}

static void
cancel(struct disk *d, struct disk_urb *du)
{
	if (du->cancelled)
		return;
	du->cancelled = true;
	if (du != d->job.pin)
		disk_drop(d, du);
}

static void
disk_cancel(struct usb_dev *dev, struct urb *u)
{
	cancel(disk_of(dev), u->device);
}

static void
disk_cancel_all(struct usb_dev *dev)
{
	struct disk *d = disk_of(dev);
	struct list *l, *n;

	for (int q = DISK_CTL; q <= DISK_OUT; q++)
		LIST_EACH_SAFE (&d->queue[q], l, n)
			cancel(d, CONTAINER_OF(l, struct disk_urb, link));
}

/* Closing the file gives the lock up too. */
static void
disk_free(struct usb_dev *dev)
{
	struct disk *d = disk_of(dev);

	if (d->kick)
		event_free(d->kick);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static const struct usb_dev_ops disk_ops = {
    .open = disk_open,
    .close = disk_close,
    .submit = disk_submit,
    .cancel = disk_cancel,
    .cancel_all = disk_cancel_all,
    .free = disk_free,
};

static void
describe(struct disk *d, unsigned number)
{
	struct devinfo *info = &d->dev.info;

	memcpy(d->raw, descriptors, sizeof(d->raw));
	d->dev.raw = d->raw;
	d->dev.raw_len = sizeof(d->raw);
	d->strings[0] = info->manufacturer;
	d->strings[1] = info->product;
	d->strings[2] = info->serial;
	d->desc = (struct vdesc){d->raw, sizeof(d->raw), d->strings, 3};
	snprintf(info->busid, sizeof(info->busid), "v-%u", number);
	info->busnum = USB_BUS_VIRTUAL;
	info->devnum = number;
	info->speed = DEVINFO_HIGH;
	info->vid = 0x1d6b;
	info->pid = 0x0104;
	info->bcd = 0x0100;
	info->config = info->configs = info->ifs = 1;
	info->iface[0] = (struct devinfo_if){0x08, 0x06, 0x50};
}

/* Nothing but memory, and an event that is not yet used. */
static struct disk *
disk_new(struct event_base *base)
{
	struct disk *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->dev.ops = &disk_ops;
	d->dev.is_virtual = true;
	d->fd = -1;
	for (int q = 0; q < DISK_QUEUES; q++)
		list_init(&d->queue[q]);
	d->kick = event_new(base, -1, 0, on_kick, d);
	if (d->kick == NULL) {
		disk_free(&d->dev);
		return NULL;
	}
	return d;
}

int
usb_disk_add(struct usb_bus *bus, const char *spec, char *why, size_t cap)
{
	struct disk *d = disk_new(bus->base);
	int r;

	if (d == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	r = disk_file_open(d, spec, why, cap);
	if (r != ERR_OK) {
		disk_free(&d->dev);
		return r;
	}
	describe(d, ++bus->virtuals);
	log_info("device %s made name=\"%s\" blocks=%llu%s", d->dev.info.busid,
		 d->dev.info.product, (unsigned long long)d->scsi.blocks,
		 d->scsi.ro ? " read-only" : "");
	usb_bus_add(bus, &d->dev);
	return ERR_OK;
}
