/* SPDX-License-Identifier: ISC */
/*
 * detach: stop using devices; and an end to others' use of ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/found.h"
#include "cmd/report.h"
#include "cmd/sockets.h"
#include "cmd/state.h"
#include "core/text.h"
#include "net/ctl.h"

#define DETACH_TIMEOUT_MS 25000 /* drivers may take their time */

enum { OPT_ALL, OPT_SHARED, OPT_IN };

static const struct cmd_opt opts[] = {
    [OPT_ALL] = {"all", NULL, "detach everything that this state directory has attached"},
    [OPT_SHARED] = {"shared", NULL, "take devices of ours back from who has them"},
    [OPT_IN] = {"in", "TIME", "with --shared: so long after they were told"},
    {NULL, NULL, NULL},
};

static int
no_line(void *arg, const char *line, size_t n)
{
	char text[256];
	struct json_val v = json_read(line, n);
	uint64_t code = 0;

	(void)arg;
	if (json_get_str(v, "text", text, sizeof(text)))
		fprintf(stderr, "usbp2p: %s\n", text);
	json_get_u64(v, "exit", &code);
	return code == (uint64_t)err_exit(ERR_FAIL) ? ERR_FAIL : ERR_NODEV;
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
	if (err == ERR_FAIL)
		return err_exit(err); /* its line has said why */
	return err == ERR_OK || err == ERR_CLOSED
		   ? 0
		   : cmd_fail(err, "%s: %s", word, err_text(err));
}

static int
detach_all(const struct sockets *s)
{
	unsigned done = 0;
	bool failed = false;

	for (unsigned i = 0; i < s->n; i++) {
		int err = ctl_call(s->path[i], "{\"cmd\":\"detach\",\"all\":true}",
				   DETACH_TIMEOUT_MS, no_line, NULL);

		done += err == ERR_OK || err == ERR_CLOSED;
		failed = failed || err == ERR_FAIL;
	}
	if (failed)
		return err_exit(ERR_FAIL);
	return done > 0 ? 0 : cmd_fail(ERR_NODEV, "nothing is attached");
}

/* What is on the command line. */
struct line {
	const char **word;
	int words;
	bool all, shared;
	uint64_t in_us;
};

/* By the serve that runs here. */
static int
take_back(const struct ctx *ctx, const char *word, uint64_t in_us)
{
	char path[4096], request[256], answer[512], text[256];
	uint64_t code = 1;
	struct json_val v;
	struct json j;
	int err;

	json_init(&j, request, sizeof(request));
	json_open(&j, NULL);
	json_str(&j, "cmd", "detach");
	json_str(&j, "busid", word);
	json_u64(&j, "in_s", in_us / 1000000);
	json_close(&j);
	if (j.t.full)
		return cmd_fail(ERR_NODEV, "there is no device \"%s\"", word);
	if ((err = state_path(ctx->dir, "run/serve.sock", path, sizeof(path))) !=
		ERR_OK ||
	    (err = sockets_ask(path, request, DETACH_TIMEOUT_MS, answer,
			       sizeof(answer))) != ERR_OK)
		return cmd_fail(err, "no serve runs here, or it does not answer");
	v = json_read(answer, strlen(answer));
	if (!json_get_str(v, "text", text, sizeof(text)))
		return 0;
	json_get_u64(v, "exit", &code);
	fprintf(stderr, "usbp2p: %s: %s\n", word, text);
	return (int)code;
}

/* All of them, also after one that failed; the first failure is the answer. */
static int
detach_words(const struct ctx *ctx, const struct sockets *s, const struct line *l)
{
	int code = 0, c;

	for (int i = 0; i < l->words; i++) {
		c = l->shared ? take_back(ctx, l->word[i], l->in_us)
			      : detach_one(s, l->word[i]);
		if (code == 0)
			code = c;
	}
	return code;
}

static int
word_of(struct line *l, int o, const char *arg)
{
	if (o == CMD_BAD)
		return err_exit(ERR_USAGE);
	if (o == OPT_ALL)
		l->all = true;
	else if (o == OPT_SHARED)
		l->shared = true;
	else if (o == CMD_OPERAND)
		l->word[l->words++] = arg;
	else if (!text_to_duration(arg, &l->in_us))
		return cmd_wrong(&cmd_detach, "\"%s\" is no duration", arg);
	return 0;
}

static int
do_line(const struct ctx *ctx, const struct line *l)
{
	struct sockets s;

	if (l->all == (l->words > 0))
		return cmd_wrong(&cmd_detach, "which device? name it, or say --all");
	if (l->shared && l->all)
		return cmd_wrong(&cmd_detach, "--shared wants devices by name");
	if (l->in_us > 0 && !l->shared)
		return cmd_wrong(&cmd_detach, "--in is for --shared");
	sockets_find(&s, ctx->dir, "attach-");
	return l->all ? detach_all(&s) : detach_words(ctx, &s, l);
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct line l = {.word = calloc((size_t)argc, sizeof(*l.word))};
	struct cmd_args a;
	const char *arg;
	int o, code = 0;

	if (l.word == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	cmd_args_init(&a, argc, argv);
	while (code == 0 && (o = cmd_next(&a, &cmd_detach, &arg)) != CMD_END)
		code = word_of(&l, o, arg);
	if (code == 0)
		code = do_line(ctx, &l);
	free(l.word);
	return code;
}

const struct cmd cmd_detach = {"detach", "DEVICE|PEER/DEVICE|port:N|URI...",
			       "stop using devices", opts, run};
