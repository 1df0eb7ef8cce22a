/* SPDX-License-Identifier: ISC */
/*
 * Between the files of usb/host*: real devices behind libusb.
 *
 *	host.c       which devices there are, as they come and go
 *	host_scan.c  what sysfs says of one (no libusb)
 *	host_loop.c  libusb's file descriptors in libevent
 *	host_dev.c   opening and closing one
 *	host_cache.c strings and BOS of one that was opened
 *	host_job.c   claims, and control requests that must go through libusb's calls
 *	host_xfer.c  transfers of an open one
 *	host_owe.c   drivers to give back, also after a crash
 *	host_part.c  one of which only some interfaces are ours
 *	host_iso.c   what is special about isochronous ones
 *
 * libusb's types are only named here: no header of ours includes libusb.
 */
#ifndef USB_HOST_H
#define USB_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "usb/bus.h"
#include "usb/dev.h"
#include "usb/worker.h"

struct event;
struct libusb_context;
struct libusb_device;
struct libusb_device_handle;
struct libusb_transfer;

struct usb_host {
	struct usb_bus *bus;
	struct libusb_context *ctx;
	int hotplug;         /* libusb's number of our callback, 0: none */
	bool vhci;           /* devices on vhci controllers too */
	struct list news;    /* host_news.link: plugged or unplugged, not handled yet */
	struct list later;   /* host_news.link: the kernel has not configured it yet */
	struct event *turn;  /* handles news and devices that want a turn */
	struct event *again; /* gives those of `later` another try */
	struct event *ready; /* watches epoll */
	int epoll;           /* holds libusb's descriptors, -1: none */
};

/* Interfaces as a set of bInterfaceNumber; libusb claims 0 to 31. */
typedef uint32_t host_ifs;

struct host_dev {
	struct usb_dev dev;
	struct usb_host *host;
	struct libusb_device *usb; /* one reference */
	bool no_thread;            /* opening failed already: to be told in a turn */
	bool doubt;                /* libusb said that it is gone: look in a turn */

	/* While it is open. */
	struct list xfers; /* host_xfer.link: with libusb */
	struct worker *worker;
	struct libusb_device_handle *handle;
	bool said_memory; /* that usbfs has too little */
	bool part;        /* opened so (devinfo.part) */

	/* The worker's, from job to done. */
	struct worker_job job; /* open or close */
	host_ifs claimed;
	host_ifs driven; /* a driver of the kernel had it */
	host_ifs owed;   /* the same, before a process before us took it */
	uint8_t config;  /* the active one before it was opened */
	bool changed;    /* requests have changed its settings since it was opened */
	bool gone;       /* unplugged: close does not reset */
	int result;      /* of open: enum err */
	uint8_t *cache;  /* of open: for usb_dev.cache */
	size_t cache_len;
	char why[200];
};

/* An urb that is with libusb, as one transfer or several. All end before it does. */
struct host_xfer {
	struct list link; /* in host_dev.xfers */
	struct host_dev *d;
	struct urb *urb;
	uint8_t *copy;        /* what the transfers' buffers lie in; NULL: in urb->buf */
	int32_t refused;      /* why part[sent] was not taken; 0: all were */
	unsigned parts, sent; /* of part; given to libusb */
	unsigned out;         /* of those, not ended yet */
	struct libusb_transfer *part[];
};

/* host.c: a turn of the devices with no_thread or doubt comes soon. */
void host_want_turn(struct usb_host *);

/* host.c: brings what is known of it up to date, if it is still there. */
void host_refresh(struct host_dev *);

/* host_loop.c. ERR_LACKING, ERR_NOMEM. Stop also after a start that failed. */
int host_loop_start(struct usb_host *) MUST_CHECK;
void host_loop_stop(struct usb_host *);

/*
 * host_scan.c. `sysfs` is "/sys" but in tests. Reads what is known without
 * opening the device; *raw is malloced. ERR_GONE: no such device, or it left
 * meanwhile. ERR_PROTO, ERR_TOOBIG: its descriptors. ERR_NOMEM.
 */
int host_scan(const char *sysfs, const char *busid, struct devinfo *, uint8_t **raw,
	      size_t *raw_len) MUST_CHECK;

/* What descriptors say, the active configuration being known. ERR_PROTO. */
int host_scan_descriptors(struct devinfo *, const uint8_t *raw, size_t n);

/* It hangs on a vhci controller: it is somebody else's device already. */
bool host_scan_vhci(const char *sysfs, const char *busid);

/* Driver of the device ("usb", "usbip-host") or of one interface; "" if none. */
void host_scan_driver(const char *sysfs, const char *busid, char *name, size_t cap);
void host_scan_if_driver(const char *sysfs, const char *busid, unsigned config,
			 unsigned iface, char *name, size_t cap);

/* Whether it has this attribute, and it is not empty. */
bool host_scan_has(const char *sysfs, const char *busid, const char *attribute);

/*
 * Where a file system that lies on the device is mounted, also through device
 * mapper (LUKS, LVM). `mountinfo` is "/proc/self/mountinfo" but in tests.
 */
bool host_scan_mounted(const char *sysfs, const char *mountinfo, const char *busid,
		       char *where, size_t cap);

/* Which other program has the device node open: "name, process 12". */
bool
host_scan_user(const char *proc, unsigned busnum, unsigned devnum, char *who, size_t cap);

/* host_dev.c. Takes its own reference of usb; takes raw. NULL: no memory. */
struct host_dev *host_dev_new(struct usb_host *, struct libusb_device *usb,
			      const struct devinfo *, uint8_t *raw, size_t raw_len);

/* NULL: it is of another kind. */
struct host_dev *host_dev_of(struct usb_dev *);

/* Opening failed for lack of a thread: tells. The device may be freed. */
void host_dev_no_thread(struct host_dev *);

/* host_cache.c: in the worker, of an open device; malloced, NULL: nothing. */
uint8_t *host_read_cache(const struct host_dev *, size_t *n);

/*
 * host_job.c: in the worker; libusb's codes. What an open device has claimed; of a
 * part that is what nobody has, BUSY if it is nothing.
 */
int host_claim(struct host_dev *);
void host_release(struct host_dev *, bool drivers);

/* host_job.c: a control urb that is a job. ERR_NOMEM. */
int host_job(struct host_dev *, struct urb *) MUST_CHECK;

/* host_part.c: raw and info are of what is claimed, until the next host_refresh. */
void host_part_keep(struct host_dev *);

/* Whether the urb touches nothing but what is claimed; else it fails with -EPIPE. */
bool host_part_allows(const struct host_dev *, const struct urb *);

/* A request, if it is allowed, that raw answers and not the device; and the answer. */
bool host_part_answers(const uint8_t setup[8]);
void host_part_answer(const struct host_dev *, struct urb *);

/*
 * In the worker: the nearest to a reset that others do not notice. What the device
 * does not want is left out: 0, or libusb's NO_DEVICE.
 */
int host_part_reset(struct host_dev *);

/* host_xfer.c: as usb_dev_ops. */
int host_xfer_submit(struct host_dev *, struct urb *) MUST_CHECK;
void host_xfer_cancel(struct urb *);
void host_xfer_cancel_all(struct host_dev *);

/* For host_iso.c: the errno that Linux gives a driver for libusb's status. */
int32_t host_xfer_status(int status);

/*
 * host_iso.c. Parts and packets are what the urb is cut into. Fill says what the
 * parts have to do, but for what all transfers have; false: no memory. Done
 * gathers what became of them.
 */
bool host_iso_is_sane(const struct urb *);
unsigned host_iso_parts(const struct urb *);
unsigned host_iso_packets(const struct urb *, unsigned part);
bool host_iso_fill(struct host_xfer *) MUST_CHECK;
void host_iso_done(struct host_xfer *);

#endif
