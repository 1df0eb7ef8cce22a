/* SPDX-License-Identifier: ISC */
/*
 * Attaching and detaching at the kernel's virtual host controller. Knows sysfs
 * and sockets, nothing of what goes over them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/devinfo.h"
#include "core/log.h"
#include "core/mem.h"
#include "vhci/status.h"
#include "vhci/vhci.h"

#define SOCKET_BUFFER (4 * 1024 * 1024) /* vhci_tx blocks for each URB: USBIP.md 1.2 */

const struct vhci_paths vhci_paths = {
    .sysfs = "/sys/devices/platform",
    .run = "/var/run/vhci_hcd",
};

struct ports {
	struct vhci_port *p;
	unsigned max, n;
};

static bool
add_port(void *arg, const struct vhci_port *p)
{
	struct ports *all = arg;

	if (all->n < all->max)
		all->p[all->n] = *p;
	return all->n++ < all->max;
}

int
vhci_ports(const struct vhci_paths *paths, struct vhci_port *p, unsigned max, unsigned *n,
	   char *why, size_t cap)
{
	struct ports all = {.p = p, .max = max};
	int r = status_each(paths, add_port, &all, why, cap);

	if (r == ERR_OK && all.n > max) {
		snprintf(why, cap, "more than %u ports", max);
		r = ERR_TOOBIG;
	}
	*n = all.n > max ? max : all.n;
	return r;
}

struct one_port {
	unsigned port;
	struct vhci_port *p;
	bool found;
};

static bool
is_port(void *arg, const struct vhci_port *p)
{
	struct one_port *one = arg;

	one->found = p->port == one->port;
	if (one->found)
		*one->p = *p;
	return !one->found;
}

int
vhci_port(const struct vhci_paths *paths, unsigned port, struct vhci_port *p)
{
	struct one_port one = {.port = port, .p = p};
	char why[160];
	int r = status_each(paths, is_port, &one, why, sizeof(why));

	return r == ERR_OK && !one.found ? ERR_NODEV : r;
}

struct free_port {
	bool super;
	unsigned from, port, all; /* all: ports of this kind */
	bool found;
};

static bool
is_free(void *arg, const struct vhci_port *p)
{
	struct free_port *f = arg;

	if (p->super != f->super)
		return true;
	f->all++;
	if (p->status != VHCI_FREE || p->port < f->from)
		return true;
	f->port = p->port;
	f->found = true;
	return false;
}

/* Writes text to a file of the controller; 0 or errno. */
static int
tell(const struct vhci_paths *paths, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd, e = 0;

	snprintf(path, sizeof(path), "%s/" STATUS_DIR "/%s", paths->sysfs, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		e = errno;
	close(fd);
	return e;
}

#define VHCI_GROUP "usbp2p-attach" /* as in dist/sysusers.conf */

bool
vhci_mend(const struct vhci_paths *paths, const char *user, char *buf, size_t cap)
{
	char path[PATH_MAX];
	struct stat st;
	struct group *g = NULL;

	snprintf(path, sizeof(path), "%s/" STATUS_DIR "/attach", paths->sysfs);
	if (stat(path, &st) == 0 && (st.st_mode & S_IWGRP) != 0 && st.st_gid != 0)
		g = getgrgid(st.st_gid);
	if (g != NULL)
		snprintf(buf, cap, "usermod -aG %s %s", g->gr_name, user);
	else
		snprintf(buf, cap,
			 "groupadd -f " VHCI_GROUP " && cd %s/" STATUS_DIR
			 " && chgrp " VHCI_GROUP " attach detach && chmod g+w attach "
			 "detach && usermod -aG " VHCI_GROUP " %s",
			 paths->sysfs, user);
	return g != NULL;
}

/* Why the kernel did not take it, for people. */
static int
refused(const struct vhci_paths *paths, int e, const char *text, char *why, size_t cap)
{
	struct passwd *pw;
	char mend[400];

	if (e == EACCES || e == EPERM) {
		pw = getpwuid(geteuid());
		if (vhci_mend(paths, pw != NULL ? pw->pw_name : "USER", mend,
			      sizeof(mend)))
			snprintf(why, cap,
				 "no right to write %s/" STATUS_DIR "/attach; as root: "
				 "`%s`, then log in again",
				 paths->sysfs, mend);
		else
			snprintf(why, cap,
				 "no right to write %s/" STATUS_DIR "/attach: run as "
				 "root, or do what `usbp2p doctor` says",
				 paths->sysfs);
		return ERR_LACKING;
	}
	snprintf(why, cap, "the kernel did not take \"%s\" (port, fd, devid, speed): %s",
		 text, strerror(e));
	return e == ENOENT ? ERR_LACKING : ERR_FAIL;
}

static int
all_taken(const struct free_port *f, char *why, size_t cap)
{
	const char *kind = f->super ? "SuperSpeed" : "USB 2";

	if (f->all == 0) {
		snprintf(why, cap, "vhci_hcd has no %s ports", kind);
		return ERR_LACKING;
	}
	snprintf(why, cap, "all %u %s ports of vhci_hcd are taken: detach something",
		 f->all, kind);
	return ERR_BUSY;
}

/*
 * Gives the socket to the kernel at a free port. Others do the same at the same
 * moment: a port that was taken since (EBUSY), or whose controller is not ready
 * (EAGAIN), is passed over, and the next one is looked up anew.
 */
static int
place(const struct vhci_paths *paths, const struct vhci_attach *a, int sock,
      unsigned *port, char *why, size_t cap)
{
	struct free_port f = {.super = a->speed >= DEVINFO_SUPER};
	unsigned speed = a->speed;
	char text[64];

	for (;;) {
		int r, e;

		f.found = false;
		f.all = 0;
		if ((r = status_each(paths, is_free, &f, why, cap)) != ERR_OK)
			return r;
		if (!f.found)
			return all_taken(&f, why, cap);
		snprintf(text, sizeof(text), "%u %d %u %u", f.port, sock, a->devid,
			 speed);
		e = tell(paths, "attach", text);
		if (e == 0)
			break;
		if (e == EBUSY || e == EAGAIN)
			f.from = f.port + 1;
		else if (e == EINVAL && speed == DEVINFO_SUPER_PLUS)
			speed = DEVINFO_SUPER; /* older kernels */
		else
			return refused(paths, e, text, why, cap);
	}
	*port = f.port;
	return ERR_OK;
}

/* As large as the kernel allows; the default does as well, slower. */
static void
enlarge(int fd)
{
	static const int options[][2] = {{SO_SNDBUFFORCE, SO_SNDBUF},
					 {SO_RCVBUFFORCE, SO_RCVBUF}};
	const int size = SOCKET_BUFFER;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (setsockopt(fd, SOL_SOCKET, options[i][0], &size, sizeof(size)) < 0)
			(void)setsockopt(fd, SOL_SOCKET, options[i][1], &size,
					 sizeof(size));
}

/* pair[0] is ours, pair[1] the kernel's, which has to block. */
static int
make_pair(int pair[2], char *why, size_t cap)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		snprintf(why, cap, "socketpair: %s", strerror(errno));
		return ERR_FAIL;
	}
	enlarge(pair[0]);
	enlarge(pair[1]);
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0)
		return ERR_OK;
	snprintf(why, cap, "O_NONBLOCK: %s", strerror(errno));
	close(pair[0]);
	close(pair[1]);
	return ERR_FAIL;
}

/* One word of the note: stock `usbip port` reads words, of at most 31 characters. */
static void
word(char out[32], const char *in)
{
	size_t n = 0;

	for (; n < 31 && in[n] != '\0'; n++)
		out[n] = in[n] > ' ' && in[n] < 0x7f ? in[n] : '_';
	if (n == 0)
		out[n++] = '-';
	out[n] = '\0';
}

/* What stock `usbip port` prints; it cannot print a port without. */
static void
note(const struct vhci_paths *paths, const struct vhci_attach *a, unsigned port)
{
	char path[PATH_MAX], peer[32], busid[32];
	bool ok;
	int fd;

	word(peer, a->peer);
	word(busid, a->busid);
	(void)mkdir(paths->run, 0700);
	snprintf(path, sizeof(path), "%s/port%u", paths->run, port);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = fd >= 0 && dprintf(fd, "%s usbp2p %s\n", peer, busid) > 0;
	if (!ok)
		log_warn("vhci port%u unnoted path=%s reason=\"%s\"", port, path,
			 strerror(errno));
	if (fd >= 0)
		close(fd);
}

int
vhci_attach(const struct vhci_paths *paths, const struct vhci_attach *a, unsigned *port,
	    int *fd, char *why, size_t cap)
{
	int pair[2], r = make_pair(pair, why, cap);

	if (r != ERR_OK)
		return r;
	r = place(paths, a, pair[1], port, why, cap);
	close(pair[1]); /* the kernel has its own reference */
	if (r != ERR_OK) {
		close(pair[0]);
		return r;
	}
	note(paths, a, *port);
	*fd = pair[0];
	return ERR_OK;
}

int
vhci_detach(const struct vhci_paths *paths, unsigned port)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", port);
	switch (tell(paths, "detach", text)) {
	case 0:
		return ERR_OK;
	case EINVAL: /* no such port, or nothing at it */
		return ERR_NODEV;
	case EACCES:
	case EPERM:
	case ENOENT:
		return ERR_LACKING;
	default:
		return ERR_FAIL;
	}
}

void
vhci_forget(const struct vhci_paths *paths, unsigned port)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/port%u", paths->run, port);
	(void)unlink(path);
}

/*
 * The interfaces appear when the configuration was set. Its number is not read:
 * that waits for the device's lock, which the kernel holds while it enumerates,
 * which waits for us.
 */
bool
vhci_configured(const char *sysfs_bus, const char *busid)
{
	char path[PATH_MAX];
	size_t n = strlen(busid);
	struct dirent *e;
	bool found = false;
	DIR *d;

	if (n == 0 || strchr(busid, '/') != NULL)
		return false;
	snprintf(path, sizeof(path), "%s/%s", sysfs_bus, busid);
	if ((d = opendir(path)) == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL)
		found = strncmp(e->d_name, busid, n) == 0 && e->d_name[n] == ':';
	closedir(d);
	return found;
}
