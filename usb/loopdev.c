/* SPDX-License-Identifier: ISC */
/* The life of the virtual test device, its descriptors and its clock. */
#include "usb/loopdev.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/log.h"
#include "core/text.h"
#include "usb/bus.h"
#include "usb/virtual.h"

#define BEHIND_US 20000 /* what a late loop makes up for; more is left out */

#define EP(addr, type, packet, interval) \
	7, 5, addr, type, (packet)&0xff, (packet) >> 8, interval
#define BULK(addr) EP(addr, 2, LOOPDEV_PACKET, 0)
#define INTR(addr) EP(addr, 3, LOOPDEV_INT, 4) /* 8 microframes: 1 ms */
#define ISO(addr)  EP(addr, 1, LOOPDEV_ISO, 4)
#define SIX                                                           \
	BULK(LOOPDEV_SOURCE), BULK(LOOPDEV_SINK), BULK(LOOPDEV_BACK), \
	    BULK(LOOPDEV_FORTH), INTR(LOOPDEV_INT_IN), INTR(LOOPDEV_INT_OUT)
#define CONFIG_LEN (9 + 3 * 9 + 14 * 7)

/* Linux Foundation, 0105; high speed; a class of its own */
static const uint8_t descriptors[18 + CONFIG_LEN] = {
    18, 1, 0x00, 0x02, 0xff, 0, 0, 64, 0x6b, 0x1d, 0x05, 0x01, 0x00, 0x01, 1, 2, 3, 1,
    /* configuration 1: one interface, self powered */
    9, 2, CONFIG_LEN, 0, 1, 1, 0, 0xc0, 0,
    /* interface 0, its alternate settings */
    9, 4, 0, 0, 0, 0xff, 0, 0, 0, 9, 4, 0, 1, 6, 0xff, 0, 0, 0, SIX, 9, 4, 0, 2, 8, 0xff,
    0, 0, 0, SIX, ISO(LOOPDEV_ISO_IN), ISO(LOOPDEV_ISO_OUT)};

static struct loopdev *
loopdev_of(struct vdev *v)
{
	return CONTAINER_OF(v, struct loopdev, v);
}

/* --- time --- */

bool
loopdev_due(struct loopdev_pace *p)
{
	uint64_t now = vdev_now();

	if (now < p->next)
		return false;
	if (now - p->next > BEHIND_US)
		p->next = now;
	p->next += LOOPDEV_FRAME;
	return true;
}

static uint64_t
sooner(struct loopdev *l, uint8_t ep, uint64_t next, uint64_t when)
{
	return vdev_first(&l->v, ep) && next < when ? next : when;
}

/* Nothing to do now: when will there be? */
static void
set_timer(struct loopdev *l)
{
	uint64_t now, when = UINT64_MAX;
	struct timeval left = {0};

	when = sooner(l, LOOPDEV_INT_IN, l->report.next, when);
	when = sooner(l, LOOPDEV_ISO_IN, l->iso_in.next, when);
	when = sooner(l, LOOPDEV_ISO_OUT, l->iso_out.next, when);
	if (when == UINT64_MAX)
		return;
	now = vdev_now();
	left.tv_usec = now < when ? (suseconds_t)(when - now) : 0;
	event_add(l->timer, &left);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loopdev *l = arg;

	(void)fd;
	(void)what;
	vdev_kick(&l->v);
}

static bool
loopdev_step(struct vdev *v)
{
	struct loopdev *l = loopdev_of(v);
	bool any = loopdev_data_step(l);

	any |= loopdev_iso_step(l);
	if (!any)
		set_timer(l);
	return any;
}

/* --- life --- */

static void
loopdev_reset(struct vdev *v, enum vdev_reset how)
{
	struct loopdev *l = loopdev_of(v);

	l->head = l->held = l->carried = 0;
	l->reports = l->iso_due = 0;
	l->iso_in = l->iso_out = (struct loopdev_stream){0};
	if (how == VDEV_RESET_OPEN) {
		l->count = (struct loopdev_counters){0};
		memset(l->control, 0, sizeof(l->control));
	}
}

static bool
loopdev_close(struct vdev *v)
{
	event_del(loopdev_of(v)->timer);
	return true;
}

static void
loopdev_free(struct vdev *v)
{
	struct loopdev *l = loopdev_of(v);

	if (l->timer)
		event_free(l->timer);
	vdev_fini(v);
	free(l);
}

static const struct vdev_kind kind = {
    .raw = descriptors,
    .raw_len = sizeof(descriptors),
    .speed = DEVINFO_HIGH,
    .rows = loopdev_rows,
    .nrows = LOOPDEV_ROWS,
    .close = loopdev_close,
    .reset = loopdev_reset,
    .step = loopdev_step,
    .free = loopdev_free,
};

static struct loopdev *
loopdev_new(struct event_base *base)
{
	struct loopdev *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->timer = event_new(base, -1, 0, on_timer, l);
	if (vdev_init(&l->v, &kind, base) != ERR_OK || l->timer == NULL) {
		loopdev_free(&l->v);
		return NULL;
	}
	for (unsigned i = 0; i < sizeof(l->pattern); i++)
		l->pattern[i] = (uint8_t)(i % LOOPDEV_MOD);
	return l;
}

/* VID:PID into a device descriptor, for drivers that know only certain devices. */
static bool
set_ids(uint8_t *raw, const char *ids)
{
	char half[2][5] = {0};
	uint64_t v;

	if (strlen(ids) != 9 || ids[4] != ':')
		return false;
	memcpy(half[0], ids, 4);
	memcpy(half[1], ids + 5, 4);
	for (int i = 0; i < 2; i++) {
		if (!text_to_hex(half[i], UINT16_MAX, &v))
			return false;
		raw[8 + 2 * i] = (uint8_t)v;
		raw[9 + 2 * i] = (uint8_t)(v >> 8);
	}
	return true;
}

int
usb_loop_add(struct usb_bus *bus, const char *arg, char *why, size_t cap)
{
	struct loopdev *l;

	if ((l = loopdev_new(bus->base)) == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	if (arg[0] != '\0' && !set_ids(l->v.raw, arg)) {
		loopdev_free(&l->v);
		text_copy(why, cap, "write loop, or loop:VID:PID, like loop:0525:a4a0");
		return ERR_USAGE;
	}
	text_copy(l->v.dev.info.manufacturer, DEVINFO_STRING, "usbp2p");
	text_copy(l->v.dev.info.product, DEVINFO_STRING, "virtual source, sink, loop");
	vdev_name(&l->v, bus);
	log_info("device %s made name=\"%s\"", l->v.dev.info.busid,
		 l->v.dev.info.product);
	usb_bus_add(bus, &l->v.dev);
	return ERR_OK;
}
