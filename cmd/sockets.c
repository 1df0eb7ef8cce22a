/* SPDX-License-Identifier: ISC */
/*
 * Finding and asking control sockets.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/sockets.h"
#include "cmd/state.h"
#include "net/ctl.h"

#define RELOAD_TIMEOUT_MS 5000

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

void
sockets_find(struct sockets *s, const char *dir, const char *prefix)
{
	char run[4096];
	struct dirent *e;
	DIR *d = NULL;

	s->n = 0;
	if (state_path(dir, "run", run, sizeof(run)) == ERR_OK)
		d = opendir(run);
	while (d != NULL && s->n < SOCKETS_MAX && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		int len;

		if (n < 5 || strcmp(e->d_name + n - 5, ".sock") != 0 ||
		    strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		len =
		    snprintf(s->path[s->n], sizeof(s->path[0]), "%s/%s", run, e->d_name);
		if (len > 0 && (size_t)len < sizeof(s->path[0]))
			s->n++;
	}
	if (d != NULL)
		closedir(d);
	qsort(s->path, s->n, sizeof(s->path[0]), by_name);
}

struct answer {
	char *buf;
	size_t cap;
	bool have;
};

static int
on_line(void *arg, const char *line, size_t n)
{
	struct answer *a = arg;

	if (a->have)
		return ERR_OK;
	if (n >= a->cap)
		return ERR_TOOBIG;
	memcpy(a->buf, line, n);
	a->buf[n] = '\0';
	a->have = true;
	return ERR_OK;
}

int
sockets_ask(const char *path, const char *request, unsigned timeout_ms, char *buf,
	    size_t cap)
{
	struct answer a = {buf, cap, false};
	int err = ctl_call(path, request, timeout_ms, on_line, &a);

	return err == ERR_OK && !a.have ? ERR_CLOSED : err;
}

void
sockets_reload(const char *dir)
{
	char path[4096], answer[512];

	if (state_path(dir, "run/serve.sock", path, sizeof(path)) == ERR_OK &&
	    sockets_ask(path, "{\"cmd\":\"reload\"}", RELOAD_TIMEOUT_MS, answer,
			sizeof(answer)) == ERR_TIMEOUT)
		fprintf(stderr, "usbp2p: serve does not answer; it will see the change "
				"when it restarts\n");
}
