/* SPDX-License-Identifier: ISC */
/*
 * The session that a link carries: a new one, or one that goes on (core/door).
 */
#include <event2/event.h>

#include "core/log.h"
#include "core/session.h"
#include "net/clock.h"
#include "net/dtls.h"
#include "net/link_parts.h"

#define EXTRA (1 + DTLS_OVERHEAD) /* in front, the link's number */

static struct session *
on_fresh(void *arg)
{
	struct link *l = arg;

	return l->ops->up(l->arg);
}

static struct session *
on_resume(void *arg, const struct door_resume *q)
{
	struct link *l = arg;

	return l->ops->resume != NULL ? l->ops->resume(l->arg, q) : NULL;
}

static void
on_resumed(void *arg, bool yes)
{
	struct link *l = arg;

	log_info("link %s %s generation=%llu", l->name,
		 yes ? "goes on with the session" : "finds its session gone",
		 (unsigned long long)l->ask.generation);
	l->ops->resumed(l->arg, yes);
}

static const struct door_ops door_ops = {on_fresh, on_resume, on_resumed};

/* Attach: false: nothing to carry. */
static bool
open_door(struct link *l)
{
	struct session *s = l->ops->up(l->arg);

	if (s == NULL)
		return false;
	if (l->asking)
		door_ask(&l->door, s, &l->ask);
	else
		door_carry(&l->door, s);
	return true;
}

void
link_carry(struct link *l)
{
	const struct link_env *env = l->env;
	struct arq_conf conf = {
	    .mtu = env->mtu - EXTRA,
	    .mtu_max = env->mtu_max > env->mtu ? env->mtu_max - EXTRA : 0,
	    .extra = EXTRA,
	    .keepalive_us = l->serve ? LINK_KEEPALIVE_SERVE_US : LINK_KEEPALIVE_US,
	    .dead_us = LINK_DEAD_US,
	    .cubic = env->cubic};

	link_settle(l);
	door_init(&l->door, l->serve, &door_ops, l);
	if (!l->serve && !open_door(l)) {
		link_fail(l, ERR_NOMEM, NULL);
		return;
	}
	if (l->state != LINK_UP)
		return;
	keyuse_init(&l->keys, env->rekey);
	l->arq = arq_new(l->env->pool, &conf, &door_arq_ops, &l->door, clock_us());
	if (l->arq == NULL)
		link_fail(l, ERR_NOMEM, NULL);
	else
		link_choose_way(l);
	event_active(l->work, EV_TIMEOUT, 1);
}

int
link_key(const struct link *l, uint8_t key[IDENT_MAC])
{
	return dtls_exporter(l->dtls, "EXPORTER-usbp2p-session", key);
}

int
link_proof(const struct link *l, const struct door_resume *q,
	   const uint8_t key[IDENT_MAC], uint8_t proof[IDENT_MAC])
{
	uint8_t exporter[IDENT_MAC];
	int err = dtls_exporter(l->dtls, "EXPORTER-usbp2p-dtls", exporter);

	if (err == ERR_OK)
		proof_resume(key, q->id, q->generation, exporter, proof);
	return err;
}

int
link_resume(struct link *l, struct door_resume *q, const uint8_t key[IDENT_MAC])
{
	int err = link_proof(l, q, key, q->proof);

	if (err != ERR_OK)
		return err;
	l->ask = *q;
	l->asking = true;
	return ERR_OK;
}

void
link_drop(struct link *l)
{
	l->dropped = true;
	arq_free(l->arq);
	l->arq = NULL;
	l->door.session = NULL;
	l->door.state = DOOR_CLOSED;
	link_abort(l, ERR_CLOSED, "its session went on over another link");
}

void
link_adopt(struct link *l, void *arg)
{
	l->arg = arg;
}

void
link_pass(struct link *l, const struct link_ops *ops, void *arg)
{
	l->ops = ops;
	l->arg = arg;
}
