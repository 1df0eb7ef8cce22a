/* SPDX-License-Identifier: ISC */
/*
 * The serve side of one session: which message is for whom. Requests of device streams
 * are core/exported's.
 */
#include "core/exports_impl.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/session.h"
#include "core/stream.h"

struct exports *
exports_new(struct pool *pool, struct session *s, const struct exports_conf *conf,
	    const struct exports_ops *ops, void *arg)
{
	struct exports *e = pool_zget(pool, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->pool = pool;
	e->session = s;
	e->ops = ops;
	e->arg = arg;
	e->devs = (struct exported_set){
	    .pool = pool, .session = s, .conf = *conf, .ops = ops, .arg = arg};
	list_init(&e->devs.devs);
	pack_init(&e->devs.pack, pool, s);
	e->next_dev = 1;
	bench_init(&e->bench, s);
	if (session_open(s, STREAM_SESSION, STREAM_PRIO_SESSION) != ERR_OK) {
		pool_put(pool, e, sizeof(*e));
		return NULL;
	}
	return e;
}

void
exports_free(struct exports *e)
{
	if (e == NULL)
		return;
	ASSERT(list_empty(&e->devs.devs));
	pool_put(e->pool, e, sizeof(*e));
}

static int
on_bench(struct exports *e, const struct session_msg *m)
{
	return e->welcomed ? bench_message(&e->bench, m) : ERR_PROTO;
}

static int
on_device(struct exports *e, const struct session_msg *m)
{
	struct exported *x = exported_find(&e->devs, stream_dev(m->sid));

	return x == NULL ? ERR_OK : exported_submit(x, m);
}

int
exports_message(struct exports *e, const struct session_msg *m)
{
	static int (*const run[])(struct exports *, const struct session_msg *) = {
	    [WIRE_SESSION] = exports_told,
	    [WIRE_BENCH] = on_bench,
	    [WIRE_DEVICE] = on_device};
	enum wire_place place = wire_place_of(m->sid);
	const struct wire_row *row;
	int err = wire_check(m->type, WIRE_ATTACH, place, m->len, &row);

	if (err == ERR_NODEV || e->ending)
		return ERR_OK;
	if (err == ERR_OK && m->tail > 0 && place != WIRE_DEVICE)
		err = ERR_PROTO;
	if (err == ERR_OK)
		err = run[place](e, m);
	if (err != ERR_OK)
		log_warn("session refuses message=%s length=%u reason=\"%s\"",
			 wire_name(m->type), (unsigned)m->len, err_text(err));
	return err;
}

bool
exports_is_stream(const struct exports *e, uint32_t sid)
{
	uint32_t dev = stream_dev(sid);

	return dev != 0 && dev < e->next_dev && stream_of(dev, stream_ep(sid)) == sid;
}

static int
accept_bench(uint32_t sid, enum stream_prio *prio)
{
	*prio = sid == STREAM_ECHO ? STREAM_PRIO_INTERRUPT : STREAM_PRIO_BULK;
	return sid == STREAM_ECHO || sid == STREAM_BENCH ? ERR_OK : ERR_PROTO;
}

int
exports_accept(struct exports *e, uint32_t sid, enum stream_prio *prio)
{
	struct exported *x = exported_find(&e->devs, stream_dev(sid));

	if (!e->welcomed)
		return ERR_PROTO;
	if (stream_dev(sid) == 0)
		return accept_bench(sid, prio);
	if (!exports_is_stream(e, sid))
		return ERR_PROTO;
	if (x == NULL || x->state == EXPORTED_LEAVING)
		return ERR_GONE;
	if (x->state == EXPORTED_OPENING)
		return ERR_PROTO; /* it was not told yet that the device is there */
	*prio = stream_prio_of(export_type(x->ex, stream_ep(sid)));
	return ERR_OK;
}

void
exports_turn(struct exports *e)
{
	if (!e->ending)
		bench_turn(&e->bench);
}

void
exports_complete(struct exports *e, uint32_t dev, struct urb *u)
{
	struct exported *x = exported_find(&e->devs, dev);

	ASSERT(x != NULL && x->ex != NULL);
	export_complete(x->ex, u);
}

bool
exports_end(struct exports *e)
{
	e->ending = true;
	exported_leave_all(&e->devs);
	return list_empty(&e->devs.devs);
}

bool
exports_open(const struct exports *e)
{
	return e->welcomed;
}

void
exports_stats(const struct exports *e, struct export_stats *sum)
{
	exported_stats(&e->devs, sum);
}

void
exports_pack(struct exports *e, const struct pack_conf *conf)
{
	e->devs.pack.conf = *conf;
}

bool
exports_packs(const struct exports *e, struct pack_stats *sum)
{
	exported_packed(&e->devs, sum);
	return e->devs.pack.on;
}
