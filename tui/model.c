/* SPDX-License-Identifier: ISC */
/*
 * The snapshot: what serve, attach and commands say, put into rows.
 */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "tui/model_impl.h"

static const struct json_val nothing = {"[]", 2};

void
model_text(struct json_val v, const char *key, char *dst, size_t cap)
{
	char buf[1024];

	dst[0] = '\0';
	if (json_get_str(v, key, buf, sizeof(buf)))
		text_copy(dst, cap, buf);
}

uint64_t
model_number(struct json_val v, const char *key)
{
	uint64_t n;

	return json_get_u64(v, key, &n) ? n : 0;
}

/* --- serve --- */

static void
guests_of(struct model *m, struct json_val list, uint64_t now_us)
{
	struct json_val v;
	struct model_peer *p;
	char name[sizeof(p->name)];

	model_peers_left(m, list);
	for (unsigned i = 0; (v = json_at(list, i)).n > 0; i++) {
		if (!json_get_str(v, "name", name, sizeof(name)) ||
		    (p = model_peer_get(m, name)) == NULL)
			continue;
		p->role = MODEL_GUEST;
		p->client = true;
		model_text(v, "id", p->id, sizeof(p->id));
		p->since = model_number(v, "since");
		model_link(m, p, v, now_us);
	}
	model_peers_sort(m);
}

struct model_ask *
model_ask(const struct model *m, unsigned i)
{
	return rows_at(&m->asks, sizeof(struct model_ask), i);
}

static bool
asked_before(const struct model *m, unsigned n, const struct model_ask *a)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(model_ask(m, i)->id, a->id) == 0 &&
		    strcmp(model_ask(m, i)->busid, a->busid) == 0)
			return true;
	return false;
}

/* New ones stand behind the old ones until those are dropped. */
static void
asks_of(struct model *m, struct json_val list)
{
	unsigned old = m->asks.n;
	struct json_val v;
	struct model_ask *a;

	for (unsigned i = 0; (v = json_at(list, i)).n > 0; i++) {
		if ((a = rows_add(&m->asks, sizeof(*a))) == NULL)
			break;
		model_text(v, "name", a->name, sizeof(a->name));
		model_text(v, "id", a->id, sizeof(a->id));
		model_text(v, "busid", a->busid, sizeof(a->busid));
		model_text(v, "from", a->from, sizeof(a->from));
		a->at = model_number(v, "at");
		a->times = model_number(v, "times");
		if (!asked_before(m, old, a))
			model_news(m, true, "%s asks %s%s", a->name,
				   a->busid[0] != '\0' ? "for " : "to come in", a->busid);
	}
	while (old-- > 0)
		rows_drop(&m->asks, sizeof(*a), old);
}

static void
rendezvous_of(struct model *m, struct json_val list)
{
	char uri[MODEL_TEXT], why[MODEL_TEXT];
	struct json_val v;

	m->rdvs = m->rdvs_up = 0;
	m->rdv[0] = '\0';
	for (; (v = json_at(list, m->rdvs)).n > 0; m->rdvs++) {
		bool up = json_get_bool(v, "registered");
		struct text t;

		m->rdvs_up += up;
		if (m->rdv[0] != '\0')
			continue;
		model_text(v, "uri", uri, sizeof(uri));
		model_text(v, "reason", why, sizeof(why));
		text_init(&t, m->rdv, sizeof(m->rdv));
		text_str(&t, uri);
		text_str(&t, up ? "" : ": ");
		text_str(&t, why);
	}
}

static void
serve_of(struct model *m, const char *source, struct json_val v, uint64_t now_us)
{
	bool first = !m->serving;

	if (first)
		model_news(m, false, "serve runs");
	m->serving = true;
	text_copy(m->source, sizeof(m->source), source);
	model_text(v, "name", m->name, sizeof(m->name));
	model_text(v, "id", m->identity, sizeof(m->identity));
	m->serve[0] = '\0';
	json_str_of(json_at(json_get(v, "listen"), 0), m->serve, sizeof(m->serve));
	rendezvous_of(m, json_get(v, "rendezvous"));
	guests_of(m, json_get(v, "peers"), now_us);
	asks_of(m, json_get(v, "requests"));
	model_devices(m, &m->locals, "", json_get(v, "devices"), first, 0, now_us);
}

/* --- attach --- */

static int
attach_of(struct model *m, const char *source, struct json_val v, uint64_t now_us)
{
	char name[sizeof(((struct model_peer *)0)->name)];
	struct model_peer *p;
	uint64_t rtt_us;

	if (!json_get_str(v, "peer", name, sizeof(name)) ||
	    name[0] == '\0' || /* a ticket's, whose server has not told its name */
	    (p = model_peer_get(m, name)) == NULL)
		return ERR_PROTO;
	p->role = MODEL_SERVER;
	p->server = true;
	text_copy(p->source, sizeof(p->source), source);
	model_text(v, "peer_id", p->id, sizeof(p->id));
	p->since = model_number(v, "since");
	model_link(m, p, v, now_us);
	rtt_us = p->link.rtt_us;
	model_peers_sort(m); /* p has moved */
	model_devices(m, &m->attached, name, json_get(v, "devices"), false, rtt_us,
		      now_us);
	return ERR_OK;
}

/* --- what comes in --- */

int
model_status(struct model *m, const char *source, struct json_val v, uint64_t now_us)
{
	char kind[16];

	if (!json_get_str(v, "kind", kind, sizeof(kind)))
		return ERR_PROTO;
	if (strcmp(kind, "attach") == 0)
		return attach_of(m, source, v, now_us);
	if (strcmp(kind, "serve") != 0)
		return ERR_PROTO;
	serve_of(m, source, v, now_us);
	return ERR_OK;
}

static void
serve_ended(struct model *m)
{
	m->serving = false;
	m->serve[0] = m->source[0] = '\0';
	model_peers_left(m, nothing);
	asks_of(m, nothing);
	rendezvous_of(m, nothing);
	model_devices(m, &m->locals, "", nothing, true, 0, 0);
	model_news(m, false, "serve has ended");
}

static void
attach_ended(struct model *m, struct model_peer *p)
{
	memset(&p->link, 0, sizeof(p->link));
	memset(&p->flow, 0, sizeof(p->flow));
	p->role = MODEL_KNOWN;
	p->since = 0;
	model_devices(m, &m->attached, p->name, nothing, false, 0, 0);
}

bool
model_ended(struct model *m, const char *source)
{
	if (m->serving && strcmp(m->source, source) == 0) {
		serve_ended(m);
		return true;
	}
	for (unsigned i = 0; i < m->peers.n; i++) {
		struct model_peer *p = model_peer(m, i);

		if (p->role == MODEL_SERVER && strcmp(p->source, source) == 0) {
			attach_ended(m, p);
			break;
		}
	}
	return false;
}

static void
list_here(struct model *m, struct json_val list)
{
	model_devices(m, &m->locals, "", list, true, 0, 0);
	for (unsigned i = 0; i < m->locals.n; i++)
		model_dev(&m->locals, i)->shared =
		    strcmp(model_dev(&m->locals, i)->state, "bound") == 0;
}

int
model_list(struct model *m, const char *peer, struct json_val v)
{
	struct json_val list = json_get(v, "devices");
	struct model_peer *p;

	if (list.n == 0)
		return ERR_PROTO;
	if (peer[0] == '\0') {
		if (!m->serving) /* which knows more */
			list_here(m, list);
		return ERR_OK;
	}
	if ((p = model_peer_get(m, peer)) == NULL)
		return ERR_NOMEM;
	p->asked = p->server = true;
	p->error[0] = '\0';
	model_peers_sort(m);
	model_devices(m, &m->remotes, peer, list, true, 0, 0);
	return ERR_OK;
}

void
model_list_failed(struct model *m, const char *peer, const char *why)
{
	struct model_peer *p = model_peer_get(m, peer);

	if (p == NULL)
		return;
	p->asked = true;
	text_copy(p->error, sizeof(p->error), why);
	model_peers_sort(m);
	model_devices(m, &m->remotes, peer, nothing, true, 0, 0);
}

/* Those that are in the file no longer, and are not connected, go. */
static void
forget_peers(struct model *m)
{
	for (unsigned i = m->peers.n; i-- > 0;) {
		struct model_peer *p = model_peer(m, i);

		if (p->client || p->server || p->role != MODEL_KNOWN)
			continue;
		model_devices(m, &m->remotes, p->name, nothing, true, 0, 0);
		rows_drop(&m->peers, sizeof(*p), i);
	}
}

int
model_peers(struct model *m, struct json_val v)
{
	struct json_val list = json_get(v, "peers"), one;
	struct model_peer *p;
	char name[sizeof(p->name)], kind[16];

	if (list.n == 0)
		return ERR_PROTO;
	for (unsigned i = 0; i < m->peers.n; i++)
		model_peer(m, i)->client = model_peer(m, i)->server = false;
	for (unsigned i = 0; (one = json_at(list, i)).n > 0; i++) {
		if (!json_get_str(one, "name", name, sizeof(name)) ||
		    (p = model_peer_get(m, name)) == NULL)
			continue;
		model_text(one, "id", p->id, sizeof(p->id));
		model_text(one, "kind", kind, sizeof(kind));
		p->client |= strcmp(kind, "client") == 0;
		p->server |= strcmp(kind, "server") == 0;
	}
	forget_peers(m);
	model_peers_sort(m);
	return ERR_OK;
}

void
model_free(struct model *m)
{
	rows_free(&m->locals);
	rows_free(&m->remotes);
	rows_free(&m->attached);
	rows_free(&m->peers);
	rows_free(&m->asks);
}
