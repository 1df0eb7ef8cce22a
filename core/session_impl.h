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
#include "core/tail_in.h"
#include "core/tail_out.h"

#define SESSION_TAILED 0x80000000u /* in a message's length: there is a tail */

struct stream {
	struct sidmap_node node; /* in session.streams */
	struct sched_item turn;  /* in session.sched */
	struct list todo;        /* in session.todo: there may be a message */
	struct sendbuf out;
	struct recvbuf in;
	uint64_t sent, delivered; /* messages */
	uint64_t need;            /* offset that in has to reach to go on */
	struct list pieces;       /* of tails, that wait to leave */
	uint64_t last;            /* where the last message begins in out */
	uint64_t patience;        /* us, of its tail */
	struct tail_in tail;      /* what has come of those of coming messages */
	struct list late;         /* in session.late: its message waits for its tail */
	uint64_t late_at;         /* until then; 0: it does not wait */
	uint64_t waited;          /* offset in in: what waits no longer */
	bool broken;              /* it does not wait any longer */
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

	bool tails;   /* both ends know them */
	uint64_t now; /* as core/arq says */
	struct tail_out pieces;
	struct list late; /* who began to wait first is first; so long: */
	uint64_t late_us;
	struct session_stats stats;
};

/* NULL: not open. */
struct stream *session_find(const struct session *, uint32_t sid);

/* NULL: the pool is empty. */
struct stream *session_stream_new(struct session *, uint32_t sid, enum stream_prio);

/* What the stream has to send has changed: its place in the rings follows. */
void session_refresh(struct session *, struct stream *);

/* Bytes have come in: remembers the stream if there may be a message. */
void session_look(struct session *, struct stream *);

/* --- core/session_tail --- */

/* The next message, all of which but its tail is here, may be handed out. */
bool session_tail_ready(struct session *, struct stream *, const struct session_msg *);

/* That message was consumed. */
void session_tail_done(struct session *, struct stream *);

/* Looks at the messages that have waited long enough. */
void session_tail_late(struct session *);

/* The stream is closed: nothing more of it leaves. */
void session_tail_leave(struct session *, struct stream *);

/* Another link carries the session: what waited to leave is too old. */
void session_tail_moved(struct session *);

/* Drops the stream's first piece if it has waited too long: its place is another then. */
bool session_tail_expire(struct session *, struct stream *);

/* The piece that leaves before the stream's next bytes, NULL: none. */
struct tail_piece *session_tail_first(const struct stream *);

/*
 * How many bytes of the stream the next frame may have, of at most room. It repeats
 * the last ones of a stream with tails: what comes by the next packet need not wait
 * for a round trip. 0: better in the next packet, for this one is not empty.
 */
size_t
session_tail_room(const struct session *, struct stream *, size_t room, bool alone);

struct arq_ref;
struct rd;
struct wr;

/* A DATAGRAM frame; alone: nothing is in the packet yet, so a part of it may go. */
size_t session_tail_put(struct session *, struct stream *, struct wr *, struct arq_ref *,
			bool alone);
void session_tail_get(struct session *, struct stream *, uint64_t index, uint32_t off,
		      const uint8_t *, uint32_t n);

/* As arq_ops. */
void session_tail_clock(void *arg, uint64_t now);
uint64_t session_tail_deadline(const void *arg);

/* Hands out every message that has arrived and is wanted. */
int session_turn(struct session *);

#endif
