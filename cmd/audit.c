/* SPDX-License-Identifier: ISC */
/*
 * The file of the audit, or the log. A line is one write to a file that is open for
 * appending, so that a reader, or another serve, never sees half of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/audit.h"
#include "cmd/report.h"
#include "core/b32.h"
#include "core/log.h"
#include "core/text.h"

#define AUDIT_LINE 2048

/* One process has one audit, as it has one log. */
static struct {
	int fd; /* of the file, or -1 */
	bool log;
	char path[CONF_WORD];
	uint64_t size, max;
	unsigned keep;
} audit_to = {.fd = -1};

static int
open_file(void)
{
	struct stat st;

	audit_to.fd = open(audit_to.path,
			   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (audit_to.fd < 0 || fstat(audit_to.fd, &st) != 0) {
		log_error("audit cannot be written to %s reason=\"%s\"", audit_to.path,
			  strerror(errno));
		audit_end();
		return ERR_IO;
	}
	audit_to.size = (uint64_t)st.st_size;
	return ERR_OK;
}

void
audit_end(void)
{
	if (audit_to.fd >= 0)
		close(audit_to.fd);
	audit_to.fd = -1;
	audit_to.log = false;
}

int
audit_start(const struct conf *c)
{
	audit_end();
	audit_to.max = c->audit_size;
	audit_to.keep = c->audit_keep;
	audit_to.log = strcmp(c->audit_to, "log") == 0;
	if (c->audit_to[0] != '/')
		return ERR_OK;
	text_copy(audit_to.path, sizeof(audit_to.path), c->audit_to);
	return open_file();
}

/* FILE.2 becomes FILE.3, FILE.1 FILE.2, FILE FILE.1; the last one goes. */
static void
rotate(void)
{
	char from[CONF_WORD + 16], to[CONF_WORD + 16];

	for (unsigned i = audit_to.keep; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%u", audit_to.path, i);
		snprintf(from, sizeof(from), "%s.%u", audit_to.path, i - 1);
		if (rename(i == 1 ? audit_to.path : from, to) != 0 && errno != ENOENT)
			log_error("audit cannot be rotated reason=\"%s\"",
				  strerror(errno));
	}
	if (audit_to.keep == 0)
		unlink(audit_to.path);
	close(audit_to.fd);
	audit_to.fd = -1;
	if (open_file() != ERR_OK)
		log_error("audit ends here");
}

static void
put(struct json *j, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		json_str(j, key, value);
}

static void
make_line(struct json *j, const struct audit *a)
{
	char when[100], id[PEERID_TEXT];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	snprintf(when, sizeof(when), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		 tm.tm_sec, now.tv_nsec / 1000000);
	report_open(j, "audit");
	json_str(j, "time", when);
	json_str(j, "event", a->event);
	put(j, "peer", a->peer);
	if (a->id != NULL) {
		peerid_text(a->id, id);
		json_str(j, "id", id);
	}
	put(j, "device", a->device);
	put(j, "device_id", a->vid_pid);
	put(j, "serial", a->serial);
	put(j, "reason", a->why);
	json_close(j);
}

static void
append(const char *line, size_t n)
{
	if (audit_to.size > 0 && audit_to.size + n > audit_to.max)
		rotate();
	if (audit_to.fd < 0)
		return;
	if (write(audit_to.fd, line, n) == (ssize_t)n)
		audit_to.size += n;
	else
		log_error("audit lost a line reason=\"%s\"", strerror(errno));
}

void
audit(const struct audit *a)
{
	char line[AUDIT_LINE];
	struct json j;

	if (audit_to.fd < 0 && !audit_to.log)
		return;
	json_init(&j, line, sizeof(line) - 1);
	make_line(&j, a);
	if (audit_to.log)
		log_info("audit %s", line);
	if (audit_to.fd < 0)
		return;
	line[j.t.len] = '\n';
	append(line, j.t.len + 1);
}
