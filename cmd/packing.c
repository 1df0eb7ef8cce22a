/* SPDX-License-Identifier: ISC */
/*
 * Compression of bulk data, put together.
 */
#include <time.h>

#include "cmd/packing.h"
#include "core/arq.h"
#include "core/json.h"
#include "net/clock.h"
#include "net/link.h"
#include "net/squeeze.h"

static bool
look(void *arg, struct shrink_link *s)
{
	struct link **l = arg;
	struct arq_stats a;

	if (*l == NULL || !link_stats(*l, &a))
		return false;
	*s = (struct shrink_link){
	    .now_us = clock_us(), .held_us = a.held_us, .bytes = a.bytes_out};
	return true;
}

static uint64_t
now_ns(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void
packing_conf(struct pack_conf *conf, struct link **l)
{
	*conf = (struct pack_conf){&squeeze_lz4, look, now_ns, l};
}

void
packing_put(struct json *j, const struct pack_stats *s)
{
	json_open(j, "compression");
	json_bool(j, "on", s->on);
	json_u64(j, "messages", s->messages);
	json_u64(j, "bytes", s->before);
	json_u64(j, "carried", s->after);
	json_close(j);
}
