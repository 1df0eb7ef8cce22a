/* SPDX-License-Identifier: ISC */
/*
 * The audit: who did what with which device, one JSON object a line, in a file that is
 * kept small by rotation or in the log. Nothing secret goes in.
 */
#ifndef CMD_AUDIT_H
#define CMD_AUDIT_H

#include "cmd/conf.h"

struct guest;
struct lease;

/*
 * By the configuration; again when it has changed. ERR_IO: the file cannot be written
 * (was logged), and there is none until the next time.
 */
int audit_start(const struct conf *) MUST_CHECK;
void audit_end(void);

/*
 * One event. Words that there are not are NULL: peer (its name), id (32 bytes),
 * device (busid), why.
 */
struct audit {
	const char *event, *peer;
	const uint8_t *id;
	const char *device, *vid_pid, *serial, *why;
};

void audit(const struct audit *);

#endif
