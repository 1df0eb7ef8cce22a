/* SPDX-License-Identifier: ISC */
/*
 * A second `attach` for the same peer hands its devices to the one that runs.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/attacher.h"
#include "cmd/report.h"
#include "cmd/sockets.h"
#include "core/text.h"
#include "net/ctl.h"

#define HAND_TIMEOUT_MS 30000

struct hand {
	int code;
	bool other;     /* that attach has another peer */
	char last[512]; /* line that says that it waits */
};

/* It is said again and again; shown when it is another. */
static void
show_queued(struct hand *h, const char *text)
{
	if (strcmp(h->last, text) == 0)
		return;
	text_copy(h->last, sizeof(h->last), text);
	printf("%s\n", text);
	fflush(stdout);
}

static int
on_line(void *arg, const char *line, size_t n)
{
	struct json_val v = json_read(line, n);
	struct hand *h = arg;
	uint64_t code = 1;
	char text[512], kind[16];

	json_get_u64(v, "exit", &code);
	json_get_str(v, "kind", kind, sizeof(kind));
	if (!json_get_str(v, "text", text, sizeof(text)))
		return ERR_PROTO;
	text_clean(text);
	if (strcmp(kind, "error") == 0 && code == (uint64_t)err_exit(ERR_NOPEER) &&
	    strstr(text, "another peer") != NULL) {
		h->other = true;
		return ERR_OK;
	}
	if (strcmp(kind, "queued") == 0)
		show_queued(h, text);
	else if (strcmp(kind, "attached") == 0)
		printf("%s\n", text);
	else
		fprintf(stderr, "usbp2p: %s\n", text);
	if (h->code == 0)
		h->code = (int)code;
	return ERR_OK;
}

int
attach_hand_over(const struct ctx *ctx, const struct target *t, const struct want *w)
{
	char request[CTL_REQUEST_MAX], id[PEERID_TEXT];
	struct sockets s;
	struct json j;

	peerid_text(t->link.id, id);
	json_init(&j, request, sizeof(request));
	json_open(&j, NULL);
	json_str(&j, "cmd", "attach");
	json_str(&j, "peer_id", id);
	json_array(&j, "devices");
	for (unsigned i = 0; i < w->n; i++)
		json_str(&j, NULL, w->word[i]);
	json_end(&j);
	json_bool(&j, "once", w->once);
	json_bool(&j, "lasting", w->lasting);
	json_bool(&j, "takeover", w->takeover);
	json_bool(&j, "accept_changed", w->accept);
	json_close(&j);
	if (j.t.full)
		return cmd_fail(ERR_TOOBIG, "too many devices in one command");
	sockets_find(&s, ctx->dir, "attach-");
	for (unsigned i = 0; i < s.n; i++) {
		struct hand h = {0};
		int err = ctl_call(s.path[i], request, HAND_TIMEOUT_MS, on_line, &h);

		if (err == ERR_NODEV || h.other)
			continue;
		return err == ERR_OK
			   ? h.code
			   : cmd_fail(err, "the running attach: %s", err_text(err));
	}
	return cmd_fail(ERR_BUSY,
			"another attach for this peer is starting or ending: try again");
}
