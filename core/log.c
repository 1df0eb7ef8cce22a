/* SPDX-License-Identifier: ISC */
/*
 * Hands log lines to the sink that the outside registered.
 */
#include <stddef.h>

#include "core/log.h"

/* The one variable of core/: where lines go. Set once, at start. */
static log_sink *log_out;

void
log_to(log_sink *sink)
{
	log_out = sink;
}

#define LOG_BODY(level, fmt)     \
	va_list ap;              \
                                 \
	if (log_out == NULL)     \
		return;          \
	va_start(ap, fmt);       \
	log_out(level, fmt, ap); \
	va_end(ap)

void
log_error(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_ERROR, fmt);
}

void
log_warn(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_WARN, fmt);
}

void
log_info(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_INFO, fmt);
}

void
log_debug(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_DEBUG, fmt);
}
