/* SPDX-License-Identifier: ISC */
/*
 * One connected peer of `serve`: its link, its session, and its end. Whether it comes
 * in is decided in guest_knock.c, what it may do in guest_may.c.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "cmd/audit.h"
#include "cmd/packing.h"
#include "cmd/server.h"
#include "core/log.h"
#include "core/session.h"
#include "core/text.h"
#include "net/heap.h"
#include "net/tcp.h"

const char *
guest_name(const struct guest *g)
{
	return g->admitted ? g->who.name : "stranger";
}

/* --- session --- */

static void
introduce(const struct guest *g, const struct wire_hello *h, struct wire_hello *reply)
{
	reply->greet.major = WIRE_MAJOR;
	reply->greet.minor = WIRE_MINOR;
	reply->greet.caps = WIRE_CAPS;
	memcpy(reply->greet.instance, g->of->loop.env.instance,
	       sizeof(reply->greet.instance));
	text_copy(reply->greet.name, sizeof(reply->greet.name), g->of->loop.env.name);
	memcpy(reply->session, h->session, sizeof(reply->session));
	reply->generation = h->generation;
	reply->window = LOOP_WINDOW;
	reply->urb_max = LOOP_URB_MAX;
}

static int
on_hello(void *arg, const struct wire_hello *h, struct wire_hello *reply,
	 struct wire_refusal *no)
{
	struct guest *g = arg;
	int err;

	introduce(g, h, reply);
	err = guest_judge(g, h, reply, no);
	g->refused = err != ERR_OK;
	if (err == ERR_OK)
		guest_greeted(g, h);
	return err;
}

static const struct exports_ops exports_ops = {
    on_hello,     guest_dev_list,  guest_dev_open, lease_submit,
    lease_cancel, guest_dev_close, guest_dev_forgo};

static int
on_message(void *arg, const struct session_msg *m)
{
	struct guest *g = arg;

	return exports_message(g->exports, m);
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	struct guest *g = arg;

	return exports_accept(g->exports, sid, prio);
}

static void
on_wake(void *arg)
{
	struct guest *g = arg;

	if (g->l != NULL)
		link_wake(g->l);
}

static const struct session_ops session_ops = {on_message, on_accept, on_wake};

/* --- link --- */

static struct session *
on_up(void *arg)
{
	struct guest *g = arg;
	struct exports_conf conf = {.urbs = &g->urbs, .urb_max = LOOP_URB_MAX};
	struct pack_conf pack;
	char path[200];

	heap_pool(&g->pool, LOOP_SESSION);
	heap_pool(&g->urbs, LOOP_URBS * 2);
	g->session = session_new(&g->pool, LOOP_WINDOW, &session_ops, g);
	if (g->session != NULL)
		g->exports = exports_new(&g->pool, g->session, &conf, &exports_ops, g);
	packing_conf(&pack, &g->l);
	if (g->exports != NULL && g->of->ctx->conf.link_compression)
		exports_pack(g->exports, &pack);
	link_path(g->l, path, sizeof(path));
	log_info("peer %s connected path=\"%s\"", g->who.name, path);
	return g->exports == NULL ? NULL : g->session;
}

static void
on_turn(void *arg)
{
	struct guest *g = arg;

	watch_poke(&g->of->watch);
	exports_turn(g->exports);
	guest_dev_turn(g);
	if (g->refused && session_unacked(g->session, STREAM_SESSION) == 0)
		link_close(g->l); /* it has heard why */
}

static void
guest_free(struct guest *g)
{
	if (g->admitted && g->generation > 0)
		audit(&(struct audit){
		    .event = "disconnected", .peer = g->who.name, .id = g->who.id});
	exports_free(g->exports);
	if (g->session != NULL)
		session_free(g->session);
	list_del(&g->link);
	g->of->guest_count--;
	free(g);
}

void
guest_reap_soon(struct server *s)
{
	event_active(s->reaper, EV_TIMEOUT, 1);
}

void
guest_reap(struct server *s)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&s->guests, l, n) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		if (g->l == NULL && !guest_held(g) &&
		    (g->exports == NULL || exports_end(g->exports)))
			guest_free(g);
	}
	server_check_end(s);
}

/* It is here by another link: this one was a try for a better one (cmd/seek). */
static bool
is_here(const struct guest *g)
{
	struct list *l;

	LIST_EACH (&g->of->guests, l) {
		const struct guest *o = CONTAINER_OF(l, struct guest, link);

		if (o != g && o->l != NULL && o->session != NULL &&
		    memcmp(o->who.id, g->who.id, sizeof(g->who.id)) == 0)
			return true;
	}
	return false;
}

static void
on_down(void *arg, int err, const char *why)
{
	struct guest *g = arg;

	g->l = NULL;
	watch_poke(&g->of->watch);
	if (guest_hold(g, err)) {
		log_info("peer %s lost, its session waits reason=\"%s\"", guest_name(g),
			 why);
		return;
	}
	if (g->session != NULL)
		log_info("peer %s disconnected reason=\"%s\"", guest_name(g),
			 err == ERR_OK ? "closed here" : why);
	else if (g->admitted && is_here(g))
		log_debug("peer %s has no other link yet reason=\"%s\"", guest_name(g),
			  why);
	else if (g->admitted)
		log_warn("peer %s did not get through reason=\"%s\"", guest_name(g), why);
	else
		log_debug("stranger left reason=\"%s\"", why);
	guest_leave(g);
}

static const struct link_ops link_ops = {.knock = guest_knock,
					 .up = on_up,
					 .resume = guest_resume,
					 .turn = on_turn,
					 .down = on_down};

void
guest_accept(struct server *s, struct tcp *tcp)
{
	struct guest *g;

	if (s->ending || s->guest_count == SERVER_GUESTS ||
	    (g = calloc(1, sizeof(*g))) == NULL) {
		tcp_free(tcp);
		return;
	}
	g->of = s;
	g->since = (uint64_t)time(NULL);
	if ((g->l = link_accept(&s->loop.env, tcp, &link_ops, g)) == NULL) {
		tcp_free(tcp);
		free(g);
		return;
	}
	list_add(&s->guests, &g->link);
	s->guest_count++;
	log_debug("stranger came from=%s", link_where(g->l));
}

void
guest_end(struct guest *g)
{
	if (g->l != NULL)
		link_close(g->l);
	else if (guest_held(g))
		guest_leave(g);
}
