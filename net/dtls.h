/* SPDX-License-Identifier: ISC */
/*
 * A link's secrecy: one DTLS 1.2 association (RFC 6347), mutual, pinned to the
 * peer's id. One record is one packet. Bytes in, bytes out through a datagram
 * BIO of our own; the caller carries the datagrams and keeps the clock.
 *
 * ECDHE-ECDSA-AES128-GCM then CHACHA20-POLY1305 (the other way round if one side
 * wants it, see net/dtls_cipher.h), P-256, extended master secret required, no
 * renegotiation, no resumption, no tickets, no MTU queries.
 */
#ifndef NET_DTLS_H
#define NET_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dtls_seen.h"
#include "net/ident.h"

/* What a record adds to a packet: header 13, explicit nonce 8, tag 16. */
#define DTLS_OVERHEAD 37

struct dtls;

struct dtls_ops {
	/* To send; borrowed until return, and no call back into this struct dtls. */
	void (*datagram)(void *arg, const uint8_t *, size_t n);

	/* Handshake done. This and `packet` may call dtls_send; an error closes. */
	int (*up)(void *arg);
	int (*packet)(void *arg, const uint8_t *, size_t n); /* decrypted */
};

/*
 * expect: the only id to accept. mtu: longest datagram of the handshake, 256 or
 * more. rtt_us: first guess for its timer. NULL: out of memory.
 */
struct dtls *dtls_new(const struct ident *, bool server, const uint8_t expect[IDENT_ID],
		      size_t mtu, uint64_t rtt_us, const struct dtls_ops *, void *arg);

/* ChaCha20 before AES, also when the other side does not care; before dtls_start. */
void dtls_want_chacha(struct dtls *);

/* "aes128" or "chacha20"; once it is up. */
const char *dtls_cipher(const struct dtls *);

/* Not from inside an op. */
void dtls_free(struct dtls *);

/* Client: the first flight. Server: nothing. */
int dtls_start(struct dtls *, uint64_t now_us) MUST_CHECK;

/*
 * One datagram. Forged, replayed and stray ones are dropped and counted, and
 * are ERR_OK. Sticky: ERR_REFUSED (wrong id), ERR_PROTO (handshake failed),
 * ERR_CLOSED (close_notify), or an op's error. In a handshake alerts are not
 * protected, so a peer that refuses us is no error here: see dtls_tick.
 */
int dtls_input(struct dtls *, const uint8_t *, size_t n, uint64_t now_us) MUST_CHECK;

/*
 * Encrypts one packet, n > 0, and hands it to ops->datagram. ERR_STATE before up,
 * ERR_TOOBIG over 16384 bytes.
 */
int dtls_send(struct dtls *, const uint8_t *, size_t n) MUST_CHECK;

/*
 * When dtls_tick wants to be called (handshake only); UINT64_MAX: never. The tick
 * repeats what got no answer. 10 s after dtls_start it gives up: ERR_TIMEOUT, or
 * what the peer's alert said (ERR_REFUSED, ERR_PROTO) if there was one.
 */
uint64_t dtls_deadline(const struct dtls *);
int dtls_tick(struct dtls *, uint64_t now_us) MUST_CHECK;

/* Datagrams that did not decrypt or were replayed; and why, of those since up. */
uint64_t dtls_dropped(const struct dtls *);
void dtls_drops(const struct dtls *, struct dtls_drops *);

/* Keying material (RFC 5705); only after up. */
int dtls_exporter(struct dtls *, const char *label, uint8_t out[IDENT_MAC]) MUST_CHECK;

#endif
