/* SPDX-License-Identifier: ISC */
/*
 * Who may use this server's devices, and which servers this machine knows: the
 * rows of the text file `peers`, one a line, read and written here, kept by cmd/.
 *
 *	client ID NAME [PATTERN]...		may use our bound devices
 *	server ID NAME ADDR [ADDR]...		a server we know
 *
 * Words are separated by spaces; space, tab, '%' and controls in a word are %XX.
 */
#ifndef CORE_ACCESS_H
#define CORE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/b32.h"
#include "core/devinfo.h"
#include "core/err.h"
#include "core/pattern.h"

#define ACCESS_NAME  64
#define ACCESS_WORDS 16

enum access_kind { ACCESS_CLIENT, ACCESS_SERVER };

struct access_row {
	enum access_kind kind;
	uint8_t id[PEERID];
	char name[ACCESS_NAME];
	unsigned words; /* patterns or addresses */
	char word[ACCESS_WORDS][PATTERN_TEXT];
};

/* Characters, with NUL, that any line has room in. */
#define ACCESS_LINE (16 + PEERID_TEXT + ACCESS_NAME + ACCESS_WORDS * 3 * PATTERN_TEXT)

/*
 * One line without its newline. ERR_USAGE: not understood (patterns are checked,
 * addresses are not). Empty and # lines: ERR_NODEV.
 */
int access_read(const char *line, struct access_row *) MUST_CHECK;

/* ERR_TOOBIG: cap is too small; ERR_USAGE: access_read would not take it. */
int access_write(const struct access_row *, char *line, size_t cap) MUST_CHECK;

/*
 * A name for a peer: 1..63 letters, digits, '-', '_', '.', not beginning with
 * '-' or '.', not all digits, not like a ticket or a peer id.
 */
bool access_name_ok(const char *name);

/* Makes one of what a stranger calls itself; "peer" if nothing is left. */
void access_name_clean(char name[ACCESS_NAME]);

/* Whether this client may use this (bound) device: no pattern means all. */
bool access_allows(const struct access_row *, const struct devinfo *);

/* One word in and out of the file's form; false: does not fit, or a bad %XX. */
bool access_escape(const char *word, char *out, size_t cap);
bool access_unescape(const char *in, size_t n, char *out, size_t cap);

#endif
