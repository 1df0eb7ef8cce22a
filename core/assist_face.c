/* SPDX-License-Identifier: ISC */
/*
 * Classes and chips by their numbers.
 */
#include "core/assist_face.h"
#include "core/import.h"
#include "core/mem.h"

#define DEVICE_LEN    18
#define CONFIG_LEN    9
#define INTERFACE     4
#define INTERFACE_LEN 9
#define CS_INTERFACE  0x24 /* CDC 1.2 5.2.3 */
#define CDC_UNION     6

#define PERIOD_SHIFT  15 /* 32768 frames: more makes no sense */

#define CLASS_CDC     2
#define SUBCLASS_ACM  2
#define CLASS_DATA    10

#define CLASS_HID     3
#define CLASS_HUB     9
#define CLASS_STORAGE 8
#define CLASS_VENDOR  255
#define BULK_ONLY     0x50

static uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* The interface descriptor of the setting in a configuration that was checked. */
static const uint8_t *
find_interface(const uint8_t *config, const struct desc_ep *e)
{
	size_t n = le16(config + 2);

	for (size_t i = config[0]; i < n; i += config[i]) {
		const uint8_t *p = config + i;

		if (p[0] >= INTERFACE_LEN && p[1] == INTERFACE && p[2] == e->iface &&
		    p[3] == e->alt)
			return p;
	}
	return NULL;
}

/* USB 2.0 table 9-13: 2^(bInterval - 1) frames, or microframes. */
static uint32_t
period(const struct desc_ep *e, uint8_t speed)
{
	uint32_t frame = speed >= DEVINFO_HIGH ? 125 : 1000;
	unsigned shift = e->interval > 0 ? e->interval - 1u : 0;

	return frame << (shift < PERIOD_SHIFT ? shift : PERIOD_SHIFT);
}

static bool
is_slave(const uint8_t *p, uint8_t iface)
{
	for (size_t i = 4; i < p[0]; i++)
		if (p[i] == iface)
			return true;
	return false;
}

/* Whether a port's interface says that its data are in that one. */
static bool
is_acm(const uint8_t *config, uint8_t iface)
{
	size_t n = le16(config + 2);
	bool port = false;

	for (size_t i = config[0]; i < n; i += config[i]) {
		const uint8_t *p = config + i;

		if (p[0] >= INTERFACE_LEN && p[1] == INTERFACE)
			port = p[5] == CLASS_CDC && p[6] == SUBCLASS_ACM;
		else if (port && p[0] > 4 && p[1] == CS_INTERFACE && p[2] == CDC_UNION &&
			 is_slave(p, iface))
			return true;
	}
	return false;
}

bool
assist_face_of(struct assist_face *f, const struct import *im, uint8_t ep)
{
	const struct desc_ep *e = desc_find(import_desc(im), ep);
	size_t n;
	const uint8_t *raw = import_raw(im, &n), *p = NULL, *config = NULL;

	for (size_t i = DEVICE_LEN; e != NULL && p == NULL && n - i >= CONFIG_LEN;
	     i += le16(raw + i + 2)) {
		config = raw + i;
		if (config[5] == e->config)
			p = find_interface(config, e);
	}
	if (p == NULL)
		return false;
	*f = (struct assist_face){.vid = le16(raw + 8),
				  .pid = le16(raw + 10),
				  .iface = p[2],
				  .cls = p[5],
				  .sub = p[6],
				  .proto = p[7],
				  .acm = p[5] == CLASS_DATA && is_acm(config, p[2]),
				  .period_us = period(e, import_speed(im))};
	return true;
}

bool
assist_face_disk(const struct import *im, uint8_t ep, uint8_t *in, uint8_t *out,
		 uint8_t *iface)
{
	const struct desc *d = import_desc(im);
	const struct desc_ep *e = desc_find(d, ep);
	struct assist_face f;

	if (e == NULL || !assist_face_of(&f, im, ep) || f.cls != CLASS_STORAGE ||
	    f.proto != BULK_ONLY)
		return false;
	*iface = f.iface;
	*in = *out = 0;
	for (unsigned i = 0; i < d->eps; i++) {
		const struct desc_ep *o = &d->ep[i];

		if (o->config != e->config || o->iface != e->iface || o->alt != e->alt ||
		    o->type != URB_BULK)
			continue;
		if (*((o->addr & 0x80) ? in : out) != 0)
			return false; /* which of them is it? */
		*((o->addr & 0x80) ? in : out) = o->addr;
	}
	return *in != 0 && *out != 0;
}

/*
 * Reports of a HID device are input as it happens, each a whole. Others tell of
 * something that is then looked at: hardly more than they would keep themselves. A
 * hub's are taken as acknowledged when they were read.
 */
static const struct {
	uint8_t cls, most;
} classes[] = {
    {CLASS_HID, 128},
    {CLASS_HUB, 0},
    {CLASS_VENDOR, 0},
};

#define MOST_OTHERS 2

/* Of the vendors' own: those whose endpoint tells the state of the line, and no more. */
static const struct {
	uint16_t vid, pid;
} chips[] = {
    {0x067b, 0x2303}, /* Prolific PL2303 */
    {0x1a86, 0x7523}, /* WCH CH340 */
};

unsigned
assist_face_interrupt(const struct assist_face *f)
{
	for (size_t i = 0; i < ARRAY_LEN(chips); i++)
		if (chips[i].vid == f->vid && chips[i].pid == f->pid)
			return MOST_OTHERS;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].cls == f->cls)
			return classes[i].most;
	return MOST_OTHERS;
}

#define MOST_SERIAL 128

/* Chips of which nothing but the endpoint's own data depends on when it is read. */
static const struct {
	uint16_t vid, pid;
} serials[] = {
    {0x0403, 0x6001}, /* FTDI FT232 */
    {0x0403, 0x6010}, /* FT2232 */
    {0x0403, 0x6011}, /* FT4232 */
    {0x0403, 0x6014}, /* FT232H */
    {0x0403, 0x6015}, /* FT-X */
    {0x067b, 0x2303}, /* Prolific PL2303 */
    {0x10c4, 0xea60}, /* Silicon Labs CP2102 */
    {0x10c4, 0xea70}, /* CP2105 */
    {0x1a86, 0x7523}, /* WCH CH340 */
    {0x1a86, 0x5523}, /* CH341 */
};

unsigned
assist_face_serial(const struct assist_face *f)
{
	for (size_t i = 0; f->cls == CLASS_VENDOR && i < ARRAY_LEN(serials); i++)
		if (serials[i].vid == f->vid && serials[i].pid == f->pid)
			return MOST_SERIAL;
	return f->acm ? MOST_SERIAL : 0;
}

unsigned
assist_face_iso(const struct assist_face *f)
{
	return f->period_us;
}
