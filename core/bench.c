/* SPDX-License-Identifier: ISC */
/*
 * Echo, source and sink for an invited peer.
 */
#include "core/bench.h"
#include "core/cur.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"
#include "core/wire.h"

#define BENCH_CHUNK 32768u
#define BENCH_AHEAD (1u << 20) /* bytes queued that did not leave yet */
#define BENCH_TURN  64         /* chunks a turn */

void
bench_init(struct bench *b, struct session *s)
{
	memset(b, 0, sizeof(*b));
	b->session = s;
}

static int
on_ping(struct bench *b, const struct session_msg *m)
{
	uint8_t echo[1024];
	struct session_slice v = {echo, m->len};

	session_msg_read(m, 0, echo, m->len);
	return session_send(b->session, m->sid, WIRE_PONG, &v, 1, NULL);
}

static int
on_data(struct bench *b, const struct session_msg *m)
{
	uint8_t body[8];
	struct wr w;
	struct session_slice v = {body, sizeof(body)};

	if (m->len > b->sink_left)
		return ERR_PROTO;
	b->sunk += m->len;
	if ((b->sink_left -= m->len) > 0)
		return ERR_OK;
	wr_init(&w, body, sizeof(body));
	wr_le64(&w, b->sunk);
	return session_send(b->session, m->sid, WIRE_SUNK, &v, 1, NULL);
}

/* SOURCE or SINK: how many bytes. */
static int
on_amount(struct bench *b, const struct session_msg *m)
{
	uint64_t *left = m->type == WIRE_SOURCE ? &b->source_left : &b->sink_left;
	uint8_t body[8];
	uint64_t n;
	struct rd r;

	session_msg_read(m, 0, body, sizeof(body));
	rd_init(&r, body, sizeof(body));
	n = rd_le64(&r);
	if (r.bad || n == 0 || n > BENCH_BYTES_MAX - *left)
		return ERR_PROTO;
	if (m->type == WIRE_SINK && *left > 0)
		return ERR_PROTO;
	*left += n;
	if (m->type == WIRE_SINK)
		b->sunk = 0;
	else
		bench_turn(b);
	return ERR_OK;
}

int
bench_message(struct bench *b, const struct session_msg *m)
{
	switch (m->type) {
	case WIRE_PING:
		return on_ping(b, m);
	case WIRE_DATA:
		return on_data(b, m);
	default:
		return on_amount(b, m);
	}
}

void
bench_turn(struct bench *b)
{
	static const uint8_t zeros[BENCH_CHUNK];
	struct session_slice v = {zeros, sizeof(zeros)};

	for (unsigned i = 0; i < BENCH_TURN && b->source_left > 0; i++) {
		if (session_unsent(b->session, STREAM_BENCH) > BENCH_AHEAD)
			return;
		if (v.n > b->source_left)
			v.n = (size_t)b->source_left;
		if (session_send(b->session, STREAM_BENCH, WIRE_DATA, &v, 1, NULL) !=
		    ERR_OK)
			return;
		b->source_left -= v.n;
	}
}
