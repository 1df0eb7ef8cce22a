/* SPDX-License-Identifier: ISC */
/* link: net core */
#include <glib-unix.h>
#include <unistd.h>

#include <event2/event.h>

#include "net/gpump.h"
#include "test/test.h"

struct fixture {
	struct event_base *base;
	struct gpump *pump;
	struct event *limit;
	int hits;
	int fd[2];
	GSource *source;
};

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void
setup(struct fixture *f, long limit_us)
{
	struct event_config *c = event_config_new();
	struct timeval tv = {limit_us / 1000000, limit_us % 1000000};

	memset(f, 0, sizeof(*f));
	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	f->base = event_base_new_with_config(c);
	event_config_free(c);
	f->pump = gpump_new(f->base);
	f->limit = event_new(f->base, -1, 0, give_up, f->base);
	event_add(f->limit, &tv);
	CHECK_EQ(pipe(f->fd), 0);
}

static void
teardown(struct fixture *f)
{
	if (f->source != NULL) {
		g_source_destroy(f->source);
		g_source_unref(f->source);
	}
	gpump_free(f->pump);
	event_free(f->limit);
	event_base_free(f->base);
	close(f->fd[0]);
	close(f->fd[1]);
}

static gboolean
hit(gpointer arg)
{
	struct fixture *f = arg;

	f->hits++;
	event_base_loopbreak(f->base);
	return G_SOURCE_REMOVE;
}

static gboolean
hit_fd(gint fd, GIOCondition c, gpointer arg)
{
	struct fixture *f = arg;
	char b;

	CHECK((c & G_IO_IN) != 0);
	CHECK_EQ(read(fd, &b, 1), 1);
	f->hits++;
	event_base_loopbreak(f->base);
	return G_SOURCE_CONTINUE;
}

static void
attach(struct fixture *f, GSource *s, GSourceFunc fn)
{
	g_source_set_callback(s, fn, f, NULL);
	g_source_attach(s, gpump_context(f->pump));
	f->source = s;
	gpump_kick(f->pump);
}

static void
timeout_comes(void)
{
	struct fixture f;

	setup(&f, 2000000);
	attach(&f, g_timeout_source_new(20), hit);
	event_base_dispatch(f.base);
	CHECK_EQ(f.hits, 1);
	teardown(&f);
}

static void
timeout_comes_when_pump_was_idle(void)
{
	struct fixture f;

	setup(&f, 2000000);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	attach(&f, g_timeout_source_new(1), hit);
	event_base_dispatch(f.base);
	CHECK_EQ(f.hits, 1);
	teardown(&f);
}

static void
fd_comes_every_time(void)
{
	struct fixture f;

	setup(&f, 2000000);
	attach(&f, g_unix_fd_source_new(f.fd[0], G_IO_IN), G_SOURCE_FUNC(hit_fd));
	for (int i = 1; i <= 3; i++) {
		CHECK_EQ(write(f.fd[1], "x", 1), 1);
		event_base_dispatch(f.base);
		CHECK_EQ(f.hits, i);
	}
	teardown(&f);
}

/* The same number is another file now; nobody told us. */
static void
fd_number_used_again(void)
{
	struct fixture f;
	int other[2];

	setup(&f, 2000000);
	attach(&f, g_unix_fd_source_new(f.fd[0], G_IO_IN), G_SOURCE_FUNC(hit_fd));
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(pipe(other), 0);
	CHECK_EQ(dup2(other[0], f.fd[0]), f.fd[0]);
	CHECK_EQ(dup2(other[1], f.fd[1]), f.fd[1]);
	close(other[0]);
	close(other[1]);
	gpump_kick(f.pump);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(write(f.fd[1], "x", 1), 1);
	event_base_dispatch(f.base);
	CHECK_EQ(f.hits, 1);
	teardown(&f);
}

static void
removed_fd_is_forgotten(void)
{
	struct fixture f;
	uint64_t turns;

	setup(&f, 30000);
	attach(&f, g_unix_fd_source_new(f.fd[0], G_IO_IN), G_SOURCE_FUNC(hit_fd));
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	g_source_destroy(f.source);
	gpump_kick(f.pump);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	turns = gpump_turns(f.pump);
	CHECK_EQ(write(f.fd[1], "x", 1), 1);
	event_base_dispatch(f.base);
	CHECK_EQ(f.hits, 0);
	CHECK(gpump_turns(f.pump) <= turns + 2);
	teardown(&f);
}

static void
idle_pump_sleeps(void)
{
	struct fixture f;
	uint64_t turns;

	setup(&f, 50000);
	attach(&f, g_unix_fd_source_new(f.fd[0], G_IO_IN), G_SOURCE_FUNC(hit_fd));
	for (int i = 0; i < 4; i++)
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	turns = gpump_turns(f.pump);
	event_base_dispatch(f.base);
	CHECK_EQ(gpump_turns(f.pump), turns);
	teardown(&f);
}

struct counted {
	struct gpump_job job;
	struct fixture *f;
	int again;
};

static void
count(struct gpump_job *job)
{
	struct counted *c = CONTAINER_OF(job, struct counted, job);

	c->f->hits++;
	if (c->again-- > 0)
		gpump_later(c->f->pump, &c->job);
	else
		event_base_loopbreak(c->f->base);
}

static void
job_runs_once_from_the_loop(void)
{
	struct fixture f;
	struct counted c = {.job = {.run = count}, .f = &f, .again = 2};

	setup(&f, 2000000);
	list_init(&c.job.link);
	gpump_later(f.pump, &c.job);
	gpump_later(f.pump, &c.job);
	CHECK_EQ(f.hits, 0);
	event_base_dispatch(f.base);
	CHECK_EQ(f.hits, 3); /* it asked for itself again, twice */
	CHECK(gpump_turns(f.pump) >= 3);
	gpump_later(f.pump, &c.job);
	list_del(&c.job.link);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	CHECK_EQ(f.hits, 3);
	teardown(&f);
}

static void
jobs_asked_for_twice_keep_the_others(void)
{
	struct fixture f;
	struct counted c = {.job = {.run = count}, .f = &f}, d = c;

	setup(&f, 2000000);
	list_init(&c.job.link);
	list_init(&d.job.link);
	gpump_later(f.pump, &c.job);
	gpump_later(f.pump, &d.job);
	gpump_later(f.pump, &c.job);
	event_base_dispatch(f.base);
	CHECK_EQ(f.hits, 2);
	teardown(&f);
}

static void
free_runs_jobs(void)
{
	struct fixture f;
	struct counted c = {.job = {.run = count}, .f = &f};

	setup(&f, 2000000);
	list_init(&c.job.link);
	gpump_later(f.pump, &c.job);
	teardown(&f);
	CHECK_EQ(f.hits, 1);
}

TEST_MAIN(TEST(timeout_comes), TEST(timeout_comes_when_pump_was_idle),
	  TEST(fd_comes_every_time), TEST(fd_number_used_again),
	  TEST(removed_fd_is_forgotten), TEST(idle_pump_sleeps),
	  TEST(job_runs_once_from_the_loop), TEST(jobs_asked_for_twice_keep_the_others),
	  TEST(free_runs_jobs))
