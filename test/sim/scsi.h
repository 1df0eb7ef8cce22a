/* SPDX-License-Identifier: ISC */
/*
 * A medium with moods, and the commands for it (SPC-4, SBC-3): what each sector does to
 * who reads or writes it is fixed, so that two drivers who do the same see the same,
 * whoever else reads beside them. The transport is test/sim/disk's.
 */
#ifndef TEST_SIM_SCSI_H
#define TEST_SIM_SCSI_H

#include <stdbool.h>
#include <stdint.h>

#define SCSI_SECTORS 256u
#define SCSI_SECTOR  512u

/* Of a READ or WRITE that meets the sector. */
enum scsi_mood {
	SCSI_FINE,
	SCSI_BAD,   /* medium error: no data from there on */
	SCSI_STALL, /* the same, and the endpoint stalls */
	SCSI_SHORT, /* READ: no data from there on, and it is content */
	SCSI_HANG   /* WRITE: nothing more, until a reset */
};

struct scsi {
	uint8_t bytes[2][SCSI_SECTORS * SCSI_SECTOR]; /* two media */
	uint8_t mood[SCSI_SECTORS];
	unsigned medium; /* that is in it */
	bool attention;  /* it has just been changed, or: */
	bool restarted;  /* that is what the attention is for */
	bool no_sync;    /* it does not know SYNCHRONIZE CACHE */
	enum scsi_modes {
		SCSI_NO_MODES,
		SCSI_HEADER, /* and no page */
		SCSI_PAGE,   /* a caching page: no cache */
		SCSI_PAGES,  /* others, in 192 bytes */
		SCSI_MODES
	} modes;
	uint8_t type; /* of device: 0: a disk */
	uint8_t key, asc;
	uint8_t small[192]; /* data that are no sectors */
	unsigned commands;
};

struct scsi_answer {
	uint8_t *data;
	uint32_t n; /* bytes that the device moves */
	bool failed, stalls, hangs;
};

void scsi_init(struct scsi *, uint64_t seed);
void scsi_change_medium(struct scsi *);
void scsi_restart(struct scsi *); /* it says so, once */
void scsi_command(struct scsi *, const uint8_t cdb[16], struct scsi_answer *);

#endif
