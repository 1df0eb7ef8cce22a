/* SPDX-License-Identifier: ISC */
/*
 * Looks for the disk's name, and those of its partitions, as sources of mounts.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "vhci/mounts.h"

/* "/dev/sdb1" is of "/dev/sdb", "/dev/nvme0n1p2" of "/dev/nvme0n1". */
static bool
is_part(const char *source, const char *node, size_t n)
{
	const char *p = source + n;

	if (strncmp(source, node, n) != 0)
		return false;
	if (*p == 'p' && n > 0 && node[n - 1] >= '0' && node[n - 1] <= '9')
		p++;
	return strspn(p, "0123456789") == strlen(p);
}

static bool
is_one_of(const char *source, const char *nodes)
{
	while (*nodes != '\0') {
		size_t n = strcspn(nodes, " ");

		if (n > 5 && strncmp(nodes, "/dev/", 5) == 0 && is_part(source, nodes, n))
			return true;
		nodes += n + (nodes[n] == ' ');
	}
	return false;
}

/* "\040" is a space. */
static void
unescape(char *s)
{
	char *to = s;

	while (*s != '\0') {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + s[3] - '0');
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Words of a line: the 5th is the mount point, the 2nd behind " - " the source. */
static void
look(char *line, const char *nodes, struct text *t)
{
	char *point = NULL, *source = NULL, *rest = NULL;
	unsigned i = 0, dash = 0;
	size_t was = t->len;

	for (char *w = strtok_r(line, " \n", &rest); w != NULL;
	     w = strtok_r(NULL, " \n", &rest)) {
		i++;
		if (i == 5)
			point = w;
		else if (i > 5 && dash == 0 && strcmp(w, "-") == 0)
			dash = i;
		else if (dash > 0 && i == dash + 2)
			source = w;
	}
	if (point == NULL || source == NULL || !is_one_of(source, nodes))
		return;
	unescape(point);
	text_str(t, was > 0 ? " " : "");
	text_str(t, point);
	if (!t->full)
		return;
	t->len = was; /* none of it rather than half */
	t->buf[was] = '\0';
	t->full = false;
}

void
vhci_mounts(const char *mountinfo, const char *nodes, char *buf, size_t cap)
{
	struct text t;
	char *line = NULL;
	size_t n = 0;
	FILE *f;

	text_init(&t, buf, cap);
	if (strstr(nodes, "/dev/") == NULL || (f = fopen(mountinfo, "re")) == NULL)
		return;
	while (getline(&line, &n, f) > 0)
		look(line, nodes, &t);
	free(line);
	fclose(f);
}
