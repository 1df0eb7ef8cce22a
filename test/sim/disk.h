/* SPDX-License-Identifier: ISC */
/*
 * A mass storage device that is made of memory (USB Mass Storage Class, Bulk-Only
 * Transport 1.0): a stick with moods. It takes a while, gives less than it was
 * asked for, stalls, and loses the race against a cancel, all from one seed and
 * the time it is told. Endpoint 0x83 reports numbers, one after the other: who
 * counts them sees a lost or a doubled urb.
 */
#ifndef TEST_SIM_DISK_H
#define TEST_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "core/urb.h"

#define DISK_SECTOR  512u
#define DISK_SECTORS 256u
#define DISK_QUEUE   256 /* urbs of one endpoint */

#define DISK_IN      0x81
#define DISK_OUT     0x02
#define DISK_REPORT  0x83

enum disk_phase { DISK_CBW, DISK_DATA_OUT, DISK_DATA_IN, DISK_CSW, DISK_HUNG };

struct scsi;

struct disk_ep {
	struct urb *urb[DISK_QUEUE]; /* in order */
	unsigned n;
	bool halted;
	uint64_t ready; /* when it does something next */
};

struct disk {
	uint8_t bytes[DISK_SECTORS * DISK_SECTOR];
	uint64_t seed;
	uint32_t stalls; /* chances in a thousand */
	uint32_t shorts;
	void (*complete)(void *arg, struct urb *);
	void *arg;

	struct disk_ep ep[4]; /* control, OUT, IN, report */
	struct {
		struct urb *urb;
		uint64_t at;
	} dying[DISK_QUEUE]; /* cancelled, not yet given back */
	unsigned dyings;

	struct scsi *scsi; /* NULL: READ and WRITE of bytes, with the moods above */

	enum disk_phase phase;
	uint8_t *data; /* of the command: what it moves begins here, now at pos; */
	uint32_t tag, left, pos; /* left: bytes of it */
	uint32_t residue;
	bool failed, zlp, stall_at_end;
	uint64_t report, report_at;
	bool unplugged;

	unsigned stalled, shortened, raced; /* so often it did */
};

/* Descriptors, and what a list says of it. */
extern const uint8_t disk_raw[];
extern const size_t disk_raw_len;
extern const struct devinfo disk_info;

void disk_init(struct disk *, uint64_t seed, void (*complete)(void *arg, struct urb *),
	       void *arg);

/* As export_ops. */
int disk_submit(struct disk *, struct urb *, uint64_t now);
void disk_cancel(struct disk *, struct urb *, uint64_t now);

/* From now on it takes nothing, and gives back what is cancelled. */
void disk_unplug(struct disk *);

/* Does what is due; when to call again (UINT64_MAX: never). */
void disk_run(struct disk *, uint64_t now);
uint64_t disk_next(const struct disk *);

/* It has no urb. */
bool disk_idle(const struct disk *);

#endif
