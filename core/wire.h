/* SPDX-License-Identifier: ISC */
/*
 * Our own messages: signalling (net/tls), the session stream, and the streams
 * of devices. man/usbp2p-protocol.7 is their specification. Little-endian;
 * strings are a u8 length and UTF-8. The row of a message says who may send it,
 * where, and how long it is; the loop checks the row before a handler sees it.
 *
 * Types below 128 that a side does not know close the link, from 128 on they
 * are skipped.
 */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cur.h"
#include "core/devinfo.h"
#include "core/err.h"
#include "core/urb.h"

struct session;

#define WIRE_MAJOR     1 /* must be equal */
#define WIRE_MINOR     0

#define WIRE_CAP_TAILS 1u /* takes DATAGRAM and messages with a tail */
#define WIRE_CAP_AFTER 2u /* knows requests that begin when another has ended */
#define WIRE_CAP_LZ4   4u /* takes SUBMIT_LZ4 and COMPLETE_LZ4 (core/pack.h) */
#define WIRE_CAPS      (WIRE_CAP_TAILS | WIRE_CAP_AFTER | WIRE_CAP_LZ4) /* of this program */

/* Who sends: the attach side, the serve side, both. */
#define WIRE_ATTACH    1
#define WIRE_SERVE     2
#define WIRE_BOTH      3

/* Where: signalling, session stream, bench and echo streams, device streams. */
enum wire_place { WIRE_SIGNAL, WIRE_SESSION, WIRE_BENCH, WIRE_DEVICE };

#define WIRE_SMALL  4096         /* greetings, requests */
#define WIRE_LARGE  (256 * 1024) /* lists, descriptors */
#define WIRE_HUGE   (16 * 1024 * 1024 + 65536)
#define WIRE_PACKED (1024 * 1024) /* of what is compressed */

/* name, number, sender, place, shortest and longest body */
#define WIRE_LIST(X)                                                  \
	X(HELLO, 1, WIRE_ATTACH, WIRE_SESSION, 103, WIRE_SMALL)       \
	X(WELCOME, 2, WIRE_SERVE, WIRE_SESSION, 103, WIRE_SMALL)      \
	X(REFUSED, 3, WIRE_SERVE, WIRE_SESSION, 2, WIRE_SMALL)        \
	X(LIST, 8, WIRE_ATTACH, WIRE_SESSION, 0, 0)                   \
	X(DEVICES, 9, WIRE_SERVE, WIRE_SESSION, 2, WIRE_LARGE)        \
	X(IMPORT, 10, WIRE_ATTACH, WIRE_SESSION, 6, WIRE_SMALL)       \
	X(IMPORTED, 11, WIRE_SERVE, WIRE_SESSION, 6, WIRE_LARGE)      \
	X(RELEASE, 12, WIRE_ATTACH, WIRE_SESSION, 4, 4)               \
	X(REMOVED, 13, WIRE_SERVE, WIRE_SESSION, 6, WIRE_SMALL)       \
	X(UNLINK, 14, WIRE_ATTACH, WIRE_SESSION, 12, 12)              \
	X(PING, 16, WIRE_ATTACH, WIRE_BENCH, 8, 1024)                 \
	X(PONG, 17, WIRE_SERVE, WIRE_BENCH, 8, 1024)                  \
	X(SOURCE, 18, WIRE_ATTACH, WIRE_BENCH, 8, 8)                  \
	X(SINK, 19, WIRE_ATTACH, WIRE_BENCH, 8, 8)                    \
	X(DATA, 20, WIRE_BOTH, WIRE_BENCH, 1, 65536)                  \
	X(SUNK, 21, WIRE_SERVE, WIRE_BENCH, 8, 8)                     \
	X(SUBMIT, 32, WIRE_ATTACH, WIRE_DEVICE, 32, WIRE_HUGE)        \
	X(COMPLETE, 33, WIRE_SERVE, WIRE_DEVICE, 33, WIRE_HUGE)       \
	X(SUBMIT_LZ4, 34, WIRE_ATTACH, WIRE_DEVICE, 33, WIRE_PACKED)  \
	X(COMPLETE_LZ4, 35, WIRE_SERVE, WIRE_DEVICE, 34, WIRE_PACKED) \
	X(KNOCK, 64, WIRE_ATTACH, WIRE_SIGNAL, 67, WIRE_SMALL)        \
	X(ADMIT, 65, WIRE_SERVE, WIRE_SIGNAL, 67, WIRE_SMALL)         \
	X(REJECT, 66, WIRE_SERVE, WIRE_SIGNAL, 2, WIRE_SMALL)         \
	X(OFFER, 67, WIRE_ATTACH, WIRE_SIGNAL, 4, 8192)               \
	X(ANSWER, 68, WIRE_SERVE, WIRE_SIGNAL, 4, 8192)               \
	X(TRICKLE, 69, WIRE_BOTH, WIRE_SIGNAL, 1, 200)                \
	X(QUEUED, 144, WIRE_SERVE, WIRE_SESSION, 17, WIRE_SMALL)      \
	X(ENDS, 150, WIRE_SERVE, WIRE_SESSION, 9, WIRE_SMALL)

enum wire_type {
#define WIRE_ENUM(name, number, who, place, min, max) WIRE_##name = number,
	WIRE_LIST(WIRE_ENUM)
#undef WIRE_ENUM
};

struct wire_row {
	const char *name;
	uint8_t type, who;
	enum wire_place place;
	uint32_t min, max;
};

/*
 * The row of what the other side (who) sent in this place. ERR_OK; ERR_NODEV:
 * unknown but to be skipped; ERR_PROTO: not known, not from there, not so long.
 */
int wire_check(uint8_t type, uint8_t who, enum wire_place, uint32_t len,
	       const struct wire_row **) MUST_CHECK;

const char *wire_name(uint8_t type);

/* The place of what comes on a stream of the session. */
enum wire_place wire_place_of(uint32_t sid);

/* A message on the session stream: what w has written from body on. */
int wire_send(struct session *, uint8_t type, const uint8_t *body,
	      const struct wr *w) MUST_CHECK;

/* Why a server says no; carried as u8. */
enum wire_reason {
	WIRE_OK,
	WIRE_NOT_ALLOWED, /* nobody invited this id */
	WIRE_BAD_TICKET,  /* unknown, used up, expired, or a wrong proof */
	WIRE_VERSION,     /* another major version */
	WIRE_NO_DEVICE,   /* not there, not shared, or not for this peer */
	WIRE_IN_USE,      /* held by another */
	WIRE_LIMIT,       /* too many of something */
	WIRE_TROUBLE,     /* the device could not be opened: the text says why */
	WIRE_REASONS
};

int wire_reason_err(uint8_t reason);

#define WIRE_ID   16
#define WIRE_NAME 64
#define WIRE_TEXT 200

/* KNOCK, ADMIT, and the first part of HELLO and WELCOME. */
struct wire_greet {
	uint8_t major, minor;
	uint64_t caps; /* WIRE_CAP_*; of HELLO and WELCOME */
	uint8_t instance[WIRE_ID];
	uint8_t ticket[8]; /* zeros: no ticket */
	uint8_t proof[32]; /* of the ticket's secret; zeros without */
	char name[WIRE_NAME];
};

/* HELLO, WELCOME */
struct wire_hello {
	struct wire_greet greet;
	uint8_t session[WIRE_ID]; /* made by the attach side */
	uint64_t generation;      /* 1 on a session's first link */
	uint32_t window;          /* bytes of each stream that I keep: session_new */
	uint32_t urb_max;         /* longest transfer I take */
	uint32_t grace_s;         /* HELLO: how long the session may be without a link */
};

/* The window that counts: a session has one of 64 KiB at least. */
uint32_t wire_window(const struct wire_hello *);

/* The longest transfer that both take and whose messages fit in both windows. */
uint32_t wire_urb_max(const struct wire_hello *, const struct wire_hello *);

/* REFUSED, REJECT; dev is of REMOVED and IMPORTED only */
struct wire_refusal {
	uint8_t reason;
	char text[WIRE_TEXT];
};

/* In the flags of a device: devinfo.part, queued, read_only */
#define WIRE_PART      1
#define WIRE_QUEUES    2
#define WIRE_READ_ONLY 4

/* One of DEVICES */
struct wire_device {
	struct devinfo info;
	uint8_t state;  /* enum wire_state */
	uint64_t since; /* unix seconds, of state */
	char holder[WIRE_NAME];
};

enum wire_state { WIRE_FREE, WIRE_YOURS, WIRE_TAKEN };

#define WIRE_TAKEOVER 1 /* in the flags of IMPORT: also from a live session of mine */

struct wire_import {
	uint32_t dev; /* core/stream.h */
	uint8_t flags;
	char busid[DEVINFO_BUSID];
};

/* Before IMPORTED, again when it changes */
struct wire_queued {
	uint32_t dev;
	uint32_t position; /* from 1 */
	uint64_t since;    /* unix seconds, that the holder has it */
	char holder[WIRE_NAME];
};

/* After IMPORTED: it will be taken away. */
struct wire_ends {
	uint32_t dev;
	uint32_t seconds; /* from now */
	char why[WIRE_TEXT];
};

struct wire_imported {
	uint32_t dev;
	struct wire_refusal no; /* reason WIRE_OK: what follows is there */
	struct devinfo info;
	const uint8_t *raw, *cache; /* borrowed from the message */
	uint32_t raw_len, cache_len;
};

/* WIRE_PACKET bytes for each packet follow the 32 bytes, then OUT data */
struct wire_submit {
	uint32_t after; /* it begins when that one has ended (core/after.h); 0: at once */
	uint32_t flags; /* URB_*, WIRE_IF_WELL */
	uint32_t len, start_frame, interval, packets;
	uint8_t setup[8];
};

/*
 * It begins only if that one has ended well, and else comes back unlinked: status 0, all
 * bytes that were to be sent; of IN requests for WIRE_STATUS_LEN bytes all of them, the
 * last of which is 0 (a command status of Bulk-Only Transport that says "passed").
 */
#define WIRE_IF_WELL    0x80000000u
#define WIRE_STATUS_LEN 13

/* WIRE_PACKET bytes for each packet follow the 33 bytes, then IN data, compacted */
struct wire_complete {
	uint32_t epoch;
	uint64_t index; /* of the SUBMIT in the same stream */
	uint8_t flags;  /* WIRE_UNLINKED */
	int32_t status;
	uint32_t actual, start_frame, error_count, packets;
};

#define WIRE_SUBMIT_HEAD   32
#define WIRE_COMPLETE_HEAD 33
#define WIRE_PACKET        16 /* of isochronous ones */
#define WIRE_UNLINKED      1

/* OFFER, ANSWER */
#define WIRE_CANDIDATES    20
#define WIRE_CANDIDATE     200

struct wire_offer {
	uint8_t link; /* 0..31: first byte of datagrams is 32 + link */
	char ufrag[64], pwd[128];
	unsigned n;
	char candidate[WIRE_CANDIDATES][WIRE_CANDIDATE];
};

/*
 * put: appends the body, w->bad if it does not fit. get: reads it, ERR_PROTO if
 * it is not well-formed to its last byte. Strings from peers come out cleaned.
 */
void wire_put_greet(struct wr *, const struct wire_greet *);
int wire_get_greet(struct rd *, struct wire_greet *) MUST_CHECK;
void wire_put_hello(struct wr *, const struct wire_hello *);
int wire_get_hello(struct rd *, struct wire_hello *) MUST_CHECK;
void wire_put_refusal(struct wr *, const struct wire_refusal *);
int wire_get_refusal(struct rd *, struct wire_refusal *) MUST_CHECK;
void wire_put_device(struct wr *, const struct wire_device *);
int wire_get_device(struct rd *, struct wire_device *) MUST_CHECK; /* one of many */
void wire_put_import(struct wr *, const struct wire_import *);
int wire_get_import(struct rd *, struct wire_import *) MUST_CHECK;
void wire_put_imported(struct wr *, const struct wire_imported *);
int wire_get_imported(struct rd *, struct wire_imported *) MUST_CHECK;
void wire_put_queued(struct wr *, const struct wire_queued *);
int wire_get_queued(struct rd *, struct wire_queued *) MUST_CHECK;
void wire_put_ends(struct wr *, const struct wire_ends *);
int wire_get_ends(struct rd *, struct wire_ends *) MUST_CHECK;
void wire_put_removed(struct wr *, uint32_t dev, const struct wire_refusal *);
int wire_get_removed(struct rd *, uint32_t *dev, struct wire_refusal *) MUST_CHECK;
void wire_put_submit(struct wr *, const struct wire_submit *);
int wire_get_submit(struct rd *, struct wire_submit *) MUST_CHECK; /* the head */
void wire_put_complete(struct wr *, const struct wire_complete *);
int wire_get_complete(struct rd *, struct wire_complete *) MUST_CHECK; /* the head */
void wire_put_packet(struct wr *, const struct urb_iso *);
void wire_put_packets(uint8_t *, const struct urb_iso *, uint32_t n);
void wire_get_packet(struct rd *, struct urb_iso *); /* one of many */
void wire_put_offer(struct wr *, const struct wire_offer *);
int wire_get_offer(struct rd *, struct wire_offer *) MUST_CHECK;

/* TRICKLE: one more than those of OFFER and ANSWER; "": that was the last. */
void wire_put_trickle(struct wr *, const char *);
int wire_get_trickle(struct rd *, char candidate[WIRE_CANDIDATE]) MUST_CHECK;

#endif
