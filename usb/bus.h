/* SPDX-License-Identifier: ISC */
/*
 * All devices of this machine: real ones as they come and go (usb/host), and
 * virtual ones that were asked for (usb/virtual).
 */
#ifndef USB_BUS_H
#define USB_BUS_H

#include "usb/dev.h"

struct event_base;

struct usb_bus_ops {
	void (*arrived)(void *arg, struct usb_dev *);
	void (*left)(void *arg, struct usb_dev *); /* before the user's gone() */
};

struct usb_host; /* usb/host.c: libusb's context */

struct usb_bus {
	struct event_base *base;
	struct list devs; /* usb_dev.link */
	const struct usb_bus_ops *ops;
	void *arg;
	unsigned virtuals;     /* made so far: the next is v-(virtuals + 1) */
	struct usb_host *host; /* NULL until usb_host_start */

	/* usb_host_stop, set by usb_host_start: so bus.c needs no libusb */
	void (*host_stop)(struct usb_bus *);
};

/* devinfo.busnum of virtual devices; libusb counts real buses from 1. */
#define USB_BUS_VIRTUAL 255

/* ops NULL: nobody has to be told. */
void usb_bus_init(struct usb_bus *, struct event_base *, const struct usb_bus_ops *,
		  void *arg);

/*
 * Frees every device, without telling ops, then calls host_stop. Devices must be
 * closed (usb_bus_quiet), so not from inside a callback of one.
 */
void usb_bus_fini(struct usb_bus *);

/* The device that is plugged in, by busid or nickname; NULL: there is none. */
struct usb_dev *usb_bus_find(const struct usb_bus *, const char *name);

/* No device is open, opening or closing. */
bool usb_bus_quiet(const struct usb_bus *);

/*
 * For the kinds in usb/: in, and told to ops at once; unplugged, told to ops and
 * then to its user, and freed when closed (it stays in devs until then, with
 * `left` set).
 */
void usb_bus_add(struct usb_bus *, struct usb_dev *);
void usb_bus_remove(struct usb_bus *, struct usb_dev *);

/*
 * usb/host.c. Starts libusb, adds the devices that are there (never hubs, never
 * devices on a vhci controller unless `vhci` is set: that would be a loop), and
 * follows plugging and unplugging. ERR_LACKING: no USB on this machine or no
 * right to it; why says what to do. A machine without USB can still share
 * virtual devices.
 */
int usb_host_start(struct usb_bus *, bool vhci, char *why, size_t cap) MUST_CHECK;

/*
 * usb/host_owe.c. The kernel's drivers of a device that is not open: "0=usb-storage";
 * "" if it has none, or is virtual. They are taken when it is opened, and given back
 * when it is closed.
 */
void usb_host_drivers(struct usb_dev *, char *text, size_t cap);

/*
 * A process before us took these and did not give them back: the next close does,
 * where nobody has done so yet. false: nothing is to be done.
 */
bool usb_host_owe(struct usb_dev *, const char *drivers);
void usb_host_stop(struct usb_bus *);

#endif
