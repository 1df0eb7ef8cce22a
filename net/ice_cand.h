/* SPDX-License-Identifier: ISC */
/*
 * Checks what a peer told about its addresses before libnice sees any of it.
 * Pure: strings in, strings out.
 */
#ifndef NET_ICE_CAND_H
#define NET_ICE_CAND_H

#include <stdbool.h>
#include <stddef.h>

#include "net/ice.h"

/*
 * Reads one "candidate:..." line (RFC 8839 5.1, in cap bytes with NUL) and
 * writes it again with nothing but the fields we use. ERR_PROTO: it cannot be
 * read. ERR_REFUSED: it can, and is none for us: another transport or
 * component, a host name, an address that no peer can have, or loopback while
 * loopback is false.
 */
int ice_cand_check(const char *line, size_t cap, bool loopback,
		   char out[ICE_CANDIDATE_TEXT]) MUST_CHECK;

/* Credentials as RFC 8839 5.4 wants them, ended by NUL within their arrays. */
bool ice_cand_credentials(const struct ice_desc *);

/* Whether the text is 127.0.0.0/8 or ::1. */
bool ice_cand_is_loopback(const char *ip);

#endif
