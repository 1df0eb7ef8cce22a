/* SPDX-License-Identifier: ISC */
/*
 * TLS 1.3 between two memory BIOs, and the messages on top. It knows no socket
 * and no clock: who carries the bytes also limits how long a handshake takes.
 *
 * Ops are called between OpenSSL's calls, never from inside one, and may send
 * or feed input: the outermost call carries on with it.
 */
#include <stdlib.h>
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#include "core/cur.h"
#include "core/mem.h"
#include "net/ident_peer.h"
#include "net/tls.h"

#define TLS_HEAD    5 /* u32 length | u8 type */
#define TLS_CIPHERS "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"

struct tls {
	const struct tls_ops *ops;
	void *arg;
	const char *alpn;
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	struct ident_peer peer;
	bool server, up, closing;
	bool lean;     /* the handshake's buffers are gone */
	bool pumping;  /* an outer call reads */
	bool flushing; /* an outer call hands out bytes */
	int err;       /* sticky */

	uint8_t head[TLS_HEAD];
	size_t head_n;
	uint8_t *body; /* of the message being read, when it has one */
	size_t body_n, body_cap;
};

struct tls_ctx {
	SSL_CTX *ctx;
	enum tls_alpn alpn;
};

static const char *const alpns[] = {
    [TLS_PEERS] = "\x08usbp2p/1",
    [TLS_RDV] = "\x0cusbp2p-rdv/1",
};

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
	const unsigned char *offer, unsigned int n, void *arg)
{
	const char *ours = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_n, (const unsigned char *)ours,
				  (unsigned)strlen(ours), offer,
				  n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
set_context(SSL_CTX *ctx, const struct ident *id, const char *alpn)
{
	char groups[] = "X25519:P-256";

	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, (void *)(uintptr_t)alpn);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, TLS_CIPHERS) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, groups) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn,
				       (unsigned)strlen(alpn)) == 0 &&
	       ident_peer_equip(NULL, id, ctx);
}

struct tls_ctx *
tls_ctx_new(const struct ident *id, enum tls_alpn alpn)
{
	struct tls_ctx *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->alpn = alpn;
	c->ctx = SSL_CTX_new(TLS_method());
	if (c->ctx != NULL && set_context(c->ctx, id, alpns[alpn]))
		return c;
	ERR_clear_error();
	tls_ctx_free(c);
	return NULL;
}

void
tls_ctx_free(struct tls_ctx *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* Empty ones; those of before go, with what the handshake made of them. */
static bool
set_bios(struct tls *t)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (in == NULL || out == NULL) {
		BIO_free(in);
		BIO_free(out);
		return false;
	}
	t->in = in;
	t->out = out;
	SSL_set_bio(t->ssl, in, out);
	return true;
}

static bool
set_channel(struct tls *t, const struct tls_ctx *c)
{
	if ((t->ssl = SSL_new(c->ctx)) == NULL || !set_bios(t))
		return false;
	ident_peer_show(&t->peer, t->ssl);
	(t->server ? SSL_set_accept_state : SSL_set_connect_state)(t->ssl);
	return true;
}

void
tls_leave_at_exit(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

struct tls *
tls_new_in(const struct tls_ctx *c, bool server, const uint8_t *expect,
	   const struct tls_ops *ops, void *arg)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->ops = ops;
	t->arg = arg;
	t->alpn = alpns[c->alpn];
	t->server = server;
	ident_peer_init(&t->peer, expect);
	if (!set_channel(t, c)) {
		ERR_clear_error();
		tls_free(t);
		return NULL;
	}
	return t;
}

struct tls *
tls_new(const struct ident *id, bool server, const uint8_t *expect,
	const struct tls_ops *ops, void *arg)
{
	struct tls_ctx *c = tls_ctx_new(id, TLS_PEERS);
	struct tls *t = c == NULL ? NULL : tls_new_in(c, server, expect, ops, arg);

	tls_ctx_free(c);
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	ASSERT(!t->pumping && !t->flushing);
	SSL_free(t->ssl);
	free(t->body);
	free(t);
}

static void
flush(struct tls *t)
{
	uint8_t buf[4096];
	int n;

	if (t->flushing)
		return;
	t->flushing = true;
	while ((n = BIO_read(t->out, buf, sizeof(buf))) > 0)
		t->ops->output(t->arg, buf, (size_t)n);
	t->flushing = false;
}

static int
fail(struct tls *t, int err)
{
	if (t->err == ERR_OK)
		t->err = err;
	return t->err;
}

/* What a call that did not succeed means; ERR_OK: it waits for bytes. */
static int
verdict(struct tls *t, int r, const char *what)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return ERR_OK;
	case SSL_ERROR_ZERO_RETURN:
		return fail(t, ERR_CLOSED);
	default:
		return fail(t, ident_peer_why(&t->peer, what));
	}
}

static bool
speaks_ours(struct tls *t)
{
	const unsigned char *p;
	unsigned int n;

	SSL_get0_alpn_selected(t->ssl, &p, &n);
	return n == strlen(t->alpn) - 1 && memcmp(p, t->alpn + 1, n) == 0;
}

static int
handshake(struct tls *t)
{
	int r;

	ERR_clear_error();
	if ((r = SSL_do_handshake(t->ssl)) != 1)
		return verdict(t, r, "tls handshake");
	if (!t->peer.known || !speaks_ours(t))
		return fail(t, ERR_PROTO);
	t->up = true;
	if ((r = t->ops->up(t->arg, t->peer.id)) != ERR_OK)
		return fail(t, r);
	return ERR_OK;
}

/* The length is checked before anything is reserved. */
static int
head_done(struct tls *t)
{
	struct rd r;
	uint32_t n;

	rd_init(&r, t->head, TLS_HEAD);
	n = rd_le32(&r);
	if (n > TLS_MESSAGE_MAX)
		return fail(t, ERR_PROTO);
	if (n > 0 && (t->body = malloc(n)) == NULL)
		return fail(t, ERR_NOMEM);
	t->body_cap = n;
	t->body_n = 0;
	return ERR_OK;
}

static int
message_done(struct tls *t)
{
	uint8_t *body = t->body;
	int r;

	t->body = NULL;
	t->head_n = 0;
	r = t->ops->message(t->arg, t->head[TLS_HEAD - 1], body, t->body_cap);
	free(body);
	return r == ERR_OK ? ERR_OK : fail(t, r);
}

/* Reads the rest of the head or of the body, as far as it has come. */
static int
read_part(struct tls *t, bool *more)
{
	bool in_head = t->head_n < TLS_HEAD;
	size_t *have = in_head ? &t->head_n : &t->body_n, n;
	uint8_t *to = in_head ? t->head : t->body;
	size_t cap = in_head ? TLS_HEAD : t->body_cap;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(t->ssl, to + *have, cap - *have, &n);
	*more = r == 1;
	if (r != 1)
		return verdict(t, r, "tls read");
	*have += n;
	if (in_head && *have == TLS_HEAD && (r = head_done(t)) != ERR_OK)
		return r;
	if (t->head_n == TLS_HEAD && t->body_n == t->body_cap)
		return message_done(t);
	return ERR_OK;
}

static int
step(struct tls *t, bool *more)
{
	int r = ERR_OK;

	if (!t->up)
		r = handshake(t);
	*more = false;
	if (r == ERR_OK && t->up)
		r = read_part(t, more);
	return r;
}

/*
 * As long as there is something to read: an op may have fed more input, which is
 * why `more` alone does not end it.
 */
static int
pump(struct tls *t)
{
	bool more = true;

	if (t->pumping)
		return ERR_OK;
	t->pumping = true;
	while (t->err == ERR_OK && (more || BIO_ctrl_pending(t->in) > 0)) {
		(void)step(t, &more);
		flush(t);
	}
	t->pumping = false;
	if (t->up && !t->lean && t->err == ERR_OK && BIO_ctrl_pending(t->in) == 0 &&
	    BIO_ctrl_pending(t->out) == 0)
		t->lean = set_bios(t);
	return t->err;
}

int
tls_start(struct tls *t)
{
	return t->server ? t->err : pump(t);
}

int
tls_input(struct tls *t, const uint8_t *p, size_t n)
{
	size_t done;

	if (t->err != ERR_OK || n == 0)
		return t->err;
	if (BIO_write_ex(t->in, p, n, &done) != 1 || done != n)
		return fail(t, ERR_NOMEM);
	return pump(t);
}

int
tls_send(struct tls *t, uint8_t type, const uint8_t *body, size_t n)
{
	uint8_t buf[TLS_HEAD + TLS_MESSAGE_MAX];
	struct wr w;
	size_t done;

	if (t->err != ERR_OK)
		return t->err;
	if (!t->up || t->closing)
		return ERR_STATE;
	if (n > TLS_MESSAGE_MAX)
		return ERR_TOOBIG;
	wr_init(&w, buf, sizeof(buf));
	wr_le32(&w, (uint32_t)n);
	wr_u8(&w, type);
	wr_bytes(&w, body, n);
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, buf, TLS_HEAD + n, &done) != 1)
		return fail(t, ident_peer_why(&t->peer, "tls write"));
	flush(t);
	return ERR_OK;
}

void
tls_close(struct tls *t)
{
	if (t->err != ERR_OK || !t->up || t->closing)
		return;
	t->closing = true;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
	flush(t);
}

int
tls_exporter(struct tls *t, const char *label, uint8_t out[IDENT_MAC])
{
	return t->up ? ident_peer_export(t->ssl, label, out) : ERR_STATE;
}
