/* SPDX-License-Identifier: ISC */
/*
 * Part of net/dtls: how OpenSSL reads the datagram that we are at, and writes others. It
 * keeps their boundaries and does not look into them.
 */
#ifndef NET_DTLS_BIO_H
#define NET_DTLS_BIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bio_st;
struct bio_method_st;

struct dtls_bio {
	void (*out)(void *arg, const uint8_t *, size_t n); /* a datagram */
	void *arg;
	const uint8_t *in; /* what OpenSSL has not read yet, borrowed */
	size_t in_n;
	bool wrote; /* since whoever asks set it to false */
	struct bio_method_st *method;
};

/*
 * One for OpenSSL, which then owns it; NULL: out of memory. The struct must outlive it,
 * its out and arg are set.
 */
struct bio_st *dtls_bio_new(struct dtls_bio *);

/* After the BIO itself, or if there never was one. */
void dtls_bio_fini(struct dtls_bio *);

#endif
