/* SPDX-License-Identifier: ISC */
/*
 * Signalling's channel: TLS 1.3, mutual, self-signed, the peer known by its id.
 * Bytes in, bytes out (memory BIOs), so that TCP or a rendezvous can carry the
 * same channel. On top: messages `u32 length | u8 type | length bytes of body`
 * (little-endian).
 *
 * TLS 1.3 only, no tickets, no resumption, no renegotiation, certificates of at
 * most 4 KiB, ALPN.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ident.h"

#define TLS_MESSAGE_MAX 16384

struct tls;

/* All may call tls_send, tls_input and tls_close. */
struct tls_ops {
	/* Bytes for the other end; borrowed until return. */
	void (*output)(void *arg, const uint8_t *, size_t n);

	/*
	 * Handshake done; the peer proved to be id. Before any message, once. An
	 * error closes. A client is up before the server has looked at it: whether
	 * it is refused shows later (ERR_REFUSED).
	 */
	int (*up)(void *arg, const uint8_t id[IDENT_ID]);

	/* A message; an error closes. */
	int (*message)(void *arg, uint8_t type, const uint8_t *body, size_t n);
};

/*
 * What many channels share: our certificate and the protocol (ALPN) that both ends
 * must mean. NULL: out of memory. It may be freed before its channels.
 */
struct tls_ctx;
enum tls_alpn { TLS_PEERS /* "usbp2p/1" */, TLS_RDV /* "usbp2p-rdv/1" */ };

/*
 * Before anything of OpenSSL in a process with libnats: once that had TLS, version 3.4
 * frees at exit (_finalCleanup in its nats.c) what OpenSSL frees there as well.
 */
void tls_leave_at_exit(void);

struct tls_ctx *tls_ctx_new(const struct ident *, enum tls_alpn);
void tls_ctx_free(struct tls_ctx *);

/* As tls_new, for one of many. */
struct tls *tls_new_in(const struct tls_ctx *, bool server, const uint8_t *expect,
		       const struct tls_ops *, void *arg);

/*
 * Of TLS_PEERS. expect: the only id to accept, NULL for any. A client starts at once.
 */
struct tls *tls_new(const struct ident *, bool server, const uint8_t *expect,
		    const struct tls_ops *, void *arg);

/* Not from inside an op. */
void tls_free(struct tls *);

/* Client: sends its hello (through output). Server: nothing. */
int tls_start(struct tls *) MUST_CHECK;

/*
 * Bytes from the other end. Errors are sticky: ERR_REFUSED (the peer is not who
 * was expected, or says so of us), ERR_PROTO, ERR_CLOSED (orderly end), ERR_NOMEM,
 * or an op's. What was to be told to the peer went through output before.
 */
int tls_input(struct tls *, const uint8_t *, size_t n) MUST_CHECK;

/* ERR_STATE before up and after tls_close; ERR_TOOBIG over TLS_MESSAGE_MAX. */
int tls_send(struct tls *, uint8_t type, const uint8_t *body, size_t n) MUST_CHECK;

/* Orderly end: close_notify through output. */
void tls_close(struct tls *);

/* Keying material of this channel (RFC 8446 7.5), the same at both ends; after up. */
int tls_exporter(struct tls *, const char *label, uint8_t out[IDENT_MAC]) MUST_CHECK;

#endif
