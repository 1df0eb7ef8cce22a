/* SPDX-License-Identifier: ISC */
/*
 * Log lines to stderr: time, level, text; control characters cleaned.
 */
#ifndef CMD_LOGLINE_H
#define CMD_LOGLINE_H

#include "core/log.h"

/* Lines of this level and worse. */
void logline_start(enum log_level max);

#endif
