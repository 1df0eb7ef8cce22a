/* SPDX-License-Identifier: ISC */
/*
 * Log lines to stderr: time, level, text; control characters cleaned.
 */
#ifndef CMD_LOGLINE_H
#define CMD_LOGLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/log.h"

/*
 * Lines of this level and worse; with the level in front as the journal reads it, and
 * without the time that it knows, if it is meant for the journal.
 */
void logline_start(enum log_level max, bool journal);

/* Whether the journal reads our stderr (sd-daemon(3), JOURNAL_STREAM). */
bool logline_in_journal(void);

/* How many of this level there were so far, shown or not. */
uint64_t logline_count(enum log_level);

#endif
