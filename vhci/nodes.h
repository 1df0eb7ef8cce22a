/* SPDX-License-Identifier: ISC */
/*
 * What the kernel's drivers made of a device: its nodes in /dev, by the names of
 * folders in sysfs alone. (Reading attributes of a USB device could wait for the device,
 * and so for us.)
 */
#ifndef VHCI_NODES_H
#define VHCI_NODES_H

#include <stddef.h>

#define NODES_TEXT 64

/*
 * "/dev/sdb" or "/dev/ttyACM0 /dev/input/event4", as many as fit; "" : none. sysfs_bus:
 * "/sys/bus/usb/devices", busid: the kernel's, "3-1".
 */
void vhci_nodes(const char *sysfs_bus, const char *busid, char *buf, size_t cap);

/* The drivers that have its interfaces, each once: "usbhid snd-usb-audio"; "": none. */
void vhci_drivers(const char *sysfs_bus, const char *busid, char *buf, size_t cap);

#endif
