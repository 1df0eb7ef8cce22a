/* SPDX-License-Identifier: ISC */
/*
 * completion: what a shell has to know to complete our command line, made from the
 * tables of commands, options and settings. What the words mean is not known here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "core/mem.h"

/* What stands before the command, for main.c. */
static const struct {
	const char *name, *arg, *help;
} before[] = {
    {"-c", "FILE", "the configuration"}, {"-o", "SETTING", "a setting"},
    {"-s", "DIR", "state directory"},    {"-v", NULL, "log more"},
    {"--help", NULL, "explain"},         {"--version", NULL, "print the version"},
};

/* What this machine knows, for operands. */
#define PEERS   "usbp2p peer list 2>/dev/null | awk '$1 == \"server\" { print $2 }'"
#define DEVICES "usbp2p list 2>/dev/null | awk '{ print $1 }'"

enum operand { OPERAND_NONE, OPERAND_PEER, OPERAND_DEVICE, OPERAND_COMMAND };

static enum operand
operand_of(const struct cmd *c)
{
	static const struct {
		const char *begins;
		enum operand operand;
	} kinds[] = {{"PEER", OPERAND_PEER},
		     {"[PEER", OPERAND_PEER},
		     {"DEVICE...", OPERAND_DEVICE},
		     {"[COMMAND", OPERAND_COMMAND}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strncmp(c->args, kinds[i].begins, strlen(kinds[i].begins)) == 0)
			return kinds[i].operand;
	return OPERAND_NONE;
}

static bool
is_file(const char *arg)
{
	return arg != NULL && strcmp(arg, "FILE") == 0;
}

/* Whether a word must follow: "[=X]" is part of the word before. */
static bool
wants_word(const char *arg)
{
	return arg != NULL && arg[0] != '[';
}

/* Words that are meant as they are, in "list|allow ID": those in lower case. */
static void
print_literals(const struct cmd *c, const char *sep)
{
	for (const char *p = c->args; *p != '\0'; p += strcspn(p, "|"), p += *p == '|')
		if (islower((unsigned char)*p))
			printf("%s%.*s", sep, (int)strcspn(p, "| ["), p);
}

static void
print_commands(const char *sep)
{
	for (size_t i = 0; cmds[i] != NULL; i++)
		printf("%s%s", i > 0 ? sep : "", cmds[i]->name);
}

/* Of settings that have a name of their own, without one in between: from k on. */
static const struct conf_key *
next_key(const struct conf_key *k)
{
	while (k->name != NULL && k->of != CONF_ONE)
		k++;
	return k->name != NULL ? k : NULL;
}

/* A text between single quotes; a backslash before those of `special`. */
static void
quoted(const char *s, const char *special)
{
	for (; *s != '\0'; s++)
		if (*s == '\'')
			printf("'\\''");
		else
			printf("%s%c", strchr(special, *s) != NULL ? "\\" : "", *s);
}

/* --- bash --- */

static void
bash_command(const struct cmd *c)
{
	const struct cmd_opt *o;
	enum operand operand = operand_of(c);

	printf("\t%s)\n\t\tcase $prev in\n", c->name);
	for (o = c->opts; o != NULL && o->name != NULL; o++)
		if (wants_word(o->arg))
			printf("\t\t--%s) words=%s ;;\n", o->name,
			       is_file(o->arg) ? " files=1" : "");
	printf("\t\t*) words=\"");
	for (o = c->opts; o != NULL && o->name != NULL; o++)
		printf("--%s ", o->name);
	if (operand == OPERAND_COMMAND)
		print_commands(" ");
	print_literals(c, " ");
	printf("\"\n");
	if (operand == OPERAND_PEER || operand == OPERAND_DEVICE)
		printf("\t\t\t[[ $cur == -* ]] || words+=\" $(%s)\" ;;\n",
		       operand == OPERAND_PEER ? PEERS : DEVICES);
	printf("\t\tesac ;;\n");
}

static void
bash_before(void)
{
	printf("\t'')\n\t\tcase $prev in\n");
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		if (is_file(before[i].arg))
			printf("\t\t%s) words= files=1 ;;\n", before[i].name);
	printf("\t\t-s) words= files=1 ;;\n\t\t-o) compopt -o nospace; words=\"");
	for (const struct conf_key *k = next_key(conf_keys); k != NULL;
	     k = next_key(k + 1))
		printf("%s= ", k->name);
	printf("\" ;;\n\t\t*) words=\"");
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		printf("%s ", before[i].name);
	print_commands(" ");
	printf("\" ;;\n\t\tesac ;;\n");
}

static void
bash(void)
{
	printf(
	    "# bash completion for usbp2p, made by \"usbp2p completion bash\"\n"
	    "_usbp2p() {\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	    "\tlocal command= words= files= i\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tcase ${COMP_WORDS[i]} in\n\t\t=");
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		if (before[i].arg != NULL)
			printf(" | %s", before[i].name);
	printf(") ((i++)) ;;\n\t\t-*) ;;\n\t\t*) command=${COMP_WORDS[i]}; break ;;\n"
	       "\t\tesac\n\tdone\n\tCOMPREPLY=()\n\tcase $command in\n");
	bash_before();
	for (size_t i = 0; cmds[i] != NULL; i++)
		bash_command(cmds[i]);
	printf(
	    "\tesac\n"
	    "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	    "\t[ -z \"$files\" ] || { compopt -o filenames; COMPREPLY=($(compgen -f -- "
	    "\"$cur\")); }\n"
	    "} && complete -F _usbp2p usbp2p\n");
}

/* --- zsh --- */

static const char *
zsh_action(const char *arg)
{
	return is_file(arg) ? "_files" : "";
}

static void
zsh_command(const struct cmd *c)
{
	static const char special[] = "[]:\\";
	enum operand operand = operand_of(c);

	printf("\t\t%s)\n\t\t\t_arguments", c->name);
	for (const struct cmd_opt *o = c->opts; o != NULL && o->name != NULL; o++) {
		printf(" \\\n\t\t\t\t'*--%s[", o->name);
		quoted(o->help, special);
		printf("]");
		if (wants_word(o->arg)) {
			printf(":");
			quoted(o->arg, special);
			printf(":%s", zsh_action(o->arg));
		}
		printf("'");
	}
	printf(" \\\n\t\t\t\t'*:");
	quoted(c->args[0] != '\0' ? c->args : " ", special);
	if (operand == OPERAND_PEER)
		printf(":_usbp2p_peers' ;;\n");
	else if (operand == OPERAND_DEVICE)
		printf(":_usbp2p_devices' ;;\n");
	else {
		printf(":(");
		if (operand == OPERAND_COMMAND)
			print_commands(" ");
		print_literals(c, " ");
		printf(")' ;;\n");
	}
}

static void
zsh(void)
{
	printf("#compdef usbp2p\n"
	       "# zsh completion for usbp2p, made by \"usbp2p completion zsh\"\n"
	       "_usbp2p_peers() { compadd -- $(%s) }\n"
	       "_usbp2p_devices() { compadd -- $(%s) }\n"
	       "_usbp2p() {\n\tlocal state line\n\tlocal -a commands=(\n",
	       PEERS, DEVICES);
	for (size_t i = 0; cmds[i] != NULL; i++) {
		printf("\t\t'%s:", cmds[i]->name);
		quoted(cmds[i]->what, ":\\");
		printf("'\n");
	}
	printf("\t)\n\t_arguments -C");
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		printf(" \\\n\t\t'*%s[%s]%s'", before[i].name, before[i].help,
		       before[i].arg == NULL      ? ""
		       : before[i].name[1] == 'o' ? ":setting:->setting"
						  : ":path:_files");
	printf(" \\\n\t\t'1:command:->command' '*::argument:->argument'\n"
	       "\tcase $state in\n"
	       "\tcommand) _describe command commands ;;\n"
	       "\tsetting) compadd -S '' --");
	for (const struct conf_key *k = next_key(conf_keys); k != NULL;
	     k = next_key(k + 1))
		printf(" %s=", k->name);
	printf(" ;;\n\targument)\n\t\tcase $words[1] in\n");
	for (size_t i = 0; cmds[i] != NULL; i++)
		zsh_command(cmds[i]);
	printf("\t\tesac ;;\n\tesac\n}\n"
	       "[ \"$funcstack[1]\" = _usbp2p ] && _usbp2p \"$@\" || compdef _usbp2p "
	       "usbp2p\n");
}

/* --- fish --- */

static void
fish_line(const char *when, const char *rest, const char *help)
{
	printf("complete -c usbp2p -n '%s' %s -d '", when, rest);
	quoted(help, "");
	printf("'\n");
}

static void
fish_command(const struct cmd *c)
{
	enum operand operand = operand_of(c);
	char when[80], rest[200];

	snprintf(rest, sizeof(rest), "-a %s", c->name);
	fish_line("__fish_use_subcommand", rest, c->what);
	snprintf(when, sizeof(when), "__fish_seen_subcommand_from %s", c->name);
	for (const struct cmd_opt *o = c->opts; o != NULL && o->name != NULL; o++) {
		snprintf(rest, sizeof(rest), "-l %s%s", o->name,
			 is_file(o->arg)      ? " -r -F"
			 : wants_word(o->arg) ? " -x"
					      : "");
		fish_line(when, rest, o->help);
	}
	printf("complete -c usbp2p -n '%s' -a '", when);
	if (operand == OPERAND_PEER || operand == OPERAND_DEVICE) {
		printf("(");
		quoted(operand == OPERAND_PEER ? PEERS : DEVICES, "");
		printf(")");
	} else if (operand == OPERAND_COMMAND) {
		print_commands(" ");
	}
	print_literals(c, " ");
	printf("'\n");
}

static void
fish(void)
{
	char rest[80];

	printf("# fish completion for usbp2p, made by \"usbp2p completion fish\"\n"
	       "complete -c usbp2p -f\n");
	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		const char *name = before[i].name + strspn(before[i].name, "-");

		snprintf(rest, sizeof(rest), "-%c %s%s", name[1] == '\0' ? 's' : 'l',
			 name,
			 before[i].arg == NULL ? ""
			 : name[0] == 'o'      ? " -x"
					       : " -r -F");
		fish_line("__fish_use_subcommand", rest, before[i].help);
	}
	printf("complete -c usbp2p -n __fish_use_subcommand -s o -x -a '");
	for (const struct conf_key *k = next_key(conf_keys); k != NULL;
	     k = next_key(k + 1))
		printf("%s= ", k->name);
	printf("'\n");
	for (size_t i = 0; cmds[i] != NULL; i++)
		fish_command(cmds[i]);
}

static const struct {
	const char *name;
	void (*print)(void);
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

static int
run(struct ctx *ctx, int argc, char **argv)
{
	(void)ctx;
	if (argc != 2)
		return cmd_wrong(&cmd_completion, "for which shell?");
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (strcmp(argv[1], shells[i].name) == 0) {
			shells[i].print();
			return 0;
		}
	return cmd_wrong(&cmd_completion, "\"%s\" is no shell: bash, zsh, fish", argv[1]);
}

const struct cmd cmd_completion = {"completion", "bash|zsh|fish",
				   "print what a shell needs to complete commands", NULL,
				   run};
