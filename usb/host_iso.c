/* SPDX-License-Identifier: ISC */
/*
 * Isochronous urbs as libusb wants them. usbfs takes at most 128 packets at once.
 * libusb would cut by itself, but it writes results down in the order in which
 * its pieces come back, and cancelling brings them back last first: so each of
 * our parts is one of usbfs's. It also wants packets without gaps between them;
 * an urb that has gaps is copied.
 *
 * Of what moves on the bus nothing is known here: usbfs looks at the descriptors.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libusb-1.0/libusb.h>

#include "core/usbip.h"
#include "usb/host.h"

#define PART 128 /* packets that usbfs takes at once */

/* Packets may lie over each other, but not be more than fits into the buffer. */
bool
host_iso_is_sane(const struct urb *u)
{
	uint32_t left = u->len;

	if (u->packets == 0 || u->packets > INT_MAX || u->len > INT_MAX)
		return false;
	for (uint32_t i = 0; i < u->packets; i++) {
		const struct urb_iso *p = &u->iso[i];

		if (p->offset > u->len || p->length > u->len - p->offset ||
		    p->length > left)
			return false;
		left -= p->length;
	}
	return true;
}

unsigned
host_iso_parts(const struct urb *u)
{
	return (u->packets + PART - 1) / PART;
}

unsigned
host_iso_packets(const struct urb *u, unsigned part)
{
	uint32_t left = u->packets - part * PART;

	return left < PART ? left : PART;
}

/* Sets *at to the first byte of the packets; whether none is between them. */
static bool
is_joined(const struct urb *u, uint8_t **at)
{
	uint32_t end = 0;
	bool any = false;

	*at = u->buf;
	for (uint32_t i = 0; i < u->packets; i++) {
		const struct urb_iso *p = &u->iso[i];

		if (p->length == 0) /* lies nowhere */
			continue;
		if (!any)
			*at = u->buf + p->offset;
		else if (p->offset != end)
			return false;
		any = true;
		end = p->offset + p->length;
	}
	return true;
}

static bool
make_copy(struct host_xfer *x)
{
	struct urb *u = x->urb;
	uint8_t *at = malloc(u->len); /* not joined: there are bytes */

	if ((x->copy = at) == NULL)
		return false;
	for (uint32_t i = 0; !urb_in(u) && i < u->packets; i++) {
		memcpy(at, u->buf + u->iso[i].offset, u->iso[i].length);
		at += u->iso[i].length;
	}
	return true;
}

static void
fill_part(struct host_xfer *x, unsigned part, uint8_t *at)
{
	struct libusb_transfer *t = x->part[part];

	t->type = LIBUSB_TRANSFER_TYPE_ISOCHRONOUS;
	t->endpoint = x->urb->ep;
	t->buffer = at;
	t->length = 0;
	t->num_iso_packets = (int)host_iso_packets(x->urb, part);
	for (int i = 0; i < t->num_iso_packets; i++) {
		uint32_t length = x->urb->iso[part * PART + (unsigned)i].length;

		t->iso_packet_desc[i].length = length;
		t->length += (int)length;
	}
}

bool
host_iso_fill(struct host_xfer *x)
{
	uint8_t *at;

	if (!is_joined(x->urb, &at)) {
		if (!make_copy(x))
			return false;
		at = x->copy;
	}
	for (unsigned i = 0; i < x->parts; i++) {
		fill_part(x, i, at);
		if (x->part[i]->length > 0) /* `at` may be NULL */
			at += x->part[i]->length;
	}
	return true;
}

/*
 * What did not run has -EXDEV, as Linux has it. Of a part that was ended early
 * libusb says that such packets are errors, or complete and empty.
 */
static int32_t
packet_status(const struct libusb_transfer *t, const struct urb_iso *p, int status)
{
	bool early = t->status != LIBUSB_TRANSFER_COMPLETED;
	bool empty = status == LIBUSB_TRANSFER_COMPLETED && p->actual == 0;

	if (early && (status == LIBUSB_TRANSFER_ERROR || (empty && p->length > 0)))
		return -LINUX_EXDEV;
	return host_xfer_status(status);
}

static void
part_done(struct host_xfer *x, unsigned part)
{
	const struct libusb_transfer *t = x->part[part];
	const uint8_t *at = t->buffer;
	struct urb *u = x->urb;

	for (int i = 0; i < t->num_iso_packets; i++) {
		struct urb_iso *p = &u->iso[part * PART + (unsigned)i];
		const struct libusb_iso_packet_descriptor *d = &t->iso_packet_desc[i];
		bool sent = part < x->sent;

		p->actual = sent ? d->actual_length : 0;
		if (p->actual > p->length)
			p->actual = p->length;
		p->status = sent ? packet_status(t, p, (int)d->status) : -LINUX_EXDEV;
		if (x->copy != NULL && urb_in(u) && p->actual > 0)
			memcpy(u->buf + p->offset, at, p->actual);
		if (p->length > 0)
			at += p->length;
		u->actual += p->actual;
	}
}

void
host_iso_done(struct host_xfer *x)
{
	struct urb *u = x->urb;

	u->actual = 0;
	u->status = x->refused;
	for (unsigned i = 0; i < x->parts; i++) {
		part_done(x, i);
		if (u->status == 0 && i < x->sent)
			u->status = host_xfer_status((int)x->part[i]->status);
	}
}
