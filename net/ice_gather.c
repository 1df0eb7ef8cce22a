/* SPDX-License-Identifier: ISC */
/*
 * Our own side of ICE: the addresses to gather on, the servers that are asked, and
 * which of what libnice finds is told to the peer.
 */
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <gio/gio.h>
#include <nice/agent.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/text.h"
#include "net/ice_addr.h"
#include "net/ice_names.h"
#include "net/ice_parts.h"
#include "net/udp.h"

#define RELAYS_US    250000
#define SOCKET_BYTES (4 << 20) /* room for bursts of 64 packets, many times */

/* Of each kind, so that many addresses of the machine do not crowd out the others. */
static const unsigned most[] = {
    [NICE_CANDIDATE_TYPE_HOST] = 10,
    [NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE] = 5,
    [NICE_CANDIDATE_TYPE_RELAYED] = 5,
};

/* --- what is told --- */

static bool
is_of(const char *line, const char *type)
{
	const char *at = strstr(line, " typ ");

	return at != NULL && strcmp(at + strlen(" typ "), type) == 0;
}

static bool
may_tell(const struct ice *i, const NiceCandidate *c)
{
	static const char *const types[] = {"host", "srflx", "prflx", "relay"};
	unsigned n = 0;

	if (c->type >= ARRAY_LEN(most) || i->ours.n == ICE_CANDIDATES ||
	    (i->relay_only && c->type != NICE_CANDIDATE_TYPE_RELAYED))
		return false;
	for (unsigned k = 0; k < i->ours.n; k++)
		n += is_of(i->ours.candidate[k], types[c->type]);
	return n < most[c->type];
}

/* Told are the fields that the peer uses: a relayed one does not name our own address. */
bool
ice_gather_add(struct ice *i, NiceCandidate *c)
{
	char line[ICE_CANDIDATE_TEXT], *out = i->ours.candidate[i->ours.n];
	bool told = false;
	gchar *s;

	if (!may_tell(i, c))
		return false;
	s = nice_agent_generate_local_candidate_sdp(i->agent, c);
	if (s != NULL && text_copy(line, sizeof(line), s + strlen("a=")) &&
	    ice_cand_check(line, sizeof(line), i->scope, out) == ERR_OK) {
		i->ours.n++;
		told = true;
	}
	g_free(s);
	return told;
}

/* --- the servers --- */

/* A TURN server tells what a STUN server does. */
static void
add_stun(struct ice *i)
{
	const struct ice_servers *s = &i->servers;
	const char *host = s->stun.host;
	uint16_t port = s->stun.port;

	for (unsigned k = 0; k < s->turns && host[0] == '\0'; k++)
		if (s->turn[k].transport == ICE_UDP) {
			host = s->turn[k].host;
			port = s->turn[k].port;
		}
	if (host[0] != '\0')
		g_object_set(i->agent, "stun-server", host, "stun-server-port",
			     (guint)port, NULL);
}

/* What is connected by now needs none. */
static void
add_relays(struct ice *i)
{
	static const NiceRelayType types[] = {
	    [ICE_UDP] = NICE_RELAY_TYPE_TURN_UDP, [ICE_TCP] = NICE_RELAY_TYPE_TURN_TCP};
	const struct ice_servers *s = &i->servers;
	bool any = false, late = i->relays_due;

	i->relays_due = false;
	for (unsigned k = 0; k < s->turns && (i->told & ICE_CONNECTED) == 0; k++)
		if (nice_agent_set_relay_info(i->agent, i->stream, ICE_COMPONENT,
					      s->turn[k].host, s->turn[k].port,
					      s->turn[k].username, s->turn[k].password,
					      types[s->turn[k].transport]))
			any = true;
		else
			log_warn("ice turn %s left out", s->turn[k].host);
	if (late && !any)
		ice_all_found(i);
	gpump_kick(i->pump);
}

static void
on_relays(evutil_socket_t fd, short what, void *arg)
{
	struct ice *i = arg;

	(void)fd;
	(void)what;
	if (i->servers.turns == 0 && (i->told & ICE_CONNECTED) == 0)
		ice_happened(i, ICE_WANTED);
	else
		add_relays(i);
}

static void
on_late_names(void *arg)
{
	struct ice *i = arg;

	ice_names_free(i->names);
	i->names = NULL;
	add_relays(i);
}

void
ice_relays(struct ice *i, const struct ice_servers *s)
{
	if (!i->relays_due)
		return;
	if (s != NULL) {
		memcpy(i->servers.turn, s->turn, sizeof(i->servers.turn));
		i->servers.turns = s->turns;
	}
	if (ice_names_any(&i->servers) &&
	    (i->names = ice_names_ask(i->base, i->dns, &i->servers, on_late_names, i)) !=
		NULL)
		return;
	add_relays(i);
}

/*
 * Relays get a late start. As soon as one pair is nominated libnice forgets those that
 * it has not begun to check (all of them, RFC 8445 8.1.1 notwithstanding), and a check
 * that comes through a relay may well be answered before the direct pairs' turn has
 * come. And libnice, which has the same server for STUN and TURN at once, takes the
 * answer of the one for the other's.
 */
static bool
add_servers(struct ice *i)
{
	const struct timeval tv = {0, i->relay_only ? 0 : RELAYS_US};

	if (!i->relay_only)
		add_stun(i);
	else if (i->servers.turns > 0)
		add_relays(i);
	if (i->direct || (i->servers.turns == 0 && !i->lend) ||
	    (i->relay_only && i->servers.turns > 0))
		return true;
	i->relays = i->base == NULL ? NULL : evtimer_new(i->base, on_relays, i);
	i->relays_due = i->relays != NULL;
	return i->relays_due && event_add(i->relays, &tv) == 0;
}

/* --- the addresses --- */

static bool
add_all_addresses(struct ice *i)
{
	struct sockaddr_storage a[ICE_ADDRESSES];
	unsigned n =
	    ice_addr_list(a, most[NICE_CANDIDATE_TYPE_HOST], i->scope == ICE_SCOPE_LINK);
	NiceAddress nice;

	for (unsigned k = 0; k < n; k++) {
		nice_address_set_from_sockaddr(&nice, (struct sockaddr *)&a[k]);
		if (!nice_agent_add_local_address(i->agent, &nice))
			return false;
	}
	return n > 0;
}

static bool
add_addresses(struct ice *i, const struct ice_conf *conf)
{
	if (conf->addresses == 0)
		return add_all_addresses(i);
	for (unsigned k = 0; k < conf->addresses; k++) {
		NiceAddress a;

		nice_address_init(&a);
		if (!nice_address_set_from_string(&a, conf->address[k]) ||
		    !nice_agent_add_local_address(i->agent, &a))
			return false;
		if (ice_cand_is_loopback(conf->address[k]))
			i->scope = ICE_SCOPE_LOOPBACK;
	}
	return true;
}

static bool
has_candidate(struct ice *i)
{
	GSList *all = nice_agent_get_local_candidates(i->agent, i->stream, ICE_COMPONENT);
	bool any = all != NULL;

	g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
	return any || i->relay_only; /* whose hosts are not told of */
}

static void
set_sockets(struct ice *i)
{
	GPtrArray *all = nice_agent_get_sockets(i->agent, i->stream, ICE_COMPONENT);

	for (guint k = 0; all != NULL && k < all->len; k++) {
		int fd = g_socket_get_fd(all->pdata[k]);

		udp_enlarge(fd, SOCKET_BYTES);
		udp_whole(fd);
	}
	if (all != NULL)
		g_ptr_array_unref(all);
}

static void
name_ourselves(struct ice *i)
{
	gchar *ufrag = NULL, *pwd = NULL;

	nice_agent_get_local_credentials(i->agent, i->stream, &ufrag, &pwd);
	text_copy(i->ours.ufrag, sizeof(i->ours.ufrag), ufrag);
	text_copy(i->ours.pwd, sizeof(i->ours.pwd), pwd);
	g_free(ufrag);
	g_free(pwd);
}

static bool
go(struct ice *i)
{
	ice_receive(i, true);
	if (!add_servers(i) || !nice_agent_gather_candidates(i->agent, i->stream) ||
	    !has_candidate(i))
		return false;
	name_ourselves(i);
	set_sockets(i);
	ice_happened(i, ICE_GATHERED);
	return true;
}

static void
on_names(void *arg)
{
	struct ice *i = arg;

	ice_names_free(i->names);
	i->names = NULL;
	if (!go(i))
		ice_happened(i, ICE_FAILED);
	gpump_kick(i->pump);
}

void
ice_gather_end(struct ice *i)
{
	ice_names_free(i->names);
	if (i->relays != NULL)
		event_free(i->relays);
}

int
ice_gather(struct ice *i, const struct ice_conf *conf)
{
	i->base = conf->base;
	i->dns = conf->dns;
	i->stream = nice_agent_add_stream(i->agent, 1);
	if (i->stream == 0 || !add_addresses(i, conf))
		return ERR_FAIL;
	if (conf->port_max != 0)
		nice_agent_set_port_range(i->agent, i->stream, ICE_COMPONENT,
					  conf->port_min, conf->port_max);
	if (!ice_names_any(&i->servers))
		return go(i) ? ERR_OK : ERR_FAIL;
	i->names = conf->base == NULL
		       ? NULL
		       : ice_names_ask(conf->base, conf->dns, &i->servers, on_names, i);
	return i->names != NULL ? ERR_OK : ERR_NOMEM;
}
