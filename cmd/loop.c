/* SPDX-License-Identifier: ISC */
/*
 * The event loop of a command and what hangs on it.
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include <event2/dns.h>
#include <event2/event.h>

#include "cmd/loop.h"
#include "cmd/notify.h"
#include "cmd/privs.h"
#include "cmd/state.h"
#include "core/log.h"
#include "net/dtls_cipher.h"
#include "core/text.h"
#include "net/clock.h"
#include "net/gpump.h"
#include "net/heap.h"
#include "net/ice_uri.h"

#define LOOP_LINKS     (512u << 20) /* packets of all links */
#define LOOP_LINGER_US 500000

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct loop *l = arg;

	(void)what;
	if (sig == SIGHUP && l->reload != NULL) {
		l->reload(l->arg);
		return;
	}
	notify_say(l->notify, "STOPPING=1");
	l->stop(l->arg);
}

/* Unless the process was started with it ignored (nohup). */
static int
heed_hangup(struct loop *l)
{
	struct sigaction was;

	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler == SIG_IGN)
		return ERR_OK;
	if ((l->sighup = evsignal_new(l->base, SIGHUP, on_signal, l)) == NULL)
		return ERR_NOMEM;
	evsignal_add(l->sighup, NULL);
	return ERR_OK;
}

static int
make_base(struct loop *l)
{
	struct event_config *c = event_config_new();

	if (c == NULL)
		return ERR_NOMEM;
	/* without it a timer of 200 us fires after 4 ms */
	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	l->base = event_base_new_with_config(c);
	event_config_free(c);
	if (l->base == NULL)
		return ERR_NOMEM;
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGPIPE, SIG_IGN);
	l->sigint = evsignal_new(l->base, SIGINT, on_signal, l);
	l->sigterm = evsignal_new(l->base, SIGTERM, on_signal, l);
	if (l->sigint == NULL || l->sigterm == NULL)
		return ERR_NOMEM;
	evsignal_add(l->sigint, NULL);
	evsignal_add(l->sigterm, NULL);
	return heed_hangup(l);
}

static bool
wants_chacha(const struct conf *c)
{
	return c->link_cipher == CONF_CIPHER_CHACHA ||
	       (c->link_cipher == CONF_CIPHER_AUTO && dtls_cipher_chacha());
}

static void
fill_servers(struct loop *l, const struct conf *c)
{
	l->servers = c->ice;
	for (unsigned i = 0; i < l->servers.turns; i++) {
		struct ice_turn *t = &l->servers.turn[i];

		text_copy(t->username, sizeof(t->username), c->turn_user);
		text_copy(t->password, sizeof(t->password), c->turn_password);
	}
}

/* Our own ones first, then those that a rendezvous lends. */
static void
refill_servers(struct loop *l)
{
	const struct rdv_relays *r = &l->relays;
	struct ice_stun stun = l->servers.stun;

	fill_servers(l, l->conf);
	if (l->stun_fixed)
		l->servers.stun = stun;
	l->servers.lent_until = l->lent_until;
	for (unsigned i = 0; i < r->n; i++) {
		unsigned n = l->servers.turns;

		if (ice_uri_turn(&l->servers, r->uri[i]) != ERR_OK)
			log_debug("ice turn \"%s\" left out", r->uri[i]);
		for (; n < l->servers.turns; n++) {
			struct ice_turn *t = &l->servers.turn[n];

			text_copy(t->username, sizeof(t->username), r->user);
			text_copy(t->password, sizeof(t->password), r->password);
			l->servers.lent++;
		}
	}
}

static void
on_relays(void *arg, const struct rdv_relays *r)
{
	struct loop *l = arg;

	l->relays = *r;
	l->lent_until = clock_us() + (uint64_t)r->ttl_s * 1000000;
	refill_servers(l);
}

static void
fill_env(struct loop *l, struct ctx *ctx)
{
	heap_pool(&l->pool, LOOP_LINKS);
	l->conf = &ctx->conf;
	l->env = (struct link_env){.base = l->base,
				   .dns = l->dns,
				   .pump = l->pump,
				   .ident = l->ident,
				   .servers = &l->servers,
				   .pool = &l->pool,
				   .rdv = {l->base, l->dns, l->ident, on_relays, l}};
	loop_reload(l);
	ident_random(l->env.instance, sizeof(l->env.instance));
}

int
loop_start(struct loop *l, struct ctx *ctx, void (*stop)(void *arg), void *arg)
{
	char why[512];
	int err;

	memset(l, 0, sizeof(*l));
	l->stop = stop;
	l->arg = arg;
	if ((err = state_make(ctx->dir)) != ERR_OK)
		return err;
	if ((err = ident_load(&l->ident, ctx->dir, why, sizeof(why))) != ERR_OK) {
		cmd_fail(err, "%s", why);
		return err;
	}
	if ((err = make_base(l)) == ERR_OK &&
	    ((l->dns = evdns_base_new(l->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE |
						   EVDNS_BASE_INITIALIZE_NAMESERVERS)) ==
		 NULL &&
	     (l->dns = evdns_base_new(l->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE)) ==
		 NULL))
		err = ERR_NOMEM;
	if (err == ERR_OK && (l->pump = gpump_new(l->base)) == NULL)
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		cmd_fail(err, "%s", err_text(err));
		loop_end(l);
		return err;
	}
	fill_env(l, ctx);
	l->dir = ctx->dir;
	l->notify = notify_new(l->base);
	return ERR_OK;
}

void
loop_reload(struct loop *l)
{
	const struct conf *c = l->conf;
	struct link_env *e = &l->env;

	refill_servers(l);
	e->name = c->serve_name;
	e->port_min = c->port_min;
	e->port_max = c->port_max;
	e->relay_only = c->relay_only;
	e->mtu = c->link_mtu > 0 ? c->link_mtu : LINK_MTU_MIN;
	e->mtu_max = c->link_mtu > 0 ? 0 : LINK_MTU_TRY;
	e->cubic = c->link_cubic;
	e->slow = c->link_slow;
	e->rekey = c->link_rekey;
	e->chacha = wants_chacha(c);
}

int
loop_run(struct loop *l)
{
	privs_drop(l->dir);
	notify_say(l->notify, "READY=1");
	event_base_dispatch(l->base);
	return l->code;
}

void
loop_exit(struct loop *l, int code)
{
	l->code = code;
	event_base_loopbreak(l->base);
}

/* Relays are told that they are not needed any more; not for long. */
static void
linger(struct loop *l)
{
	const struct timeval tv = {0, LOOP_LINGER_US};

	if (l->pump == NULL || !gpump_lingers(l->pump))
		return;
	event_base_loopexit(l->base, &tv);
	while (gpump_lingers(l->pump) && !event_base_got_exit(l->base))
		event_base_loop(l->base, EVLOOP_ONCE);
}

void
loop_end(struct loop *l)
{
	linger(l);
	notify_free(l->notify);
	if (l->base != NULL) /* a look-up that was given up ends in the next turn */
		event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	if (l->dns != NULL)
		evdns_base_free(l->dns, 0);
	if (l->pump != NULL)
		gpump_free(l->pump);
	if (l->sigint != NULL)
		event_free(l->sigint);
	if (l->sigterm != NULL)
		event_free(l->sigterm);
	if (l->sighup != NULL)
		event_free(l->sighup);
	if (l->base != NULL)
		event_base_free(l->base);
	ident_free(l->ident);
}
