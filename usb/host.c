/* SPDX-License-Identifier: ISC */
/*
 * The real devices of this machine. libusb's callback only queues what it heard;
 * a turn of the loop looks at sysfs and tells the bus. Nothing is opened to be
 * listed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <libusb-1.0/libusb.h>

#include "core/log.h"
#include "core/text.h"
#include "usb/host.h"

#define SYSFS    "/sys"
#define HUB      9     /* USB 2.0 11.23.1: bDeviceClass */
#define PORTS    7     /* USB 3.2 8.9: tiers below a root hub, with room */
#define TURN     16    /* news handled per turn of the loop */
#define TRIES    20    /* for a device that is plugged in: one second */
#define AGAIN_US 50000 /* between them: the kernel is choosing a configuration */

struct host_news {
	struct list link;          /* in usb_host.news or .later */
	struct libusb_device *usb; /* one reference */
	bool left;
	unsigned tries; /* that are left for it to be configured */
};

static struct host_news *
news_of(struct list *l)
{
	return CONTAINER_OF(l, struct host_news, link);
}

static void
news_free(struct host_news *n)
{
	list_del(&n->link);
	libusb_unref_device(n->usb);
	free(n);
}

/* As the kernel names it: "1-4.2"; false for a root hub. */
static bool
busid_of(struct libusb_device *usb, char *busid, size_t cap)
{
	uint8_t port[PORTS];
	int n = libusb_get_port_numbers(usb, port, PORTS);
	struct text t;

	text_init(&t, busid, cap);
	text_u64(&t, libusb_get_bus_number(usb));
	for (int i = 0; i < n; i++) {
		text_char(&t, i == 0 ? '-' : '.');
		text_u64(&t, port[i]);
	}
	return n > 0 && !t.full;
}

static struct host_dev *
find(struct usb_host *h, const struct libusb_device *usb)
{
	struct list *l;
	struct host_dev *d;

	LIST_EACH (&h->bus->devs, l) {
		d = host_dev_of(CONTAINER_OF(l, struct usb_dev, link));
		if (d != NULL && d->usb == usb && !d->dev.left)
			return d;
	}
	return NULL;
}

/* Tells the bus, unless there is no memory. */
static void
add(struct usb_host *h, struct libusb_device *usb, const struct devinfo *in, uint8_t *raw,
    size_t len)
{
	struct usb_dev *old = usb_bus_find(h->bus, in->busid);
	struct host_dev *d = host_dev_new(h, usb, in, raw, len);

	if (old != NULL) /* nobody told that it left */
		usb_bus_remove(h->bus, old);
	if (d == NULL) {
		free(raw);
		log_error("device %s not listed reason=\"out of memory\"", in->busid);
		return;
	}
	log_info("device %s plugged id=%04x:%04x", in->busid, in->vid, in->pid);
	usb_bus_add(h->bus, &d->dev);
}

/* False: try again later. */
static bool
plugged(struct usb_host *h, struct host_news *n)
{
	char busid[DEVINFO_BUSID];
	struct devinfo in;
	uint8_t *raw;
	size_t len;
	int r;

	if (!busid_of(n->usb, busid, sizeof(busid)) || find(h, n->usb) != NULL ||
	    (!h->vhci && host_scan_vhci(SYSFS, busid)))
		return true;
	r = host_scan(SYSFS, busid, &in, &raw, &len);
	if (r != ERR_OK) {
		if (r != ERR_GONE)
			log_warn("device %s not listed reason=\"%s\"", busid,
				 err_text(r));
		return true;
	}
	if (in.cls == HUB || (in.config == 0 && n->tries > 0)) {
		free(raw);
		return in.cls == HUB;
	}
	add(h, n->usb, &in, raw, len);
	return true;
}

/* It left before it was listed. */
static void
forget(struct list *news, const struct libusb_device *usb)
{
	struct list *l, *next;

	LIST_EACH_SAFE (news, l, next)
		if (news_of(l)->usb == usb && !news_of(l)->left)
			news_free(news_of(l));
}

static void
unplugged(struct usb_host *h, const struct libusb_device *usb)
{
	struct host_dev *d = find(h, usb);

	forget(&h->news, usb);
	forget(&h->later, usb);
	if (d == NULL)
		return;
	log_info("device %s unplugged", d->dev.info.busid);
	usb_bus_remove(h->bus, &d->dev);
}

static void
handle(struct usb_host *h, struct host_news *n)
{
	static const struct timeval again = {.tv_usec = AGAIN_US};

	if (n->left) {
		unplugged(h, n->usb);
	} else if (!plugged(h, n)) {
		n->tries--;
		list_del(&n->link);
		list_add(&h->later, &n->link);
		event_add(h->again, &again);
		return;
	}
	news_free(n);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct usb_host *h = arg;
	struct list *l, *next;

	(void)fd, (void)what;
	LIST_EACH_SAFE (&h->later, l, next) {
		list_del(l);
		list_add(&h->news, l);
	}
	host_want_turn(h);
}

/* It said "no device": true also of an endpoint that went with its setting. */
static void
look(struct usb_host *h, struct host_dev *d)
{
	struct devinfo in;
	uint8_t *raw = NULL;
	size_t len;
	int r = host_scan(SYSFS, d->dev.info.busid, &in, &raw, &len);

	free(raw);
	d->doubt = false;
	if (!d->dev.left && (r == ERR_GONE || in.devnum != d->dev.info.devnum))
		unplugged(h, d->usb);
}

/* The first device that wants a turn, or NULL. */
static struct host_dev *
wanting(struct usb_host *h)
{
	struct list *l;
	struct host_dev *d;

	LIST_EACH (&h->bus->devs, l) {
		d = host_dev_of(CONTAINER_OF(l, struct usb_dev, link));
		if (d != NULL && (d->no_thread || d->doubt))
			return d;
	}
	return NULL;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct usb_host *h = arg;
	struct host_dev *d = NULL;
	int i;

	(void)fd, (void)what;
	for (i = 0; i < TURN && !list_empty(&h->news); i++)
		handle(h, news_of(h->news.next));
	for (i = 0; i < TURN && (d = wanting(h)) != NULL; i++)
		if (d->no_thread)
			host_dev_no_thread(d);
		else
			look(h, d);
	if (!list_empty(&h->news) || d != NULL)
		host_want_turn(h);
}

void
host_want_turn(struct usb_host *h)
{
	event_active(h->turn, EV_TIMEOUT, 0);
}

void
host_refresh(struct host_dev *d)
{
	struct devinfo in;
	uint8_t *raw;
	size_t len;

	if (host_scan(SYSFS, d->dev.info.busid, &in, &raw, &len) != ERR_OK)
		return;
	if (in.devnum != d->dev.info.devnum) { /* another one, in the same port */
		free(raw);
		return;
	}
	free(d->dev.raw);
	memcpy(in.nick, d->dev.info.nick, sizeof(in.nick)); /* its owner's choice */
	in.part = d->dev.info.part;
	d->dev.info = in;
	d->dev.raw = raw;
	d->dev.raw_len = len;
}

static int LIBUSB_CALL
on_hotplug(struct libusb_context *ctx, struct libusb_device *usb,
	   libusb_hotplug_event event, void *arg)
{
	struct usb_host *h = arg;
	struct host_news *n = malloc(sizeof(*n));

	(void)ctx;
	if (n == NULL) {
		log_error("usb missed a device reason=\"out of memory\"");
		return 0;
	}
	n->usb = libusb_ref_device(usb);
	n->left = event == LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT;
	n->tries = TRIES;
	list_add(&h->news, &n->link);
	host_want_turn(h);
	return 0;
}

static int
fail(char *why, size_t cap, int err, const char *what)
{
	text_copy(why, cap, what);
	return err;
}

static int
libusb_failed(char *why, size_t cap, int r)
{
	snprintf(why, cap, "libusb cannot start (%s); is /dev/bus/usb there?",
		 libusb_error_name(r));
	return r == LIBUSB_ERROR_NO_MEM ? ERR_NOMEM : ERR_LACKING;
}

static int
follow(struct usb_host *h, char *why, size_t cap)
{
	int r = libusb_hotplug_register_callback(
	    h->ctx,
	    LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
	    LIBUSB_HOTPLUG_ENUMERATE, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
	    LIBUSB_HOTPLUG_MATCH_ANY, on_hotplug, h, &h->hotplug);

	if (r != 0)
		return libusb_failed(why, cap, r);
	if (access("/run/udev/control", F_OK) != 0)
		log_warn("usb no udevd: devices plugged in from now on stay unknown "
			 "reason=\"/run/udev/control is missing\"");
	while (!list_empty(&h->news)) {
		news_of(h->news.next)->tries = 0; /* it was there before us */
		handle(h, news_of(h->news.next));
	}
	return ERR_OK;
}

static int
start(struct usb_host *h, char *why, size_t cap)
{
	int r;

	if (access(SYSFS "/bus/usb", F_OK) != 0)
		return fail(why, cap, ERR_LACKING,
			    "this machine has no USB (no /sys/bus/usb); "
			    "try: modprobe usbcore");
	if ((r = libusb_init(&h->ctx)) != 0) {
		h->ctx = NULL;
		return libusb_failed(why, cap, r);
	}
	h->turn = event_new(h->bus->base, -1, 0, on_turn, h);
	h->again = event_new(h->bus->base, -1, 0, on_again, h);
	if (h->turn == NULL || h->again == NULL)
		return fail(why, cap, ERR_NOMEM, err_text(ERR_NOMEM));
	if ((r = host_loop_start(h)) != ERR_OK)
		return fail(why, cap, r, err_text(r));
	return follow(h, why, cap);
}

int
usb_host_start(struct usb_bus *b, bool vhci, char *why, size_t cap)
{
	struct usb_host *h = calloc(1, sizeof(*h));
	int r;

	if (h == NULL)
		return fail(why, cap, ERR_NOMEM, err_text(ERR_NOMEM));
	h->bus = b;
	h->vhci = vhci;
	h->epoll = -1;
	list_init(&h->news);
	list_init(&h->later);
	b->host = h;
	b->host_stop = usb_host_stop;
	why[0] = '\0';
	if ((r = start(h, why, cap)) != ERR_OK)
		usb_host_stop(b);
	return r;
}

static void
remove_all(struct usb_host *h)
{
	struct list *l, *next;
	struct usb_dev *d;

	LIST_EACH_SAFE (&h->bus->devs, l, next) {
		d = CONTAINER_OF(l, struct usb_dev, link);
		if (host_dev_of(d) == NULL)
			continue;
		ASSERT(d->state == USB_DEV_FREE);
		usb_bus_remove(h->bus, d);
	}
}

void
usb_host_stop(struct usb_bus *b)
{
	struct usb_host *h = b->host;

	if (h == NULL)
		return;
	b->host = NULL;
	b->host_stop = NULL;
	remove_all(h);
	while (!list_empty(&h->news))
		news_free(news_of(h->news.next));
	while (!list_empty(&h->later))
		news_free(news_of(h->later.next));
	if (h->turn != NULL)
		event_free(h->turn);
	if (h->again != NULL)
		event_free(h->again);
	host_loop_stop(h);
	if (h->ctx != NULL)
		libusb_exit(h->ctx);
	free(h);
}
