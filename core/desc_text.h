/* SPDX-License-Identifier: ISC */
/*
 * Descriptors for people: a line for the device, each configuration, interface setting
 * and endpoint, indented as they belong to each other (USB 2.0 chapter 9.6). The input
 * is a stranger's: what contradicts itself ends the text with a line that says so.
 */
#ifndef CORE_DESC_TEXT_H
#define CORE_DESC_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

/* raw: device descriptor, then the configurations (usb_dev.raw). */
void desc_text(const uint8_t *raw, size_t n, struct text *);

#endif
