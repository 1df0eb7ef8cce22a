/* SPDX-License-Identifier: ISC */
/*
 * The socket to the kernel in the loop: always drained (a kernel that cannot
 * write hangs its callers), and written as it takes bytes.
 */
#ifndef VHCI_PIPE_H
#define VHCI_PIPE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct event_base;
struct vhci_pipe;

struct vhci_pipe_ops {
	int (*input)(void *arg, const uint8_t *, size_t n); /* error: closed follows */
	size_t (*output)(void *arg, const uint8_t **);      /* lends bytes; 0: none */
	void (*sent)(void *arg, size_t n);
	void (*closed)(void *arg, int err); /* the kernel let go, or input failed; once */
};

/*
 * Owns fd, a socket (NULL: no memory, and fd is still the caller's). Not the ops,
 * which are called from the loop only and may call all functions below.
 */
struct vhci_pipe *
vhci_pipe_new(struct event_base *, int fd, const struct vhci_pipe_ops *, void *arg);

/*
 * Closes fd: the kernel unplugs the device. May be called from inside an op;
 * no op is called any more. NULL is fine.
 */
void vhci_pipe_free(struct vhci_pipe *);

/* There is output: it is written in this turn of the loop, never from inside. */
void vhci_pipe_wake(struct vhci_pipe *);

#endif
