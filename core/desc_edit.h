/* SPDX-License-Identifier: ISC */
/*
 * Takes parts out of descriptors: device and configurations as in usb_dev.raw,
 * in place. Lengths and counts are set right: what desc_parse has taken, it takes
 * again afterwards. Descriptors that cannot be walked to the end stay untouched.
 */
#ifndef CORE_DESC_EDIT_H
#define CORE_DESC_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * Takes out the alternate settings of class 08/06/62 (UAS) of interfaces that
 * have another kind of setting 0, which a device is in after SET_CONFIGURATION.
 * ERR_PROTO, ERR_TOOBIG: the descriptors.
 */
int desc_hide_uas(uint8_t *raw, size_t *n) MUST_CHECK;

/*
 * Leaves only configuration bConfigurationValue == config and of it only the
 * interfaces in mask (bit bInterfaceNumber), which keep their numbers. An
 * interface association shrinks to what is left of it, and goes when that is
 * nothing or has a hole. ERR_NODEV: nothing would be left. ERR_PROTO,
 * ERR_TOOBIG: the descriptors. After any of them nothing has changed.
 */
int
desc_keep_interfaces(uint8_t *raw, size_t *n, uint32_t mask, uint8_t config) MUST_CHECK;

#endif
