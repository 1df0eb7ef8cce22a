/* SPDX-License-Identifier: ISC */
/*
 * What `invite` prints: who the server is, where to find it, and a secret that
 * lets one unknown peer in. Text: "usbp2p:" and base32 with check characters.
 *
 * Bytes (little-endian): u8 version = 1 | 32 peer id | u8 name length, name |
 * u8 n, n x { u8 kind = 1, u8 length, "host:port" |
 * u8 kind = 2, u8 length, 32 id of a rendezvous, "host:port" } | u8 has secret
 * [ | 8 ticket id | 16 secret | u64 expiry, unix seconds, 0: never ]
 * Unknown kinds below 128 are an error, from 128 on are skipped.
 */
#ifndef CORE_TICKET_H
#define CORE_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/b32.h"
#include "core/err.h"
#include "core/rdv_uri.h"

#define TICKET_PREFIX "usbp2p:"
#define TICKET_ID     8
#define TICKET_SECRET 16
#define TICKET_ADDRS  8
#define TICKET_ADDR   80 /* with NUL */
#define TICKET_RDVS   4
#define TICKET_NAME   64 /* with NUL */
#define TICKET_TEXT   2048

struct ticket {
	uint8_t peer[PEERID];
	char name[TICKET_NAME]; /* what the server calls itself, cleaned (text_clean) */
	unsigned addrs;
	char addr[TICKET_ADDRS][TICKET_ADDR];
	unsigned rdvs;
	struct rdv_uri rdv[TICKET_RDVS];
	bool has_secret;
	uint8_t id[TICKET_ID]; /* public */
	uint8_t secret[TICKET_SECRET];
	uint64_t expiry; /* unix seconds */
};

/*
 * ERR_TOOBIG: cap is too small (TICKET_TEXT never is); ERR_USAGE: an address
 * is not one (ticket_addr_ok).
 */
int ticket_write(const struct ticket *, char *text, size_t cap) MUST_CHECK;

/* ERR_BADTICKET: not a ticket, or a typing error. */
int ticket_read(const char *text, struct ticket *) MUST_CHECK;

/* Whether the text means to be a ticket (begins with the prefix, in any case). */
bool ticket_is(const char *text);

/*
 * "host:port" or "[v6 address]:port", port 1..65535, host of visible ASCII
 * without brackets, shorter than TICKET_ADDR.
 */
bool ticket_addr_ok(const char *addr);

#endif
