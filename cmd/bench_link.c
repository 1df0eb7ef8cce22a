/* SPDX-License-Identifier: ISC */
/*
 * bench of the link itself: 64-byte round trips one after another, then bytes in both
 * directions until the time is over, then both at once.
 */
#include <string.h>
#include <sys/resource.h>

#include "cmd/bencher.h"
#include "core/bench.h"
#include "core/session.h"
#include "net/clock.h"

#define LEAST (4u << 20) /* bytes asked for at once */
#define CHUNK (1u << 20) /* bytes of one SINK */
#define PIECE 32768u     /* bytes of one DATA */
#define AHEAD (1u << 20) /* that wait to leave */

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
	uint8_t body[64] = {(uint8_t)(b->pings + b->busy_pings)};

	b->sent_at = clock_us();
	send(b, STREAM_ECHO, WIRE_PING, body, sizeof(body));
}

static int
on_pong(struct bencher *b, const struct session_msg *m)
{
	bool busy = b->mode == BENCH_BUSY;
	unsigned *n = busy ? &b->busy_pings : &b->pings;
	uint8_t body[64];

	if (b->mode == BENCH_OVER) /* the last one's, late */
		return ERR_OK;
	if (m->len != sizeof(body) || *n >= BENCH_PINGS)
		return ERR_PROTO;
	session_msg_read(m, 0, body, sizeof(body));
	if (body[0] != (uint8_t)(b->pings + b->busy_pings))
		return ERR_PROTO;
	(busy ? b->busy : b->rtt)[(*n)++] = clock_us() - b->sent_at;
	if (*n < BENCH_PINGS)
		bench_ping(b);
	else if (!busy)
		bench_next(b);
	return ERR_OK;
}

/* The time of a direction is not over. */
static bool
goes_on(const struct bencher *b)
{
	if (b->mode == BENCH_BUSY && b->busy_pings == BENCH_PINGS)
		return false;
	return clock_us() < b->phase_end || (b->mode == BENCH_BUSY && b->busy_pings == 0);
}

static void
ask(struct bencher *b, uint8_t type, uint64_t n)
{
	uint8_t body[8];
	struct wr w;

	b->left += n;
	wr_init(&w, body, sizeof(body));
	wr_le64(&w, n);
	send(b, STREAM_BENCH, type, body, sizeof(body));
}

/* Asks for more before what was asked for has come: what a second brings is enough. */
static void
ask_more(struct bencher *b)
{
	uint64_t took = clock_us() - b->phase_start;
	uint64_t want = took > 0 ? b->moved * 1000000 / took : 0;

	want = want > LEAST ? want : LEAST;
	want = want < BENCH_BYTES_MAX ? want : BENCH_BYTES_MAX;
	if (b->left <= want / 2)
		ask(b, WIRE_SOURCE, want - b->left);
}

static void
begin(struct bencher *b)
{
	b->phase_start = clock_us();
	b->phase_end = b->phase_start + b->direction_us;
	b->moved = b->left = 0;
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
	b->mode = BENCH_DOWN;
	begin(b);
	ask_more(b);
}

/* Round trips while bytes come as fast as they can. */
void
bench_busy(struct bencher *b)
{
	b->mode = BENCH_BUSY;
	begin(b);
	ask_more(b);
	bench_ping(b);
}

static int
on_data(struct bencher *b, const struct session_msg *m)
{
	if (m->len > b->left || b->mode == BENCH_UP)
		return ERR_PROTO;
	b->moved += m->len;
	b->left -= m->len;
	if (goes_on(b)) {
		ask_more(b);
		return ERR_OK;
	}
	if (b->left > 0)
		return ERR_OK;
	if (b->mode == BENCH_DOWN)
		b->down_bps = finish(b);
	else
		b->mode = BENCH_OVER;
	bench_next(b);
	return ERR_OK;
}

void
bench_up(struct bencher *b)
{
	b->mode = BENCH_UP;
	begin(b);
	bench_on_turn(b);
}

/* Keeps the stream full, but not the memory. */
void
bench_on_turn(void *arg)
{
	static const uint8_t zeros[PIECE];
	struct bencher *b = arg;

	while (!b->done && b->mode == BENCH_UP && (b->to_send > 0 || goes_on(b)) &&
	       session_unsent(remote_session(b->remote), STREAM_BENCH) < AHEAD) {
		if (b->to_send == 0) {
			ask(b, WIRE_SINK, CHUNK);
			b->to_send = CHUNK;
		}
		if (send(b, STREAM_BENCH, WIRE_DATA, zeros, PIECE) != ERR_OK)
			return;
		b->to_send -= PIECE;
	}
}

static int
on_sunk(struct bencher *b)
{
	if (b->mode != BENCH_UP || b->left < b->to_send + CHUNK)
		return ERR_PROTO;
	b->moved += CHUNK;
	b->left -= CHUNK;
	if (b->left > 0 || goes_on(b)) {
		bench_on_turn(b);
	} else {
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
