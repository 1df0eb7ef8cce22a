/* SPDX-License-Identifier: ISC */
/*
 * Inside the virtual serial port: usb/serial (the device), usb/serial_pty (the
 * pty, with Linux's own termios). Others see only usb_serial_add.
 *
 * The pty is the cable: no data are kept here. An urb waits until the pty has or
 * takes bytes, the pty's program until there are urbs. We hold the pty's other
 * end open as well, so the program there may come and go.
 */
#ifndef USB_SERIAL_H
#define USB_SERIAL_H

#include <limits.h>

#include "usb/vdev.h"

/* SET_LINE_CODING, CDC PSTN 1.2, 6.3.10 */
struct serial_line {
	uint32_t rate; /* bits per second */
	uint8_t stop, parity, bits;
};

struct serial_pty {
	int master, slave;   /* -1: not open */
	char name[64];       /* of the slave */
	char link[PATH_MAX]; /* "": none */
};

/* link: where to put a symbolic link to the slave, "" for nowhere. Raw mode. */
int
serial_pty_open(struct serial_pty *, const char *link, char *why, size_t cap) MUST_CHECK;

/* Removes the link if it still is ours. */
void serial_pty_close(struct serial_pty *);

/* What a pty has of it: speed and stop bits. Rate 0 changes nothing. */
void serial_pty_line(const struct serial_pty *, const struct serial_line *);

#endif
