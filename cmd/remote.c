/* SPDX-License-Identifier: ISC */
/*
 * The attach side's connection: a link, a session, and imports on it.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/heap.h"
#include "cmd/remote.h"
#include "core/session.h"
#include "core/text.h"

struct remote {
	struct loop *loop;
	struct ctx *ctx;
	struct target *target;
	const struct remote_ops *ops;
	void *arg;
	struct pool pool;
	struct link *link; /* NULL after down */
	struct session *session;
	struct imports *imports;
};

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

/* --- link --- */

static int
on_admitted(void *arg, const struct wire_greet *g)
{
	struct remote *r = arg;
	int err = target_keep(r->target, r->ctx, g->name);

	if (err != ERR_OK)
		link_abort(r->link, err, "");
	return err;
}

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
	memcpy(h.greet.instance, r->loop->env.instance, sizeof(h.greet.instance));
	text_copy(h.greet.name, sizeof(h.greet.name), r->loop->env.name);
	ident_random(h.session, sizeof(h.session));
	if (t->has_secret) {
		if ((err = link_channel(r->link, &c)) != ERR_OK)
			return err;
		memcpy(h.greet.ticket, t->ticket, sizeof(h.greet.ticket));
		proof_make(PROOF_DTLS_CLIENT, t->secret, t->ticket, &c, h.greet.proof);
	}
	return imports_hello(r->imports, &h);
}

static struct session *
on_up(void *arg)
{
	struct remote *r = arg;

	r->session = session_new(&r->pool, LOOP_WINDOW, &session_ops, r);
	if (r->session != NULL)
		r->imports = imports_new(&r->pool, r->session, &imports_ops, r);
	if (r->imports == NULL || hello(r) != ERR_OK)
		return NULL;
	return r->session;
}

static void
on_turn(void *arg)
{
	struct remote *r = arg;

	if (r->ops->turn != NULL)
		r->ops->turn(r->arg);
}

static void
on_down(void *arg, int err, const char *why)
{
	struct remote *r = arg;

	r->link = NULL;
	r->ops->down(r->arg, err, why);
}

static const struct link_ops link_ops = {NULL, on_admitted, on_up,  NULL,
					 NULL, on_turn,     on_down};

struct remote *
remote_connect(struct loop *l, struct ctx *ctx, struct target *t,
	       const struct remote_ops *ops, void *arg)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = l;
	r->ctx = ctx;
	r->target = t;
	r->ops = ops;
	r->arg = arg;
	heap_pool(&r->pool, LOOP_SESSION);
	if ((r->link = link_dial(&l->env, &t->link, &link_ops, r)) == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
remote_close(struct remote *r)
{
	if (r->link != NULL)
		link_close(r->link);
}

void
remote_free(struct remote *r)
{
	if (r == NULL)
		return;
	imports_free(r->imports);
	if (r->session != NULL)
		session_free(r->session);
	free(r);
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

struct link *
remote_link(struct remote *r)
{
	return r->link;
}

struct pool *
remote_pool(struct remote *r)
{
	return &r->pool;
}
