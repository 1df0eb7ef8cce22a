/* SPDX-License-Identifier: ISC */
/*
 * Devices in the hands of one peer: each has an export engine joined to the
 * device's streams. A reply gets its room in the session's pool when its
 * request comes, so that completions never wait; what does not fit fails alone.
 * Who may have which device is not known here.
 */
#ifndef CORE_EXPORTED_H
#define CORE_EXPORTED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/after.h"
#include "core/err.h"
#include "core/exports.h"
#include "core/list.h"
#include "core/pack.h"

struct exported;

/* All of one session. */
struct exported_set {
	struct pool *pool; /* the session's own: replies wait there */
	struct session *session;
	struct exports_conf conf;
	const struct exports_ops *ops;
	void *arg;
	struct list devs; /* struct exported.link */
	unsigned count;
	uint64_t promised;        /* bytes of replies that are still to come */
	struct export_stats past; /* of devices that are closed */
	bool orders;              /* both ends know core/after.h */
	struct pack pack;
	struct pack_stats packed; /* of devices that are closed */
};

enum exported_state {
	EXPORTED_OPENING, /* the outside was asked */
	EXPORTED_LIVE,
	EXPORTED_LEAVING, /* let go while opening, or waits for its urbs */
};

struct exported {
	struct list link; /* in exported_set.devs */
	struct exported_set *of;
	uint32_t dev;
	enum exported_state state;
	void *device;
	struct export *ex; /* NULL while opening */
	uint64_t promised; /* its part */
	struct after after;
	bool taking_turns;
	struct pack_dev pack;
	uint64_t packets; /* isochronous ones that replies are still to come for */
};

/* Opening. NULL: EXPORTS_DEVS are there, or no memory. */
struct exported *exported_new(struct exported_set *, uint32_t dev);

/* NULL: not there. */
struct exported *exported_find(const struct exported_set *, uint32_t dev);

/* The outside has opened it: live, unless an error is returned. */
int exported_start(struct exported *, const struct exports_device *) MUST_CHECK;

/* Out of the set; its engine has ended or was never there. */
void exported_forget(struct exported *);

/*
 * Takes it from the peer: its streams are closed, its urbs cancelled, then
 * ops->close is called, maybe at once; x is gone then. One that is opening waits
 * for exports_opened, after ops->forgo.
 */
void exported_leave(struct exported *);

/* All of them; devs is empty when the last was closed. */
void exported_leave_all(struct exported_set *);

/* SUBMIT on one of its streams, maybe packed; its UNLINK. */
int exported_submit(struct exported *, const struct session_msg *) MUST_CHECK;
void exported_unlink(struct exported *, uint32_t sid, uint64_t index);

void exported_stats(const struct exported_set *, struct export_stats *);
void exported_packed(const struct exported_set *, struct pack_stats *);

#endif
