/* SPDX-License-Identifier: ISC */
/* link: usb */
#include <pthread.h>

#include <event2/event.h>

#include "test/test.h"
#include "usb/worker.h"

#define JOBS 50

struct probe {
	struct worker_job job;
	struct worker *w;
	struct event_base *base;
	pthread_t ran_in;
	int number, *next; /* *next: what the next done must be */
	bool in_order, ran, last, frees;
};

static void
run(struct worker_job *j)
{
	struct probe *p = CONTAINER_OF(j, struct probe, job);

	p->ran_in = pthread_self();
	p->ran = true;
}

static void
done(struct worker_job *j)
{
	struct probe *p = CONTAINER_OF(j, struct probe, job);

	p->in_order = p->ran && *p->next == p->number;
	(*p->next)++;
	if (p->frees)
		worker_free(p->w);
	if (p->last)
		event_base_loopbreak(p->base);
}

static struct event_base *base;
static struct worker *w;
static int next_done;
static struct probe probes[JOBS];

static void
set_up(void)
{
	base = event_base_new();
	w = worker_new(base);
	next_done = 0;
	CHECK(w != NULL);
	for (int i = 0; i < JOBS; i++)
		probes[i] = (struct probe){.job = {.run = run, .done = done},
					   .w = w,
					   .base = base,
					   .number = i,
					   .next = &next_done,
					   .last = i == JOBS - 1};
}

static void
jobs_run_in_order(void)
{
	set_up();
	for (int i = 0; i < JOBS; i++)
		worker_do(w, &probes[i].job);
	CHECK_EQ(next_done, 0); /* none is told outside the loop */
	event_base_dispatch(base);
	CHECK_EQ(next_done, JOBS);
	for (int i = 0; i < JOBS; i++) {
		CHECK(probes[i].in_order);
		CHECK(!pthread_equal(probes[i].ran_in, pthread_self()));
	}
	worker_free(w);
	event_base_free(base);
}

static void
free_tells_what_is_out(void)
{
	set_up();
	for (int i = 0; i < JOBS; i++)
		worker_do(w, &probes[i].job);
	worker_free(w);
	CHECK_EQ(next_done, JOBS);
	for (int i = 0; i < JOBS; i++)
		CHECK(probes[i].in_order);
	event_base_free(base);
}

/* The rest is told from inside that free, then the loop goes on without it. */
static void
free_from_done(void)
{
	set_up();
	probes[3].frees = true;
	for (int i = 0; i < JOBS; i++)
		worker_do(w, &probes[i].job);
	event_base_dispatch(base);
	CHECK_EQ(next_done, JOBS);
	for (int i = 0; i < JOBS; i++)
		CHECK(probes[i].in_order);
	event_base_free(base);
}

static void
free_of_idle(void)
{
	set_up();
	worker_free(w);
	worker_free(NULL);
	event_base_free(base);
}

TEST_MAIN(TEST(jobs_run_in_order), TEST(free_tells_what_is_out), TEST(free_from_done),
	  TEST(free_of_idle))
