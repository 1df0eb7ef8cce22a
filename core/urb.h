/* SPDX-License-Identifier: ISC */
/*
 * One USB request on its way between an engine and a device. The export engine
 * owns it; usb/ borrows it from submit until it says complete, exactly once.
 */
#ifndef CORE_URB_H
#define CORE_URB_H

#include <stdbool.h>
#include <stdint.h>

/* USB 2.0 table 9-13, bmAttributes bits 1..0 */
enum urb_type { URB_CONTROL = 0, URB_ISO = 1, URB_BULK = 2, URB_INTERRUPT = 3 };

/*
 * Control requests that change the state the host keeps of a device. They must
 * go through the host's own calls, not as bytes (USBIP.md 1.4, 1.7). The export
 * engine recognises them, and holds the device's later urbs until they ended.
 */
enum urb_job {
	URB_JOB_NONE,
	URB_JOB_SET_CONFIGURATION, /* setup: wValue = configuration */
	URB_JOB_SET_INTERFACE,     /* setup: wIndex = interface, wValue = alternate */
	URB_JOB_CLEAR_HALT,        /* setup: wIndex = endpoint address */
	URB_JOB_RESET,             /* port reset; the configuration stays chosen */
};

/* transfer_flags, include/uapi/linux/usbip.h; all other bits are masked away */
#define URB_SHORT_NOT_OK 0x0001u
#define URB_ISO_ASAP     0x0002u
#define URB_ZERO_PACKET  0x0040u

/*
 * One packet. The engine sets offset and length; the device sets actual (bytes
 * moved, of OUT too) and status (0 or -LINUX_E...), which say -EXDEV, "not run",
 * until then. The data of a packet lie at its offset of urb.buf in both
 * directions.
 */
struct urb_iso {
	uint32_t offset, length, actual;
	int32_t status;
	bool lost; /* OUT: its data did not come; it has no length, so that its turn on
		      the bus passes, and whatever the device says its status is -EXDEV */
};

struct urb {
	enum urb_type type;
	enum urb_job job; /* of control urbs only */
	uint8_t ep;       /* bEndpointAddress; 0 or 0x80 for endpoint 0 */
	uint8_t setup[8]; /* of control urbs: as on the bus */
	uint32_t flags;   /* URB_* */
	uint8_t *buf;     /* len bytes, without the setup bytes */
	uint32_t len;
	uint32_t actual; /* set by the device: <= len; of iso urbs the engine adds up */
	int32_t status;  /* set by the device: 0 or -LINUX_E... (core/usbip.h) */
	struct urb_iso *iso;
	uint32_t packets;     /* entries of iso, 0 unless type is URB_ISO */
	uint32_t start_frame; /* of iso urbs: asked for; the device may set what it was */
	void *device;         /* the device's own pointer while it has the urb */
};

static inline bool
urb_in(const struct urb *u)
{
	return (u->ep & 0x80) != 0;
}

#endif
