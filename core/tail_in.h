/* SPDX-License-Identifier: ISC */
/*
 * Pieces of messages of one stream that came as datagrams, in whatever order, until
 * the message's turn comes. What did not come is not there: nobody sends it again.
 */
#ifndef CORE_TAIL_IN_H
#define CORE_TAIL_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"

struct pool;

#define TAIL_IN_MAX    (1024 * 1024 + 65536) /* bytes of a stream, and what they cost */
#define TAIL_IN_PIECES 2048

struct tail_in {
	struct pool *pool;
	struct list pieces; /* by message and offset, none over another */
	size_t bytes;
	unsigned n;
};

void tail_in_init(struct tail_in *, struct pool *);
void tail_in_fini(struct tail_in *);

/* false: there is no room, or some of it is there already; nothing has changed. */
bool
tail_in_add(struct tail_in *, uint64_t index, uint32_t off, const uint8_t *, uint32_t n);

/* How many bytes of the first n of that message's tail are there. */
uint32_t tail_in_have(const struct tail_in *, uint64_t index, uint32_t n);

/* Where what is there of it ends; 0: nothing is. */
uint32_t tail_in_end(const struct tail_in *, uint64_t index);

/* Copies n bytes; false: some are missing, they are zeros. dst NULL: only looks. */
bool tail_in_read(const struct tail_in *, uint64_t index, uint32_t off, uint8_t *dst,
		  uint32_t n);

/* The messages before that one have had their turn. */
void tail_in_drop(struct tail_in *, uint64_t before);

#endif
