/* SPDX-License-Identifier: ISC */
/*
 * status: what runs in the state directory, from every control socket there.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/cmd.h"
#include "cmd/follow.h"
#include "cmd/report.h"
#include "cmd/sockets.h"
#include "net/ctl.h"

#define STATUS_TIMEOUT_MS 2000

enum { OPT_JSON, OPT_FOLLOW };

static const struct cmd_opt opts[] = {
    [OPT_JSON] = {"json", NULL, "one JSON object"},
    [OPT_FOLLOW] = {"follow", NULL, "a line of JSON for each change, until it is ended"},
    {NULL, NULL, NULL},
};

/* A string member, "" if there is none; points into a buffer of its own. */
struct field {
	char text[200];
};

static const char *
field(struct field *f, struct json_val v, const char *key)
{
	struct json_val m = json_get(v, key);

	if (m.n > 0 && m.p[0] != '"' && m.n < sizeof(f->text)) {
		memcpy(f->text, m.p, m.n);
		f->text[m.n] = '\0';
	} else {
		json_get_str(v, key, f->text, sizeof(f->text));
	}
	text_clean(f->text);
	return f->text;
}

static void
show_link(struct json_val v)
{
	struct json_val l = json_get(v, "link");
	struct field path, carrier, rtt, lost, cc, state, out, in;

	if (json_get(l, "path").n > 0)
		printf("    path %s, by %s, rtt %s us, lost %s packets\n"
		       "    %s: %s, out %s and in %s bytes/s\n",
		       field(&path, l, "path"), field(&carrier, l, "carrier"),
		       field(&rtt, l, "rtt_us"), field(&lost, l, "lost"),
		       field(&cc, l, "cc"), field(&state, l, "cc_state"),
		       field(&out, l, "goodput_out"), field(&in, l, "goodput_in"));
}

static void
show_process(struct json_val v)
{
	struct json_val m = json_get(v, "memory"), n = json_get(v, "logged");
	struct field up, anon, errors, warnings;

	printf("  up %s s, memory %s kB, errors %s, warnings %s\n",
	       field(&up, v, "uptime_s"), field(&anon, m, "anon_kb"),
	       field(&errors, n, "errors"), field(&warnings, n, "warnings"));
}

/* Compression: what it made of what. */
static void
show_packed(struct json_val v)
{
	struct json_val c = json_get(v, "compression");
	struct field bytes, carried;
	uint64_t messages;

	if (json_get_u64(c, "messages", &messages) && messages > 0)
		printf(", compressed %s to %s bytes%s", field(&bytes, c, "bytes"),
		       field(&carried, c, "carried"),
		       json_get_bool(c, "on") ? "" : " (not now)");
}

/* Who waits for it, the next one first. */
static void
show_waiting(struct json_val device)
{
	char name[200];

	for (unsigned i = 0;
	     json_str_of(json_at(json_get(device, "waiting"), i), name, sizeof(name));
	     i++)
		printf("%s %s", i == 0 ? ", next are" : ",", name);
}

/* What its driver thinks is on the disk. */
static void
show_cache(struct json_val v)
{
	uint64_t bytes, lost;

	if (json_get_u64(v, "unflushed", &bytes) && bytes > 0)
		printf(", %llu bytes unflushed", (unsigned long long)bytes);
	if (json_get_u64(v, "lost_writes", &lost) && lost > 0)
		printf(", %llu writes lost", (unsigned long long)lost);
}

static void
show_devices(struct json_val v)
{
	struct field busid, nick, id, product, state, mode, holder, local, port;
	uint64_t since, inflight;
	struct json_val d;
	char when[40];

	for (unsigned i = 0; (d = json_at(json_get(v, "devices"), i)).n > 0; i++) {
		if (json_get(d, "shared").n > 0 && !json_get_bool(d, "shared"))
			continue;
		printf("  %-10s %s %s: %s", field(&busid, d, "busid"),
		       field(&id, d, "id"), field(&product, d, "product"),
		       field(&state, d, "state"));
		if (json_get_bool(d, "part"))
			printf(" in part");
		if (json_get(d, "mode").n > 0)
			printf(" %s", field(&mode, d, "mode"));
		if (json_get(d, "holder").n > 0)
			printf(" by %s", field(&holder, d, "holder"));
		if (json_get_u64(d, "since", &since)) {
			report_time(when, sizeof(when), since);
			printf(" since %s", when);
		}
		if (json_get_u64(json_get(d, "urbs"), "inflight", &inflight))
			printf(", %llu urbs in flight", (unsigned long long)inflight);
		show_packed(d);
		show_cache(json_get(d, "write_cache"));
		show_waiting(d);
		if (json_get(d, "port").n > 0)
			printf(" port %s as %s", field(&port, d, "port"),
			       field(&local, d, "local"));
		if (json_get(d, "nick").n > 0)
			printf(", its nickname is %s", field(&nick, d, "nick"));
		printf("\n");
	}
}

static void
show_peers(struct json_val v)
{
	struct json_val p;
	struct field name;

	for (unsigned i = 0; (p = json_at(json_get(v, "peers"), i)).n > 0; i++) {
		printf("  peer %s", field(&name, p, "name"));
		show_packed(p);
		printf("\n");
		show_link(p);
	}
}

static void
show_requests(struct json_val v)
{
	struct json_val r;
	struct field name, id, busid;

	for (unsigned i = 0; (r = json_at(json_get(v, "requests"), i)).n > 0; i++)
		printf("  %s (%s) asks for %s: \"peer allow\" or \"peer refuse\"\n",
		       field(&name, r, "name"), field(&id, r, "id"),
		       json_get(r, "busid").n > 0 ? field(&busid, r, "busid")
						  : "a way in");
}

static void
show_rendezvous(struct json_val v)
{
	struct field pid, connections, servers;

	printf("rendezvous (pid %s): %s connections, %s of servers\n",
	       field(&pid, v, "pid"), field(&connections, v, "connections"),
	       field(&servers, v, "servers"));
}

static void
show_registrations(struct json_val v)
{
	struct json_val r;
	struct field uri, reason;

	for (unsigned i = 0; (r = json_at(json_get(v, "rendezvous"), i)).n > 0; i++)
		printf("  at %s: %s\n", field(&uri, r, "uri"),
		       json_get_bool(r, "registered") ? "registered"
						      : field(&reason, r, "reason"));
}

static void
show(const char *line)
{
	struct json_val v = json_read(line, strlen(line));
	struct field kind, pid, name, peer;

	field(&kind, v, "kind");
	if (strcmp(kind.text, "rendezvous") == 0) {
		show_rendezvous(v);
		show_process(v);
		return;
	}
	if (strcmp(kind.text, "serve") == 0)
		printf("serve %s (pid %s)\n", field(&name, v, "name"),
		       field(&pid, v, "pid"));
	else
		printf("attach %s (pid %s)\n", field(&peer, v, "peer"),
		       field(&pid, v, "pid"));
	show_process(v);
	show_registrations(v);
	show_link(v);
	show_devices(v);
	show_requests(v);
	show_peers(v);
}

/* --- each change --- */

static void
on_line(void *arg, const char *path, const char *line, size_t n)
{
	(void)arg;
	(void)path;
	printf("%.*s\n", (int)n, line);
	fflush(stdout);
}

static void
on_ended(void *arg, const char *path)
{
	const char *name = strrchr(path, '/');
	char buf[256];
	struct json j;

	(void)arg;
	json_init(&j, buf, sizeof(buf));
	report_open(&j, "ended");
	json_str(&j, "socket", name != NULL ? name + 1 : path);
	json_close(&j);
	printf("%s\n", buf);
	fflush(stdout);
}

static const struct follow_ops follow_ops = {on_line, on_ended, NULL};

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(arg);
}

static int
follow(struct ctx *ctx)
{
	struct event_base *base = event_base_new();
	struct event *sig[2] = {NULL, NULL};
	struct follow *f = NULL;
	int code = 0;

	if (base != NULL) {
		sig[0] = evsignal_new(base, SIGINT, on_signal, base);
		sig[1] = evsignal_new(base, SIGTERM, on_signal, base);
		f = follow_new(base, ctx->dir, &follow_ops, NULL);
	}
	if (f == NULL || sig[0] == NULL || sig[1] == NULL) {
		code = cmd_fail(ERR_FAIL, "%s cannot be watched", ctx->dir);
	} else {
		evsignal_add(sig[0], NULL);
		evsignal_add(sig[1], NULL);
		event_base_dispatch(base);
	}
	follow_free(f);
	for (int i = 0; i < 2; i++)
		if (sig[i] != NULL)
			event_free(sig[i]);
	if (base != NULL)
		event_base_free(base);
	return code;
}

/* What one process says; false: nothing, or one that was killed left this behind. */
static bool
ask(const char *path, char *buf)
{
	int err = sockets_ask(path, "{\"cmd\":\"status\"}", STATUS_TIMEOUT_MS, buf,
			      CTL_LINE_MAX);

	if (err != ERR_OK && err != ERR_NODEV)
		fprintf(stderr, "usbp2p: %s: %s\n", path, err_text(err));
	return err == ERR_OK;
}

static int
say_nothing_runs(const struct ctx *ctx)
{
	if (access(ctx->dir, X_OK) != 0 && errno == EACCES)
		return cmd_fail(
		    ERR_LACKING,
		    "no right to see what runs in %s: run this as its user, or "
		    "set control.group and become a member of it",
		    ctx->dir);
	return cmd_fail(ERR_NODEV, "nothing runs in %s", ctx->dir);
}

static int
show_all(const struct ctx *ctx, bool json)
{
	static const char head[] =
	    "{\"schema\":\"" REPORT_SCHEMA "\",\"kind\":\"status\","
	    "\"running\":[";
	char *buf = malloc(CTL_LINE_MAX);
	struct sockets s;
	unsigned n = 0;

	sockets_find(&s, ctx->dir, "");
	for (unsigned i = 0; buf != NULL && i < s.n; i++) {
		if (!ask(s.path[i], buf))
			continue;
		if (!json)
			show(buf);
		else
			printf("%s%s", n == 0 ? head : ",", buf);
		n++;
	}
	free(buf);
	if (n == 0)
		return say_nothing_runs(ctx);
	if (json)
		printf("]}\n");
	return 0;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	bool json = false, each = false;
	struct cmd_args a;
	const char *arg;
	int o;

	cmd_args_init(&a, argc, argv);
	while ((o = cmd_next(&a, &cmd_status, &arg)) != CMD_END) {
		if (o == CMD_BAD)
			return err_exit(ERR_USAGE);
		if (o == CMD_OPERAND)
			return cmd_wrong(&cmd_status, "what is \"%s\" for?", arg);
		if (o == OPT_FOLLOW)
			each = true;
		else
			json = true;
	}
	return each ? follow(ctx) : show_all(ctx, json);
}

const struct cmd cmd_status = {"status", "", "show what runs in the state directory",
			       opts, run};
