/* SPDX-License-Identifier: ISC */
/*
 * One device of `attach`: asked for, imported, given to the kernel through a
 * socket. How it goes is known in attach_leave.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "cmd/attacher.h"
#include "cmd/report.h"
#include "core/bridge.h"
#include "core/log.h"
#include "core/pattern.h"
#include "core/text.h"
#include "core/arq.h"
#include "net/clock.h"
#include "net/link.h"
#include "vhci/pipe.h"
#include "vhci/vhci.h"

#define CONFIGURE_US  15000000 /* the kernel gives up enumerating before that */
#define QUEUED_US     10000000 /* less than who asked waits for a line */
#define ATTACH_BUDGET LOOP_URBS

/* The asker hears once how it went; later only of what has come back. */
void
attached_answer(struct attached *x, int err, const char *text)
{
	struct want *w = x->want;

	if (x->answered) {
		if (err == ERR_OK)
			want_say(text);
		return;
	}
	x->answered = true;
	want_answer(w, err, text);
	w->open--;
	want_check(w);
}

static void
kernel_has_it(struct attached *x)
{
	char line[DEVINFO_STRING * 2 + 160];

	x->state = ATTACHED_UP;
	x->was = x->asked;
	x->told = false;
	x->tries = 0;
	x->not_before = 0;
	x->want->had++;
	x->of->attached++;
	snprintf(line, sizeof(line), "%s attached port=%u as=%s id=%04x:%04x %s %s",
		 x->info.busid, x->port, x->local, x->info.vid, x->info.pid,
		 x->info.manufacturer, x->info.product);
	attached_answer(x, ERR_OK, line);
}

static void
watch_kernel(struct attached *x, const struct vhci_port *p)
{
	if (p != NULL && p->status == VHCI_USED && p->busid[0] != '\0')
		text_copy(x->local, sizeof(x->local), p->busid);
	if (x->local[0] != '\0' && vhci_configured(ATTACHED_SYSFS, x->local))
		kernel_has_it(x);
	else if (clock_us() >= x->poll_end)
		attached_fail(x, ERR_TIMEOUT,
			      "the kernel did not configure it; see dmesg");
	else
		attached_wake_at(x, clock_us() + ATTACHED_POLL_US);
}

static void say_queued(struct attached *);

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct attached *x = arg;
	struct vhci_port p;
	bool known = x->has_port && vhci_port(&vhci_paths, x->port, &p) == ERR_OK;

	(void)fd;
	(void)what;
	if (x->state == ATTACHED_LEAVING)
		attached_left(x, !known || p.status == VHCI_FREE);
	else if (x->state == ATTACHED_EJECTING || x->state == ATTACHED_FLUSHING)
		attached_watch_eject(x);
	else if (x->state == ATTACHED_WAITING)
		attached_look(x);
	else if (x->state == ATTACHED_KERNEL)
		watch_kernel(x, known ? &p : NULL);
	else if (x->state == ATTACHED_ASKING && x->place > 0)
		say_queued(x);
}

/* --- time --- */

/* Before the bridge hears something, and after: it may have to wait. */
static void
turn(struct attached *x)
{
	struct link *l = x->of->remote != NULL ? remote_link(x->of->remote) : NULL;
	struct arq_stats s = {0};
	uint64_t now = clock_us(), at;
	struct timeval tv;

	if (l != NULL)
		(void)link_stats(l, &s);
	at = bridge_turn(x->bridge, s.srtt_us);
	attached_cache_look(x);
	if (at == UINT64_MAX)
		return;
	tv = clock_left(at, now);
	event_add(x->turn, &tv);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct attached *x = arg;

	(void)fd;
	(void)what;
	if (x->bridge != NULL)
		turn(x);
}

/* --- the kernel's side --- */

int
attached_input(void *arg, const uint8_t *p, size_t n)
{
	struct attached *x = arg;
	int err;

	turn(x);
	err = import_input(bridge_import(x->bridge), p, n);
	if (x->bridge != NULL)
		turn(x);
	return err;
}

size_t
attached_output(void *arg, const uint8_t **p)
{
	struct attached *x = arg;

	return import_output(bridge_import(x->bridge), p);
}

void
attached_sent(void *arg, size_t n)
{
	struct attached *x = arg;

	import_sent(bridge_import(x->bridge), n);
}

static void
on_closed(void *arg, int err)
{
	struct attached *x = arg;

	log_info("device %s let go by the kernel reason=\"%s\"", x->info.busid,
		 err == ERR_CLOSED ? "detached" : err_text(err));
	stand_spurn(x); /* somebody told the kernel to: as good as our own detach */
	vhci_pipe_free(x->pipe);
	x->pipe = NULL;
	attached_part(x, ERR_GONE, "the kernel let go of it", false);
}

static const struct vhci_pipe_ops pipe_ops = {attached_input, attached_output,
					      attached_sent, on_closed};

static void
on_wake(void *arg)
{
	struct attached *x = arg;

	if (x->pipe != NULL)
		vhci_pipe_wake(x->pipe);
}

static uint64_t
on_now(void *arg)
{
	(void)arg;
	return clock_us();
}

const struct bridge_ops attached_bridge_ops = {on_wake, on_now};

static int
give_to_kernel(struct attached *x, char *why, size_t cap)
{
	struct vhci_attach v = {.devid = devinfo_devid(&x->info),
				.speed = x->info.speed,
				.peer = x->of->target.name,
				.busid = x->info.busid};
	int fd, err = vhci_attach(&vhci_paths, &v, &x->port, &fd, why, cap);

	if (err != ERR_OK)
		return err;
	x->has_port = true;
	x->pipe = vhci_pipe_new(x->of->loop.base, fd, &pipe_ops, x);
	return x->pipe == NULL ? ERR_NOMEM : ERR_OK;
}

void
attached_give(struct attached *x)
{
	char why[WIRE_TEXT] = "";
	int err = give_to_kernel(x, why, sizeof(why));

	if (err != ERR_OK) {
		attached_fail(x, err, why[0] != '\0' ? why : err_text(err));
		return;
	}
	x->state = ATTACHED_KERNEL;
	x->since = (uint64_t)time(NULL);
	x->poll_end = clock_us() + CONFIGURE_US;
	attached_wake_at(x, clock_us() + ATTACHED_POLL_US);
}

/* --- the server's side --- */

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	struct attached *x = arg;
	struct pool *pool = remote_pool(x->of->remote);

	event_del(x->poll);
	x->place = 0;
	if (err != ERR_OK) {
		x->dev = 0;
		attached_fail(x, err, i->no.text);
		return;
	}
	if (stand_is_other(&x->asked, &i->info)) {
		attached_fail(x, ERR_REFUSED,
			      "it is another kind of device than the list said");
		return;
	}
	x->info = i->info;
	err = bridge_new(&x->bridge, pool, remote_imports(x->of->remote), i,
			 ATTACH_BUDGET, &attached_bridge_ops, x);
	if (err != ERR_OK) {
		attached_fail(x, err, err_text(err));
		return;
	}
	bridge_assist(x->bridge, x->of->off);
	attached_cache_start(x);
	attached_give(x);
}

int
attached_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	       const struct session_msg *m)
{
	struct attached *x = arg;
	int err;

	turn(x);
	err = bridge_reply(x->bridge, ep, tag, r, m);
	if (x->bridge != NULL)
		turn(x);
	return err;
}

void
attached_removed(void *arg, const struct wire_refusal *why)
{
	struct attached *x = arg;

	x->dev = 0;
	attached_lose(x, why->text);
}

/* Who asked hears it again and again, so that it does not give us up. */
static void
say_queued(struct attached *x)
{
	if (x->want->conn != NULL)
		want_wait(x->want, x->queue);
	attached_wake_at(x, clock_us() + QUEUED_US);
}

void
attached_queued(void *arg, const struct wire_queued *q)
{
	struct attached *x = arg;
	char when[40];

	report_time(when, sizeof(when), q->since);
	snprintf(x->queue, sizeof(x->queue),
		 "%s queued position=%u holder=%s since=\"%s\"", x->info.busid,
		 (unsigned)q->position, q->holder, when);
	x->place = q->position;
	if (x->want->conn == NULL)
		want_wait(x->want, x->queue);
	say_queued(x);
}

void
attached_ends(void *arg, const struct wire_ends *e)
{
	struct attached *x = arg;
	char line[WIRE_TEXT + 80];

	x->ends = (uint64_t)time(NULL) + e->seconds;
	snprintf(line, sizeof(line), "%s ends in=%us reason=\"%s\"", x->info.busid,
		 (unsigned)e->seconds, e->why);
	log_warn("device %s will be taken away in=%us reason=\"%s\"", x->info.busid,
		 (unsigned)e->seconds, e->why);
	want_say(line);
}

static const struct imports_user user = {on_imported, attached_reply, attached_removed,
					 attached_queued, attached_ends};

struct attached *
attached_new(struct attacher *a, struct want *w, const struct devinfo *info)
{
	struct attached *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->poll = evtimer_new(a->loop.base, on_poll, x);
	x->turn = evtimer_new(a->loop.base, on_turn, x);
	if (x->poll == NULL || x->turn == NULL) {
		if (x->poll != NULL)
			event_free(x->poll);
		free(x);
		return NULL;
	}
	x->of = a;
	x->want = w;
	x->answered = true;
	x->info = *info;
	x->state = ATTACHED_WAITING;
	list_add(&a->devs, &x->link);
	return x;
}

void
attached_ask(struct attached *x, const struct devinfo *info)
{
	struct attacher *a = x->of;
	uint8_t flags = x->want->takeover && !x->answered ? WIRE_TAKEOVER : 0;
	int err;

	event_del(x->poll);
	x->place = 0;
	x->ends = 0;
	x->info = x->asked = *info;
	x->tried = clock_us();
	x->state = ATTACHED_ASKING;
	if (a->via != NULL) {
		via_offer(x);
		return;
	}
	if (a->stock)
		err = far_start(x);
	else
		err = imports_import(remote_imports(a->remote), info->busid, flags, &user,
				     x, &x->dev);
	if (err != ERR_OK) {
		x->dev = 0;
		attached_fail(x, err, err_text(err));
	}
}

void
attached_forget_conn(struct attacher *a, struct ctl_conn *c)
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->detacher == c)
			x->detacher = NULL;
	}
}
