/* SPDX-License-Identifier: ISC */
/*
 * Proof of a ticket's secret, bound to one channel and both ids (DESIGN.md 9):
 * HMAC-SHA256(HKDF(secret, label), exporter | server id | client id | ticket id).
 * The client proves, the server confirms under another label; once in the TLS
 * of signalling and again in DTLS.
 */
#ifndef NET_PROOF_H
#define NET_PROOF_H

#include <stdint.h>

#include "core/ticket.h"
#include "net/ident.h"

enum proof_stage {
	PROOF_TLS_CLIENT,
	PROOF_TLS_SERVER,
	PROOF_DTLS_CLIENT,
	PROOF_DTLS_SERVER
};

struct proof_channel {
	uint8_t exporter[IDENT_MAC];
	uint8_t server[IDENT_ID], client[IDENT_ID];
};

void proof_make(enum proof_stage, const uint8_t secret[TICKET_SECRET],
		const uint8_t ticket[TICKET_ID], const struct proof_channel *,
		uint8_t out[IDENT_MAC]);

/*
 * That a session goes on with who began it: HMAC-SHA256(key of the first link,
 * "resume" | session id | generation | exporter of the new one).
 */
void
proof_resume(const uint8_t key[IDENT_MAC], const uint8_t session[16], uint64_t generation,
	     const uint8_t exporter[IDENT_MAC], uint8_t out[IDENT_MAC]);

#endif
