/* SPDX-License-Identifier: ISC */
/*
 * libnice. Its signals come while it is on the stack, also from inside our own
 * calls; they only set a flag here, and the ops are called from a job of the
 * pump, when it is not. Packets are handed on at once.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <gio/gio.h>
#include <nice/agent.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/text.h"
#include "net/gpump.h"
#include "net/ice.h"
#include "net/ice_addr.h"
#include "net/ice_cand.h"
#include "net/udp.h"

#define COMPONENT    1
#define SOCKET_BYTES (4 << 20) /* room for bursts of 64 packets, many times */
#define BATCH        64        /* packets, both ways, a turn (DESIGN.md 9) */

/* What happened and has not been told yet; told in this order. */
enum { GATHERED = 1, CONNECTED = 2, MOVED = 4, FAILED = 8 };

struct ice {
	struct gpump *pump;
	const struct ice_ops *ops;
	void *arg;
	NiceAgent *agent;
	guint stream;
	bool loopback; /* we gather on it, so candidates may be on it */
	unsigned news, told;
	unsigned batch; /* packets of this turn */
	uint64_t turn;
	bool inside; /* an op is on the stack */
	bool dead;   /* ice_free was called from it */
	struct gpump_job job;
};

static void
destroy(struct ice *i)
{
	list_del(&i->job.link);
	g_signal_handlers_disconnect_by_data(i->agent, i);
	g_object_unref(i->agent);
	gpump_kick(i->pump);
	free(i);
}

static void
happened(struct ice *i, unsigned what)
{
	if ((i->told & what & ~(unsigned)MOVED) != 0)
		return;
	i->news |= what;
	gpump_later(i->pump, &i->job);
}

static void
on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	(void)agent;
	(void)stream;
	happened(arg, GATHERED);
}

static void
on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer arg)
{
	(void)agent;
	(void)stream;
	(void)component;
	if (state == NICE_COMPONENT_STATE_CONNECTED ||
	    state == NICE_COMPONENT_STATE_READY)
		happened(arg, CONNECTED);
	else if (state == NICE_COMPONENT_STATE_FAILED)
		happened(arg, FAILED);
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
	happened(arg, MOVED);
}

/* Our candidates and credentials, as libnice writes them ("a=candidate:..."). */
static void
describe(struct ice *i, struct ice_desc *d)
{
	gchar *ufrag = NULL, *pwd = NULL;
	GSList *all = nice_agent_get_local_candidates(i->agent, i->stream, COMPONENT);

	memset(d, 0, sizeof(*d));
	nice_agent_get_local_credentials(i->agent, i->stream, &ufrag, &pwd);
	text_copy(d->ufrag, sizeof(d->ufrag), ufrag);
	text_copy(d->pwd, sizeof(d->pwd), pwd);
	for (GSList *l = all; l != NULL && d->n < ICE_CANDIDATES; l = l->next) {
		gchar *s = nice_agent_generate_local_candidate_sdp(i->agent, l->data);

		if (text_copy(d->candidate[d->n], ICE_CANDIDATE_TEXT, s + strlen("a=")))
			d->n++;
		g_free(s);
	}
	g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
	g_free(ufrag);
	g_free(pwd);
}

static void
tell(struct ice *i, unsigned what)
{
	struct ice_desc d;

	i->news &= ~what;
	i->told |= what;
	switch (what) {
	case GATHERED:
		describe(i, &d);
		i->ops->gathered(i->arg, &d);
		break;
	case CONNECTED:
		i->ops->connected(i->arg);
		break;
	case MOVED:
		if ((i->told & (CONNECTED | FAILED)) == CONNECTED)
			i->ops->moved(i->arg);
		break;
	case FAILED:
		i->told |= CONNECTED; /* for good */
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

static void
receive(struct ice *i, bool on)
{
	nice_agent_attach_recv(i->agent, i->stream, COMPONENT, gpump_context(i->pump),
			       on ? on_packet : NULL, i);
}

static void
on_job(struct gpump_job *job)
{
	struct ice *i = CONTAINER_OF(job, struct ice, job);

	tell_news(i);
	if (i->batch >= BATCH && !i->dead)
		receive(i, true);
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
	if (!i->dead && (i->told & FAILED) == 0)
		i->ops->packet(i->arg, (const uint8_t *)p, n);
	i->inside = false;
	if (++i->batch < BATCH && !i->dead)
		return;
	receive(i, false);
	gpump_later(i->pump, &i->job);
}

static void
set_sockets(struct ice *i)
{
	GPtrArray *all = nice_agent_get_sockets(i->agent, i->stream, COMPONENT);

	for (guint k = 0; all != NULL && k < all->len; k++) {
		int fd = g_socket_get_fd(all->pdata[k]);

		udp_enlarge(fd, SOCKET_BYTES);
		udp_whole(fd);
	}
	if (all != NULL)
		g_ptr_array_unref(all);
}

static bool
add_all_addresses(struct ice *i)
{
	struct sockaddr_storage a[ICE_ADDRESSES];
	unsigned n = ice_addr_list(a, ICE_ADDRESSES);
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
		i->loopback |= ice_cand_is_loopback(conf->address[k]);
	}
	return true;
}

static bool
has_candidate(struct ice *i)
{
	GSList *all = nice_agent_get_local_candidates(i->agent, i->stream, COMPONENT);
	bool any = all != NULL;

	g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
	return any;
}

static bool
gather(struct ice *i, const struct ice_conf *conf)
{
	i->stream = nice_agent_add_stream(i->agent, 1);
	if (i->stream == 0 || !add_addresses(i, conf))
		return false;
	if (conf->port_max != 0)
		nice_agent_set_port_range(i->agent, i->stream, COMPONENT, conf->port_min,
					  conf->port_max);
	receive(i, true);
	return nice_agent_gather_candidates(i->agent, i->stream) && has_candidate(i);
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
	i->agent = nice_agent_new_full(gpump_context(pump), NICE_COMPATIBILITY_RFC5245,
				       NICE_AGENT_OPTION_NONE);
	g_object_set(i->agent, "controlling-mode", (gboolean)conf->controlling, "upnp",
		     FALSE, "ice-tcp", FALSE, NULL);
	g_signal_connect(i->agent, "candidate-gathering-done", G_CALLBACK(on_gathered),
			 i);
	g_signal_connect(i->agent, "component-state-changed", G_CALLBACK(on_state), i);
	g_signal_connect(i->agent, "new-selected-pair-full", G_CALLBACK(on_pair), i);
	if (!gather(i, conf)) {
		destroy(i);
		return NULL;
	}
	set_sockets(i);
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

/* The candidates that came through the filter; the caller frees the list. */
static int
parse(struct ice *i, const struct ice_desc *d, GSList **list)
{
	char line[2 + ICE_CANDIDATE_TEXT] = "a=";

	for (unsigned k = 0; k < d->n && k < ICE_CANDIDATES; k++) {
		int r = ice_cand_check(d->candidate[k], sizeof(d->candidate[k]),
				       i->loopback, line + 2);
		NiceCandidate *c;

		if (r == ERR_REFUSED)
			continue;
		if (r != ERR_OK)
			return r;
		c = nice_agent_parse_remote_candidate_sdp(i->agent, i->stream, line);
		if (c == NULL)
			return ERR_PROTO;
		*list = g_slist_append(*list, c);
	}
	return *list != NULL ? ERR_OK : ERR_PROTO;
}

int
ice_remote(struct ice *i, const struct ice_desc *d)
{
	GSList *list = NULL;
	int r = ERR_PROTO;

	if (ice_cand_credentials(d) && (r = parse(i, d, &list)) == ERR_OK &&
	    (!nice_agent_set_remote_credentials(i->agent, i->stream, d->ufrag, d->pwd) ||
	     nice_agent_set_remote_candidates(i->agent, i->stream, COMPONENT, list) <= 0))
		r = ERR_PROTO;
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	gpump_kick(i->pump);
	return r;
}

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
	sent = nice_agent_send_messages_nonblocking(i->agent, i->stream, COMPONENT, m, n,
						    NULL, NULL);
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

int
ice_socket(const struct ice *i, struct sockaddr_storage *to)
{
	NiceCandidate *local, *remote;
	GSocket *s;
	int fd;

	if ((i->told & CONNECTED) == 0 ||
	    !nice_agent_get_selected_pair(i->agent, i->stream, COMPONENT, &local,
					  &remote) ||
	    (s = nice_agent_get_selected_socket(i->agent, i->stream, COMPONENT)) == NULL)
		return -1;
	memset(to, 0, sizeof(*to));
	nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)to);
	fd = g_socket_get_fd(s);
	g_object_unref(s);
	return fd;
}

bool
ice_relayed(const struct ice *i)
{
	NiceCandidate *local, *remote;

	return nice_agent_get_selected_pair(i->agent, i->stream, COMPONENT, &local,
					    &remote) &&
	       (local->type == NICE_CANDIDATE_TYPE_RELAYED ||
		remote->type == NICE_CANDIDATE_TYPE_RELAYED);
}

static void
path_end(struct text *t, const NiceCandidate *c)
{
	static const char *const types[] = {"host", "srflx", "prflx", "relay"};
	gchar ip[INET6_ADDRSTRLEN];
	bool v6 = nice_address_ip_version(&c->addr) == 6;

	nice_address_to_string(&c->addr, ip);
	text_str(t, types[c->type]);
	text_str(t, v6 ? " [" : " ");
	text_str(t, ip);
	text_str(t, v6 ? "]:" : ":");
	text_u64(t, nice_address_get_port(&c->addr));
}

void
ice_path(const struct ice *i, char *buf, size_t cap)
{
	NiceCandidate *local, *remote;
	struct text t;

	text_init(&t, buf, cap);
	if (!nice_agent_get_selected_pair(i->agent, i->stream, COMPONENT, &local,
					  &remote))
		return;
	path_end(&t, local);
	text_str(&t, " -> ");
	path_end(&t, remote);
}
