/* SPDX-License-Identifier: ISC */
/*
 * A USB device that this machine could share: a real one behind libusb
 * (usb/host) or one made of software (usb/vdev). Both stand behind this.
 *
 * One user at a time. Everything is asynchronous: no call blocks, no callback
 * comes from inside a call. The order of a user's life:
 *
 *	usb_dev_open -> opened(ERR_OK) -> submit/complete ... -> usb_dev_close -> closed
 *	             -> opened(error): that was all
 *	             -> usb_dev_close -> closed (no opened any more)
 *
 * While it is open the kernel's drivers are detached and all interfaces are
 * claimed. Close cancels what is still in flight (each urb is completed first),
 * resets a real device, releases it and gives the kernel's drivers back.
 *
 * A real one with info.part set is taken as it is: only the interfaces that nobody
 * has are claimed, nothing is detached and nothing reset, and as long as it is open
 * info and raw tell of these interfaces only. What would touch more is refused:
 * -EPIPE.
 */
#ifndef USB_DEV_H
#define USB_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "core/err.h"
#include "core/list.h"
#include "core/urb.h"

struct usb_bus;
struct usb_dev;

struct usb_user {
	/* why: for people, what to do about it; "" when err is ERR_OK */
	void (*opened)(void *arg, int err, const char *why);

	/* The urb is the user's again; status, actual and iso are set. */
	void (*complete)(void *arg, struct urb *);

	/* Unplugged: urbs in flight are completed with -ESHUTDOWN; do close. */
	void (*gone)(void *arg);

	/* After usb_dev_close: the user is forgotten, the device free for another. */
	void (*closed)(void *arg);
};

/*
 * What a kind of device does. Only usb/ fills it in. None of them reports from
 * inside: usb_dev_opened, _complete, _closed come from a later event.
 */
struct usb_dev_ops {
	void (*open)(struct usb_dev *); /* then usb_dev_opened() */

	/* No urb is out any more; then usb_dev_closed(). */
	void (*close)(struct usb_dev *);

	int (*submit)(struct usb_dev *, struct urb *);
	void (*cancel)(struct usb_dev *, struct urb *);
	void (*cancel_all)(struct usb_dev *); /* each then usb_dev_complete() */
	void (*free)(struct usb_dev *);       /* it is closed, and off the bus */
};

/* UNWANTED: closed while opening; CLOSING: waits for urbs; RELEASING: for the kind */
#define USB_DEV_STATES(X) X(FREE) X(OPENING) X(UNWANTED) X(OPEN) X(CLOSING) X(RELEASING)

enum usb_dev_state {
#define USB_DEV_ENUM(name) USB_DEV_##name,
	USB_DEV_STATES(USB_DEV_ENUM)
#undef USB_DEV_ENUM
};

struct usb_dev {
	const struct usb_dev_ops *ops;
	struct usb_bus *bus;
	struct list link; /* in usb_bus.devs */
	struct devinfo info;
	uint8_t *raw; /* device descriptor (18 bytes, as on the wire), then each
		       * configuration with all that belongs to it */
	size_t raw_len;
	uint8_t *cache; /* strings and BOS (core/desc_cache) as they were when it was
			 * opened; NULL: none. malloced, the kind's to free */
	size_t cache_len;
	bool is_virtual;
	bool left; /* unplugged; freed when closed */
	enum usb_dev_state state;
	unsigned inflight; /* urbs with the device */
	const struct usb_user *user;
	void *user_arg;
};

/* ERR_BUSY when it is not free, ERR_GONE when unplugged: no callback then. */
int usb_dev_open(struct usb_dev *, const struct usb_user *, void *arg) MUST_CHECK;
void usb_dev_close(struct usb_dev *);

/*
 * Starts one urb; the caller keeps buffer and urb until complete. Any error
 * means it was not taken (ERR_GONE: unplugged; ERR_STATE: not open; ERR_NOMEM;
 * ERR_FAIL with urb->status set to the errno for the driver).
 */
int usb_dev_submit(struct usb_dev *, struct urb *) MUST_CHECK;

/*
 * complete comes soon, with -ECONNRESET unless the transfer had ended. For an urb
 * that is out only; cancelling twice is harmless.
 */
void usb_dev_cancel(struct usb_dev *, struct urb *);

/*
 * For the kinds in usb/: report to the user (keep state and counts right). After
 * opened with an error, after closed, the device may be freed: touch it no more.
 */
void usb_dev_opened(struct usb_dev *, int err, const char *why);
void usb_dev_closed(struct usb_dev *);
void usb_dev_complete(struct usb_dev *, struct urb *);

/* For usb/bus: unplugged. Freed now if nobody uses it, else when closed. */
void usb_dev_left(struct usb_dev *);

/* The state's name for logs. */
const char *usb_dev_state_name(enum usb_dev_state);

#endif
