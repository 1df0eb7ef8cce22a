/* SPDX-License-Identifier: ISC */
/*
 * A device of which only some interfaces are ours (devinfo.part): the others work
 * for drivers of this machine, and must not notice. What the user may ask is
 * decided here, by the descriptors of what is left.
 */
#include <string.h>

#include <libusb-1.0/libusb.h>

#include "core/desc_edit.h"
#include "core/log.h"
#include "core/usbip.h"
#include "usb/host.h"

#define DEVICE_LEN     18
#define RECIPIENT      0x1f
#define TYPE           0x60
#define IN             0x80
#define GET_DESCRIPTOR 6

enum { TO_DEVICE, TO_INTERFACE, TO_ENDPOINT };
enum { STANDARD = 0x00, VENDOR = 0x40 };
enum { DT_DEVICE = 1, DT_CONFIG = 2, DT_INTERFACE = 4, DT_ENDPOINT = 5, DT_OTHER = 7 };

void
host_part_keep(struct host_dev *d)
{
	struct usb_dev *dev = &d->dev;
	int r =
	    desc_keep_interfaces(dev->raw, &dev->raw_len, d->claimed, dev->info.config);

	if (r != ERR_OK) { /* nothing is better than too much */
		log_warn("device %s has no part to share reason=\"%s\"", dev->info.busid,
			 err_text(r));
		dev->raw_len = DEVICE_LEN;
	}
	(void)host_scan_descriptors(&dev->info, dev->raw, dev->raw_len);
}

static bool
is_ours(const struct host_dev *d, unsigned iface)
{
	return iface < 32 && (d->claimed >> iface & 1) != 0;
}

static bool
has_endpoint(const struct host_dev *d, uint8_t ep)
{
	const uint8_t *p = d->dev.raw + DEVICE_LEN, *end = d->dev.raw + d->dev.raw_len;

	for (; end - p >= 3 && p[0] >= 2; p += p[0])
		if (p[1] == DT_ENDPOINT && p[2] == ep)
			return true;
	return false;
}

static bool
is_descriptor(const uint8_t *setup, uint8_t type)
{
	return setup[0] == IN && setup[1] == GET_DESCRIPTOR && setup[3] == type;
}

bool
host_part_answers(const uint8_t setup[8])
{
	return is_descriptor(setup, DT_DEVICE) || is_descriptor(setup, DT_CONFIG);
}

/* GET_DEVICE_ID of printers has the interface in the other byte. */
static uint8_t
interface_of(const uint8_t *setup)
{
	return setup[0] == 0xa1 && setup[1] == 0 ? setup[5] : setup[4];
}

/* Asking is free; what changes the device as a whole is not for one of several. */
static bool
is_allowed_of_device(const struct host_dev *d, const uint8_t *setup)
{
	if (is_descriptor(setup, DT_CONFIG))
		return setup[2] == 0 && d->dev.raw_len > DEVICE_LEN;
	return (setup[0] & TYPE) != STANDARD ||
	       ((setup[0] & IN) != 0 && !is_descriptor(setup, DT_OTHER));
}

static bool
is_allowed(const struct host_dev *d, const uint8_t *setup)
{
	switch (setup[0] & RECIPIENT) {
	case TO_DEVICE:
		return is_allowed_of_device(d, setup);
	case TO_INTERFACE:
		return is_ours(d, interface_of(setup));
	case TO_ENDPOINT:
		return (setup[4] & 0x0f) == 0 || has_endpoint(d, setup[4]);
	default:
		return (setup[0] & TYPE) == VENDOR;
	}
}

bool
host_part_allows(const struct host_dev *d, const struct urb *u)
{
	if (u->type != URB_CONTROL)
		return has_endpoint(d, u->ep);
	return u->job == URB_JOB_SET_CONFIGURATION || u->job == URB_JOB_RESET ||
	       is_allowed(d, u->setup);
}

void
host_part_answer(const struct host_dev *d, struct urb *u)
{
	const uint8_t *raw = d->dev.raw;
	size_t n = DEVICE_LEN;

	if (is_descriptor(u->setup, DT_CONFIG)) {
		raw += DEVICE_LEN;
		n = d->dev.raw_len - DEVICE_LEN;
	}
	u->actual = n < u->len ? (uint32_t)n : u->len;
	memcpy(u->buf, raw, u->actual);
	u->status =
	    u->actual < u->len && (u->flags & URB_SHORT_NOT_OK) ? -LINUX_EREMOTEIO : 0;
}

int
host_part_reset(struct host_dev *d)
{
	const uint8_t *p = d->dev.raw + DEVICE_LEN, *end = d->dev.raw + d->dev.raw_len;
	bool first = false; /* setting of an interface */
	int r = 0;

	for (; r != LIBUSB_ERROR_NO_DEVICE && end - p >= 4 && p[0] >= 2; p += p[0]) {
		if (p[1] == DT_INTERFACE && (first = p[3] == 0))
			r = libusb_set_interface_alt_setting(d->handle, p[2], 0);
		else if (p[1] == DT_ENDPOINT && first)
			r = libusb_clear_halt(d->handle, p[2]);
	}
	return r == LIBUSB_ERROR_NO_DEVICE ? r : 0;
}
