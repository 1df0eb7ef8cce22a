/* SPDX-License-Identifier: ISC */
/*
 * The control sockets of a state directory, for commands that ask them.
 */
#ifndef CMD_SOCKETS_H
#define CMD_SOCKETS_H

#include <stddef.h>

#include "core/err.h"

#define SOCKETS_MAX 64

struct sockets {
	unsigned n;
	char path[SOCKETS_MAX][108];
};

/* Those in dir/run whose name begins so ("attach-", "serve", ""). */
void sockets_find(struct sockets *, const char *dir, const char *prefix);

/*
 * Asks one; its answer's first line goes into buf. ERR_NODEV: nobody serves
 * there any more.
 */
int sockets_ask(const char *path, const char *request, unsigned timeout_ms, char *buf,
		size_t cap) MUST_CHECK;

/* A serve that runs reads the files of who may use what again; says if it does not. */
void sockets_reload(const char *dir);

#endif
