/* SPDX-License-Identifier: ISC */
/*
 * The session that a remote has: how it begins, with hello and welcome, and its end.
 */
#include <string.h>

#include "cmd/packing.h"
#include "cmd/remote_parts.h"
#include "core/log.h"
#include "core/session.h"
#include "core/text.h"

/* --- session --- */

static int
on_message(void *arg, const struct session_msg *m)
{
	struct remote *r = arg;

	return imports_message(r->imports, m);
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	struct remote *r = arg;

	return imports_accept(r->imports, sid, prio);
}

static void
on_wake(void *arg)
{
	struct remote *r = arg;

	if (r->link != NULL)
		link_wake(r->link);
}

static const struct session_ops session_ops = {on_message, on_accept, on_wake};

/* --- imports --- */

/* The server's half of the proof inside DTLS; none if it knew us already. */
static bool
confirmed(struct remote *r, const struct wire_hello *h)
{
	static const uint8_t none[IDENT_MAC];
	struct proof_channel c;
	uint8_t want[IDENT_MAC];

	if (!r->target->link.has_secret ||
	    ident_equal(h->greet.proof, none, sizeof(none)))
		return true;
	if (link_channel(r->link, &c) != ERR_OK)
		return false;
	proof_make(PROOF_DTLS_SERVER, r->target->link.secret, r->target->link.ticket, &c,
		   want);
	return ident_equal(h->greet.proof, want, sizeof(want));
}

static int
on_welcome(void *arg, int err, const struct wire_hello *h, const struct wire_refusal *no)
{
	struct remote *r = arg;

	if (err != ERR_OK) {
		link_abort(r->link, err, no->text);
		return err;
	}
	if (h->greet.major != WIRE_MAJOR || h->urb_max == 0 || !confirmed(r, h))
		return ERR_PROTO;
	memcpy(r->server, h->greet.instance, sizeof(r->server));
	r->ready = r->was = true;
	r->links = 1;
	r->lost_at = 0;
	r->tries = 0;
	remote_carries(r);
	r->ops->ready(r->arg);
	return ERR_OK;
}

static void
on_device(void *arg, const struct wire_device *d)
{
	struct remote *r = arg;

	r->ops->device(r->arg, d);
}

static int
on_bench(void *arg, const struct session_msg *m)
{
	struct remote *r = arg;

	return r->ops->bench == NULL ? ERR_PROTO : r->ops->bench(r->arg, m);
}

static const struct imports_ops imports_ops = {on_welcome, on_device, on_bench};

static int
hello(struct remote *r)
{
	struct wire_hello h = {
	    .generation = 1, .window = LOOP_WINDOW, .urb_max = LOOP_URB_MAX};
	const struct link_target *t = &r->target->link;
	struct proof_channel c;
	int err;

	h.greet.major = WIRE_MAJOR;
	h.greet.minor = WIRE_MINOR;
	h.greet.caps = WIRE_CAPS;
	h.grace_s = r->ops->lost != NULL ? (uint32_t)(r->grace_us / 1000000) : 0;
	memcpy(h.greet.instance, r->loop->env.instance, sizeof(h.greet.instance));
	text_copy(h.greet.name, sizeof(h.greet.name), r->loop->env.name);
	ident_random(r->id, sizeof(r->id));
	memcpy(h.session, r->id, sizeof(h.session));
	r->generation = h.generation;
	if ((err = link_key(r->link, r->key)) != ERR_OK)
		return err;
	if (t->has_secret) {
		if ((err = link_channel(r->link, &c)) != ERR_OK)
			return err;
		memcpy(h.greet.ticket, t->ticket, sizeof(h.greet.ticket));
		proof_make(PROOF_DTLS_CLIENT, t->secret, t->ticket, &c, h.greet.proof);
	}
	return imports_hello(r->imports, &h);
}

int
remote_begin(struct remote *r)
{
	struct pack_conf pack;

	r->session = session_new(&r->pool, LOOP_WINDOW, &session_ops, r);
	if (r->session != NULL)
		r->imports = imports_new(&r->pool, r->session, &imports_ops, r);
	if (r->imports == NULL)
		return ERR_NOMEM;
	packing_conf(&pack, &r->link);
	if (!r->plain && r->loop->conf->link_compression)
		imports_pack(r->imports, &pack);
	return hello(r);
}

void
remote_end_session(struct remote *r, const char *why)
{
	if (r->session == NULL)
		return;
	if (r->ready) {
		log_warn("session with %s is over reason=\"%s\"", r->target->name, why);
		r->ready = false;
		r->ops->lost(r->arg, why);
	}
	imports_free(r->imports);
	r->imports = NULL;
	session_free(r->session);
	r->session = NULL;
}

void
remote_plain(struct remote *r, bool yes)
{
	r->plain = yes;
}

void
remote_set_grace(struct remote *r, uint64_t grace_us)
{
	r->grace_us = grace_us;
}

bool
remote_ready(const struct remote *r)
{
	return r->ready;
}

uint64_t
remote_links(const struct remote *r)
{
	return r->ready ? r->links : 0;
}

struct imports *
remote_imports(struct remote *r)
{
	return r->imports;
}

struct session *
remote_session(struct remote *r)
{
	return r->session;
}

struct pool *
remote_pool(struct remote *r)
{
	return &r->pool;
}
