/* SPDX-License-Identifier: ISC */
/*
 * Texts of TCP addresses.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <event2/util.h>

#include "core/text.h"
#include "net/tcp_addr.h"

/* The end of the host in s, and through port what follows its ':' or NULL. */
static const char *
host_end(const char **s, const char **port)
{
	const char *end, *first = strchr(*s, ':');

	*port = NULL;
	if (**s == '[') {
		end = strchr(++*s, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return NULL;
		if (end[1] == ':')
			*port = end + 2;
		return end;
	}
	if (first == NULL || strchr(first + 1, ':') != NULL) /* a name; bare IPv6 */
		return *s + strlen(*s);
	*port = first + 1;
	return first;
}

int
tcp_where_split_or(struct tcp_where *w, const char *where, uint16_t usual)
{
	const char *port, *end = host_end(&where, &port);
	uint64_t v = usual;

	if (end == NULL || (size_t)(end - where) >= sizeof(w->host))
		return ERR_USAGE;
	if (port != NULL && !text_to_u64(port, UINT16_MAX, &v))
		return ERR_USAGE;
	memcpy(w->host, where, (size_t)(end - where));
	w->host[end - where] = '\0';
	w->port = (uint16_t)v;
	return ERR_OK;
}

int
tcp_where_split(struct tcp_where *w, const char *where)
{
	return tcp_where_split_or(w, where, TCP_PORT);
}

bool
tcp_where_numeric(const struct tcp_where *w, struct sockaddr_storage *ss)
{
	int len = sizeof(*ss);

	memset(ss, 0, sizeof(*ss));
	if (strchr(w->host, '[') != NULL ||
	    evutil_parse_sockaddr_port(w->host, (struct sockaddr *)ss, &len) != 0)
		return false;
	if (ss->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port = htons(w->port);
	else
		((struct sockaddr_in *)ss)->sin_port = htons(w->port);
	return true;
}

bool
tcp_where_is_name(const struct tcp_where *w)
{
	static const char digits[] = "0123456789";
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz-_."
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(w->host);
	const char *last = strrchr(w->host, '.');

	if (n == 0 || n > 253 || strspn(w->host, chars) != n || w->host[0] == '.' ||
	    strstr(w->host, "..") != NULL)
		return false;
	last = last == NULL ? w->host : last + 1;
	return *last == '\0' || strspn(last, digits) != strlen(last);
}

bool
tcp_where_is_localhost(const struct tcp_where *w)
{
	return strcasecmp(w->host, "localhost") == 0;
}

/* IPv4 that came through a dual-stack socket, as what it is. */
static void
unmap(struct sockaddr_storage *ss)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six;

	memcpy(&six, ss, sizeof(six)); /* an access by another type may be moved */
	if (six.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
		return;
	four.sin_port = six.sin6_port;
	memcpy(&four.sin_addr, six.sin6_addr.s6_addr + 12, 4);
	memcpy(ss, &four, sizeof(four));
}

struct gate_network
tcp_addr_network(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET6)
		return gate_network(((const struct sockaddr_in6 *)ss)->sin6_addr.s6_addr,
				    16);
	return gate_network((const void *)&((const struct sockaddr_in *)ss)->sin_addr, 4);
}

bool
tcp_addr_is_loopback(const struct sockaddr_storage *addr)
{
	struct sockaddr_storage ss = *addr;

	unmap(&ss);
	if (ss.ss_family == AF_INET)
		return ntohl(((struct sockaddr_in *)&ss)->sin_addr.s_addr) >> 24 == 127;
	return ss.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&ss)->sin6_addr);
}

void
tcp_addr_text(const struct sockaddr_storage *addr, bool port, char buf[TCP_ADDR_TEXT])
{
	struct sockaddr_storage ss = *addr;
	char ip[TCP_ADDR_TEXT], number[8];
	struct text t;
	bool six;

	if (ss.ss_family != AF_INET && ss.ss_family != AF_INET6)
		return; /* a pair of sockets has no address */
	unmap(&ss);
	six = ss.ss_family == AF_INET6;
	text_init(&t, buf, TCP_ADDR_TEXT);
	if (getnameinfo((struct sockaddr *)&ss,
			six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
			ip, sizeof(ip), number, sizeof(number),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	text_str(&t, port && six ? "[" : "");
	text_str(&t, ip);
	if (port) {
		text_str(&t, six ? "]:" : ":");
		text_str(&t, number);
	}
}

bool
tcp_is_loopback(const char *where)
{
	struct tcp_where w;
	struct sockaddr_storage ss;

	return tcp_where_split(&w, where) == ERR_OK &&
	       (tcp_where_is_localhost(&w) ||
		(tcp_where_numeric(&w, &ss) && tcp_addr_is_loopback(&ss)));
}
