/* SPDX-License-Identifier: ISC */
/* Bulk and interrupt endpoints of the virtual test device. */
#include <string.h>

#include "core/cur.h"
#include "core/usbip.h"
#include "usb/loopdev.h"

#define STEP_PACKETS 128 /* that one step moves */

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t
loopdev_wrong(const struct loopdev *l, const uint8_t *packet, uint32_t from, uint32_t to)
{
	uint32_t wrong = 0;

	if (from >= to || memcmp(packet + from, l->pattern + from, to - from) == 0)
		return 0;
	for (uint32_t i = from; i < to; i++)
		wrong += packet[i] != l->pattern[i];
	return wrong;
}

/* A packet goes into an IN urb; true: the urb ends with it. */
static bool
put_packet(struct urb *u, const uint8_t *p, uint32_t len, uint32_t max, int32_t *status)
{
	*status = 0;
	if (len > u->len - u->actual) {
		*status = -LINUX_EOVERFLOW;
		return true;
	}
	if (len > 0)
		memcpy(u->buf + u->actual, p, len);
	u->actual += len;
	return len < max || u->actual == u->len;
}

/* The next packet of an OUT urb. */
static uint32_t
take_packet(struct urb *u, uint32_t max, const uint8_t **p)
{
	uint32_t n = min_u32(u->len - u->actual, max);

	*p = u->buf + u->actual;
	u->actual += n;
	return n;
}

/* Whether that packet was the last. A full one may be followed by an empty one. */
static bool
is_over(const struct urb *u, uint32_t n, uint32_t max)
{
	if (u->actual < u->len)
		return false;
	return n < max || (u->flags & URB_ZERO_PACKET) == 0;
}

/* --- source, sink --- */

static bool
source_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_SOURCE);
	int32_t status;

	if (vu == NULL)
		return false;
	for (int i = 0; i < STEP_PACKETS; i++)
		if (put_packet(vu->urb, l->pattern, LOOPDEV_PACKET, LOOPDEV_PACKET,
			       &status)) {
			vdev_finish(&l->v, vu, status);
			break;
		}
	return true;
}

static bool
sink_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_SINK);
	const uint8_t *p;
	uint32_t n;

	if (vu == NULL)
		return false;
	for (int i = 0; i < STEP_PACKETS; i++) {
		n = take_packet(vu->urb, LOOPDEV_PACKET, &p);
		l->count.sink_packets++;
		l->count.sink_bytes += n;
		l->count.sink_wrong += loopdev_wrong(l, p, 0, n);
		if (is_over(vu->urb, n, LOOPDEV_PACKET)) {
			vdev_finish(&l->v, vu, 0);
			break;
		}
	}
	return true;
}

/* --- loopback --- */

static bool
forth_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_FORTH);
	struct loopdev_packet *to;
	const uint8_t *p;
	bool over = false;

	if (vu == NULL || l->held == LOOPDEV_RING)
		return false;
	while (!over && l->held < LOOPDEV_RING) {
		to = &l->ring[(l->head + l->held++) % LOOPDEV_RING];
		to->len = (uint16_t)take_packet(vu->urb, LOOPDEV_PACKET, &p);
		if (to->len > 0)
			memcpy(to->data, p, to->len);
		over = is_over(vu->urb, to->len, LOOPDEV_PACKET);
	}
	if (over)
		vdev_finish(&l->v, vu, 0);
	return true;
}

/* A packet that does not fit into the urb is lost with it, as on a bus. */
static bool
back_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_BACK);
	const struct loopdev_packet *from;
	bool over = false;
	int32_t status;

	if (vu == NULL || l->held == 0)
		return false;
	while (!over && l->held > 0) {
		from = &l->ring[l->head];
		over =
		    put_packet(vu->urb, from->data, from->len, LOOPDEV_PACKET, &status);
		l->head = (l->head + 1) % LOOPDEV_RING;
		l->held--;
	}
	if (over)
		vdev_finish(&l->v, vu, status);
	return true;
}

/* --- interrupt --- */

static bool
report_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_INT_IN);
	uint8_t report[LOOPDEV_INT];
	int32_t status;
	struct wr w;

	if (vu == NULL || !loopdev_due(&l->report))
		return false;
	wr_init(&w, report, sizeof(report));
	wr_le32(&w, l->reports++);
	wr_bytes(&w, l->carry, l->carried);
	l->carried = 0;
	put_packet(vu->urb, report, (uint32_t)(w.p - report), LOOPDEV_INT, &status);
	vdev_finish(&l->v, vu, status);
	return true;
}

static bool
carry_step(struct loopdev *l)
{
	struct vdev_urb *vu = vdev_first(&l->v, LOOPDEV_INT_OUT);
	const uint8_t *p;
	uint32_t n;

	if (vu == NULL)
		return false;
	n = take_packet(vu->urb, LOOPDEV_INT, &p);
	l->carried = min_u32(n, sizeof(l->carry));
	if (n > 0)
		memcpy(l->carry, p, l->carried);
	if (is_over(vu->urb, n, LOOPDEV_INT))
		vdev_finish(&l->v, vu, 0);
	return true;
}

bool
loopdev_data_step(struct loopdev *l)
{
	bool any = source_step(l);

	any |= sink_step(l); /* no endpoint waits for another */
	any |= forth_step(l);
	any |= back_step(l);
	any |= report_step(l);
	any |= carry_step(l);
	return any;
}
