/* SPDX-License-Identifier: ISC */
/*
 * Where a rendezvous is and who it must be: "rdv://HOST:PORT#PIN". The pin is its
 * peer id, 56 characters with their check, dashes and case as one likes.
 */
#ifndef CORE_RDV_URI_H
#define CORE_RDV_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/b32.h"
#include "core/err.h"

#define RDV_PREFIX "rdv://"
#define RDV_ADDR   64 /* "host:port" with NUL */
#define RDV_URI    128

struct rdv_uri {
	char addr[RDV_ADDR];
	uint8_t pin[PEERID];
};

/* Whether the text means to be one (begins with the prefix). */
bool rdv_uri_is(const char *text);

/* ERR_USAGE: it is none, or has a typing error in its pin. */
int rdv_uri_read(const char *text, struct rdv_uri *) MUST_CHECK;

void rdv_uri_text(const struct rdv_uri *, char text[RDV_URI]);

/* The same one, wherever it is reached. */
bool rdv_uri_equal(const struct rdv_uri *, const struct rdv_uri *);

#endif
