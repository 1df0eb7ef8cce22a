/* SPDX-License-Identifier: ISC */
/*
 * The pair that ICE has selected: its socket, and what people are told of it.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <gio/gio.h>
#include <nice/agent.h>

#include "core/text.h"
#include "net/ice_parts.h"

static bool
selected(const struct ice *i, NiceCandidate **local, NiceCandidate **remote)
{
	return nice_agent_get_selected_pair(i->agent, i->stream, ICE_COMPONENT, local,
					    remote);
}

int
ice_socket(const struct ice *i, struct sockaddr_storage *to)
{
	NiceCandidate *local, *remote;
	GSocket *s;
	int fd;

	if ((i->told & ICE_CONNECTED) == 0 || !selected(i, &local, &remote) ||
	    (s = nice_agent_get_selected_socket(i->agent, i->stream, ICE_COMPONENT)) ==
		NULL)
		return -1;
	memset(to, 0, sizeof(*to));
	nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)to);
	fd = g_socket_get_fd(s);
	g_object_unref(s);
	return fd;
}

bool
ice_ends(const struct ice *i, struct sockaddr_storage *from, struct sockaddr_storage *to)
{
	NiceCandidate *local, *remote;

	memset(from, 0, sizeof(*from));
	memset(to, 0, sizeof(*to));
	if ((i->told & ICE_CONNECTED) == 0 || !selected(i, &local, &remote) ||
	    local->type == NICE_CANDIDATE_TYPE_RELAYED)
		return false;
	nice_address_copy_to_sockaddr(&local->base_addr, (struct sockaddr *)from);
	nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)to);
	return true;
}

bool
ice_relayed(const struct ice *i)
{
	NiceCandidate *local, *remote;

	return selected(i, &local, &remote) &&
	       (local->type == NICE_CANDIDATE_TYPE_RELAYED ||
		remote->type == NICE_CANDIDATE_TYPE_RELAYED);
}

static const char *const types[] = {"host", "srflx", "prflx", "relay"};

const char *
ice_kind(const struct ice *i)
{
	NiceCandidate *local, *remote;

	if (!selected(i, &local, &remote))
		return "";
	return types[local->type > remote->type ? local->type : remote->type];
}

static void
path_end(struct text *t, const NiceCandidate *c)
{
	gchar ip[INET6_ADDRSTRLEN];
	bool v6 = nice_address_ip_version(&c->addr) == 6;

	nice_address_to_string(&c->addr, ip);
	text_str(t, types[c->type]);
	text_str(t, v6 ? " [" : " ");
	text_str(t, ip);
	text_str(t, v6 ? "]:" : ":");
	text_u64(t, nice_address_get_port(&c->addr));
}

void
ice_path(const struct ice *i, char *buf, size_t cap)
{
	NiceCandidate *local, *remote;
	struct text t;

	text_init(&t, buf, cap);
	if (!selected(i, &local, &remote))
		return;
	path_end(&t, local);
	text_str(&t, " -> ");
	path_end(&t, remote);
}
