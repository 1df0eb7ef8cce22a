/* SPDX-License-Identifier: ISC */
/*
 * A link's way to the peer: what ICE is told to look for, and what it finds. Relays that
 * a rendezvous lends are asked for when they are needed, should the server have been
 * found without it.
 */
#include <string.h>
#include <sys/socket.h>

#include "net/clock.h"
#include "net/ice_cand.h"
#include "net/link_parts.h"
#include "net/moves.h"
#include "net/rdv_lend.h"
#include "net/tcp.h"
#include "net/tcp_addr.h"

static void
on_gathered(void *arg, const struct ice_desc *d)
{
	struct link *l = arg;

	l->ours = *d;
	link_event(l, LINK_EV_GATHERED);
}

static void
on_found(void *arg, const char *candidate)
{
	link_tell_candidate(arg, candidate);
}

/* A relay of the peer's is no way for who wants a direct one, a better pair may be. */
static bool
will_do(const struct link *l)
{
	return !l->target.direct || !ice_relayed(l->ice);
}

static void
on_connected(void *arg)
{
	struct link *l = arg;

	if (will_do(l))
		link_event(l, LINK_EV_PAIRED);
}

static void
on_moved(void *arg)
{
	struct link *l = arg;

	if (l->state == LINK_CHECKING && will_do(l))
		link_event(l, LINK_EV_PAIRED);
	else
		link_choose_way(l);
}

static void
on_failed(void *arg, int err)
{
	link_fail(arg, err, "no way to the peer was found, or the way is lost");
}

void
link_source(const struct link *l, char ip[TCP_ADDR_TEXT])
{
	struct sockaddr_storage from, to;

	if (!ice_ends(l->ice, &from, &to) || !moves_source(&to, ip))
		ip[0] = '\0';
}

enum link_ground
link_ground(const struct link *l)
{
	char base[TCP_ADDR_TEXT], now[TCP_ADDR_TEXT];
	struct sockaddr_storage from, to;

	if (l->state != LINK_UP || !ice_ends(l->ice, &from, &to))
		return LINK_FIRM;
	tcp_addr_text(&from, false, base);
	if (!moves_have(base))
		return LINK_GONE;
	link_source(l, now);
	return strcmp(now, l->source) != 0 ? LINK_OTHER : LINK_FIRM;
}

static void
on_lent(void *arg, bool lent)
{
	struct link *l = arg;

	rdv_lend_free(l->lend);
	l->lend = NULL;
	ice_relays(l->ice, lent ? l->env->servers : NULL);
}

static void
on_wanted(void *arg)
{
	struct link *l = arg;

	l->lend = rdv_lend_new(&l->env->rdv, l->target.rdv, l->target.rdvs, on_lent, l);
	if (l->lend == NULL)
		ice_relays(l->ice, NULL);
}

static const struct ice_ops ice_ops = {on_gathered, on_found,  on_connected, on_moved,
				       on_failed,   on_wanted, link_packet};

/* What was lent is used until its time is over. */
static void
take_servers(const struct link_env *env, struct ice_servers *s)
{
	*s = (struct ice_servers){.turns = 0};
	if (env->servers != NULL)
		*s = *env->servers;
	if (s->lent > 0 && clock_us() >= s->lent_until) {
		s->turns -= s->lent;
		s->lent = 0;
	}
}

void
link_gather(struct link *l)
{
	struct ice_servers servers;
	struct ice_conf conf = {.controlling = !l->serve,
				.port_min = l->env->port_min,
				.port_max = l->env->port_max,
				.relay_only = l->env->relay_only,
				.direct = l->target.direct,
				.servers = &servers,
				.base = l->env->base,
				.dns = l->env->dns};
	const char *here = tcp_local_ip(l->tcp);
	bool near = tcp_is_loopback(here);

	take_servers(l->env, &servers);
	conf.lend = !near && !conf.direct && l->target.rdvs > 0 && servers.turns == 0;
	if (conf.relay_only && servers.turns == 0 && !conf.lend) {
		link_fail(l, ERR_FAIL, "no relay is known, and ice.relay=only wants one");
		return;
	}
	conf.link_local = ice_cand_is_link_local(here);
	if (near) {
		conf.address[0] = here;
		conf.addresses = 1;
		if (!conf.relay_only) /* nobody else needs to know */
			conf.servers = NULL;
	}
	if ((l->ice = ice_new(l->env->pump, &conf, &ice_ops, l)) == NULL)
		link_fail(l, ERR_FAIL, "no network address to use");
}

void
link_check(struct link *l)
{
	int err = ice_remote(l->ice, &l->theirs);

	if (err != ERR_OK)
		link_fail(l, err, "the peer's addresses cannot be read");
	else if (l->all_theirs)
		ice_remote_last(l->ice);
}
