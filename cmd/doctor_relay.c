/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "cmd/doctor_relay.h"
#include "core/text.h"
#include "net/tcp.h"

static void
decide(struct doctor_relay *r, bool good)
{
	if (r->ice == NULL)
		return;
	doctor_relay_stop(r);
	doctor_say(r->d, "turn", good ? DOCTOR_OK : DOCTOR_MISSING,
		   good ? "%s relays" : "%s does not relay: not reached, or it refused",
		   r->where);
	if (!good)
		doctor_fix(r->d, "systemctl restart coturn, there; user, password "
				 "and secret have to be the same");
	r->done(r->arg, good);
}

static bool
is_relay(const char *candidate)
{
	return strstr(candidate, " typ relay") != NULL;
}

static void
on_found(void *arg, const char *candidate)
{
	if (candidate == NULL || is_relay(candidate))
		decide(arg, candidate != NULL);
}

static void
on_gathered(void *arg, const struct ice_desc *desc)
{
	for (unsigned i = 0; i < desc->n; i++)
		if (is_relay(desc->candidate[i])) {
			decide(arg, true);
			return;
		}
}

static void
on_failed(void *arg, int err)
{
	(void)err;
	decide(arg, false);
}

static void
on_nothing(void *arg)
{
	(void)arg;
}

static void
on_packet(void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
}

static const struct ice_ops ice_ops = {on_gathered, on_found,   on_nothing, on_nothing,
				       on_failed,   on_nothing, on_packet};

static void
name(struct doctor_relay *r, const struct ice_turn *turn)
{
	struct text t;

	text_init(&t, r->where, sizeof(r->where));
	text_str(&t, "turn:");
	text_str(&t, turn->host);
	text_char(&t, ':');
	text_u64(&t, turn->port);
	text_str(&t, turn->transport == ICE_TCP ? " by TCP" : " by UDP");
}

void
doctor_relay_try(struct doctor_relay *r, struct doctor *d, struct loop *l,
		 const struct ice_turn *turn, void (*done)(void *arg, bool good),
		 void *arg)
{
	struct ice_servers servers = {.turn = {*turn}, .turns = 1};
	struct ice_conf conf = {
	    .relay_only = true, .base = l->base, .dns = l->dns, .servers = &servers};

	*r = (struct doctor_relay){.d = d, .done = done, .arg = arg};
	name(r, turn);
	if (tcp_is_loopback(turn->host))
		conf.address[conf.addresses++] =
		    strchr(turn->host, ':') != NULL ? "::1" : "127.0.0.1";
	if ((r->ice = ice_new(l->pump, &conf, &ice_ops, r)) != NULL)
		return;
	doctor_say(d, "turn", DOCTOR_UNKNOWN, "%s cannot be tried", r->where);
	done(arg, false);
}

void
doctor_relay_late(struct doctor_relay *r)
{
	decide(r, false);
}

void
doctor_relay_stop(struct doctor_relay *r)
{
	if (r->ice != NULL)
		ice_free(r->ice);
	r->ice = NULL;
}
