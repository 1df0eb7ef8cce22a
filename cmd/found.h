/* SPDX-License-Identifier: ISC */
/*
 * An attached device by the word for it: port:N, PEER/DEVICE, usbip://HOST[:PORT]/BUSID
 * or DEVICE.
 */
#ifndef CMD_FOUND_H
#define CMD_FOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/sockets.h"
#include "core/devinfo.h"

struct found {
	unsigned n;                /* how many the word meant */
	bool named;                /* by its nickname, which goes before text */
	char path[108];            /* the socket of its attach */
	char busid[DEVINFO_BUSID]; /* at the server */
	char local[32];            /* the kernel's name here; "": none */
	bool has_port;             /* else it is offered to others */
	uint64_t port;
};

/* The one that the word means, among all of s. Returns an exit code (was printed). */
int found_one(const struct sockets *, const char *word, struct found *);

#endif
