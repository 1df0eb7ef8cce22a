/* SPDX-License-Identifier: ISC */
/*
 * What TLS and DTLS have in common: whom to accept, how our own certificate is
 * shown, and what an OpenSSL error means to us.
 */
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#undef ERR_STATE

#include "core/log.h"
#include "core/mem.h"
#include "net/ident_peer.h"

#define IDENT_PEER_CHAIN 4096 /* bytes of certificates, DESIGN.md 9 */

/*
 * The chain, its dates and names are not looked at. That the peer has the key is
 * shown by its signature in the handshake, which OpenSSL checks afterwards.
 */
static int
on_cert(X509_STORE_CTX *chain, void *arg)
{
	SSL *ssl =
	    X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct ident_peer *peer = arg != NULL ? arg : SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get0_cert(chain);

	peer->known = false;
	if (cert != NULL && ident_of_cert(cert, peer->id) &&
	    (!peer->pinned || ident_equal(peer->id, peer->expect, IDENT_ID))) {
		peer->known = true;
		return 1;
	}
	peer->refused = true;
	X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
	return 0;
}

void
ident_peer_init(struct ident_peer *peer, const uint8_t *expect)
{
	memset(peer, 0, sizeof(*peer));
	peer->pinned = expect != NULL;
	if (expect != NULL)
		memcpy(peer->expect, expect, IDENT_ID);
}

void
ident_peer_show(struct ident_peer *peer, struct ssl_st *ssl)
{
	SSL_set_app_data(ssl, peer);
}

bool
ident_peer_equip(struct ident_peer *peer, const struct ident *id, struct ssl_ctx_st *ctx)
{
	char signatures[] = "ECDSA+SHA256";

	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, IDENT_PEER_CHAIN);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_cert, peer);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_NO_COMPRESSION);
	return SSL_CTX_set1_sigalgs_list(ctx, signatures) == 1 &&
	       SSL_CTX_use_certificate(ctx, ident_cert(id)) == 1 &&
	       SSL_CTX_use_PrivateKey(ctx, ident_key(id)) == 1;
}

int
ident_peer_alert(uint8_t alert)
{
	static const uint8_t refusals[] = {
	    SSL_AD_BAD_CERTIFICATE,     SSL_AD_UNSUPPORTED_CERTIFICATE,
	    SSL_AD_CERTIFICATE_REVOKED, SSL_AD_CERTIFICATE_EXPIRED,
	    SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA,
	    SSL_AD_ACCESS_DENIED,
	};

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (alert == refusals[i])
			return ERR_REFUSED;
	return ERR_PROTO;
}

int
ident_peer_why(const struct ident_peer *peer, const char *what)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
	const char *text = ERR_reason_error_string(e);

	log_debug("%s failed reason=\"%s\"", what, text != NULL ? text : "none");
	ERR_clear_error();
	if (peer->refused)
		return ERR_REFUSED;
	if (reason == SSL_R_READ_TIMEOUT_EXPIRED)
		return ERR_TIMEOUT;
	if (reason == ERR_R_MALLOC_FAILURE)
		return ERR_NOMEM;
	if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
		return ident_peer_alert((uint8_t)(reason - SSL_AD_REASON_OFFSET));
	return ERR_PROTO;
}

int
ident_peer_export(struct ssl_st *ssl, const char *label, uint8_t out[IDENT_MAC])
{
	if (SSL_export_keying_material(ssl, out, IDENT_MAC, label, strlen(label), NULL, 0,
				       0) == 1)
		return ERR_OK;
	ERR_clear_error();
	return ERR_FAIL;
}
