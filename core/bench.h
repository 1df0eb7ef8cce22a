/* SPDX-License-Identifier: ISC */
/*
 * The serve side of `bench`: round trips, a source and a sink of bytes that
 * need no device. Amounts that are asked for add up, to a bound; one sink at a time.
 */
#ifndef CORE_BENCH_H
#define CORE_BENCH_H

#include <stdint.h>

#include "core/err.h"

#define BENCH_BYTES_MAX (1ull << 30) /* asked for */

struct session;
struct session_msg;

struct bench {
	struct session *session;
	uint64_t source_left; /* bytes still to send */
	uint64_t sink_left;   /* bytes still to come */
	uint64_t sunk;
};

void bench_init(struct bench *, struct session *);

/* A message on STREAM_BENCH or STREAM_ECHO that wire_check has passed. */
int bench_message(struct bench *, const struct session_msg *) MUST_CHECK;

/* Sends more of what was asked for, as acknowledgements make room. */
void bench_turn(struct bench *);

#endif
