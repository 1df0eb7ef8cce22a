/* SPDX-License-Identifier: ISC */
/*
 * What the descriptors say about endpoints: type, direction, packet size, per
 * configuration and alternate setting (USB 2.0 chapter 9.6, USB 3.2 9.6).
 * Everything about an endpoint derives from here, never from an urb's fields.
 * The input is a stranger's: every length is checked.
 */
#ifndef CORE_DESC_H
#define CORE_DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "core/err.h"
#include "core/urb.h"

#define DESC_ENDPOINTS 256 /* of all configurations and settings together */

struct desc_ep {
	uint8_t config, iface, alt; /* by value and bInterfaceNumber, not by index */
	uint8_t addr;               /* bEndpointAddress */
	uint8_t type;               /* enum urb_type */
	uint8_t interval;
	uint16_t packet; /* wMaxPacketSize as it stands */
};

struct desc {
	uint16_t eps;
	struct desc_ep ep[DESC_ENDPOINTS];
	uint8_t config;  /* active bConfigurationValue, 0: none */
	uint8_t alt[32]; /* active alternate setting by bInterfaceNumber */
};

/*
 * Reads device descriptor and configurations as in usb_dev.raw. ERR_PROTO: they
 * contradict themselves, ERR_TOOBIG: more than we keep. Fewer configurations
 * than the device claims are fine (one that could not be read has no endpoints
 * for us); more are not.
 */
int desc_parse(struct desc *, const uint8_t *raw, size_t n, uint8_t active) MUST_CHECK;

/*
 * The active endpoint with this address, or NULL. Not for endpoint 0. A control
 * endpoint is found under both directions.
 */
const struct desc_ep *desc_find(const struct desc *, uint8_t addr);

/* What the device now is in. An unknown configuration has no endpoints. */
void desc_set_config(struct desc *, uint8_t config);
void desc_set_interface(struct desc *, uint8_t iface, uint8_t alt);

/*
 * The job in the 8 setup bytes of a request to endpoint 0, or URB_JOB_NONE.
 * CLEAR_HALT of endpoint 0 itself is none: the host keeps no state of it.
 */
enum urb_job desc_job(const uint8_t setup[8]);

/*
 * That request has succeeded: remembers what it changed, if it was a job. After a
 * reset the configuration is what it was, and all alternate settings are 0.
 */
void desc_job_done(struct desc *, const uint8_t setup[8]);

/*
 * What usb_submit_urb() of Linux looks at before a host controller sees an urb.
 * Gives 0, or the status that the urb fails with:
 *   -EPIPE   no such endpoint now. Linux says ENOENT from the call, but as the
 *            status of a completion that means "cancelled", which libusb takes
 *            for an empty success; a stall is taken for what it is
 *   -EINVAL  setup bytes that contradict len or direction
 * Packets of isochronous urbs are for core/iso.
 * Sets type unless there is no endpoint, and clears flags that do not apply.
 */
int32_t desc_admit(const struct desc *, uint8_t ep, uint32_t len, const uint8_t setup[8],
		   uint32_t *flags, enum urb_type *type);

#endif
