/* SPDX-License-Identifier: ISC */
/*
 * The virtual disk's life: made from a file, opened (then it has a worker),
 * closed (then what was written is made durable).
 */
#include "usb/disk.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"
#include "usb/bus.h"
#include "usb/virtual.h"

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
disk_of(struct vdev *v)
{
	return CONTAINER_OF(v, struct disk, v);
}

static int
disk_open(struct vdev *v, const char **why)
{
	struct disk *d = disk_of(v);

	d->worker = worker_new(d->v.dev.bus->base);
	if (d->worker != NULL)
		return ERR_OK;
	*why = "no thread for the disk's file; raise the limits of processes and open "
	       "files";
	return ERR_NOMEM;
}

static bool
disk_close(struct vdev *v)
{
	struct disk *d = disk_of(v);

	if (d->job.out)
		return false;
	if (d->dirty) {
		d->dirty = false; /* one try */
		disk_sync(d);
		return false;
	}
	worker_free(d->worker);
	d->worker = NULL;
	return true;
}

static bool
disk_busy(struct vdev *v)
{
	return disk_of(v)->job.out;
}

static void
disk_reset(struct vdev *v, enum vdev_reset how)
{
	struct disk *d = disk_of(v);

	bot_reset(&d->bot);
	if (how == VDEV_RESET_OPEN || how == VDEV_RESET_BUS)
		scsi_reset(&d->scsi);
}

/* Closing the file gives the lock up too. */
static void
disk_free(struct vdev *v)
{
	struct disk *d = disk_of(v);

	vdev_fini(v);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static const struct vdev_kind kind = {
    .raw = descriptors,
    .raw_len = sizeof(descriptors),
    .speed = DEVINFO_HIGH,
    .rows = disk_rows,
    .nrows = DISK_ROWS,
    .open = disk_open,
    .close = disk_close,
    .busy = disk_busy,
    .reset = disk_reset,
    .step = disk_step,
    .free = disk_free,
};

static int
fill_in(struct disk *d, struct event_base *base, const char *spec, char *why, size_t cap)
{
	d->fd = -1;
	if (vdev_init(&d->v, &kind, base) != ERR_OK) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	return disk_file_open(d, spec, why, cap);
}

int
usb_disk_add(struct usb_bus *bus, const char *spec, char *why, size_t cap)
{
	struct disk *d = calloc(1, sizeof(*d));
	int r;

	if (d == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	if ((r = fill_in(d, bus->base, spec, why, cap)) != ERR_OK) {
		disk_free(&d->v);
		return r;
	}
	vdev_name(&d->v, bus);
	log_info("device %s made name=\"%s\" blocks=%llu%s", d->v.dev.info.busid,
		 d->v.dev.info.product, (unsigned long long)d->scsi.blocks,
		 d->scsi.ro ? " read-only" : "");
	usb_bus_add(bus, &d->v.dev);
	return ERR_OK;
}
