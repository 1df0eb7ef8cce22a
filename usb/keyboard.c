/* SPDX-License-Identifier: ISC */
/*
 * A boot keyboard (HID 1.11, appendix B) that types what it is told. It knows
 * nothing of where text comes from.
 */
#include "usb/keyboard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/log.h"
#include "core/text.h"
#include "core/usbip.h"
#include "usb/bus.h"
#include "usb/keymap.h"
#include "usb/virtual.h"

#define REPORT_DESC 63 /* bytes */
#define HID_AT      36 /* the HID descriptor in descriptors */

/* Linux Foundation's multifunction gadget; full speed, one HID interface */
static const uint8_t descriptors[18 + 34] = {
    18, 1, 0x10, 0x01, 0, 0, 0, 8, 0x6b, 0x1d, 0x04, 0x01, 0x00, 0x01, 1, 2, 3, 1,
    /* configuration 1: one interface, self powered */
    9, 2, 34, 0, 1, 1, 0, 0xc0, 0,
    /* interface 0: HID, boot, keyboard */
    9, 4, 0, 0, 1, 0x03, 0x01, 0x01, 0,
    /* HID 1.11, one report descriptor */
    9, 0x21, 0x11, 0x01, 0, 1, 0x22, REPORT_DESC, 0,
    /* interrupt IN */
    7, 5, KEYBOARD_EP, 3, KEYBOARD_REPORT, 0, KEYBOARD_MS};

/* HID 1.11, B.1: modifiers, a reserved byte, LEDs out, six keys */
static const uint8_t report_desc[REPORT_DESC] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15,
    0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0x95, 0x01, 0x75, 0x08,
    0x81, 0x03, 0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91,
    0x02, 0x95, 0x01, 0x75, 0x03, 0x91, 0x03, 0x95, 0x06, 0x75, 0x08, 0x15, 0x00,
    0x25, 0x65, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00, 0xc0};

static struct keyboard *
keyboard_of(struct vdev *v)
{
	return CONTAINER_OF(v, struct keyboard, v);
}

/* --- reports --- */

static bool
has_news(const struct keyboard *k)
{
	return k->down || k->count > 0;
}

/* A release if a key is down, else the next character. */
static void
next_report(struct keyboard *k)
{
	struct keymap_key key = {0, 0};

	if (!k->down) {
		keymap_find(k->queue[k->head], &key);
		k->head = (k->head + 1) % KEYBOARD_QUEUE;
		k->count--;
		keyboard_file_go_on(k);
	}
	k->down = !k->down;
	k->report[0] = key.modifiers;
	k->report[2] = key.usage;
}

/* SET_IDLE: a report that has not changed is repeated after idle * 4 ms. */
static bool
is_due(struct keyboard *k)
{
	uint64_t now = vdev_now(), when;
	struct timeval left = {0};

	if (!has_news(k) && k->idle == 0)
		return false;
	when = k->last + (has_news(k) ? KEYBOARD_MS * 1000u : k->idle * 4000u);
	if (now < when) {
		left.tv_sec = (time_t)((when - now) / 1000000);
		left.tv_usec = (suseconds_t)((when - now) % 1000000);
		event_add(k->timer, &left);
		return false;
	}
	k->last = now;
	return true;
}

static bool
keyboard_step(struct vdev *v)
{
	struct keyboard *k = keyboard_of(v);
	struct vdev_urb *vu = vdev_first(v, KEYBOARD_EP);

	if (vu == NULL)
		return false;
	if (vu->urb->len < KEYBOARD_REPORT) {
		vdev_finish(v, vu, -LINUX_EOVERFLOW);
		return true;
	}
	if (!is_due(k))
		return false;
	if (has_news(k))
		next_report(k);
	memcpy(vu->urb->buf, k->report, KEYBOARD_REPORT);
	vu->urb->actual = KEYBOARD_REPORT;
	vdev_finish(v, vu, 0);
	return true;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct keyboard *k = arg;

	(void)fd;
	(void)what;
	vdev_kick(&k->v);
}

void
keyboard_put(struct keyboard *k, uint8_t c)
{
	ASSERT(k->count < KEYBOARD_QUEUE);
	k->queue[(k->head + k->count++) % KEYBOARD_QUEUE] = c;
	vdev_kick(&k->v);
}

/* --- endpoint 0 --- */

static bool
has_interface(const struct keyboard *k, const struct vdev_control *c)
{
	return k->v.dev.info.config != 0 && c->setup.index == 0;
}

static int
lend(const struct vdev_control *c, const uint8_t *p, size_t n)
{
	memcpy(c->out, p, n);
	return (int)n;
}

static int
get_descriptor(struct vdev *v, const struct vdev_control *c)
{
	if (has_interface(keyboard_of(v), c) && c->setup.value == 0x2200)
		return lend(c, report_desc, REPORT_DESC);
	if (has_interface(keyboard_of(v), c) && c->setup.value == 0x2100)
		return lend(c, descriptors + HID_AT, descriptors[HID_AT]);
	return VDEV_STALL;
}

/* wValue: report type (1 input, 2 output) and number, of which we have none. */
static int
get_report(struct vdev *v, const struct vdev_control *c)
{
	struct keyboard *k = keyboard_of(v);

	if (has_interface(k, c) && c->setup.value == 0x0100)
		return lend(c, k->report, KEYBOARD_REPORT);
	if (has_interface(k, c) && c->setup.value == 0x0200)
		return lend(c, &k->leds, 1);
	return VDEV_STALL;
}

static int
set_report(struct vdev *v, const struct vdev_control *c)
{
	struct keyboard *k = keyboard_of(v);

	if (!has_interface(k, c) || c->setup.value != 0x0200 || c->in_len != 1)
		return VDEV_STALL;
	k->leds = c->in[0];
	log_debug("device %s leds=0x%02x", v->dev.info.busid, k->leds);
	return 0;
}

static int
get_idle(struct vdev *v, const struct vdev_control *c)
{
	struct keyboard *k = keyboard_of(v);

	return has_interface(k, c) ? lend(c, &k->idle, 1) : VDEV_STALL;
}

static int
set_idle(struct vdev *v, const struct vdev_control *c)
{
	struct keyboard *k = keyboard_of(v);

	if (!has_interface(k, c) || (c->setup.value & 0xff) != 0)
		return VDEV_STALL;
	k->idle = (uint8_t)(c->setup.value >> 8);
	event_del(k->timer); /* set for the old one */
	return 0;
}

static int
get_protocol(struct vdev *v, const struct vdev_control *c)
{
	struct keyboard *k = keyboard_of(v);

	return has_interface(k, c) ? lend(c, &k->protocol, 1) : VDEV_STALL;
}

/* 0 boot, 1 report: our reports are the same */
static int
set_protocol(struct vdev *v, const struct vdev_control *c)
{
	struct keyboard *k = keyboard_of(v);

	if (!has_interface(k, c) || c->setup.value > 1)
		return VDEV_STALL;
	k->protocol = (uint8_t)c->setup.value;
	return 0;
}

/* HID 1.11, 7.1 and 7.2 */
static const struct vdev_row rows[] = {
    {0x81, 6, get_descriptor}, {0xa1, 1, get_report}, {0xa1, 2, get_idle},
    {0xa1, 3, get_protocol},   {0x21, 9, set_report}, {0x21, 10, set_idle},
    {0x21, 11, set_protocol},
};

/* --- life --- */

/* A new user's machine knows of no key that is down. */
static void
keyboard_reset(struct vdev *v, enum vdev_reset how)
{
	struct keyboard *k = keyboard_of(v);

	k->leds = 0;
	k->idle = 0;
	k->protocol = 1;
	event_del(k->timer);
	if (how == VDEV_RESET_OPEN) {
		k->down = false;
		memset(k->report, 0, sizeof(k->report));
	}
}

static bool
keyboard_close(struct vdev *v)
{
	event_del(keyboard_of(v)->timer);
	return true;
}

static void
keyboard_free(struct vdev *v)
{
	struct keyboard *k = keyboard_of(v);

	keyboard_file_close(k);
	if (k->timer)
		event_free(k->timer);
	vdev_fini(v);
	free(k);
}

static const struct vdev_kind kind = {
    .raw = descriptors,
    .raw_len = sizeof(descriptors),
    .speed = DEVINFO_FULL,
    .rows = rows,
    .nrows = ARRAY_LEN(rows),
    .close = keyboard_close,
    .reset = keyboard_reset,
    .step = keyboard_step,
    .free = keyboard_free,
};

static int
fill_in(struct keyboard *k, struct event_base *base, const char *arg, char *why,
	size_t cap)
{
	k->fd = -1;
	k->timer = event_new(base, -1, 0, on_timer, k);
	if (vdev_init(&k->v, &kind, base) != ERR_OK || k->timer == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	text_copy(k->v.dev.info.manufacturer, DEVINFO_STRING, "usbp2p");
	text_copy(k->v.dev.info.product, DEVINFO_STRING, "virtual keyboard");
	return arg[0] ? keyboard_file_open(k, base, arg, why, cap) : ERR_OK;
}

int
usb_keyboard_add(struct usb_bus *bus, const char *arg, char *why, size_t cap)
{
	struct keyboard *k = calloc(1, sizeof(*k));
	int r;

	if (k == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	if ((r = fill_in(k, bus->base, arg, why, cap)) != ERR_OK) {
		keyboard_free(&k->v);
		return r;
	}
	vdev_name(&k->v, bus);
	log_info("device %s made name=\"%s\"", k->v.dev.info.busid,
		 k->v.dev.info.product);
	usb_bus_add(bus, &k->v.dev);
	return ERR_OK;
}

int
usb_keyboard_type(struct usb_dev *dev, const char *text, char *why, size_t cap)
{
	struct vdev *v = vdev_of(dev, &kind);
	const uint8_t *p = (const uint8_t *)text;
	struct keyboard *k;
	char names[128];
	size_t n = strlen(text);

	if (v == NULL) {
		snprintf(why, cap, "%s is no virtual keyboard", dev->info.busid);
		return ERR_USAGE;
	}
	k = keyboard_of(v);
	if (keymap_refused(p, n, names, sizeof(names))) {
		snprintf(why, cap, "no key of a US keyboard gives %s; nothing was typed",
			 names);
		return ERR_USAGE;
	}
	if (n > KEYBOARD_QUEUE - k->count) {
		snprintf(why, cap,
			 "%u characters wait to be typed, and %zu more are too many; "
			 "nothing was typed, try again later",
			 k->count, n);
		return ERR_FULL;
	}
	for (size_t i = 0; i < n; i++)
		keyboard_put(k, p[i]);
	return ERR_OK;
}
