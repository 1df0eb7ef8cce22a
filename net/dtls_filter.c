/* SPDX-License-Identifier: ISC */
/*
 * Records (RFC 6347 4.1) and clear handshake fragments (4.2.2) that make sense.
 */
#include "core/cur.h"
#include "core/mem.h"
#include "net/dtls_filter.h"

#define DTLS_DATAGRAM_MAX  (16384 + 256 + 13) /* one record of the longest kind */
#define DTLS_HANDSHAKE_MAX 8192 /* a message; certificates are the longest */
#define DTLS_HANDSHAKE_SEQ 16   /* messages that one side may send */
#define DTLS_VERSION_1_0   0xfeff
#define DTLS_VERSION_1_2   0xfefd

enum dtls_record {
	RECORD_CCS = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_DATA = 23,
};

/*
 * Handshake messages in clear, by who sends them; no cookies, tickets or
 * renegotiation, and Finished is never in clear.
 */
static const bool dtls_from_client[256] = {
    [1] = true, [11] = true, [15] = true, [16] = true};
static const bool dtls_from_server[256] = {
    [2] = true, [11] = true, [12] = true, [13] = true, [14] = true};

static uint32_t
rd_be24(struct rd *r)
{
	uint32_t high = rd_u8(r);

	return high << 16 | rd_be16(r);
}

/* type | length 3 | message_seq 2 | offset 3 | length 3 | fragment */
static bool
fragments(const bool known[256], const uint8_t *p, size_t n)
{
	struct rd r;

	rd_init(&r, p, n);
	while (rd_left(&r) > 0) {
		uint8_t type = rd_u8(&r);
		uint32_t all = rd_be24(&r);
		uint16_t seq = rd_be16(&r);
		uint32_t off = rd_be24(&r), len = rd_be24(&r);

		(void)rd_lend(&r, len);
		if (r.bad || !known[type] || all > DTLS_HANDSHAKE_MAX ||
		    seq >= DTLS_HANDSHAKE_SEQ || off + len > all || (len == 0 && all > 0))
			return false;
	}
	return true;
}

static bool
clear_record(bool server, uint8_t type, const uint8_t *p, size_t n, uint8_t *alert)
{
	switch (type) {
	case RECORD_HANDSHAKE:
		return fragments(server ? dtls_from_client : dtls_from_server, p, n);
	case RECORD_CCS:
		return n == 1 && p[0] == 1;
	case RECORD_ALERT:
		if (n == 2 && p[0] == 2)
			*alert = p[1];
		return false;
	default:
		return false;
	}
}

/* type | version 2 | epoch 2 | sequence 6 | length 2 | fragment */
static bool
record(bool server, size_t sealed_min, struct rd *r, uint8_t *alert)
{
	uint8_t type = rd_u8(r);
	uint16_t version = rd_be16(r), epoch = rd_be16(r), n;
	const uint8_t *p;

	(void)rd_lend(r, 6);
	n = rd_be16(r);
	p = rd_lend(r, n);
	if (r->bad || n == 0 || type < RECORD_CCS || type > RECORD_DATA || epoch > 1)
		return false;
	if (version != DTLS_VERSION_1_2 && (version != DTLS_VERSION_1_0 || epoch != 0))
		return false;
	return epoch == 0 ? clear_record(server, type, p, n, alert) : n >= sealed_min;
}

bool
dtls_filter(bool server, size_t sealed_min, const uint8_t *p, size_t n, uint8_t *alert)
{
	struct rd r;

	*alert = 0;
	if (n == 0 || n > DTLS_DATAGRAM_MAX)
		return false;
	rd_init(&r, p, n);
	while (rd_left(&r) > 0)
		if (!record(server, sealed_min, &r, alert))
			return false;
	return true;
}
