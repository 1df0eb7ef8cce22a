/* SPDX-License-Identifier: ISC */
/*
 * A rendezvous that lies about what it carries. For tests, in the program that includes
 * it: test/net/rdv_test.c, and test/regress/liar.c beside real programs.
 */
#ifndef TEST_NET_LIAR_H
#define TEST_NET_LIAR_H

#include <stdlib.h>
#include <string.h>

#include "core/rdv.h"
#include "net/clock.h"
#include "net/ident.h"
#include "net/tcp.h"
#include "net/tls.h"

#define RECORD 32 /* parcels of a guest */

enum lie {
	HONEST,
	DROP,       /* the second parcel with something in it */
	REPEAT,     /* it comes twice */
	REPLAY,     /* the same, with numbers that fit */
	SWAP,       /* its second half comes first, with numbers that fit */
	FLIP,       /* a bit of it */
	TRUNCATE,   /* its last byte */
	OTHER_ID,   /* the host hears of another guest */
	OTHER_HOST, /* the guest is brought to another host, who is said to be the one */
};

struct event_base;

struct parcel {
	uint8_t body[RDV_BODY];
	size_t n;
};

struct member {
	struct liar *of;
	struct tcp *tcp;
	struct tls *tls;
	struct rdv_peer *peer;
	uint8_t id[PEERID];
	struct member *next;
};

struct liar {
	struct tcp_listener *listener;
	struct ident *ident;
	struct tls_ctx *ctx;
	struct pool pool;
	struct rdv_conf conf;
	struct rdv *rdv;
	struct member *members;
	enum lie lie;
	bool to_host;                 /* of which direction it lies */
	unsigned count;               /* parcels of that direction */
	uint32_t shift;               /* of their numbers */
	struct parcel record[RECORD]; /* what the guest said */
	unsigned recorded;
	bool seen; /* something that it should not have been able to read */
	uint8_t guest[PEERID], host[PEERID], impostor[PEERID], other[PEERID];
	unsigned limited;
};

static bool
is_in(const uint8_t *p, size_t n, const void *what, size_t len)
{
	for (size_t i = 0; i + len <= n; i++)
		if (memcmp(p + i, what, len) == 0)
			return true;
	return false;
}

static void
put_number(uint8_t *body, uint32_t number)
{
	for (unsigned i = 0; i < 4; i++)
		body[48 + i] = (uint8_t)(number >> 8 * i);
}

static uint32_t
number_of(const uint8_t *body)
{
	return body[48] | (uint32_t)body[49] << 8;
}

static int
give(struct member *m, const uint8_t *body, size_t n)
{
	return tls_send(m->tls, RDV_DELIVER, body, n);
}

static int
give_halves(struct member *m, const uint8_t *body, size_t n)
{
	uint8_t b[RDV_BODY];
	size_t half = 53 + (n - 53) / 2;

	memcpy(b, body, 53);
	memcpy(b + 53, body + half, n - half);
	(void)give(m, b, 53 + n - half);
	memcpy(b, body, half);
	put_number(b, number_of(body) + 1);
	m->of->shift = 1;
	return give(m, b, half);
}

/* The parcel that it lies about. */
static int
lie_about(struct member *m, uint8_t *body, size_t n)
{
	struct liar *l = m->of;
	uint32_t number = number_of(body);

	switch (l->lie) {
	case DROP:
		return ERR_OK;
	case REPEAT:
		(void)give(m, body, n);
		break;
	case REPLAY:
		(void)give(m, body, n);
		l->shift = 1;
		put_number(body, number + 1);
		break;
	case FLIP:
		body[n - 1] ^= 1;
		break;
	case TRUNCATE:
		return give(m, body, n - 1);
	case SWAP:
		return give_halves(m, body, n);
	default:
		break;
	}
	return give(m, body, n);
}

static int
deliver(struct member *m, uint8_t *body, size_t n)
{
	struct liar *l = m->of;
	bool from_guest = memcmp(body, l->guest, PEERID) == 0;
	static const char *const words[] = {"anna", "lab", "candidate", "127.0.0.1"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		l->seen |= is_in(body + 53, n - 53, words[i], strlen(words[i]));
	if (from_guest && l->recorded < RECORD) {
		memcpy(l->record[l->recorded].body, body, n);
		l->record[l->recorded++].n = n;
	}
	if (l->lie == OTHER_ID && from_guest)
		memcpy(body, l->other, PEERID);
	if (l->lie == OTHER_HOST && !from_guest)
		memcpy(body, l->host, PEERID);
	if (from_guest != l->to_host || n == 53)
		return give(m, body, n);
	l->count++;
	put_number(body, number_of(body) + l->shift);
	if (l->count == 2)
		return lie_about(m, body, n);
	return give(m, body, n);
}

static int
on_send(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct member *m = arg;
	uint8_t copy[RDV_BODY];

	if (type != RDV_DELIVER)
		return tls_send(m->tls, type, body, n);
	memcpy(copy, body, n);
	return deliver(m, copy, n);
}

static void
on_end(void *arg)
{
	struct member *m = arg;

	m->of->limited++;
	tls_close(m->tls);
	tcp_finish(m->tcp);
}

static bool
on_relays(void *arg, const uint8_t id[PEERID], struct rdv_relays *t)
{
	(void)arg;
	(void)id;
	(void)t;
	return false;
}

static const struct rdv_ops rdv_ops = {
    .send = on_send, .end = on_end, .relays = on_relays};

static void
on_tls_output(void *arg, const uint8_t *p, size_t n)
{
	tcp_write(((struct member *)arg)->tcp, p, n);
}

static int
on_tls_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct member *m = arg;
	uint8_t network[PEERID] = {4, 127};

	memcpy(m->id, id, PEERID);
	tcp_admitted(m->tcp);
	return rdv_enter(m->of->rdv, &m->peer, id, network, true, m, clock_us());
}

/* Who is who, unless it was told: the first host, the next one, the newest guest. */
static void
notice(const struct member *m, enum rdv_role role)
{
	static const uint8_t nobody[PEERID];
	struct liar *l = m->of;

	if (role == RDV_GUEST) {
		memcpy(l->guest, m->id, PEERID);
		l->count = l->shift = 0;
	} else if (memcmp(l->host, nobody, PEERID) == 0) {
		memcpy(l->host, m->id, PEERID);
	} else if (memcmp(l->host, m->id, PEERID) != 0) {
		memcpy(l->impostor, m->id, PEERID);
	}
}

static int
on_tls_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct member *m = arg;
	struct liar *l = m->of;
	uint8_t copy[RDV_BODY];

	if (n > sizeof(copy))
		return ERR_PROTO;
	memcpy(copy, body, n);
	if (type == RDV_JOIN && n > 2)
		notice(m, copy[2]);
	if (type == RDV_SEND && l->lie == OTHER_HOST &&
	    memcmp(copy, l->host, PEERID) == 0)
		memcpy(copy, l->impostor, PEERID);
	if (type == RDV_SEND && memcmp(copy, l->other, PEERID) == 0)
		memcpy(copy, l->guest, PEERID);
	rdv_input(m->peer, type, copy, n, clock_us());
	return ERR_OK;
}

static const struct tls_ops tls_ops = {on_tls_output, on_tls_up, on_tls_message};

static int
on_data(void *arg, const uint8_t *p, size_t n)
{
	return tls_input(((struct member *)arg)->tls, p, n);
}

static void
drop_member(struct member *m)
{
	struct member **at = &m->of->members;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	if (m->peer != NULL)
		rdv_leave(m->peer, clock_us());
	tls_free(m->tls);
	tcp_free(m->tcp);
	free(m);
}

static void
on_connected(void *arg)
{
	(void)arg;
}

static void
on_closed(void *arg, int err)
{
	(void)err;
	drop_member(arg);
}

static const struct tcp_ops tcp_ops = {on_connected, on_data, on_closed};

static void
on_member(void *arg, struct tcp *tcp)
{
	struct liar *l = arg;
	struct member *m = calloc(1, sizeof(*m));

	m->of = l;
	m->tcp = tcp;
	m->tls = tls_new_in(l->ctx, true, NULL, &tls_ops, m);
	m->next = l->members;
	l->members = m;
	tcp_take(tcp, &tcp_ops, m);
}

static const struct tcp_listener_ops member_ops = {on_member};

/* pool, conf and ident are set. An error: why says it. */
static int
liar_start(struct liar *l, struct event_base *base, char *why, size_t cap)
{
	l->ctx = tls_ctx_new(l->ident, TLS_RDV);
	l->rdv = rdv_new(&l->pool, &l->conf, &rdv_ops, l, 1);
	memset(l->other, 0x77, PEERID);
	return tcp_listen(&l->listener, base, "127.0.0.1:0", &member_ops, l, why, cap);
}

static struct member *
member_of(const struct liar *l, const uint8_t id[PEERID])
{
	struct member *m = l->members;

	while (m != NULL && memcmp(m->id, id, PEERID) != 0)
		m = m->next;
	return m;
}

/* All that a guest once said, once more, as if he came anew. */
static void
replay(struct liar *l)
{
	struct member *host = member_of(l, l->host);

	for (unsigned i = 0; host != NULL && i < l->recorded; i++) {
		l->record[i].body[PEERID] ^= 1;
		(void)give(host, l->record[i].body, l->record[i].n);
	}
}

/* Many first words, of `ids` ids, to the host. */
static void
flood(struct liar *l, unsigned n, unsigned ids)
{
	struct member *host = member_of(l, l->host);
	uint8_t hello[53] = {0};

	for (unsigned i = 0; host != NULL && i < n; i++) {
		hello[0] = 0x55;
		hello[1] = (uint8_t)(i % ids);
		hello[PEERID] = (uint8_t)(i + 1);
		hello[PEERID + 1] = (uint8_t)(i >> 8);
		(void)give(host, hello, sizeof(hello));
	}
}

#endif
