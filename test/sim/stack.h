/* SPDX-License-Identifier: ISC */
/*
 * Everything of core/ between a kernel and a device, both ends in one process:
 * kernel - import - bridge - imports - session - arq - net - arq - session -
 * exports - export - disk, or mic (isochronous urbs), or pad (a HID interface), or
 * port (what a serial port is sent). It
 * greets, lists, imports and releases through real messages.
 */
#ifndef TEST_SIM_STACK_H
#define TEST_SIM_STACK_H

#include "core/bridge.h"
#include "core/exports.h"
#include "core/imports.h"
#include "test/sim/disk.h"
#include "test/sim/ends.h"
#include "test/sim/kernel.h"
#include "test/sim/mic.h"
#include "test/sim/pad.h"
#include "test/sim/port.h"

struct stack_conf {
	struct ends_conf ends;
	uint32_t urb_max;
	uint64_t import_budget; /* bytes of urbs, attach side */
	size_t export_budget;   /* likewise, serve side */
	size_t serve_budget;    /* of the serve side's session; 0: as ends.budget */
	bool reliable;          /* no datagrams: isochronous data as all others */
	bool plain;             /* no assists */
	bool cache;             /* disks have a write cache */
	bool packs[2];          /* an end compresses where it can: its line is full */
};

struct stack {
	struct ends ends;
	struct stack_conf conf;
	uint64_t seed;
	struct exports *exports;
	struct imports *imports;
	struct bridge *bridge; /* NULL: not attached */
	struct pool urbs;
	struct disk disk;
	struct mic mic;
	struct pad pad;
	struct port port;
	struct kernel kernel;

	uint32_t dev, wanted;  /* as the attach side and the serve side know it */
	uint64_t opens_at;     /* when open is answered; UINT64_MAX: not asked */
	unsigned listed;       /* devices in the list */
	bool list_ended, open; /* open: the serve side has it, and urbs may come */
	bool removed;
	uint64_t benched;  /* bytes of bench that came */
	const char *wrong; /* the first thing that should not have been */
};

/* Room enough at both ends, and a path between them. */
struct stack_conf stack_far(uint64_t delay_us, uint32_t jitter_us, uint32_t loss);

/* Two ends without a word said. */
void stack_init(struct stack *, uint64_t seed, const struct stack_conf *);

/* Whether everything was given back and nothing went wrong (else says what). */
bool stack_fini(struct stack *);

/* Hello, list, import; false: it did not come to that. */
bool stack_attach(struct stack *);

/* Release; until both ends have let go. */
bool stack_detach(struct stack *);

/* The device is pulled out. */
void stack_unplug(struct stack *);

/* After it was detached or pulled out: the kernel's end goes, and nothing is left of it.
 */
void stack_part(struct stack *);

/* After that another one is plugged in, and attached; false: it did not come to that. */
bool stack_replug(struct stack *);

/* One turn of all, then the clock moves on, at most to until. */
void stack_step(struct stack *, uint64_t until);

/*
 * A life of that many us: one(arg), then STACK_STEP_US, and so on, until one says that it
 * is enough (false). Every relink_us or so (0: never) there is another link; unplug: in
 * the middle the device is pulled out.
 */
#define STACK_STEP_US 500u
struct stack_life {
	uint64_t us, relink_us;
	bool unplug;
};
void stack_live(struct stack *, const struct stack_life *, uint64_t *dice,
		bool (*one)(void *arg), void *arg);

/* Something is wrong already: no need to go on. */
bool stack_bad(const struct stack *);

#endif
