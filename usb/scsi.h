/* SPDX-License-Identifier: ISC */
/*
 * A SCSI disk with removable medium as a machine without I/O (SPC-3, SBC-2):
 * decodes a command into a task for whoever has the medium. It keeps sense data,
 * the medium lock and whether the medium was ejected.
 */
#ifndef USB_SCSI_H
#define USB_SCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCSI_BLOCK  512
#define SCSI_REPLY  96 /* bytes of the longest reply of ours */
#define SCSI_SERIAL 16
#define SCSI_CDB    16

enum scsi_todo {
	SCSI_NOTHING,
	SCSI_SEND,   /* the first len bytes of scsi.reply */
	SCSI_READ,   /* len bytes of the medium at `at` */
	SCSI_WRITE,  /* the same; with fua: durable before it is good */
	SCSI_VERIFY, /* see that they can be read */
	SCSI_FLUSH,  /* make what was written durable */
};

struct scsi_task {
	enum scsi_todo todo;
	bool good; /* false: CHECK CONDITION, sense is kept, nothing to do */
	bool fua;
	uint64_t at, len; /* bytes */
};

/* key, additional code and qualifier: 0xKKCCQQ (SPC-3 4.5.6, SBC-2 table 10) */
enum scsi_sense {
	SCSI_NO_SENSE = 0x000000,
	SCSI_NO_MEDIUM = 0x023a00,
	SCSI_WRITE_ERROR = 0x030c00,
	SCSI_READ_ERROR = 0x031100,
	SCSI_BAD_OPCODE = 0x052000,
	SCSI_BAD_LBA = 0x052100,
	SCSI_BAD_FIELD = 0x052400,
	SCSI_NO_SAVING = 0x053900,
	SCSI_LOCKED = 0x055302,
	SCSI_NEW_MEDIUM = 0x062800,
	SCSI_WAS_RESET = 0x062900,
	SCSI_READ_ONLY = 0x072700,
	SCSI_DATA_PHASE = 0x0b4b00,
};

struct scsi {
	uint64_t blocks;
	bool ro;
	char product[17];             /* cut at 16 characters */
	char serial[SCSI_SERIAL + 1]; /* ASCII */

	enum scsi_sense sense;     /* of the last command */
	uint64_t sense_lba;        /* for SCSI_READ_ERROR and SCSI_WRITE_ERROR */
	enum scsi_sense attention; /* unit attention that waits to be told */
	bool locked, ejected;
	uint8_t reply[SCSI_REPLY];
};

/* As after power on; blocks, ro, product and serial stay. */
void scsi_reset(struct scsi *);

/*
 * Starts a command of n bytes. If the task is more than SCSI_NOTHING or SCSI_SEND
 * and cannot be done, the caller says so with scsi_failed.
 */
void
scsi_command(struct scsi *, const uint8_t cdb[SCSI_CDB], size_t n, struct scsi_task *);

/* The task could not be done: what REQUEST SENSE will say. */
void scsi_failed(struct scsi *, enum scsi_sense, uint64_t lba);

#endif
