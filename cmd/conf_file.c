/* SPDX-License-Identifier: ISC */
/*
 * Configuration files, by inih. Lines are read here, so that their numbers are known
 * and none is cut; a line that begins with a space goes on with the value before it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "cmd/conf.h"
#include "core/text.h"

#define SYSTEM_FILE "/etc/usbp2p/usbp2p.conf"
#define INI_NAME    49 /* characters that inih keeps of a section's name */

struct reading {
	struct conf *conf;
	const char *path;
	FILE *f;
	unsigned line;
	bool goes_on; /* the line belongs to the one before */

	/* The value that is being collected. */
	char section[CONF_WORD], key[CONF_WORD], value[CONF_VALUE];
	unsigned at; /* its line; 0: none */

	int err;
	char why[400];
};

/* The first one counts. */
static void
complain(struct reading *r, int err, unsigned line, const char *what)
{
	if (r->err != ERR_OK)
		return;
	r->err = err;
	snprintf(r->why, sizeof(r->why), "%s:%u: %s", r->path, line, what);
}

static bool
stands_twice(const struct reading *r, char *what, size_t cap)
{
	size_t n = strlen(r->path);
	char name[ACCESS_NAME] = "";
	const char *space = strchr(r->section, ' ');

	if (space != NULL)
		text_copy(name, sizeof(name), space + strspn(space, " "));
	for (unsigned i = 0; i < r->conf->made_n; i++) {
		const struct conf_made *m = &r->conf->made[i];
		size_t kind = strcspn(r->section, " ");

		if (strcmp(strrchr(m->key->name, '.') + 1, r->key) != 0 ||
		    strncmp(m->key->name, r->section, kind) != 0 ||
		    strchr(" .", m->key->name[kind]) == NULL ||
		    strcmp(m->name, name) != 0 || strncmp(m->from, r->path, n) != 0 ||
		    m->from[n] != ':')
			continue;
		snprintf(what, cap, "\"%s\" stands in line %s already", r->key,
			 m->from + n + 1);
		return true;
	}
	return false;
}

/* The value is complete. */
static void
end_value(struct reading *r)
{
	char from[CONF_WORD], why[300];
	unsigned at = r->at;

	r->at = 0;
	if (at == 0 || r->err != ERR_OK)
		return;
	snprintf(from, sizeof(from), "%.200s:%u", r->path, at);
	if (stands_twice(r, why, sizeof(why)) ||
	    conf_put(r->conf, r->section, r->key, r->value, from, why, sizeof(why)) !=
		ERR_OK)
		complain(r, ERR_USAGE, at, why);
}

static int
on_value(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	size_t n = strlen(r->value);

	if (r->goes_on && r->at != 0 && strcmp(section, r->section) == 0 &&
	    strcmp(key, r->key) == 0) {
		if (n + 1 + strlen(value) >= sizeof(r->value))
			complain(r, ERR_USAGE, r->line, "the value is too long");
		else
			snprintf(r->value + n, sizeof(r->value) - n, "%s%s",
				 n > 0 ? "\n" : "", value);
		return 1;
	}
	end_value(r);
	if (section[0] == '\0')
		complain(r, ERR_USAGE, r->line, "a [SECTION] has to stand before it");
	r->at = r->line;
	text_copy(r->section, sizeof(r->section), section);
	text_copy(r->key, sizeof(r->key), key);
	text_copy(r->value, sizeof(r->value), value);
	return 1;
}

/* As fgets, but what does not fit into inih's line is told, not cut. */
static char *
on_line(char *buf, int cap, void *arg)
{
	struct reading *r = arg;
	char why[80];
	size_t n;

	if (r->err != ERR_OK || fgets(buf, cap, r->f) == NULL)
		return NULL;
	r->line++;
	n = strlen(buf);
	if (n > 0 && buf[n - 1] != '\n' && !feof(r->f)) {
		snprintf(why, sizeof(why),
			 "the line is longer than %d: go on in the next, indented",
			 cap - 2);
		complain(r, ERR_USAGE, r->line, why);
		return NULL;
	}
	if (buf[0] == '[' && (strchr(buf, ']') == NULL || strcspn(buf, "]") > INI_NAME)) {
		complain(r, ERR_USAGE, r->line,
			 strchr(buf, ']') != NULL ? "the name of the section is too long"
						  : "a ] is missing");
		return NULL;
	}
	r->goes_on = buf[0] == ' ' || buf[0] == '\t';
	return buf;
}

static int
read_file(struct conf *c, const char *path, bool must, char *why, size_t cap)
{
	struct reading *r;
	int line, err;
	FILE *f = fopen(path, "re");

	if (f == NULL && !must &&
	    (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return ERR_OK;
	if (f == NULL || (r = calloc(1, sizeof(*r))) == NULL) {
		snprintf(why, cap, "cannot read %s: %s", path, strerror(errno));
		if (f != NULL)
			fclose(f);
		return ERR_IO;
	}
	r->conf = c;
	r->path = path;
	r->f = f;
	line = ini_parse_stream(on_line, r, on_value, r);
	if (line > 0)
		complain(r, ERR_USAGE, (unsigned)line,
			 "neither [SECTION] nor KEY = VALUE");
	end_value(r);
	if (ferror(f) || line < 0)
		complain(r, ERR_IO, r->line, "cannot be read");
	if ((err = r->err) != ERR_OK)
		text_copy(why, cap, r->why);
	fclose(f);
	free(r);
	return err;
}

/* A user's own; root has the system's. */
static bool
user_file(char *path, size_t cap)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;

	if (geteuid() == 0)
		return false;
	if (xdg != NULL && xdg[0] == '/')
		n = snprintf(path, cap, "%s/usbp2p/usbp2p.conf", xdg);
	else if (home != NULL && home[0] == '/')
		n = snprintf(path, cap, "%s/.config/usbp2p/usbp2p.conf", home);
	return n > 0 && (size_t)n < cap;
}

int
conf_load(struct conf *c, const struct conf_sources *s, char *why, size_t cap)
{
	char path[4096];
	int err = ERR_OK;

	if (s->file != NULL)
		err = read_file(c, s->file, true, why, cap);
	else if ((err = read_file(c, SYSTEM_FILE, false, why, cap)) == ERR_OK &&
		 user_file(path, sizeof(path)))
		err = read_file(c, path, false, why, cap);
	for (unsigned i = 0; i < s->n && err == ERR_OK; i++)
		err = conf_set(c, s->option[i], why, cap);
	return err;
}
