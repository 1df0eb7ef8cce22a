/* SPDX-License-Identifier: ISC */
/*
 * A disk that may be read only: looks at the requests to a device before it gets
 * them, and answers those itself that could change what is on it. It knows SCSI by
 * USB Mass Storage Bulk-Only Transport 1.0 ("BOT") and allows what it knows to be
 * harmless; no data go to the device but command blocks that were looked at. Other
 * interfaces and other transports (UAS) of the device are out of reach.
 *
 * A refused command ends with CHECK CONDITION, and REQUEST SENSE says WRITE
 * PROTECTED, or that there is no such command. MODE SENSE says so beforehand.
 */
#ifndef CORE_NOWRITE_H
#define CORE_NOWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/urb.h"

#define NOWRITE_UNITS 4 /* interfaces that are looked after */
#define NOWRITE_LUNS  16
#define NOWRITE_SENSE 18

enum nowrite_state {
	NOWRITE_OPEN,   /* a command may come; the device answers the last one */
	NOWRITE_TAKE,   /* data of a refused command come, and go nowhere */
	NOWRITE_GIVE,   /* our sense data are to be fetched */
	NOWRITE_STATUS, /* our status is to be fetched */
};

/* One interface with its two endpoints. */
struct nowrite_unit {
	uint8_t in, out, iface;
	enum nowrite_state state;
	bool halted;            /* IN, by us, until the halt is cleared */
	uint8_t opcode;         /* of the last command that the device got */
	bool fresh;             /* nothing of its answer has come */
	uint8_t tag[4];         /* of the last command */
	bool failed;            /* our status */
	uint32_t left, residue; /* bytes: of TAKE and GIVE; of our status */
	uint8_t reply[NOWRITE_SENSE];
	uint8_t reply_at, reply_len;
	uint32_t sense[NOWRITE_LUNS]; /* 0xKKCCQQ that waits to be asked for, or 0 */
};

struct nowrite {
	uint8_t config;
	unsigned units;
	struct nowrite_unit unit[NOWRITE_UNITS];
};

/*
 * raw as in usb_dev.raw, config is the active one. ERR_LACKING: it has no such disk.
 * ERR_PROTO: the descriptors.
 */
int
nowrite_init(struct nowrite *, const uint8_t *raw, size_t n, uint8_t config) MUST_CHECK;

/* true: the device may have it. false: it is answered, as if it had come back. */
bool nowrite_submit(struct nowrite *, struct urb *) MUST_CHECK;

/* It came back from the device. */
void nowrite_complete(struct nowrite *, struct urb *);

#endif
