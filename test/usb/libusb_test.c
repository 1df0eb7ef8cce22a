/* SPDX-License-Identifier: ISC */
/* link: usb core */
/*
 * What an open real device asks of libusb, which is played here: the library's
 * functions below win over the library's own. A worker does its jobs at once.
 */
#include <libusb-1.0/libusb.h>

#include "core/usbip.h"
#include "test/test.h"
#include "usb/host.h"

#define MANY 8

static struct usb_host host;
static struct host_dev *d;
static struct libusb_transfer *out[MANY]; /* with libusb */
static unsigned outs, cancels, completes;
static char calls[256]; /* to libusb, but for transfers */
static int says;        /* what those calls return */

static int
call(const char *name, int a, int b)
{
	size_t n = strlen(calls);

	snprintf(calls + n, sizeof(calls) - n, "%s %d %d\n", name, a, b);
	return says;
}

/* --- libusb --- */

libusb_device *
libusb_ref_device(libusb_device *usb)
{
	return usb;
}

void
libusb_unref_device(libusb_device *usb)
{
	(void)usb;
}

struct libusb_transfer *
libusb_alloc_transfer(int packets)
{
	return calloc(1,
		      sizeof(struct libusb_transfer) +
			  (size_t)packets * sizeof(struct libusb_iso_packet_descriptor));
}

void
libusb_free_transfer(struct libusb_transfer *t)
{
	free(t);
}

int
libusb_submit_transfer(struct libusb_transfer *t)
{
	out[outs++] = t;
	return 0;
}

int
libusb_cancel_transfer(struct libusb_transfer *t)
{
	(void)t;
	cancels++;
	return 0;
}

int
libusb_clear_halt(libusb_device_handle *h, unsigned char ep)
{
	(void)h;
	return call("clear_halt", ep, 0);
}

int
libusb_set_interface_alt_setting(libusb_device_handle *h, int iface, int alt)
{
	(void)h;
	return call("set_interface", iface, alt);
}

int
libusb_get_configuration(libusb_device_handle *h, int *config)
{
	(void)h;
	*config = 1;
	return 0;
}

int
libusb_set_configuration(libusb_device_handle *h, int config)
{
	(void)h;
	return call("set_configuration", config, 0);
}

int
libusb_get_active_config_descriptor(libusb_device *usb,
				    struct libusb_config_descriptor **c)
{
	(void)usb, (void)c;
	return LIBUSB_ERROR_NOT_FOUND;
}

int
libusb_set_auto_detach_kernel_driver(libusb_device_handle *h, int enable)
{
	(void)h, (void)enable;
	return 0;
}

int
libusb_reset_device(libusb_device_handle *h)
{
	(void)h;
	return call("reset", 0, 0);
}

/* --- the rest of usb/ --- */

void
host_want_turn(struct usb_host *h)
{
	(void)h;
}

void
host_refresh(struct host_dev *dev)
{
	(void)dev;
}

struct worker *
worker_new(struct event_base *base)
{
	(void)base;
	return NULL;
}

void
worker_free(struct worker *w)
{
	(void)w;
}

void
worker_do(struct worker *w, struct worker_job *job)
{
	(void)w;
	job->run(job);
	job->done(job);
}

/* --- the device --- */

static void
on_opened(void *arg, int err, const char *why)
{
	(void)arg, (void)err, (void)why;
}

static void
on_complete(void *arg, struct urb *u)
{
	(void)arg, (void)u;
	completes++;
}

static void
on_end(void *arg)
{
	(void)arg;
}

static void
setup(void)
{
	static const struct usb_user user = {on_opened, on_complete, on_end, on_end};
	static const struct devinfo info = {.busid = "1-4", .config = 1};

	outs = cancels = completes = 0;
	calls[0] = '\0';
	says = 0;
	d = host_dev_new(&host, (struct libusb_device *)&host, &info, NULL, 0);
	d->dev.state = USB_DEV_OPEN;
	d->dev.user = &user;
}

static void
teardown(void)
{
	CHECK_EQ(d->dev.inflight, 0);
	d->dev.ops->free(&d->dev);
}

static void
returns(unsigned i, enum libusb_transfer_status status, int actual)
{
	out[i]->status = status;
	out[i]->actual_length = actual;
	out[i]->callback(out[i]);
}

static void
no_transfer_has_a_timeout(void)
{
	static uint8_t buf[64];
	struct urb u[] = {
	    {.type = URB_INTERRUPT, .ep = 0x83, .len = 8, .buf = buf},
	    {.type = URB_BULK, .ep = 0x81, .len = 64, .buf = buf},
	    {.type = URB_BULK, .ep = 0x02, .len = 64, .buf = buf},
	    {.ep = 0x80, .setup = "\x80\6\0\1\0\0\x12", .len = 18, .buf = buf},
	};

	setup();
	for (unsigned i = 0; i < ARRAY_LEN(u); i++) {
		CHECK_EQ(usb_dev_submit(&d->dev, &u[i]), ERR_OK);
		CHECK_EQ(outs, i + 1);
		CHECK_EQ(out[i]->timeout, 0);
	}
	for (unsigned i = 0; i < outs; i++)
		returns(i, LIBUSB_TRANSFER_COMPLETED, i == 2 ? 64 : 8);
	CHECK_EQ(completes, 4);
	CHECK_EQ(u[2].actual, 64);
	CHECK_EQ(cancels, 0);
	teardown();
}

static void
a_stall_is_told_and_left(void)
{
	static uint8_t buf[64];
	struct urb u = {.type = URB_BULK, .ep = 0x81, .len = 64, .buf = buf},
		   clear = {.job = URB_JOB_CLEAR_HALT, .setup = "\2\1\0\0\x81\0\0"};

	setup();
	CHECK_EQ(usb_dev_submit(&d->dev, &u), ERR_OK);
	returns(0, LIBUSB_TRANSFER_STALL, 0);
	CHECK_EQ(u.status, -LINUX_EPIPE);
	CHECK_EQ(completes, 1);
	CHECK_EQ(outs, 1);
	CHECK(strcmp(calls, "") == 0);
	CHECK_EQ(usb_dev_submit(&d->dev, &clear), ERR_OK); /* the driver does it */
	CHECK_EQ(clear.status, 0);
	CHECK(strcmp(calls, "clear_halt 129 0\n") == 0);
	teardown();
}

static void
libusb_hears_of_set_interface(void)
{
	struct urb u = {.job = URB_JOB_SET_INTERFACE, .setup = "\1\x0b\1\0\4\0\0"};

	setup();
	CHECK_EQ(usb_dev_submit(&d->dev, &u), ERR_OK);
	CHECK_EQ(u.status, 0);
	says = LIBUSB_ERROR_NOT_FOUND;
	CHECK_EQ(usb_dev_submit(&d->dev, &u), ERR_OK);
	CHECK_EQ(u.status, -LINUX_EPIPE);
	CHECK(strcmp(calls, "set_interface 4 1\nset_interface 4 1\n") == 0);
	CHECK_EQ(outs, 0); /* and none goes by as plain bytes */
	CHECK_EQ(completes, 2);
	teardown();
}

TEST_MAIN(TEST_AS("regress 8: short time-outs on idle IN", no_transfer_has_a_timeout),
	  TEST_AS("regress 10: STALL auto-cleared", a_stall_is_told_and_left),
	  TEST_AS("regress 20: SET_INTERFACE not told to libusb",
		  libusb_hears_of_set_interface))
