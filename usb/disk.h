/* SPDX-License-Identifier: ISC */
/*
 * Inside the virtual disk: usb/disk (its life and queues), usb/disk_file (the
 * file), usb/disk_job (what the worker does), usb/disk_bulk (transport and
 * medium), usb/disk_ctl (endpoint 0). Others see only usb_disk_add.
 *
 * Everything happens in one event, `kick`, and in the ends of the worker's jobs,
 * never inside a call of the user's. At most one job is out; while it is, it may
 * use the buffer of one urb, which is pinned: it completes when the job is done,
 * even if it was cancelled.
 */
#ifndef USB_DISK_H
#define USB_DISK_H

#include "usb/bot.h"
#include "usb/dev.h"
#include "usb/scsi.h"
#include "usb/vdesc.h"
#include "usb/worker.h"

#define DISK_EP_IN  0x81
#define DISK_EP_OUT 0x02
#define DISK_PACKET 512 /* wMaxPacketSize of both, high speed */

struct event;

enum disk_queue { DISK_CTL, DISK_IN, DISK_OUT, DISK_CANCELLED, DISK_QUEUES };

/* An urb that is with us; urb->device points here. */
struct disk_urb {
	struct list link; /* in one of disk.queue */
	struct urb *urb;
	bool cancelled; /* while pinned */
};

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
	struct disk_urb *pin; /* whose buffer it is, NULL: none */
};

struct disk {
	struct usb_dev dev;
	int fd;
	uint8_t raw[18 + 32]; /* device and configuration descriptor */
	const char *strings[3];
	struct vdesc desc;

	struct event *kick;
	struct worker *worker; /* while open */
	bool opening, closing; /* asked for by usb_dev */
	bool dirty;            /* written since the last good fdatasync */
	bool complained;       /* an error was logged, and none since went well */
	struct list queue[DISK_QUEUES];
	struct disk_job job;

	struct bot bot;
	struct scsi scsi;
	struct scsi_task task; /* the command that runs */
};

/* usb/disk.c */

/* Soon: takes another look at what there is to do. */
void disk_kick(struct disk *);

/* The first of a queue, NULL if there is none or it is pinned. */
struct disk_urb *disk_first(struct disk *, enum disk_queue);

/* Gives the urb back; 0 for a short one that must not be becomes -EREMOTEIO. */
void disk_finish(struct disk *, struct disk_urb *, int32_t status);

/* Completes all bulk urbs: the configuration they belong to is gone. */
void disk_flush_urbs(struct disk *);

/* An urb that is no longer pinned, and had been cancelled while it was. */
void disk_drop(struct disk *, struct disk_urb *);

/*
 * usb/disk_file.c: opens and locks the file of a spec, fills in fd, scsi and the
 * strings of dev.info. why as for usb_disk_add.
 */
int disk_file_open(struct disk *, const char *spec, char *why, size_t cap) MUST_CHECK;

/* usb/disk_job.c: worker_job.run of a disk_job */
void disk_job_run(struct worker_job *);

/* usb/disk_ctl.c, usb/disk_bulk.c: do one thing; false: there is none to do now. */
bool disk_ctl_step(struct disk *);
bool disk_bulk_step(struct disk *);

/* usb/disk_bulk.c: starts the job that makes durable what was written. */
void disk_sync(struct disk *);

/* usb/disk_bulk.c: worker_job.done of a disk_job */
void disk_job_done(struct worker_job *);

#endif
