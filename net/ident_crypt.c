/* SPDX-License-Identifier: ISC */
/*
 * The primitives of OpenSSL that need neither a connection nor this machine's identity:
 * chance, hashes, and codes that prove a secret.
 */
#include <limits.h>
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#undef ERR_STATE

#include "core/mem.h"
#include "net/ident.h"

void
ident_random(void *p, size_t n)
{
	ASSERT(n <= INT_MAX && RAND_bytes(p, (int)n) == 1);
}

/* RFC 5869 with one block of output: the lengths are the same. */
void
ident_derive(const void *secret, size_t n, const char *label, uint8_t out[IDENT_MAC])
{
	static const uint8_t no_salt[IDENT_MAC] = {0}, first = 1;
	uint8_t prk[IDENT_MAC];
	const struct ident_part extract = {secret, n};
	const struct ident_part expand[] = {{label, strlen(label)}, {&first, 1}};

	ident_mac(no_salt, &extract, 1, prk);
	ident_mac(prk, expand, ARRAY_LEN(expand), out);
	OPENSSL_cleanse(prk, sizeof(prk));
}

/* Only lack of memory makes this fail, and there is no proof to go on without. */
void
ident_mac(const uint8_t key[IDENT_MAC], const struct ident_part *part, size_t parts,
	  uint8_t out[IDENT_MAC])
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
	size_t n;

	ASSERT(c != NULL && EVP_MAC_init(c, key, IDENT_MAC, params) == 1);
	for (size_t i = 0; i < parts; i++)
		ASSERT(EVP_MAC_update(c, part[i].p, part[i].n) == 1);
	ASSERT(EVP_MAC_final(c, out, &n, IDENT_MAC) == 1 && n == IDENT_MAC);
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
}

void
ident_turn_password(const void *secret, size_t n, const char *user, char out[IDENT_TURN])
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned int len;

	ASSERT(n <= INT_MAX && HMAC(EVP_sha1(), secret, (int)n, (const void *)user,
				    strlen(user), mac, &len) != NULL);
	ASSERT(EVP_EncodeBlock((void *)out, mac, (int)len) == IDENT_TURN - 1);
}

bool
ident_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

/* struct ident_hash is OpenSSL's context under a name that headers may know. */
struct ident_hash *
ident_hash_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c != NULL && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1)
		return (struct ident_hash *)c;
	EVP_MD_CTX_free(c);
	return NULL;
}

void
ident_hash_add(struct ident_hash *h, const void *p, size_t n)
{
	ASSERT(EVP_DigestUpdate((EVP_MD_CTX *)h, p, n) == 1);
}

void
ident_hash_end(struct ident_hash *h, uint8_t out[IDENT_MAC])
{
	if (h != NULL && out != NULL)
		ASSERT(EVP_DigestFinal_ex((EVP_MD_CTX *)h, out, NULL) == 1);
	EVP_MD_CTX_free((EVP_MD_CTX *)h);
}
