/* SPDX-License-Identifier: ISC */
/*
 * list --lan: the servers that announce themselves on the local network. Names and
 * ids there are what strangers say; of a server that is known here its name here is
 * shown, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/list_lan.h"
#include "cmd/peers.h"
#include "cmd/report.h"
#include "core/text.h"
#include "net/lan.h"

#define FOUND_MAX 256

struct look {
	struct event_base *base;
	struct peers peers;
	struct lan_found found[FOUND_MAX];
	unsigned n;
	int err;
	char why[256];
};

static int
by_name(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lan_found));
}

static void
on_found(void *arg, const struct lan_found *f)
{
	struct look *k = arg;

	for (unsigned i = 0; i < k->n; i++)
		if (by_name(&k->found[i], f) == 0)
			return;
	if (k->n < FOUND_MAX)
		k->found[k->n++] = *f;
}

static void
on_done(void *arg, int err, const char *why)
{
	struct look *k = arg;

	k->err = err;
	text_copy(k->why, sizeof(k->why), why);
	event_base_loopbreak(k->base);
}

static const struct lan_ops lan_ops = {on_found, on_done};

/* The name of the known server whose id begins so, or "". */
static const char *
known_as(const struct look *k, const char *id)
{
	char text[8];

	for (unsigned i = 0; i < k->peers.n; i++) {
		peerid_short(k->peers.row[i].id, text);
		if (k->peers.row[i].kind == ACCESS_SERVER && strcmp(text, id) == 0)
			return k->peers.row[i].name;
	}
	return "";
}

static void
show_json(const struct look *k)
{
	char buf[512];
	struct json j;

	printf("{\"schema\":\"%s\",\"kind\":\"lan\",\"servers\":[", REPORT_SCHEMA);
	for (unsigned i = 0; i < k->n; i++) {
		json_init(&j, buf, sizeof(buf));
		json_open(&j, NULL);
		json_str(&j, "name", k->found[i].name);
		json_str(&j, "id", k->found[i].id);
		json_str(&j, "address", k->found[i].where);
		if (known_as(k, k->found[i].id)[0] != '\0')
			json_str(&j, "known_as", known_as(k, k->found[i].id));
		json_close(&j);
		printf("%s%s", i == 0 ? "" : ",", buf);
	}
	printf("]}\n");
}

static void
show(const struct look *k)
{
	for (unsigned i = 0; i < k->n; i++) {
		const struct lan_found *f = &k->found[i];
		const char *name = known_as(k, f->id);

		printf("%-7s %-24s %s%s%s\n", f->id, f->where, f->name,
		       name[0] != '\0' ? ", known as " : "", name);
	}
}

static int
look(struct look *k, bool json)
{
	struct lan *l;
	int err = lan_browse(&l, k->base, &lan_ops, k, k->why, sizeof(k->why));

	if (err == ERR_OK) {
		event_base_dispatch(k->base);
		lan_free(l);
		err = k->err;
	}
	if (err != ERR_OK)
		return cmd_fail(err, "%s", k->why[0] != '\0' ? k->why : err_text(err));
	qsort(k->found, k->n, sizeof(k->found[0]), by_name);
	if (json)
		show_json(k);
	else if (k->n == 0)
		return cmd_fail(ERR_NOPEER, "no server announces itself on the local "
					    "network (serve --lan)");
	else
		show(k);
	return 0;
}

int
list_lan(const struct ctx *ctx, bool json)
{
	struct look *k = calloc(1, sizeof(*k));
	int code = 1;

	if (k == NULL || (k->base = event_base_new()) == NULL) {
		free(k);
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	if (peers_load(&k->peers, ctx->dir) == ERR_OK) {
		code = look(k, json);
		peers_free(&k->peers);
	}
	event_base_free(k->base);
	free(k);
	return code;
}
