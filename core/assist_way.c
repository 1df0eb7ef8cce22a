/* SPDX-License-Identifier: ISC */
/*
 * The ways in which endpoints are taken care of, behind one face.
 */
#include "core/assist_impl.h"
#include "core/behind.h"
#include "core/isoin.h"
#include "core/isoout.h"

static void *
make_ahead(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	   const struct ahead_ops *ops, void *arg)
{
	return ahead_new(pool, ep, most, stats, ops, arg);
}

static void
free_ahead(void *it)
{
	ahead_free(it);
}

static int
take_ahead(void *it, const struct import_request *q, uint64_t tag)
{
	return ahead_take(it, q, tag);
}

static void
go_ahead(void *it)
{
	ahead_go(it);
}

static void
unlink_ahead(void *it, uint64_t tag)
{
	ahead_unlink(it, tag);
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

static void
bar_ahead(void *it)
{
	ahead_bar(it);
}

static void
unbar_ahead(void *it, bool changed)
{
	ahead_unbar(it, changed);
}

static bool
quiet_ahead(const void *it)
{
	return ahead_quiet(it);
}

static bool
idle_ahead(const void *it)
{
	return ahead_idle(it);
}

const struct assist_way assist_ahead = {make_ahead,   free_ahead,  take_ahead, go_ahead,
					unlink_ahead, reply_ahead, end_ahead,  bar_ahead,
					unbar_ahead,  quiet_ahead, idle_ahead, NULL,
					NULL};

static void *
make_behind(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	    const struct ahead_ops *ops, void *arg)
{
	(void)most;
	return behind_new(pool, ep, stats, ops, arg);
}

static void
free_behind(void *it)
{
	behind_free(it);
}

static int
take_behind(void *it, const struct import_request *q, uint64_t tag)
{
	return behind_take(it, q, tag);
}

static void
go_behind(void *it)
{
	behind_go(it);
}

static void
unlink_behind(void *it, uint64_t tag)
{
	behind_unlink(it, tag);
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

static void
bar_behind(void *it)
{
	behind_bar(it);
}

static void
unbar_behind(void *it, bool changed)
{
	behind_unbar(it, changed);
}

static bool
quiet_behind(const void *it)
{
	return behind_quiet(it);
}

static bool
idle_behind(const void *it)
{
	return behind_idle(it);
}

static bool
lags_behind(const void *it)
{
	return !behind_quiet(it);
}

const struct assist_way assist_behind = {
    make_behind,  free_behind, take_behind, go_behind,    unlink_behind,
    reply_behind, end_behind,  bar_behind,  unbar_behind, quiet_behind,
    idle_behind,  NULL,        lags_behind};

static void *
make_isoin(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	   const struct ahead_ops *ops, void *arg)
{
	return isoin_new(pool, ep, most, stats, ops, arg);
}

static void
free_isoin(void *it)
{
	isoin_free(it);
}

static int
take_isoin(void *it, const struct import_request *q, uint64_t tag)
{
	return isoin_take(it, q, tag);
}

static void
go_isoin(void *it)
{
	isoin_go(it);
}

static void
unlink_isoin(void *it, uint64_t tag)
{
	isoin_unlink(it, tag);
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

static void
bar_isoin(void *it)
{
	isoin_bar(it);
}

static void
unbar_isoin(void *it, bool changed)
{
	isoin_unbar(it, changed);
}

static bool
quiet_isoin(const void *it)
{
	return isoin_quiet(it);
}

static bool
idle_isoin(const void *it)
{
	return isoin_idle(it);
}

const struct assist_way assist_isoin = {make_isoin,   free_isoin,  take_isoin, go_isoin,
					unlink_isoin, reply_isoin, end_isoin,  bar_isoin,
					unbar_isoin,  quiet_isoin, idle_isoin, NULL,
					NULL};

static void *
make_isoout(struct pool *pool, uint8_t ep, unsigned most, struct ahead_stats *stats,
	    const struct ahead_ops *ops, void *arg)
{
	return isoout_new(pool, ep, most, stats, ops, arg);
}

static void
free_isoout(void *it)
{
	isoout_free(it);
}

static int
take_isoout(void *it, const struct import_request *q, uint64_t tag)
{
	return isoout_take(it, q, tag);
}

static void
go_isoout(void *it)
{
	isoout_go(it);
}

static void
unlink_isoout(void *it, uint64_t tag)
{
	isoout_unlink(it, tag);
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

static void
bar_isoout(void *it)
{
	isoout_bar(it);
}

static void
unbar_isoout(void *it, bool changed)
{
	isoout_unbar(it, changed);
}

static bool
quiet_isoout(const void *it)
{
	return isoout_quiet(it);
}

static bool
idle_isoout(const void *it)
{
	return isoout_idle(it);
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

const struct assist_way assist_isoout = {
    make_isoout,  free_isoout, take_isoout, go_isoout,    unlink_isoout,
    reply_isoout, end_isoout,  bar_isoout,  unbar_isoout, quiet_isoout,
    idle_isoout,  turn_isoout, lags_isoout};
