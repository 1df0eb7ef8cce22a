/* SPDX-License-Identifier: ISC */
/*
 * What must go through calls that block, so that the kernel's idea of the device
 * stays right: claims of interfaces, and the control requests that are jobs.
 * Everything but host_job itself and job_done runs in the worker's thread, one
 * after another, and speaks libusb's codes. What is answered without the device comes
 * by here too, since nothing may complete inside of submit.
 */
#include <stdlib.h>

#include <libusb-1.0/libusb.h>

#include "core/usbip.h"
#include "usb/host.h"

#define IFS 32 /* libusb's USB_MAXINTERFACES */

struct host_job {
	struct worker_job job;
	struct host_dev *d;
	struct urb *urb;
	int result; /* libusb's */
};

static host_ifs
bit(int i)
{
	return (host_ifs)1 << i;
}

static host_ifs
interfaces(const struct libusb_config_descriptor *c)
{
	host_ifs set = 0;

	for (int i = 0; i < c->bNumInterfaces; i++)
		if (c->interface[i].num_altsetting > 0 &&
		    c->interface[i].altsetting->bInterfaceNumber < IFS)
			set |= bit(c->interface[i].altsetting->bInterfaceNumber);
	return set;
}

/* Nobody is asked to let go. */
static int
claim_free(struct host_dev *d, host_ifs all)
{
	int r = 0;

	for (int i = 0; (r == 0 || r == LIBUSB_ERROR_BUSY) && i < IFS; i++)
		if ((all & bit(i)) && (r = libusb_claim_interface(d->handle, i)) == 0)
			d->claimed |= bit(i);
	if (r == 0 || r == LIBUSB_ERROR_BUSY)
		return d->claimed != 0 ? 0 : LIBUSB_ERROR_BUSY;
	return r;
}

/*
 * All of the active configuration; an unconfigured device has none. Who drives
 * what is asked first: a driver that loses one interface may let go of others.
 */
int
host_claim(struct host_dev *d)
{
	struct libusb_config_descriptor *c;
	host_ifs all;
	int r = libusb_get_active_config_descriptor(d->usb, &c);

	if (r != 0)
		return r != LIBUSB_ERROR_NOT_FOUND ? r : d->part ? LIBUSB_ERROR_BUSY : 0;
	all = interfaces(c);
	libusb_free_config_descriptor(c);
	if (d->part)
		return claim_free(d, all);
	for (int i = 0; i < IFS; i++)
		if ((all & bit(i)) && libusb_kernel_driver_active(d->handle, i) == 1)
			d->driven |= bit(i);
	d->driven |= d->owed & all;
	d->owed = 0;
	/* so that taking one from the kernel's driver is one step */
	(void)libusb_set_auto_detach_kernel_driver(d->handle, 1);
	for (int i = 0; r == 0 && i < IFS; i++)
		if ((all & bit(i)) && (r = libusb_claim_interface(d->handle, i)) == 0)
			d->claimed |= bit(i);
	return r;
}

/*
 * drivers: the kernel's get back those they had. A driver that wants several
 * (cdc_acm) finds them only when all are released.
 */
void
host_release(struct host_dev *d, bool drivers)
{
	(void)libusb_set_auto_detach_kernel_driver(d->handle, 0);
	for (int i = 0; i < IFS; i++)
		if (d->claimed & bit(i))
			(void)libusb_release_interface(d->handle, i);
	for (int i = 0; i < IFS; i++)
		if (drivers && (d->driven & bit(i)))
			(void)libusb_attach_kernel_driver(d->handle, i);
	d->claimed = d->driven = 0;
}

/*
 * The same configuration once more: on a bus all interfaces go back to setting
 * 0 and no endpoint is halted. A real SET_CONFIGURATION makes many devices
 * start anew, and the kernel would want all claims back for it.
 */
static int
restore(struct host_dev *d)
{
	int r = 0;

	for (int i = 0; r == 0 && i < IFS; i++)
		if (d->claimed & bit(i))
			r = libusb_set_interface_alt_setting(d->handle, i, 0);
	return r;
}

static int
set_configuration(struct host_dev *d, const uint8_t *setup)
{
	bool changed = d->changed;
	int r, again, active = 0;

	d->changed = true;
	if ((r = libusb_get_configuration(d->handle, &active)) != 0)
		return r;
	if (active == setup[2]) /* at first the driver's own enumeration */
		return changed ? restore(d) : 0;
	if (d->part)
		return LIBUSB_ERROR_PIPE;
	host_release(d, false);
	r = libusb_set_configuration(d->handle, setup[2] == 0 ? -1 : setup[2]);
	again = host_claim(d);
	return r != 0 ? r : again;
}

static int
set_interface(struct host_dev *d, const uint8_t *setup)
{
	d->changed = true;
	return libusb_set_interface_alt_setting(d->handle, setup[4], setup[2]);
}

static int
clear_halt(struct host_dev *d, const uint8_t *setup)
{
	d->changed = true;
	if ((setup[4] & 0x0f) == 0)
		return 0; /* endpoint 0 is never halted for long */
	return libusb_clear_halt(d->handle, setup[4]);
}

/* libusb claims again what was claimed. */
static int
reset(struct host_dev *d, const uint8_t *setup)
{
	int r;

	(void)setup;
	d->changed = true;
	r = d->part ? host_part_reset(d) : libusb_reset_device(d->handle);
	if (r == LIBUSB_ERROR_NOT_FOUND)
		return LIBUSB_ERROR_NO_DEVICE;
	/* no stall: that would say that nobody here knows resets */
	return r == LIBUSB_ERROR_OTHER ? LIBUSB_ERROR_IO : r;
}

static int
nothing(struct host_dev *d, const uint8_t *setup)
{
	(void)d;
	(void)setup;
	return 0;
}

static int (*const jobs[])(struct host_dev *, const uint8_t *setup) = {
    [URB_JOB_NONE] = nothing, /* the answer is known */
    [URB_JOB_SET_CONFIGURATION] = set_configuration,
    [URB_JOB_SET_INTERFACE] = set_interface,
    [URB_JOB_CLEAR_HALT] = clear_halt,
    [URB_JOB_RESET] = reset,
};

/* A device that does not want to answers a control request with STALL. */
static int32_t
status_of(int r)
{
	switch (r) {
	case 0:
		return 0;
	case LIBUSB_ERROR_NO_DEVICE:
		return -LINUX_ESHUTDOWN;
	case LIBUSB_ERROR_NO_MEM:
		return -LINUX_ENOMEM;
	case LIBUSB_ERROR_BUSY:
		return -LINUX_EBUSY;
	case LIBUSB_ERROR_TIMEOUT:
		return -LINUX_ETIMEDOUT;
	case LIBUSB_ERROR_IO:
		return -LINUX_EPROTO;
	default:
		return -LINUX_EPIPE;
	}
}

static void
job_run(struct worker_job *job)
{
	struct host_job *j = CONTAINER_OF(job, struct host_job, job);

	j->result = jobs[j->urb->job](j->d, j->urb->setup);
}

static void
job_done(struct worker_job *job)
{
	struct host_job *j = CONTAINER_OF(job, struct host_job, job);
	struct host_dev *d = j->d;
	struct urb *u = j->urb;

	u->status = status_of(j->result);
	u->actual = 0;
	if (u->job == URB_JOB_NONE)
		host_part_answer(d, u);
	if (j->result == LIBUSB_ERROR_NO_DEVICE) {
		d->doubt = true;
		host_want_turn(d->host);
	}
	free(j);
	usb_dev_complete(&d->dev, u);
}

int
host_job(struct host_dev *d, struct urb *u)
{
	struct host_job *j = malloc(sizeof(*j));

	if (j == NULL) {
		u->status = -LINUX_ENOMEM;
		return ERR_NOMEM;
	}
	j->job = (struct worker_job){.run = job_run, .done = job_done};
	j->d = d;
	j->urb = u;
	worker_do(d->worker, &j->job);
	return ERR_OK;
}
