/* SPDX-License-Identifier: ISC */
/*
 * The kernel's virtual host controller by its sysfs files (USBIP.md 1.1, 1.2):
 * finding a free port, attaching a socket, detaching, who has which port. All
 * controllers count, none is hard-coded. Short sysfs reads and writes only.
 */
#ifndef VHCI_VHCI_H
#define VHCI_VHCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define VHCI_PORTS_MAX 4096

/* `sta` of a port (enum usbip_device_status of the importing side) */
enum vhci_status { VHCI_FREE = 4, VHCI_NOTASSIGNED = 5, VHCI_USED = 6, VHCI_ERROR = 7 };

struct vhci_port {
	unsigned port;
	bool super; /* a port of the SuperSpeed hub */
	unsigned status, speed;
	uint32_t devid;
	char busid[32]; /* the kernel's name for the device, "" if none: "3-1" */
};

struct vhci_paths {
	const char *sysfs; /* "/sys/devices/platform" */
	const char *run;   /* "/var/run/vhci_hcd": what stock `usbip port` reads */
};

/* The real ones. */
extern const struct vhci_paths vhci_paths;

/*
 * Reads the state of all ports into p (room for max); *n gets their number.
 * ERR_LACKING: no vhci_hcd; why (a line for people, room for cap > 0) says the
 * command that mends it. ERR_TOOBIG: more than max.
 */
int vhci_ports(const struct vhci_paths *, struct vhci_port *, unsigned max, unsigned *n,
	       char *why, size_t cap) MUST_CHECK;

/*
 * Attaches a device: makes an AF_UNIX stream socketpair, gives one end to the
 * kernel at a free port of the right hub, again with another port on EBUSY,
 * with speed 5 where 6 is refused. *fd gets our end: non-blocking, close-on-exec,
 * large buffers; closing it unplugs. Notes host, port and busid for `usbip port`.
 * ERR_LACKING (no controller, or no right to it), ERR_BUSY (all ports taken).
 */
struct vhci_attach {
	uint32_t devid;    /* busnum << 16 | devnum */
	uint8_t speed;     /* enum devinfo_speed */
	const char *peer;  /* for `usbip port` */
	const char *busid; /* at the far end */
};

int vhci_attach(const struct vhci_paths *, const struct vhci_attach *, unsigned *port,
		int *fd, char *why, size_t cap) MUST_CHECK;

/*
 * The command, for root to run, that lets the user attach and detach: into the group
 * that may; or, false, making one that may first, which is longer.
 */
bool vhci_mend(const struct vhci_paths *, const char *user, char *buf, size_t cap);

/*
 * Asks the kernel to unplug, which it does in its own time; ERR_NODEV when nothing
 * is attached there, ERR_LACKING without vhci_hcd or the right to it.
 */
int vhci_detach(const struct vhci_paths *, unsigned port) MUST_CHECK;

/* Removes the note for `usbip port`. */
void vhci_forget(const struct vhci_paths *, unsigned port);

/* One port's state; ERR_NODEV: there is no such port. */
int vhci_port(const struct vhci_paths *, unsigned port, struct vhci_port *) MUST_CHECK;

/*
 * Whether the kernel has configured the device at this busid ("3-1"): its
 * interfaces are there. sysfs_bus: "/sys/bus/usb/devices".
 */
bool vhci_configured(const char *sysfs_bus, const char *busid);

#endif
