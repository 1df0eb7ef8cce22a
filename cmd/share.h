/* SPDX-License-Identifier: ISC */
/*
 * Which local devices are shared: those that the file `bound` means, those of
 * --share, and every virtual one. Empty means none.
 */
#ifndef CMD_SHARE_H
#define CMD_SHARE_H

#include <stdbool.h>

#include "core/access.h"

#define SHARE_MAX 256

struct share {
	unsigned n;
	char word[SHARE_MAX][PATTERN_TEXT];
};

/* Reads `bound` into s (behind what is there). Errors were printed. */
int share_load(struct share *, const char *dir) MUST_CHECK;

/* One more pattern; ERR_FULL. */
int share_add(struct share *, const char *pattern) MUST_CHECK;

bool share_has(const struct share *, const struct devinfo *, bool is_virtual);

/* Adds to or removes from the file `bound`. ERR_NODEV: was not in it. */
int share_bind(const char *dir, const char *pattern) MUST_CHECK;
int share_unbind(const char *dir, const char *pattern) MUST_CHECK;

#endif
