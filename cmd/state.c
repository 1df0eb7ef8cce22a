/* SPDX-License-Identifier: ISC */
/*
 * Files of the state directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/state.h"

#define STATE_FILE_MAX (1 << 20)

char *
state_dir(const char *given)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char path[4096] = "";

	if (given != NULL && given[0] != '\0')
		snprintf(path, sizeof(path), "%s", given);
	else if (geteuid() == 0)
		snprintf(path, sizeof(path), "/var/lib/usbp2p");
	else if (xdg != NULL && xdg[0] == '/')
		snprintf(path, sizeof(path), "%s/usbp2p", xdg);
	else if (home != NULL && home[0] == '/')
		snprintf(path, sizeof(path), "%s/.local/state/usbp2p", home);
	return path[0] == '\0' ? NULL : strdup(path);
}

/*
 * What root makes is its directory's owner's: a service with a user of its own has to
 * read what root's commands wrote. That user might have put a link there: none is
 * followed.
 */
static void
hand_over(int fd, const char *dir)
{
	struct stat st;

	if (fd >= 0 && geteuid() == 0 && stat(dir, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

static int
make_dirs(char *path)
{
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

int
state_make(const char *dir)
{
	char path[4096];

	if (state_path(dir, "run", path, sizeof(path)) == ERR_OK &&
	    make_dirs(path) == 0) {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		hand_over(fd, dir);
		if (fd >= 0)
			close(fd);
		return ERR_OK;
	}
	cmd_fail(ERR_IO,
		 "cannot make the state directory %s: %s; give another with -s DIR", dir,
		 strerror(errno));
	return ERR_IO;
}

int
state_path(const char *dir, const char *name, char *buf, size_t cap)
{
	int n = snprintf(buf, cap, "%s/%s", dir, name);

	return n < 0 || (size_t)n >= cap ? ERR_TOOBIG : ERR_OK;
}

int
state_lock(const char *dir, const char *name, int wait)
{
	char path[4096];
	int fd;

	if (state_path(dir, name, path, sizeof(path)) != ERR_OK)
		return ERR_TOOBIG;
	if ((fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		return ERR_IO;
	hand_over(fd, dir);
	if (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) == 0)
		return fd;
	close(fd);
	return ERR_BUSY;
}

char *
state_read(const char *dir, const char *name)
{
	char path[4096], *text = NULL;
	struct stat st;
	ssize_t n = 0;
	int fd = -1;

	if (state_path(dir, name, path, sizeof(path)) == ERR_OK)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return strdup("");
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size < STATE_FILE_MAX &&
	    (text = malloc((size_t)st.st_size + 1)) != NULL &&
	    (n = read(fd, text, (size_t)st.st_size)) >= 0) {
		text[n] = '\0';
	} else {
		cmd_fail(ERR_IO, "cannot read %s: %s", path, strerror(errno));
		free(text);
		text = NULL;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* A rename is on disk when its directory is. */
static int
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int bad = fd < 0 || fsync(fd) != 0;

	if (fd >= 0)
		close(fd);
	return bad;
}

static int
replace(const char *dir, const char *name, const char *text, bool sync)
{
	char path[4096], temp[4128];
	size_t n = strlen(text);
	int fd, bad;

	if (state_path(dir, name, path, sizeof(path)) != ERR_OK)
		return ERR_IO;
	snprintf(temp, sizeof(temp), "%s.%ld.new", path, (long)getpid());
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	hand_over(fd, dir);
	bad = fd < 0 || write(fd, text, n) != (ssize_t)n || (sync && fsync(fd) != 0);
	if (fd >= 0)
		close(fd);
	if (!bad && rename(temp, path) == 0 && (!sync || sync_dir(dir) == 0))
		return ERR_OK;
	cmd_fail(ERR_IO, "cannot write %s: %s", path, strerror(errno));
	unlink(temp);
	return ERR_IO;
}

int
state_write(const char *dir, const char *name, const char *text)
{
	return replace(dir, name, text, true);
}

int
state_put(const char *dir, const char *name, const char *text)
{
	return replace(dir, name, text, false);
}

int
state_lines(char *text, int (*fn)(void *arg, unsigned number, const char *line),
	    void *arg)
{
	char *at = text, *line;
	unsigned number = 0;
	int err;

	while ((line = strsep(&at, "\n")) != NULL)
		if ((err = fn(arg, ++number, line)) != ERR_OK)
			return err;
	return ERR_OK;
}
