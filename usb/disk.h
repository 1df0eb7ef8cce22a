/* SPDX-License-Identifier: ISC */
/*
 * Inside the virtual disk: usb/disk (its life), usb/disk_file (the file),
 * usb/disk_job (what the worker does), usb/disk_bulk (transport and medium),
 * usb/disk_ctl (endpoint 0). Others see only usb_disk_add.
 *
 * Everything happens in vdev's kick, and in the ends of the worker's jobs. At
 * most one job is out; while it is, it may use the buffer of one urb, which is
 * pinned: it completes when the job is done, even if it was cancelled.
 */
#ifndef USB_DISK_H
#define USB_DISK_H

#include "usb/bot.h"
#include "usb/scsi.h"
#include "usb/vdev.h"
#include "usb/worker.h"

#define DISK_EP_IN  0x81
#define DISK_EP_OUT 0x02
#define DISK_PACKET 512 /* wMaxPacketSize of both, high speed */

enum disk_op { DISK_READ, DISK_WRITE, DISK_VERIFY, DISK_SYNC };

struct disk_job {
	struct worker_job job;
	bool out; /* with the worker */
	enum disk_op op;
	int fd;
	uint64_t at;          /* byte of the file */
	uint8_t *buf;         /* in the pinned urb */
	uint32_t len, moved;  /* bytes to do, done */
	int error;            /* errno, 0: all of len is done */
	struct vdev_urb *pin; /* whose buffer it is, NULL: none */
};

struct disk {
	struct vdev v;
	int fd;
	struct worker *worker; /* while open */
	bool dirty;            /* written since the last good fdatasync */
	bool complained;       /* an error was logged, and none since went well */
	struct disk_job job;

	struct bot bot;
	struct scsi scsi;
	struct scsi_task task; /* the command that runs */
};

/*
 * usb/disk_file.c: opens and locks the file of a spec, fills in fd, scsi and the
 * strings of dev.info. why as for usb_disk_add.
 */
int disk_file_open(struct disk *, const char *spec, char *why, size_t cap) MUST_CHECK;

/* usb/disk_job.c: worker_job.run of a disk_job */
void disk_job_run(struct worker_job *);

/* usb/disk_ctl.c: requests of the class, and halts, which are the transport's */
#define DISK_ROWS 5
extern const struct vdev_row disk_rows[DISK_ROWS];

/* usb/disk_bulk.c: vdev_kind.step */
bool disk_step(struct vdev *);

/* usb/disk_bulk.c: starts the job that makes durable what was written. */
void disk_sync(struct disk *);

/* usb/disk_bulk.c: worker_job.done of a disk_job */
void disk_job_done(struct worker_job *);

#endif
