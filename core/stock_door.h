/* SPDX-License-Identifier: ISC */
/*
 * The second door to a device (DESIGN.md 1): one byte stream of a stock USB/IP
 * client, behind its OP phase, joined to an export engine. The client's bytes are
 * read by the same engine that reads a kernel's (core/import), whose far end is
 * here the device itself.
 */
#ifndef CORE_STOCK_DOOR_H
#define CORE_STOCK_DOOR_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/export.h"

struct pool;
struct stock_door;

struct stock_door_ops {
	/* Device, as in export_ops. */
	int (*submit)(void *arg, struct urb *);
	void (*cancel)(void *arg, struct urb *);

	void (*wake)(void *arg);  /* stock_door_output has bytes */
	void (*ended)(void *arg); /* after stock_door_end: all urbs are back */
};

struct stock_door_conf {
	uint32_t devid;   /* busnum << 16 | devnum that the client was told */
	uint32_t urb_max; /* longest transfer; a longer one fails alone */
	uint64_t budget;  /* bytes of requests that may be out */
	const uint8_t *raw;
	size_t raw_len; /* descriptors, copied */
	const uint8_t *cache;
	size_t cache_len; /* as in import_conf */
	uint8_t config;
	uint8_t speed; /* enum devinfo_speed */
};

/* The pool should have room for twice the budget: data is copied once. */
int stock_door_new(struct stock_door **, struct pool *, const struct stock_door_conf *,
		   const struct stock_door_ops *, void *arg) MUST_CHECK;

/* Only after (or in) ended. */
void stock_door_free(struct stock_door *);

/* Bytes of the client; as import_input. Not after stock_door_end. */
int stock_door_input(struct stock_door *, const uint8_t *, size_t n) MUST_CHECK;

/* Bytes for the client; as import_output. */
size_t stock_door_output(struct stock_door *, const uint8_t **);
void stock_door_sent(struct stock_door *, size_t n);

/* The device's urb is done. */
void stock_door_complete(struct stock_door *, struct urb *);

/*
 * The client is gone or sent away: cancels everything, replies to nothing more;
 * then ops->ended, maybe at once. Not from inside an op.
 */
void stock_door_end(struct stock_door *);

void stock_door_stats(const struct stock_door *, struct export_stats *);

#endif
