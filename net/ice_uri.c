/* SPDX-License-Identifier: ISC */
/*
 * Texts of STUN and TURN servers.
 */
#include <string.h>
#include <sys/socket.h>

#include "core/mem.h"
#include "core/text.h"
#include "net/ice_uri.h"
#include "net/tcp_addr.h"

#define SCHEME "turn:"

static int
split(struct tcp_where *w, const char *where)
{
	struct sockaddr_storage ss;
	int err = tcp_where_split_or(w, where, ICE_PORT);

	if (err != ERR_OK || w->port == 0)
		return ERR_USAGE;
	if (!tcp_where_numeric(w, &ss) && !tcp_where_is_name(w))
		return ERR_USAGE;
	return ERR_OK;
}

int
ice_uri_stun(struct ice_stun *s, const char *where)
{
	struct tcp_where w;

	if (split(&w, where) != ERR_OK || !text_copy(s->host, sizeof(s->host), w.host))
		return ERR_USAGE;
	s->port = w.port;
	return ERR_OK;
}

static const struct {
	const char *query;
	unsigned n;
	enum ice_transport transport[2];
} queries[] = {
    {"", 2, {ICE_UDP, ICE_TCP}},
    {"?transport=udp", 1, {ICE_UDP}},
    {"?transport=tcp", 1, {ICE_TCP}},
};

static int
append(struct ice_servers *s, const struct tcp_where *w, const char *query)
{
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		if (strcmp(queries[i].query, query) != 0)
			continue;
		if (s->turns + queries[i].n > ICE_TURNS)
			return ERR_FULL;
		for (unsigned k = 0; k < queries[i].n; k++) {
			struct ice_turn *t = &s->turn[s->turns++];

			memset(t, 0, sizeof(*t));
			text_copy(t->host, sizeof(t->host), w->host);
			t->port = w->port;
			t->transport = queries[i].transport[k];
		}
		return ERR_OK;
	}
	return ERR_USAGE;
}

int
ice_uri_turn(struct ice_servers *s, const char *uri)
{
	const char *query;
	char where[ICE_HOST + 8];
	struct tcp_where w;
	size_t n;

	if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0)
		return ERR_USAGE;
	uri += strlen(SCHEME);
	n = strcspn(uri, "?");
	query = uri + n;
	if (n >= sizeof(where))
		return ERR_USAGE;
	memcpy(where, uri, n);
	where[n] = '\0';
	return split(&w, where) == ERR_OK ? append(s, &w, query) : ERR_USAGE;
}
