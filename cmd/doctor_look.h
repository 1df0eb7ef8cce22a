/* SPDX-License-Identifier: ISC */
/*
 * How the checks of doctor look at files: names are those of the machine that is
 * examined, which lies below doctor_world.root. What a file means it does not know.
 */
#ifndef CMD_DOCTOR_LOOK_H
#define CMD_DOCTOR_LOOK_H

#include <limits.h>

#include "cmd/doctor.h"

/* Where the file of this name really is. */
void doctor_place(const struct doctor *, char path[PATH_MAX], const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

bool doctor_there(const struct doctor *, const char *name);

/* The whole text, from malloc; NULL: it cannot be read. */
char *doctor_text(const struct doctor *, const char *name);

/* A number that is the whole file; false: it is none, or there is no file. */
bool doctor_number(const struct doctor *, const char *name, uint64_t *v);

/* Whether the file says so anywhere. */
bool doctor_has(const struct doctor *, const char *name, const char *word);

/*
 * Whether a file whose name has this part lies in one of the folders (NULL ends them)
 * and says so.
 */
bool doctor_any_says(const struct doctor *, const char *const *folder, const char *part,
		     const char *word);

#endif
