/* SPDX-License-Identifier: ISC */
/*
 * Log lines to stderr: time, level, text; control characters cleaned.
 */
#ifndef CMD_LOGLINE_H
#define CMD_LOGLINE_H

/* verbose 0: info and worse; 1 and more: debug too. Quiet commands: -1. */
void logline_start(int verbose);

#endif
