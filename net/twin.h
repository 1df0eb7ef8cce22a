/* SPDX-License-Identifier: ISC */
/*
 * The fast socket beside libnice's: bound to the same address by SO_REUSEPORT, with
 * a filter in the kernel that gives it what begins like our datagrams (32 to 63) and
 * leaves STUN and TURN to libnice. Many datagrams a system call, by UDP_SEGMENT and
 * UDP_GRO where the kernel has them, else by sendmmsg and recvmmsg. Who may send is
 * not judged here: what comes is sealed.
 */
#ifndef NET_TWIN_H
#define NET_TWIN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/ice.h"

struct event_base;
struct twin;

struct twin_ops {
	/*
	 * One datagram, at most TWIN_BATCH a turn of the loop. now: one moment for all
	 * that came in one train. Not for twin_free.
	 */
	void (*packet)(void *arg, const uint8_t *, size_t n, uint64_t now);

	/* After twin_send took less than all: it takes more now. */
	void (*ready)(void *arg);
};

#define TWIN_BATCH 64

/*
 * fd: the bound UDP socket to stand beside, the caller's; to: whom to send to. NULL:
 * not to be had on this system, errno says why.
 */
struct twin *twin_new(struct event_base *, int fd, const struct sockaddr *to,
		      socklen_t to_len, const struct twin_ops *, void *arg);
void twin_free(struct twin *);

/*
 * Sends up to n datagrams, at most TWIN_BATCH, in order; returns how many were taken.
 * Fewer: the socket is full, ops->ready follows. What the network does not want is
 * taken and lost.
 */
unsigned twin_send(struct twin *, const struct ice_packet *, unsigned n);

/* "gso" or "mmsg". */
const char *twin_kind(const struct twin *);

/* System calls that sent and that received something. */
struct twin_stats {
	uint64_t sends, receives;
};

void twin_stats(const struct twin *, struct twin_stats *);

#endif
