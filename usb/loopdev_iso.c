/* SPDX-License-Identifier: ISC */
/*
 * Isochronous endpoints of the virtual test device: one packet each millisecond,
 * its number in the first four bytes, then the pattern. The first urb starts the
 * stream, then it runs with time: a gap in the numbers is what got lost.
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
	wr_le32(&w, l->iso_in.number);
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

/*
 * Whether the next packet's time has come; its number is the stream's. Lost are
 * those whose time came before the urb did. When this is asked does not matter:
 * a process that is late makes up for it.
 */
static bool
is_due(struct loopdev_stream *s, const struct vdev_urb *vu, uint64_t *lost)
{
	uint64_t n = 0;

	if (!s->runs)
		*s = (struct loopdev_stream){.runs = true, .next = vu->since};
	if (vu->since > s->next)
		n = (vu->since - s->next + LOOPDEV_FRAME - 1) / LOOPDEV_FRAME;
	*lost += n;
	s->number += (uint32_t)n;
	s->next += n * LOOPDEV_FRAME;
	return vdev_now() >= s->next;
}

/* One packet, or the end of an urb without any. */
static bool
stream_step(struct loopdev *l, uint8_t ep, struct loopdev_stream *s, uint64_t *lost,
	    void (*move)(struct loopdev *, struct urb *, struct urb_iso *))
{
	struct vdev_urb *vu = vdev_first(&l->v, ep);
	struct urb_iso *p;

	if (vu == NULL || (vu->urb->packets > 0 && !is_due(s, vu, lost)))
		return false;
	if (vu->done < vu->urb->packets) {
		p = &vu->urb->iso[vu->done++];
		p->actual = 0;
		p->status = 0;
		move(l, vu->urb, p);
		vu->urb->actual += p->actual;
		s->number++;
		s->next += LOOPDEV_FRAME;
	}
	if (vu->done == vu->urb->packets)
		vdev_finish(&l->v, vu, 0);
	return true;
}

bool
loopdev_iso_step(struct loopdev *l)
{
	bool any =
	    stream_step(l, LOOPDEV_ISO_IN, &l->iso_in, &l->count.iso_in_lost, fill);

	any |=
	    stream_step(l, LOOPDEV_ISO_OUT, &l->iso_out, &l->count.iso_out_lost, check);
	return any;
}
