/* SPDX-License-Identifier: ISC */
/*
 * Plain TCP of the stock USB/IP programs until the URB phase begins: a listener
 * that answers them, and a dialler that asks a stock server. Then the socket is
 * given away; who reads it is not known here. There is no encryption and nobody
 * proves who he is: addresses are all there is to judge by.
 */
#ifndef NET_STOCK_H
#define NET_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devinfo.h"
#include "core/err.h"
#include "core/usbip_op.h"

struct event_base;
struct evdns_base;
struct pool;
struct stock_conn;
struct stock_dial;
struct stock_listener;

#define STOCK_PORT  "3240" /* when none is said */
#define STOCK_WHERE 280    /* "HOST:PORT" with NUL */
#define STOCK_CONNS 64     /* clients that wait for an answer */
#define STOCK_NETS  16

/* "HOST", "HOST:PORT", "[::1]", "::1" with the port that was not said. */
int stock_where(char where[STOCK_WHERE], const char *text) MUST_CHECK;

#define STOCK_URI "usbip://"

/*
 * "usbip://HOST[:PORT][/BUSID]" into where (as stock_where) and busid ("" if there
 * is none). ERR_USAGE: it is none.
 */
int stock_uri(const char *text, char where[STOCK_WHERE],
	      char busid[USBIP_OP_BUSID]) MUST_CHECK;

/* From where clients may come, beside loopback. */
struct stock_allow {
	unsigned n;
	struct {
		uint8_t ip[16]; /* IPv4 mapped into IPv6 */
		unsigned bits;
	} net[STOCK_NETS];
};

/* "10.0.0.0/8", "fd00::/8", "192.0.2.7". ERR_USAGE: is none; ERR_FULL. */
int stock_allow_add(struct stock_allow *, const char *cidr) MUST_CHECK;

/* Whether this address, as of tcp_peer or without port, may come. */
bool stock_allow_has(const struct stock_allow *, const char *where);

/* --- the side that has devices --- */

struct stock_ops {
	/* As usbip_op_export_ops: those that may be had now. */
	const struct devinfo *(*list)(void *arg, unsigned i);

	/* Wants this device: stock_yes or stock_no must follow, now or later. */
	void (*ask)(void *arg, struct stock_conn *, const char *busid);

	/* It left before the answer, and is void. */
	void (*left)(void *arg, struct stock_conn *);
};

/*
 * Listens on "ADDR:PORT". ERR_BUSY: in use; ERR_USAGE: no address, or one that is
 * not loopback though nobody is allowed to come; why says it. allow is copied.
 */
int stock_listen(struct stock_listener **, struct event_base *, struct pool *,
		 const char *where, const struct stock_allow *, const struct stock_ops *,
		 void *arg, char *why, size_t cap) MUST_CHECK;

/* Its clients are sent away, without left. NULL is fine. */
void stock_listener_free(struct stock_listener *);

/* The real address, with the port that was taken. */
const char *stock_listener_where(const struct stock_listener *);

/* Who it is: "127.0.0.1:4711". */
const char *stock_conn_peer(const struct stock_conn *);

/*
 * The answers; conn is void afterwards. *fd gets the socket, non-blocking, behind
 * the reply, with liveness set: a peer that is gone is noticed within 15 s.
 */
int stock_yes(struct stock_conn *, const struct devinfo *, int *fd) MUST_CHECK;
void stock_no(struct stock_conn *, enum usbip_op_status);

/* --- the side that wants one --- */

struct stock_dial_ops {
	void (*device)(void *arg, const struct devinfo *);

	/* The last call. fd: the socket where the URB phase begins, or -1. */
	void (*done)(void *arg, int err, int fd);
};

/*
 * Asks the server at where (stock_where) for its list (busid NULL) or for a device.
 * NULL: out of memory. No op from inside. stock_dial_free afterwards, or any time.
 */
struct stock_dial *
stock_dial(struct event_base *, struct evdns_base *, const char *where, const char *busid,
	   const struct stock_dial_ops *, void *arg);
void stock_dial_free(struct stock_dial *);

/*
 * Whether the other end of a connected socket was not heard for so long, and has not
 * acknowledged what it was sent again and again. False for what is no TCP socket.
 */
bool stock_silent(int fd, uint64_t us);

#endif
