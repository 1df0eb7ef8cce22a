/* SPDX-License-Identifier: ISC */
/*
 * Proof of a ticket's secret.
 */
#include "core/cur.h"
#include "core/mem.h"
#include "net/proof.h"

void
proof_make(enum proof_stage stage, const uint8_t secret[TICKET_SECRET],
	   const uint8_t ticket[TICKET_ID], const struct proof_channel *c,
	   uint8_t out[IDENT_MAC])
{
	static const char *const label[] = {
	    [PROOF_TLS_CLIENT] = "usbp2p ticket tls client",
	    [PROOF_TLS_SERVER] = "usbp2p ticket tls server",
	    [PROOF_DTLS_CLIENT] = "usbp2p ticket dtls client",
	    [PROOF_DTLS_SERVER] = "usbp2p ticket dtls server",
	};
	const struct ident_part part[] = {{c->exporter, IDENT_MAC},
					  {c->server, IDENT_ID},
					  {c->client, IDENT_ID},
					  {ticket, TICKET_ID}};
	uint8_t key[IDENT_MAC];

	ident_derive(secret, TICKET_SECRET, label[stage], key);
	ident_mac(key, part, ARRAY_LEN(part), out);
}

void
proof_resume(const uint8_t key[IDENT_MAC], const uint8_t session[16], uint64_t generation,
	     const uint8_t exporter[IDENT_MAC], uint8_t out[IDENT_MAC])
{
	uint8_t number[8];
	const struct ident_part part[] = {{"resume", 6},
					  {session, 16},
					  {number, sizeof(number)},
					  {exporter, IDENT_MAC}};
	struct wr w;

	wr_init(&w, number, sizeof(number));
	wr_le64(&w, generation);
	ident_mac(key, part, ARRAY_LEN(part), out);
}
