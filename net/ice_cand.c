/* SPDX-License-Identifier: ISC */
/*
 * A peer's candidate lines and credentials: hostile until they came through
 * here. Only numeric addresses: a name would make us ask somebody.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/text.h"
#include "net/ice_cand.h"

#define PREFIX             "candidate:"

/* That of srflx with the best local preference (RFC 8445 5.1.2.1). */
#define FORWARDED_PRIORITY (100u << 24 | 65535u << 8 | 255u)

/* Words of a line: eight that must be there, then pairs (RFC 8839 5.1). */
enum { FOUNDATION, COMPONENT, TRANSPORT, PRIORITY, ADDRESS, PORT, TYP, TYPE, WORDS };

struct cand {
	char line[ICE_CANDIDATE_TEXT];
	char *word[WORDS];
};

/* Addresses that are nobody's or everybody's: the first `bits` of them. */
static const struct {
	int family;
	unsigned bits;
	uint8_t prefix[12];
} nobody[] = {
    {AF_INET, 8, {0}},                          /* "this network" */
    {AF_INET, 3, {0xe0}},                       /* multicast, reserved, broadcast */
    {AF_INET6, 8, {0xff}},                      /* multicast */
    {AF_INET6, 96, {0}},                        /* unspecified, IPv4-compatible */
    {AF_INET6, 96, {[10] = 0xff, [11] = 0xff}}, /* IPv4-mapped: say it as IPv4 */
    {AF_INET6, 96, {0, 0x64, 0xff, 0x9b}},      /* NAT64: the same again */
};

static bool
prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned n = bits / 8, rest = bits % 8;

	return memcmp(a, b, n) == 0 && (rest == 0 || (a[n] ^ b[n]) >> (8 - rest) == 0);
}

static bool
loopback_bytes(int family, const uint8_t *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return family == AF_INET ? a[0] == 127 : memcmp(a, one, sizeof(one)) == 0;
}

static bool
link_local_bytes(int family, const uint8_t *a)
{
	if (family == AF_INET)
		return a[0] == 169 && a[1] == 254;
	return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

/* AF_INET, AF_INET6 or, when it is no number, AF_UNSPEC. */
static int
numeric(const char *ip, uint8_t a[16])
{
	if (inet_pton(AF_INET, ip, a) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, ip, a) == 1 ? AF_INET6 : AF_UNSPEC;
}

static bool
address_usable(const char *ip, enum ice_scope scope)
{
	uint8_t a[16];
	int family = numeric(ip, a);

	if (family == AF_UNSPEC)
		return false;
	if (loopback_bytes(family, a))
		return scope == ICE_SCOPE_LOOPBACK;
	if (link_local_bytes(family, a))
		return scope == ICE_SCOPE_LINK;
	for (size_t i = 0; i < ARRAY_LEN(nobody); i++)
		if (nobody[i].family == family &&
		    prefix_equal(a, nobody[i].prefix, nobody[i].bits))
			return false;
	return true;
}

/* ALPHA DIGIT + / (RFC 8839 5.1) */
static bool
ice_chars(const char *s, size_t min, size_t max)
{
	size_t n = strlen(s);

	return n >= min && n <= max &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789+/") == n;
}

/* Copies the line and cuts it at its spaces. */
static bool
cut(struct cand *c, const char *line, size_t cap)
{
	size_t n = strnlen(line, cap < sizeof(c->line) ? cap : sizeof(c->line));
	unsigned words = 0;

	if (n == cap || n == sizeof(c->line) || n < strlen(PREFIX))
		return false;
	memcpy(c->line, line, n + 1);
	if (memcmp(c->line, PREFIX, strlen(PREFIX)) != 0)
		return false;
	for (char *p = c->line + strlen(PREFIX); p != NULL; words++) {
		char *end = strchr(p, ' ');

		if (end != NULL)
			*end++ = '\0';
		if (*p == '\0')
			return false;
		if (words < WORDS)
			c->word[words] = p;
		p = end;
	}
	return words >= WORDS && words % 2 == 0;
}

static bool
printable(const char *line, size_t cap)
{
	for (size_t i = 0; i < cap && line[i] != '\0'; i++)
		if (line[i] < ' ' || line[i] > '~')
			return false;
	return true;
}

static bool
well_formed(const struct cand *c)
{
	uint64_t v;

	return ice_chars(c->word[FOUNDATION], 1, 32) &&
	       text_to_u64(c->word[COMPONENT], 256, &v) && v != 0 &&
	       text_to_u64(c->word[PRIORITY], INT32_MAX, &v) && v != 0 &&
	       text_to_u64(c->word[PORT], UINT16_MAX, &v) && v != 0 &&
	       text_equal(c->word[TYP], "typ");
}

static bool
type_known(const char *type)
{
	static const char *const types[] = {"host", "srflx", "prflx", "relay"};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (text_equal(type, types[i]))
			return true;
	return false;
}

int
ice_cand_check(const char *line, size_t cap, enum ice_scope scope,
	       char out[ICE_CANDIDATE_TEXT])
{
	struct cand c;

	if (!printable(line, cap) || !cut(&c, line, cap) || !well_formed(&c))
		return ERR_PROTO;
	if (!text_equal(c.word[COMPONENT], "1") ||
	    strcasecmp(c.word[TRANSPORT], "UDP") != 0 || !type_known(c.word[TYPE]) ||
	    !address_usable(c.word[ADDRESS], scope))
		return ERR_REFUSED;
	/* never longer than the line it was made of */
	snprintf(out, ICE_CANDIDATE_TEXT, PREFIX "%s 1 UDP %s %s %s typ %s",
		 c.word[FOUNDATION], c.word[PRIORITY], c.word[ADDRESS], c.word[PORT],
		 c.word[TYPE]);
	return ERR_OK;
}

bool
ice_cand_credentials(const struct ice_desc *d)
{
	return memchr(d->ufrag, '\0', sizeof(d->ufrag)) != NULL &&
	       memchr(d->pwd, '\0', sizeof(d->pwd)) != NULL &&
	       ice_chars(d->ufrag, 4, 256) && ice_chars(d->pwd, 22, 256);
}

bool
ice_cand_is_loopback(const char *ip)
{
	uint8_t a[16];
	int family = numeric(ip, a);

	return family != AF_UNSPEC && loopback_bytes(family, a);
}

bool
ice_cand_is_link_local(const char *ip)
{
	char number[INET6_ADDRSTRLEN];
	size_t n = strcspn(ip, "%");
	uint8_t a[16];
	int family;

	if (n >= sizeof(number))
		return false;
	memcpy(number, ip, n);
	number[n] = '\0';
	family = numeric(number, a);
	return family != AF_UNSPEC && link_local_bytes(family, a);
}

bool
ice_cand_is_at(const char *line, const char *ip)
{
	uint8_t a[16] = {0}, b[16] = {0};
	struct cand c;
	int family = numeric(ip, a);

	return family != AF_UNSPEC && cut(&c, line, ICE_CANDIDATE_TEXT) &&
	       numeric(c.word[ADDRESS], b) == family && memcmp(a, b, sizeof(a)) == 0;
}

bool
ice_cand_forwarded(const char *line, const char *ip, char out[ICE_CANDIDATE_TEXT])
{
	uint8_t a[16];
	struct cand c;
	int n;

	if (!cut(&c, line, ICE_CANDIDATE_TEXT) || !well_formed(&c) ||
	    !text_equal(c.word[TYPE], "host") ||
	    numeric(c.word[ADDRESS], a) != numeric(ip, a))
		return false;
	n = snprintf(out, ICE_CANDIDATE_TEXT, PREFIX "f%s 1 UDP %u %s %s typ srflx",
		     c.word[FOUNDATION], FORWARDED_PRIORITY, ip, c.word[PORT]);
	return n > 0 && n < ICE_CANDIDATE_TEXT;
}
