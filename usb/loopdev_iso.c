/* SPDX-License-Identifier: ISC */
/*
 * Isochronous endpoints of the virtual test device: one packet each millisecond,
 * its number in the first four bytes, then the pattern. A gap in the numbers is
 * what got lost.
 */
#include <string.h>

#include "core/cur.h"
#include "core/usbip.h"
#include "usb/loopdev.h"

static bool
is_inside(const struct urb *u, const struct urb_iso *p)
{
	return p->offset <= u->len && p->length <= u->len - p->offset;
}

static void
fill(struct loopdev *l, struct urb *u, struct urb_iso *p)
{
	struct wr w;

	if (!is_inside(u, p) || p->length < LOOPDEV_ISO) {
		p->status = is_inside(u, p) ? -LINUX_EOVERFLOW : -LINUX_EINVAL;
		return;
	}
	memcpy(u->buf + p->offset, l->pattern, LOOPDEV_ISO);
	wr_init(&w, u->buf + p->offset, 4);
	wr_le32(&w, l->iso_sent);
	p->actual = LOOPDEV_ISO;
}

static void
check(struct loopdev *l, struct urb *u, struct urb_iso *p)
{
	const uint8_t *data = u->buf + p->offset;
	uint32_t number;
	struct rd r;

	if (!is_inside(u, p) || p->length > LOOPDEV_ISO) {
		p->status = -LINUX_EINVAL;
		return;
	}
	rd_init(&r, data, p->length < 4 ? p->length : 4);
	number = rd_le32(&r);
	l->count.iso_packets++;
	l->count.iso_bytes += p->length;
	if (number != l->iso_due || loopdev_wrong(l, data, 4, p->length) > 0)
		l->count.iso_wrong++;
	l->iso_due = number + 1;
	p->actual = p->length;
}

static bool
in_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_ISO_IN);
	struct urb_iso *p;

	if (vu == NULL || (vu->urb->packets > 0 && !loopdev_due(&l->iso_in)))
		return false;
	if (vu->done < vu->urb->packets) {
		p = &vu->urb->iso[vu->done++];
		p->actual = 0;
		p->status = 0;
		fill(l, vu->urb, p);
		vu->urb->actual += p->actual;
		l->iso_sent++;
	}
	if (vu->done == vu->urb->packets)
		vdev_finish(&l->v, vu, 0);
	return true;
}

static bool
out_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_ISO_OUT);
	struct urb_iso *p;

	if (vu == NULL || (vu->urb->packets > 0 && !loopdev_due(&l->iso_out)))
		return false;
	if (vu->done < vu->urb->packets) {
		p = &vu->urb->iso[vu->done++];
		p->actual = 0;
		p->status = 0;
		check(l, vu->urb, p);
		vu->urb->actual += p->actual;
	}
	if (vu->done == vu->urb->packets)
		vdev_finish(&l->v, vu, 0);
	return true;
}

bool
loopdev_iso_step(struct loopdev *l)
{
	bool any = in_step(l);

	any |= out_step(l);
	return any;
}
