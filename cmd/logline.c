/* SPDX-License-Identifier: ISC */
/*
 * The sink of core/log for a command.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/logline.h"
#include "core/log.h"
#include "core/text.h"

/* How much is shown; set once at start, read by the sink alone. */
static enum log_level logline_max;
static uint64_t logline_counts[LOG_LEVEL_DEBUG + 1]; /* by level; the sink's, too */

static bool logline_journal;

static void
put_time(char *when, size_t cap)
{
	struct timespec now;
	struct tm tm;
	size_t n = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) != NULL)
		n = strftime(when, cap, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + n, cap - n, ".%03ldZ ", now.tv_nsec / 1000000);
}

static void
sink(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};
	static const char journal[] = "3467"; /* syslog(3) */
	char line[1024], front[40];
	int keep = errno;

	logline_counts[level]++;
	if (level > logline_max)
		return;
	if (logline_journal)
		snprintf(front, sizeof(front), "<%c>", journal[level]);
	else
		put_time(front, sizeof(front));
	vsnprintf(line, sizeof(line), fmt, ap);
	text_clean(line);
	fprintf(stderr, "%s%s: %s\n", front, name[level], line);
	errno = keep;
}

uint64_t
logline_count(enum log_level level)
{
	return logline_counts[level];
}

void
logline_start(enum log_level max, bool journal)
{
	logline_max = max;
	logline_journal = journal;
	log_to(sink);
}

bool
logline_in_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}
