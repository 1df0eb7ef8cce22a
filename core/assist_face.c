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

bool
assist_face_of(struct assist_face *f, const struct import *im, uint8_t ep)
{
	const struct desc_ep *e = desc_find(import_desc(im), ep);
	size_t n;
	const uint8_t *raw = import_raw(im, &n), *p = NULL;

	for (size_t i = DEVICE_LEN; e != NULL && p == NULL && n - i >= CONFIG_LEN;
	     i += le16(raw + i + 2))
		if (raw[i + 5] == e->config)
			p = find_interface(raw + i, e);
	if (p == NULL)
		return false;
	*f = (struct assist_face){.vid = le16(raw + 8),
				  .pid = le16(raw + 10),
				  .iface = p[2],
				  .cls = p[5],
				  .sub = p[6],
				  .proto = p[7]};
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
