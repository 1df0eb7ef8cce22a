/* SPDX-License-Identifier: ISC */
/*
 * Requests that cannot change what is on a disk; everything else is refused. Who asks,
 * and how the refusal is said, is not known here.
 */
#ifndef CORE_HARMLESS_H
#define CORE_HARMLESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A SCSI command; takes_data: data for the device follow. 0: it is harmless; else the
 * sense that it is refused with: 0xKKCCQQ.
 */
uint32_t harmless_command(const uint8_t cdb[16], bool takes_data);

/* A request to endpoint 0 of a device that is in this configuration. */
bool harmless_request(const uint8_t setup[8], uint8_t config);

#endif
