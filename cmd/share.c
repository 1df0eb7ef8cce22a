/* SPDX-License-Identifier: ISC */
/*
 * The file `bound`: one device pattern a line.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/share.h"
#include "cmd/state.h"
#include "core/text.h"

#define SHARE_FILE "bound"

int
share_add(struct share *s, const char *pattern)
{
	if (s->n == SHARE_MAX)
		return ERR_FULL;
	if (!text_copy(s->word[s->n], sizeof(s->word[0]), pattern))
		return ERR_USAGE;
	s->n++;
	return ERR_OK;
}

static int
read_line(void *arg, unsigned number, const char *line)
{
	if (line[0] == '\0' || line[0] == '#')
		return ERR_OK;
	if (pattern_check(line) == ERR_OK)
		return share_add(arg, line);
	cmd_fail(ERR_USAGE, "%s line %u is no device: mend or remove it", SHARE_FILE,
		 number);
	return ERR_USAGE;
}

int
share_load(struct share *s, const char *dir)
{
	char *text = state_read(dir, SHARE_FILE);
	int err;

	if (text == NULL)
		return ERR_IO;
	err = state_lines(text, read_line, s);
	free(text);
	return err;
}

bool
share_has(const struct share *s, const struct devinfo *info, bool is_virtual)
{
	const char *word[SHARE_MAX];

	for (unsigned i = 0; i < s->n; i++)
		word[i] = s->word[i];
	return is_virtual || pattern_list(word, s->n, info);
}

static int
save(const struct share *s, const char *dir)
{
	char text[SHARE_MAX * (PATTERN_TEXT + 1) + 1];
	struct text t;

	text_init(&t, text, sizeof(text));
	for (unsigned i = 0; i < s->n; i++) {
		text_str(&t, s->word[i]);
		text_char(&t, '\n');
	}
	return state_write(dir, SHARE_FILE, text);
}

static int
change(const char *dir, const char *pattern, bool add)
{
	struct share s = {.n = 0};
	int err, lock = state_lock(dir, "lock", 1);
	unsigned at = 0;

	if (lock < 0)
		return lock;
	if ((err = share_load(&s, dir)) == ERR_OK) {
		while (at < s.n && strcmp(s.word[at], pattern) != 0)
			at++;
		if (at == s.n && add) {
			err = share_add(&s, pattern);
		} else if (at == s.n) {
			err = ERR_NODEV;
		} else if (!add) {
			memmove(s.word[at], s.word[at + 1],
				(s.n - at - 1) * sizeof(s.word[0]));
			s.n--;
		}
		if (err == ERR_OK)
			err = save(&s, dir);
	}
	close(lock);
	return err;
}

int
share_bind(const char *dir, const char *pattern)
{
	return change(dir, pattern, true);
}

int
share_unbind(const char *dir, const char *pattern)
{
	return change(dir, pattern, false);
}
