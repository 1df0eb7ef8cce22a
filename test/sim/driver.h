/* SPDX-License-Identifier: ISC */
/*
 * A driver of the disk, as usb-storage is one, but less patient: random writes,
 * then reads of what should be there, with several urbs at once; it gives up in
 * the middle of commands, recovers from stalls, and reads reports and descriptors
 * beside it. It keeps a copy of what the disk should hold.
 */
#ifndef TEST_SIM_DRIVER_H
#define TEST_SIM_DRIVER_H

#include "test/sim/stack.h"

#define DRIVER_SECTORS 128u /* of one command */
#define DRIVER_URBS    20   /* of one command: CBW, data, CSW */
#define DRIVER_CSW     512u
#define DRIVER_REPORTS 2

enum driver_step { DRIVER_IDLE, DRIVER_COMMAND, DRIVER_RECOVERY, DRIVER_FINISHED };

struct driver {
	struct stack *s;
	uint64_t seed;
	uint8_t ref[DISK_SECTORS * DISK_SECTOR]; /* what the disk should hold */
	uint32_t to_write, to_read;              /* bytes still to move */
	enum driver_step step;

	bool in, at_once; /* the command; at_once: its urbs do not wait for another */
	uint32_t lba, sectors, tag;
	uint8_t cbw[31], data[DRIVER_SECTORS * DISK_SECTOR], csw[DRIVER_CSW];
	struct kurb urb[DRIVER_URBS];
	bool done[DRIVER_URBS];
	unsigned urbs, sent, flying; /* urbs made, submitted, not done */
	uint32_t got;                /* bytes of data that came */
	unsigned looked;             /* IN urbs that scan() has judged */
	bool data_over, has_csw, aborting, stalled_in, stalled_out;
	uint8_t status[13];

	uint8_t todo[3][8]; /* control requests of the recovery */
	unsigned todos;
	struct kurb control;
	bool control_flying;

	struct kurb report[DRIVER_REPORTS], info;
	uint8_t report_buf[DRIVER_REPORTS][8], info_buf[64];
	bool info_flying, closing, gone;
	bool patient; /* waits for each thing, and does not change its mind */
	unsigned reports_flying;
	uint32_t reports; /* seen, and so the number of the next */

	const char *wrong;
	unsigned commands, aborts, short_reads, recoveries;
};

/* For an attached stack; bytes to write and then to read. */
void driver_init(struct driver *, struct stack *, uint32_t write, uint32_t read);

/* One turn: what can be done now. false: nothing is left to do. */
bool driver_run(struct driver *);

/* Takes back what waits; until the kernel waits for nothing. Compares the disk. */
void driver_end(struct driver *);

/* Asks for the device descriptor, beside all else: d->info. */
void driver_ask(struct driver *);

/* The first thing that was wrong is kept. */
void driver_wrong(struct driver *, const char *what);

#endif
