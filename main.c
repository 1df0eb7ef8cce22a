/* SPDX-License-Identifier: ISC */
/*
 * usbp2p: use a USB device that is plugged in somewhere else. This file is the
 * table of commands and the options that stand before them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/logline.h"
#include "cmd/state.h"

const struct cmd *const cmds[] = {
    &cmd_serve,  &cmd_bind,   &cmd_unbind,     &cmd_invite, &cmd_peer,
    &cmd_list,   &cmd_attach, &cmd_detach,     &cmd_status, &cmd_rendezvous,
    &cmd_tui,    &cmd_bench,  &cmd_describe,   &cmd_reset,  &cmd_doctor,
    &cmd_config, &cmd_id,     &cmd_completion, &cmd_help,   NULL,
};

/* help is there whatever the configuration is; doctor says what is wrong with it. */
static int
configured(struct ctx *ctx, const struct cmd *c, int argc, char **argv)
{
	char why[512];
	int err = conf_load(&ctx->conf, &ctx->sources, why, sizeof(why));

	if (err != ERR_OK && c != &cmd_doctor)
		return cmd_fail(err, "%s", why);
	if (err != ERR_OK)
		memcpy(ctx->wrong, why, sizeof(why));
	cmd_log(ctx);
	return c->run(ctx, argc, argv);
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	for (size_t i = 0; cmds[i] != NULL; i++)
		if (strcmp(argv[0], cmds[i]->name) == 0)
			return cmds[i] == &cmd_help
				   ? cmd_help.run(ctx, argc, argv)
				   : configured(ctx, cmds[i], argc, argv);
	return cmd_fail(
	    ERR_USAGE, "there is no command \"%s\"; \"usbp2p help\" lists them", argv[0]);
}

/* Options before the command; gives the command's index in argv, or -1. */
static int
options(struct ctx *ctx, int argc, char **argv, const char **dir)
{
	struct conf_sources *from = &ctx->sources;
	int o;

	opterr = 0;
	while ((o = getopt(argc, argv, "+c:o:s:v")) != -1) {
		switch (o) {
		case 'c':
			from->file = optarg;
			break;
		case 'o':
			if (from->n < CONF_OPTIONS) {
				from->option[from->n++] = optarg;
				break;
			}
			cmd_fail(ERR_USAGE, "too many times -o");
			return -1;
		case 's':
			*dir = optarg;
			break;
		case 'v':
			ctx->verbose++;
			break;
		default:
			cmd_fail(
			    ERR_USAGE,
			    "-%c is no option, or wants an argument; see \"usbp2p help\"",
			    optopt);
			return -1;
		}
	}
	return optind;
}

int
main(int argc, char **argv)
{
	static char help[] = "help";
	char *no_command[] = {help, NULL};
	const char *dir = getenv("USBP2P_STATE");
	struct ctx ctx = {.verbose = 0};
	int at, code;

	conf_init(&ctx.conf);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("usbp2p %s\n", USBP2P_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return cmd_help.run(&ctx, 1, no_command);
	if ((at = options(&ctx, argc, argv, &dir)) < 0)
		return err_exit(ERR_USAGE);
	if (at == argc) {
		cmd_help.run(&ctx, 1, no_command);
		return err_exit(ERR_USAGE);
	}
	if ((ctx.dir = state_dir(dir)) == NULL)
		return cmd_fail(ERR_IO,
				"no state directory: set HOME, or give one with -s DIR");
	code = run(&ctx, argc - at, argv + at);
	free(ctx.dir);
	conf_fini(&ctx.conf);
	return code;
}
