/* SPDX-License-Identifier: ISC */
/*
 * The strings and the BOS of a device that has just been opened, for the kernel
 * that will enumerate it far away (core/desc_cache). Runs in the worker's thread.
 *
 * It asks through a descriptor of its own: libusb's synchronous transfers would
 * run callbacks of others in this thread. Some devices hang when they are asked
 * for strings they do not have; so it asks only what this machine's kernel got an
 * answer to, and stops at the first question that gets none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <libusb-1.0/libusb.h>

#include "core/desc_cache.h"
#include "usb/host.h"

#define SYSFS      "/sys"
#define ONE_MS     500  /* for one answer; most take one */
#define ALL_MS     2000 /* for all of them */
#define BOS_BCD    0x0201
#define BOS_HEAD   5
#define STRING_MAX 255

struct reader {
	const struct host_dev *d;
	int fd;
	bool stopped;
	uint64_t end_ms;
	uint16_t language;
	uint8_t *blob;
	size_t used;
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* GET_DESCRIPTOR; its length, or negative. A stall is an answer. */
static int
ask(struct reader *r, const struct desc_name *name, uint8_t *buf, size_t n)
{
	struct usbdevfs_ctrltransfer c = {
	    .bRequestType = LIBUSB_ENDPOINT_IN,
	    .bRequest = LIBUSB_REQUEST_GET_DESCRIPTOR,
	    .wValue = (uint16_t)(name->type << 8 | name->index),
	    .wIndex = name->language,
	    .wLength = (uint16_t)n,
	    .timeout = ONE_MS,
	    .data = buf,
	};
	int got = -1;

	if (r->stopped || now_ms() > r->end_ms)
		return -1;
	if ((got = ioctl(r->fd, USBDEVFS_CONTROL, &c)) < 0 && errno != EPIPE)
		r->stopped = true;
	return got;
}

/* What makes no sense, or is there already, is not kept. */
static int
keep(struct reader *r, const struct desc_name *name, uint8_t *buf, size_t n)
{
	int got = ask(r, name, buf, n);

	return got < 0 ? ERR_FAIL
		       : desc_cache_add(r->blob, &r->used, name, buf, (size_t)got);
}

static void
read_bos(struct reader *r)
{
	const struct desc_name bos = {.type = LIBUSB_DT_BOS};
	uint8_t buf[DESC_CACHE_ONE];
	size_t total;

	if (ask(r, &bos, buf, BOS_HEAD) != BOS_HEAD)
		return;
	total = buf[2] | (size_t)buf[3] << 8;
	if (total >= BOS_HEAD && total <= sizeof(buf))
		(void)keep(r, &bos, buf, total);
}

/* False: it has no strings. */
static bool
read_languages(struct reader *r)
{
	const struct desc_name table = {.type = LIBUSB_DT_STRING};
	uint8_t buf[STRING_MAX];

	if (keep(r, &table, buf, sizeof(buf)) != ERR_OK)
		return false;
	r->language = (uint16_t)(buf[2] | buf[3] << 8); /* as Linux: the first */
	return true;
}

static void
read_string(struct reader *r, uint8_t index)
{
	const struct desc_name name = {LIBUSB_DT_STRING, index, r->language};
	uint8_t buf[STRING_MAX];

	if (index != 0)
		(void)keep(r, &name, buf, sizeof(buf));
}

/* --- which strings there are --- */

static bool
kernel_has(const struct reader *r, const char *attribute)
{
	return host_scan_has(SYSFS, r->d->dev.info.busid, attribute);
}

static void
read_device_strings(struct reader *r, const struct libusb_device_descriptor *d)
{
	if (kernel_has(r, "manufacturer"))
		read_string(r, d->iManufacturer);
	if (kernel_has(r, "product"))
		read_string(r, d->iProduct);
	if (kernel_has(r, "serial"))
		read_string(r, d->iSerialNumber);
}

/* Whether the kernel could read one of those of the configuration. */
static bool
config_has_strings(const struct reader *r, const struct libusb_config_descriptor *c)
{
	char at[DEVINFO_BUSID + 24];
	bool found = kernel_has(r, "configuration");

	for (int i = 0; !found && i < c->bNumInterfaces; i++) {
		if (c->interface[i].num_altsetting == 0)
			continue;
		snprintf(at, sizeof(at), "%s:%u.%u", r->d->dev.info.busid,
			 c->bConfigurationValue,
			 c->interface[i].altsetting->bInterfaceNumber);
		found = host_scan_has(SYSFS, at, "interface");
	}
	return found;
}

static void
read_config_strings(struct reader *r, const struct libusb_config_descriptor *c)
{
	read_string(r, c->iConfiguration);
	for (int i = 0; i < c->bNumInterfaces; i++)
		for (int k = 0; k < c->interface[i].num_altsetting; k++)
			read_string(r, c->interface[i].altsetting[k].iInterface);
}

static void
read_all(struct reader *r)
{
	struct libusb_device_descriptor d;
	struct libusb_config_descriptor *c;

	if (libusb_get_device_descriptor(r->d->usb, &d) != 0)
		return;
	if (d.bcdUSB >= BOS_BCD)
		read_bos(r);
	if (!read_languages(r))
		return;
	read_device_strings(r, &d);
	if (libusb_get_active_config_descriptor(r->d->usb, &c) != 0)
		return;
	if (config_has_strings(r, c))
		read_config_strings(r, c);
	libusb_free_config_descriptor(c);
}

uint8_t *
host_read_cache(const struct host_dev *d, size_t *n)
{
	struct reader r = {.d = d, .end_ms = now_ms() + ALL_MS};
	char node[64];

	*n = 0;
	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", d->dev.info.busnum,
		 d->dev.info.devnum);
	if ((r.fd = open(node, O_RDWR | O_CLOEXEC)) < 0)
		return NULL;
	if ((r.blob = malloc(DEVINFO_CACHE)) != NULL)
		read_all(&r);
	close(r.fd);
	*n = r.used;
	return r.blob;
}
