/* SPDX-License-Identifier: ISC */
/*
 * reset: a device begins anew, as if it had been plugged out and in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/one_dev.h"
#include "core/json.h"
#include "net/ctl.h"
#include "usb/restart.h"

static int
restart(const char *word, const char *name)
{
	char why[200];
	int err = usb_restart(ONE_DEV_SYSFS, name, why, sizeof(why));

	if (err != ERR_OK)
		return cmd_fail(err, "%s", why);
	printf("%s reset\n", word);
	return 0;
}

/* What a peer has is reset by serve, for which it is taken away a moment. */
static int
reset_ours(const struct ctx *ctx, const char *word)
{
	char name[32], *buf = malloc(CTL_LINE_MAX);
	int err = ERR_NOMEM;
	bool done = false;

	text_copy(name, sizeof(name), word);
	if (buf != NULL &&
	    (err = one_dev_ask(ctx, "reset", word, buf, CTL_LINE_MAX)) == ERR_OK) {
		struct json_val v = json_read(buf, strlen(buf));

		done = json_get_bool(v, "done");
		json_get_str(v, "busid", name, sizeof(name));
	}
	free(buf);
	if (err == ERR_NOPEER)
		return err_exit(err);
	if (err != ERR_OK && err != ERR_NODEV)
		return cmd_fail(err, "serve does not answer: %s", err_text(err));
	if (!done)
		return restart(word, name);
	printf("%s reset\n", word);
	return 0;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	const char *word = one_dev_operand(&cmd_reset, argc, argv);
	char name[32];
	int code;

	if (word == NULL)
		return err_exit(ERR_USAGE);
	if (!one_dev_is_attached(word))
		return reset_ours(ctx, word);
	code = one_dev_local(ctx, word, name, sizeof(name));
	return code == 0 ? restart(word, name) : code;
}

const struct cmd cmd_reset = {"reset", "DEVICE|PEER/DEVICE|port:N",
			      "let a device begin anew", NULL, run};
