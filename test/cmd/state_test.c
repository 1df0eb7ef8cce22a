/* SPDX-License-Identifier: ISC */
/* link: cmd core */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cmd/state.h"
#include "test/cmd/place.h"

static unsigned
mode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static bool
dir_is(const char *given, const char *want)
{
	char *d = state_dir(given);
	bool same = want == NULL ? d == NULL : d != NULL && strcmp(d, want) == 0;

	free(d);
	return same;
}

static void
which_directory(void)
{
	int status = 1;

	CHECK(dir_is("/x/y", "/x/y"));
	CHECK(geteuid() != 0 || dir_is("", "/var/lib/usbp2p"));
	fflush(stdout);
	if (fork() == 0) {
		CHECK(geteuid() != 0 || setuid(65534) == 0);
		setenv("HOME", "/home/anna", 1);
		setenv("XDG_STATE_HOME", "/xdg", 1);
		CHECK(dir_is(NULL, "/xdg/usbp2p"));
		setenv("XDG_STATE_HOME", "relative", 1);
		CHECK(dir_is(NULL, "/home/anna/.local/state/usbp2p"));
		unsetenv("HOME");
		CHECK(dir_is(NULL, NULL));
		fflush(stdout);
		_exit(test_failed);
	}
	wait(&status);
	CHECK_EQ(status, 0);
}

/* Root's files in the directory of a service's user are that user's. */
static void
hands_over(void)
{
	static const char *const name[] = {"run", "bound", "lock"};
	struct place p;
	struct stat st;
	char path[128];
	int fd;

	if (geteuid() != 0)
		return;
	place_make(&p);
	place_path(&p, "s", path);
	CHECK_EQ(mkdir(path, 0700), 0);
	CHECK_EQ(chown(path, 3, 4), 0);
	CHECK_EQ(state_make(path), ERR_OK);
	CHECK_EQ(state_write(path, "bound", "1-1\n"), ERR_OK);
	CHECK((fd = state_lock(path, "lock", 0)) >= 0);
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(name); i++) {
		char file[200];

		snprintf(file, sizeof(file), "%s/%s", path, name[i]);
		CHECK_EQ(stat(file, &st), 0);
		CHECK_EQ(st.st_uid, 3);
		CHECK_EQ(st.st_gid, 4);
	}
	place_end(&p);
}

/* A lock that is a link to another's file is not followed. */
static void
follows_no_link(void)
{
	struct place p;
	char path[128];

	place_make(&p);
	place_path(&p, "lock", path);
	CHECK_EQ(symlink("/nonexistent/file", path), 0);
	CHECK_EQ(state_lock(p.dir, "lock", 0), ERR_IO);
	place_end(&p);
}

static void
makes_private_directories(void)
{
	struct place p;
	char path[128];

	place_make(&p);
	place_path(&p, "a/b/c", path);
	CHECK_EQ(state_make(path), ERR_OK);
	CHECK_EQ(mode(path), 0700);
	place_path(&p, "a/b/c/run", path);
	CHECK_EQ(mode(path), 0700);
	place_path(&p, "a/b/c", path);
	CHECK_EQ(state_make(path), ERR_OK);
	CHECK_EQ(state_make("/dev/null/x"), ERR_IO);
	CHECK(strstr(place_said(&p), "cannot make the state directory /dev/null/x: Not a "
				     "directory") != NULL);
	place_end(&p);
}

static void
reads_what_was_written(void)
{
	struct place p;
	char path[128], *text;

	place_make(&p);
	CHECK(strcmp(text = state_read(p.dir, "file"), "") == 0);
	free(text);
	CHECK_EQ(state_write(p.dir, "file", "one\ntwo\n"), ERR_OK);
	CHECK_EQ(state_write(p.dir, "file", "three\n"), ERR_OK);
	CHECK(strcmp(text = state_read(p.dir, "file"), "three\n") == 0);
	free(text);
	place_path(&p, "file", path);
	CHECK_EQ(mode(path), 0600);
	place_end(&p);
}

static void
says_what_cannot_be_done(void)
{
	struct place p;
	char path[128], *big;

	place_make(&p);
	place_path(&p, "dir", path);
	CHECK_EQ(mkdir(path, 0700), 0);
	CHECK(state_read(p.dir, "dir") == NULL);
	CHECK(strstr(place_said(&p), "cannot read ") != NULL);
	CHECK_EQ(state_write(p.dir, "dir", "x"), ERR_IO);
	CHECK(strstr(place_said(&p), "cannot write ") != NULL);
	CHECK_EQ(state_write(p.dir, "no/file", "x"), ERR_IO);
	CHECK(strstr(place_said(&p), "No such file") != NULL);

	big = malloc((1 << 20) + 2);
	memset(big, 'x', (1 << 20) + 1);
	big[(1 << 20) + 1] = '\0';
	CHECK_EQ(state_write(p.dir, "big", big), ERR_OK);
	CHECK(state_read(p.dir, "big") == NULL);
	CHECK(strstr(place_said(&p), "cannot read ") != NULL);
	free(big);
	place_end(&p);
}

/* A reader sees the old file or the new one, never a part. */
static void
written_as_a_whole(void)
{
	static char a[65536], b[65536];
	struct place p;
	int status;
	pid_t pid;

	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'b', sizeof(b) - 1);
	place_make(&p);
	CHECK_EQ(state_write(p.dir, "file", a), ERR_OK);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		for (int i = 0; i < 100; i++)
			if (state_write(p.dir, "file", i % 2 == 0 ? b : a) != ERR_OK)
				_exit(1);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		char *text = state_read(p.dir, "file");

		CHECK(strcmp(text, a) == 0 || strcmp(text, b) == 0);
		free(text);
	}
	CHECK_EQ(status, 0);
	place_end(&p);
}

static void
one_holds_the_lock(void)
{
	struct place p;
	int fd, again;

	place_make(&p);
	fd = state_lock(p.dir, "lock", 0);
	CHECK(fd >= 0);
	CHECK_EQ(state_lock(p.dir, "lock", 0), ERR_BUSY);
	close(fd);
	again = state_lock(p.dir, "lock", 1);
	CHECK(again >= 0);
	close(again);
	CHECK_EQ(state_lock("/dev/null", "lock", 0), ERR_IO);
	place_end(&p);
}

static int
count_lines(void *arg, unsigned number, const char *line)
{
	unsigned *sum = arg;

	*sum += number * 100 + (unsigned)strlen(line);
	return strcmp(line, "stop") == 0 ? ERR_FULL : ERR_OK;
}

static void
line_by_line(void)
{
	static const struct {
		const char *text;
		int err;
		unsigned sum;
	} rows[] = {{"", ERR_OK, 100},
		    {"a", ERR_OK, 101},
		    {"a\nbc\n", ERR_OK, 101 + 202 + 300},
		    {"stop\na", ERR_FULL, 104},
		    {"\n\nstop\nx\n", ERR_FULL, 100 + 200 + 304}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[32];
		unsigned sum = 0;

		strcpy(text, rows[i].text);
		CHECK_EQ(state_lines(text, count_lines, &sum), rows[i].err);
		CHECK_EQ(sum, rows[i].sum);
	}
}

static void
no_room_for_the_path(void)
{
	char b[8];

	CHECK_EQ(state_path("/abc", "de", b, sizeof(b)), ERR_OK);
	CHECK(strcmp(b, "/abc/de") == 0);
	CHECK_EQ(state_path("/abc", "def", b, sizeof(b)), ERR_TOOBIG);
}

TEST_MAIN(TEST(which_directory), TEST(hands_over), TEST(follows_no_link),
	  TEST(makes_private_directories), TEST(reads_what_was_written),
	  TEST(says_what_cannot_be_done), TEST(written_as_a_whole),
	  TEST(one_holds_the_lock), TEST(line_by_line), TEST(no_room_for_the_path))
