/* SPDX-License-Identifier: ISC */
/* link: net core */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "net/ctl.h"
#include "test/test.h"

/* The server is this process; each client is a child, because it may block. */

enum answer { ECHO, LARGE, SILENCE, LATER };

static struct {
	struct event_base *base;
	struct ctl *ctl;
	char dir[32], path[64];
	enum answer answer;
	unsigned requests, gone;
	char line[CTL_REQUEST_MAX + 1];
	struct ctl_conn *conn; /* of LATER */
	bool late;
} t;

static void
on_request(void *arg, struct ctl_conn *c, const char *line, size_t n)
{
	static char large[CTL_LINE_MAX];

	CHECK(arg == &t);
	CHECK_EQ(strlen(line), n);
	t.requests++;
	snprintf(t.line, sizeof(t.line), "%s", line);
	t.conn = c;
	memset(large, 'x', sizeof(large) - 1);
	if (t.answer == ECHO) {
		ctl_line(c, line);
		ctl_line(c, "second");
	} else if (t.answer == LARGE) {
		for (int i = 0; i < 20; i++)
			ctl_line(c, large);
	}
	if (t.answer == ECHO || t.answer == LARGE)
		ctl_end(c);
}

static void
on_gone(void *arg, struct ctl_conn *c)
{
	CHECK(arg == &t);
	CHECK(c == t.conn);
	t.gone++;
}

static const struct ctl_ops ops = {on_request, on_gone};

static int
listen_at(const char *path, char *why, size_t cap)
{
	return ctl_listen(&t.ctl, t.base, path, &ops, &t, why, cap);
}

static void
setup(enum answer answer)
{
	char why[200] = "";

	memset(&t, 0, sizeof(t));
	t.answer = answer;
	signal(SIGPIPE, SIG_IGN); /* as cmd/loop does for a server */
	strcpy(t.dir, "/tmp/ctl_test.XXXXXX");
	CHECK(mkdtemp(t.dir) != NULL);
	snprintf(t.path, sizeof(t.path), "%s/s.sock", t.dir);
	t.base = event_base_new();
	CHECK_EQ(listen_at(t.path, why, sizeof(why)), ERR_OK);
}

static void
teardown(void)
{
	ctl_free(t.ctl);
	CHECK(access(t.path, F_OK) != 0);
	event_base_free(t.base);
	CHECK_EQ(rmdir(t.dir), 0);
}

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	t.late = true;
}

/* Turns the loop until done says so, 30 s at most. */
static void
run(bool (*done)(void))
{
	struct timeval tv = {30, 0};
	struct event *limit = evtimer_new(t.base, give_up, NULL);

	event_add(limit, &tv);
	while (!t.late && !done())
		event_base_loop(t.base, EVLOOP_ONCE);
	CHECK(!t.late);
	event_free(limit);
}

/* --- clients --- */

struct heard {
	unsigned lines;
	size_t bytes;
	char first[100];
	int stop; /* what to return after the first line */
};

static int
on_line(void *arg, const char *line, size_t n)
{
	struct heard *h = arg;

	if (h->lines++ == 0)
		snprintf(h->first, sizeof(h->first), "%.*s", (int)n, line);
	h->bytes += n;
	return h->stop;
}

static int
ask(struct heard *h, const char *request, unsigned timeout_ms)
{
	return ctl_call(t.path, request, timeout_ms, on_line, h);
}

static int
connect_raw(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, t.path);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : -1;
}

/* A child that runs fn; its pipe closes when it ends. fn says whether it was well. */
struct child {
	pid_t pid;
	struct event *end;
	bool ended;
};

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	c->ended = true;
}

static void
start(struct child *c, bool (*fn)(void))
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	c->ended = false;
	fflush(stdout);
	if ((c->pid = fork()) == 0) {
		signal(SIGPIPE, SIG_DFL); /* a command has not set it */
		close(fds[0]);
		_exit(fn() ? 0 : 1);
	}
	close(fds[1]);
	c->end = event_new(t.base, fds[0], EV_READ, on_end, c);
	event_add(c->end, NULL);
}

static void
finish(struct child *c)
{
	int status = 1;

	CHECK_EQ(waitpid(c->pid, &status, 0), c->pid);
	CHECK_EQ(status, 0);
	close(event_get_fd(c->end));
	event_free(c->end);
}

static struct child one;

static bool
one_ended(void)
{
	return one.ended;
}

static void
client(bool (*fn)(void))
{
	start(&one, fn);
	run(one_ended);
	finish(&one);
}

/* --- tests --- */

static bool
asks(void)
{
	struct heard h = {0};

	return ask(&h, "{\"cmd\":\"x\"}", 5000) == ERR_OK && h.lines == 2 &&
	       strcmp(h.first, "{\"cmd\":\"x\"}") == 0;
}

static void
request_and_reply(void)
{
	setup(ECHO);
	for (int i = 0; i < 3; i++)
		client(asks);
	CHECK_EQ(t.requests, 3);
	CHECK_EQ(t.gone, 0);
	CHECK(strcmp(t.line, "{\"cmd\":\"x\"}") == 0);
	teardown();
}

static struct child many[32];

static bool
many_ended(void)
{
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		if (!many[i].ended)
			return false;
	return true;
}

static void
many_at_once(void)
{
	setup(ECHO);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		start(&many[i], asks);
	run(many_ended);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		finish(&many[i]);
	CHECK_EQ(t.requests, ARRAY_LEN(many));
	teardown();
}

static bool
asks_large(void)
{
	struct heard h = {0};

	return ask(&h, "x", 5000) == ERR_OK && h.lines == 20 &&
	       h.bytes == 20 * (CTL_LINE_MAX - 1);
}

static void
large_answer(void)
{
	setup(LARGE);
	client(asks_large);
	teardown();
}

static bool
stops_listening(void)
{
	struct heard h = {.stop = ERR_BUSY};

	return ask(&h, "x", 5000) == ERR_BUSY && h.lines == 1;
}

static void
client_stops(void)
{
	setup(LARGE);
	client(stops_listening);
	for (int i = 0; i < 5; i++)
		event_base_loop(t.base, EVLOOP_NONBLOCK);
	CHECK_EQ(t.gone, 0); /* it was answered, as far as we know */
	teardown();
}

static bool
waits_in_vain(void)
{
	struct heard h = {0};

	return ask(&h, "x", 50) == ERR_TIMEOUT && h.lines == 0;
}

static bool
was_gone(void)
{
	return t.gone > 0;
}

static void
silence(void)
{
	setup(SILENCE);
	client(waits_in_vain);
	run(was_gone);
	CHECK_EQ(t.gone, 1);
	teardown();
}

static bool
asks_and_goes(void)
{
	int fd = connect_raw();

	return write(fd, "x\n", 2) == 2 && close(fd) == 0;
}

static void
gone_before_the_answer(void)
{
	setup(LATER);
	client(asks_and_goes);
	run(was_gone);
	CHECK_EQ(t.requests, 1);
	CHECK_EQ(t.gone, 1);
	teardown();
}

static bool
says_nothing(void)
{
	return close(connect_raw()) == 0;
}

static void
gone_before_the_request(void)
{
	setup(LATER);
	client(says_nothing);
	event_base_loop(t.base, EVLOOP_NONBLOCK);
	CHECK_EQ(t.requests + t.gone, 0);
	teardown();
}

/* Writes n bytes and a newline if asked to; true if the answer is only an end. */
static bool
write_long(size_t n, bool newline)
{
	char b[CTL_REQUEST_MAX + 2], c;
	int fd = connect_raw();
	ssize_t k;

	memset(b, 'y', n);
	b[n] = '\n';
	n += newline;
	for (size_t at = 0; at < n; at += (size_t)k)
		if ((k = send(fd, b + at, n - at, MSG_NOSIGNAL)) <= 0)
			return true;
	k = read(fd, &c, 1);
	return k == 0 || (k < 0 && errno == ECONNRESET);
}

static bool
endless(void)
{
	return write_long(CTL_REQUEST_MAX + 1, false);
}

static bool
too_long(void)
{
	return write_long(CTL_REQUEST_MAX + 1, true);
}

static bool
just_short_enough(void)
{
	return !write_long(CTL_REQUEST_MAX, true);
}

static void
oversize(void)
{
	setup(ECHO);
	client(endless);
	client(too_long);
	CHECK_EQ(t.requests, 0);
	client(just_short_enough);
	CHECK_EQ(t.requests, 1);
	CHECK_EQ(strlen(t.line), CTL_REQUEST_MAX);
	teardown();
}

static bool
asks_twice(void)
{
	int fd = connect_raw();
	char c;

	return write(fd, "one\ntwo\nthree\n", 14) == 14 && read(fd, &c, 1) == 0;
}

static bool
was_asked(void)
{
	return t.requests > 0;
}

/* A connection has one request; ctl_free writes the answer, and tells nobody. */
static void
one_request(void)
{
	setup(LATER);
	start(&one, asks_twice);
	run(was_asked);
	for (int i = 0; i < 5; i++)
		event_base_loop(t.base, EVLOOP_NONBLOCK);
	CHECK_EQ(t.requests, 1);
	CHECK(strcmp(t.line, "one") == 0);
	ctl_end(t.conn);
	run(one_ended);
	finish(&one);
	CHECK_EQ(t.gone, 0);
	teardown();
}

static bool
asks_once(void)
{
	struct heard h = {0};

	return ask(&h, "x", 5000) == ERR_OK && h.lines == 1 &&
	       strcmp(h.first, "answered") == 0;
}

static void
freed_with_an_answer(void)
{
	char why[200];

	setup(LATER);
	start(&one, asks_once);
	run(was_asked);
	ctl_line(t.conn, "answered");
	ctl_free(t.ctl);
	run(one_ended);
	finish(&one);
	CHECK_EQ(t.gone, 0);
	CHECK_EQ(listen_at(t.path, why, sizeof(why)), ERR_OK);
	teardown();
}

static bool
another_user(void)
{
	struct heard h = {0};
	int err;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return false;
	err = ask(&h, "x", 5000);
	return (err == ERR_OK || err == ERR_CLOSED || err == ERR_NODEV) && h.lines == 0;
}

static void
other_users(void)
{
	struct stat st;

	setup(ECHO);
	CHECK_EQ(stat(t.path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	if (geteuid() == 0) {
		client(another_user);
		/* even if somebody has changed the mode */
		CHECK_EQ(chmod(t.dir, 0755) | chmod(t.path, 0666), 0);
		client(another_user);
		CHECK_EQ(t.requests, 0);
	}
	client(asks);
	teardown();
}

static void
stale_socket(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct heard h = {0};
	char why[200];
	int fd;

	setup(ECHO);
	ctl_free(t.ctl);
	CHECK_EQ(ask(&h, "x", 1000), ERR_NODEV);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(a.sun_path, t.path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	CHECK_EQ(ask(&h, "x", 1000), ERR_NODEV);
	CHECK_EQ(listen_at(t.path, why, sizeof(why)), ERR_OK);
	client(asks);
	teardown();
}

static void
no_place(void)
{
	char path[200], why[300] = "";
	struct ctl *ctl;
	struct heard h = {0};

	setup(ECHO);
	ctl = t.ctl;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CHECK_EQ(listen_at(path, why, sizeof(why)), ERR_TOOBIG);
	CHECK(strstr(why, "choose a shorter -s DIR") != NULL);
	CHECK_EQ(ctl_call(path, "x", 1000, on_line, &h), ERR_NODEV);
	CHECK_EQ(listen_at("/dev/null/x", why, sizeof(why)), ERR_IO);
	CHECK(strstr(why, "/dev/null/x: Not a directory") != NULL);
	t.ctl = ctl;
	teardown();
}

TEST_MAIN(TEST(request_and_reply), TEST(many_at_once), TEST(large_answer),
	  TEST(client_stops), TEST(silence), TEST(gone_before_the_answer),
	  TEST(gone_before_the_request), TEST(oversize), TEST(one_request),
	  TEST(freed_with_an_answer), TEST(other_users), TEST(stale_socket),
	  TEST(no_place))
