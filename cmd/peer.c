/* SPDX-License-Identifier: ISC */
/*
 * peer: who may use this machine's devices, and which servers it knows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/peers.h"
#include "cmd/report.h"
#include "cmd/sockets.h"
#include "cmd/state.h"
#include "cmd/tickets.h"
#include "core/mem.h"
#include "core/text.h"

enum { OPT_ADD, OPT_DEVICE, OPT_JSON };

static const struct cmd_opt opts[] = {
    [OPT_ADD] = {"add", NULL, "allow: these devices, too, beside those it may use"},
    [OPT_DEVICE] = {"device", "PATTERN",
		    "allow: only these devices, repeatable (default: all bound ones)"},
    [OPT_JSON] = {"json", NULL, "list: one JSON object"},
    {NULL, NULL, NULL},
};

/* What stands on the command line. */
struct line {
	const char *word[4]; /* the verb and what is behind it */
	unsigned words;
	bool json, add;
	struct access_row row; /* its patterns */
};

/* --- list --- */

static const char *const kinds[] = {
    [ACCESS_CLIENT] = "client",
    [ACCESS_SERVER] = "server",
};

static void
show_row(const struct access_row *r)
{
	char id[PEERID_TEXT];

	peerid_text(r->id, id);
	printf("%s %-16s %s", kinds[r->kind], r->name, id);
	for (unsigned i = 0; i < r->words; i++)
		printf(" %s", r->word[i]);
	printf("\n");
}

static void
show_json(const struct access_row *r, bool first)
{
	char id[PEERID_TEXT], buf[ACCESS_LINE * 2];
	struct json j;

	peerid_text(r->id, id);
	json_init(&j, buf, sizeof(buf));
	json_open(&j, NULL);
	json_str(&j, "kind", kinds[r->kind]);
	json_str(&j, "name", r->name);
	json_str(&j, "id", id);
	json_array(&j, r->kind == ACCESS_CLIENT ? "devices" : "addresses");
	for (unsigned i = 0; i < r->words; i++)
		json_str(&j, NULL, r->word[i]);
	json_end(&j);
	json_close(&j);
	printf("%s%s", first ? "" : ",", buf);
}

static int
do_list(struct ctx *ctx, const struct line *l)
{
	struct peers p;
	int err = peers_load(&p, ctx->dir);

	if (err != ERR_OK)
		return err_exit(err);
	if (l->json)
		printf("{\"schema\":\"%s\",\"kind\":\"peers\",\"peers\":[",
		       REPORT_SCHEMA);
	for (unsigned i = 0; i < p.n; i++) {
		if (l->json)
			show_json(&p.row[i], i == 0);
		else
			show_row(&p.row[i]);
	}
	if (l->json)
		printf("]}\n");
	peers_free(&p);
	return 0;
}

/* --- changes --- */

static bool
is_meant(const struct access_row *r, const char *who)
{
	uint8_t id[PEERID];

	if (peerid_read(who, id) == ERR_OK)
		return memcmp(r->id, id, PEERID) == 0;
	return strcmp(r->name, who) == 0;
}

static int
unknown(const char *who)
{
	return cmd_fail(ERR_NOPEER, "no peer is known as \"%s\": \"usbp2p peer list\"",
			who);
}

static int
name_taken(const char *name)
{
	return cmd_fail(ERR_USAGE, "another peer is known as \"%s\": choose another name",
			name);
}

/* Whether another id has the name, among the rows of this kind. */
static bool
is_taken(const struct peers *p, const struct access_row *r, const char *name)
{
	const struct access_row *other = peers_by_name(p, r->kind, name);

	return other != NULL && memcmp(other->id, r->id, PEERID) != 0;
}

/* Fills in what the line and the file say of whom. */
static int
find_allowed(const struct peers *p, const struct line *l, struct access_row *row)
{
	const char *who = l->word[1];
	struct access_row *known = peers_by_name(p, ACCESS_CLIENT, who);

	if (known != NULL)
		memcpy(row->id, known->id, PEERID);
	else if (peerid_read(who, row->id) != ERR_OK)
		return cmd_wrong(&cmd_peer,
				 "\"%s\" is no peer id (\"usbp2p id\" there prints it)",
				 who);
	else
		known = peers_by_id(p, ACCESS_CLIENT, row->id);
	if (l->words > 2)
		text_copy(row->name, sizeof(row->name), l->word[2]);
	else if (known != NULL)
		text_copy(row->name, sizeof(row->name), known->name);
	else
		peerid_short(row->id, row->name);
	access_name_clean(row->name);
	return is_taken(p, row, row->name) ? name_taken(row->name) : 0;
}

/* What the peer may use already stays; all of it, if that is all. */
static int
add_words(const struct peers *p, struct access_row *row)
{
	struct access_row *known = peers_by_id(p, ACCESS_CLIENT, row->id);
	struct access_row all;

	if (known == NULL)
		return 0;
	all = *known;
	if (known->words == 0)
		row->words = 0;
	for (unsigned i = 0; i < row->words; i++) {
		unsigned k = 0;

		while (k < all.words && strcmp(all.word[k], row->word[i]) != 0)
			k++;
		if (k == ACCESS_WORDS)
			return cmd_fail(ERR_FULL,
					"%s has as many patterns as there can be",
					known->name);
		if (k == all.words)
			memcpy(all.word[all.words++], row->word[i], PATTERN_TEXT);
	}
	row->words = all.words;
	memcpy(row->word, all.word, sizeof(row->word));
	return 0;
}

static int
do_allow(struct ctx *ctx, const struct line *l)
{
	struct access_row row = l->row;
	struct peers p;
	int code, err;

	if (l->words > 2 && !access_name_ok(l->word[2]))
		return cmd_wrong(&cmd_peer, "\"%s\" cannot be a name", l->word[2]);
	if (state_make(ctx->dir) != ERR_OK || peers_load(&p, ctx->dir) != ERR_OK)
		return 1;
	code = find_allowed(&p, l, &row);
	if (code == 0 && l->add)
		code = add_words(&p, &row);
	peers_free(&p);
	if (code != 0)
		return code;
	row.kind = ACCESS_CLIENT;
	if ((err = peers_put(ctx->dir, &row)) != ERR_OK)
		return cmd_fail(err, "the peer cannot be remembered: %s", err_text(err));
	sockets_reload(ctx->dir);
	show_row(&row);
	return 0;
}

struct change {
	const struct line *l;
	unsigned n; /* rows that were meant */
	bool taken; /* the new name is another's */
};

static int
rename_rows(void *arg, struct peers *p)
{
	struct change *c = arg;
	const char *name = c->l->word[2];

	for (unsigned i = 0; i < p->n; i++)
		c->taken |=
		    is_meant(&p->row[i], c->l->word[1]) && is_taken(p, &p->row[i], name);
	for (unsigned i = 0; i < p->n && !c->taken; i++) {
		if (!is_meant(&p->row[i], c->l->word[1]))
			continue;
		c->n++;
		text_copy(p->row[i].name, sizeof(p->row[i].name), name);
	}
	return c->taken ? ERR_USAGE : c->n == 0 ? ERR_NOPEER : ERR_OK;
}

static int
forget_rows(void *arg, struct peers *p)
{
	struct change *c = arg;
	unsigned left = 0;

	for (unsigned i = 0; i < p->n; i++) {
		if (is_meant(&p->row[i], c->l->word[1]))
			c->n++;
		else
			p->row[left++] = p->row[i];
	}
	p->n = left;
	return c->n == 0 ? ERR_NOPEER : ERR_OK;
}

/* Ended by the code of what went wrong; a serve that runs learns of it. */
static int
finish(struct ctx *ctx, const struct change *c, int err)
{
	if (err == ERR_NOPEER)
		return unknown(c->l->word[1]);
	if (c->taken)
		return name_taken(c->l->word[2]);
	if (err != ERR_OK)
		return cmd_fail(err, "the file of peers cannot be changed: %s",
				err_text(err));
	sockets_reload(ctx->dir);
	return 0;
}

static int
do_rename(struct ctx *ctx, const struct line *l)
{
	struct change c = {.l = l};

	if (!access_name_ok(l->word[2]))
		return cmd_wrong(&cmd_peer, "\"%s\" cannot be a name", l->word[2]);
	return finish(ctx, &c, peers_change(ctx->dir, rename_rows, &c));
}

/* Its tickets go first, so that there is no moment when it comes in by one. */
static int
do_forget(struct ctx *ctx, const struct line *l)
{
	struct change c = {.l = l};
	struct peers p;
	int err = ERR_OK;

	if (peers_load(&p, ctx->dir) != ERR_OK)
		return 1;
	for (unsigned i = 0; i < p.n && err == ERR_OK; i++)
		if (p.row[i].kind == ACCESS_CLIENT && is_meant(&p.row[i], l->word[1]))
			err = tickets_forget(ctx->dir, p.row[i].id);
	peers_free(&p);
	if (err == ERR_OK)
		err = peers_change(ctx->dir, forget_rows, &c);
	return finish(ctx, &c, err);
}

/* --- no --- */

/* Only a serve that runs knows who asks. */
static int
do_refuse(struct ctx *ctx, const struct line *l)
{
	char path[4096], request[PEERID_TEXT + 64], buf[1024], text[256];
	struct json j;
	int err;

	json_init(&j, request, sizeof(request));
	json_open(&j, NULL);
	json_str(&j, "cmd", "refuse");
	json_str(&j, "id", l->word[1]);
	json_close(&j);
	if (j.t.full)
		return unknown(l->word[1]);
	if ((err = state_path(ctx->dir, "run/serve.sock", path, sizeof(path))) !=
		ERR_OK ||
	    (err = sockets_ask(path, request, 5000, buf, sizeof(buf))) != ERR_OK)
		return cmd_fail(err, "no serve runs in %s: nobody asks for anything",
				ctx->dir);
	if (json_get_str(json_read(buf, strlen(buf)), "text", text, sizeof(text)))
		return cmd_fail(ERR_NOPEER, "%s: %s", text, l->word[1]);
	return 0;
}

/* --- the line --- */

static const struct {
	const char *name;
	unsigned least, most; /* words, the verb included */
	bool json, device;    /* options it takes; device: --add, too */
	int (*run)(struct ctx *, const struct line *);
} verbs[] = {
    {"list", 1, 1, true, false, do_list},      {"allow", 2, 3, false, true, do_allow},
    {"rename", 3, 3, false, false, do_rename}, {"forget", 2, 2, false, false, do_forget},
    {"refuse", 2, 2, false, false, do_refuse},
};

static int
read_line(struct line *l, int argc, char **argv)
{
	struct cmd_args a;
	const char *arg;
	int o;

	cmd_args_init(&a, argc, argv);
	while ((o = cmd_next(&a, &cmd_peer, &arg)) != CMD_END) {
		if (o == CMD_BAD)
			return err_exit(ERR_USAGE);
		if (o == OPT_JSON)
			l->json = true;
		else if (o == OPT_ADD)
			l->add = true;
		else if (o == OPT_DEVICE &&
			 (l->row.words == ACCESS_WORDS || pattern_check(arg) != ERR_OK))
			return cmd_wrong(&cmd_peer,
					 "\"%s\" is no device, or one too many", arg);
		else if (o == OPT_DEVICE)
			text_copy(l->row.word[l->row.words++], PATTERN_TEXT, arg);
		else if (l->words < ARRAY_LEN(l->word))
			l->word[l->words++] = arg;
	}
	return 0;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct line l = {.words = 0};
	int code = read_line(&l, argc, argv);

	if (code != 0)
		return code;
	for (size_t i = 0; l.words > 0 && i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, l.word[0]) != 0)
			continue;
		if (l.words < verbs[i].least || l.words > verbs[i].most ||
		    (l.json && !verbs[i].json) || (l.row.words > 0 && !verbs[i].device) ||
		    (l.add && l.row.words == 0))
			return cmd_wrong(&cmd_peer,
					 "\"peer %s\" takes other words or options",
					 l.word[0]);
		return verbs[i].run(ctx, &l);
	}
	return cmd_wrong(&cmd_peer, "list, allow, refuse, rename or forget?");
}

const struct cmd cmd_peer = {
    "peer", "list|allow ID [NAME]|refuse ID|rename NAME NEW|forget NAME",
    "who may use devices here, and which servers are known", opts, run};
