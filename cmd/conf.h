/* SPDX-License-Identifier: ISC */
/*
 * Settings by SECTION.KEY: one table feeds -o (and later the file).
 */
#ifndef CMD_CONF_H
#define CMD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct conf {
	bool link_cubic;
	bool link_slow;    /* not net/twin */
	uint16_t link_mtu; /* 0: find it out */
	uint16_t port_min, port_max;
	bool serve_attached;
	bool serve_lan;
	char serve_name[64];
};

struct conf_key {
	const char *name; /* "link.cc" */
	const char *form; /* "bbr|cubic" */
	const char *what;
	bool (*set)(struct conf *, const char *value);
};

extern const struct conf_key conf_keys[]; /* name NULL ends it */

void conf_init(struct conf *);

/* "link.cc=cubic". ERR_USAGE: why names the key or the value. */
int conf_set(struct conf *, const char *setting, char *why, size_t cap) MUST_CHECK;

#endif
