/* SPDX-License-Identifier: ISC */
/*
 * Binding requests and answers. Attributes that we do not know are skipped; integrity is
 * not asked for: a liar on the way could do no more than mislead a diagnosis.
 */
#include "core/stun.h"

#include "core/cur.h"
#include "core/mem.h"

#define COOKIE             0x2112a442u /* RFC 8489 5 */
#define BINDING            0x0001
#define BINDING_SUCCESS    0x0101
#define BINDING_ERROR      0x0111
#define MAPPED_ADDRESS     0x0001
#define XOR_MAPPED_ADDRESS 0x0020
#define OTHER_ADDRESS      0x802c /* RFC 5780 7.4 */

void
stun_request(uint8_t out[STUN_REQUEST], const uint8_t tid[STUN_TID])
{
	struct wr w;

	wr_init(&w, out, STUN_REQUEST);
	wr_be16(&w, BINDING);
	wr_be16(&w, 0);
	wr_be32(&w, COOKIE);
	wr_bytes(&w, tid, STUN_TID);
}

/* mask: what the fields are XORed with (RFC 8489 14.2), all zero for plain ones. */
static int
read_addr(const uint8_t *p, size_t n, const uint8_t mask[16], struct stun_addr *a)
{
	struct rd r;
	uint8_t kind;

	rd_init(&r, p, n);
	(void)rd_u8(&r);
	kind = rd_u8(&r);
	if (kind != 1 && kind != 2)
		return ERR_PROTO;
	memset(a, 0, sizeof(*a));
	a->port = (uint16_t)(rd_be16(&r) ^ (mask[0] << 8 | mask[1]));
	rd_bytes(&r, a->ip, kind == 1 ? 4 : 16);
	for (unsigned i = 0; i < (kind == 1 ? 4u : 16u); i++)
		a->ip[i] ^= mask[i];
	if (rd_end(&r) != ERR_OK)
		return ERR_PROTO;
	a->family = kind == 1 ? 4 : 6;
	return ERR_OK;
}

static int
read_attributes(struct rd *r, const uint8_t mask[16], struct stun_answer *a)
{
	static const uint8_t plain[16];
	struct stun_addr old = {.family = 0};
	int err = ERR_OK;

	while (err == ERR_OK && rd_left(r) > 0) {
		uint16_t type = rd_be16(r), len = rd_be16(r);
		const uint8_t *p = rd_lend(r, len);

		(void)rd_lend(r, (4 - len % 4u) % 4);
		if (r->bad)
			return ERR_PROTO;
		if (type == XOR_MAPPED_ADDRESS)
			err = read_addr(p, len, mask, &a->mapped);
		else if (type == MAPPED_ADDRESS)
			err = read_addr(p, len, plain, &old);
		else if (type == OTHER_ADDRESS)
			err = read_addr(p, len, plain, &a->other);
	}
	if (a->mapped.family == 0)
		a->mapped = old;
	return err == ERR_OK && a->mapped.family == 0 ? ERR_PROTO : err;
}

int
stun_read(const void *p, size_t n, const uint8_t tid[STUN_TID], struct stun_answer *a)
{
	uint8_t mask[16] = {COOKIE >> 24, COOKIE >> 16 & 0xff, COOKIE >> 8 & 0xff,
			    COOKIE & 0xff};
	uint8_t id[STUN_TID];
	uint16_t type, len;
	struct rd r;
	bool ours;

	memset(a, 0, sizeof(*a));
	rd_init(&r, p, n);
	type = rd_be16(&r);
	len = rd_be16(&r);
	ours = rd_be32(&r) == COOKIE;
	rd_bytes(&r, id, sizeof(id));
	if (r.bad || !ours || memcmp(id, tid, sizeof(id)) != 0)
		return ERR_NODEV;
	if (len != rd_left(&r) || len % 4 != 0)
		return ERR_PROTO;
	if (type == BINDING_ERROR)
		return ERR_REFUSED;
	if (type != BINDING_SUCCESS)
		return ERR_NODEV;
	memcpy(mask + 4, tid, STUN_TID);
	return read_attributes(&r, mask, a);
}

const char *
stun_nat_name(enum stun_nat nat)
{
	static const char *const name[] = {
#define STUN_NAT_NAME(name, text) [STUN_NAT_##name] = text,
	    STUN_NAT_LIST(STUN_NAT_NAME)
#undef STUN_NAT_NAME
	};

	return (unsigned)nat < ARRAY_LEN(name) ? name[nat] : "unknown";
}

static bool
same(const struct stun_addr *a, const struct stun_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

enum stun_nat
stun_nat(const struct stun_addr *seen, unsigned n, const struct stun_addr *local)
{
	const struct stun_addr *first = NULL;
	unsigned answers = 0;

	for (unsigned i = 0; i < n; i++) {
		if (seen[i].family == 0)
			continue;
		answers++;
		if (first == NULL)
			first = &seen[i];
		else if (!same(first, &seen[i]))
			return STUN_NAT_HARD;
	}
	if (first == NULL)
		return STUN_NAT_BLOCKED;
	if (same(first, local))
		return STUN_NAT_NONE;
	return answers > 1 ? STUN_NAT_EASY : STUN_NAT_UNKNOWN;
}
