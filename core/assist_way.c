/* SPDX-License-Identifier: ISC */
/*
 * The ways in which endpoints are taken care of, behind one face.
 */
#include "core/assist_impl.h"
#include "core/behind.h"

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

static void
end_ahead(void *it)
{
	ahead_reply_end(it);
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
					unbar_ahead,  quiet_ahead, idle_ahead};

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

static void
end_behind(void *it)
{
	behind_reply_end(it);
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

const struct assist_way assist_behind = {
    make_behind, free_behind, take_behind,  go_behind,    unlink_behind, reply_behind,
    end_behind,  bar_behind,  unbar_behind, quiet_behind, idle_behind};
