/* SPDX-License-Identifier: ISC */
/*
 * Log lines to stderr: time, level, text; control characters cleaned.
 */
#ifndef CMD_LOGLINE_H
#define CMD_LOGLINE_H

#include <stdint.h>

#include "core/log.h"

/* Lines of this level and worse. */
void logline_start(enum log_level max);

/* How many of this level there were so far, shown or not. */
uint64_t logline_count(enum log_level);

#endif
