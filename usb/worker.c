/* SPDX-License-Identifier: ISC */
/*
 * A thread with a queue of jobs in, a queue of done ones out, and an eventfd that
 * tells the loop of the latter. Only what the mutex guards is shared.
 */
#include "usb/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/mem.h"

#define WORKER_TURN 16 /* done jobs told per turn of the loop (DESIGN.md 9) */

struct jobs {
	struct worker_job *first, **last;
};

struct worker {
	pthread_t thread;
	int fd; /* counts up when a job is done */
	struct event *ev;
	bool *freed; /* of the tell that is running, NULL: none is */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work;
	struct jobs todo, done;
	bool stop;
};

static void
put(struct jobs *q, struct worker_job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

static struct worker_job *
take(struct jobs *q)
{
	struct worker_job *j = q->first;

	if (j == NULL)
		return NULL;
	q->first = j->next;
	if (q->first == NULL)
		q->last = &q->first;
	return j;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct worker_job *j;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while ((j = take(&w->todo)) == NULL && !w->stop)
			pthread_cond_wait(&w->work, &w->lock);
		if (j == NULL)
			break;
		pthread_mutex_unlock(&w->lock);
		j->run(j);
		pthread_mutex_lock(&w->lock);
		put(&w->done, j);
		(void)eventfd_write(w->fd, 1); /* full: the loop was told already */
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static struct worker_job *
take_done(struct worker *w)
{
	struct worker_job *j;

	pthread_mutex_lock(&w->lock);
	j = take(&w->done);
	pthread_mutex_unlock(&w->lock);
	return j;
}

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct worker_job *j;
	bool freed = false;
	eventfd_t n;

	(void)what;
	(void)eventfd_read(fd, &n);
	w->freed = &freed;
	for (int i = 0; i < WORKER_TURN && (j = take_done(w)) != NULL; i++) {
		j->done(j);
		if (freed)
			return;
	}
	w->freed = NULL;
	if (j != NULL) /* there may be more */
		event_active(w->ev, EV_READ, 0);
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static int
start_thread(struct worker *w)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static void
destroy(struct worker *w)
{
	if (w->ev)
		event_free(w->ev);
	if (w->fd >= 0)
		close(w->fd);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct worker *
worker_new(struct event_base *base)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	w->todo.last = &w->todo.first;
	w->done.last = &w->done.first;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0 ||
	    (w->ev = event_new(base, w->fd, EV_READ | EV_PERSIST, on_done, w)) == NULL ||
	    event_add(w->ev, NULL) != 0 || start_thread(w) != 0) {
		destroy(w);
		return NULL;
	}
	return w;
}

void
worker_do(struct worker *w, struct worker_job *j)
{
	pthread_mutex_lock(&w->lock);
	ASSERT(!w->stop);
	put(&w->todo, j);
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

void
worker_free(struct worker *w)
{
	struct worker_job *j;

	if (w == NULL)
		return;
	if (w->freed)
		*w->freed = true;
	pthread_mutex_lock(&w->lock);
	ASSERT(!w->stop);
	w->stop = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	while ((j = take_done(w)) != NULL)
		j->done(j);
	destroy(w);
}
