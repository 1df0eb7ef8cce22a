/* SPDX-License-Identifier: ISC */
/*
 * Devices of software, made from a word of the command line (SPEC of `serve
 * --virtual`). Each says in why, in one line, what is wrong and what to do; `arg`
 * is what follows the colon, "" if there is none.
 */
#ifndef USB_VIRTUAL_H
#define USB_VIRTUAL_H

#include <stddef.h>

#include "core/err.h"

struct usb_bus;
struct usb_dev;

/* name, maker, form of the argument */
#define USB_VIRTUAL_LIST(X)                      \
	X(disk, usb_disk_add, ":FILE[,ro]")      \
	X(keyboard, usb_keyboard_add, "[:FILE]") \
	X(serial, usb_serial_add, "[:LINK]")     \
	X(loop, usb_loop_add, "[:VID:PID]")

#define USB_VIRTUAL_FORM(name, add, form) " " #name form
#define USB_VIRTUAL_FORMS                 USB_VIRTUAL_LIST(USB_VIRTUAL_FORM) /* each after a space */

/* ERR_USAGE: no such kind; else what its maker says. */
int usb_virtual_add(struct usb_bus *, const char *spec, char *why, size_t cap) MUST_CHECK;

/*
 * usb/disk.c. A mass storage stick backed by a file; arg is "FILE" or "FILE,ro".
 * Sizes are whole 512-byte blocks, the rest of the file is not shown. The file
 * stays open and locked (flock) as long as the device is there. ERR_USAGE,
 * ERR_NODEV, ERR_BUSY, ERR_IO, ERR_NOMEM.
 */
int usb_disk_add(struct usb_bus *, const char *arg, char *why, size_t cap) MUST_CHECK;

/*
 * usb/keyboard.c. A boot keyboard with the US layout; arg is "" or the FIFO that
 * it types from, "-" for the standard input. ERR_NODEV, ERR_USAGE, ERR_IO,
 * ERR_NOMEM.
 */
int usb_keyboard_add(struct usb_bus *, const char *arg, char *why, size_t cap) MUST_CHECK;

/*
 * Types all of the text, now or when somebody uses the keyboard, or none of it.
 * ERR_USAGE: no virtual keyboard, or characters that it does not have (why names
 * them); ERR_FULL: too much waits already.
 */
int
usb_keyboard_type(struct usb_dev *, const char *text, char *why, size_t cap) MUST_CHECK;

/*
 * usb/serial.c. A CDC ACM serial port joined to a pty; arg is "" or where to put
 * a symbolic link to the pty. ERR_BUSY, ERR_IO, ERR_LACKING, ERR_NOMEM.
 */
int usb_serial_add(struct usb_bus *, const char *arg, char *why, size_t cap) MUST_CHECK;

/*
 * usb/loopdev.c. Source, sink and loopback for tests; arg is "" or the ids that it
 * shall have, as VID:PID. ERR_USAGE, ERR_NOMEM.
 */
int usb_loop_add(struct usb_bus *, const char *arg, char *why, size_t cap) MUST_CHECK;

#endif
