/* SPDX-License-Identifier: ISC */
/*
 * What all virtual devices share: urbs queued per endpoint, the answers of USB
 * 2.0 chapter 9 (usb/vdev_ctl), opening, cancelling and closing. A kind (usb/disk,
 * usb/keyboard, ...) embeds a struct vdev and says in a struct vdev_kind what its
 * endpoints do. Which endpoints there are follows from its descriptors.
 *
 * Everything happens in one event, `kick`, never inside a call of the user's, and
 * at most VDEV_TURN things at once. Without a kick nothing runs.
 */
#ifndef USB_VDEV_H
#define USB_VDEV_H

#include "core/desc.h"
#include "usb/dev.h"
#include "usb/vdesc.h"

#define VDEV_TURN     16   /* things done per turn of the loop (DESIGN.md 9) */
#define VDEV_RAW      256  /* bytes of a kind's descriptors */
#define VDEV_DATA_MAX 4096 /* bytes of the longest answer to a control request */

struct event;
struct event_base;
struct usb_bus;
struct vdev;

/* An urb that is with us; urb->device points here. */
struct vdev_urb {
	struct list link; /* in vdev.pipe or vdev.cancelled */
	struct urb *urb;
	bool pinned; /* its buffer is in use elsewhere: it stays until that ends */
	bool cancelled;
	uint64_t since; /* vdev_now() when it came */
	uint32_t done;  /* the kind's: how far it got, 0 at first */
};

/* A control request: what came, and room for the answer. */
struct vdev_control {
	struct vdesc_setup setup;
	const uint8_t *in; /* data from the host */
	uint32_t in_len;
	uint8_t *out; /* VDEV_DATA_MAX bytes, for data to the host */
};

/*
 * Gives the answer's length, VDEV_STALL, or VDEV_LATER: asked again at the next
 * kick, and no later control request is looked at meanwhile.
 */
typedef int vdev_request(struct vdev *, const struct vdev_control *);

#define VDEV_STALL -1
#define VDEV_LATER -2

struct vdev_row {
	uint8_t type, request; /* bmRequestType, bRequest */
	vdev_request *run;
};

enum vdev_reset {
	VDEV_RESET_OPEN,   /* a new user */
	VDEV_RESET_BUS,    /* a port reset */
	VDEV_RESET_CONFIG, /* SET_CONFIGURATION */
	VDEV_RESET_IFACE,  /* SET_INTERFACE */
};

struct vdev_kind {
	const uint8_t *raw; /* as usb_dev.raw */
	size_t raw_len;
	uint8_t speed;               /* enum devinfo_speed */
	const struct vdev_row *rows; /* looked at before the standard ones */
	size_t nrows;

	/* What may be NULL is not needed by every kind. */

	/* Or NULL. ERR_OK; an error: why says what to do. */
	int (*open)(struct vdev *, const char **why);

	/* Or NULL. No urb is out; false: not yet, and a kick follows. */
	bool (*close)(struct vdev *);

	/* Or NULL. True: resets have to wait, and a kick follows. */
	bool (*busy)(struct vdev *);

	/* Its urbs were given back (-ESHUTDOWN) and its halts are gone. */
	void (*reset)(struct vdev *, enum vdev_reset);

	/* Does one thing; false: there is none to do now. */
	bool (*step)(struct vdev *);

	/* Closed and off the bus: vdev_fini, then its memory. */
	void (*free)(struct vdev *);
};

struct vdev {
	struct usb_dev dev;
	const struct vdev_kind *kind;
	uint8_t raw[VDEV_RAW];
	struct desc desc; /* and what is chosen of it */
	const char *strings[3];
	struct vdesc vdesc;
	struct event *kick;
	bool opening, closing; /* asked for by usb_dev */
	uint32_t halted;       /* bit vdev_index(address) */
	struct list pipe[32];  /* vdev_urb.link, by vdev_index(address) */
	struct list cancelled; /* vdev_urb.link */
};

/* The kind's memory is all zero; nothing is on a bus yet. ERR_NOMEM. */
int vdev_init(struct vdev *, const struct vdev_kind *, struct event_base *) MUST_CHECK;
void vdev_fini(struct vdev *);

/*
 * Makes it the next v-N; then usb_bus_add. dev.info has manufacturer and product;
 * serial is the busid if it is empty; the rest comes from the descriptors.
 */
void vdev_name(struct vdev *, struct usb_bus *);

/* Soon: takes another look at what there is to do. */
void vdev_kick(struct vdev *);

/* The first urb of an endpoint; NULL: there is none, or it is pinned. */
struct vdev_urb *vdev_first(struct vdev *, uint8_t ep);

/* Gives the urb back; 0 for a short one that must not be becomes -EREMOTEIO. */
void vdev_finish(struct vdev *, struct vdev_urb *, int32_t status);

/* An urb that is no longer pinned, and was cancelled while it was. */
void vdev_drop(struct vdev *, struct vdev_urb *);

/* Until CLEAR_HALT its urbs fail with -EPIPE. False: no such endpoint now. */
bool vdev_halt(struct vdev *, unsigned ep);

/* The device, if it is virtual and of this kind; else NULL. */
struct vdev *vdev_of(struct usb_dev *, const struct vdev_kind *);

/* Monotonic, in microseconds. */
uint64_t vdev_now(void);

/* 0 to 31: number and direction. */
static inline unsigned
vdev_index(unsigned ep)
{
	return (ep & 0x0f) | (ep & 0x80) >> 3;
}

/* For vdev.c; usb/vdev_ctl.c: does one control request. */
bool vdev_ctl_step(struct vdev *);

/* For vdev_ctl.c: gives back the urbs of an interface, or of all (-1). */
void vdev_flush(struct vdev *, int iface);

#endif
