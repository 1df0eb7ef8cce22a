/* SPDX-License-Identifier: ISC */
/*
 * The kinds of assists (core/assist) by name.
 */
#ifndef CORE_ASSIST_KIND_H
#define CORE_ASSIST_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

enum assist_kind {
	ASSIST_INTERRUPT,   /* interrupt IN endpoints are read ahead (core/ahead) */
	ASSIST_STORAGE,     /* one round trip for a command of a disk (core/bot) */
	ASSIST_SERIAL,      /* bulk endpoints of serial ports: read ahead, written behind
			       (core/behind) */
	ASSIST_ISOCHRONOUS, /* streams do not wait for their driver (core/isoin,
			       core/isoout) */
	ASSISTS,
	ASSIST_COMPRESSION =
	    ASSISTS, /* has a name here, but is not of one device (core/pack) */
	ASSIST_NAMES
};

/* "interrupt"; NULL: no such kind. */
const char *assist_name(unsigned kind);

/*
 * Names with commas between them as bits 1 << kind; "": none, "all": all. false: a
 * name is none.
 */
bool assist_read(const char *names, uint32_t *kinds) MUST_CHECK;

#endif
