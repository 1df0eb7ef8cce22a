/* SPDX-License-Identifier: ISC */
/*
 * Joins one imported device, of a peer (core/imports) or of a stock server
 * (core/stock_client), to the engine that speaks USB/IP for it (core/import):
 * requests down, replies up.
 */
#ifndef CORE_BRIDGE_H
#define CORE_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/import.h"
#include "core/wire.h"

struct assist;
struct bridge;
struct imports;
struct pool;
struct session_msg;
struct stock_client;

struct bridge_ops {
	void (*wake)(void *arg);    /* import_output has bytes for the kernel */
	uint64_t (*now)(void *arg); /* as assist_ops; may be NULL */
};

/*
 * For a device that has just been imported. budget: bytes of urbs that may be
 * out, an eighth of it kept for control and interrupt endpoints.
 */
int bridge_new(struct bridge **, struct pool *, struct imports *,
	       const struct wire_imported *, uint64_t budget, const struct bridge_ops *,
	       void *arg) MUST_CHECK;

/* The same for a stock server's, which must stay; the bridge becomes its user. */
int bridge_new_stock(struct bridge **, struct pool *, struct stock_client *,
		     const struct import_conf *, const struct bridge_ops *,
		     void *arg) MUST_CHECK;
void bridge_free(struct bridge *);

/*
 * What helps over distance (core/assist), but for the kinds that are `off`; of a peer's
 * device, before its first request. Without memory it goes without.
 */
void bridge_assist(struct bridge *, uint32_t off);

/* After that: as assist_cache. */
void bridge_cache(struct bridge *);

/* As assist_turn. */
uint64_t bridge_turn(struct bridge *, uint64_t trip);

/* NULL: nothing does. */
const struct assist *bridge_assists(const struct bridge *);

/* The engine, for its bytes. */
struct import *bridge_import(struct bridge *);

/* As imports_user.reply, of a peer's. */
int bridge_reply(struct bridge *, uint8_t ep, uint64_t tag, const struct import_reply *,
		 const struct session_msg *) MUST_CHECK;

#endif
