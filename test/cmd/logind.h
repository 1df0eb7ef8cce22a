/* SPDX-License-Identifier: ISC */
/*
 * A logind for tests, on the bus of DBUS_SYSTEM_BUS_ADDRESS: gives locks, and tells
 * that the machine sleeps and wakes. It is told by lines: "sleep" is answered by
 * "asleep" when no lock is held any more, "wake" by "awake", "locks" by their number.
 */
#ifndef TEST_CMD_LOGIND_H
#define TEST_CMD_LOGIND_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dbus/dbus.h>

#define LOGIND_LOCKS 16

struct logind {
	DBusConnection *bus;
	int lock[LOGIND_LOCKS]; /* reading ends */
	unsigned locks;
	bool going;
};

static void
logind_inhibit(struct logind *l, DBusMessage *m)
{
	const char *what = "", *who, *why, *mode = "";
	DBusMessage *reply;
	int fd[2];

	dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &what, DBUS_TYPE_STRING, &who,
			      DBUS_TYPE_STRING, &why, DBUS_TYPE_STRING, &mode,
			      DBUS_TYPE_INVALID);
	if (strcmp(what, "sleep") != 0 || strcmp(mode, "delay") != 0 ||
	    l->locks == LOGIND_LOCKS || pipe(fd) != 0)
		return;
	reply = dbus_message_new_method_return(m);
	dbus_message_append_args(reply, DBUS_TYPE_UNIX_FD, &fd[1], DBUS_TYPE_INVALID);
	dbus_connection_send(l->bus, reply, NULL);
	dbus_connection_flush(l->bus);
	dbus_message_unref(reply);
	close(fd[1]);
	l->lock[l->locks++] = fd[0];
}

static void
logind_tell(struct logind *l, dbus_bool_t going)
{
	DBusMessage *m =
	    dbus_message_new_signal("/org/freedesktop/login1",
				    "org.freedesktop.login1.Manager", "PrepareForSleep");

	dbus_message_append_args(m, DBUS_TYPE_BOOLEAN, &going, DBUS_TYPE_INVALID);
	dbus_connection_send(l->bus, m, NULL);
	dbus_connection_flush(l->bus);
	dbus_message_unref(m);
}

/* Locks whose other end is closed are gone. */
static void
logind_look(struct logind *l)
{
	for (unsigned i = 0; i < l->locks; i++) {
		struct pollfd p = {.fd = l->lock[i], .events = POLLIN};

		if (poll(&p, 1, 0) == 0)
			continue;
		close(l->lock[i]);
		l->lock[i--] = l->lock[--l->locks];
	}
}

static void
logind_command(struct logind *l, const char *line)
{
	if (strncmp(line, "sleep", 5) == 0) {
		l->going = true;
		logind_tell(l, TRUE);
	} else if (strncmp(line, "wake", 4) == 0) {
		logind_tell(l, FALSE);
		printf("awake\n");
	} else {
		printf("%u\n", l->locks);
	}
	fflush(stdout);
}

/* Until its standard input ends. */
static int
logind_run(void)
{
	struct logind l = {.bus = dbus_bus_get_private(DBUS_BUS_SYSTEM, NULL)};
	struct pollfd in = {.fd = 0, .events = POLLIN};
	char line[64];
	DBusMessage *m;

	if (l.bus == NULL || dbus_bus_request_name(l.bus, "org.freedesktop.login1",
						   DBUS_NAME_FLAG_DO_NOT_QUEUE, NULL) < 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (dbus_connection_read_write(l.bus, 20)) {
		while ((m = dbus_connection_pop_message(l.bus)) != NULL) {
			if (dbus_message_is_method_call(
				m, "org.freedesktop.login1.Manager", "Inhibit"))
				logind_inhibit(&l, m);
			dbus_message_unref(m);
		}
		logind_look(&l);
		if (l.going && l.locks == 0) {
			l.going = false;
			printf("asleep\n");
			fflush(stdout);
		}
		if (poll(&in, 1, 0) > 0) {
			if (read(0, line, 1) <= 0)
				return 0;
			for (size_t n = 1; line[n - 1] != '\n' && n < sizeof(line) - 1 &&
					   read(0, &line[n], 1) == 1;)
				n++;
			logind_command(&l, line);
		}
	}
	return 1;
}

#endif
