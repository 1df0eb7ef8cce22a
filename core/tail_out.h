/* SPDX-License-Identifier: ISC */
/*
 * Pieces of messages that wait to leave as datagrams: what did not leave in time is
 * dropped, and so is the oldest when there are too many. They know no packets; when
 * the time comes is told them.
 */
#ifndef CORE_TAIL_OUT_H
#define CORE_TAIL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"

struct pool;
struct stream;

#define TAIL_OUT_MAX (1024 * 1024) /* bytes that wait */

struct tail_piece {
	struct list all;  /* in tail_out.all */
	struct list mine; /* in those of its stream */
	struct stream *of;
	uint64_t index;    /* of the message in its stream */
	uint64_t before;   /* offset in the stream of the message: what is before it goes
			      first, what follows goes after the piece */
	uint64_t patience; /* us; begins with the first time that is told after it came */
	uint64_t until;
	uint32_t off, len; /* in the tail */
	size_t room;
	uint8_t *p; /* len bytes, in */
	uint8_t bytes[];
};

struct tail_out {
	struct pool *pool;
	struct list all; /* oldest first */
	size_t bytes;
};

void tail_out_init(struct tail_out *, struct pool *);

/* A copy of what is in *k, and of its k->len bytes, last in mine; false: no memory. */
bool tail_out_add(struct tail_out *, const struct tail_piece *k, const void *bytes,
		  struct list *mine);

/* The first of a stream's; NULL: none. */
struct tail_piece *tail_out_first(const struct list *mine);

void tail_out_clock(struct tail_out *, uint64_t now);

/* The oldest of all, if there are too many; NULL: there are not. */
struct tail_piece *tail_out_surplus(const struct tail_out *);

/* Its first n bytes are out of it; all of them: it is gone. */
void tail_out_took(struct tail_out *, struct tail_piece *, uint32_t n);

#endif
