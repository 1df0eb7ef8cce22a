/* SPDX-License-Identifier: ISC */
/*
 * A driver of a disk (test/sim/scsi) as Linux's usb-storage and sd are, and what it is
 * to do, by a seed.
 */
#ifndef TEST_SIM_SCSI_DRIVER_H
#define TEST_SIM_SCSI_DRIVER_H

#include "test/sim/scsi.h"
#include "test/sim/stack.h"

#define OPS     24
#define MOST    24u      /* sectors of one command */
#define URBS    6        /* of data of one command */
#define PATIENT 8000000u /* us that a driver waits for its device */

enum kind {
	OP_READ,
	OP_WRITE,
	OP_READY,
	OP_SENSE,
	OP_INQUIRY,
	OP_SIZE,
	OP_SYNC,
	OP_ODD,
	OP_MODE,
	OP_FUA
};

struct op {
	enum kind kind;
	uint32_t lba, sectors;
	uint64_t wait;   /* us, before it */
	bool change;     /* the medium, and a long wait */
	unsigned pieces; /* urbs of data */
	uint64_t cut;    /* the network is dead for so long; 0: not */
	bool relink;
};

/* What the driver saw of one. */
struct view {
	bool hung, broken; /* it had to reset; a transport that makes no sense */
	uint8_t status, key, asc;
	uint32_t got; /* bytes that came, or went */
	uint64_t sum;
};

struct driver {
	struct stack *s;
	uint32_t tag;
	uint8_t data[MOST * SCSI_SECTOR], csw[64];
	struct kurb cbw, urb[URBS], status, control;
	unsigned flying;
	uint64_t fill; /* of data that are written */
};

/* So that all will be as the seed says; n of them. */
unsigned scsi_script(struct op *, uint64_t seed);
void scsi_network(struct stack_conf *, uint64_t seed);

/* Also what happens before it. */
void scsi_before(struct driver *, struct scsi *, const struct op *);
void scsi_perform(struct driver *, const struct op *, struct view *);
void scsi_run_for(struct stack *, uint64_t us);
uint64_t scsi_sum(const uint8_t *, uint32_t n);

#endif
