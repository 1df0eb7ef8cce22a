/* SPDX-License-Identifier: ISC */
/*
 * Why records were thrown away. OpenSSL does not tell, so the numbers of those that it
 * took are kept here as well, of the one epoch that has keys (RFC 6347 4.1.2.6). Only
 * for people to read: nothing depends on it.
 */
#ifndef NET_DTLS_SEEN_H
#define NET_DTLS_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Records that came but were not used. */
struct dtls_drops {
	uint64_t replayed;  /* were here before */
	uint64_t late;      /* so much later than others that nobody can say */
	uint64_t corrupted; /* what they say is not what was sent, or sent by another */
};

struct dtls_seen {
	uint64_t next; /* one more than the largest number that was taken */
	uint64_t bits; /* bit k: number next - 1 - k was taken */
	struct dtls_drops drops;
};

/*
 * A datagram of whole records that was taken, and one that was thrown away: its first
 * record counts, our peers send one.
 */
void dtls_seen_took(struct dtls_seen *, const uint8_t *, size_t n);
void dtls_seen_dropped(struct dtls_seen *, const uint8_t *, size_t n);

#endif
