/* SPDX-License-Identifier: ISC */
/*
 * The other end of a channel: whom to accept and who it proved to be. For
 * net/tls and net/dtls only.
 */
#ifndef NET_IDENT_PEER_H
#define NET_IDENT_PEER_H

#include "net/ident.h"

struct ssl_ctx_st;
struct ssl_st;

struct ident_peer {
	uint8_t expect[IDENT_ID]; /* if pinned */
	uint8_t id[IDENT_ID];     /* if known */
	bool pinned, known;
	bool refused; /* by us, for its certificate */
};

/* expect: the only id to accept, NULL for any P-256 key. */
void ident_peer_init(struct ident_peer *, const uint8_t *expect);

/*
 * Shows our certificate, asks for the peer's and accepts whom `peer` says; no
 * sessions, tickets, renegotiation, compression. The context keeps both. peer NULL:
 * each connection says its own, with ident_peer_show. false: out of memory.
 */
bool ident_peer_equip(struct ident_peer *, const struct ident *, struct ssl_ctx_st *);

void ident_peer_show(struct ident_peer *, struct ssl_st *);

/*
 * What OpenSSL's first error means: ERR_REFUSED (by us, or an alert about our
 * certificate), ERR_TIMEOUT, ERR_NOMEM or ERR_PROTO. Logs its text and empties
 * the error stack.
 */
int ident_peer_why(const struct ident_peer *, const char *what);

/* ERR_REFUSED when the alert (RFC 8446 6) is about a certificate, else ERR_PROTO. */
int ident_peer_alert(uint8_t alert);

/* Keying material of a channel that is up; ERR_FAIL: there is none. */
int
ident_peer_export(struct ssl_st *, const char *label, uint8_t out[IDENT_MAC]) MUST_CHECK;

#endif
