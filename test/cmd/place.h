/* SPDX-License-Identifier: ISC */
/*
 * For tests of cmd/: a state directory, and what was said on stderr.
 */
#ifndef TEST_CMD_PLACE_H
#define TEST_CMD_PLACE_H

#include <fcntl.h>
#include <unistd.h>

#include "test/test.h"

struct place {
	char dir[40];
	int err; /* the real stderr */
	char said[4096];
};

static inline void
place_path(const struct place *p, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", p->dir, name);
}

/* Makes the directory; stderr goes to a file in it. */
static inline void
place_make(struct place *p)
{
	char path[128];
	int fd;

	strcpy(p->dir, "/tmp/usbp2p-cmd-XXXXXX");
	CHECK(mkdtemp(p->dir) != NULL);
	place_path(p, "stderr", path);
	fflush(stderr);
	p->err = dup(2);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	CHECK(dup2(fd, 2) == 2);
	close(fd);
}

/* What was said since the last time. */
static inline const char *
place_said(struct place *p)
{
	ssize_t n;

	fflush(stderr);
	n = pread(2, p->said, sizeof(p->said) - 1, 0);
	p->said[n > 0 ? n : 0] = '\0';
	CHECK_EQ(ftruncate(2, 0), 0);
	return p->said;
}

/* Removes the directory; nothing was said that the test did not ask for. */
static inline void
place_end(struct place *p)
{
	char command[80];

	CHECK(strcmp(place_said(p), "") == 0);
	CHECK(dup2(p->err, 2) == 2);
	close(p->err);
	snprintf(command, sizeof(command), "rm -r %s", p->dir);
	CHECK_EQ(system(command), 0);
}

static inline void
place_write(const struct place *p, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	place_path(p, name, path);
	f = fopen(path, "w");
	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static inline bool
place_is(const struct place *p, const char *name, const char *text)
{
	char path[128], b[4096];
	size_t n = 0;
	FILE *f;

	place_path(p, name, path);
	if ((f = fopen(path, "r")) != NULL) {
		n = fread(b, 1, sizeof(b), f);
		fclose(f);
	}
	return f != NULL && n == strlen(text) && memcmp(b, text, n) == 0;
}

#endif
