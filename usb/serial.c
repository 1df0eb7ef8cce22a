/* SPDX-License-Identifier: ISC */
/*
 * A serial port (CDC 1.2, PSTN 1.2: abstract control model) whose other end is a
 * pty. Reads into and writes from the urbs' own buffers.
 */
#include "usb/serial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/cur.h"
#include "core/log.h"
#include "core/text.h"
#include "core/usbip.h"
#include "usb/bus.h"
#include "usb/virtual.h"

#define EP_IN       0x81
#define EP_OUT      0x02
#define EP_NOTIFY   0x83
#define LINE_CODING 7  /* bytes, PSTN 1.2 table 17 */
#define STATE       10 /* bytes of the notification SERIAL_STATE, 6.5.4 */
#define CARRIER     3  /* in it: carrier detect, and data set ready */
#define CONFIG_LEN  (9 + 9 + 5 + 5 + 4 + 5 + 7 + 9 + 7 + 7)

/* Linux Foundation's multifunction gadget; high speed */
static const uint8_t descriptors[18 + CONFIG_LEN] = {
    18, 1, 0x00, 0x02, 2, 0, 0, 64, 0x6b, 0x1d, 0x04, 0x01, 0x00, 0x01, 1, 2, 3, 1,
    /* configuration 1: two interfaces, self powered */
    9, 2, CONFIG_LEN, 0, 2, 1, 0, 0xc0, 0,
    /* interface 0: communications, ACM, AT commands */
    9, 4, 0, 0, 1, 0x02, 0x02, 0x01, 0,
    /* header: CDC 1.10; call management: none; ACM: line requests; union: 0 with 1 */
    5, 0x24, 0, 0x10, 0x01, 5, 0x24, 1, 0, 1, 4, 0x24, 2, 0x02, 5, 0x24, 6, 0, 1,
    /* interrupt IN: 16 bytes, 32 ms */
    7, 5, EP_NOTIFY, 3, 16, 0, 9,
    /* interface 1: data */
    9, 4, 1, 0, 2, 0x0a, 0, 0, 0,
    /* bulk, 512 bytes */
    7, 5, EP_IN, 2, 0, 2, 0, 7, 5, EP_OUT, 2, 0, 2, 0};

struct serial {
	struct vdev v;
	struct serial_pty pty;
	struct event *readable, *writable; /* added while an urb waits for it */
	bool state_due;                    /* the driver has to be told the state */
	struct serial_line line;
	uint8_t control; /* DTR 1, RTS 2 */
};

static struct serial *
serial_of(struct vdev *v)
{
	return CONTAINER_OF(v, struct serial, v);
}

/* --- data --- */

/* The pty cannot now (a pty has no other error): the event says when. */
static bool
wait_for(struct event *ev)
{
	if (errno == EINTR)
		return true;
	event_add(ev, NULL);
	return false;
}

static bool
in_step(struct serial *s)
{
	struct vdev_urb *vu = vdev_first(&s->v, EP_IN);
	ssize_t n;

	if (vu == NULL)
		return false;
	n = vu->urb->len > 0 ? read(s->pty.master, vu->urb->buf, vu->urb->len) : 0;
	if (n < 0)
		return wait_for(s->readable);
	vu->urb->actual = (uint32_t)n;
	vdev_finish(&s->v, vu, 0);
	return true;
}

static bool
out_step(struct serial *s)
{
	struct vdev_urb *vu = vdev_first(&s->v, EP_OUT);
	struct urb *u;
	ssize_t n;

	if (vu == NULL)
		return false;
	u = vu->urb;
	if (u->actual < u->len) {
		n = write(s->pty.master, u->buf + u->actual, u->len - u->actual);
		if (n < 0)
			return wait_for(s->writable);
		u->actual += (uint32_t)n;
	}
	if (u->actual == u->len)
		vdev_finish(&s->v, vu, 0);
	return true;
}

/* The line is always there. */
static bool
notify_step(struct serial *s)
{
	static const uint8_t state[STATE] = {0xa1, 0x20, 0, 0, 0, 0, 2, 0, CARRIER, 0};
	struct vdev_urb *vu = vdev_first(&s->v, EP_NOTIFY);

	if (vu == NULL || !s->state_due)
		return false;
	if (vu->urb->len < STATE) {
		vdev_finish(&s->v, vu, -LINUX_EOVERFLOW);
		return true;
	}
	s->state_due = false;
	memcpy(vu->urb->buf, state, STATE);
	vu->urb->actual = STATE;
	vdev_finish(&s->v, vu, 0);
	return true;
}

static bool
serial_step(struct vdev *v)
{
	struct serial *s = serial_of(v);
	bool any = notify_step(s);

	any |= in_step(s);
	any |= out_step(s); /* neither direction waits for the other */
	return any;
}

static void
on_pty(evutil_socket_t fd, short what, void *arg)
{
	struct serial *s = arg;

	(void)fd;
	(void)what;
	vdev_kick(&s->v);
}

/* --- endpoint 0 --- */

static bool
has_interface(const struct serial *s, const struct vdev_control *c)
{
	return s->v.dev.info.config != 0 && c->setup.index == 0;
}

static int
set_line(struct vdev *v, const struct vdev_control *c)
{
	struct serial *s = serial_of(v);
	struct rd r;

	if (!has_interface(s, c) || c->in_len != LINE_CODING)
		return VDEV_STALL;
	rd_init(&r, c->in, c->in_len);
	s->line.rate = rd_le32(&r);
	s->line.stop = rd_u8(&r);
	s->line.parity = rd_u8(&r);
	s->line.bits = rd_u8(&r);
	serial_pty_line(&s->pty, &s->line);
	log_debug("device %s line rate=%u bits=%u parity=%u stop=%u", v->dev.info.busid,
		  s->line.rate, s->line.bits, s->line.parity, s->line.stop);
	return 0;
}

static int
get_line(struct vdev *v, const struct vdev_control *c)
{
	struct serial *s = serial_of(v);
	struct wr w;

	if (!has_interface(s, c))
		return VDEV_STALL;
	wr_init(&w, c->out, LINE_CODING);
	wr_le32(&w, s->line.rate);
	wr_u8(&w, s->line.stop);
	wr_u8(&w, s->line.parity);
	wr_u8(&w, s->line.bits);
	return LINE_CODING;
}

static int
set_control(struct vdev *v, const struct vdev_control *c)
{
	struct serial *s = serial_of(v);

	if (!has_interface(s, c))
		return VDEV_STALL;
	s->control = c->setup.value & 3;
	log_debug("device %s dtr=%u rts=%u", v->dev.info.busid, s->control & 1,
		  s->control >> 1);
	return 0;
}

/* PSTN 1.2, 6.3 */
static const struct vdev_row rows[] = {
    {0x21, 0x20, set_line}, {0xa1, 0x21, get_line}, {0x21, 0x22, set_control}};

/* --- life --- */

static void
serial_reset(struct vdev *v, enum vdev_reset how)
{
	struct serial *s = serial_of(v);

	if (how == VDEV_RESET_IFACE)
		return;
	s->line = (struct serial_line){.rate = 9600, .bits = 8};
	s->control = 0;
	s->state_due = true;
}

static bool
serial_close(struct vdev *v)
{
	event_del(serial_of(v)->readable);
	event_del(serial_of(v)->writable);
	return true;
}

static void
serial_free(struct vdev *v)
{
	struct serial *s = serial_of(v);

	if (s->readable)
		event_free(s->readable);
	if (s->writable)
		event_free(s->writable);
	serial_pty_close(&s->pty);
	vdev_fini(v);
	free(s);
}

static const struct vdev_kind kind = {
    .raw = descriptors,
    .raw_len = sizeof(descriptors),
    .speed = DEVINFO_HIGH,
    .rows = rows,
    .nrows = ARRAY_LEN(rows),
    .close = serial_close,
    .reset = serial_reset,
    .step = serial_step,
    .free = serial_free,
};

static int
fill_in(struct serial *s, struct event_base *base, const char *link, char *why,
	size_t cap)
{
	int r = vdev_init(&s->v, &kind, base);

	s->pty.master = s->pty.slave = -1;
	if (r == ERR_OK && (r = serial_pty_open(&s->pty, link, why, cap)) != ERR_OK)
		return r;
	s->readable = event_new(base, s->pty.master, EV_READ, on_pty, s);
	s->writable = event_new(base, s->pty.master, EV_WRITE, on_pty, s);
	if (r != ERR_OK || s->readable == NULL || s->writable == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	text_copy(s->v.dev.info.manufacturer, DEVINFO_STRING, "usbp2p");
	text_copy(s->v.dev.info.product, DEVINFO_STRING, "virtual serial port");
	return ERR_OK;
}

int
usb_serial_add(struct usb_bus *bus, const char *arg, char *why, size_t cap)
{
	struct serial *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	if ((r = fill_in(s, bus->base, arg, why, cap)) != ERR_OK) {
		serial_free(&s->v);
		return r;
	}
	vdev_name(&s->v, bus);
	log_info("device %s made name=\"%s\" pty=%s", s->v.dev.info.busid,
		 s->v.dev.info.product, s->pty.name);
	usb_bus_add(bus, &s->v.dev);
	return ERR_OK;
}
