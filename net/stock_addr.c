/* SPDX-License-Identifier: ISC */
/*
 * Addresses of plain USB/IP: its port, and from where clients may come.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/text.h"
#include "net/stock.h"
#include "net/tcp_addr.h"

/* Whether there is a port in it; *bare: an IPv6 address without brackets. */
static bool
has_port(const char *s, bool *bare)
{
	const char *colon = strchr(s, ':');

	*bare = false;
	if (s[0] == '[')
		return strstr(s, "]:") != NULL;
	*bare = colon != NULL && strchr(colon + 1, ':') != NULL;
	return colon != NULL && !*bare;
}

int
stock_where(char where[STOCK_WHERE], const char *text)
{
	struct tcp_where w;
	bool bare, port = has_port(text, &bare);
	int n = snprintf(where, STOCK_WHERE, "%s%s%s%s", bare ? "[" : "", text,
			 bare ? "]" : "", port ? "" : ":" STOCK_PORT);

	if (n < 0 || n >= STOCK_WHERE || text[0] == '\0')
		return ERR_USAGE;
	return tcp_where_split(&w, where);
}

int
stock_uri(const char *text, char where[STOCK_WHERE], char busid[USBIP_OP_BUSID])
{
	const size_t scheme = sizeof(STOCK_URI) - 1;
	char host[STOCK_WHERE];
	char *slash;

	busid[0] = '\0';
	if (strncmp(text, STOCK_URI, scheme) != 0 ||
	    !text_copy(host, sizeof(host), text + scheme))
		return ERR_USAGE;
	if ((slash = strchr(host, '/')) != NULL) {
		*slash = '\0';
		if (strchr(slash + 1, '/') != NULL ||
		    !text_copy(busid, USBIP_OP_BUSID, slash + 1))
			return ERR_USAGE;
	}
	return stock_where(where, host);
}

/* 16 bytes of an address; false: it is no number. */
static bool
bytes_of(const char *host, uint8_t ip[16], bool *four)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct sockaddr_storage ss;
	struct tcp_where w;

	if (tcp_where_split(&w, host) != ERR_OK || !tcp_where_numeric(&w, &ss))
		return false;
	*four = ss.ss_family == AF_INET;
	if (*four) {
		memcpy(ip, mapped, sizeof(mapped));
		memcpy(ip + 12, &((const struct sockaddr_in *)&ss)->sin_addr, 4);
	} else {
		memcpy(ip, &((const struct sockaddr_in6 *)&ss)->sin6_addr, 16);
	}
	return true;
}

int
stock_allow_add(struct stock_allow *a, const char *cidr)
{
	char host[64];
	const char *slash = strchr(cidr, '/');
	size_t n = slash == NULL ? strlen(cidr) : (size_t)(slash - cidr);
	uint64_t bits;
	bool four;

	if (a->n == STOCK_NETS)
		return ERR_FULL;
	if (n == 0 || n >= sizeof(host))
		return ERR_USAGE;
	memcpy(host, cidr, n);
	host[n] = '\0';
	if (host[0] == '[' || !bytes_of(host, a->net[a->n].ip, &four) ||
	    (four && strchr(host, ':') != NULL))
		return ERR_USAGE;
	bits = four ? 32 : 128;
	if (slash != NULL && !text_to_u64(slash + 1, bits, &bits))
		return ERR_USAGE;
	a->net[a->n++].bits = (unsigned)bits + (four ? 96 : 0);
	return ERR_OK;
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 &&
	       (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool
stock_allow_has(const struct stock_allow *a, const char *where)
{
	uint8_t ip[16];
	bool four;

	if (tcp_is_loopback(where))
		return true;
	if (!bytes_of(where, ip, &four))
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (same_bits(ip, a->net[i].ip, a->net[i].bits))
			return true;
	return false;
}
