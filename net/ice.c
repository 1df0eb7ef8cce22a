/* SPDX-License-Identifier: ISC */
/*
 * libnice's agent. Its signals come while it is on the stack, also from inside our own
 * calls; they only set a flag here, and the ops are called from a job of the
 * pump, when it is not. Packets are handed on at once.
 */
#include <stdlib.h>
#include <string.h>

#include <nice/agent.h>

#include "core/mem.h"
#include "core/text.h"
#include "net/ice_parts.h"

#define BATCH 64 /* packets, both ways, a turn (DESIGN.md 9) */

static void
on_agent_closed(GObject *agent, GAsyncResult *r, gpointer arg)
{
	(void)r;
	gpump_linger(arg, -1);
	g_object_unref(agent);
}

/*
 * The agent lives on for as long as it takes to give back what relays hold for it (if
 * the pump goes before, they notice within minutes).
 */
static void
destroy(struct ice *i)
{
	GMainContext *context = gpump_context(i->pump);

	ice_gather_end(i);
	list_del(&i->job.link);
	g_signal_handlers_disconnect_by_data(i->agent, i);
	if (i->servers.turns > 0) {
		ice_receive(i, false);
		g_main_context_push_thread_default(context);
		gpump_linger(i->pump, 1);
		nice_agent_close_async(i->agent, on_agent_closed, i->pump);
		g_main_context_pop_thread_default(context);
	} else {
		g_object_unref(i->agent);
	}
	gpump_kick(i->pump);
	free(i);
}

void
ice_happened(struct ice *i, unsigned what)
{
	if ((i->told & what & ~(unsigned)(ICE_FOUND | ICE_MOVED)) != 0)
		return;
	i->news |= what;
	gpump_later(i->pump, &i->job);
}

/* While either side may find more addresses nothing is lost yet. */
static void
judge(struct ice *i)
{
	bool was = (i->told & ICE_CONNECTED) != 0;

	if (i->hopeless && (was || (i->all_ours && i->all_theirs)))
		ice_happened(i, ICE_FAILED);
}

static void
on_candidate(NiceAgent *agent, NiceCandidate *c, gpointer arg)
{
	struct ice *i = arg;

	(void)agent;
	if (ice_gather_add(i, c))
		ice_happened(i, ICE_FOUND);
}

void
ice_all_found(struct ice *i)
{
	i->all_ours = true;
	ice_happened(i, ICE_LAST);
	judge(i);
}

static void
on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	struct ice *i = arg;

	(void)agent;
	(void)stream;
	if (!i->relays_due)
		ice_all_found(i);
}

static void
on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer arg)
{
	struct ice *i = arg;

	(void)agent;
	(void)stream;
	(void)component;
	if (state == NICE_COMPONENT_STATE_CONNECTED ||
	    state == NICE_COMPONENT_STATE_READY)
		ice_happened(i, ICE_CONNECTED);
	i->hopeless = state == NICE_COMPONENT_STATE_FAILED;
	judge(i);
}

static void
on_pair(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
	NiceCandidate *remote, gpointer arg)
{
	(void)agent;
	(void)stream;
	(void)component;
	(void)local;
	(void)remote;
	ice_happened(arg, ICE_MOVED);
}

static void
tell_found(struct ice *i)
{
	while (i->told_ours < i->ours.n && !i->dead)
		i->ops->found(i->arg, i->ours.candidate[i->told_ours++]);
}

static void
tell(struct ice *i, unsigned what)
{
	i->news &= ~what;
	i->told |= what;
	switch (what) {
	case ICE_GATHERED:
		i->told_ours = i->ours.n;
		i->ops->gathered(i->arg, &i->ours);
		break;
	case ICE_FOUND:
		tell_found(i);
		break;
	case ICE_LAST:
		i->ops->found(i->arg, NULL);
		break;
	case ICE_CONNECTED:
		i->ops->connected(i->arg);
		break;
	case ICE_MOVED:
		if ((i->told & (ICE_CONNECTED | ICE_FAILED)) == ICE_CONNECTED)
			i->ops->moved(i->arg);
		break;
	case ICE_WANTED:
		i->ops->wanted(i->arg);
		break;
	case ICE_FAILED:
		i->told |= ICE_CONNECTED; /* for good */
		i->news = 0;
		i->ops->failed(i->arg, ERR_UNREACHABLE);
		break;
	}
}

/* Tells what is new, until there is nothing or nobody left to tell. */
static void
tell_news(struct ice *i)
{
	i->inside = true;
	while (i->news != 0 && !i->dead)
		tell(i, i->news & -i->news);
	i->inside = false;
}

static void on_packet(NiceAgent *, guint, guint, guint, gchar *, gpointer);

void
ice_receive(struct ice *i, bool on)
{
	nice_agent_attach_recv(i->agent, i->stream, ICE_COMPONENT, gpump_context(i->pump),
			       on ? on_packet : NULL, i);
}

static void
on_job(struct gpump_job *job)
{
	struct ice *i = CONTAINER_OF(job, struct ice, job);

	tell_news(i);
	if (i->batch >= BATCH && !i->dead)
		ice_receive(i, true);
	if (i->dead)
		destroy(i);
}

/* libnice reads until the socket is empty, or nobody listens any more. */
static void
on_packet(NiceAgent *agent, guint stream, guint component, guint n, gchar *p,
	  gpointer arg)
{
	struct ice *i = arg;

	(void)agent;
	(void)stream;
	(void)component;
	if (i->turn != gpump_turns(i->pump))
		i->batch = 0;
	i->turn = gpump_turns(i->pump);
	tell_news(i);
	i->inside = true;
	if (!i->dead && (i->told & ICE_FAILED) == 0)
		i->ops->packet(i->arg, (const uint8_t *)p, n);
	i->inside = false;
	if (++i->batch < BATCH && !i->dead)
		return;
	ice_receive(i, false);
	gpump_later(i->pump, &i->job);
}

static struct _NiceAgent *
agent_new(struct ice *i, const struct ice_conf *conf)
{
	NiceAgent *agent =
	    nice_agent_new_full(gpump_context(i->pump), NICE_COMPATIBILITY_RFC5245,
				NICE_AGENT_OPTION_ICE_TRICKLE);

	g_object_set(agent, "controlling-mode", (gboolean)conf->controlling, "upnp",
		     FALSE, "ice-tcp", FALSE, "force-relay", (gboolean)conf->relay_only,
		     NULL);
	g_signal_connect(agent, "new-candidate-full", G_CALLBACK(on_candidate), i);
	g_signal_connect(agent, "candidate-gathering-done", G_CALLBACK(on_gathered), i);
	g_signal_connect(agent, "component-state-changed", G_CALLBACK(on_state), i);
	g_signal_connect(agent, "new-selected-pair-full", G_CALLBACK(on_pair), i);
	return agent;
}

struct ice *
ice_new(struct gpump *pump, const struct ice_conf *conf, const struct ice_ops *ops,
	void *arg)
{
	struct ice *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return NULL;
	i->pump = pump;
	i->ops = ops;
	i->arg = arg;
	i->job.run = on_job;
	list_init(&i->job.link);
	i->scope = conf->link_local ? ICE_SCOPE_LINK : ICE_SCOPE_WORLD;
	i->relay_only = conf->relay_only;
	i->direct = conf->direct;
	i->lend = conf->lend;
	if (conf->servers != NULL)
		i->servers = *conf->servers;
	i->agent = agent_new(i, conf);
	if (ice_gather(i, conf) != ERR_OK) {
		destroy(i);
		return NULL;
	}
	gpump_kick(pump);
	return i;
}

void
ice_free(struct ice *i)
{
	if (i == NULL)
		return;
	if (i->inside)
		i->dead = true;
	else
		destroy(i);
}

/* --- the peer's --- */

/* Adds the candidate to the list, if it comes through the filter. */
static int
parse(struct ice *i, const char *text, GSList **list)
{
	char line[2 + ICE_CANDIDATE_TEXT] = "a=";
	NiceCandidate *c;
	int err;

	if (i->theirs == ICE_CANDIDATES)
		return ERR_OK;
	err = ice_cand_check(text, ICE_CANDIDATE_TEXT, i->scope, line + 2);
	if (err != ERR_OK)
		return err == ERR_REFUSED ? ERR_OK : err;
	c = nice_agent_parse_remote_candidate_sdp(i->agent, i->stream, line);
	if (c == NULL)
		return ERR_PROTO;
	*list = g_slist_append(*list, c);
	i->theirs++;
	return ERR_OK;
}

/* Gives the list to libnice, and frees it. */
static int
add_remote(struct ice *i, GSList *list, int err)
{
	if (err == ERR_OK && list != NULL &&
	    nice_agent_set_remote_candidates(i->agent, i->stream, ICE_COMPONENT, list) <
		0)
		err = ERR_PROTO;
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	gpump_kick(i->pump);
	return err;
}

int
ice_remote(struct ice *i, const struct ice_desc *d)
{
	GSList *list = NULL;
	int err = ERR_OK;

	if (!ice_cand_credentials(d) ||
	    !nice_agent_set_remote_credentials(i->agent, i->stream, d->ufrag, d->pwd))
		return ERR_PROTO;
	for (unsigned k = 0; k < d->n && k < ICE_CANDIDATES && err == ERR_OK; k++)
		err = parse(i, d->candidate[k], &list);
	return add_remote(i, list, err);
}

int
ice_remote_more(struct ice *i, const char *candidate)
{
	char line[ICE_CANDIDATE_TEXT];
	GSList *list = NULL;
	int err;

	if (!text_copy(line, sizeof(line), candidate))
		return ERR_PROTO;
	err = parse(i, line, &list);
	return add_remote(i, list, err);
}

void
ice_remote_last(struct ice *i)
{
	i->all_theirs = true;
	i->hopeless |= i->theirs == 0;
	nice_agent_peer_candidate_gathering_done(i->agent, i->stream);
	judge(i);
}

/* --- packets out --- */

static unsigned
send_batch(struct ice *i, const struct ice_packet *p, unsigned n)
{
	GOutputVector v[BATCH];
	NiceOutputMessage m[BATCH];
	gint sent;

	for (unsigned k = 0; k < n; k++) {
		v[k] = (GOutputVector){p[k].p, p[k].n};
		m[k] = (NiceOutputMessage){&v[k], 1};
	}
	sent = nice_agent_send_messages_nonblocking(i->agent, i->stream, ICE_COMPONENT, m,
						    n, NULL, NULL);
	return sent > 0 ? (unsigned)sent : 0;
}

unsigned
ice_send(struct ice *i, const struct ice_packet *p, unsigned n)
{
	unsigned sent = 0, want, took;

	do {
		want = n - sent < BATCH ? n - sent : BATCH;
		took = send_batch(i, p + sent, want);
		sent += took;
	} while (took == want && sent < n);
	return sent;
}
