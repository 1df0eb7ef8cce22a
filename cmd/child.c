/* SPDX-License-Identifier: ISC */
/*
 * A process with two pipes. It is over when both are closed; then it is waited for.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/child.h"

extern char **environ;

struct pipe_end {
	struct child *of;
	struct event *ev;
	int fd;
	char *buf;
	size_t n;
};

struct child {
	pid_t pid;
	struct pipe_end end[2]; /* stdout, stderr */
	child_fn *fn;
	void *arg;
};

static void
end_close(struct pipe_end *e)
{
	if (e->ev != NULL)
		event_free(e->ev);
	if (e->fd >= 0)
		close(e->fd);
	e->ev = NULL;
	e->fd = -1;
}

static void
release(struct child *c)
{
	for (int i = 0; i < 2; i++) {
		end_close(&c->end[i]);
		free(c->end[i].buf);
	}
	free(c);
}

static void
over(struct child *c)
{
	int st = 0;

	while (waitpid(c->pid, &st, 0) < 0)
		; /* interrupted; it has closed its output, so this does not last */
	c->fn(c->arg, WIFEXITED(st) ? WEXITSTATUS(st) : 1, c->end[0].buf, c->end[1].buf);
	release(c);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct pipe_end *e = arg;
	struct child *c = e->of;
	char buf[8192];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	if (n <= 0) {
		end_close(e);
		if (c->end[0].fd < 0 && c->end[1].fd < 0)
			over(c);
		return;
	}
	for (ssize_t i = 0; i < n && e->n < CHILD_OUT; i++)
		e->buf[e->n++] = buf[i] == '\0' ? '?' : buf[i];
}

static int
spawn(struct child *c, char *const *argv, int in, const int out[2], const int err[2])
{
	posix_spawn_file_actions_t f;
	posix_spawnattr_t a;
	sigset_t none;
	int bad;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&f);
	posix_spawn_file_actions_adddup2(&f, in, 0);
	posix_spawn_file_actions_adddup2(&f, out[1], 1);
	posix_spawn_file_actions_adddup2(&f, err[1], 2);
	posix_spawnattr_init(&a);
	posix_spawnattr_setsigmask(&a, &none);
	/* a group of its own: what the terminal's Ctrl-C ends is the browser alone */
	posix_spawnattr_setpgroup(&a, 0);
	posix_spawnattr_setflags(&a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	bad = posix_spawn(&c->pid, argv[0], &f, &a, argv, environ);
	posix_spawn_file_actions_destroy(&f);
	posix_spawnattr_destroy(&a);
	return bad == 0 ? ERR_OK : ERR_FAIL;
}

/* A pipe that has the text in it, and its end. */
static int
stdin_of(const char *input)
{
	size_t n = strlen(input);
	int p[2];
	bool ok;

	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	ok = write(p[1], input, n) == (ssize_t)n;
	close(p[1]);
	if (ok)
		return p[0];
	close(p[0]);
	return -1;
}

static int
end_open(struct child *c, int i, struct event_base *base, int fd)
{
	struct pipe_end *e = &c->end[i];

	e->of = c;
	e->fd = fd;
	e->buf = calloc(1, CHILD_OUT + 1);
	e->ev = event_new(base, fd, EV_READ | EV_PERSIST, on_read, e);
	return e->buf != NULL && e->ev != NULL && event_add(e->ev, NULL) == 0 ? ERR_OK
									      : ERR_NOMEM;
}

struct child *
child_run(struct event_base *base, char *const *argv, const char *input, child_fn *fn,
	  void *arg)
{
	struct child *c = calloc(1, sizeof(*c));
	int out[2] = {-1, -1}, err[2] = {-1, -1}, in;
	bool ok;

	if (c == NULL)
		return NULL;
	c->fn = fn;
	c->arg = arg;
	c->end[0].fd = c->end[1].fd = -1;
	in = stdin_of(input);
	ok = in >= 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0;
	if (!ok) {
		if (in >= 0)
			close(in);
		for (int i = 0; i < 2 && out[0] >= 0; i++)
			close(out[i]);
		free(c);
		return NULL;
	}
	ok = end_open(c, 0, base, out[0]) == ERR_OK &&
	     end_open(c, 1, base, err[0]) == ERR_OK &&
	     spawn(c, argv, in, out, err) == ERR_OK;
	close(in);
	close(out[1]);
	close(err[1]);
	if (ok)
		return c;
	if (c->end[1].fd < 0)
		close(err[0]);
	release(c);
	return NULL;
}

void
child_free(struct child *c)
{
	int st;

	if (c == NULL)
		return;
	kill(c->pid, SIGTERM);
	while (waitpid(c->pid, &st, 0) < 0)
		;
	release(c);
}

void
child_leave(struct child *c)
{
	if (c != NULL)
		release(c);
}
