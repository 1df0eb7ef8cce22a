/* SPDX-License-Identifier: ISC */
/*
 * Another command of usbp2p, run beside the loop: its exit code and what it printed.
 */
#ifndef CMD_CHILD_H
#define CMD_CHILD_H

#include <stddef.h>

#include "core/err.h"

#define CHILD_OUT 262144 /* bytes of stdout and of stderr that are kept */

struct event_base;
struct child;

/* out and err are texts that end in NUL; freed when it returns, with the child. */
typedef void child_fn(void *arg, int code, const char *out, const char *err);

/*
 * argv ends in NULL; argv[0] is the program's path. input: what its stdin has, less than
 * a pipe holds (4096 bytes). NULL: it could not be started.
 */
struct child *child_run(struct event_base *, char *const *argv, const char *input,
			child_fn *, void *arg);

/* Ends it, by SIGTERM, and forgets it: no call any more. */
void child_free(struct child *);

/* Forgets it, and lets it go on. */
void child_leave(struct child *);

#endif
