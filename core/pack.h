/* SPDX-License-Identifier: ISC */
/*
 * Compressed data in the messages of devices: OUT data of SUBMIT and IN data of COMPLETE
 * as one LZ4 block behind the same head, which says how long the data are. Only of bulk
 * endpoints, only where it pays (core/shrink), and only to a peer that knows them. Each
 * message is compressed by itself, so that nothing of one can be learned from another.
 *
 * The codec and the measurements come from outside.
 */
#ifndef CORE_PACK_H
#define CORE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/session.h"
#include "core/shrink.h"

struct pool;

struct pack_codec {
	/* n bytes into at most cap; how many they are now, 0: they do not fit. */
	uint32_t (*compress)(const uint8_t *, uint32_t n, uint8_t *out, uint32_t cap);

	/* A block of n bytes, from a stranger. false: it is not one of just len bytes. */
	bool (*expand)(const uint8_t *, uint32_t n, uint8_t *out, uint32_t len);
};

struct pack_conf {
	const struct pack_codec *codec;                /* NULL: nothing is compressed */
	bool (*link)(void *arg, struct shrink_link *); /* false: there is none now */
	uint64_t (*now_ns)(void *arg);                 /* monotonic */
	void *arg;
};

/* Of one session. */
struct pack {
	struct pool *pool;
	struct session *session;
	struct pack_conf conf;
	bool on;          /* the peer knows it, too */
	uint32_t urb_max; /* longest data that come */
	struct shrink_price price;
};

struct pack_stats {
	uint64_t messages;      /* compressed ones, of both directions */
	uint64_t before, after; /* bytes of their data */
	bool on;                /* it pays now, for data that leave here */
};

/* Of one device; all zero is one that has sent nothing. */
struct pack_dev {
	struct shrink stream[32];
	struct pack_stats stats;
};

void pack_init(struct pack *, struct pool *, struct session *);

/* What of caps a hello may say, and: both have said theirs. */
uint64_t pack_caps(const struct pack *, uint64_t caps);
void pack_agree(struct pack *, uint64_t mine, uint64_t theirs, uint32_t urb_max);

/*
 * session_send of SUBMIT or COMPLETE of a bulk endpoint, packed or as it is: head,
 * nothing, and the data.
 */
int pack_send(struct pack *, struct pack_dev *, uint32_t sid, uint8_t type,
	      const struct session_slice v[3], uint64_t *index) MUST_CHECK;

/* A message as it was before it was packed. */
struct pack_opened {
	struct session_msg msg;
	struct pool *pool;
	uint8_t *mem;
	size_t size;
};

/* Whether it has to be opened. */
bool pack_is(const struct session_msg *);

/*
 * Opens it. ERR_PROTO: it is none that may come; ERR_NOMEM: the session cannot go on.
 * After ERR_OK it has to be closed, within the same callback.
 */
int pack_open(struct pack *, struct pack_dev *, const struct session_msg *,
	      struct pack_opened *) MUST_CHECK;
void pack_close(struct pack_opened *);

/* What a device has done is added. */
void pack_add(struct pack_stats *sum, const struct pack_dev *);

#endif
