/* SPDX-License-Identifier: ISC */
/*
 * Inside usb/scsi: the commands whose answer is data that we know ourselves.
 * Each writes it to scsi.reply and makes the task SCSI_SEND, or gives sense.
 */
#ifndef USB_SCSI_REPLY_H
#define USB_SCSI_REPLY_H

#include "usb/scsi.h"

struct scsi_call {
	struct scsi *s;
	const uint8_t *cdb; /* SCSI_CDB bytes */
	struct scsi_task *task;
};

typedef enum scsi_sense scsi_handler(struct scsi_call *);

scsi_handler scsi_request_sense;
scsi_handler scsi_inquire;
scsi_handler scsi_mode_sense6;
scsi_handler scsi_mode_sense10;
scsi_handler scsi_capacity10;
scsi_handler scsi_capacity16;
scsi_handler scsi_format_capacities;
scsi_handler scsi_report_luns;

static inline uint32_t
scsi_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t
scsi_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t
scsi_be32(const uint8_t *p)
{
	return scsi_be16(p) << 16 | scsi_be16(p + 2);
}

static inline uint64_t
scsi_be64(const uint8_t *p)
{
	return (uint64_t)scsi_be32(p) << 32 | scsi_be32(p + 4);
}

#endif
