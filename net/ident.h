/* SPDX-License-Identifier: ISC */
/*
 * Who this machine is: a P-256 key and a self-signed certificate, made on first
 * use in the state directory (files `key.pem`, 0600, and `cert.pem`). The peer
 * id is SHA-256 of the public key (SubjectPublicKeyInfo, DER). Names, dates and
 * issuers of certificates mean nothing; the subject is constant, because DTLS
 * 1.2 sends certificates in clear.
 *
 * Also the few primitives that need OpenSSL and no connection (ident_crypt.c).
 */
#ifndef NET_IDENT_H
#define NET_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define IDENT_ID  32 /* bytes of a peer id */
#define IDENT_MAC 32 /* bytes of a proof, of a derived key */

struct ident;
struct evp_pkey_st;
struct x509_st;

/*
 * dir must exist. Two processes that begin at once get the same key. ERR_IO: why
 * says which file, and what to do (a key that others may read is refused);
 * ERR_NOMEM. Free with ident_free.
 */
int ident_load(struct ident **, const char *dir, char *why, size_t cap) MUST_CHECK;
void ident_free(struct ident *);
const uint8_t *ident_id(const struct ident *);

/* For net/tls and net/dtls; borrowed. */
struct evp_pkey_st *ident_key(const struct ident *);
struct x509_st *ident_cert(const struct ident *);

/* The id of a peer's certificate; false when its key is not P-256. */
bool ident_of_cert(struct x509_st *, uint8_t id[IDENT_ID]);

/* Bytes nobody can guess. */
void ident_random(void *, size_t n);

/* HKDF-SHA256 without salt, info = label (RFC 5869). */
void
ident_derive(const void *secret, size_t n, const char *label, uint8_t out[IDENT_MAC]);

/* HMAC-SHA256 over the parts, one after another. */
struct ident_part {
	const void *p;
	size_t n;
};
void ident_mac(const uint8_t key[IDENT_MAC], const struct ident_part *, size_t parts,
	       uint8_t out[IDENT_MAC]);

/*
 * What a TURN server that shares the secret takes as this user's password: base64 of
 * HMAC-SHA1(secret, user), as coturn's use-auth-secret has it.
 */
#define IDENT_TURN 29 /* characters with NUL */
void
ident_turn_password(const void *secret, size_t n, const char *user, char out[IDENT_TURN]);

/* SHA-256 of bytes that come in pieces. end frees; out may be NULL, and so may it. */
struct ident_hash;
struct ident_hash *ident_hash_new(void);
void ident_hash_add(struct ident_hash *, const void *, size_t n);
void ident_hash_end(struct ident_hash *, uint8_t out[IDENT_MAC]);

/* Compares without telling by time where they differ. */
bool ident_equal(const void *, const void *, size_t n);

#endif
