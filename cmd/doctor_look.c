/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/doctor_look.h"
#include "core/text.h"

#define TEXT_MAX (4 << 20) /* modules.dep is half a megabyte */

void
doctor_place(const struct doctor *d, char path[PATH_MAX], const char *fmt, ...)
{
	int n = snprintf(path, PATH_MAX, "%s", d->w->root);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, PATH_MAX - (size_t)n, fmt, ap);
	va_end(ap);
}

bool
doctor_there(const struct doctor *d, const char *name)
{
	char path[PATH_MAX];

	doctor_place(d, path, "%s", name);
	return access(path, F_OK) == 0;
}

char *
doctor_text(const struct doctor *d, const char *name)
{
	char path[PATH_MAX], *text = malloc(TEXT_MAX);
	size_t n;
	FILE *f;

	doctor_place(d, path, "%s", name);
	if ((f = fopen(path, "re")) == NULL || text == NULL) {
		free(text);
		text = NULL;
	} else {
		n = fread(text, 1, TEXT_MAX - 1, f);
		text[n] = '\0';
	}
	if (f != NULL)
		fclose(f);
	return text;
}

bool
doctor_number(const struct doctor *d, const char *name, uint64_t *v)
{
	char *text = doctor_text(d, name);
	bool ok = text != NULL;

	if (ok) {
		text[strcspn(text, "\n")] = '\0';
		ok = text_to_u64(text, UINT64_MAX, v);
	}
	free(text);
	return ok;
}

bool
doctor_has(const struct doctor *d, const char *name, const char *word)
{
	char *text = doctor_text(d, name);
	bool found = text != NULL && strstr(text, word) != NULL;

	free(text);
	return found;
}

bool
doctor_any_says(const struct doctor *d, const char *const *folder, const char *part,
		const char *word)
{
	char path[PATH_MAX], name[PATH_MAX];
	bool found = false;
	struct dirent *e;
	DIR *dir;

	for (; *folder != NULL && !found; folder++) {
		doctor_place(d, path, "%s", *folder);
		if ((dir = opendir(path)) == NULL)
			continue;
		while (!found && (e = readdir(dir)) != NULL) {
			if (strstr(e->d_name, part) == NULL)
				continue;
			snprintf(name, sizeof(name), "%s/%s", *folder, e->d_name);
			found = doctor_has(d, name, word);
		}
		closedir(dir);
	}
	return found;
}
