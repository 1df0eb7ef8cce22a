/* SPDX-License-Identifier: ISC */
/*
 * An import engine on top of an imported device.
 */
#include "core/bridge.h"
#include "core/imports.h"
#include "core/mem.h"

struct bridge {
	struct pool *pool;
	struct imports *imports;
	struct import *import;
	uint32_t dev;
	const struct bridge_ops *ops;
	void *arg;
};

static int
on_submit(void *arg, const struct import_request *q, uint64_t *tag)
{
	struct bridge *b = arg;

	return imports_submit(b->imports, b->dev, q, tag);
}

static int
on_unlink(void *arg, uint8_t ep, uint64_t tag)
{
	struct bridge *b = arg;

	return imports_unlink(b->imports, b->dev, ep, tag);
}

static void
on_wake(void *arg)
{
	struct bridge *b = arg;

	b->ops->wake(b->arg);
}

static const struct import_ops import_ops = {on_submit, on_unlink, on_wake};

int
bridge_new(struct bridge **out, struct pool *pool, struct imports *m,
	   const struct wire_imported *i, uint64_t budget, const struct bridge_ops *ops,
	   void *arg)
{
	struct import_conf conf = {.devid = i->info.busnum << 16 | i->info.devnum,
				   .urb_max = imports_urb_max(m),
				   .budget = budget,
				   .reserve = budget / 8,
				   .raw = i->raw,
				   .raw_len = i->raw_len,
				   .cache = i->cache,
				   .cache_len = i->cache_len,
				   .config = i->info.config,
				   .speed = i->info.speed};
	struct bridge *b = pool_zget(pool, sizeof(*b));
	int err;

	*out = NULL;
	if (b == NULL)
		return ERR_NOMEM;
	b->pool = pool;
	b->imports = m;
	b->dev = i->dev;
	b->ops = ops;
	b->arg = arg;
	if ((err = import_new(&b->import, pool, &conf, &import_ops, b)) != ERR_OK) {
		pool_put(pool, b, sizeof(*b));
		return err;
	}
	*out = b;
	return ERR_OK;
}

void
bridge_free(struct bridge *b)
{
	if (b == NULL)
		return;
	import_free(b->import);
	pool_put(b->pool, b, sizeof(*b));
}

struct import *
bridge_import(struct bridge *b)
{
	return b->import;
}

int
bridge_reply(struct bridge *b, uint8_t ep, uint64_t tag, const struct import_reply *reply,
	     const struct session_msg *msg)
{
	struct urb_iso *iso;
	uint8_t *data;
	int err = import_reply(b->import, ep, tag, reply, &data, &iso);

	if (err != ERR_OK)
		return err;
	if (data != NULL && msg == NULL)
		return ERR_PROTO; /* says it read bytes, and sends none */
	if (iso != NULL)
		imports_packets(msg, iso, reply->packets);
	if (data != NULL)
		imports_data(msg, data, reply->actual);
	return import_reply_end(b->import);
}
