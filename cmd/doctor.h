/* SPDX-License-Identifier: ISC */
/*
 * The parts of `doctor`:
 *
 *	doctor.c         options, what is printed, the exit code
 *	doctor_say.c     findings
 *	doctor_here.c    the checks of this machine, tables: what both sides need,
 *	doctor_usbfs.c   what serve needs,
 *	doctor_vhci.c    and what attach needs
 *	doctor_look.c    how these look at files
 *	doctor_fire.c    its packet filter
 *	doctor_port.c    serve's port
 *	doctor_net.c     the checks of the network: whom it reaches, and through what
 *	doctor_relay.c   one TURN server of these
 *
 * A check looks and says one finding or more. It looks through struct doctor_world, so
 * that a test can show it another machine.
 */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/cmd.h"

#define DOCTOR_FINDINGS 64
#define DOCTOR_CLOCK    1767225600u /* 2026-01-01: no clock that is right is before */

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARN,    /* it works, but not as well as it could */
	DOCTOR_MISSING, /* something needed: exit code 7 */
	DOCTOR_UNKNOWN  /* cannot be seen from here */
};

/* What is it for that something is needed? */
enum { DOCTOR_SERVE = 1, DOCTOR_ATTACH = 2, DOCTOR_BOTH = 3 };

struct doctor_finding {
	const char *check; /* "vhci.module" */
	enum doctor_state state;
	char what[256];
	char fix[400]; /* a command; "": there is nothing to mend */
};

struct doctor_world {
	const char *root;    /* before each path: "" */
	const char *release; /* of the kernel */
	const char *user;
	bool is_root;
	uint64_t now; /* unix seconds */
	bool synced;  /* the kernel says that its clock is kept right */

	/* As access(2), with the whole path. */
	bool (*may)(const char *path, int mode);
};

struct doctor {
	struct ctx *ctx;
	const struct doctor_world *w;
	unsigned side; /* DOCTOR_SERVE... */
	unsigned n;
	struct doctor_finding
	    finding[DOCTOR_FINDINGS + 1]; /* the last: what does not fit */
	struct doctor_finding *last;
};

/* A finding; more than DOCTOR_FINDINGS are left out. */
void doctor_say(struct doctor *, const char *check, enum doctor_state, const char *what,
		...) __attribute__((format(printf, 4, 5)));

/* The command that mends the last one. */
void
doctor_fix(struct doctor *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a table of checks is made of; NULL ends it. run says what it has found. */
struct doctor_check {
	const char *name;
	void (*run)(struct doctor *, const char *name);
};

extern const struct doctor_check doctor_usbfs[], doctor_vhci[];

/* All checks of this machine that the side wants. */
void doctor_here(struct doctor *);

/* The packet filter, in the words of `nft -j list ruleset`. */
void doctor_fire_read(struct doctor *, const char *json);
void doctor_fire(struct doctor *);

/* Whether serve can listen, or does. */
void doctor_port(struct doctor *);

/* The rendezvous, NAT and TURN of the settings; asks nobody if there are none. */
void doctor_net(struct doctor *);

#endif
