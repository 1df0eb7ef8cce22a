/* SPDX-License-Identifier: ISC */
/*
 * Peers who asked for what they may not use: to come in, or for one device. Kept in
 * memory until the owner answers, a few of them; of more the oldest is forgotten.
 */
#ifndef CMD_ASKED_H
#define CMD_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/access.h"
#include "core/json.h"

#define ASKED_MAX 32

struct asked_row {
	uint8_t id[PEERID];
	char name[ACCESS_NAME];    /* its own, cleaned, or the one we gave it */
	char busid[DEVINFO_BUSID]; /* "": to come in */
	char from[64];
	uint64_t at; /* unix seconds, the last time */
	uint64_t times;
	bool refused; /* the owner does not want to hear of it again */
};

struct asked {
	struct asked_row row[ASKED_MAX];
	unsigned n;
};

/* The strings are a stranger's. */
void asked_add(struct asked *, const uint8_t id[PEERID], const char *name,
	       const char *busid, const char *from, uint64_t now_s);

/* All that this peer asks for; false: it asks for nothing. */
bool asked_refuse(struct asked *, const uint8_t id[PEERID]);

/* Drops those for which fn says that they need no answer any more. */
void
asked_review(struct asked *, bool (*fn)(void *arg, const struct asked_row *), void *arg);

/* A member "requests", the oldest first. */
void asked_report(const struct asked *, struct json *);

#endif
