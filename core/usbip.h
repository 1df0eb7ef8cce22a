/* SPDX-License-Identifier: ISC */
/*
 * USB/IP 1.1.1, URB phase: the 48-byte headers that vhci_hcd speaks
 * (Documentation/usb/usbip_protocol.rst, drivers/usb/usbip/usbip_common.h).
 * Pure functions; all integers big-endian on the wire.
 */
#ifndef CORE_USBIP_H
#define CORE_USBIP_H

#include <stdint.h>

#include "core/err.h"
#include "core/urb.h"

/* Linux errno numbers as USB/IP carries them, negated, on any system. */
#define LINUX_ENOENT     2
#define LINUX_EIO        5
#define LINUX_ENOMEM     12
#define LINUX_EBUSY      16
#define LINUX_EXDEV      18
#define LINUX_ENODEV     19
#define LINUX_EINVAL     22
#define LINUX_EFBIG      27
#define LINUX_ENOSPC     28
#define LINUX_EPIPE      32
#define LINUX_ETIME      62
#define LINUX_ENOSR      63
#define LINUX_ECOMM      70
#define LINUX_EPROTO     71
#define LINUX_EOVERFLOW  75
#define LINUX_EILSEQ     84
#define LINUX_ECONNRESET 104
#define LINUX_ESHUTDOWN  108
#define LINUX_ETIMEDOUT  110
#define LINUX_EREMOTEIO  121

#define USBIP_HEADER     48
#define USBIP_ISO        16 /* one isochronous packet descriptor */

enum usbip_cmd {
	USBIP_SUBMIT = 1,
	USBIP_UNLINK = 2,
	USBIP_RET_SUBMIT = 3,
	USBIP_RET_UNLINK = 4,
};

/* Linux sends number_of_packets 0 when not isochronous, the document says this. */
#define USBIP_NO_PACKETS 0xffffffffu

struct usbip_submit {
	uint32_t flags, len, start_frame, packets, interval;
	uint8_t setup[8];
};

struct usbip_ret_submit {
	uint32_t status; /* two's complement; usbip_status() reads it */
	uint32_t actual, start_frame, packets, errors;
};

struct usbip {
	uint32_t cmd; /* enum usbip_cmd: says which of the union is meant */
	uint32_t seqnum, devid;
	uint32_t in; /* 1: IN, 0: OUT; 0 in UNLINK and in replies, like ep */
	uint32_t ep; /* number without direction */
	union {
		struct usbip_submit submit;
		struct usbip_ret_submit ret;
		uint32_t victim; /* UNLINK: seqnum of the urb to be unlinked */
		uint32_t status; /* RET_UNLINK */
	};
};

/* ERR_PROTO: no such command. */
int usbip_unpack(struct usbip *, const uint8_t b[USBIP_HEADER]) MUST_CHECK;
void usbip_pack(const struct usbip *, uint8_t b[USBIP_HEADER]);

void usbip_iso_unpack(struct urb_iso *, const uint8_t b[USBIP_ISO]);
void usbip_iso_pack(const struct urb_iso *, uint8_t b[USBIP_ISO]);

/*
 * A stranger's urb status made harmless: 0 or one of the numbers that an urb can
 * end with (Documentation/driver-api/usb/error-codes.rst), else -EPROTO.
 */
int32_t usbip_status(int32_t);

#endif
