/* SPDX-License-Identifier: ISC */
/*
 * What a stock server is sent: SUBMIT and UNLINK as bytes, one behind the other.
 * What they are for, and what comes back, is not known here.
 */
#ifndef CORE_STOCK_OUT_H
#define CORE_STOCK_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/import.h"
#include "core/list.h"

struct pool;

struct stock_out {
	struct pool *pool;
	struct list pieces; /* struct piece */
	size_t sent;        /* of the first */
	uint32_t devid;
};

void stock_out_init(struct stock_out *, struct pool *, uint32_t devid);
void stock_out_fini(struct stock_out *);

/* len: bytes of its data stage; at most q->len. ERR_NOMEM: nothing is sent. */
int stock_out_submit(struct stock_out *, const struct import_request *q, uint32_t len,
		     uint32_t seqnum) MUST_CHECK;
int stock_out_unlink(struct stock_out *, uint32_t victim, uint32_t seqnum) MUST_CHECK;

/* Lends bytes; 0: none. sent gives back the first n. */
size_t stock_out_output(const struct stock_out *, const uint8_t **);
void stock_out_sent(struct stock_out *, size_t n);

#endif
