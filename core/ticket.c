/* SPDX-License-Identifier: ISC */
/*
 * Tickets as text and back. Does not know what a secret is for, whether a
 * ticket has expired, or whether its addresses can be reached.
 */
#include "core/ticket.h"
#include "core/cur.h"
#include "core/mem.h"
#include "core/text.h"

#define VERSION   1
#define KIND_ADDR 1
#define KIND_RDV  2
#define KIND_SKIP 128 /* from here on: skipped when not known */

#define PREFIX    (sizeof(TICKET_PREFIX) - 1)

/* The most that TICKET_TEXT characters can hold. */
#define BYTES     (TICKET_TEXT * 5 / 8)

bool
ticket_is(const char *text)
{
	for (size_t i = 0; i < PREFIX; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != TICKET_PREFIX[i])
			return false;
	}
	return true;
}

/* Where the port of an address begins; 0 when the host is none. */
static size_t
host_end(const char *addr)
{
	bool v6 = addr[0] == '[';
	size_t i = v6;

	while (addr[i] > ' ' && addr[i] < 0x7f && addr[i] != '[' && addr[i] != ']' &&
	       (v6 || addr[i] != ':'))
		i++;
	if (i == (size_t)v6 || (v6 && addr[i++] != ']') || addr[i] != ':')
		return 0;
	return i + 1;
}

bool
ticket_addr_ok(const char *addr)
{
	size_t port = host_end(addr);
	uint64_t v;

	return port != 0 && text_len(addr) < TICKET_ADDR &&
	       text_to_u64(addr + port, 65535, &v) && v != 0;
}

static void
pack(struct wr *w, const struct ticket *t)
{
	wr_u8(w, VERSION);
	wr_bytes(w, t->peer, sizeof(t->peer));
	wr_str8(w, t->name);
	wr_u8(w, (uint8_t)(t->addrs + t->rdvs));
	for (unsigned i = 0; i < t->addrs; i++) {
		wr_u8(w, KIND_ADDR);
		wr_str8(w, t->addr[i]);
	}
	for (unsigned i = 0; i < t->rdvs; i++) {
		wr_u8(w, KIND_RDV);
		wr_u8(w, (uint8_t)(PEERID + text_len(t->rdv[i].addr)));
		wr_bytes(w, t->rdv[i].pin, PEERID);
		wr_bytes(w, t->rdv[i].addr, text_len(t->rdv[i].addr));
	}
	wr_u8(w, t->has_secret);
	if (!t->has_secret)
		return;
	wr_bytes(w, t->id, sizeof(t->id));
	wr_bytes(w, t->secret, sizeof(t->secret));
	wr_le64(w, t->expiry);
}

int
ticket_write(const struct ticket *t, char *text, size_t cap)
{
	uint8_t b[BYTES];
	struct wr w;
	size_t n;

	ASSERT(t->addrs <= TICKET_ADDRS && t->rdvs <= TICKET_RDVS);
	for (unsigned i = 0; i < t->addrs; i++)
		if (!ticket_addr_ok(t->addr[i]))
			return ERR_USAGE;
	for (unsigned i = 0; i < t->rdvs; i++)
		if (!ticket_addr_ok(t->rdv[i].addr))
			return ERR_USAGE;
	wr_init(&w, b, sizeof(b));
	pack(&w, t);
	ASSERT(!w.bad);
	n = sizeof(b) - wr_left(&w);
	if (cap < PREFIX + B32_TEXT(n))
		return ERR_TOOBIG;
	memcpy(text, TICKET_PREFIX, PREFIX);
	b32_encode(b, n, text + PREFIX, cap - PREFIX);
	return ERR_OK;
}

static bool
unpack_rdv(struct rd *r, struct ticket *t)
{
	size_t n = rd_u8(r);
	struct rdv_uri *u = &t->rdv[t->rdvs];
	const uint8_t *p;

	if (t->rdvs == TICKET_RDVS || n < PEERID || n - PEERID >= RDV_ADDR)
		return false;
	rd_bytes(r, u->pin, PEERID);
	if ((p = rd_lend(r, n - PEERID)) == NULL)
		return false;
	memcpy(u->addr, p, n - PEERID); /* the rest of it is zero */
	t->rdvs++;
	return ticket_addr_ok(u->addr) && text_len(u->addr) == n - PEERID;
}

/* One place to find the server: into t, or skipped. */
static bool
unpack_addr(struct rd *r, struct ticket *t)
{
	uint8_t kind = rd_u8(r);

	if (kind == KIND_RDV)
		return unpack_rdv(r, t);
	if (kind >= KIND_SKIP)
		return rd_lend(r, rd_u8(r)) != NULL;
	if (kind != KIND_ADDR || t->addrs == TICKET_ADDRS)
		return false;
	rd_str8(r, t->addr[t->addrs], TICKET_ADDR);
	return !r->bad && ticket_addr_ok(t->addr[t->addrs++]);
}

static bool
unpack_secret(struct rd *r, struct ticket *t)
{
	uint8_t has = rd_u8(r);

	t->has_secret = has == 1;
	if (!t->has_secret)
		return has == 0;
	rd_bytes(r, t->id, sizeof(t->id));
	rd_bytes(r, t->secret, sizeof(t->secret));
	t->expiry = rd_le64(r);
	return true;
}

static bool
unpack(struct rd *r, struct ticket *t)
{
	if (rd_u8(r) != VERSION)
		return false;
	rd_bytes(r, t->peer, sizeof(t->peer));
	rd_str8(r, t->name, sizeof(t->name));
	text_clean(t->name);
	for (unsigned n = rd_u8(r); n > 0; n--)
		if (!unpack_addr(r, t))
			return false;
	return unpack_secret(r, t) && !r->bad && rd_left(r) == 0;
}

int
ticket_read(const char *text, struct ticket *t)
{
	uint8_t b[BYTES];
	struct rd r;
	size_t n;

	memset(t, 0, sizeof(*t));
	if (!ticket_is(text) || b32_decode(text + PREFIX, b, sizeof(b), &n) != ERR_OK)
		return ERR_BADTICKET;
	rd_init(&r, b, n);
	return unpack(&r, t) ? ERR_OK : ERR_BADTICKET;
}
