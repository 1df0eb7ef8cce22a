/* SPDX-License-Identifier: ISC */
/*
 * One DTLS 1.2 association. OpenSSL reads the datagram we are at and writes
 * datagrams through a BIO of our own (net/dtls_bio).
 *
 * OpenSSL's retransmission timer compares with gettimeofday and cannot be told
 * the time. We ask it how long it has to run after each call and count that on
 * the caller's clock; that it gives up is decided on the caller's clock alone.
 *
 * Before keys exist OpenSSL takes many a bad record for the end of the
 * handshake, so what no honest peer sends is kept from it (net/dtls_filter).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#include "core/mem.h"
#include "net/dtls.h"
#include "net/dtls_bio.h"
#include "net/dtls_filter.h"
#include "net/ident_peer.h"

#define DTLS_AES       "ECDHE-ECDSA-AES128-GCM-SHA256"
#define DTLS_CHACHA    "ECDHE-ECDSA-CHACHA20-POLY1305"
#define DTLS_CIPHERS   DTLS_AES ":" DTLS_CHACHA
#define DTLS_PLAIN_MAX 16384    /* RFC 6347 4.1.1 */
#define DTLS_RETRY_MIN 100000u  /* us; the first wait for an answer */
#define DTLS_RETRY_CAP 1000000u /* doubled up to here */
#define DTLS_RETRY_MAX 3000000u /* the longest first wait */
#define DTLS_GIVE_UP   10000000u
#define DTLS_MTU_MIN   256 /* OpenSSL wants as much */

#define DTLS_NONCE     8 /* AES-GCM sends this much of it (RFC 5288 3) */
#define DTLS_TAG       16

struct dtls {
	const struct dtls_ops *ops;
	void *arg;
	SSL_CTX *ctx;
	SSL *ssl; /* owns the BIO */
	struct dtls_bio bio;
	struct ident_peer peer;
	bool server, started, up;
	bool busy; /* inside one of OpenSSL's calls */
	int err;   /* sticky */
	int late;  /* what it is when time is up */

	bool used; /* the datagram we are at: it was good for something */

	size_t mtu;
	unsigned retry_us; /* first wait */
	uint64_t give_up, deadline;
	uint64_t dropped;
	struct dtls_seen seen;
	uint8_t packet[DTLS_PLAIN_MAX];
	size_t sealed_min; /* shortest fragment that can be genuine */
};

/* How long the next wait is; us: the last one, 0 at first. */
static unsigned int
on_timer(SSL *ssl, unsigned int us)
{
	const struct dtls *d = SSL_get_app_data(ssl);

	if (us == 0)
		return d->retry_us;
	if (us * 2 <= DTLS_RETRY_CAP)
		return us * 2;
	return us > DTLS_RETRY_CAP ? us : DTLS_RETRY_CAP;
}

static bool
set_context(struct dtls *d, const struct ident *id)
{
	char groups[] = "P-256";

	if ((d->ctx = SSL_CTX_new(DTLS_method())) == NULL)
		return false;
	SSL_CTX_set_options(d->ctx, SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_read_ahead(d->ctx, 1);
	return SSL_CTX_set_min_proto_version(d->ctx, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(d->ctx, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(d->ctx, DTLS_CIPHERS) == 1 &&
	       SSL_CTX_set1_groups_list(d->ctx, groups) == 1 &&
	       ident_peer_equip(&d->peer, id, d->ctx);
}

static bool
set_channel(struct dtls *d)
{
	BIO *b;

	if ((d->ssl = SSL_new(d->ctx)) == NULL || (b = dtls_bio_new(&d->bio)) == NULL)
		return false;
	SSL_set_bio(d->ssl, b, b);
	SSL_set_app_data(d->ssl, d);
	DTLS_set_timer_cb(d->ssl, on_timer);
	if (d->server)
		SSL_set_accept_state(d->ssl);
	else
		SSL_set_connect_state(d->ssl);
	return SSL_set_mtu(d->ssl, (long)d->mtu) > 0;
}

static unsigned
first_wait(uint64_t rtt_us)
{
	if (rtt_us > DTLS_RETRY_MAX / 2)
		return DTLS_RETRY_MAX;
	return 2 * rtt_us > DTLS_RETRY_MIN ? (unsigned)(2 * rtt_us) : DTLS_RETRY_MIN;
}

struct dtls *
dtls_new(const struct ident *id, bool server, const uint8_t expect[IDENT_ID], size_t mtu,
	 uint64_t rtt_us, const struct dtls_ops *ops, void *arg)
{
	struct dtls *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	ASSERT(mtu >= DTLS_MTU_MIN);
	d->ops = ops;
	d->arg = arg;
	d->server = server;
	d->bio.out = ops->datagram;
	d->bio.arg = arg;
	d->mtu = mtu;
	d->retry_us = first_wait(rtt_us);
	d->deadline = UINT64_MAX;
	d->late = ERR_TIMEOUT;
	d->sealed_min = DTLS_NONCE + DTLS_TAG;
	ident_peer_init(&d->peer, expect);
	if (!set_context(d, id) || !set_channel(d)) {
		ERR_clear_error();
		dtls_free(d);
		return NULL;
	}
	return d;
}

/* OpenSSL's servers take what the client has first, unless they are told not to. */
void
dtls_want_chacha(struct dtls *d)
{
	ASSERT(!d->started);
	if (SSL_set_cipher_list(d->ssl, DTLS_CHACHA ":" DTLS_AES) != 1)
		ERR_clear_error(); /* then it is AES */
	SSL_set_options(d->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
}

const char *
dtls_cipher(const struct dtls *d)
{
	return SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(d->ssl)) ==
		       NID_chacha20_poly1305
		   ? "chacha20"
		   : "aes128";
}

void
dtls_free(struct dtls *d)
{
	if (d == NULL)
		return;
	ASSERT(!d->busy);
	SSL_free(d->ssl);
	dtls_bio_fini(&d->bio);
	SSL_CTX_free(d->ctx);
	free(d);
}

static int
fail(struct dtls *d, int err)
{
	d->deadline = UINT64_MAX;
	if (d->err == ERR_OK)
		d->err = err;
	return d->err;
}

static void
rearm(struct dtls *d, uint64_t now_us)
{
	struct timeval left;
	uint64_t at;

	if (d->up || d->err != ERR_OK)
		return;
	d->deadline = d->give_up;
	if (DTLSv1_get_timeout(d->ssl, &left) != 1)
		return;
	at = now_us + (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec;
	if (at < d->deadline)
		d->deadline = at;
}

/* What a call that did not succeed means; ERR_OK: it waits, or threw it away. */
static int
verdict(struct dtls *d, int r, const char *what)
{
	switch (SSL_get_error(d->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		ERR_clear_error();
		return ERR_OK;
	case SSL_ERROR_ZERO_RETURN:
		return fail(d, ERR_CLOSED);
	default:
		return fail(d, ident_peer_why(&d->peer, what));
	}
}

/* What is left there is taken for ours. Emptying an empty queue is not free. */
static void
forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

static int
handshake(struct dtls *d)
{
	int r;

	ERR_clear_error();
	d->busy = true;
	r = SSL_do_handshake(d->ssl);
	d->busy = false;
	if (r != 1)
		return verdict(d, r, "dtls handshake");
	if (!d->peer.known || SSL_get_extms_support(d->ssl) != 1)
		return fail(d, ERR_PROTO);
	d->up = true;
	if (SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(d->ssl)) ==
	    NID_chacha20_poly1305)
		d->sealed_min = DTLS_TAG; /* its nonce is not sent */
	d->used = true;
	d->deadline = UINT64_MAX;
	if ((r = d->ops->up(d->arg)) != ERR_OK)
		return fail(d, r);
	return ERR_OK;
}

int
dtls_start(struct dtls *d, uint64_t now_us)
{
	if (d->started)
		return ERR_STATE;
	d->started = true;
	d->give_up = now_us + DTLS_GIVE_UP;
	if (!d->server)
		(void)handshake(d);
	rearm(d, now_us);
	return d->err;
}

uint64_t
dtls_deadline(const struct dtls *d)
{
	return d->deadline;
}

int
dtls_tick(struct dtls *d, uint64_t now_us)
{
	int r;

	if (d->err != ERR_OK || now_us < d->deadline)
		return d->err;
	if (now_us >= d->give_up)
		return fail(d, d->late);
	ERR_clear_error();
	d->busy = true;
	r = (int)DTLSv1_handle_timeout(d->ssl);
	d->busy = false;
	if (r < 0)
		return fail(d, ident_peer_why(&d->peer, "dtls retry"));
	rearm(d, now_us);
	return ERR_OK;
}

/*
 * `all`: until OpenSSL says that there is no more, which is a third of the cost of
 * a packet. It is needed once, after the handshake: SSL_has_pending does not know
 * of records that came before their keys.
 */
static void
read_packets(struct dtls *d, bool all)
{
	bool more = true;

	while (more && d->err == ERR_OK) {
		int n, r;

		forget_errors();
		d->busy = true;
		n = SSL_read(d->ssl, d->packet, sizeof(d->packet));
		d->busy = false;
		if (n <= 0) {
			(void)verdict(d, n, "dtls read");
			return;
		}
		d->used = true;
		if ((r = d->ops->packet(d->arg, d->packet, (size_t)n)) != ERR_OK)
			(void)fail(d, r);
		more = all || SSL_has_pending(d->ssl);
	}
}

int
dtls_input(struct dtls *d, const uint8_t *p, size_t n, uint64_t now_us)
{
	bool was_up = d->up;
	uint8_t alert = 0;

	ASSERT(!d->busy);
	if (d->err != ERR_OK)
		return d->err;
	if (!d->started || !dtls_filter(d->server, d->sealed_min, p, n, &alert)) {
		if (alert != 0)
			d->late = ident_peer_alert(alert);
		d->dropped++;
		d->seen.drops.corrupted += d->up;
		return ERR_OK;
	}
	d->bio.in = p;
	d->bio.in_n = n;
	d->bio.wrote = false;
	d->used = !was_up; /* pieces of a handshake need not show */
	if (!was_up)
		(void)handshake(d);
	if (d->up && d->err == ERR_OK)
		read_packets(d, !was_up);
	d->bio.in_n = 0;
	if (!d->used && !d->bio.wrote && d->err == ERR_OK) {
		d->dropped++;
		dtls_seen_dropped(&d->seen, p, n);
	} else if (was_up) {
		dtls_seen_took(&d->seen, p, n);
	}
	rearm(d, now_us);
	return d->err;
}

int
dtls_send(struct dtls *d, const uint8_t *p, size_t n)
{
	int r;

	ASSERT(!d->busy && n > 0);
	if (d->err != ERR_OK)
		return d->err;
	if (!d->up)
		return ERR_STATE;
	if (n > DTLS_PLAIN_MAX)
		return ERR_TOOBIG;
	d->busy = true;
	r = SSL_write(d->ssl, p, (int)n);
	d->busy = false;
	if (r == (int)n)
		return ERR_OK;
	return fail(d, ident_peer_why(&d->peer, "dtls write"));
}

uint64_t
dtls_dropped(const struct dtls *d)
{
	return d->dropped;
}

void
dtls_drops(const struct dtls *d, struct dtls_drops *s)
{
	*s = d->seen.drops;
}

int
dtls_exporter(struct dtls *d, const char *label, uint8_t out[IDENT_MAC])
{
	return d->up ? ident_peer_export(d->ssl, label, out) : ERR_STATE;
}
