/* SPDX-License-Identifier: ISC */
/*
 * Asks a device behind a stock server for its descriptors, before an import engine
 * can be made: the server's OP reply has none.
 */
#ifndef CORE_STOCK_FETCH_H
#define CORE_STOCK_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "core/err.h"

#define STOCK_FETCH_US 5000000 /* for each request */

struct pool;
struct stock_client;
struct stock_fetch;

/* The last call. why: a line for people, "" when err is ERR_OK. */
typedef void stock_fetch_done(void *arg, int err, const char *why);

/*
 * Becomes the user of the client. A configuration that cannot be read is left
 * out, as core/desc has it; so is a string. done may come
 * from inside, but not when this fails.
 */
int stock_fetch_new(struct stock_fetch **, struct pool *, struct stock_client *,
		    stock_fetch_done *, void *arg, uint64_t now_us) MUST_CHECK;

/* Not from inside done. NULL is fine. */
void stock_fetch_free(struct stock_fetch *);

/*
 * Time passes: ERR_TIMEOUT goes to done. The next call is due at deadline, which is
 * UINT64_MAX when it is over. Times of requests begin with the last tick or input:
 * call stock_fetch_tick after input too.
 */
uint64_t stock_fetch_deadline(const struct stock_fetch *);
void stock_fetch_tick(struct stock_fetch *, uint64_t now_us);

/* After done(ERR_OK): what was read, in the shape of desc_parse. Borrowed. */
const uint8_t *stock_fetch_raw(const struct stock_fetch *, size_t *n);

/* Manufacturer, product and serial, text_clean; "" for what there is none of. */
void stock_fetch_strings(const struct stock_fetch *, struct devinfo *);

#endif
