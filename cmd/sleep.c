/* SPDX-License-Identifier: ISC */
/*
 * logind by D-Bus, in the event loop: libdbus tells which descriptors and timeouts it
 * wants to have watched. A logind that starts later, or anew, is asked then.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <dbus/dbus.h>
#include <event2/event.h>

#include "cmd/sleep.h"
#include "core/log.h"

#define LOGIND        "org.freedesktop.login1"
#define LOGIND_PATH   "/org/freedesktop/login1"
#define LOGIND_MEMBER "org.freedesktop.login1.Manager"
#define SIGNALS                                                \
	"type='signal',sender='" LOGIND "',path='" LOGIND_PATH \
	"',interface='" LOGIND_MEMBER "',member='PrepareForSleep'"
#define OWNERS                                                                        \
	"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0=" \
	"'" LOGIND "'"

struct sleep {
	struct event_base *base;
	DBusConnection *bus;
	struct event *turn; /* messages wait */
	int lock;           /* logind waits until it is closed; -1: it does not */
	const struct sleep_ops *ops;
	void *arg;
};

/* --- libdbus in the loop --- */

static void
on_fd(evutil_socket_t fd, short what, void *watch)
{
	unsigned flags = 0;

	(void)fd;
	if (what & EV_READ)
		flags |= DBUS_WATCH_READABLE;
	if (what & EV_WRITE)
		flags |= DBUS_WATCH_WRITABLE;
	dbus_watch_handle(watch, flags);
}

static void
toggle_watch(DBusWatch *w, void *arg)
{
	struct event *e = dbus_watch_get_data(w);

	(void)arg;
	if (dbus_watch_get_enabled(w))
		event_add(e, NULL);
	else
		event_del(e);
}

static dbus_bool_t
add_watch(DBusWatch *w, void *arg)
{
	struct sleep *s = arg;
	unsigned flags = dbus_watch_get_flags(w);
	short what = EV_PERSIST;
	struct event *e;

	if (flags & DBUS_WATCH_READABLE)
		what |= EV_READ;
	if (flags & DBUS_WATCH_WRITABLE)
		what |= EV_WRITE;
	if ((e = event_new(s->base, dbus_watch_get_unix_fd(w), what, on_fd, w)) == NULL)
		return FALSE;
	dbus_watch_set_data(w, e, NULL);
	toggle_watch(w, arg);
	return TRUE;
}

static void
remove_watch(DBusWatch *w, void *arg)
{
	(void)arg;
	event_free(dbus_watch_get_data(w));
	dbus_watch_set_data(w, NULL, NULL);
}

static void
on_timeout(evutil_socket_t fd, short what, void *timeout)
{
	(void)fd;
	(void)what;
	dbus_timeout_handle(timeout);
}

static void
toggle_timeout(DBusTimeout *t, void *arg)
{
	struct event *e = dbus_timeout_get_data(t);
	int ms = dbus_timeout_get_interval(t);
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	(void)arg;
	if (dbus_timeout_get_enabled(t))
		event_add(e, &tv);
	else
		event_del(e);
}

static dbus_bool_t
add_timeout(DBusTimeout *t, void *arg)
{
	struct sleep *s = arg;
	struct event *e = event_new(s->base, -1, EV_PERSIST, on_timeout, t);

	if (e == NULL)
		return FALSE;
	dbus_timeout_set_data(t, e, NULL);
	toggle_timeout(t, arg);
	return TRUE;
}

static void
remove_timeout(DBusTimeout *t, void *arg)
{
	(void)arg;
	event_free(dbus_timeout_get_data(t));
	dbus_timeout_set_data(t, NULL, NULL);
}

static void
on_status(DBusConnection *bus, DBusDispatchStatus status, void *arg)
{
	struct sleep *s = arg;

	(void)bus;
	if (status == DBUS_DISPATCH_DATA_REMAINS)
		event_active(s->turn, EV_TIMEOUT, 1);
}

/* One message a turn. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct sleep *s = arg;

	(void)fd;
	(void)what;
	if (dbus_connection_dispatch(s->bus) == DBUS_DISPATCH_DATA_REMAINS)
		event_active(s->turn, EV_TIMEOUT, 1);
}

/* --- logind --- */

void
sleep_ready(struct sleep *s)
{
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
}

static void
on_lock(DBusPendingCall *call, void *arg)
{
	DBusMessage *m = dbus_pending_call_steal_reply(call);
	struct sleep *s = arg;
	int fd;

	if (m == NULL)
		return;
	if (dbus_message_get_args(m, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID)) {
		sleep_ready(s); /* of an older one */
		s->lock = fd;
		log_debug("sleep waits for us");
	} else {
		log_debug("sleep does not wait for us reason=\"%s\"",
			  dbus_message_get_error_name(m) != NULL
			      ? dbus_message_get_error_name(m)
			      : "not understood");
	}
	dbus_message_unref(m);
}

static void
ask_for_lock(struct sleep *s)
{
	const char *what = "sleep", *who = "usbp2p",
		   *why = "attached USB devices are detached", *mode = "delay";
	DBusMessage *m =
	    dbus_message_new_method_call(LOGIND, LOGIND_PATH, LOGIND_MEMBER, "Inhibit");
	DBusPendingCall *call = NULL;

	if (m == NULL)
		return;
	dbus_message_set_auto_start(m, FALSE);
	if (dbus_message_append_args(m, DBUS_TYPE_STRING, &what, DBUS_TYPE_STRING, &who,
				     DBUS_TYPE_STRING, &why, DBUS_TYPE_STRING, &mode,
				     DBUS_TYPE_INVALID) &&
	    dbus_connection_send_with_reply(s->bus, m, &call, -1) && call != NULL) {
		dbus_pending_call_set_notify(call, on_lock, s, NULL);
		dbus_pending_call_unref(call);
	}
	dbus_message_unref(m);
}

static void
on_prepare(struct sleep *s, DBusMessage *m)
{
	dbus_bool_t going;

	if (!dbus_message_get_args(m, NULL, DBUS_TYPE_BOOLEAN, &going, DBUS_TYPE_INVALID))
		return;
	log_info("this machine %s", going ? "goes to sleep" : "is awake again");
	if (going) {
		s->ops->going(s->arg);
	} else {
		ask_for_lock(s);
		s->ops->back(s->arg);
	}
}

static DBusHandlerResult
on_message(DBusConnection *bus, DBusMessage *m, void *arg)
{
	const char *name, *was, *is;
	struct sleep *s = arg;

	(void)bus;
	if (dbus_message_is_signal(m, LOGIND_MEMBER, "PrepareForSleep"))
		on_prepare(s, m);
	else if (dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameOwnerChanged") &&
		 dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING,
				       &was, DBUS_TYPE_STRING, &is, DBUS_TYPE_INVALID) &&
		 is[0] != '\0')
		ask_for_lock(s);
	return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

/* --- start and end --- */

static bool
start(struct sleep *s)
{
	if ((s->turn = event_new(s->base, -1, 0, on_turn, s)) == NULL ||
	    (s->bus = dbus_bus_get_private(DBUS_BUS_SYSTEM, NULL)) == NULL)
		return false;
	dbus_connection_set_exit_on_disconnect(s->bus, FALSE);
	dbus_connection_set_dispatch_status_function(s->bus, on_status, s, NULL);
	if (!dbus_connection_set_watch_functions(s->bus, add_watch, remove_watch,
						 toggle_watch, s, NULL) ||
	    !dbus_connection_set_timeout_functions(s->bus, add_timeout, remove_timeout,
						   toggle_timeout, s, NULL) ||
	    !dbus_connection_add_filter(s->bus, on_message, s, NULL))
		return false;
	dbus_bus_add_match(s->bus, SIGNALS, NULL);
	dbus_bus_add_match(s->bus, OWNERS, NULL);
	ask_for_lock(s);
	event_active(s->turn, EV_TIMEOUT, 1); /* what came while we asked who we are */
	return true;
}

struct sleep *
sleep_new(struct event_base *base, const struct sleep_ops *ops, void *arg)
{
	struct sleep *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct sleep){.base = base, .lock = -1, .ops = ops, .arg = arg};
	if (start(s))
		return s;
	log_debug("sleep is not noticed reason=\"no system bus\"");
	sleep_free(s);
	return NULL;
}

void
sleep_free(struct sleep *s)
{
	if (s == NULL)
		return;
	sleep_ready(s);
	if (s->bus != NULL) {
		dbus_connection_close(s->bus);
		dbus_connection_unref(s->bus);
	}
	if (s->turn != NULL)
		event_free(s->turn);
	free(s);
}
