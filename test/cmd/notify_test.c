/* SPDX-License-Identifier: ISC */
/* link: cmd core */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/event.h>

#include "cmd/notify.h"
#include "test/cmd/place.h"

static struct event_base *base;
static int manager = -1;

/* A service manager's socket; "@..." has no file. */
static void
listen_at(const char *where)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(where);
	struct timeval tv = {20, 0};

	memcpy(a.sun_path, where, n);
	if (where[0] == '@')
		a.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK_EQ(bind(manager, (struct sockaddr *)&a,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		 0);
	CHECK_EQ(setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	setenv("NOTIFY_SOCKET", where, 1);
}

static const char *
told(int flags)
{
	static char b[64];
	ssize_t n = recv(manager, b, sizeof(b) - 1, flags);

	b[n > 0 ? n : 0] = '\0';
	return b;
}

static void
nobody(void)
{
	base = event_base_new();
	unsetenv("NOTIFY_SOCKET");
	CHECK(notify_new(base) == NULL);
	notify_say(NULL, "READY=1");
	notify_free(NULL);
}

static void
states_at(const char *where)
{
	struct notify *s;

	listen_at(where);
	unsetenv("WATCHDOG_USEC");
	s = notify_new(base);
	CHECK(s != NULL);
	CHECK(getenv("NOTIFY_SOCKET") == NULL);
	CHECK(strcmp(told(MSG_DONTWAIT), "") == 0);
	notify_say(s, "READY=1");
	CHECK(strcmp(told(0), "READY=1") == 0);
	notify_say(s, "STOPPING=1");
	CHECK(strcmp(told(0), "STOPPING=1") == 0);
	event_base_loop(base, EVLOOP_NONBLOCK); /* no watchdog: no event is left */
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	close(manager);
	notify_say(s, "READY=1"); /* a manager that has gone is no reason to end */
	notify_free(s);
}

static void
states(void)
{
	struct place p;
	char path[128], name[64];

	place_make(&p);
	place_path(&p, "socket", path);
	states_at(path);
	snprintf(name, sizeof(name), "@usbp2p-test-%ld", (long)getpid());
	states_at(name);
	place_end(&p);
}

static void
signs_of_life(void)
{
	struct place p;
	char path[128];
	struct notify *s;

	place_make(&p);
	place_path(&p, "socket", path);
	listen_at(path);
	setenv("WATCHDOG_USEC", "20000", 1);
	snprintf(path, sizeof(path), "%ld", (long)getpid());
	setenv("WATCHDOG_PID", path, 1);
	s = notify_new(base);
	CHECK(getenv("WATCHDOG_USEC") == NULL && getenv("WATCHDOG_PID") == NULL);
	for (int i = 0; i < 3; i++) {
		event_base_loop(base, EVLOOP_ONCE);
		CHECK(strcmp(told(MSG_DONTWAIT), "WATCHDOG=1") == 0);
	}
	notify_free(s);
	CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	close(manager);
	place_end(&p);
}

/* Another process's, no number, none at all: no signs, but states. */
static void
no_signs(void)
{
	static const char *const row[][2] = {
	    {"20000", "1"}, {"x", NULL}, {"0", NULL}, {"", NULL}, {"20000", "x"}};
	struct place p;
	char path[128];

	place_make(&p);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct notify *s;

		snprintf(path, sizeof(path), "%s/%zu", p.dir, i);
		listen_at(path);
		setenv("WATCHDOG_USEC", row[i][0], 1);
		if (row[i][1] != NULL)
			setenv("WATCHDOG_PID", row[i][1], 1);
		s = notify_new(base);
		CHECK(s != NULL);
		CHECK_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
		notify_free(s);
		close(manager);
	}
	place_end(&p);
}

static void
bad_sockets(void)
{
	static char long_one[200];
	const char *const row[] = {"", "/", "relative", "@", long_one};

	memset(long_one, 'a', sizeof(long_one) - 1);
	long_one[0] = '/';
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		setenv("NOTIFY_SOCKET", row[i], 1);
		CHECK(notify_new(base) == NULL);
	}
	event_base_free(base);
}

TEST_MAIN(TEST(nobody), TEST(states), TEST(signs_of_life), TEST(no_signs),
	  TEST(bad_sockets))
