/* SPDX-License-Identifier: ISC */
/*
 * The sending side of sd_notify, without its library.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/notify.h"
#include "core/err.h"
#include "core/log.h"
#include "core/text.h"
#include "net/clock.h"

struct notify {
	int fd;
	struct sockaddr_un to;
	socklen_t n;
	struct event *watchdog; /* NULL: nobody asks for signs */
};

void
notify_say(const struct notify *s, const char *state)
{
	if (s != NULL && sendto(s->fd, state, strlen(state), MSG_NOSIGNAL,
				(const struct sockaddr *)&s->to, s->n) < 0)
		log_debug("service manager not told state=%s reason=\"%s\"", state,
			  strerror(errno));
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	notify_say(arg, "WATCHDOG=1");
}

/* "@name" is one without a file. */
static int
address(struct notify *s, const char *where)
{
	size_t n = strlen(where);

	if ((where[0] != '/' && where[0] != '@') || n < 2 || n >= sizeof(s->to.sun_path))
		return ERR_USAGE;
	s->to.sun_family = AF_UNIX;
	memcpy(s->to.sun_path, where, n);
	if (where[0] == '@')
		s->to.sun_path[0] = '\0';
	s->n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return ERR_OK;
}

static int
start_watchdog(struct notify *s, struct event_base *base)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, who;
	struct timeval tv;

	if (usec == NULL || !text_to_u64(usec, UINT64_MAX, &us) || us < 2 ||
	    (pid != NULL &&
	     (!text_to_u64(pid, INT32_MAX, &who) || (pid_t)who != getpid())))
		return ERR_OK;
	tv = clock_tv(us / 2);
	s->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, s);
	return s->watchdog != NULL && event_add(s->watchdog, &tv) == 0 ? ERR_OK
								       : ERR_NOMEM;
}

struct notify *
notify_new(struct event_base *base)
{
	const char *where = getenv("NOTIFY_SOCKET");
	struct notify *s = where == NULL ? NULL : calloc(1, sizeof(*s));

	if (s != NULL) {
		s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (s->fd < 0 || address(s, where) != ERR_OK ||
		    start_watchdog(s, base) != ERR_OK) {
			log_warn("service manager cannot be told at=%s", where);
			notify_free(s);
			s = NULL;
		}
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return s;
}

void
notify_free(struct notify *s)
{
	if (s == NULL)
		return;
	if (s->watchdog != NULL)
		event_free(s->watchdog);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
