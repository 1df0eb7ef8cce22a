/* SPDX-License-Identifier: ISC */
/*
 * What exports.c (what comes, and for whom) and exports_session.c (the session stream)
 * share; for nobody else.
 */
#ifndef CORE_EXPORTS_IMPL_H
#define CORE_EXPORTS_IMPL_H

#include "core/bench.h"
#include "core/exported.h"
#include "core/exports.h"

struct exports {
	struct pool *pool;
	struct session *session;
	const struct exports_ops *ops;
	void *arg;
	struct exported_set devs;
	uint32_t next_dev; /* lower numbers were used */
	uint32_t list_max; /* bytes of a list that the peer takes */
	bool greeted, welcomed, ending;
	struct bench bench;
};

/* Whether it is one of a device that was asked for, now or before. */
bool exports_is_stream(const struct exports *, uint32_t sid);

/* A message of the session stream. */
int exports_told(struct exports *, const struct session_msg *) MUST_CHECK;

#endif
