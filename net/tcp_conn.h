/* SPDX-License-Identifier: ISC */
/*
 * Inside of a connection, for the files that make one (tcp_dial, tcp_listen).
 *
 * Ops are called from the loop only, between tcp_enter and tcp_leave: a tcp_free
 * from inside an op marks, tcp_leave frees.
 */
#ifndef NET_TCP_CONN_H
#define NET_TCP_CONN_H

#include "net/tcp.h"

struct event;
struct evbuffer;

enum tcp_state { TCP_MAKING, TCP_OPEN, TCP_FINISHING, TCP_CLOSED };

struct tcp {
	struct event_base *base;
	const struct tcp_ops *ops; /* NULL: accepted and not taken */
	void *arg;
	enum tcp_state state;
	int fd; /* -1: none */
	struct event *rd, *wr;
	struct event *timer;
	void (*then)(struct tcp *); /* what the timer does */
	struct evbuffer *out;
	int err;              /* why it is closed in the next turn, or ERR_OK */
	bool direct;          /* a socket of IP, no pair */
	bool eof;             /* finishing: the other end has finished too */
	bool inside;          /* between tcp_enter and tcp_leave */
	bool dead;            /* tcp_free was called there */
	uint64_t patience_us; /* 0: the real ones */
	char peer[TCP_ADDR_TEXT], local[TCP_ADDR_TEXT];

	/* Who made it, and how to tell that it needs nothing more of it. */
	void *maker;
	void (*made)(struct tcp *);
};

struct tcp *tcp_new(struct event_base *, const struct tcp_ops *, void *arg);

/* The fd is connected and becomes its own, also on failure (false: no memory). */
bool tcp_opened(struct tcp *, int fd) MUST_CHECK;

/* Calls then from the loop after that time; instead of what was to come. */
void tcp_after(struct tcp *, uint64_t us, void (*then)(struct tcp *));

/* The end, with ops->closed. Only between tcp_enter and tcp_leave. */
void tcp_close(struct tcp *, int err);

void tcp_enter(struct tcp *);
void tcp_leave(struct tcp *);

/* Calls made, once. */
void tcp_unmake(struct tcp *);

/* Closes the fd and frees the events on it. */
void tcp_drop_fd(struct tcp *);

#endif
