/* SPDX-License-Identifier: ISC */
/*
 * bench of the link itself: 64-byte round trips one after another, then bytes
 * in both directions, a request at a time until the time is over.
 */
#include <string.h>
#include <sys/resource.h>

#include "cmd/bencher.h"
#include "core/session.h"
#include "net/clock.h"

#define DIRECTION_US 1500000
#define CHUNK        (8u << 20) /* bytes of one SOURCE or SINK */
#define PIECE        32768u     /* bytes of one DATA */
#define AHEAD        (4u << 20)

static uint64_t
cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static int
send(struct bencher *b, uint32_t sid, uint8_t type, const void *body, size_t n)
{
	struct session_slice v = {body, n};
	enum stream_prio prio =
	    sid == STREAM_ECHO ? STREAM_PRIO_INTERRUPT : STREAM_PRIO_BULK;
	int err = session_open(remote_session(b->remote), sid, prio);

	if (err == ERR_OK)
		err = session_send(remote_session(b->remote), sid, type, &v, 1, NULL);
	if (err != ERR_OK)
		bench_stop(b, err, err_text(err));
	return err;
}

void
bench_ping(struct bencher *b)
{
	uint8_t body[64] = {(uint8_t)b->pings};

	b->sent_at = clock_us();
	send(b, STREAM_ECHO, WIRE_PING, body, sizeof(body));
}

static int
on_pong(struct bencher *b, const struct session_msg *m)
{
	uint8_t body[64];

	if (m->len != sizeof(body) || b->pings >= BENCH_PINGS)
		return ERR_PROTO;
	session_msg_read(m, 0, body, sizeof(body));
	if (body[0] != (uint8_t)b->pings)
		return ERR_PROTO;
	b->rtt[b->pings++] = clock_us() - b->sent_at;
	if (b->pings < BENCH_PINGS)
		bench_ping(b);
	else
		bench_next(b);
	return ERR_OK;
}

static void
ask_chunk(struct bencher *b, uint8_t type)
{
	uint8_t body[8];
	struct wr w;

	b->chunk_left = CHUNK;
	wr_init(&w, body, sizeof(body));
	wr_le64(&w, CHUNK);
	send(b, STREAM_BENCH, type, body, sizeof(body));
}

static void
begin(struct bencher *b)
{
	b->phase_start = clock_us();
	b->phase_end = b->phase_start + DIRECTION_US;
	b->moved = 0;
	b->cpu_start = cpu_us();
}

/* Bytes per second of the direction that has ended. */
static uint64_t
finish(struct bencher *b)
{
	uint64_t us = clock_us() - b->phase_start;

	b->cpu_us += cpu_us() - b->cpu_start;
	b->total += b->moved;
	return b->moved * 1000000 / (us > 0 ? us : 1);
}

void
bench_down(struct bencher *b)
{
	begin(b);
	ask_chunk(b, WIRE_SOURCE);
}

static int
on_data(struct bencher *b, const struct session_msg *m)
{
	if (m->len > b->chunk_left)
		return ERR_PROTO;
	b->moved += m->len;
	b->chunk_left -= m->len;
	if (b->chunk_left > 0)
		return ERR_OK;
	if (clock_us() < b->phase_end) {
		ask_chunk(b, WIRE_SOURCE);
	} else {
		b->down_bps = finish(b);
		bench_next(b);
	}
	return ERR_OK;
}

void
bench_up(struct bencher *b)
{
	begin(b);
	ask_chunk(b, WIRE_SINK);
	b->to_send = CHUNK;
	bench_on_turn(b);
}

/* Keeps the stream full, but not the memory. */
void
bench_on_turn(void *arg)
{
	static const uint8_t zeros[PIECE];
	struct bencher *b = arg;

	while (!b->done && b->to_send > 0 &&
	       session_unacked(remote_session(b->remote), STREAM_BENCH) < AHEAD) {
		size_t n = b->to_send < PIECE ? (size_t)b->to_send : PIECE;

		if (send(b, STREAM_BENCH, WIRE_DATA, zeros, n) != ERR_OK)
			return;
		b->to_send -= n;
	}
}

static int
on_sunk(struct bencher *b)
{
	if (b->to_send > 0 || b->chunk_left == 0)
		return ERR_PROTO;
	b->moved += CHUNK;
	if (clock_us() < b->phase_end) {
		ask_chunk(b, WIRE_SINK);
		b->to_send = CHUNK;
		bench_on_turn(b);
	} else {
		b->chunk_left = 0;
		b->up_bps = finish(b);
		bench_next(b);
	}
	return ERR_OK;
}

int
bench_on_message(void *arg, const struct session_msg *m)
{
	struct bencher *b = arg;

	switch (m->type) {
	case WIRE_PONG:
		return on_pong(b, m);
	case WIRE_DATA:
		return on_data(b, m);
	case WIRE_SUNK:
		return on_sunk(b);
	default:
		return ERR_PROTO;
	}
}
