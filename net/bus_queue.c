/* SPDX-License-Identifier: ISC */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "net/bus_queue.h"

#define QUEUED (64 << 20) /* bytes that wait for the loop */
#define TURN   128        /* of a turn of it */

struct bus_queue {
	void (*heard)(void *arg, const struct bus_heard *);
	void *arg;
	int fd;
	struct event *event;
	pthread_mutex_t lock; /* of what follows */
	struct bus_heard *first, **last;
	size_t queued;
};

static void
wake(struct bus_queue *q)
{
	const uint64_t one = 1;

	(void)!write(q->fd, &one, sizeof(one));
}

void
bus_queue_put(struct bus_queue *q, uint8_t kind, const char *reply, const void *body,
	      size_t n)
{
	struct bus_heard *h = malloc(sizeof(*h) + n);

	if (h == NULL)
		return;
	*h = (struct bus_heard){.kind = kind, .n = n};
	snprintf(h->reply, sizeof(h->reply), "%s", reply);
	memcpy(h->body, body, n);
	pthread_mutex_lock(&q->lock);
	if (q->queued + sizeof(*h) + n <= QUEUED) {
		q->queued += sizeof(*h) + n;
		*q->last = h;
		q->last = &h->next;
		h = NULL;
	}
	pthread_mutex_unlock(&q->lock);
	free(h);
	wake(q);
}

static struct bus_heard *
take(struct bus_queue *q)
{
	struct bus_heard *h;

	pthread_mutex_lock(&q->lock);
	if ((h = q->first) != NULL) {
		q->queued -= sizeof(*h) + h->n;
		if ((q->first = h->next) == NULL)
			q->last = &q->first;
	}
	pthread_mutex_unlock(&q->lock);
	return h;
}

/* Those who are connected have their turn between many from other nodes. */
static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct bus_queue *q = arg;
	struct bus_heard *h;
	uint64_t n;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	for (unsigned i = 0; i < TURN; i++) {
		if ((h = take(q)) == NULL)
			return;
		q->heard(q->arg, h);
		free(h);
	}
	wake(q);
}

struct bus_queue *
bus_queue_new(struct event_base *base, void (*heard)(void *arg, const struct bus_heard *),
	      void *arg)
{
	struct bus_queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->heard = heard;
	q->arg = arg;
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	q->event = event_new(base, q->fd, EV_READ | EV_PERSIST, on_wake, q);
	if (q->fd >= 0 && q->event != NULL && event_add(q->event, NULL) == 0)
		return q;
	bus_queue_free(q);
	return NULL;
}

void
bus_queue_free(struct bus_queue *q)
{
	struct bus_heard *h;

	if (q == NULL)
		return;
	while ((h = take(q)) != NULL)
		free(h);
	if (q->event != NULL)
		event_free(q->event);
	if (q->fd >= 0)
		close(q->fd);
	pthread_mutex_destroy(&q->lock);
	free(q);
}
