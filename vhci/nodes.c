/* SPDX-License-Identifier: ISC */
/*
 * Walks down from a device's folder. Classes of nodes are known by the folder that the
 * kernel puts them into: .../block/sdb, .../tty/ttyACM0.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/text.h"
#include "vhci/nodes.h"

#define DEPTH   12
#define ENTRIES 4096 /* folders looked into */

static const struct {
	const char *folder, *prefix, *dev;
} classes[] = {
    {"block", "", "/dev/"},
    {"tty", "tty", "/dev/"},
    {"input", "event", "/dev/input/"},
    {"hidraw", "hidraw", "/dev/"},
    {"sound", "card", "ALSA "},
    {"net", "", "network interface "},
    {"video4linux", "video", "/dev/"},
    {"usbmisc", "", "/dev/"},
};

struct walk {
	struct text t;
	unsigned left;
};

/* "input" means "input" and "input7", where its nodes are. */
static bool
is_class(const char *folder, const char *class)
{
	size_t n = strlen(class);

	return strncmp(folder, class, n) == 0 &&
	       strspn(folder + n, "0123456789") == strlen(folder + n);
}

static bool
add_node(struct walk *w, const char *folder, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		size_t n = w->t.len;

		if (!is_class(folder, classes[i].folder) ||
		    strncmp(name, classes[i].prefix, strlen(classes[i].prefix)) != 0)
			continue;
		text_str(&w->t, n > 0 ? " " : "");
		text_str(&w->t, classes[i].dev);
		text_str(&w->t, name);
		if (w->t.full) {
			w->t.len = n; /* none of it rather than half */
			w->t.buf[n] = '\0';
			w->t.full = false;
		}
		return true;
	}
	return false;
}

/* A folder called "block" or "tty" holds nodes; others may hold such folders. */
static void
walk(struct walk *w, const char *path, const char *folder, unsigned depth)
{
	char sub[1024];
	struct dirent *e;
	DIR *d = opendir(path);

	while (d != NULL && (e = readdir(d)) != NULL && w->left > 0) {
		if (e->d_name[0] == '.' || e->d_type != DT_DIR ||
		    strcmp(e->d_name, "power") == 0)
			continue;
		w->left--;
		if (add_node(w, folder, e->d_name) || depth == 0)
			continue;
		if ((size_t)snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name) <
		    sizeof(sub))
			walk(w, sub, e->d_name, depth - 1);
	}
	if (d != NULL)
		closedir(d);
}

/* "usbhid usb" has "usb" as a word, and not "hid". */
static bool
has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(list, word); p != NULL; p = strstr(p + 1, word))
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static void
add_driver(struct text *t, const char *interface)
{
	char link[1024], to[256];
	const char *name;
	ssize_t n;

	if ((size_t)snprintf(link, sizeof(link), "%s/driver", interface) >=
		sizeof(link) ||
	    (n = readlink(link, to, sizeof(to) - 1)) <= 0)
		return;
	to[n] = '\0';
	name = strrchr(to, '/') != NULL ? strrchr(to, '/') + 1 : to;
	if (has_word(t->buf, name) || t->len + strlen(name) + 2 > t->cap)
		return;
	text_str(t, t->len > 0 ? " " : "");
	text_str(t, name);
}

void
vhci_drivers(const char *sysfs_bus, const char *busid, char *buf, size_t cap)
{
	char path[512], sub[1024];
	struct dirent *e;
	struct text t;
	DIR *d;

	text_init(&t, buf, cap);
	if (busid[0] == '\0' || strchr(busid, '/') != NULL ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", sysfs_bus, busid) >=
		sizeof(path) ||
	    (d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, busid, strlen(busid)) == 0 &&
		    e->d_name[strlen(busid)] == ':' &&
		    (size_t)snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name) <
			sizeof(sub))
			add_driver(&t, sub);
	closedir(d);
}

void
vhci_nodes(const char *sysfs_bus, const char *busid, char *buf, size_t cap)
{
	struct walk w = {.left = ENTRIES};
	char path[512];

	text_init(&w.t, buf, cap);
	if (busid[0] == '\0' || strchr(busid, '/') != NULL ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", sysfs_bus, busid) >=
		sizeof(path))
		return;
	walk(&w, path, "", DEPTH);
}
