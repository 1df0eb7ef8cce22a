/* SPDX-License-Identifier: ISC */
/*
 * Inside the virtual test device: usb/loopdev (its life and descriptors),
 * usb/loopdev_ctl (vendor requests), usb/loopdev_data (bulk and interrupt),
 * usb/loopdev_iso. Others see only usb_loop_add. What its endpoints do and its
 * requests mean is told in usbp2p-serve(1); it suits the kernel's usbtest.
 *
 * Everything on the bus are packets here too: of LOOPDEV_PACKET bytes or shorter,
 * and a shorter one ends a transfer.
 */
#ifndef USB_LOOPDEV_H
#define USB_LOOPDEV_H

#include "usb/vdev.h"

#define LOOPDEV_SOURCE  0x81
#define LOOPDEV_SINK    0x02
#define LOOPDEV_BACK    0x83 /* what came from LOOPDEV_FORTH */
#define LOOPDEV_FORTH   0x04
#define LOOPDEV_INT_IN  0x85
#define LOOPDEV_INT_OUT 0x06
#define LOOPDEV_ISO_IN  0x87
#define LOOPDEV_ISO_OUT 0x08

#define LOOPDEV_PACKET  512  /* of bulk endpoints */
#define LOOPDEV_INT     64   /* of interrupt endpoints */
#define LOOPDEV_ISO     256  /* of isochronous ones, one each millisecond */
#define LOOPDEV_FRAME   1000 /* microseconds */
#define LOOPDEV_MOD     63   /* byte i of a packet is i % 63 */
#define LOOPDEV_RING    128  /* packets between LOOPDEV_FORTH and LOOPDEV_BACK */
#define LOOPDEV_CONTROL 4096

/* In the order of LOOPDEV_COUNTERS, 8 bytes each. */
#define LOOPDEV_COUNTER_LIST(X) \
	X(sink_packets)         \
	X(sink_bytes)           \
	X(sink_wrong)           \
	X(iso_packets)          \
	X(iso_bytes)            \
	X(iso_wrong)            \
	X(iso_in_lost)          \
	X(iso_out_lost)

struct loopdev_counters {
#define LOOPDEV_MEMBER(name) uint64_t name;
	LOOPDEV_COUNTER_LIST(LOOPDEV_MEMBER)
#undef LOOPDEV_MEMBER
};

struct loopdev_packet {
	uint16_t len;
	uint8_t data[LOOPDEV_PACKET];
};

/* Something that happens each millisecond while urbs wait for it. */
struct loopdev_pace {
	uint64_t next;
};

/* Packets that have their time whether or not urbs wait for it. */
struct loopdev_stream {
	bool runs;
	uint64_t next;   /* when the next packet is due */
	uint32_t number; /* of that packet */
};

struct loopdev {
	struct vdev v;
	struct event *timer; /* set while a paced urb waits */
	uint8_t pattern[LOOPDEV_PACKET];
	struct loopdev_counters count;
	uint8_t control[LOOPDEV_CONTROL];

	struct loopdev_packet ring[LOOPDEV_RING];
	unsigned head, held;

	struct loopdev_pace report;
	uint32_t reports; /* sent */
	uint8_t carry[LOOPDEV_INT - 4];
	unsigned carried; /* bytes of it */
	struct loopdev_stream iso_in, iso_out;
	uint32_t iso_due; /* number that the next packet of iso_out should have */
};

/* usb/loopdev.c: whether the time has come; once per true. */
bool loopdev_due(struct loopdev_pace *);

/* usb/loopdev_ctl.c */
#define LOOPDEV_ROWS 5
extern const struct vdev_row loopdev_rows[LOOPDEV_ROWS];

/* Do one thing; false: there is none to do now. */
bool loopdev_data_step(struct loopdev *);
bool loopdev_iso_step(struct loopdev *);

/* Bytes that differ from the pattern, from byte `from` of a packet on. */
uint32_t
loopdev_wrong(const struct loopdev *, const uint8_t *packet, uint32_t from, uint32_t to);

#endif
