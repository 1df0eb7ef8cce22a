/* SPDX-License-Identifier: ISC */
/*
 * help: the commands, or one command's options; made from their tables.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static void
overview(void)
{
	printf("usage: usbp2p [-c FILE] [-o SECTION.KEY=VALUE]... [-s DIR] [-v]... "
	       "COMMAND ...\n"
	       "       usbp2p --version\n"
	       "Use a USB device that is plugged in somewhere else as if it were plugged "
	       "in here.\n\n"
	       "commands:\n");
	for (size_t i = 0; cmds[i] != NULL; i++)
		printf("  %-10s %s\n", cmds[i]->name, cmds[i]->what);
	printf(
	    "\noptions before the command:\n"
	    "  -s DIR  state directory: identity, peers, bound devices (or "
	    "USBP2P_STATE)\n"
	    "  -c FILE  the configuration (default: /etc/usbp2p/usbp2p.conf, then your "
	    "own)\n"
	    "  -v      log more\n"
	    "  -o SECTION.KEY=VALUE  a setting:\n");
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++)
		printf("      %s=%s\n          %s%s%s%s\n", k->name, k->form, k->what,
		       k->def != NULL ? " (default: " : "", k->def != NULL ? k->def : "",
		       k->def != NULL ? ")" : "");
	printf("\n\"usbp2p help COMMAND\" tells more.\n");
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	(void)ctx;
	if (argc < 2) {
		overview();
		return 0;
	}
	for (size_t i = 0; cmds[i] != NULL; i++)
		if (strcmp(argv[1], cmds[i]->name) == 0) {
			cmd_usage(cmds[i], true);
			return 0;
		}
	return cmd_fail(ERR_USAGE, "there is no command \"%s\"", argv[1]);
}

const struct cmd cmd_help = {"help", "[COMMAND]", "explain a command", NULL, run};
