/* SPDX-License-Identifier: ISC */
/*
 * Which local devices are shared, and how: those that the file `bound` means,
 * those of --share, and every virtual one. Empty means none.
 */
#ifndef CMD_SHARE_H
#define CMD_SHARE_H

#include <stdbool.h>

#include "core/access.h"

#define SHARE_MAX 256

struct usb_bus;

/* One line of the file: "[as=NICK ][keep=local ][mode=MODE[,MODE] ]PATTERN". */
struct share_row {
	char word[PATTERN_TEXT];
	char nick[DEVINFO_NICK];      /* "": none */
	bool part, queued, read_only; /* devinfo */
};

struct share {
	unsigned n;
	struct share_row row[SHARE_MAX];
};

/* Reads `bound` into s (behind what is there). Errors were printed. */
int share_load(struct share *, const char *dir) MUST_CHECK;

/*
 * One more row; ERR_FULL. ERR_USAGE: no pattern, no nickname, or one of a negated
 * pattern. ERR_BUSY: another row has the nickname.
 */
int share_add(struct share *, const struct share_row *) MUST_CHECK;

bool share_has(const struct share *, const struct devinfo *, bool is_virtual);

/* "exclusive", "queued", "readonly" or "queued,readonly"; false: none of them. */
bool share_read_mode(struct share_row *, const char *);
const char *share_mode(bool queued, bool read_only);

/*
 * Sets nick, part, queued and read_only of every device on the bus. A nickname is of one
 * device: of several that are plugged in, the one that has it keeps it, else the first
 * gets it.
 */
void share_mark(const struct share *, struct usb_bus *);

/*
 * What a word of a grant means for this device: one that is a nickname becomes the
 * busid of the device that has it, or of none; then it is no text.
 */
void share_resolve(const struct share *, char word[PATTERN_TEXT], const struct devinfo *);

/*
 * Adds to the file `bound`, or replaces what it says of the same pattern; as
 * share_add. Removes the row with this nickname, or with this pattern; ERR_NODEV:
 * there is none.
 */
int share_bind(const char *dir, const struct share_row *) MUST_CHECK;
int share_unbind(const char *dir, const char *word) MUST_CHECK;

#endif
