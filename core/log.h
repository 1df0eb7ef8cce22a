/* SPDX-License-Identifier: ISC */
/*
 * One event, one line: `<what> <id> <event> key=value ... reason=...`.
 * core/ does not format: the line goes to one registered sink with a va_list
 * (printf's conversions). Nothing logs payload, keys or passwords. Strings
 * that came from a peer or a device go through text_clean first.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdarg.h>

enum log_level {
	LOG_LEVEL_ERROR, /* someone must act */
	LOG_LEVEL_WARN,  /* a peer or device misbehaved */
	LOG_LEVEL_INFO,  /* state changes a user would tell a friend */
	LOG_LEVEL_DEBUG,
};

typedef void log_sink(enum log_level, const char *fmt, va_list);

/* NULL: nothing is logged (the state at start). */
void log_to(log_sink *);

#if defined(__GNUC__)
#define LOG_PRINTF __attribute__((format(printf, 1, 2)))
#else
#define LOG_PRINTF
#endif

void log_error(const char *fmt, ...) LOG_PRINTF;
void log_warn(const char *fmt, ...) LOG_PRINTF;
void log_info(const char *fmt, ...) LOG_PRINTF;
void log_debug(const char *fmt, ...) LOG_PRINTF;

#endif
