/* SPDX-License-Identifier: ISC */
/*
 * The status files of vhci_hcd, row by row, for vhci.c.
 */
#ifndef VHCI_STATUS_H
#define VHCI_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "vhci/vhci.h"

#define STATUS_DIR "vhci_hcd.0" /* only controller 0 has files, for all of them */

/* One row of a status file; false: the head line, or not understood. */
bool status_parse(const char *row, struct vhci_port *);

/*
 * Calls visit for each port of each controller until it says false.
 * ERR_LACKING: no vhci_hcd, and why says the command that mends it.
 */
int
status_each(const struct vhci_paths *, bool (*visit)(void *arg, const struct vhci_port *),
	    void *arg, char *why, size_t cap) MUST_CHECK;

/* Reads a short file whole; bytes without the NUL it adds, or -1 with errno. */
long status_read(const char *path, char *buf, size_t cap);

#endif
