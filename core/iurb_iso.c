/* SPDX-License-Identifier: ISC */
/*
 * Isochronous packets between the kernel's descriptors and the far end's results.
 */
#include "core/iurb_iso.h"
#include "core/iso.h"
#include "core/mem.h"

/* The descriptors as they came, at the end of the reply's room. */
static uint8_t *
raw(const struct iurb *u)
{
	return u->ret->bytes + USBIP_HEADER + u->ret->room - iurb_iso_bytes(u);
}

size_t
iurb_iso_bytes(const struct iurb *u)
{
	return u->req.packets * (size_t)USBIP_ISO;
}

bool
iurb_iso_get(struct iurbs *us, struct iurb *u)
{
	if (u->req.packets == 0)
		return true;
	u->iso = pool_get(us->pool, u->req.packets * sizeof(*u->iso));
	return u->iso != NULL;
}

void
iurb_iso_put(struct iurbs *us, struct iurb *u)
{
	pool_put(us->pool, u->iso, u->req.packets * sizeof(*u->iso));
	u->iso = NULL;
}

size_t
iurb_iso_fill(struct iurb *u, uint64_t at, const uint8_t *p, size_t n)
{
	size_t left = iurb_iso_bytes(u) - (size_t)at;

	n = left < n ? left : n;
	memcpy(raw(u) + at, p, n);
	u->have += n;
	return n;
}

int32_t
iurb_iso_read(struct iurb *u)
{
	if (u->iso == NULL)
		return 0;
	for (uint32_t i = 0; i < u->req.packets; i++)
		usbip_iso_unpack(&u->iso[i], raw(u) + i * (size_t)USBIP_ISO);
	iso_unrun(u->iso, u->req.packets);
	return iso_admit(u->iso, u->req.packets, u->req.len, iurb_in(u));
}

uint64_t
iurb_iso_follow(uint32_t packets, uint8_t type, int32_t status)
{
	if (packets == USBIP_NO_PACKETS || (type != URB_ISO && status != -LINUX_EPIPE))
		return 0;
	return (uint64_t)packets * USBIP_ISO;
}

bool
iurb_iso_adds_up(const struct iurb *u)
{
	uint32_t left = u->reply.actual;
	struct urb_iso own;

	for (uint32_t i = 0; i < u->reply.packets; i++) {
		usbip_iso_unpack(&own, raw(u) + i * (size_t)USBIP_ISO);
		if (u->iso[i].actual > own.length || u->iso[i].actual > left)
			return false;
		left -= u->iso[i].actual;
	}
	return u->reply.packets == 0 || left == 0;
}

size_t
iurb_iso_pack(struct iurb *u, struct usbip_ret_submit *ret)
{
	size_t data = iurb_in(u) ? ret->actual : 0;
	struct urb_iso own;

	if (u->results)
		ret->start_frame = u->reply.start_frame;
	else
		iso_unrun(u->iso, u->req.packets);
	for (uint32_t i = 0; i < u->req.packets; i++) {
		uint8_t *b = raw(u) + i * (size_t)USBIP_ISO;

		usbip_iso_unpack(&own, b);
		own.actual = u->iso[i].actual;
		own.status = usbip_status(u->iso[i].status);
		usbip_iso_pack(&own, b);
	}
	ret->errors = iso_errors(u->iso, u->req.packets);
	memmove(u->ret->bytes + USBIP_HEADER + data, raw(u), iurb_iso_bytes(u));
	return data + iurb_iso_bytes(u);
}
