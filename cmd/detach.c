/* SPDX-License-Identifier: ISC */
/*
 * detach: stop using devices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/found.h"
#include "cmd/report.h"
#include "cmd/sockets.h"
#include "net/ctl.h"

#define DETACH_TIMEOUT_MS 15000 /* drivers may take their time */

enum { OPT_ALL };

static const struct cmd_opt opts[] = {
    [OPT_ALL] = {"all", NULL, "detach everything that this state directory has attached"},
    {NULL, NULL, NULL},
};

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
	struct found f;
	char request[128];
	struct json j;
	int err;

	if ((err = found_one(s, word, &f)) != 0)
		return err;
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
