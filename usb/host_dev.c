/* SPDX-License-Identifier: ISC */
/*
 * Opening and closing a real device. Both are jobs of its worker, which lives
 * from open to closed. An open that fails gives everything back, and says what
 * a person can do about it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libusb-1.0/libusb.h>

#include "core/log.h"
#include "core/text.h"
#include "core/usbip.h"
#include "usb/host.h"

#define SYSFS "/sys"

static struct host_dev *
host_of(struct usb_dev *dev)
{
	return CONTAINER_OF(dev, struct host_dev, dev);
}

static int __attribute__((format(printf, 3, 4)))
refuse(struct host_dev *d, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
	return err;
}

static const char *
node_of(const struct host_dev *d, char *node, size_t cap)
{
	snprintf(node, cap, "/dev/bus/usb/%03u/%03u", d->dev.info.busnum,
		 d->dev.info.devnum);
	return node;
}

/* Before touching anything: would it be taken from under somebody? */
static int
check_unused(struct host_dev *d)
{
	const char *busid = d->dev.info.busid;
	char at[128];

	if (access(node_of(d, at, sizeof(at)), F_OK) != 0)
		return refuse(
		    d, ERR_LACKING,
		    "%s is missing; if this is a container, give it /dev/bus/usb", at);
	if (!d->part && /* what has a driver is not touched */
	    host_scan_mounted(SYSFS, "/proc/self/mountinfo", busid, at, sizeof(at)))
		return refuse(d, ERR_BUSY, "mounted at %s; unmount it first: umount '%s'",
			      at, at);
	host_scan_driver(SYSFS, busid, at, sizeof(at));
	if (text_equal(at, "usbip-host"))
		return refuse(d, ERR_BUSY,
			      "usbip-host has it; take it back first: usbip unbind -b %s",
			      busid);
	return ERR_OK;
}

static int
open_failed(struct host_dev *d, int r)
{
	char node[64];

	switch (r) {
	case LIBUSB_ERROR_ACCESS:
		return refuse(
		    d, ERR_LACKING,
		    "no right to use %s; run this as root, or give it to this user "
		    "by a udev rule",
		    node_of(d, node, sizeof(node)));
	case LIBUSB_ERROR_NO_DEVICE:
	case LIBUSB_ERROR_NOT_FOUND:
		return refuse(d, ERR_GONE, "it has been unplugged");
	case LIBUSB_ERROR_NO_MEM:
		return refuse(d, ERR_NOMEM, "out of memory");
	default:
		return refuse(d, ERR_FAIL, "%s; unplug it and plug it in again",
			      libusb_error_name(r));
	}
}

/* All interfaces work for this machine. */
static int
part_taken(struct host_dev *d)
{
	char who[120], name[32];
	struct text t;

	text_init(&t, who, sizeof(who));
	for (unsigned i = 0; i < DEVINFO_IFS; i++) {
		host_scan_if_driver(SYSFS, d->dev.info.busid, d->config, i, name,
				    sizeof(name));
		if (name[0] == '\0')
			continue;
		text_str(&t, t.len > 0 ? ", " : "");
		text_u64(&t, i);
		text_str(&t, " is with ");
		text_str(&t, name);
	}
	if (t.len == 0)
		return refuse(d, ERR_BUSY, "it is not configured: no interface to share");
	return refuse(d, ERR_BUSY,
		      "no interface is free to be shared: %s; unbind a driver", who);
}

static int
claim_failed(struct host_dev *d, int r)
{
	const struct devinfo *in = &d->dev.info;
	char who[64];

	if (r != LIBUSB_ERROR_BUSY)
		return open_failed(d, r);
	if (d->part)
		return part_taken(d);
	if (host_scan_user("/proc", in->busnum, in->devnum, who, sizeof(who)))
		return refuse(d, ERR_BUSY, "another program has it (%s); end that first",
			      who);
	return refuse(d, ERR_BUSY, "another program has it; end that first");
}

static int
try_open(struct host_dev *d)
{
	int r, config = 0;

	if ((r = check_unused(d)) != ERR_OK)
		return r;
	if ((r = libusb_open(d->usb, &d->handle)) != 0) {
		d->handle = NULL;
		return open_failed(d, r);
	}
	r = libusb_get_configuration(d->handle, &config);
	d->config = (uint8_t)config;
	if (r == 0)
		r = host_claim(d);
	if (r == 0) {
		d->cache = host_read_cache(d, &d->cache_len);
		return ERR_OK;
	}
	r = claim_failed(d, r);
	host_release(d, true);
	libusb_close(d->handle);
	d->handle = NULL;
	return r;
}

static void
open_run(struct worker_job *job)
{
	struct host_dev *d = CONTAINER_OF(job, struct host_dev, job);

	d->result = try_open(d);
}

static void
open_done(struct worker_job *job)
{
	struct host_dev *d = CONTAINER_OF(job, struct host_dev, job);

	if (d->result == ERR_OK) {
		host_refresh(d);
		if (d->part)
			host_part_keep(d);
		free(d->dev.cache);
		d->dev.cache = d->cache;
		d->dev.cache_len = d->cache_len;
		d->cache = NULL;
		log_info("device %s open %s=%s", d->dev.info.busid,
			 d->part ? "in_part" : "driver_taken",
			 d->part || d->driven != 0 ? "yes" : "no");
	} else {
		worker_free(d->worker);
		d->worker = NULL;
	}
	usb_dev_opened(&d->dev, d->result, d->why);
}

static void
on_open(struct usb_dev *dev)
{
	struct host_dev *d = host_of(dev);

	d->why[0] = '\0';
	d->changed = d->gone = d->said_memory = false;
	d->part = dev->info.part;
	if ((d->worker = worker_new(dev->bus->base)) == NULL) {
		d->no_thread = true;
		host_want_turn(d->host);
		return;
	}
	d->job = (struct worker_job){.run = open_run, .done = open_done};
	worker_do(d->worker, &d->job);
}

void
host_dev_no_thread(struct host_dev *d)
{
	d->no_thread = false;
	usb_dev_opened(&d->dev, ERR_NOMEM, "no thread to be had for it");
}

/*
 * The next owner finds a device that is reset and configured as it was: a new
 * configuration also brings the kernel's drivers, otherwise those it had come
 * back. libusb says NOT_FOUND for a device that came back as another one.
 */
static void
close_whole(struct host_dev *d)
{
	int config = d->config;

	if (!d->gone && libusb_reset_device(d->handle) == LIBUSB_ERROR_NOT_FOUND)
		d->gone = true;
	if (!d->gone)
		(void)libusb_get_configuration(d->handle, &config);
	host_release(d, config == d->config);
	if (config != d->config)
		(void)libusb_set_configuration(d->handle, d->config ? d->config : -1);
}

static void
close_run(struct worker_job *job)
{
	struct host_dev *d = CONTAINER_OF(job, struct host_dev, job);

	if (!d->part) {
		close_whole(d);
	} else {
		if (!d->gone)
			(void)host_part_reset(d);
		host_release(d, false);
	}
	libusb_close(d->handle);
	d->handle = NULL;
}

static void
close_done(struct worker_job *job)
{
	struct host_dev *d = CONTAINER_OF(job, struct host_dev, job);

	worker_free(d->worker);
	d->worker = NULL;
	host_refresh(d);
	log_info("device %s closed", d->dev.info.busid);
	usb_dev_closed(&d->dev);
}

static void
on_close(struct usb_dev *dev)
{
	struct host_dev *d = host_of(dev);

	d->gone = dev->left;
	d->job = (struct worker_job){.run = close_run, .done = close_done};
	worker_do(d->worker, &d->job);
}

static int
on_submit(struct usb_dev *dev, struct urb *u)
{
	struct host_dev *d = host_of(dev);

	if (d->part && !host_part_allows(d, u)) {
		u->status = -LINUX_EPIPE;
		return ERR_FAIL;
	}
	if (u->type == URB_CONTROL &&
	    (u->job != URB_JOB_NONE || (d->part && host_part_answers(u->setup))))
		return host_job(d, u);
	return host_xfer_submit(d, u);
}

static void
on_cancel(struct usb_dev *dev, struct urb *u)
{
	(void)dev;
	host_xfer_cancel(u);
}

static void
on_cancel_all(struct usb_dev *dev)
{
	host_xfer_cancel_all(host_of(dev));
}

static void
on_free(struct usb_dev *dev)
{
	struct host_dev *d = host_of(dev);

	libusb_unref_device(d->usb);
	free(dev->raw);
	free(dev->cache);
	free(d);
}

static const struct usb_dev_ops ops = {
    .open = on_open,
    .close = on_close,
    .submit = on_submit,
    .cancel = on_cancel,
    .cancel_all = on_cancel_all,
    .free = on_free,
};

struct host_dev *
host_dev_of(struct usb_dev *dev)
{
	return dev->ops == &ops ? host_of(dev) : NULL;
}

struct host_dev *
host_dev_new(struct usb_host *h, struct libusb_device *usb, const struct devinfo *in,
	     uint8_t *raw, size_t raw_len)
{
	struct host_dev *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->dev.ops = &ops;
	d->dev.info = *in;
	d->dev.raw = raw;
	d->dev.raw_len = raw_len;
	list_init(&d->dev.link);
	list_init(&d->xfers);
	d->host = h;
	d->usb = libusb_ref_device(usb);
	return d;
}
