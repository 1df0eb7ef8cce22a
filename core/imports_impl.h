/* SPDX-License-Identifier: ISC */
/*
 * What imports.c (devices and their requests) and imports_session.c (the session stream)
 * share; for nobody else.
 */
#ifndef CORE_IMPORTS_IMPL_H
#define CORE_IMPORTS_IMPL_H

#include "core/imports.h"
#include "core/list.h"
#include "core/pack.h"

struct imported {
	struct list link; /* in imports.devs */
	uint32_t dev;
	bool ours; /* the server said yes */
	struct pack_dev pack;
	const struct imports_user *user;
	void *arg;
};

enum imports_state {
	IMPORTS_SILENT,
	IMPORTS_GREETED,
	IMPORTS_WELCOMED,
	IMPORTS_REFUSED,
};

struct imports {
	struct pool *pool;
	struct session *session;
	const struct imports_ops *ops;
	void *arg;
	struct list devs;
	uint32_t next_dev;
	enum imports_state state;
	struct wire_hello mine; /* what hello said */
	uint32_t urb_max, window;
	bool orders; /* both know core/after.h */
	struct pack pack;
};

/* NULL: it was let go. */
struct imported *imports_find(const struct imports *, uint32_t dev);

/* Closes its streams; it is gone. */
void imports_forget(struct imports *, struct imported *);

/* A message of the session stream. */
int imports_told(struct imports *, const struct session_msg *) MUST_CHECK;

#endif
