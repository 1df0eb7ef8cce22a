/* SPDX-License-Identifier: ISC */
/*
 * Rules about who may have which device, when, for how long and how fast. All rules
 * that mean a peer and a device are of force: the strictest counts. Knows no clock:
 * local time comes as a minute of the week.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/access.h"
#include "core/devinfo.h"

#define POLICY_WORDS 16
#define POLICY_HOURS 16
#define POLICY_DAY   1440u            /* minutes */
#define POLICY_WEEK  (7 * POLICY_DAY) /* from Monday 00:00 */

/* Minutes of the week; to may be past its end, for a night that goes over it. */
struct policy_hours {
	uint16_t from, to;
};

struct policy_rule {
	char name[ACCESS_NAME];
	unsigned peers; /* none: everybody */
	char peer[POLICY_WORDS][ACCESS_NAME];
	unsigned devices; /* none: all */
	char device[POLICY_WORDS][PATTERN_TEXT];
	unsigned hours; /* none: always */
	struct policy_hours hour[POLICY_HOURS];
	uint64_t session_us, pause_us; /* 0: no limit; from its end to the next */
	uint64_t warn_us;              /* before the end of session and hours */
	uint64_t rate;                 /* bytes a second; 0: no limit */
};

/* What all rules together say. */
struct policy {
	const struct policy_rule *closed; /* it is not within its hours; NULL: open */
	uint32_t open_min; /* so many minutes until that changes; UINT32_MAX: never */
	uint64_t session_us, pause_us, warn_us, rate;    /* as above */
	const struct policy_rule *by_session, *by_hours; /* whose limit it is */
};

void policy_look(struct policy *, const struct policy_rule *const *, unsigned n,
		 const char *peer, const struct devinfo *, unsigned minute);

/*
 * One range: "Mon-Fri 08:00-18:00", "Sat 10:00-12:00", "22:00-06:00" (each day, over
 * midnight), "Sun". Adds to the rule; false: it is none, or there are too many.
 */
bool policy_add_hours(struct policy_rule *, const char *text);

/* "500", "64k", "10M", "1.5MB/s": bytes a second, at least 1000. */
bool policy_read_rate(const char *text, uint64_t *);

/*
 * A limit of bytes a second: what was moved has to be paid for before more may be.
 * Nothing is saved up in times of silence.
 */
struct policy_toll {
	uint64_t free_at; /* us */
};

void policy_charge(struct policy_toll *, uint64_t rate, uint64_t bytes, uint64_t now);

/* So long it must not go on; 0: it may. */
uint64_t policy_wait_us(const struct policy_toll *, uint64_t now);

#endif
