/* SPDX-License-Identifier: ISC */
/*
 * id: prints this machine's peer id.
 */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/state.h"
#include "core/b32.h"
#include "net/ident.h"

static int
run(struct ctx *ctx, int argc, char **argv)
{
	char why[512], text[PEERID_TEXT];
	struct ident *id;
	int err;

	(void)argv;
	if (argc > 1)
		return cmd_wrong(&cmd_id, "id takes no arguments");
	if ((err = state_make(ctx->dir)) != ERR_OK)
		return err_exit(err);
	if ((err = ident_load(&id, ctx->dir, why, sizeof(why))) != ERR_OK)
		return cmd_fail(err, "%s", why);
	peerid_text(ident_id(id), text);
	printf("%s\n", text);
	ident_free(id);
	return 0;
}

const struct cmd cmd_id = {"id", "", "print this machine's peer id", NULL, run};
