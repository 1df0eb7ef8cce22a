/* SPDX-License-Identifier: ISC */
/*
 * Streams of messages between two ends. A session outlives the link that
 * carries it: streams, offsets and unacknowledged bytes are here; packets,
 * round trips and congestion are the link's (core/arq).
 *
 * A message is `u32 length | u8 type | length bytes`, whole messages in order
 * on each stream, streams independent of one another. The sender keeps bytes
 * until they are acknowledged; the receiver never drops what it acknowledged.
 * Each stream's window is the peer's budget, so what a peer was asked for by
 * reservation (DESIGN.md 9) always fits; it moves on as messages are consumed.
 *
 * The end of a message, its tail, may go in datagrams instead, if both ends know
 * them: those are not sent again, and not sent at all once they are too old. The
 * message comes in its turn all the same, and says what of its tail has come.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/stream.h"

struct pool;
struct session;
struct arq_ops;

#define SESSION_MSG_HEAD  5
#define SESSION_MSG_MAX   (16u * 1024 * 1024 + 65536) /* bytes behind the head */
#define SESSION_TAIL      4                           /* bytes that say how long it is */
#define SESSION_TAIL_MAX  (256u * 1024)
#define SESSION_PIECE     1024u /* bytes of a tail in one datagram; fits any packet */
#define SESSION_LATE_US   4000  /* a datagram may come so long after its message; */
#define SESSION_LATE_MOST 32000 /* and up to that, where they come in another order */

/* A whole message that has arrived; valid until the callback returns. */
struct session_msg {
	uint32_t sid;
	uint8_t type;
	uint32_t len;   /* bytes behind the head, with the tail */
	uint32_t tail;  /* the last ones, which may not be there */
	uint64_t index; /* 0 for the first message of this stream and direction */
	struct session *from;
	uint64_t at;         /* the session's: where the bytes are */
	const uint8_t *body; /* or here, if the session does not have them; else NULL */
};

/* Bytes to send; several are joined into one message. */
struct session_slice {
	const void *p;
	size_t n;
};

struct session_ops {
	/*
	 * A message. ERR_OK: consumed. ERR_FULL: not now, keep it, the stream
	 * waits for session_retry(). Anything else: the peer broke the protocol,
	 * the session fails with that code.
	 */
	int (*message)(void *arg, const struct session_msg *);

	/*
	 * The peer uses a stream that is not open here. ERR_OK: open it at *prio.
	 * ERR_GONE: it was closed, discard what comes. ERR_FULL: not now, it comes
	 * again. Else: protocol broken.
	 */
	int (*accept)(void *arg, uint32_t sid, enum stream_prio *prio);

	/*
	 * There is something to send, or the session failed (session_failed): let
	 * the link flush soon. Called from everywhere, so it only notes that.
	 */
	void (*wake)(void *arg);
};

/*
 * Its memory comes from pool, which must outlive it. window: bytes of one
 * stream that this end keeps for its reader (its own budget, told to the peer
 * in hello; 64 KiB at least). NULL when the pool is empty. Free it not from its
 * own callbacks.
 */
struct session *
session_new(struct pool *, uint32_t window, const struct session_ops *, void *arg);
void session_free(struct session *);

/* What the peer's hello said its window is; until then 64 KiB are assumed. */
void session_peer_window(struct session *, uint32_t window);

/* Opens a stream for sending and receiving; ERR_OK if it is open already. */
int session_open(struct session *, uint32_t sid, enum stream_prio) MUST_CHECK;

/*
 * Forgets a stream in both directions; what is on its way is discarded. Its
 * number must not be opened again: the peer's bytes go on where they were.
 */
void session_close(struct session *, uint32_t sid);

/*
 * Queues one message; *index (may be NULL) gets its number in the stream.
 * ERR_NOMEM when the pool is empty (nothing is queued then), ERR_STATE when
 * the stream is not open or the session failed, ERR_TOOBIG when it is more than
 * SESSION_MSG_MAX or does not fit in the peer's window.
 */
int session_send(struct session *, uint32_t sid, uint8_t type,
		 const struct session_slice *, size_t slices, uint64_t *index) MUST_CHECK;

/* Both ends know tails: from now on they are sent and taken. */
void session_tails(struct session *);
bool session_has_tails(const struct session *);

/*
 * The same for a message with a tail of 1 to SESSION_TAIL_MAX bytes, which are not
 * among the slices: give it to session_piece, all of it, before anything else is sent
 * on the stream. What of it could not leave within patience us is dropped.
 */
int session_send_tail(struct session *, uint32_t sid, uint8_t type,
		      const struct session_slice *, size_t slices, uint32_t tail,
		      uint64_t patience, uint64_t *index) MUST_CHECK;

/*
 * At most SESSION_PIECE bytes of the tail of the stream's last message, from offset
 * off: one datagram. They get lost if there is no memory.
 */
void session_piece(struct session *, uint32_t sid, uint32_t off, const void *, size_t n);

/*
 * Copies n bytes from offset off of the message's body, zeros for those of the tail
 * that have not come; only from ops->message, also after closing the stream there.
 */
void session_msg_read(const struct session_msg *, uint32_t off, void *dst, uint32_t n);

/* Whether all of them have come; likewise. */
bool session_msg_has(const struct session_msg *, uint32_t off, uint32_t n);

/*
 * Offers the waiting message of a stream again, after ERR_FULL: before it
 * returns, or when ops->message returns if called from there.
 */
void session_retry(struct session *, uint32_t sid);

/* Bytes queued on a stream and not yet acknowledged. */
uint64_t session_unacked(const struct session *, uint32_t sid);

/* Those of them that never left: what keeps the path full is not among them. */
uint64_t session_unsent(const struct session *, uint32_t sid);

/* ERR_OK, or why it failed; sticky. */
int session_failed(const struct session *);

/*
 * Ends it with err, if nothing has before: an engine above cannot go on. Returns
 * why it failed.
 */
int session_fail(struct session *, int err);

struct marks;

/* How far its streams have come in. */
void session_marks(const struct session *, struct marks *);

/*
 * Another link carries it from now on; the arq of the last one is freed. The peer has
 * what its marks say, everything else goes again. ERR_PROTO: it says it has what was
 * never sent.
 */
int session_continue(struct session *, const struct marks *) MUST_CHECK;

struct session_stats {
	uint64_t sent, lost; /* datagrams; lost on their way */
	uint64_t expired;    /* too old before they could be sent, or too many */
	uint64_t received;   /* in time */
	uint64_t late;       /* after their message, twice, or too many */
	uint64_t broken;     /* messages that came without all of their tail */
};

void session_stats(const struct session *, struct session_stats *);

/* What core/arq asks for: pass with the session as argument. */
extern const struct arq_ops session_arq_ops;

#endif
