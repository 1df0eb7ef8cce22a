/* SPDX-License-Identifier: ISC */
/*
 * The part all kinds of devices share: who uses it, in which state it is, how
 * many urbs are out. It knows nothing of how a device is opened or what an urb
 * does.
 *
 * Every function sets the state before it calls out, and looks at it afresh
 * after: the user may submit, cancel and close from inside its callbacks.
 */
#include "usb/dev.h"

#include "core/log.h"

static void
set_state(struct usb_dev *d, enum usb_dev_state to)
{
	log_debug("device %s %s -> %s", d->info.busid, usb_dev_state_name(d->state),
		  usb_dev_state_name(to));
	d->state = to;
}

/* The last thing that is done with a device that is free and unplugged. */
static void
reap(struct usb_dev *d)
{
	list_del(&d->link);
	d->ops->free(d);
}

/* Nobody uses it any more; gives what the last word to the user needs. */
static const struct usb_user *
forget_user(struct usb_dev *d, void **arg)
{
	const struct usb_user *user = d->user;

	*arg = d->user_arg;
	d->user = NULL;
	d->user_arg = NULL;
	set_state(d, USB_DEV_FREE);
	return user;
}

static void
release(struct usb_dev *d)
{
	set_state(d, USB_DEV_RELEASING);
	d->ops->close(d);
}

int
usb_dev_open(struct usb_dev *d, const struct usb_user *user, void *arg)
{
	if (d->left)
		return ERR_GONE;
	if (d->state != USB_DEV_FREE)
		return ERR_BUSY;
	d->user = user;
	d->user_arg = arg;
	set_state(d, USB_DEV_OPENING);
	d->ops->open(d);
	return ERR_OK;
}

void
usb_dev_close(struct usb_dev *d)
{
	if (d->state == USB_DEV_OPENING) {
		set_state(d, USB_DEV_UNWANTED);
		return;
	}
	if (d->state != USB_DEV_OPEN)
		return; /* on its way already, or nobody's */
	if (d->inflight == 0) {
		release(d);
		return;
	}
	set_state(d, USB_DEV_CLOSING);
	d->ops->cancel_all(d);
}

int
usb_dev_submit(struct usb_dev *d, struct urb *u)
{
	int r;

	if (d->left)
		return ERR_GONE;
	if (d->state != USB_DEV_OPEN)
		return ERR_STATE;
	u->actual = 0;
	u->status = 0;
	u->device = NULL;
	d->inflight++;
	r = d->ops->submit(d, u);
	if (r != ERR_OK)
		d->inflight--;
	return r;
}

void
usb_dev_cancel(struct usb_dev *d, struct urb *u)
{
	if (d->state == USB_DEV_OPEN) /* closing cancels all by itself */
		d->ops->cancel(d, u);
}

static void
open_failed(struct usb_dev *d, int err, const char *why)
{
	bool left = d->left;
	void *arg;
	const struct usb_user *user = forget_user(d, &arg);

	user->opened(arg, err, why);
	if (left)
		reap(d);
}

void
usb_dev_opened(struct usb_dev *d, int err, const char *why)
{
	ASSERT(d->state == USB_DEV_OPENING || d->state == USB_DEV_UNWANTED);
	if (d->state == USB_DEV_UNWANTED) {
		if (err == ERR_OK)
			release(d);
		else
			usb_dev_closed(d);
		return;
	}
	if (err != ERR_OK) {
		open_failed(d, err, why);
		return;
	}
	set_state(d, USB_DEV_OPEN);
	d->user->opened(d->user_arg, ERR_OK, "");
	if (d->left && d->state == USB_DEV_OPEN)
		d->user->gone(d->user_arg);
}

void
usb_dev_closed(struct usb_dev *d)
{
	bool left = d->left;
	void *arg;
	const struct usb_user *user;

	ASSERT(d->state == USB_DEV_RELEASING || d->state == USB_DEV_UNWANTED);
	user = forget_user(d, &arg);
	user->closed(arg);
	if (left)
		reap(d);
}

void
usb_dev_complete(struct usb_dev *d, struct urb *u)
{
	ASSERT(d->inflight > 0);
	d->inflight--;
	d->user->complete(d->user_arg, u);
	if (d->state == USB_DEV_CLOSING && d->inflight == 0)
		release(d);
}

void
usb_dev_left(struct usb_dev *d)
{
	d->left = true;
	if (d->state == USB_DEV_FREE)
		reap(d);
	else if (d->state == USB_DEV_OPEN)
		d->user->gone(d->user_arg);
}

const char *
usb_dev_state_name(enum usb_dev_state s)
{
	static const char *const names[] = {
#define USB_DEV_NAME(name) [USB_DEV_##name] = #name,
	    USB_DEV_STATES(USB_DEV_NAME)
#undef USB_DEV_NAME
	};

	return names[s];
}
