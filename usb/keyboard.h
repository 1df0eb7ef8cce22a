/* SPDX-License-Identifier: ISC */
/*
 * Inside the virtual keyboard: usb/keyboard (the device), usb/keyboard_file (the
 * file it types from), usb/keymap (the layout). Others see usb/virtual.h.
 *
 * Text waits in a queue with a fixed end. A character leaves it as two reports,
 * press and release, each when the driver has asked for one and KEYBOARD_MS after
 * the one before. The queue outlives the user: what was not typed yet goes to the
 * next one.
 */
#ifndef USB_KEYBOARD_H
#define USB_KEYBOARD_H

#include "usb/vdev.h"

#define KEYBOARD_EP     0x81
#define KEYBOARD_REPORT 8    /* bytes */
#define KEYBOARD_MS     8    /* bInterval, and the time between two reports */
#define KEYBOARD_QUEUE  8192 /* characters */
#define KEYBOARD_READ   512  /* bytes read from the file at once */

struct keyboard {
	struct vdev v;
	struct event *timer; /* set while a driver waits and a report is not yet due */
	uint64_t last;       /* when a report went out */
	uint8_t report[KEYBOARD_REPORT];
	bool down; /* report holds a key: the next one lets it go */
	uint8_t leds, idle, protocol;

	uint8_t queue[KEYBOARD_QUEUE];
	unsigned head, count;

	int fd;                      /* of the file, -1: none */
	bool plain;                  /* always readable, as files are */
	struct event *readable;      /* added while there is room */
	uint8_t text[KEYBOARD_READ]; /* read; a character that is not whole yet */
	size_t held;
};

/* One character that keymap_find knows; there is room. */
void keyboard_put(struct keyboard *, uint8_t);

/* usb/keyboard_file.c: "-" is the standard input, else the name of a FIFO. */
int keyboard_file_open(struct keyboard *, struct event_base *, const char *name,
		       char *why, size_t cap) MUST_CHECK;
void keyboard_file_close(struct keyboard *);

/* The queue has changed: reads on if there is room. */
void keyboard_file_go_on(struct keyboard *);

#endif
