/* SPDX-License-Identifier: ISC */
/*
 * Private to core/arq: the link, and what its files share.
 */
#ifndef CORE_ARQ_LINK_H
#define CORE_ARQ_LINK_H

#include "core/arq.h"
#include "core/arq_recv.h"
#include "core/arq_rtt.h"
#include "core/arq_sent.h"
#include "core/cc.h"
#include "core/meter.h"
#include "core/pacer.h"

enum arq_closing { ARQ_OPEN, ARQ_CLOSING, ARQ_CLOSED };

struct arq {
	struct pool *pool;
	const struct arq_ops *ops;
	void *arg;
	struct arq_conf conf;
	struct arq_sent sent;
	struct arq_recv recv;
	struct arq_rtt rtt;
	struct cc cc;
	struct pacer pacer;
	struct arq_stats stats;
	struct meter in, out; /* what arrived, once */
	uint64_t heard;       /* the peer, last */
	uint64_t held;        /* since then something wants to leave and may not; 0: no */
	uint64_t asked;       /* last packet that wants an ACK */
	uint64_t asked_at;    /* first one since everything was answered; 0: none */
	int err;              /* sticky */
	enum arq_closing closing;
	enum arq_close mine, theirs;
	uint8_t probes; /* packets that may leave whatever the window says */
	bool ping;      /* wanted */
	bool turn;      /* the peer asked last */
	bool blocked;   /* output could not go on; a timer or packet has to come */
};

/* Makes err the sticky one unless there is one; returns the sticky one. */
int arq_fail(struct arq *, int err) MUST_CHECK;

/* Tells the session the time. */
void arq_clock(struct arq *, uint64_t now);

/* Finds what is lost by now. */
void arq_detect(struct arq *, uint64_t now);

/* Remembers it if there is nothing to send although something might leave. */
void arq_look_limited(struct arq *, uint64_t now);

/* When arq_output has something; 0: now; UINT64_MAX: when something has happened. */
uint64_t arq_output_at(const struct arq *);

#endif
