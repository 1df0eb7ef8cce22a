/* SPDX-License-Identifier: ISC */
/*
 * Transfers of an open device: urbs to libusb's asynchronous transfers, without
 * a timeout and without copying but for control requests (libusb wants setup and
 * data in one piece). Isochronous urbs are refused.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libusb-1.0/libusb.h>

#include "core/log.h"
#include "core/usbip.h"
#include "usb/host.h"

#define SETUP LIBUSB_CONTROL_SETUP_SIZE

struct host_xfer {
	struct list link; /* in host_dev.xfers */
	struct host_dev *d;
	struct urb *urb;
	struct libusb_transfer *t;
	uint8_t control[]; /* setup and data */
};

/* The errno that Linux gives a driver (Documentation/driver-api/usb/error-codes). */
static const int32_t status_of[] = {
    [LIBUSB_TRANSFER_COMPLETED] = 0,
    [LIBUSB_TRANSFER_ERROR] = -LINUX_EPROTO,
    [LIBUSB_TRANSFER_TIMED_OUT] = -LINUX_ETIMEDOUT,
    [LIBUSB_TRANSFER_CANCELLED] = -LINUX_ECONNRESET,
    [LIBUSB_TRANSFER_STALL] = -LINUX_EPIPE,
    [LIBUSB_TRANSFER_NO_DEVICE] = -LINUX_ESHUTDOWN,
    [LIBUSB_TRANSFER_OVERFLOW] = -LINUX_EOVERFLOW,
};

static void
xfer_free(struct host_xfer *x)
{
	libusb_free_transfer(x->t);
	free(x);
}

/*
 * libusb's own SHORT_NOT_OK would say "error" for a short one and for a bad one
 * alike. What was killed under libusb (by SET_INTERFACE) is "completed" with
 * nothing moved: for OUT that cannot be.
 */
static int32_t
status(const struct urb *u, const struct libusb_transfer *t)
{
	bool is_short = t->status == LIBUSB_TRANSFER_COMPLETED && u->actual < u->len;

	if ((size_t)t->status >= ARRAY_LEN(status_of))
		return -LINUX_EPROTO;
	if (is_short && !urb_in(u) && u->type != URB_CONTROL)
		return -LINUX_ESHUTDOWN;
	if (is_short && urb_in(u) && (u->flags & URB_SHORT_NOT_OK))
		return -LINUX_EREMOTEIO;
	return status_of[t->status];
}

static void LIBUSB_CALL
on_transfer(struct libusb_transfer *t)
{
	struct host_xfer *x = t->user_data;
	struct host_dev *d = x->d;
	struct urb *u = x->urb;

	u->actual = t->actual_length < 0 ? 0 : (uint32_t)t->actual_length;
	if (u->actual > u->len)
		u->actual = u->len;
	if (u->type == URB_CONTROL && urb_in(u))
		memcpy(u->buf, x->control + SETUP, u->actual);
	u->status = status(u, t);
	u->device = NULL;
	list_del(&x->link);
	if (t->status == LIBUSB_TRANSFER_NO_DEVICE) {
		d->doubt = true;
		host_want_turn(d->host);
	}
	xfer_free(x);
	usb_dev_complete(&d->dev, u);
}

/* usbfs takes wLength, and the setup's direction, for the truth. */
static bool
is_sane(const struct urb *u)
{
	uint32_t length = u->setup[6] | (uint32_t)u->setup[7] << 8;

	if (u->type != URB_CONTROL)
		return u->len <= INT_MAX;
	return u->len == length && (length == 0 || urb_in(u) == (u->setup[0] >> 7));
}

static void
fill_control(struct host_xfer *x)
{
	struct urb *u = x->urb;

	memcpy(x->control, u->setup, SETUP);
	if (!urb_in(u) && u->len > 0)
		memcpy(x->control + SETUP, u->buf, u->len);
	x->t->type = LIBUSB_TRANSFER_TYPE_CONTROL;
	x->t->endpoint = 0;
	x->t->buffer = x->control;
	x->t->length = (int)(SETUP + u->len);
}

static void
fill(struct host_xfer *x)
{
	struct urb *u = x->urb;

	x->t->dev_handle = x->d->handle;
	x->t->callback = on_transfer;
	x->t->user_data = x;
	if (u->type == URB_CONTROL) {
		fill_control(x);
		return;
	}
	x->t->type = u->type == URB_BULK ? LIBUSB_TRANSFER_TYPE_BULK
					 : LIBUSB_TRANSFER_TYPE_INTERRUPT;
	x->t->endpoint = u->ep;
	x->t->buffer = u->buf;
	x->t->length = (int)u->len;
	if ((u->flags & URB_ZERO_PACKET) && !urb_in(u))
		x->t->flags = LIBUSB_TRANSFER_ADD_ZERO_PACKET;
}

static struct host_xfer *
xfer_new(struct host_dev *d, struct urb *u)
{
	struct host_xfer *x =
	    malloc(sizeof(*x) + (u->type == URB_CONTROL ? SETUP + u->len : 0));

	if (x == NULL)
		return NULL;
	if ((x->t = libusb_alloc_transfer(0)) == NULL) {
		free(x);
		return NULL;
	}
	x->d = d;
	x->urb = u;
	fill(x);
	return x;
}

/* usbfs has 16 MB for all programs together, unless told otherwise. */
static void
say_memory(struct host_dev *d)
{
	if (!d->said_memory)
		log_warn(
		    "device %s out of usbfs memory "
		    "reason=\"raise /sys/module/usbcore/parameters/usbfs_memory_mb\"",
		    d->dev.info.busid);
	d->said_memory = true;
}

static int
refused(struct host_dev *d, struct urb *u, int r)
{
	static const struct {
		int code, err;
		int32_t status;
	} codes[] = {
	    {LIBUSB_ERROR_NO_DEVICE, ERR_GONE, -LINUX_ESHUTDOWN},
	    {LIBUSB_ERROR_NO_MEM, ERR_NOMEM, -LINUX_ENOMEM},
	    {LIBUSB_ERROR_INVALID_PARAM, ERR_FAIL, -LINUX_EINVAL},
	    {LIBUSB_ERROR_NOT_SUPPORTED, ERR_FAIL, -LINUX_EINVAL},
	    {LIBUSB_ERROR_IO, ERR_FAIL, -LINUX_EPIPE}, /* no such endpoint, say */
	};

	if (r == LIBUSB_ERROR_NO_MEM)
		say_memory(d);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == r) {
			u->status = codes[i].status;
			return codes[i].err;
		}
	u->status = -LINUX_EPROTO;
	return ERR_FAIL;
}

int
host_xfer_submit(struct host_dev *d, struct urb *u)
{
	struct host_xfer *x;
	int r;

	if (u->type == URB_ISO || !is_sane(u))
		return refused(d, u, LIBUSB_ERROR_INVALID_PARAM);
	if ((x = xfer_new(d, u)) == NULL) {
		u->status = -LINUX_ENOMEM;
		return ERR_NOMEM;
	}
	if ((r = libusb_submit_transfer(x->t)) != 0) {
		xfer_free(x);
		return refused(d, u, r);
	}
	u->device = x;
	list_add(&d->xfers, &x->link);
	return ERR_OK;
}

void
host_xfer_cancel(struct urb *u)
{
	struct host_xfer *x = u->device;

	if (x != NULL) /* NULL: a job; those run to their end */
		(void)libusb_cancel_transfer(x->t); /* NOT_FOUND: has ended */
}

void
host_xfer_cancel_all(struct host_dev *d)
{
	struct list *l;

	LIST_EACH (&d->xfers, l)
		host_xfer_cancel(CONTAINER_OF(l, struct host_xfer, link)->urb);
}
