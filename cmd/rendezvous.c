/* SPDX-License-Identifier: ISC */
/*
 * rendezvous: where peers behind NAT meet. It keeps its own identity, and nothing of
 * those who meet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/control.h"
#include "cmd/loop.h"
#include "cmd/report.h"
#include "cmd/reread.h"
#include "cmd/state.h"
#include "core/log.h"
#include "core/rdv_uri.h"
#include "core/text.h"
#include "net/bus.h"
#include "net/ctl.h"
#include "net/rdv_server.h"
#include "net/tcp.h"
#include "net/tls.h"

#define MOST 1000000 /* of what an option counts */

enum { OPT_LISTEN, OPT_TURN, OPT_SECRET, OPT_NATS, OPT_PEERS, OPT_ADDRESS, OPT_RATE };
#define NUMBERS 3 /* options with one, the last of them */

static const struct cmd_opt opts[] = {
    [OPT_LISTEN] = {"listen", "ADDR:PORT",
		    "where peers come, repeatable (default: [::]:13241)"},
    [OPT_TURN] = {"turn", "URI",
		  "a TURN server that peers get credentials for, repeatable: "
		  "turn:HOST[:PORT][?transport=udp|tcp]"},
    [OPT_SECRET] = {"turn-secret-file", "FILE",
		    "the secret that is shared with it (coturn: static-auth-secret)"},
    [OPT_NATS] = {"nats", "URL",
		  "one of several nodes that meet there: nats://HOST:PORT[,...]"},
    [OPT_PEERS] = {"peers", "N", "connections in all (default: 32768)"},
    [OPT_ADDRESS] = {"per-address", "N",
		     "connections of one IPv4 address or IPv6 /64 (default: 256)"},
    [OPT_RATE] = {"handshakes", "N", "new connections a second (default: 400)"},
    {NULL, NULL, NULL},
};

struct meeting {
	struct loop loop;
	struct ctx *ctx;
	struct rdv_server_conf conf;
	unsigned number[NUMBERS];
	struct rdv_server *server;
	struct ctl *ctl;
	unsigned listens;
	const char *listen[RDV_LISTENERS];
	const char *nats;   /* NULL: alone */
	bool said_turn;     /* on the command line: stays so, */
	const char *secret; /* the same; NULL: the configuration says it */
	uint64_t started;   /* unix seconds */
};

/* --- control socket --- */

static void
put_where(const struct meeting *m, struct json *j)
{
	const char *where;

	json_array(j, "listen");
	for (unsigned i = 0; (where = rdv_server_where(m->server, i)) != NULL; i++)
		json_str(j, NULL, where);
	json_end(j);
}

static void
put_status(const struct meeting *m, struct json *j)
{
	char id[PEERID_TEXT];
	struct rdv_stats s;

	rdv_server_stats(m->server, &s);
	report_open(j, "rendezvous");
	report_process(j, m->started, true);
	peerid_text(ident_id(m->loop.ident), id);
	json_str(j, "id", id);
	put_where(m, j);
	if (rdv_server_bus(m->server) != NULL)
		json_bool(j, "nats", bus_up(rdv_server_bus(m->server)));
	json_u64(j, "connections", s.peers);
	json_u64(j, "servers", s.hosts);
	json_open(j, "counts");
	json_u64(j, "joins", s.joins);
	json_u64(j, "parcels", s.parcels);
	json_u64(j, "bytes", s.bytes);
	json_u64(j, "absent", s.absent);
	json_u64(j, "replaced", s.replaced);
	json_u64(j, "limited", s.limited);
	json_u64(j, "slow", s.slow);
	json_u64(j, "idle", s.idle);
	json_u64(j, "broken", s.broken);
	json_close(j);
	json_close(j);
}

static void
on_request(void *arg, struct ctl_conn *c, const char *line, size_t n)
{
	struct json_val v = json_read(line, n);
	char buf[4096], cmd[32] = "";
	struct json j;

	json_get_str(v, "cmd", cmd, sizeof(cmd));
	json_init(&j, buf, sizeof(buf));
	if (strcmp(cmd, "status") == 0) {
		put_status(arg, &j);
	} else {
		report_open(&j, "error");
		json_str(&j, "text", "rendezvous does not know this request");
		json_close(&j);
	}
	ctl_line(c, buf);
	ctl_end(c);
}

static void
on_gone(void *arg, struct ctl_conn *c)
{
	(void)arg;
	(void)c; /* every answer is complete when the request returns */
}

static const struct ctl_ops ctl_ops = {on_request, on_gone};

/* --- options --- */

static int
add_turn(struct meeting *m, const char *uri)
{
	struct rdv_server_conf *c = &m->conf;

	if (strncmp(uri, "turn:", 5) != 0 || uri[5] == '\0' || strlen(uri) >= RDV_RELAY)
		return cmd_wrong(&cmd_rendezvous,
				 "\"%s\" is no TURN server: "
				 "turn:HOST[:PORT][?transport=udp|tcp]",
				 uri);
	if (c->turns == RDV_SERVERS)
		return cmd_wrong(&cmd_rendezvous, "at most %d times --turn", RDV_SERVERS);
	text_copy(c->turn[c->turns++], RDV_RELAY, uri);
	return 0;
}

/* Its first line. */
static int
read_secret(struct meeting *m, const char *path)
{
	char line[RDV_SECRET + 2];
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f == NULL)
		return cmd_fail(ERR_IO, "cannot read %s", path);
	if (fgets(line, sizeof(line), f) != NULL)
		n = strcspn(line, "\r\n");
	fclose(f);
	if (n == 0 || n > RDV_SECRET)
		return cmd_fail(ERR_USAGE, "%s: the first line has to be the secret",
				path);
	memcpy(m->conf.secret, line, n);
	m->conf.secret_n = n;
	return 0;
}

/* --peers, --per-address, --handshakes; 0: what the configuration says. */
static int
add_number(struct meeting *m, int o, const char *text)
{
	uint64_t n;

	if (!text_to_u64(text, MOST, &n) || n == 0)
		return cmd_wrong(&cmd_rendezvous, "--%s %s: a number of 1 to %d",
				 opts[o].name, text, MOST);
	m->number[o - OPT_PEERS] = (unsigned)n;
	return 0;
}

static void
take_numbers(struct meeting *m)
{
	const struct conf *c = &m->ctx->conf;
	const unsigned usual[NUMBERS] = {c->rdv_peers, c->rdv_per_address,
					 c->rdv_handshakes};

	for (unsigned i = 0; i < NUMBERS; i++)
		if (m->number[i] == 0)
			m->number[i] = usual[i];
	m->conf.limits.peers = m->number[0];
	rdv_allow_network(&m->conf.limits, m->number[OPT_ADDRESS - OPT_PEERS]);
	m->conf.handshakes = m->number[OPT_RATE - OPT_PEERS];
}

/* What the line does not say of TURN. An exit code. */
static int
take_turn(struct meeting *m)
{
	const struct conf *c = &m->ctx->conf;
	const char *file = m->secret != NULL ? m->secret : c->rdv_secret_file;

	if (!m->said_turn) {
		m->conf.turns = c->rdv_turn.n;
		for (unsigned i = 0; i < c->rdv_turn.n; i++)
			text_copy(m->conf.turn[i], RDV_RELAY, c->rdv_turn.word[i]);
	}
	m->conf.secret_n = 0;
	if ((m->conf.turns > 0) != (file[0] != '\0'))
		return cmd_wrong(&cmd_rendezvous,
				 "--turn and --turn-secret-file go together");
	return file[0] != '\0' ? read_secret(m, file) : 0;
}

static int
options(struct meeting *m, int argc, char **argv)
{
	const struct conf *c = &m->ctx->conf;
	struct cmd_args a;
	const char *arg;
	unsigned given;
	int o, code = 0;

	cmd_args_init(&a, argc, argv);
	while (code == 0 && (o = cmd_next(&a, &cmd_rendezvous, &arg)) != CMD_END) {
		if (o == OPT_LISTEN && m->listens == RDV_LISTENERS)
			code = cmd_wrong(&cmd_rendezvous, "at most %d times --listen",
					 RDV_LISTENERS);
		else if (o == OPT_LISTEN)
			m->listen[m->listens++] = arg;
		else if (o == OPT_TURN)
			code = add_turn(m, arg);
		else if (o == OPT_NATS)
			m->nats = arg;
		else if (o >= OPT_PEERS)
			code = add_number(m, o, arg);
		else if (o == OPT_SECRET)
			m->secret = arg;
		else if (o == CMD_OPERAND)
			code = cmd_wrong(&cmd_rendezvous, "what is \"%s\" for?", arg);
		else
			code = err_exit(ERR_USAGE);
	}
	take_numbers(m);
	m->said_turn = m->conf.turns > 0;
	given = m->listens;
	if (code == 0)
		code = take_turn(m);
	if (m->nats == NULL && c->rdv_nats[0] != '\0')
		m->nats = c->rdv_nats;
	for (unsigned i = 0; given == 0 && i < c->rdv_listen.n; i++)
		m->listen[m->listens++] = c->rdv_listen.word[i];
	return code;
}

/* --- start and end --- */

static void
on_stop(void *arg)
{
	struct meeting *m = arg;

	log_info("rendezvous ends");
	loop_exit(&m->loop, 0);
}

/* SIGHUP: also for a secret that has changed in its file. */
static void
on_reload(void *arg)
{
	struct meeting *m = arg;
	struct rdv_server_conf was = m->conf;

	if (!reread(m->ctx))
		return;
	if (take_turn(m) != 0) {
		m->conf = was;
		log_error("TURN servers and their secret are kept as they were");
	}
	if (control_group(m->ctl, m->ctx) != ERR_OK)
		log_error("control.group was not changed to \"%s\"",
			  m->ctx->conf.control_group);
	log_info("configuration read again");
}

/* For a wildcard the user has to say which of the machine's names peers can reach. */
static void
print_uri(const struct meeting *m, const char *where)
{
	struct rdv_uri u = {.addr = ""};
	char text[RDV_URI], host[RDV_ADDR];
	const char *port = strrchr(where, ':');

	memcpy(u.pin, ident_id(m->loop.ident), sizeof(u.pin));
	if (strncmp(where, "[::]:", 5) == 0 || strncmp(where, "0.0.0.0:", 8) == 0) {
		if (gethostname(host, sizeof(host) - 8) != 0 || host[0] == '\0')
			memcpy(host, "HOST", sizeof("HOST"));
		host[sizeof(host) - 8] = '\0';
		snprintf(u.addr, sizeof(u.addr), "%s%s", host, port);
	} else {
		text_copy(u.addr, sizeof(u.addr), where);
	}
	rdv_uri_text(&u, text);
	printf("%s\n", text);
}

static int
open_doors(struct meeting *m)
{
	const char *where;
	char why[256];
	int err;

	m->server = rdv_server_new(m->loop.base, m->loop.ident, &m->conf);
	if (m->server == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if (m->nats != NULL &&
	    (err = rdv_server_join(m->server, m->nats, why, sizeof(why))) != ERR_OK)
		return cmd_fail(err, "%s", why);
	for (unsigned i = 0; i < m->listens; i++) {
		err = rdv_server_listen(m->server, m->listen[i], why, sizeof(why));
		if (err != ERR_OK)
			return cmd_fail(err, "%s", why);
	}
	err = control_listen(&m->ctl, m->ctx, m->loop.base, "run/rendezvous.sock",
			     &ctl_ops, m);
	if (err != ERR_OK)
		return err_exit(err);
	for (unsigned i = 0; (where = rdv_server_where(m->server, i)) != NULL; i++) {
		log_info("rendezvous listens at=%s", where);
		print_uri(m, where);
	}
	fflush(stdout);
	return 0;
}

/* One for each who is connected: as many as we may have. */
static void
raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

static int
run_meeting(struct meeting *m)
{
	int code, lock = state_lock(m->ctx->dir, "run/rendezvous.lock", 0);

	if (lock == ERR_BUSY)
		return cmd_fail(ERR_BUSY, "another rendezvous runs in %s", m->ctx->dir);
	if (lock < 0)
		return cmd_fail(lock, "cannot lock %s/run/rendezvous.lock", m->ctx->dir);
	raise_files();
	if ((code = open_doors(m)) == 0)
		code = loop_run(&m->loop);
	ctl_free(m->ctl);
	rdv_server_free(m->server);
	close(lock);
	return code;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct meeting *m = calloc(1, sizeof(*m));
	int code = 1;

	if (m == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	tls_leave_at_exit(); /* for libnats */
	m->ctx = ctx;
	m->conf.limits = rdv_usual;
	m->started = (uint64_t)time(NULL);
	if ((code = options(m, argc, argv)) == 0 &&
	    (code = err_exit(loop_start(&m->loop, ctx, on_stop, m))) == 0) {
		m->loop.reload = on_reload;
		code = run_meeting(m);
		loop_end(&m->loop);
	}
	free(m);
	return code;
}

const struct cmd cmd_rendezvous = {"rendezvous", "", "let peers behind NAT meet", opts,
				   run};
