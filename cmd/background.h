/* SPDX-License-Identifier: ISC */
/*
 * A command that goes to the background once what it was asked for is there: until
 * then its parent waits, to exit with its code.
 */
#ifndef CMD_BACKGROUND_H
#define CMD_BACKGROUND_H

/*
 * 0: this is the child, with *report for background_report. 1: this is the parent, and
 * the child has told *code, or ended with it. -1: there is no child, *code says so.
 */
int background_start(int *report, int *code);

/*
 * Tells the parent, once, and lets go of the terminal. A report of -1: nobody waits, or
 * it was told.
 */
void background_report(int *report, int code);

#endif
