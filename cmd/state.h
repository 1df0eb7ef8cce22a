/* SPDX-License-Identifier: ISC */
/*
 * The state directory: small text files, written by rename under a lock, and
 * run/ with the control sockets. Different directories are different peers.
 */
#ifndef CMD_STATE_H
#define CMD_STATE_H

#include <stddef.h>

#include "core/err.h"

/*
 * The directory's path, from malloc: the given one, else /var/lib/usbp2p for
 * root, else $XDG_STATE_HOME/usbp2p or ~/.local/state/usbp2p. NULL: no HOME.
 */
char *state_dir(const char *given);

/* Makes it and run/ (0700) if they are not there. ERR_IO was printed. */
int state_make(const char *dir) MUST_CHECK;

/* dir/name into buf; ERR_TOOBIG. */
int state_path(const char *dir, const char *name, char *buf, size_t cap) MUST_CHECK;

/*
 * Takes the lock file dir/name; the fd holds it until closed. ERR_BUSY when
 * somebody has it and wait is 0. Returned fds are >= 0.
 */
int state_lock(const char *dir, const char *name, int wait) MUST_CHECK;

/* The whole file from malloc, "" if there is none; NULL: cannot be read (was printed). */
char *state_read(const char *dir, const char *name);

/* Replaces the file, on disk when this returns. ERR_IO was printed. */
int state_write(const char *dir, const char *name, const char *text) MUST_CHECK;

/* The same, but a crash of the machine may undo it: for what a boot undoes, too. */
int state_put(const char *dir, const char *name, const char *text) MUST_CHECK;

/* Calls fn for each line; stops at its first error and returns that. */
int state_lines(char *text, int (*fn)(void *arg, unsigned number, const char *line),
		void *arg) MUST_CHECK;

#endif
