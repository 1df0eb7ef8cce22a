/* SPDX-License-Identifier: ISC */
/*
 * The answers of a virtual device that follow from its descriptors (USB 2.0
 * chapter 9.4). Pure functions; the device keeps the state.
 */
#ifndef USB_VDESC_H
#define USB_VDESC_H

#include <stddef.h>
#include <stdint.h>

#define VDESC_MAX 256 /* bytes of the longest answer of ours */

/* The eight bytes of a control request */
struct vdesc_setup {
	uint8_t type, request; /* bmRequestType, bRequest */
	uint16_t value, index, length;
};

struct vdesc {
	const uint8_t *raw; /* as usb_dev.raw */
	size_t raw_len;
	const char *const *strings; /* UTF-8, string descriptors 1, 2, ... */
	size_t nstrings;
};

struct vdesc_setup vdesc_setup(const uint8_t setup[8]);

/*
 * GET_DESCRIPTOR of device, device qualifier, configuration and string. Writes
 * the whole descriptor, gives its length; 0: there is none (a stall).
 */
size_t
vdesc_get(const struct vdesc *, const struct vdesc_setup *, uint8_t out[VDESC_MAX]);

/*
 * What core/desc_cache can hold of it into blob, DEVINFO_CACHE bytes; gives the
 * number of bytes.
 */
size_t vdesc_cache(const struct vdesc *, uint8_t *blob);

#endif
