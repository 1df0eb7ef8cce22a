/* SPDX-License-Identifier: ISC */
/*
 * The ways in which endpoints are taken care of, behind one face.
 */
#include "core/assist_impl.h"
#include "core/behind.h"
#include "core/isoin.h"
#include "core/isoout.h"

/* What is the same for all, but for what `it` is. */
#define WAY(x)                                                                      \
	static void free_##x(void *it)                                              \
	{                                                                           \
		x##_free(it);                                                       \
	}                                                                           \
	static int take_##x(void *it, const struct import_request *q, uint64_t tag) \
	{                                                                           \
		return x##_take(it, q, tag);                                        \
	}                                                                           \
	static void go_##x(void *it)                                                \
	{                                                                           \
		x##_go(it);                                                         \
	}                                                                           \
	static void unlink_##x(void *it, uint64_t tag)                              \
	{                                                                           \
		x##_unlink(it, tag);                                                \
	}                                                                           \
	static void bar_##x(void *it)                                               \
	{                                                                           \
		x##_bar(it);                                                        \
	}                                                                           \
	static void unbar_##x(void *it, bool changed)                               \
	{                                                                           \
		x##_unbar(it, changed);                                             \
	}                                                                           \
	static bool quiet_##x(const void *it)                                       \
	{                                                                           \
		return x##_quiet(it);                                               \
	}                                                                           \
	static bool idle_##x(const void *it)                                        \
	{                                                                           \
		return x##_idle(it);                                                \
	}

#define WAY_OF(x)                                                                       \
	.make = make_##x, .free = free_##x, .take = take_##x, .go = go_##x,             \
	.unlink = unlink_##x, .reply = reply_##x, .reply_end = end_##x, .bar = bar_##x, \
	.unbar = unbar_##x, .quiet = quiet_##x, .idle = idle_##x

WAY(ahead)

static void *
make_ahead(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	   const struct ahead_ops *ops, void *arg)
{
	return ahead_new(pool, ep, most, stats, ops, arg);
}

static int
reply_ahead(void *it, uint64_t tag, const struct import_reply *reply, uint8_t **data,
	    struct urb_iso **iso)
{
	*iso = NULL;
	return ahead_reply(it, tag, reply, data);
}

static int
end_ahead(void *it)
{
	ahead_reply_end(it);
	return ERR_OK;
}

const struct assist_way assist_ahead = {WAY_OF(ahead)};

WAY(behind)

static void *
make_behind(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	    const struct ahead_ops *ops, void *arg)
{
	(void)most;
	return behind_new(pool, ep, stats, ops, arg);
}

static int
reply_behind(void *it, uint64_t tag, const struct import_reply *reply, uint8_t **data,
	     struct urb_iso **iso)
{
	*data = NULL;
	*iso = NULL;
	return behind_reply(it, tag, reply);
}

static int
end_behind(void *it)
{
	behind_reply_end(it);
	return ERR_OK;
}

static bool
lags_behind(const void *it)
{
	return !behind_quiet(it);
}

const struct assist_way assist_behind = {WAY_OF(behind), .lags = lags_behind};

WAY(isoin)

static void *
make_isoin(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	   const struct ahead_ops *ops, void *arg)
{
	return isoin_new(pool, ep, most, stats, ops, arg);
}

static int
reply_isoin(void *it, uint64_t tag, const struct import_reply *reply, uint8_t **data,
	    struct urb_iso **iso)
{
	return isoin_reply(it, tag, reply, data, iso);
}

static int
end_isoin(void *it)
{
	return isoin_reply_end(it);
}

const struct assist_way assist_isoin = {WAY_OF(isoin)};

WAY(isoout)

static void *
make_isoout(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	    const struct ahead_ops *ops, void *arg)
{
	return isoout_new(pool, ep, most, stats, ops, arg);
}

static int
reply_isoout(void *it, uint64_t tag, const struct import_reply *reply, uint8_t **data,
	     struct urb_iso **iso)
{
	*data = NULL;
	return isoout_reply(it, tag, reply, iso);
}

static int
end_isoout(void *it)
{
	return isoout_reply_end(it);
}

static uint64_t
turn_isoout(void *it)
{
	return isoout_turn(it);
}

static bool
lags_isoout(const void *it)
{
	return isoout_ends(it);
}

const struct assist_way assist_isoout = {WAY_OF(isoout), .turn = turn_isoout,
					 .lags = lags_isoout};
