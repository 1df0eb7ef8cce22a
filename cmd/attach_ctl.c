/* SPDX-License-Identifier: ISC */
/*
 * The control socket of `attach`: status, one more device, detach.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/attacher.h"
#include "cmd/control.h"
#include "cmd/packing.h"
#include "cmd/report.h"
#include "core/assist.h"
#include "core/bridge.h"
#include "core/unit.h"
#include "net/ctl.h"
#include "vhci/vhci.h"

static void
put_error(struct ctl_conn *c, int err, const char *text)
{
	char buf[512];
	struct json j;

	json_init(&j, buf, sizeof(buf));
	report_open(&j, "error");
	json_u64(&j, "exit", (uint64_t)err_exit(err));
	json_str(&j, "text", text);
	json_close(&j);
	ctl_line(c, buf);
	ctl_end(c);
}

static void
put_assists(const struct assist *a, struct json *j)
{
	json_open(j, "assists");
	for (unsigned i = 0; i < ASSISTS; i++) {
		const struct ahead_stats *s = assist_stats(a, i);

		json_open(j, assist_name(i));
		json_bool(j, "on", assist_is_on(a, i));
		json_u64(j, "hits", s->hits);
		json_u64(j, "round_trips_saved", s->saved);
		json_u64(j, "fallbacks", s->fallbacks);
		json_close(j);
	}
	json_close(j);
}

static void
put_cache(const struct unit_cached *on, struct json *j)
{
	static const struct unit_cached none;
	const struct unit_cached *c = on != NULL ? on : &none;

	json_open(j, "write_cache");
	json_bool(j, "on", on != NULL);
	json_u64(j, "hits", c->hits);
	json_u64(j, "unflushed", c->bytes);
	json_u64(j, "unflushed_writes", c->writes);
	json_u64(j, "lost", c->lost_bytes);
	json_u64(j, "lost_writes", c->lost_writes);
	json_close(j);
}

static void
put_compression(const struct attached *x, struct json *j)
{
	struct remote *r = x->of->remote;
	struct pack_stats s;

	if (r != NULL && remote_imports(r) != NULL &&
	    imports_packs(remote_imports(r), x->dev, &s))
		packing_put(j, &s);
}

static void
put_device(const struct attached *x, struct json *j)
{
	static const char *const state[] = {
	    [ATTACHED_OFFERED] = "offered",    [ATTACHED_ASKING] = "asking",
	    [ATTACHED_KERNEL] = "enumerating", [ATTACHED_UP] = "attached",
	    [ATTACHED_FLUSHING] = "flushing",  [ATTACHED_WAITING] = "waiting",
	    [ATTACHED_EJECTING] = "leaving",   [ATTACHED_LEAVING] = "leaving"};
	struct import_stats s;

	json_open(j, NULL);
	report_device(j, &x->info);
	json_str(j, "state", x->place > 0 ? "queued" : state[x->state]);
	if (x->place > 0)
		json_u64(j, "position", x->place);
	if (x->ends != 0 && x->state == ATTACHED_UP)
		json_u64(j, "ends", x->ends);
	if (x->state == ATTACHED_WAITING)
		json_str(j, "reason", x->why);
	if (x->has_port) {
		json_u64(j, "port", x->port);
		json_str(j, "local", x->local);
		report_kernel(j, x->local);
		json_u64(j, "since", x->since);
	}
	if (x->bridge != NULL) {
		import_stats(bridge_import(x->bridge), &s);
		json_open(j, "urbs");
		json_u64(j, "done", s.urbs);
		json_u64(j, "failed", s.failed);
		json_u64(j, "unlinked", s.unlinked);
		json_u64(j, "inflight", s.inflight);
		json_u64(j, "bytes_in", s.bytes_in);
		json_u64(j, "bytes_out", s.bytes_out);
		json_close(j);
		if (bridge_assists(x->bridge) != NULL) {
			put_assists(bridge_assists(x->bridge), j);
			put_cache(assist_cached(bridge_assists(x->bridge)), j);
		}
		put_compression(x, j);
	}
	json_close(j);
}

static bool
status(void *arg, char *buf, size_t cap)
{
	struct attacher *a = arg;
	char id[PEERID_TEXT];
	struct json j;
	struct list *l;

	json_init(&j, buf, cap);
	report_open(&j, "attach");
	json_str(&j, "peer", a->target.name);
	peerid_text(a->target.link.id, id);
	if (a->stock)
		json_str(&j, "usbip_server", a->target.name);
	else
		json_str(&j, "peer_id", id);
	report_process(&j, a->since, !a->watched);
	json_u64(&j, "grace_s", a->grace_us / 1000000);
	report_link(&j, a->remote != NULL ? remote_link(a->remote) : NULL);
	report_datagrams(&j, a->remote != NULL ? remote_session(a->remote) : NULL);
	if (a->remote != NULL && remote_held_us(a->remote) != 0)
		json_u64(&j, "held_s", remote_held_us(a->remote) / 1000000);
	if (a->remote != NULL)
		json_u64(&j, "links", remote_links(a->remote));
	if (a->via != NULL)
		json_str(&j, "usbip", stock_listener_where(a->via));
	json_array(&j, "devices");
	LIST_EACH (&a->devs, l) {
		put_device(CONTAINER_OF(l, struct attached, link), &j);
	}
	json_end(&j);
	json_close(&j);
	return !j.t.full;
}

/* What differs at each look is left out. */
static bool
status_line(void *arg, char *buf, size_t cap)
{
	struct attacher *a = arg;
	bool fits;

	a->watched = true;
	fits = status(a, buf, cap);
	a->watched = false;
	return fits;
}

static void
do_status(struct attacher *a, struct ctl_conn *c, struct json_val request)
{
	char *buf = malloc(CTL_LINE_MAX);

	(void)request;
	if (buf == NULL) {
		put_error(c, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	if (!status(a, buf, CTL_LINE_MAX))
		put_error(c, ERR_TOOBIG, "the answer is too long");
	else {
		ctl_line(c, buf);
		ctl_end(c);
	}
	free(buf);
}

static void
do_watch(struct attacher *a, struct ctl_conn *c, struct json_val request)
{
	int err = watch_add(&a->watch, c);

	(void)request;
	if (err != ERR_OK)
		put_error(c, err, err_text(err));
}

/* {"cmd":"attach","peer_id":ID,"devices":[...],"once":bool}: as on the command line. */
static void
do_attach(struct attacher *a, struct ctl_conn *c, struct json_val request)
{
	struct json_val list = json_get(request, "devices"), word;
	char id[PEERID_TEXT], ours[PEERID_TEXT];
	struct want *w = calloc(1, sizeof(*w));
	bool bad = w == NULL;

	peerid_text(a->target.link.id, ours);
	if (!json_get_str(request, "peer_id", id, sizeof(id)) || strcmp(id, ours) != 0) {
		put_error(c, ERR_NOPEER, "this attach has another peer");
		free(w);
		return;
	}
	for (unsigned i = 0; !bad && (word = json_at(list, i)).n > 0; i++)
		bad = i == ATTACH_WANTS ||
		      !json_str_of(word, w->word[w->n], PATTERN_TEXT) ||
		      pattern_check(w->word[w->n++]) != ERR_OK;
	if (bad || a->ending) {
		put_error(c, ERR_STATE,
			  a->ending ? "this attach ends" : "not understood");
		free(w);
		return;
	}
	w->of = a;
	w->conn = c;
	w->once = json_get_bool(request, "once");
	w->lasting = json_get_bool(request, "lasting");
	w->takeover = json_get_bool(request, "takeover");
	w->accept = json_get_bool(request, "accept_changed");
	list_add(&a->wants, &w->link);
	if (a->stock)
		want_busids(w);
	else if (a->remote != NULL && remote_ready(a->remote) &&
		 imports_list(remote_imports(a->remote)) != ERR_OK)
		attach_end(a, 1);
}

void
attached_tell(struct attached *x, int err, const char *text)
{
	struct ctl_conn *c = x->detacher;

	x->detacher = NULL;
	if (c != NULL)
		put_error(c, err, text);
}

static bool
means(const struct attached *x, struct json_val request)
{
	char word[PATTERN_TEXT];
	uint64_t port;

	if (x->state >= ATTACHED_EJECTING && !x->again)
		return false;
	if (json_get_bool(request, "all"))
		return true;
	if (json_get_u64(request, "port", &port))
		return x->has_port && x->port == port;
	return json_get_str(request, "busid", word, sizeof(word)) &&
	       strcmp(x->info.busid, word) == 0;
}

/* The answer is the end of the connection, when the last port is free. */
static void
do_detach(struct attacher *a, struct ctl_conn *c, struct json_val request)
{
	struct list *l, *n;
	struct attached *last = NULL;

	LIST_EACH_SAFE (&a->devs, l, n) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (!means(x, request))
			continue;
		stand_spurn(x);
		x->again = false;
		attached_answer(x, ERR_GONE, "detached before it was there");
		attached_eject(x);
		last = x;
	}
	if (last == NULL)
		put_error(c, ERR_NODEV, "no such device is attached");
	else if (last->detacher == NULL)
		last->detacher = c;
	else
		ctl_end(c);
}

static const struct {
	const char *cmd;
	void (*run)(struct attacher *, struct ctl_conn *, struct json_val);
} requests[] = {
    {"status", do_status},
    {"watch", do_watch},
    {"attach", do_attach},
    {"detach", do_detach},
};

static void
on_request(void *arg, struct ctl_conn *c, const char *line, size_t n)
{
	struct json_val v = json_read(line, n);
	char cmd[32];

	json_get_str(v, "cmd", cmd, sizeof(cmd));
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (strcmp(requests[i].cmd, cmd) == 0) {
			requests[i].run(arg, c, v);
			return;
		}
	put_error(c, ERR_USAGE, "attach does not know this request");
}

static void
on_gone(void *arg, struct ctl_conn *c)
{
	struct attacher *a = arg;
	struct list *l;

	watch_gone(&a->watch, c);
	attached_forget_conn(a, c);
	LIST_EACH (&a->wants, l) {
		struct want *w = CONTAINER_OF(l, struct want, link);

		if (w->conn == c)
			w->conn = NULL;
	}
}

static const struct ctl_ops ctl_ops = {on_request, on_gone};

int
attach_ctl_start(struct attacher *a)
{
	char name[64];
	struct text t;
	int err;

	text_init(&t, name, sizeof(name));
	text_str(&t, "run/attach-");
	text_bytes(&t, a->loop.env.instance, 4);
	text_str(&t, ".sock");
	if ((err = watch_init(&a->watch, a->loop.base, status_line, a)) != ERR_OK)
		return err;
	return control_listen(&a->ctl, a->ctx, a->loop.base, name, &ctl_ops, a);
}
