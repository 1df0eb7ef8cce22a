/* SPDX-License-Identifier: ISC */
/*
 * Transfers of an open device: urbs to libusb's asynchronous transfers, without
 * a timeout and without copying but for control requests (libusb wants setup and
 * data in one piece). An urb is one transfer; only an isochronous one may be more.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libusb-1.0/libusb.h>

#include "core/log.h"
#include "core/usbip.h"
#include "usb/host.h"

#define SETUP LIBUSB_CONTROL_SETUP_SIZE

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

int32_t
host_xfer_status(int status)
{
	return status < 0 || (size_t)status >= ARRAY_LEN(status_of) ? -LINUX_EPROTO
								    : status_of[status];
}

static void
xfer_free(struct host_xfer *x)
{
	for (unsigned i = 0; i < x->parts; i++)
		libusb_free_transfer(x->part[i]);
	free(x->copy);
	free(x);
}

/* --- the end of one --- */

/*
 * libusb's own SHORT_NOT_OK would say "error" for a short one and for a bad one
 * alike. What was killed under libusb (by SET_INTERFACE) is "completed" with
 * nothing moved: for OUT that cannot be.
 */
static int32_t
status(const struct urb *u, const struct libusb_transfer *t)
{
	bool is_short = t->status == LIBUSB_TRANSFER_COMPLETED && u->actual < u->len;

	if (is_short && !urb_in(u) && u->type != URB_CONTROL)
		return -LINUX_ESHUTDOWN;
	if (is_short && urb_in(u) && (u->flags & URB_SHORT_NOT_OK))
		return -LINUX_EREMOTEIO;
	return host_xfer_status((int)t->status);
}

static void
plain_done(struct host_xfer *x)
{
	struct libusb_transfer *t = x->part[0];
	struct urb *u = x->urb;

	u->actual = t->actual_length < 0 ? 0 : (uint32_t)t->actual_length;
	if (u->actual > u->len)
		u->actual = u->len;
	if (u->type == URB_CONTROL && urb_in(u) && u->actual > 0)
		memcpy(u->buf, x->copy + SETUP, u->actual);
	u->status = status(u, t);
}

static void LIBUSB_CALL
on_transfer(struct libusb_transfer *t)
{
	struct host_xfer *x = t->user_data;
	struct host_dev *d = x->d;
	struct urb *u = x->urb;

	if (t->status == LIBUSB_TRANSFER_NO_DEVICE) {
		d->doubt = true;
		host_want_turn(d->host);
	}
	if (--x->out > 0)
		return;
	if (u->type == URB_ISO)
		host_iso_done(x);
	else
		plain_done(x);
	u->device = NULL;
	list_del(&x->link);
	xfer_free(x);
	usb_dev_complete(&d->dev, u);
}

/* --- making one --- */

/* usbfs takes wLength, and the setup's direction, for the truth. */
static bool
is_sane(const struct urb *u)
{
	uint32_t length = u->setup[6] | (uint32_t)u->setup[7] << 8;

	if (u->type == URB_ISO)
		return host_iso_is_sane(u);
	if (u->type != URB_CONTROL)
		return u->len <= INT_MAX;
	return u->len == length && (length == 0 || urb_in(u) == (u->setup[0] >> 7));
}

static bool
fill_control(struct host_xfer *x)
{
	struct libusb_transfer *t = x->part[0];
	struct urb *u = x->urb;

	if ((x->copy = malloc(SETUP + u->len)) == NULL)
		return false;
	memcpy(x->copy, u->setup, SETUP);
	if (!urb_in(u) && u->len > 0)
		memcpy(x->copy + SETUP, u->buf, u->len);
	t->type = LIBUSB_TRANSFER_TYPE_CONTROL;
	t->endpoint = 0;
	t->buffer = x->copy;
	t->length = (int)(SETUP + u->len);
	return true;
}

static bool
fill(struct host_xfer *x)
{
	struct libusb_transfer *t = x->part[0];
	struct urb *u = x->urb;

	if (u->type == URB_ISO)
		return host_iso_fill(x);
	if (u->type == URB_CONTROL)
		return fill_control(x);
	t->type = u->type == URB_BULK ? LIBUSB_TRANSFER_TYPE_BULK
				      : LIBUSB_TRANSFER_TYPE_INTERRUPT;
	t->endpoint = u->ep;
	t->buffer = u->buf;
	t->length = (int)u->len;
	if ((u->flags & URB_ZERO_PACKET) && !urb_in(u))
		t->flags = LIBUSB_TRANSFER_ADD_ZERO_PACKET;
	return true;
}

static bool
make_part(struct host_xfer *x, unsigned i)
{
	struct libusb_transfer *t = libusb_alloc_transfer(
	    x->urb->type == URB_ISO ? (int)host_iso_packets(x->urb, i) : 0);

	if ((x->part[i] = t) == NULL)
		return false;
	t->dev_handle = x->d->handle;
	t->callback = on_transfer;
	t->user_data = x;
	return true;
}

static struct host_xfer *
xfer_new(struct host_dev *d, struct urb *u)
{
	unsigned parts = u->type == URB_ISO ? host_iso_parts(u) : 1;
	struct host_xfer *x = calloc(1, sizeof(*x) + parts * sizeof(x->part[0]));
	bool made = x != NULL;

	if (x == NULL)
		return NULL;
	x->d = d;
	x->urb = u;
	x->parts = parts;
	for (unsigned i = 0; made && i < parts; i++)
		made = make_part(x, i);
	if (made && fill(x))
		return x;
	xfer_free(x);
	return NULL;
}

/* --- giving it to libusb --- */

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

/*
 * cause: errno. For isochronous transfers libusb says IO whatever the reason,
 * and leaves the kernel's errno as it was.
 */
static int
refused(struct host_dev *d, struct urb *u, int r, int cause)
{
	static const struct {
		int code, cause, err; /* cause 0: any */
		int32_t status;
	} codes[] = {
	    {LIBUSB_ERROR_NO_DEVICE, 0, ERR_GONE, -LINUX_ESHUTDOWN},
	    {LIBUSB_ERROR_NO_MEM, 0, ERR_NOMEM, -LINUX_ENOMEM},
	    {LIBUSB_ERROR_INVALID_PARAM, 0, ERR_FAIL, -LINUX_EINVAL},
	    {LIBUSB_ERROR_NOT_SUPPORTED, 0, ERR_FAIL, -LINUX_EINVAL},
	    {LIBUSB_ERROR_IO, ENOMEM, ERR_NOMEM, -LINUX_ENOMEM},
	    {LIBUSB_ERROR_IO, ENOSPC, ERR_FAIL, -LINUX_ENOSPC}, /* bus time */
	    {LIBUSB_ERROR_IO, 0, ERR_FAIL, -LINUX_EPIPE}, /* no such endpoint, say */
	};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == r &&
		    (codes[i].cause == 0 || codes[i].cause == cause)) {
			u->status = codes[i].status;
			if (codes[i].err == ERR_NOMEM)
				say_memory(d);
			return codes[i].err;
		}
	u->status = -LINUX_EPROTO;
	return ERR_FAIL;
}

/* Last first, so that none runs after one before it was ended. */
static void
cancel(struct host_xfer *x)
{
	for (unsigned i = x->sent; i-- > 0;)
		(void)libusb_cancel_transfer(x->part[i]); /* NOT_FOUND: has ended */
}

/* When a later part is refused, the urb ends with that once the others have. */
static int
give(struct host_xfer *x)
{
	int r = 0, err;

	while (r == 0 && x->sent < x->parts) {
		errno = 0;
		if ((r = libusb_submit_transfer(x->part[x->sent])) == 0)
			x->sent++;
	}
	x->out = x->sent;
	if (r == 0)
		return ERR_OK;
	err = refused(x->d, x->urb, r, errno);
	if (x->sent == 0)
		return err;
	x->refused = x->urb->status;
	cancel(x);
	return ERR_OK;
}

int
host_xfer_submit(struct host_dev *d, struct urb *u)
{
	struct host_xfer *x;
	int r;

	if (!is_sane(u))
		return refused(d, u, LIBUSB_ERROR_INVALID_PARAM, 0);
	if ((x = xfer_new(d, u)) == NULL) {
		u->status = -LINUX_ENOMEM;
		return ERR_NOMEM;
	}
	if ((r = give(x)) != ERR_OK) {
		xfer_free(x);
		return r;
	}
	u->device = x;
	list_add(&d->xfers, &x->link);
	return ERR_OK;
}

void
host_xfer_cancel(struct urb *u)
{
	if (u->device != NULL) /* NULL: a job; those run to their end */
		cancel(u->device);
}

void
host_xfer_cancel_all(struct host_dev *d)
{
	struct list *l;

	LIST_EACH (&d->xfers, l)
		cancel(CONTAINER_OF(l, struct host_xfer, link));
}
