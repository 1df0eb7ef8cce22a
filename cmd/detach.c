/* SPDX-License-Identifier: ISC */
/*
 * detach: stop using devices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "cmd/sockets.h"
#include "core/pattern.h"
#include "net/ctl.h"
#include "net/stock.h"

#define DETACH_TIMEOUT_MS 15000 /* drivers may take their time */

enum { OPT_ALL };

static const struct cmd_opt opts[] = {
    [OPT_ALL] = {"all", NULL, "detach everything that this state directory has attached"},
    {NULL, NULL, NULL},
};

/* One attached device, found by asking all attach processes. */
struct found {
	unsigned n; /* how many the word meant */
	bool named; /* by its nickname, which goes before text */
	char path[108];
	char busid[DEVINFO_BUSID]; /* at the server */
	bool has_port;             /* else it is offered to others */
	uint64_t port;
};

static void
read_info(struct json_val v, struct devinfo *d)
{
	char id[12];
	uint64_t n;

	memset(d, 0, sizeof(*d));
	json_get_str(v, "busid", d->busid, sizeof(d->busid));
	json_get_str(v, "product", d->product, sizeof(d->product));
	json_get_str(v, "serial", d->serial, sizeof(d->serial));
	json_get_str(v, "nick", d->nick, sizeof(d->nick));
	if (!json_get_str(v, "id", id, sizeof(id)) || strlen(id) != 9)
		return;
	id[4] = '\0';
	if (text_to_hex(id, 0xffff, &n))
		d->vid = (uint16_t)n;
	if (text_to_hex(id + 5, 0xffff, &n))
		d->pid = (uint16_t)n;
}

/* A device of a stock server: usbip://HOST[:PORT]/BUSID. */
static bool
means_stock(const char *uri, const char *peer, struct json_val device)
{
	char where[STOCK_WHERE], want[USBIP_OP_BUSID], busid[DEVINFO_BUSID];

	return stock_uri(uri, where, want) == ERR_OK && strcmp(where, peer) == 0 &&
	       json_get_str(device, "busid", busid, sizeof(busid)) &&
	       strcmp(want, busid) == 0;
}

/* word: port:N, PEER/DEVICE, usbip://HOST[:PORT]/BUSID or DEVICE. */
static bool
means(const char *word, const char *peer, struct json_val device, bool *named)
{
	const char *slash = strchr(word, '/');
	struct devinfo d;
	uint64_t want, port;

	if (strncmp(word, "port:", 5) == 0)
		return json_get_u64(device, "port", &port) &&
		       text_to_u64(word + 5, UINT32_MAX, &want) && want == port;
	if (strncmp(word, STOCK_URI, strlen(STOCK_URI)) == 0)
		return means_stock(word, peer, device);
	if (slash != NULL) {
		if (strlen(peer) != (size_t)(slash - word) ||
		    strncmp(peer, word, strlen(peer)) != 0)
			return false;
		word = slash + 1;
	}
	read_info(device, &d);
	*named = pattern_names(word, &d);
	return *named || (pattern_check(word) == ERR_OK && pattern_match(word, &d));
}

static void
look_in(const char *path, const char *word, struct found *f)
{
	char *buf = malloc(CTL_LINE_MAX), peer[STOCK_WHERE];
	struct json_val v, d;
	bool named;

	if (buf != NULL && sockets_ask(path, "{\"cmd\":\"status\"}", DETACH_TIMEOUT_MS,
				       buf, CTL_LINE_MAX) == ERR_OK) {
		v = json_read(buf, strlen(buf));
		json_get_str(v, "peer", peer, sizeof(peer));
		for (unsigned i = 0; (d = json_at(json_get(v, "devices"), i)).n > 0;
		     i++) {
			named = false;
			if (!means(word, peer, d, &named) || (f->named && !named))
				continue;
			f->n = f->named == named ? f->n + 1 : 1;
			f->named = named;
			snprintf(f->path, sizeof(f->path), "%s", path);
			json_get_str(d, "busid", f->busid, sizeof(f->busid));
			f->has_port = json_get_u64(d, "port", &f->port);
		}
	}
	free(buf);
}

static int
no_line(void *arg, const char *line, size_t n)
{
	char text[256];
	struct json_val v = json_read(line, n);

	(void)arg;
	if (json_get_str(v, "text", text, sizeof(text)))
		fprintf(stderr, "usbp2p: %s\n", text);
	return ERR_NODEV;
}

static int
detach_one(const struct sockets *s, const char *word)
{
	struct found f = {0};
	char request[128];
	struct json j;
	int err;

	for (unsigned i = 0; i < s->n; i++)
		look_in(s->path[i], word, &f);
	if (f.n == 0)
		return cmd_fail(ERR_NODEV,
				"no attached device is \"%s\"; see \"usbp2p status\"",
				word);
	if (f.n > 1)
		return cmd_fail(ERR_USAGE,
				"\"%s\" means %u devices: say PEER/DEVICE or port:N",
				word, f.n);
	json_init(&j, request, sizeof(request));
	json_open(&j, NULL);
	json_str(&j, "cmd", "detach");
	if (f.has_port)
		json_u64(&j, "port", f.port);
	else
		json_str(&j, "busid", f.busid);
	json_close(&j);
	err = ctl_call(f.path, request, DETACH_TIMEOUT_MS, no_line, NULL);
	return err == ERR_OK || err == ERR_CLOSED
		   ? 0
		   : cmd_fail(err, "%s: %s", word, err_text(err));
}

static int
detach_all(const struct sockets *s)
{
	unsigned done = 0;

	for (unsigned i = 0; i < s->n; i++) {
		int err = ctl_call(s->path[i], "{\"cmd\":\"detach\",\"all\":true}",
				   DETACH_TIMEOUT_MS, no_line, NULL);

		done += err == ERR_OK || err == ERR_CLOSED;
	}
	return done > 0 ? 0 : cmd_fail(ERR_NODEV, "nothing is attached");
}

/* All of them, also after one that failed; the first failure is the answer. */
static int
detach_words(const struct sockets *s, int n, const char *const *word)
{
	int code = 0, c;

	for (int i = 0; i < n; i++)
		if ((c = detach_one(s, word[i])) != 0 && code == 0)
			code = c;
	return code;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	const char **word = calloc((size_t)argc, sizeof(*word)), *arg;
	struct cmd_args a;
	struct sockets s;
	bool all = false;
	int o, code, words = 0;

	if (word == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	cmd_args_init(&a, argc, argv);
	while ((o = cmd_next(&a, &cmd_detach, &arg)) != CMD_END && o != CMD_BAD) {
		if (o == OPT_ALL)
			all = true;
		else
			word[words++] = arg;
	}
	sockets_find(&s, ctx->dir, "attach-");
	if (o == CMD_BAD)
		code = err_exit(ERR_USAGE);
	else if (all == (words > 0))
		code = cmd_wrong(&cmd_detach, "which device? name it, or say --all");
	else
		code = all ? detach_all(&s) : detach_words(&s, words, word);
	free(word);
	return code;
}

const struct cmd cmd_detach = {"detach", "DEVICE|PEER/DEVICE|port:N|URI...",
			       "stop using devices", opts, run};
