/* SPDX-License-Identifier: ISC */
/*
 * The sink of core/log for a command.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cmd/logline.h"
#include "core/log.h"
#include "core/text.h"

/* How much is shown; set once at start, read by the sink alone. */
static enum log_level logline_max;
static uint64_t logline_counts[LOG_LEVEL_DEBUG + 1]; /* by level; the sink's, too */

static void
sink(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};
	char line[1024], when[32] = "";
	int keep = errno;
	struct timespec now;
	struct tm tm;

	logline_counts[level]++;
	if (level > logline_max)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	vsnprintf(line, sizeof(line), fmt, ap);
	text_clean(line);
	fprintf(stderr, "%s.%03ldZ %s: %s\n", when, now.tv_nsec / 1000000, name[level],
		line);
	errno = keep;
}

uint64_t
logline_count(enum log_level level)
{
	return logline_counts[level];
}

void
logline_start(enum log_level max)
{
	logline_max = max;
	log_to(sink);
}
