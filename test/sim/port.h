/* SPDX-License-Identifier: ISC */
/*
 * What is sent to a serial port: interfaces 3 and 4 of the disk (test/sim/disk). Each urb
 * bears a number; the port takes its bytes at its pace, and sees that none comes twice
 * or out of order, and that none is on its way when it is asked for something that was
 * asked after the driver thought it was there. What it sends is test/sim/pad's, at
 * PORT_IN.
 */
#ifndef TEST_SIM_PORT_H
#define TEST_SIM_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/urb.h"

#define PORT_IN    0x88
#define PORT_OUT   0x09
#define PORT_CTL   3 /* interface */
#define PORT_IFACE 4
#define PORT_QUEUE 512
#define PORT_URBS  65536 /* in all */

struct port {
	uint64_t seed;
	uint64_t rate;   /* bytes a second; 0: at once */
	uint32_t stalls; /* chances in a thousand that an urb halts it */
	uint32_t noise;  /* or fails */
	void (*complete)(void *arg, struct urb *);
	void *arg;

	struct urb *urb[PORT_QUEUE], *control[8];
	unsigned n, controls, most; /* most: urbs at once */
	uint64_t ready, control_ready;
	bool halted, unplugged;
	uint64_t bytes;
	uint32_t next;             /* number after the last one that it had */
	bool had[PORT_URBS];       /* it took this one, */
	int32_t failed[PORT_URBS]; /* or failed it so */
	const char *wrong;
};

void port_init(struct port *, uint64_t seed, void (*complete)(void *arg, struct urb *),
	       void *arg);

/* Whether it is for the port. */
bool port_takes(const struct urb *);

/* As export_ops. */
int port_submit(struct port *, struct urb *, uint64_t now);
void port_cancel(struct port *, struct urb *, uint64_t now);

void port_run(struct port *, uint64_t now);
uint64_t port_next(const struct port *);
bool port_idle(const struct port *);

#endif
