/* SPDX-License-Identifier: ISC */
/*
 * Which file systems of a disk are mounted here, by the kernel's list of mounts.
 */
#ifndef VHCI_MOUNTS_H
#define VHCI_MOUNTS_H

#include <stddef.h>

#define MOUNTS_TEXT 256

/*
 * nodes: as of vhci_nodes. The mount points of its disks and of their partitions,
 * separated by spaces, as many as fit whole; "": none. mountinfo:
 * "/proc/self/mountinfo" (proc_pid_mountinfo(5)).
 */
void vhci_mounts(const char *mountinfo, const char *nodes, char *buf, size_t cap);

#endif
