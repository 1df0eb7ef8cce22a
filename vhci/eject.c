/* SPDX-License-Identifier: ISC */
/*
 * A child process that unbinds drivers, watched through a pipe that its end
 * closes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/log.h"
#include "vhci/eject.h"

#define EJECT_INTERFACES 32

struct vhci_eject {
	pid_t child;
	int fd;
	struct event *end;
	void (*done)(void *arg);
	void *arg;
};

struct plan {
	unsigned n;
	char path[EJECT_INTERFACES][PATH_MAX]; /* .../driver/unbind */
	char name[EJECT_INTERFACES][64];       /* "3-1:1.0" */
};

static void
add(struct plan *p, const char *sysfs_bus, const char *name)
{
	if (p->n == EJECT_INTERFACES || strlen(name) >= sizeof(p->name[0]))
		return;
	snprintf(p->path[p->n], sizeof(p->path[0]), "%s/%s/driver/unbind", sysfs_bus,
		 name);
	memcpy(p->name[p->n], name, strlen(name) + 1);
	p->n++;
}

static void
find(struct plan *p, const char *sysfs_bus, const char *busid)
{
	char path[PATH_MAX];
	size_t n = strlen(busid);
	struct dirent *e;
	DIR *d;

	p->n = 0;
	snprintf(path, sizeof(path), "%s/%s", sysfs_bus, busid);
	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, busid, n) == 0 && e->d_name[n] == ':')
			add(p, sysfs_bus, e->d_name);
	closedir(d);
}

/*
 * In the child: only calls that are safe after fork. It keeps nothing of ours
 * but the pipe: a copy of the socket to the kernel would keep the device in.
 */
static void
unbind(const struct plan *p, int pipe_fd)
{
	dup2(pipe_fd, STDIN_FILENO);
	close_range(STDOUT_FILENO, ~0u, 0);
	for (unsigned i = 0; i < p->n; i++) {
		int fd = open(p->path[i], O_WRONLY);

		/* no driver, or one that went by itself: nothing to do */
		if (fd >= 0 && write(fd, p->name[i], strlen(p->name[i])) < 0)
			continue;
	}
}

/*
 * What tells us to end may be told to our children, too (systemd does, to all of a unit).
 * The child goes on, and our handler of the signal does not run in it: it would tell us.
 */
static pid_t
fork_deaf(void)
{
	sigset_t all, was;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	pid = fork();
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &was, NULL);
	return pid;
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct vhci_eject *e = arg;

	(void)fd;
	if (what & EV_TIMEOUT)
		log_warn("a driver does not let go in time, unplugging all the same");
	e->done(e->arg);
}

struct vhci_eject *
vhci_eject_start(struct event_base *base, const char *sysfs_bus, const char *busid,
		 unsigned limit_ms, void (*done)(void *arg), void *arg)
{
	struct timeval tv = {limit_ms / 1000, (suseconds_t)(limit_ms % 1000) * 1000};
	struct vhci_eject *e = calloc(1, sizeof(*e));
	struct plan *plan = malloc(sizeof(*plan));
	int fds[2] = {-1, -1};

	if (e == NULL || plan == NULL || pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		goto bad;
	find(plan, sysfs_bus, busid);
	e->done = done;
	e->arg = arg;
	e->fd = fds[0];
	e->end = event_new(base, fds[0], EV_READ, on_end, e);
	if (e->end == NULL || (e->child = fork_deaf()) < 0)
		goto bad;
	if (e->child == 0) {
		unbind(plan, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	free(plan);
	event_add(e->end, &tv);
	return e;
bad:
	if (e != NULL && e->end != NULL)
		event_free(e->end);
	if (fds[0] >= 0) {
		close(fds[0]);
		close(fds[1]);
	}
	free(plan);
	free(e);
	return NULL;
}

void
vhci_eject_free(struct vhci_eject *e)
{
	if (e == NULL)
		return;
	event_free(e->end);
	close(e->fd);
	/* it may wait in the kernel for urbs that end only after the unplugging */
	if (waitpid(e->child, NULL, WNOHANG) == 0)
		kill(e->child, SIGKILL);
	free(e);
}
