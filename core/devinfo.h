/* SPDX-License-Identifier: ISC */
/*
 * What is known of a device without opening it. Filled by usb/, but for how it
 * is shared, which is the choice of its owner; carried by core/wire, shown by
 * `list`. Strings are UTF-8, cleaned (text_clean).
 */
#ifndef CORE_DEVINFO_H
#define CORE_DEVINFO_H

#include <stdbool.h>
#include <stdint.h>

#define DEVINFO_BUSID  32 /* with NUL: "1-4.2", "v-1" */
#define DEVINFO_NICK   32 /* with NUL: a stock client says it as a busid */
#define DEVINFO_STRING 128
#define DEVINFO_IFS    32
#define DEVINFO_RAW    16384 /* device and configuration descriptors together */
#define DEVINFO_CACHE  16384 /* strings and BOS (core/desc_cache) */

/* enum usb_device_speed, include/uapi/linux/usb/ch9.h */
enum devinfo_speed {
	DEVINFO_LOW = 1,
	DEVINFO_FULL = 2,
	DEVINFO_HIGH = 3,
	DEVINFO_WIRELESS = 4,
	DEVINFO_SUPER = 5,
	DEVINFO_SUPER_PLUS = 6
};

struct devinfo_if {
	uint8_t cls, sub, proto;
};

struct devinfo {
	char busid[DEVINFO_BUSID];
	uint32_t busnum, devnum;
	uint8_t speed; /* enum devinfo_speed */
	uint16_t vid, pid, bcd;
	uint8_t cls, sub, proto;
	uint8_t config, configs; /* bConfigurationValue of the active one, their number */
	uint8_t ifs; /* interfaces of the active configuration, <= DEVINFO_IFS */
	struct devinfo_if iface[DEVINFO_IFS];
	char manufacturer[DEVINFO_STRING], product[DEVINFO_STRING],
	    serial[DEVINFO_STRING];

	/* How it is shared. */
	char nick[DEVINFO_NICK]; /* "": it has none (pattern_is_nick) */
	bool part; /* without the interfaces that have a local driver when it is opened */
	bool queued;    /* who asks while another has it waits for its turn */
	bool read_only; /* nothing is written to its disks */
};

/* How vhci_hcd and USB/IP name it. The numbers are not those of its busid. */
static inline uint32_t
devinfo_devid(const struct devinfo *in)
{
	return in->busnum << 16 | in->devnum;
}

#endif
