/* SPDX-License-Identifier: ISC */
/*
 * A subcommand is one file ending in one constant. main.c has their table.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/conf.h"
#include "core/err.h"

struct ctx {
	char *dir; /* state directory */
	struct conf conf;
	struct conf_sources sources; /* it was read from */
	char wrong[512];             /* doctor alone: why it was not read to its end */
	int verbose;
};

/* One option; the last of a table has name NULL. */
struct cmd_opt {
	const char *name; /* long, without dashes */
	const char *arg;  /* what it takes, NULL: nothing; "[=X]": may take, after = */
	const char *help;
};

struct cmd {
	const char *name;
	const char *args; /* operands, for the usage line */
	const char *what;
	const struct cmd_opt *opts; /* NULL: none */

	/* argv[0] is the name; returns an exit code. */
	int (*run)(struct ctx *, int argc, char **argv);
};

extern const struct cmd cmd_attach, cmd_bench, cmd_bind, cmd_completion, cmd_config,
    cmd_describe, cmd_detach, cmd_doctor, cmd_help, cmd_id, cmd_invite, cmd_list,
    cmd_peer, cmd_rendezvous, cmd_reset, cmd_serve, cmd_status, cmd_tui, cmd_unbind;
extern const struct cmd *const cmds[]; /* main.c; NULL ends it */

/* cmd/conf_log.c: logs as the configuration and -v say. */
void cmd_log(const struct ctx *);

/* cmd/usage.c */

/*
 * Steps through a command's arguments: the next option's index in opts with its
 * argument in *arg (NULL if there is none), CMD_OPERAND with the operand in *arg,
 * CMD_END, or CMD_BAD after printing what is wrong. "--" ends options.
 */
enum { CMD_OPERAND = -1, CMD_END = -2, CMD_BAD = -3 };

struct cmd_args {
	int argc, at;
	char **argv;
	bool plain; /* "--" was seen */
};

void cmd_args_init(struct cmd_args *, int argc, char **argv);
int cmd_next(struct cmd_args *, const struct cmd *, const char **arg);

/* Prints "usbp2p NAME ARGS" and options. */
void cmd_usage(const struct cmd *, bool to_stdout);

/*
 * "usbp2p: ..." on stderr, one line: what, why, what to do. Returns err's exit
 * code. cmd_wrong is for usage (2).
 */
int cmd_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int
cmd_wrong(const struct cmd *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
