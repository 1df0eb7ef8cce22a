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

/* What else than addresses of the world may be used: the peer was reached by one. */
enum ice_scope { ICE_SCOPE_WORLD, ICE_SCOPE_LINK, ICE_SCOPE_LOOPBACK };

/*
 * Reads one "candidate:..." line (RFC 8839 5.1, in cap bytes with NUL) and
 * writes it again with nothing but the fields we use. ERR_PROTO: it cannot be
 * read. ERR_REFUSED: it can, and is none for us: another transport or
 * component, a host name, an address that no peer can have, or a link-local or loopback
 * one that is not in this scope.
 */
int ice_cand_check(const char *line, size_t cap, enum ice_scope,
		   char out[ICE_CANDIDATE_TEXT]) MUST_CHECK;

/* Whether the candidate's address is this number. */
bool ice_cand_is_at(const char *line, const char *ip);

/*
 * A host candidate's port at another address of the same family, which is a router's;
 * false: there is no such candidate.
 */
bool ice_cand_forwarded(const char *line, const char *ip, char out[ICE_CANDIDATE_TEXT]);

/* Credentials as RFC 8839 5.4 wants them, ended by NUL within their arrays. */
bool ice_cand_credentials(const struct ice_desc *);

/* Whether the text is 127.0.0.0/8 or ::1. */
bool ice_cand_is_loopback(const char *ip);

/* Whether the text, which may have a scope, is 169.254.0.0/16 or fe80::/10. */
bool ice_cand_is_link_local(const char *ip);

#endif
