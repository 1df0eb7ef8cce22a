/* SPDX-License-Identifier: ISC */
/*
 * What session.c (messages) and session_link.c (frames) share; for nobody else.
 */
#ifndef CORE_SESSION_IMPL_H
#define CORE_SESSION_IMPL_H

#include "core/list.h"
#include "core/recvbuf.h"
#include "core/sched.h"
#include "core/sendbuf.h"
#include "core/session.h"
#include "core/sidmap.h"

struct stream {
	struct sidmap_node node; /* in session.streams */
	struct sched_item turn;  /* in session.sched */
	struct list todo;        /* in session.todo: there may be a message */
	struct sendbuf out;
	struct recvbuf in;
	uint64_t sent, delivered; /* messages */
	uint64_t need;            /* offset that in has to reach to go on */
	bool tell;                /* a WINDOW is due */
	bool waits;               /* for session_retry */
	bool closed;              /* by its own callback, which frees it */
};

struct session {
	struct pool *pool;
	const struct session_ops *ops;
	void *arg;
	uint32_t window, peer_window;
	int failed;
	struct sidmap streams;
	struct sched sched;
	struct list todo;
	bool delivering;
	struct stream *current; /* its message is with ops->message */
};

/* NULL: not open. */
struct stream *session_find(const struct session *, uint32_t sid);

/* NULL: the pool is empty. */
struct stream *session_stream_new(struct session *, uint32_t sid, enum stream_prio);

/* What the stream has to send has changed: its place in the rings follows. */
void session_refresh(struct session *, struct stream *);

/* Bytes have come in: remembers the stream if there may be a message. */
void session_look(struct session *, struct stream *);

/* Hands out every message that has arrived and is wanted. */
int session_turn(struct session *);

#endif
