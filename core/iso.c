/* SPDX-License-Identifier: ISC */
/*
 * Packets of isochronous urbs. Who made them is not known here.
 */
#include "core/iso.h"
#include "core/mem.h"
#include "core/usbip.h"

int32_t
iso_admit(const struct urb_iso *iso, uint32_t packets, uint32_t len, bool in)
{
	uint32_t left = len, end = 0;

	if (packets == 0 || packets > ISO_PACKETS)
		return -LINUX_EINVAL;
	for (uint32_t i = 0; i < packets; i++) {
		const struct urb_iso *p = &iso[i];

		if (p->offset > len || p->length > len - p->offset || p->length > left ||
		    (in && p->offset < end))
			return -LINUX_EINVAL;
		left -= p->length;
		end = p->offset + p->length;
	}
	return 0;
}

void
iso_unrun(struct urb_iso *iso, uint32_t packets)
{
	for (uint32_t i = 0; i < packets; i++) {
		iso[i].actual = 0;
		iso[i].status = -LINUX_EXDEV;
	}
}

bool
iso_adds_up(const struct urb_iso *results, const struct urb_iso *asked, uint32_t packets,
	    uint32_t actual)
{
	uint32_t left = actual;

	for (uint32_t i = 0; i < packets; i++) {
		if (results[i].actual > asked[i].length || results[i].actual > left)
			return false;
		left -= results[i].actual;
	}
	return left == 0;
}

uint32_t
iso_errors(const struct urb_iso *iso, uint32_t packets)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < packets; i++)
		n += iso[i].status != 0;
	return n;
}

void
iso_clean(struct urb *u)
{
	u->actual = 0;
	for (uint32_t i = 0; i < u->packets; i++) {
		struct urb_iso *p = &u->iso[i];

		if (p->lost)
			p->status = -LINUX_EXDEV;
		if (p->actual > p->length) {
			p->actual = p->length;
			p->status = -LINUX_EOVERFLOW;
		}
		p->status = usbip_status(p->status);
		u->actual += p->actual;
	}
}

void
iso_compact(struct urb *u)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < u->packets; i++) {
		const struct urb_iso *p = &u->iso[i];

		if (p->offset != at)
			memmove(u->buf + at, u->buf + p->offset, p->actual);
		at += p->actual;
	}
}
