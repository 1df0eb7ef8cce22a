/* SPDX-License-Identifier: ISC */
/*
 * Arguments, usage texts and error lines, from the tables of the commands.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/text.h"

void
cmd_args_init(struct cmd_args *a, int argc, char **argv)
{
	a->argc = argc;
	a->argv = argv;
	a->at = 1;
	a->plain = false;
}

static int
bad(const char *fmt, const char *what, const char *name)
{
	fprintf(stderr, "usbp2p: ");
	fprintf(stderr, fmt, what);
	fprintf(stderr, "; see \"usbp2p help %s\"\n", name);
	return CMD_BAD;
}

/* "[=X]" is an argument that may be left out. */
static bool
is_optional(const struct cmd_opt *o)
{
	return o->arg != NULL && o->arg[0] == '[';
}

static int
option(struct cmd_args *a, const struct cmd *c, const char *word, const char **arg)
{
	const char *eq = strchr(word, '=');
	size_t n = eq == NULL ? strlen(word) : (size_t)(eq - word);

	for (int i = 0; c->opts != NULL && c->opts[i].name != NULL; i++) {
		const struct cmd_opt *o = &c->opts[i];

		if (strlen(o->name) != n || strncmp(o->name, word, n) != 0)
			continue;
		*arg = NULL;
		if (o->arg == NULL)
			return eq == NULL
				   ? i
				   : bad("--%s takes no argument", o->name, c->name);
		if (eq != NULL)
			*arg = eq + 1;
		else if (is_optional(o))
			return i;
		else if (a->at < a->argc)
			*arg = a->argv[a->at++];
		else
			return bad("--%s wants an argument", o->name, c->name);
		return i;
	}
	return bad("there is no option --%s", word, c->name);
}

int
cmd_next(struct cmd_args *a, const struct cmd *c, const char **arg)
{
	const char *word;

	if (a->at >= a->argc)
		return CMD_END;
	word = a->argv[a->at++];
	if (!a->plain && strcmp(word, "--") == 0) {
		a->plain = true;
		return cmd_next(a, c, arg);
	}
	if (!a->plain && strncmp(word, "--", 2) == 0)
		return option(a, c, word + 2, arg);
	if (!a->plain && word[0] == '-' && word[1] != '\0')
		return bad("there is no option %s", word, c->name);
	*arg = word;
	return CMD_OPERAND;
}

/* Between an option's name and its argument. */
static const char *
gap(const struct cmd_opt *o)
{
	return o->arg == NULL || is_optional(o) ? "" : " ";
}

void
cmd_usage(const struct cmd *c, bool to_stdout)
{
	FILE *f = to_stdout ? stdout : stderr;

	fprintf(f, "usage: usbp2p %s", c->name);
	for (const struct cmd_opt *o = c->opts; o != NULL && o->name != NULL; o++)
		fprintf(f, " [--%s%s%s]", o->name, gap(o), o->arg != NULL ? o->arg : "");
	fprintf(f, "%s%s\n%s\n", c->args[0] != '\0' ? " " : "", c->args, c->what);
	for (const struct cmd_opt *o = c->opts; o != NULL && o->name != NULL; o++)
		fprintf(f, "  --%s%s%s\n        %s\n", o->name, gap(o),
			o->arg != NULL ? o->arg : "", o->help);
}

/* Device names and reasons come from strangers: nothing but text gets out. */
static void
say(const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	text_clean(line);
	fprintf(stderr, "usbp2p: %s\n", line);
}

int
cmd_fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return err_exit(err);
}

int
cmd_wrong(const struct cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	cmd_usage(c, false);
	return err_exit(ERR_USAGE);
}
