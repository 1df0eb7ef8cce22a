/* SPDX-License-Identifier: ISC */
/*
 * invite: prints a ticket that lets one peer in.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/qr.h"
#include "cmd/report.h"
#include "cmd/sockets.h"
#include "cmd/state.h"
#include "cmd/tickets.h"
#include "net/ctl.h"
#include "net/ident.h"

#define ASK_TIMEOUT_MS 5000

enum { OPT_NAME, OPT_TTL, OPT_USES, OPT_DEVICE, OPT_QR };

static const struct cmd_opt opts[] = {
    [OPT_NAME] = {"name", "NAME", "call the peer so (default: what it calls itself)"},
    [OPT_TTL] = {"ttl", "TIME", "the ticket is good for so long (default: 24h)"},
    [OPT_USES] = {"uses", "N", "so many peers may use it, 1 to 8 (default: 1)"},
    [OPT_DEVICE] = {"device", "PATTERN",
		    "only these devices, repeatable (default: all bound ones)"},
    [OPT_QR] = {"qr", NULL, "also draw the ticket, for a camera"},
    {NULL, NULL, NULL},
};

struct invitation {
	struct issued issued;
	uint64_t ttl_us;
	bool qr;
};

static int
option(struct invitation *v, int o, const char *arg)
{
	struct issued *r = &v->issued;
	uint64_t n;

	if (o == OPT_QR) {
		v->qr = true;
		return 0;
	}
	if (o == OPT_NAME && access_name_ok(arg) &&
	    text_copy(r->name, sizeof(r->name), arg))
		return 0;
	if (o == OPT_TTL && text_to_duration(arg, &v->ttl_us) && v->ttl_us > 0)
		return 0;
	if (o == OPT_USES && text_to_u64(arg, TICKETS_REDEEMERS, &n) && n > 0) {
		r->uses = (unsigned)n;
		return 0;
	}
	if (o == OPT_DEVICE && r->words < ACCESS_WORDS && pattern_check(arg) == ERR_OK) {
		text_copy(r->word[r->words++], sizeof(r->word[0]), arg);
		return 0;
	}
	if (o >= 0)
		return cmd_wrong(&cmd_invite, "--%s cannot be \"%s\"", opts[o].name, arg);
	return o == CMD_BAD ? err_exit(ERR_USAGE)
			    : cmd_wrong(&cmd_invite, "what is \"%s\" for?", arg);
}

/* Name and addresses come from the serve that runs. */
static int
ask_serve(const struct ctx *ctx, struct ticket *t)
{
	char path[4096], uri[RDV_URI], *buf = malloc(CTL_LINE_MAX);
	struct json_val v, list, a;
	int err = ERR_NOMEM;

	if (buf != NULL &&
	    (err = state_path(ctx->dir, "run/serve.sock", path, sizeof(path))) == ERR_OK)
		err = sockets_ask(path, "{\"cmd\":\"addresses\"}", ASK_TIMEOUT_MS, buf,
				  CTL_LINE_MAX);
	if (err != ERR_OK) {
		free(buf);
		return cmd_fail(
		    ERR_NODEV,
		    "no serve runs in %s: start \"usbp2p serve\" first, the ticket needs "
		    "its addresses",
		    ctx->dir);
	}
	v = json_read(buf, strlen(buf));
	json_get_str(v, "name", t->name, sizeof(t->name));
	list = json_get(v, "addresses");
	for (unsigned i = 0; t->addrs < TICKET_ADDRS && (a = json_at(list, i)).n > 0; i++)
		if (json_str_of(a, t->addr[t->addrs], TICKET_ADDR))
			t->addrs++;
	list = json_get(v, "rendezvous");
	for (unsigned i = 0; t->rdvs < TICKET_RDVS && (a = json_at(list, i)).n > 0; i++)
		if (json_get_str(a, "uri", uri, sizeof(uri)) &&
		    rdv_uri_read(uri, &t->rdv[t->rdvs]) == ERR_OK)
			t->rdvs++;
	free(buf);
	if (t->addrs == 0 && t->rdvs == 0)
		return cmd_fail(
		    ERR_LACKING,
		    "serve has no address that others could reach: connect a network, or "
		    "say serve --listen ADDR:PORT or --rendezvous URI");
	return 0;
}

static int
draw(const char *text)
{
	struct qr q;
	int err = qr_make(&q, text);

	if (err != ERR_OK)
		return cmd_fail(err, "the ticket cannot be drawn: %s", err_text(err));
	setlocale(LC_CTYPE, "");
	qr_draw(&q, stdout, strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		isatty(STDOUT_FILENO));
	qr_free(&q);
	return 0;
}

static int
issue(const struct ctx *ctx, struct invitation *v, struct ticket *t)
{
	struct issued *r = &v->issued;
	char why[512], text[TICKET_TEXT];
	struct ident *id;
	int err;

	if ((err = ident_load(&id, ctx->dir, why, sizeof(why))) != ERR_OK)
		return cmd_fail(err, "%s", why);
	memcpy(t->peer, ident_id(id), sizeof(t->peer));
	ident_free(id);
	ident_random(r->id, sizeof(r->id));
	ident_random(r->secret, sizeof(r->secret));
	r->expiry = (uint64_t)time(NULL) + v->ttl_us / 1000000;
	t->has_secret = true;
	memcpy(t->id, r->id, sizeof(t->id));
	memcpy(t->secret, r->secret, sizeof(t->secret));
	t->expiry = r->expiry;
	if ((err = ticket_write(t, text, sizeof(text))) != ERR_OK ||
	    (err = tickets_add(ctx->dir, r, (uint64_t)time(NULL))) != ERR_OK)
		return cmd_fail(err, "the ticket cannot be made: %s", err_text(err));
	printf("%s\n", text);
	return v->qr ? draw(text) : 0;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct invitation v = {.issued = {.uses = ctx->conf.peers_uses},
			       .ttl_us = ctx->conf.peers_ttl_us};
	struct ticket t;
	const char *arg;
	struct cmd_args a;
	int o, code = 0;

	memset(&t, 0, sizeof(t));
	cmd_args_init(&a, argc, argv);
	while (code == 0 && (o = cmd_next(&a, &cmd_invite, &arg)) != CMD_END)
		code = option(&v, o, arg);
	if (code == 0)
		code = ask_serve(ctx, &t);
	return code == 0 ? issue(ctx, &v, &t) : code;
}

const struct cmd cmd_invite = {"invite", "", "print a ticket that lets a peer in", opts,
			       run};
