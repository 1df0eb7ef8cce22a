/* SPDX-License-Identifier: ISC */
/*
 * Control sockets (AF_UNIX, 0600, same user or root; 0660 with a group): a client
 * connects, writes one line of JSON, reads lines of JSON until the server closes.
 */
#ifndef NET_CTL_H
#define NET_CTL_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define CTL_LINE_MAX    262144 /* a serve with 1000 devices */
#define CTL_REQUEST_MAX 4096

struct event_base;
struct ctl;
struct ctl_conn;

struct ctl_ops {
	/* One request; answer with ctl_line any number of times, then ctl_end. */
	void (*request)(void *arg, struct ctl_conn *, const char *line, size_t n);

	/* The client went before ctl_end: forget the connection. */
	void (*gone)(void *arg, struct ctl_conn *);
};

/* Replaces a stale socket; the caller holds a lock that says nobody serves it. */
int ctl_listen(struct ctl **, struct event_base *, const char *path,
	       const struct ctl_ops *, void *arg, char *why, size_t cap) MUST_CHECK;

/* Also members of this group are let in from now on; CTL_NOBODY: none. ERR_REFUSED. */
#define CTL_NOBODY UINT32_MAX
int ctl_group(struct ctl *, uint32_t gid) MUST_CHECK;

/* Closes all connections (no gone() is called) and removes the socket. */
void ctl_free(struct ctl *);

/* A line without its newline. */
void ctl_line(struct ctl_conn *, const char *);

/* Writes what is queued and closes. */
void ctl_end(struct ctl_conn *);

/* Bytes of its lines that the client has not taken yet. */
size_t ctl_waiting(const struct ctl_conn *);

/*
 * For a command that runs once: sends the request and hands each line to fn
 * (an error of fn ends it and is returned). ERR_NODEV: nobody serves there;
 * ERR_TIMEOUT: silent for longer than timeout_ms.
 */
int ctl_call(const char *path, const char *request, unsigned timeout_ms,
	     int (*fn)(void *arg, const char *line, size_t n), void *arg) MUST_CHECK;

/* For a command with an event loop that stays: lines as they come. */
struct ctl_watch;

struct ctl_watch_ops {
	/* Without its newline; NUL after n. */
	void (*line)(void *arg, const char *line, size_t n);

	/* The other side has closed; the owner frees, here or later. */
	void (*end)(void *arg);
};

/* NULL: nobody serves there, or no memory. */
struct ctl_watch *ctl_watch(struct event_base *, const char *path, const char *request,
			    const struct ctl_watch_ops *, void *arg);
void ctl_watch_free(struct ctl_watch *);

#endif
