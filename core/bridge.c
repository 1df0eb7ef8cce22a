/* SPDX-License-Identifier: ISC */
/*
 * An import engine on top of a device that somebody else has.
 */
#include "core/bridge.h"
#include "core/assist.h"
#include "core/imports.h"
#include "core/mem.h"
#include "core/stock_client.h"

struct bridge {
	struct pool *pool;
	struct import *import;
	struct imports *imports; /* of a peer, with */
	uint32_t dev;
	struct assist *assist;       /* or NULL */
	struct stock_client *client; /* or of a stock server */
	const struct bridge_ops *ops;
	void *arg;
};

static void
on_wake(void *arg)
{
	struct bridge *b = arg;

	b->ops->wake(b->arg);
}

/* --- a peer --- */

static int
far_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct bridge *b = arg;

	return imports_submit(b->imports, b->dev, q, tag);
}

static int
far_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	struct bridge *b = arg;

	return imports_unlink(b->imports, b->dev, ep, tag);
}

static uint64_t
far_now(void *arg)
{
	struct bridge *b = arg;

	return b->ops->now(b->arg);
}

static const struct assist_ops assist_ops = {far_submit, far_unlink, far_now},
			       timeless_ops = {far_submit, far_unlink, NULL};

static int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct bridge *b = arg;

	return b->assist != NULL ? assist_submit(b->assist, q, tag)
				 : far_submit(b, q, tag);
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	struct bridge *b = arg;

	return b->assist != NULL ? assist_unlink(b->assist, ep, tag)
				 : far_unlink(b, ep, tag);
}

static void
on_sent(void *arg, uint8_t ep)
{
	struct bridge *b = arg;

	if (b->assist != NULL)
		assist_sent(b->assist, ep);
}

static const struct import_ops peer_ops = {on_submit, on_unlink, on_wake, on_sent};

/* --- a stock server --- */

static int
on_stock_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct bridge *b = arg;

	return stock_client_submit(b->client, q, tag);
}

static int
on_stock_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	struct bridge *b = arg;

	(void)ep;
	return stock_client_unlink(b->client, tag);
}

static const struct import_ops stock_ops = {on_stock_submit, on_stock_unlink, on_wake,
					    NULL};

static int
on_stock_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	       uint8_t **data, struct urb_iso **iso)
{
	struct bridge *b = arg;

	return import_reply(b->import, ep, tag, r, data, iso);
}

static int
on_stock_reply_end(void *arg)
{
	struct bridge *b = arg;

	return import_reply_end(b->import);
}

static const struct stock_client_user stock_user = {on_stock_reply, on_stock_reply_end};

/* --- */

static int
make(struct bridge **out, const struct bridge *b, const struct import_conf *conf,
     const struct import_ops *far)
{
	struct bridge *x = pool_get(b->pool, sizeof(*x));
	int err;

	*out = NULL;
	if (x == NULL)
		return ERR_NOMEM;
	*x = *b;
	if ((err = import_new(&x->import, x->pool, conf, far, x)) != ERR_OK) {
		pool_put(x->pool, x, sizeof(*x));
		return err;
	}
	*out = x;
	return ERR_OK;
}

int
bridge_new(struct bridge **out, struct pool *pool, struct imports *m,
	   const struct wire_imported *i, uint64_t budget, const struct bridge_ops *ops,
	   void *arg)
{
	struct import_conf conf = {.devid = devinfo_devid(&i->info),
				   .urb_max = imports_urb_max(m),
				   .budget = budget,
				   .reserve = budget / 8,
				   .raw = i->raw,
				   .raw_len = i->raw_len,
				   .cache = i->cache,
				   .cache_len = i->cache_len,
				   .config = i->info.config,
				   .speed = i->info.speed};
	const struct bridge b = {
	    .pool = pool, .imports = m, .dev = i->dev, .ops = ops, .arg = arg};

	return make(out, &b, &conf, &peer_ops);
}

int
bridge_new_stock(struct bridge **out, struct pool *pool, struct stock_client *client,
		 const struct import_conf *conf, const struct bridge_ops *ops, void *arg)
{
	const struct bridge b = {.pool = pool, .client = client, .ops = ops, .arg = arg};
	int err = make(out, &b, conf, &stock_ops);

	if (err == ERR_OK)
		stock_client_set_user(client, &stock_user, *out);
	return err;
}

void
bridge_free(struct bridge *b)
{
	if (b == NULL)
		return;
	assist_free(b->assist);
	import_free(b->import);
	pool_put(b->pool, b, sizeof(*b));
}

void
bridge_assist(struct bridge *b, uint32_t off)
{
	ASSERT(b->imports != NULL && b->assist == NULL);
	if (!imports_orders(b->imports))
		off |= 1u << ASSIST_STORAGE;
	b->assist = assist_new(b->pool, b->import, off,
			       b->ops->now == NULL ? &timeless_ops : &assist_ops, b);
}

void
bridge_cache(struct bridge *b)
{
	if (b->assist != NULL)
		assist_cache(b->assist);
}

uint64_t
bridge_turn(struct bridge *b, uint64_t trip)
{
	return b->assist != NULL ? assist_turn(b->assist, trip) : UINT64_MAX;
}

const struct assist *
bridge_assists(const struct bridge *b)
{
	return b->assist;
}

struct import *
bridge_import(struct bridge *b)
{
	return b->import;
}

static int
reply_begin(struct bridge *b, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	    uint8_t **data, struct urb_iso **iso)
{
	return b->assist != NULL ? assist_reply(b->assist, ep, tag, reply, data, iso)
				 : import_reply(b->import, ep, tag, reply, data, iso);
}

static int
reply_end(struct bridge *b)
{
	return b->assist != NULL ? assist_reply_end(b->assist)
				 : import_reply_end(b->import);
}

int
bridge_reply(struct bridge *b, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	     const struct session_msg *msg)
{
	struct urb_iso *iso;
	uint8_t *data;
	int err = reply_begin(b, ep, tag, reply, &data, &iso);

	if (err != ERR_OK)
		return err;
	if (data != NULL && msg == NULL)
		return ERR_PROTO; /* says it read bytes, and sends none */
	if (iso != NULL)
		imports_packets(msg, iso, reply->packets);
	if (data != NULL)
		imports_data(msg, data, reply->actual);
	return reply_end(b);
}
