/* SPDX-License-Identifier: ISC */
/* link: net core */
#include <unistd.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#include "net/tls.h"
#include "test/test.h"

#define WIRE 200000

/* One side: the channel, what it wants to send, what it was told. */
struct side {
	struct tls *t;
	uint8_t wire[WIRE];
	size_t n;
	int ups, messages;
	int up_says, message_says; /* what the ops return */
	bool early;                /* a message came before up */
	uint8_t id[IDENT_ID], type, body[TLS_MESSAGE_MAX];
	size_t body_n;
	int answers;          /* send as many from inside `message` */
	int first;            /* send as many from inside `output`, ahead */
	int depth;            /* of `message` */
	struct side *feed;    /* its output is our input, from inside `message` */
	struct side *wire_to; /* output goes straight into this one */
};

static struct ident *anna, *lab, *eve;
static struct side a, b;

static struct ident *
person(void)
{
	char dir[] = "/tmp/usbp2p-tls-XXXXXX", name[64], why[256];
	struct ident *id = NULL;

	if (mkdtemp(dir) == NULL || ident_load(&id, dir, why, sizeof(why)) != ERR_OK)
		exit(1);
	snprintf(name, sizeof(name), "%s/key.pem", dir);
	(void)unlink(name);
	snprintf(name, sizeof(name), "%s/cert.pem", dir);
	(void)unlink(name);
	(void)rmdir(dir);
	return id;
}

static void
on_output(void *arg, const uint8_t *p, size_t n)
{
	struct side *s = arg;

	if (s->first > 0) {
		s->first--;
		CHECK_EQ(tls_send(s->t, 3, (const uint8_t *)"first", 5), ERR_OK);
	}
	if (s->wire_to != NULL) {
		(void)!tls_input(s->wire_to->t, p, n);
		return;
	}
	CHECK(s->n + n <= WIRE);
	memcpy(s->wire + s->n, p, n);
	s->n += n;
}

static int
on_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct side *s = arg;

	s->ups++;
	memcpy(s->id, id, IDENT_ID);
	return s->up_says;
}

static int
on_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct side *s = arg;

	CHECK_EQ(++s->depth, 1); /* one at a time, whoever feeds input */
	s->early |= s->ups != 1;
	s->messages++;
	s->type = type;
	s->body_n = n;
	if (n > 0)
		memcpy(s->body, body, n);
	if (s->feed != NULL) {
		size_t left = s->feed->n;

		s->feed->n = 0;
		CHECK_EQ(tls_input(s->t, s->feed->wire, left), ERR_OK);
	}
	for (; s->answers > 0; s->answers--)
		CHECK_EQ(tls_send(s->t, 9, (const uint8_t *)"answer", 6), ERR_OK);
	s->depth--;
	return s->message_says;
}

static const struct tls_ops ops = {on_output, on_up, on_message};

static void
open_side(struct side *s, const struct ident *id, bool server, const uint8_t *expect)
{
	memset(s, 0, sizeof(*s));
	s->t = tls_new(id, server, expect, &ops, s);
	CHECK(s->t != NULL);
}

static void
close_both(void)
{
	CHECK(ERR_peek_error() == 0);
	tls_free(a.t);
	tls_free(b.t);
	a.t = b.t = NULL;
}

/* Carries what `from` has to say, in pieces of `step`. */
static int
carry(struct side *from, struct side *to, size_t step)
{
	static uint8_t wire[WIRE];
	size_t n = from->n;
	int r = ERR_OK;

	memcpy(wire, from->wire, n);
	from->n = 0;
	for (size_t at = 0; at < n && r == ERR_OK; at += step)
		r = tls_input(to->t, wire + at, n - at < step ? n - at : step);
	return r;
}

static void
talk(size_t step, int *ra, int *rb)
{
	*ra = *rb = ERR_OK;
	while (a.n > 0 || b.n > 0) {
		int r = carry(&a, &b, step);

		*rb = *rb != ERR_OK ? *rb : r;
		r = carry(&b, &a, step);
		*ra = *ra != ERR_OK ? *ra : r;
	}
}

/* a: anna, client; b: lab, server. */
static void
connect_both(size_t step)
{
	int ra, rb;

	open_side(&a, anna, false, ident_id(lab));
	open_side(&b, lab, true, NULL);
	CHECK_EQ(tls_start(b.t), ERR_OK);
	CHECK_EQ(b.n, 0);
	CHECK_EQ(tls_start(a.t), ERR_OK);
	CHECK(a.n > 0);
	talk(step, &ra, &rb);
	CHECK_EQ(ra, ERR_OK);
	CHECK_EQ(rb, ERR_OK);
	CHECK(a.ups == 1 && b.ups == 1);
	CHECK(memcmp(a.id, ident_id(lab), IDENT_ID) == 0);
	CHECK(memcmp(b.id, ident_id(anna), IDENT_ID) == 0);
}

static void
carries_messages(void)
{
	static const size_t steps[] = {WIRE, 1, 2, 3, 1000};
	static uint8_t big[TLS_MESSAGE_MAX];
	int ra, rb;

	memset(big, 0x5a, sizeof(big));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		connect_both(steps[i]);
		CHECK_EQ(tls_send(a.t, 7, (const uint8_t *)"hello", 5), ERR_OK);
		talk(steps[i], &ra, &rb);
		CHECK_EQ(rb, ERR_OK);
		CHECK(b.messages == 1 && b.type == 7 && b.body_n == 5);
		CHECK(memcmp(b.body, "hello", 5) == 0);
		CHECK_EQ(tls_send(b.t, 0, NULL, 0), ERR_OK);
		CHECK_EQ(tls_send(b.t, 255, big, sizeof(big)), ERR_OK);
		CHECK_EQ(tls_send(b.t, 255, big, sizeof(big) + 1), ERR_TOOBIG);
		talk(steps[i], &ra, &rb);
		CHECK_EQ(ra, ERR_OK);
		CHECK(a.messages == 2 && a.type == 255 && a.body_n == sizeof(big));
		CHECK(memcmp(a.body, big, sizeof(big)) == 0);
		CHECK(!a.early && !b.early && a.ups == 1 && b.ups == 1);
		close_both();
	}
}

static void
many_messages_in_one_input(void)
{
	int ra, rb;

	connect_both(WIRE);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(tls_send(a.t, (uint8_t)i, a.wire, (size_t)i), ERR_OK);
	b.answers = 3;
	talk(WIRE, &ra, &rb);
	CHECK_EQ(b.messages, 100);
	CHECK_EQ(b.type, 99);
	CHECK(a.messages == 3 && a.type == 9 && a.body_n == 6);
	close_both();
}

/* Both ends in one call stack: output feeds the other end, which answers at once. */
static void
ops_may_call_back_in(void)
{
	open_side(&a, anna, false, ident_id(lab));
	open_side(&b, lab, true, ident_id(anna));
	a.wire_to = &b;
	b.wire_to = &a;
	b.answers = 5;
	a.answers = 3;
	CHECK_EQ(tls_start(a.t), ERR_OK);
	CHECK(a.ups == 1 && b.ups == 1);
	CHECK_EQ(tls_send(a.t, 1, (const uint8_t *)"x", 1), ERR_OK);
	CHECK(b.messages == 4 && a.messages == 5);
	tls_close(a.t);
	CHECK_EQ(tls_send(b.t, 1, NULL, 0), ERR_CLOSED);
	close_both();
}

/* What is sent from inside `output` goes behind what is being put out. */
static void
output_may_send(void)
{
	int ra, rb;

	connect_both(WIRE);
	a.first = 3;
	CHECK_EQ(tls_send(a.t, 1, (const uint8_t *)"x", 1), ERR_OK);
	talk(WIRE, &ra, &rb);
	CHECK_EQ(rb, ERR_OK);
	CHECK(b.messages == 4 && b.type == 3);
	close_both();
}

static void
message_may_feed_input(void)
{
	uint8_t wire[100];
	size_t n;

	connect_both(WIRE);
	CHECK_EQ(tls_send(a.t, 1, (const uint8_t *)"x", 1), ERR_OK);
	n = a.n;
	memcpy(wire, a.wire, n);
	a.n = 0;
	CHECK_EQ(tls_send(a.t, 2, (const uint8_t *)"yz", 2), ERR_OK);
	b.feed = &a;
	CHECK_EQ(tls_input(b.t, wire, n), ERR_OK);
	CHECK(b.messages == 2 && b.type == 2 && b.body_n == 2);
	close_both();
}

static void
refuses_the_wrong_peer(void)
{
	/* Who each side is, whom it expects, what each gets to know. */
	static const struct {
		const char *what;
		bool client_pins_other, server_pins_other;
		int client_ups;
	} rows[] = {
	    {"client expects another", true, false, 0},
	    {"server expects another", false, true,
	     1}, /* TLS 1.3: client is done first */
	    {"both", true, true, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int ra, rb, sent;

		open_side(&a, anna, false,
			  ident_id(rows[i].client_pins_other ? eve : lab));
		open_side(&b, lab, true,
			  ident_id(rows[i].server_pins_other ? eve : anna));
		CHECK_EQ(tls_start(a.t), ERR_OK);
		talk(1, &ra, &rb);
		CHECK_EQ(ra, ERR_REFUSED);
		CHECK_EQ(rb, ERR_REFUSED);
		CHECK_EQ(a.ups, rows[i].client_ups);
		CHECK_EQ(b.ups, 0);
		CHECK(a.messages == 0 && b.messages == 0);
		sent = tls_send(b.t, 1, NULL, 0);
		CHECK_EQ(sent, ERR_REFUSED); /* sticky */
		CHECK_EQ(tls_input(a.t, (const uint8_t *)"x", 1), ERR_REFUSED);
		close_both();
	}
}

/* What a client says before it knows that it was refused never arrives. */
static void
refused_client_is_not_heard(void)
{
	int ra, rb;

	open_side(&a, anna, false, ident_id(lab));
	open_side(&b, lab, true, ident_id(eve));
	CHECK_EQ(tls_start(a.t), ERR_OK);
	(void)carry(&a, &b, WIRE);
	CHECK_EQ(carry(&b, &a, WIRE), ERR_OK);
	CHECK_EQ(tls_send(a.t, 1, (const uint8_t *)"secret", 6), ERR_OK);
	talk(WIRE, &ra, &rb);
	CHECK_EQ(rb, ERR_REFUSED);
	CHECK_EQ(ra, ERR_REFUSED);
	CHECK_EQ(b.messages, 0);
	close_both();
}

static void
exports_the_same_at_both_ends(void)
{
	uint8_t x[IDENT_MAC], y[IDENT_MAC], before[IDENT_MAC] = {0};

	for (int i = 0; i < 2; i++) {
		open_side(&a, anna, false, ident_id(lab));
		CHECK_EQ(tls_exporter(a.t, "one", x), ERR_STATE);
		tls_free(a.t);
		connect_both(WIRE);
		CHECK_EQ(tls_exporter(a.t, "one", x), ERR_OK);
		CHECK_EQ(tls_exporter(b.t, "one", y), ERR_OK);
		CHECK(memcmp(x, y, sizeof(x)) == 0);
		CHECK(memcmp(x, before, sizeof(x)) != 0);
		memcpy(before, x, sizeof(x));
		CHECK_EQ(tls_exporter(b.t, "two", y), ERR_OK);
		CHECK(memcmp(x, y, sizeof(x)) != 0);
		close_both();
	}
}

static void
closes_in_order(void)
{
	int ra, rb;

	connect_both(WIRE);
	CHECK_EQ(tls_send(a.t, 1, NULL, 0), ERR_OK);
	tls_close(a.t);
	tls_close(a.t);
	CHECK_EQ(tls_send(a.t, 1, NULL, 0), ERR_STATE);
	CHECK_EQ(tls_send(b.t, 2, NULL, 0), ERR_OK);
	talk(1, &ra, &rb);
	CHECK_EQ(rb, ERR_CLOSED);
	CHECK_EQ(b.messages, 1); /* what was said before is heard */
	CHECK_EQ(tls_send(b.t, 1, NULL, 0), ERR_CLOSED);
	CHECK_EQ(tls_input(b.t, (const uint8_t *)"", 1), ERR_CLOSED);
	close_both();
}

static void
ops_errors_stick(void)
{
	int ra, rb;

	connect_both(WIRE);
	b.message_says = ERR_GONE;
	CHECK_EQ(tls_send(a.t, 1, NULL, 0), ERR_OK);
	CHECK_EQ(tls_send(a.t, 2, NULL, 0), ERR_OK);
	talk(WIRE, &ra, &rb);
	CHECK_EQ(rb, ERR_GONE);
	CHECK_EQ(b.messages, 1);
	close_both();

	open_side(&a, anna, false, ident_id(lab));
	open_side(&b, lab, true, NULL);
	b.up_says = ERR_BUSY;
	CHECK_EQ(tls_start(a.t), ERR_OK);
	talk(WIRE, &ra, &rb);
	CHECK_EQ(rb, ERR_BUSY);
	close_both();
}

static void
rubbish_ends_it(void)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
	} rows[] = {
	    {"HTTP", "GET / HTTP/1.1\r\n\r\n", 18},
	    {"zeros", "\0\0\0\0\0\0\0\0\0\0", 10},
	    {"long record", "\x16\x03\x01\xff\xff\x01", 6},
	    {"data at once", "\x17\x03\x03\0\x01x", 6},
	    {"alert", "\x15\x03\x03\0\x02\x02\x28", 7},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int server = 0; server < 2; server++) {
			open_side(&a, anna, server, NULL);
			CHECK_EQ(tls_start(a.t), ERR_OK);
			CHECK_EQ(
			    tls_input(a.t, (const uint8_t *)rows[i].bytes, rows[i].n),
			    ERR_PROTO);
			CHECK(a.ups == 0 && ERR_peek_error() == 0);
			tls_free(a.t);
		}
	connect_both(WIRE);
	CHECK_EQ(tls_send(a.t, 1, (const uint8_t *)"hello", 5), ERR_OK);
	a.wire[a.n - 1] ^= 1;
	CHECK_EQ(carry(&a, &b, WIRE), ERR_PROTO);
	CHECK_EQ(b.messages, 0);
	close_both();
}

/* A peer that is plain OpenSSL, so that it can misbehave. */
struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
};

static void
raw_open(struct raw *r, const struct ident *id, bool server, int version,
	 const char *alpn)
{
	r->ctx = SSL_CTX_new(TLS_method());
	SSL_CTX_set_min_proto_version(r->ctx, version);
	SSL_CTX_set_max_proto_version(r->ctx, version);
	if (id != NULL) {
		SSL_CTX_use_certificate(r->ctx, ident_cert(id));
		SSL_CTX_use_PrivateKey(r->ctx, ident_key(id));
	}
	if (alpn != NULL)
		SSL_CTX_set_alpn_protos(r->ctx, (const uint8_t *)alpn,
					(unsigned)strlen(alpn));
	r->ssl = SSL_new(r->ctx);
	r->in = BIO_new(BIO_s_mem());
	r->out = BIO_new(BIO_s_mem());
	SSL_set_bio(r->ssl, r->in, r->out);
	if (server)
		SSL_set_accept_state(r->ssl);
	else
		SSL_set_connect_state(r->ssl);
}

/* Between the raw peer and a, until both are silent. */
static int
raw_talk(struct raw *r)
{
	uint8_t buf[4096];
	int n, err = ERR_OK;
	bool more = true;

	while (more) {
		more = false;
		if (!SSL_is_init_finished(r->ssl))
			(void)SSL_do_handshake(r->ssl);
		ERR_clear_error();
		while ((n = BIO_read(r->out, buf, sizeof(buf))) > 0) {
			err = tls_input(a.t, buf, (size_t)n);
			more = true;
		}
		more |= a.n > 0;
		(void)BIO_write(r->in, a.wire, (int)a.n);
		a.n = 0;
	}
	ERR_clear_error();
	return err;
}

static void
raw_free(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	ERR_clear_error();
	tls_free(a.t);
}

static void
refuses_other_ways_to_speak(void)
{
	static const struct {
		const char *what;
		bool raw_is_server, has_id;
		int version;
		const char *alpn;
		int err, ups;
	} rows[] = {
	    {"good client", false, true, TLS1_3_VERSION, "\x08usbp2p/1", ERR_OK, 1},
	    {"TLS 1.2 client", false, true, TLS1_2_VERSION, "\x08usbp2p/1", ERR_PROTO, 0},
	    {"TLS 1.2 server", true, true, TLS1_2_VERSION, NULL, ERR_PROTO, 0},
	    {"no ALPN", false, true, TLS1_3_VERSION, NULL, ERR_PROTO, 0},
	    {"other ALPN", false, true, TLS1_3_VERSION, "\x02h2", ERR_PROTO, 0},
	    {"server without ALPN", true, true, TLS1_3_VERSION, NULL, ERR_PROTO, 0},
	    {"no certificate", false, false, TLS1_3_VERSION, "\x08usbp2p/1", ERR_PROTO,
	     0},
	};
	struct raw r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err;

		raw_open(&r, rows[i].has_id ? eve : NULL, rows[i].raw_is_server,
			 rows[i].version, rows[i].alpn);
		open_side(&a, lab, !rows[i].raw_is_server, NULL);
		CHECK_EQ(tls_start(a.t), ERR_OK);
		err = raw_talk(&r);
		if (err != rows[i].err || a.ups != rows[i].ups)
			printf("# %s:\n", rows[i].what);
		CHECK_EQ(err, rows[i].err);
		CHECK_EQ(a.ups, rows[i].ups);
		raw_free(&r);
	}
}

static X509 *
cert_of(EVP_PKEY *key, EVP_PKEY *signer)
{
	X509 *c = X509_new();

	X509_set_version(c, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
	X509_gmtime_adj(X509_getm_notBefore(c), -2000);
	X509_gmtime_adj(X509_getm_notAfter(c), -1000); /* expired: of no interest */
	X509_set_pubkey(c, key);
	CHECK(X509_sign(c, signer, EVP_sha256()) > 0);
	return c;
}

/* Says that it is `who`, and has the private half of another key. */
static EVP_PKEY *
impostor(const struct ident *who, EVP_PKEY *other)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t point[65];
	char group[] = "P-256";
	BIGNUM *d = NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM_BLD *made = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;

	CHECK(EVP_PKEY_get_octet_string_param(ident_key(who), OSSL_PKEY_PARAM_PUB_KEY,
					      point, sizeof(point), NULL) == 1);
	CHECK(EVP_PKEY_get_bn_param(other, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1);
	OSSL_PARAM_BLD_push_utf8_string(made, OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	OSSL_PARAM_BLD_push_octet_string(made, OSSL_PKEY_PARAM_PUB_KEY, point,
					 sizeof(point));
	OSSL_PARAM_BLD_push_BN(made, OSSL_PKEY_PARAM_PRIV_KEY, d);
	params = OSSL_PARAM_BLD_to_param(made);
	CHECK(EVP_PKEY_fromdata_init(c) == 1);
	CHECK(EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(made);
	BN_free(d);
	EVP_PKEY_CTX_free(c);
	return key;
}

/* A certificate shows who someone is, not that we speak with them. */
static void
key_must_be_proved(void)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *mine = EVP_EC_gen("P-256");
	EVP_PKEY *stolen = impostor(anna, mine);
	const struct {
		const char *what;
		EVP_PKEY *key, *signer;
		int err;
	} rows[] = {
	    {"expired, own key", mine, mine, ERR_OK},
	    {"signed by another", mine, p384, ERR_OK},
	    {"P-384", p384, p384, ERR_PROTO},
	    {"anna's certificate", stolen, mine, ERR_PROTO},
	};
	struct raw r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		X509 *c = cert_of(rows[i].key, rows[i].signer);
		int err;

		raw_open(&r, NULL, false, TLS1_3_VERSION, "\x08usbp2p/1");
		CHECK(SSL_use_certificate(r.ssl, c) == 1);
		CHECK(SSL_use_PrivateKey(r.ssl, rows[i].key) == 1);
		open_side(&a, lab, true, rows[i].key == stolen ? ident_id(anna) : NULL);
		err = raw_talk(&r);
		if (err != rows[i].err)
			printf("# %s:\n", rows[i].what);
		CHECK_EQ(err, rows[i].err);
		CHECK_EQ(a.ups, rows[i].err == ERR_OK);
		raw_free(&r);
		X509_free(c);
	}
	EVP_PKEY_free(p384);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(stolen);
}

static void
length_is_checked_first(void)
{
	static const struct {
		uint8_t head[5];
		int err;
	} rows[] = {
	    {{0x00, 0x40, 0, 0, 1}, ERR_OK},    /* 16384 to come */
	    {{0x01, 0x40, 0, 0, 1}, ERR_PROTO}, /* 16385 */
	    {{0, 0, 1, 0, 1}, ERR_PROTO},
	    {{0xff, 0xff, 0xff, 0xff, 1}, ERR_PROTO},
	    {{0xff, 0xff, 0xff, 0x7f, 1}, ERR_PROTO},
	};
	struct raw r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		raw_open(&r, eve, false, TLS1_3_VERSION, "\x08usbp2p/1");
		open_side(&a, lab, true, ident_id(eve));
		CHECK_EQ(raw_talk(&r), ERR_OK);
		CHECK(SSL_write(r.ssl, rows[i].head, 5) == 5);
		CHECK_EQ(raw_talk(&r), rows[i].err);
		CHECK_EQ(a.messages, 0);
		raw_free(&r); /* with a message half read */
	}
}

static void
session_cannot_be_resumed(void)
{
	struct raw r;

	raw_open(&r, eve, false, TLS1_3_VERSION, "\x08usbp2p/1");
	open_side(&a, lab, true, NULL);
	CHECK_EQ(raw_talk(&r), ERR_OK);
	(void)SSL_read(r.ssl, a.body, 1);
	CHECK(!SSL_SESSION_is_resumable(SSL_get0_session(r.ssl)));
	CHECK(SSL_version(r.ssl) == TLS1_3_VERSION);
	raw_free(&r);
}

static void
nothing_before_up(void)
{
	open_side(&a, anna, false, NULL);
	CHECK_EQ(tls_send(a.t, 1, NULL, 0), ERR_STATE);
	tls_close(a.t);
	CHECK_EQ(a.n, 0);
	tls_free(a.t);
	tls_free(NULL);
}

static void
begin(void)
{
	anna = person();
	lab = person();
	eve = person();
}

static void
end(void)
{
	ident_free(anna);
	ident_free(lab);
	ident_free(eve);
}

TEST_MAIN(TEST(begin), TEST(carries_messages), TEST(many_messages_in_one_input),
	  TEST(ops_may_call_back_in), TEST(output_may_send), TEST(message_may_feed_input),
	  TEST(refuses_the_wrong_peer), TEST(refused_client_is_not_heard),
	  TEST(exports_the_same_at_both_ends), TEST(closes_in_order),
	  TEST(ops_errors_stick), TEST(rubbish_ends_it),
	  TEST(refuses_other_ways_to_speak), TEST(key_must_be_proved),
	  TEST(length_is_checked_first), TEST(session_cannot_be_resumed),
	  TEST(nothing_before_up), TEST(end))
