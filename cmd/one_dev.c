/* SPDX-License-Identifier: ISC */
/*
 * Asks serve for devices of this machine, and attach for those of others.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/found.h"
#include "cmd/one_dev.h"
#include "cmd/sockets.h"
#include "cmd/state.h"
#include "core/json.h"

#define ASK_TIMEOUT_MS 5000

bool
one_dev_is_attached(const char *word)
{
	return strchr(word, '/') != NULL || strncmp(word, "port:", 5) == 0;
}

int
one_dev_local(const struct ctx *ctx, const char *word, char *name, size_t cap)
{
	struct sockets s;
	struct found f;
	int code;

	sockets_find(&s, ctx->dir, "attach-");
	if ((code = found_one(&s, word, &f)) != 0)
		return code;
	if (f.local[0] == '\0' || !text_copy(name, cap, f.local))
		return cmd_fail(ERR_NODEV, "the kernel here does not have %s", word);
	return 0;
}

int
one_dev_ask(const struct ctx *ctx, const char *cmd, const char *word, char *buf,
	    size_t cap)
{
	char path[4096], request[256], text[256];
	struct json j;
	int err;

	json_init(&j, request, sizeof(request));
	json_open(&j, NULL);
	json_str(&j, "cmd", cmd);
	json_str(&j, "busid", word);
	json_close(&j);
	if (j.t.full)
		return ERR_NODEV;
	if ((err = state_path(ctx->dir, "run/serve.sock", path, sizeof(path))) !=
		ERR_OK ||
	    (err = sockets_ask(path, request, ASK_TIMEOUT_MS, buf, cap)) != ERR_OK)
		return err;
	if (!json_get_str(json_read(buf, strlen(buf)), "text", text, sizeof(text)))
		return ERR_OK;
	cmd_fail(ERR_NOPEER, "%s: %s", word, text);
	return ERR_NOPEER;
}

const char *
one_dev_operand(const struct cmd *c, int argc, char **argv)
{
	const char *arg, *word = NULL;
	struct cmd_args a;
	int o;

	cmd_args_init(&a, argc, argv);
	while ((o = cmd_next(&a, c, &arg)) != CMD_END) {
		if (o == CMD_BAD)
			return NULL;
		if (word != NULL) {
			cmd_wrong(c, "one device at a time");
			return NULL;
		}
		word = arg;
	}
	if (word == NULL)
		cmd_wrong(c, "which device?");
	return word;
}
