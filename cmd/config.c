/* SPDX-License-Identifier: ISC */
/*
 * config: the settings as they are now and who made them; and the example file. Both
 * can be read back as a configuration file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "net/ctl.h"

#define NAMED " NAME."

enum { OPT_JSON, OPT_EXAMPLE };

static const struct cmd_opt opts[] = {
    [OPT_JSON] = {"json", NULL, "one JSON object"},
    [OPT_EXAMPLE] = {"example", NULL,
		     "print a file with every key, and what it is by default"},
    {NULL, NULL, NULL},
};

/* "link" of "link.cc"; "attach NAME" of "attach NAME.peer". */
static size_t
section_len(const struct conf_key *k)
{
	const char *named = strstr(k->name, NAMED);

	return named != NULL ? (size_t)(named - k->name) + strlen(NAMED) - 1
			     : strcspn(k->name, ".");
}

static const char *
short_name(const struct conf_key *k)
{
	return k->name + section_len(k) + 1;
}

static bool
same_section(const struct conf_key *a, const struct conf_key *b)
{
	size_t n = section_len(a);

	return n == section_len(b) && strncmp(a->name, b->name, n) == 0;
}

/* --- the file --- */

/* More lines of a value begin with a space. */
static void
print_value(const char *key, const char *value)
{
	printf("%s = ", key);
	for (; *value != '\0'; value++) {
		putchar(*value);
		if (*value == '\n')
			putchar('\t');
	}
	putchar('\n');
}

static void
print_key(const struct conf *c, const struct conf_key *k, const char *name)
{
	const struct conf_made *m = conf_find(c, k, name);

	if (m != NULL && k->secret)
		printf("; %s\n; %s is not shown\n", m->from, short_name(k));
	else if (m != NULL) {
		printf("; %s\n", m->from);
		print_value(short_name(k), m->text);
	} else if (strcmp(k->name, "serve.name") == 0)
		printf("; host name\n%s = %s\n", short_name(k), c->serve_name);
	else if (k->def != NULL)
		printf("; default\n%s = %s\n", short_name(k), k->def);
	else
		printf("; not set: %s\n", short_name(k));
}

static void
print_section(const struct conf *c, const struct conf_key *first, const char *name)
{
	if (first->of == CONF_ONE)
		printf("[%.*s]\n", (int)section_len(first), first->name);
	else
		printf("[%.*s %s]\n", (int)strcspn(first->name, " "), first->name, name);
	for (const struct conf_key *k = first; k->name != NULL && same_section(k, first);
	     k++)
		print_key(c, k, name);
	printf("\n");
}

/* The i-th section of this kind; NULL: there is none. */
static const char *
name_of(const struct conf *c, enum conf_of of, unsigned i)
{
	if (of == CONF_ONE)
		return i == 0 ? "" : NULL;
	if (of == CONF_POLICY)
		return i < c->policies ? c->policy[i]->name : NULL;
	return i < c->attaches ? c->attach[i]->name : NULL;
}

static void
print_all(const struct conf *c)
{
	const char *name;

	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if (k != conf_keys && same_section(k, k - 1))
			continue;
		for (unsigned i = 0; (name = name_of(c, k->of, i)) != NULL; i++)
			print_section(c, k, name);
	}
}

static void
print_example(void)
{
	printf(
	    "; usbp2p.conf(5): every key, with what it is when nobody says otherwise.\n"
	    "; The file is /etc/usbp2p/usbp2p.conf, or what -c says.\n");
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++) {
		if (k == conf_keys || !same_section(k, k - 1))
			printf("\n%s[%.*s]\n", k->of == CONF_ONE ? "" : ";",
			       (int)section_len(k), k->name);
		printf("\n; %s\n; %s: %s\n;%s =%s%s\n", k->what, short_name(k), k->form,
		       short_name(k), k->def != NULL ? " " : "",
		       k->def != NULL ? k->def : "");
	}
}

/* --- JSON --- */

static void
put_key(struct json *j, const struct conf *c, const struct conf_key *k, const char *name)
{
	const struct conf_made *m = conf_find(c, k, name);

	json_open(j, NULL);
	json_str(j, "key", k->name);
	if (name[0] != '\0')
		json_str(j, "section", name);
	if (m != NULL && k->secret)
		json_bool(j, "hidden", true);
	else if (m != NULL)
		json_str(j, "value", m->text);
	else if (strcmp(k->name, "serve.name") == 0)
		json_str(j, "value", c->serve_name);
	else if (k->def != NULL)
		json_str(j, "value", k->def);
	json_str(j, "from", m != NULL ? m->from : "default");
	json_close(j);
}

static int
print_json(const struct conf *c)
{
	char *buf = malloc(CTL_LINE_MAX);
	const char *name;
	struct json j;

	if (buf == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	json_init(&j, buf, CTL_LINE_MAX);
	report_open(&j, "config");
	json_array(&j, "settings");
	for (const struct conf_key *k = conf_keys; k->name != NULL; k++)
		for (unsigned i = 0; (name = name_of(c, k->of, i)) != NULL; i++)
			put_key(&j, c, k, name);
	json_end(&j);
	json_close(&j);
	printf("%s\n", buf);
	free(buf);
	return 0;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	bool json = false, example = false;
	struct cmd_args a;
	const char *arg;
	int o;

	cmd_args_init(&a, argc, argv);
	while ((o = cmd_next(&a, &cmd_config, &arg)) != CMD_END) {
		if (o == CMD_BAD)
			return err_exit(ERR_USAGE);
		if (o == CMD_OPERAND)
			return cmd_wrong(&cmd_config, "what is \"%s\" for?", arg);
		json |= o == OPT_JSON;
		example |= o == OPT_EXAMPLE;
	}
	if (example)
		print_example();
	else if (json)
		return print_json(&ctx->conf);
	else
		print_all(&ctx->conf);
	return 0;
}

const struct cmd cmd_config = {"config", "", "show the settings and who made them", opts,
			       run};
