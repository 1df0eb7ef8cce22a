/* SPDX-License-Identifier: ISC */
/*
 * A reset of a device that this program has not opened.
 */
#ifndef USB_RESTART_H
#define USB_RESTART_H

#include <stddef.h>

#include "core/err.h"

/*
 * name: the kernel's, "1-4.2". Its drivers go on if they can, or begin anew. Blocks.
 * ERR_NODEV; ERR_LACKING: no right to. why says what to do.
 */
int
usb_restart(const char *sysfs_bus, const char *name, char *why, size_t cap) MUST_CHECK;

#endif
