/* SPDX-License-Identifier: ISC */
/*
 * What the write cache of a device (core/unit) has not brought to its disk: it is waited
 * for when the device goes, and said aloud when it is lost.
 */
#include <stdio.h>

#include "cmd/attacher.h"
#include "core/assist.h"
#include "core/bridge.h"
#include "core/log.h"
#include "core/unit.h"

static const struct unit_cached *
cached(const struct attached *x)
{
	const struct assist *a = x->bridge != NULL ? bridge_assists(x->bridge) : NULL;

	return a != NULL ? assist_cached(a) : NULL;
}

void
attached_cache_start(struct attached *x)
{
	if (!x->of->write_cache)
		return;
	bridge_cache(x->bridge);
	if (cached(x) == NULL)
		log_warn("device %s gets no write cache reason=\"the assist storage is "
			 "off, or the "
			 "server too old for it\"",
			 x->info.busid);
}

bool
attached_unflushed(const struct attached *x)
{
	const struct unit_cached *c = cached(x);

	return c != NULL && c->writes > 0;
}

/* One of them is lost: those behind it are, too. */
void
attached_cache_look(struct attached *x)
{
	const struct unit_cached *c = cached(x);

	if (c == NULL || c->lost_writes == x->lost)
		return;
	log_warn("device %s has lost writes=%llu bytes=%llu reason=\"the disk did not do "
		 "them\": its writes fail until it is attached anew",
		 x->info.busid, (unsigned long long)c->lost_writes,
		 (unsigned long long)c->lost_bytes);
	x->lost = c->lost_writes;
	watch_poke(&x->of->watch);
}

void
attached_cache_end(struct attached *x)
{
	const struct unit_cached *c = cached(x);
	char line[200];

	if (attached_unflushed(x)) {
		log_warn("device %s went unflushed writes=%llu bytes=%llu: they may be "
			 "missing on it",
			 x->info.busid, (unsigned long long)c->writes,
			 (unsigned long long)c->bytes);
		snprintf(line, sizeof(line), "%s lost unflushed=%llu writes=%llu",
			 x->info.busid, (unsigned long long)c->bytes,
			 (unsigned long long)c->writes);
		want_say(line);
		attached_tell(x, ERR_FAIL, line);
	}
	if (c != NULL && (c->writes > 0 || c->lost_writes > 0))
		x->of->lost = true;
	x->lost = 0;
}
