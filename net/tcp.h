/* SPDX-License-Identifier: ISC */
/*
 * Plain TCP for signalling: dialling by name (evdns, nothing blocks) and a
 * listener that strangers may knock at. It knows nothing of TLS.
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "net/gate.h"

struct event_base;
struct evdns_base;
struct tcp;
struct tcp_listener;

#define TCP_ADDR_TEXT 64             /* "[2001:db8::1]:13240" with NUL */
#define TCP_OUT_MAX   (256u * 1024u) /* bytes queued for one who does not read */
#define TCP_DIAL_US   5000000        /* for the name, and for each address */

struct tcp_ops {
	void (*connected)(void *arg);                      /* of one that we dialled */
	int (*data)(void *arg, const uint8_t *, size_t n); /* an error: closed follows */
	void (*closed)(void *arg, int err); /* last call; do tcp_free, now or later */
};

/*
 * Connects to "host:port", "1.2.3.4:port" or "[::1]:port" (port may be left out:
 * 13240), each address of the name in turn, 5 s each. closed(ERR_UNREACHABLE) if none
 * answers, closed(ERR_USAGE) when the text is no address. No op from inside. NULL: out
 * of memory. Without evdns_base (NULL) numbers and localhost can be dialled. Free it
 * when a turn of the loop has passed after the last tcp_free: libevent answers those
 * who have gone in that turn, and needs it for that.
 */
struct tcp *tcp_dial(struct event_base *, struct evdns_base *, const char *where,
		     const struct tcp_ops *, void *arg);
void tcp_free(struct tcp *); /* may be called from inside an op */

/* Queues; before connected too. Over TCP_OUT_MAX: closed(ERR_FULL) follows. */
void tcp_write(struct tcp *, const void *, size_t n);

/* Bytes that are queued. */
size_t tcp_queued(const struct tcp *);

/* Writes now what the socket takes: for who is about to free it. */
void tcp_flush(struct tcp *);

/*
 * Writes what is queued and waits for the other end to close, so that it gets all of
 * it (2 s for both), then closed(ERR_CLOSED). No data op any more.
 */
void tcp_finish(struct tcp *);

/* Instead of TCP_DIAL_US and the 2 s of tcp_finish, for tests. */
void tcp_set_patience(struct tcp *, uint64_t us);

/*
 * When a silent other end counts as gone, in seconds: asked after idle, then every
 * interval; gone at limit, which holds for data that it does not acknowledge too.
 * Instead of 10, 5 and 25. Once it is connected.
 */
struct tcp_liveness {
	int idle_s, interval_s, limit_s;
};

void tcp_set_liveness(struct tcp *, const struct tcp_liveness *);

/*
 * Writes what is queued and gives the socket away: the fd, non-blocking, which is
 * the caller's; no op any more, but tcp_free. -1: it is not connected, or does not
 * take the bytes at once; nothing was given then. May be called from inside an op.
 */
int tcp_release(struct tcp *) MUST_CHECK;

/* The other end, "127.0.0.1:4711"; before connected what was dialled. */
const char *tcp_peer(const struct tcp *);

/* Connected to the other end itself: no rendezvous carries it. */
bool tcp_is_direct(const struct tcp *);

/* The connected socket's own address without port, for gathering; "" before. */
const char *tcp_local_ip(const struct tcp *);

/* Whether the text, with or without port, can only be this machine's loopback. */
bool tcp_is_loopback(const char *where);

/*
 * The listener's limits for those who have not been admitted (DESIGN.md 9): 64
 * connections, 8 per /32 or /64, 5 s, a token bucket, one accept a turn.
 */
struct tcp_listener_ops {
	/* A new connection; take it with tcp_take (it is closed otherwise). */
	void (*accepted)(void *arg, struct tcp *);
};

struct tcp_limits {
	struct gate_conf gate;
	uint64_t admit_us; /* until tcp_admitted */
	uint64_t pause_us; /* of accepting, when there are no file descriptors left */
};

/*
 * Listens on "ADDR:PORT", "[::]:PORT" (dual-stack), ":PORT" for both families; port
 * 0 takes a free one. ERR_BUSY: in use; ERR_USAGE: no address; why says it.
 */
int
tcp_listen(struct tcp_listener **, struct event_base *, const char *where,
	   const struct tcp_listener_ops *, void *arg, char *why, size_t cap) MUST_CHECK;

/* Its connections live on. May be called from inside accepted. */
void tcp_listener_free(struct tcp_listener *);

/* Other limits than those of above, before the first connection: for tests. */
void tcp_listener_limit(struct tcp_listener *, const struct tcp_limits *);

/* The real address, with the port that was taken. */
const char *tcp_listener_where(const struct tcp_listener *);

void tcp_take(struct tcp *, const struct tcp_ops *, void *arg);

/* It has been admitted: out of the strangers' limits and their 5 s. */
void tcp_admitted(struct tcp *);

#endif
