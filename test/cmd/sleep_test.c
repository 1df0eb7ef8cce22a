/* SPDX-License-Identifier: ISC */
/* link: cmd core */
/*
 * With a bus of one's own, and a logind of test/cmd/logind.h in another process.
 */
#include <signal.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "cmd/sleep.h"
#include "test/test.h"
#include "test/cmd/logind.h"

static char dir[] = "/tmp/sleep_test.XXXXXX";
static pid_t bus, logind;
static FILE *to, *from;
static struct event_base *base;
static unsigned going, back;

static const char config[] =
    "<busconfig><type>session</type><listen>unix:path=%s/bus</listen>"
    "<policy context=\"default\"><allow send_destination=\"*\"/><allow own=\"*\"/>"
    "<allow receive_sender=\"*\"/></policy></busconfig>\n";

static pid_t
start_bus(void)
{
	char path[64], arg[96], one;
	int fd[2];
	FILE *f;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/conf", dir);
	f = fopen(path, "w");
	fprintf(f, config, dir);
	fclose(f);
	if (pipe(fd) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		snprintf(arg, sizeof(arg), "--config-file=%s", path);
		dup2(fd[1], 1);
		execlp("dbus-daemon", "dbus-daemon", arg, "--nofork", "--nopidfile",
		       "--print-address=1", NULL);
		_exit(127);
	}
	close(fd[1]);
	CHECK(read(fd[0], &one, 1) == 1); /* it listens */
	close(fd[0]);
	snprintf(arg, sizeof(arg), "unix:path=%s/bus", dir);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", arg, 1);
	return pid;
}

static bool
answer_is(const char *want)
{
	char line[32];

	return from != NULL && fgets(line, sizeof(line), from) != NULL &&
	       strncmp(line, want, strlen(want)) == 0;
}

static pid_t
start_logind(void)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe(in) != 0 || pipe(out) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		_exit(logind_run());
	}
	close(in[0]);
	close(out[1]);
	to = fdopen(in[1], "w");
	from = fdopen(out[0], "r");
	CHECK(answer_is("ready"));
	return pid;
}

/* One that was not started has no id that could be signalled: -1 means everybody. */
static void
end(pid_t *pid)
{
	if (*pid <= 1)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void
end_logind(void)
{
	if (to != NULL)
		fclose(to);
	if (from != NULL)
		fclose(from);
	to = from = NULL;
	end(&logind);
}

static void
say(const char *line)
{
	if (to == NULL)
		return;
	fprintf(to, "%s\n", line);
	fflush(to);
}

static void
on_going(void *arg)
{
	(void)arg;
	going++;
}

static void
on_back(void *arg)
{
	(void)arg;
	back++;
}

static const struct sleep_ops ops = {on_going, on_back};

/* Turns the loop until *n is what it should be. */
static bool
until(const unsigned *n, unsigned want)
{
	for (unsigned i = 0; i < 2000 && *n != want; i++) {
		struct timeval tv = {0, 10000};

		event_base_loopexit(base, &tv);
		event_base_dispatch(base);
	}
	return *n == want;
}

/* Turns the loop until logind has so many locks. */
static bool
locks(const char *want)
{
	for (unsigned i = 0; i < 1000; i++) {
		struct timeval tv = {0, 10000};

		event_base_loopexit(base, &tv);
		event_base_dispatch(base);
		say("locks");
		if (answer_is(want))
			return true;
	}
	return false;
}

static void
no_bus(void)
{
	int status = -1;
	pid_t pid;

	CHECK(mkdtemp(dir) != NULL);
	if ((pid = fork()) == 0) { /* libdbus reads the address once */
		setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
		base = event_base_new();
		_exit(sleep_new(base, &ops, NULL) != NULL);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	base = event_base_new();
}

static void
there_and_back(void)
{
	struct sleep *s;

	bus = start_bus();
	CHECK(bus > 0);
	logind = start_logind();
	CHECK(logind > 0);
	if (bus <= 0 || logind <= 0)
		return;
	s = sleep_new(base, &ops, NULL);
	CHECK(s != NULL);
	if (s == NULL)
		return;
	CHECK(locks("1"));
	for (unsigned i = 1; i <= 3; i++) {
		say("sleep");
		CHECK(until(&going, i));
		CHECK(locks("1")); /* it waits for us */
		sleep_ready(s);
		CHECK(answer_is("asleep"));
		say("wake");
		CHECK(answer_is("awake"));
		CHECK(until(&back, i));
		CHECK(locks("1")); /* for the next time */
	}
	sleep_free(s);
	CHECK(locks("0"));
}

/* A logind that comes later is asked, too. */
static void
logind_comes_later(void)
{
	struct sleep *s;

	end_logind();
	s = sleep_new(base, &ops, NULL);
	CHECK(s != NULL);
	logind = start_logind();
	CHECK(logind > 0);
	if (s == NULL || logind <= 0)
		return;
	CHECK(locks("1"));
	say("sleep");
	CHECK(until(&going, 4));
	sleep_free(s); /* ends in the middle of it */
	CHECK(answer_is("asleep"));
}

static void
bus_goes(void)
{
	struct sleep *s = sleep_new(base, &ops, NULL);
	struct timeval tv = {0, 100000};

	CHECK(s != NULL);
	end(&bus);
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
	CHECK_EQ(going, 4);
	sleep_free(s);
	end_logind();
	event_base_free(base);
	dbus_shutdown();
}

static void
tidy(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/conf", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/bus", dir);
	unlink(path);
	CHECK(rmdir(dir) == 0);
}

TEST_MAIN(TEST(no_bus), TEST(there_and_back), TEST(logind_comes_later), TEST(bus_goes),
	  TEST(tidy))
