/* SPDX-License-Identifier: ISC */
/*
 * The file that a virtual keyboard types from. It is read as far as the queue has
 * room; whoever writes to the FIFO waits meanwhile. What no key gives is logged
 * by name and left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/log.h"
#include "core/text.h"
#include "usb/keyboard.h"
#include "usb/keymap.h"

#define LEAST_ROOM 4 /* for a character that is held, and a byte */

static void
type_whole(struct keyboard *k, size_t n)
{
	char names[256];

	if (keymap_refused(k->text, n, names, sizeof(names)))
		log_error("device %s cannot type %s: no key of a US keyboard gives it",
			  k->v.dev.info.busid, names);
	for (size_t i = 0; i < n; i++)
		if (keymap_find(k->text[i], NULL))
			keyboard_put(k, k->text[i]);
}

static void
end(struct keyboard *k, const char *reason)
{
	if (reason)
		log_error("device %s types no more from its file reason=\"%s\"",
			  k->v.dev.info.busid, reason);
	else
		log_info("device %s has read its file to the end", k->v.dev.info.busid);
	type_whole(k, k->held);
	k->held = 0;
	keyboard_file_close(k);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct keyboard *k = arg;
	size_t room = KEYBOARD_QUEUE - k->count, whole;
	ssize_t n;

	(void)what;
	if (room <= LEAST_ROOM)
		return; /* somebody else has filled it */
	if (room > KEYBOARD_READ)
		room = KEYBOARD_READ;
	n = read(fd, k->text + k->held, room - k->held);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		end(k, n == 0 ? NULL : strerror(errno));
		return;
	}
	if (n > 0) {
		k->held += (size_t)n;
		whole = keymap_whole(k->text, k->held);
		type_whole(k, whole);
		k->held -= whole;
		memmove(k->text, k->text + whole, k->held);
	}
	keyboard_file_go_on(k);
}

void
keyboard_file_go_on(struct keyboard *k)
{
	if (k->readable == NULL || KEYBOARD_QUEUE - k->count <= LEAST_ROOM)
		return;
	if (k->plain)
		event_active(k->readable, EV_READ, 0);
	else
		event_add(k->readable, NULL);
}

/*
 * For reading and writing: so there always is a writer, and the end of one is not
 * the end of the file.
 */
static int
open_fifo(const char *name, int *fd, char *why, size_t cap)
{
	struct stat st;
	char shown[64];

	text_copy(shown, sizeof(shown), name);
	text_clean(shown);
	*fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0) {
		snprintf(why, cap, "cannot type from %s: %s%s", shown, strerror(errno),
			 errno == ENOENT ? "; make it with mkfifo" : "");
		return errno == ENOENT ? ERR_NODEV : ERR_IO;
	}
	if (fstat(*fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return ERR_OK;
	snprintf(why, cap,
		 "cannot type from %s: it is no FIFO; make one with mkfifo, or "
		 "write keyboard:- and put it on the standard input",
		 shown);
	return ERR_USAGE;
}

int
keyboard_file_open(struct keyboard *k, struct event_base *base, const char *name,
		   char *why, size_t cap)
{
	struct stat st;
	int r;

	if (strcmp(name, "-") == 0)
		k->fd = STDIN_FILENO;
	else if ((r = open_fifo(name, &k->fd, why, cap)) != ERR_OK)
		return r;
	k->plain = fstat(k->fd, &st) == 0 && !S_ISFIFO(st.st_mode) &&
		   !S_ISSOCK(st.st_mode) && !isatty(k->fd);
	k->readable = event_new(base, k->fd, EV_READ, on_readable, k);
	if (k->readable == NULL) {
		text_copy(why, cap, "out of memory");
		return ERR_NOMEM;
	}
	keyboard_file_go_on(k);
	return ERR_OK;
}

void
keyboard_file_close(struct keyboard *k)
{
	if (k->readable)
		event_free(k->readable);
	k->readable = NULL;
	if (k->fd > STDIN_FILENO)
		close(k->fd);
	k->fd = -1;
}
