/* SPDX-License-Identifier: ISC */
/*
 * One device by the word on a command line, be it here or attached.
 */
#ifndef CMD_ONE_DEV_H
#define CMD_ONE_DEV_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/cmd.h"

#define ONE_DEV_SYSFS "/sys/bus/usb/devices"

/* "port:8", "lab/1-4", a URI: it stands for what is attached, not for one of ours. */
bool one_dev_is_attached(const char *word);

/* The kernel's name of an attached one; an exit code (was printed). */
int one_dev_local(const struct ctx *, const char *word, char *name, size_t cap);

/*
 * Asks the serve that runs {"cmd":cmd,"busid":word}; its answer goes into buf. ERR_NODEV:
 * none runs; ERR_NOPEER: it knows no such device, and this was printed.
 */
int one_dev_ask(const struct ctx *, const char *cmd, const char *word, char *buf,
		size_t cap) MUST_CHECK;

/* What a command that takes one device has as its operand, or NULL (was printed). */
const char *one_dev_operand(const struct cmd *, int argc, char **argv);

#endif
