/* SPDX-License-Identifier: ISC */
/*
 * How a device of `attach` goes: in order, its drivers first, or at once; for good,
 * or until it comes back.
 */
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "cmd/attacher.h"
#include "core/bridge.h"
#include "core/log.h"
#include "core/text.h"
#include "net/clock.h"
#include "net/ctl.h"
#include "vhci/eject.h"
#include "vhci/pipe.h"
#include "vhci/vhci.h"

#define EJECT_MS   10000    /* a disk may have much to flush */
#define FLUSH_US   10000000 /* what its drivers have left behind */
#define LOOK_US    100000
#define SILENCE_US 1500000 /* but a dead peer must not hold us: its answer to a ping */
#define LEAVE_US   2000000 /* closing to port free: 11-26 ms were seen */

static void
dispose(struct attached *x)
{
	if (x->detacher != NULL)
		ctl_end(x->detacher);
	list_del(&x->link);
	watch_poke(&x->of->watch);
	bridge_free(x->bridge);
	if (x->pipe != NULL)
		vhci_pipe_free(x->pipe);
	far_free(x->far);
	vhci_eject_free(x->eject);
	event_free(x->poll);
	event_free(x->turn);
	free(x);
}

static void
attached_free(struct attached *x)
{
	struct attacher *a = x->of;
	struct want *w = x->want;

	dispose(x);
	want_check(w);
	attach_check_end(a);
}

void
attached_abandon(struct attacher *a)
{
	while (!list_empty(&a->devs)) {
		struct attached *x = CONTAINER_OF(a->devs.next, struct attached, link);

		attached_cache_end(x);
		dispose(x);
	}
}

void
attached_wake_at(struct attached *x, uint64_t us)
{
	struct timeval tv = clock_left(us, clock_us());

	watch_poke(&x->of->watch);
	event_add(x->poll, &tv);
}

/* Lets the kernel's end go; the port becomes free a moment later. */
void
attached_leave(struct attached *x)
{
	if (x->state == ATTACHED_LEAVING)
		return;
	x->state = ATTACHED_LEAVING;
	attached_cache_end(x);
	watch_poke(&x->of->watch);
	via_leave(x);
	vhci_eject_free(x->eject);
	x->eject = NULL;
	if (x->pipe != NULL)
		vhci_pipe_free(x->pipe);
	x->pipe = NULL;
	far_leave(x->far);
	if (x->dev != 0 && x->of->remote != NULL)
		imports_release(remote_imports(x->of->remote), x->dev);
	x->dev = 0;
	if (x->has_port)
		vhci_forget(&vhci_paths, x->port);
	x->poll_end = clock_us() + LEAVE_US;
	event_active(x->poll, EV_TIMEOUT, 1);
}

static struct link *
link_of(const struct attached *x)
{
	return x->of->remote != NULL ? remote_link(x->of->remote) : NULL;
}

static void
ping(const struct attached *x)
{
	if (link_of(x) != NULL)
		link_ping(link_of(x));
}

/* Until the disk has what was written, if the peer is still there for that. */
static bool
flush(struct attached *x, enum attached_state state)
{
	if (x->dev == 0 || !attached_unflushed(x))
		return false;
	log_info("device %s is waited for: it has not all that was written",
		 x->info.busid);
	x->state = state;
	x->poll_end = clock_us() + FLUSH_US;
	ping(x);
	attached_wake_at(x, clock_us() + LOOK_US);
	return true;
}

bool
attached_flush(struct attached *x)
{
	return flush(x, ATTACHED_FLUSHING);
}

static void
flush_and_leave(struct attached *x)
{
	vhci_eject_free(x->eject);
	x->eject = NULL;
	if (x->state != ATTACHED_LEAVING && !flush(x, ATTACHED_EJECTING))
		attached_leave(x);
}

static void
on_ejected(void *arg)
{
	flush_and_leave(arg);
}

void
attached_eject(struct attached *x)
{
	if (x->state == ATTACHED_EJECTING)
		return;
	if (x->state == ATTACHED_UP && x->has_port)
		x->eject = vhci_eject_start(x->of->loop.base, ATTACHED_SYSFS, x->local,
					    EJECT_MS, on_ejected, x);
	if (x->eject == NULL) {
		flush_and_leave(x);
		return;
	}
	x->state = ATTACHED_EJECTING;
	x->poll_end = 0;
	attached_wake_at(x, clock_us() + SILENCE_US);
	ping(x);
}

/* Longer if the peer is far: an answer that is late would cost what is not flushed. */
static bool
is_silent(const struct attached *x)
{
	const struct link *l = link_of(x);
	struct arq_stats s;

	if (clock_us() + FLUSH_US < x->poll_end + SILENCE_US)
		return false; /* it was asked a moment ago */
	if (x->far != NULL)
		return far_silent(x->far, SILENCE_US);
	return l == NULL || !link_stats(l, &s) ||
	       link_silence_us(l) >= SILENCE_US + 4 * s.srtt_us;
}

static void
wait_no_more(struct attached *x)
{
	if (x->state == ATTACHED_FLUSHING)
		via_again(x);
	else
		attached_leave(x);
}

/* Drivers end only while the peer answers: a silent one is not waited for. */
void
attached_watch_eject(struct attached *x)
{
	if (x->eject == NULL && (!attached_unflushed(x) || clock_us() >= x->poll_end)) {
		wait_no_more(x);
		return;
	}
	if (is_silent(x)) {
		log_info("device %s %s reason=\"the peer is silent\"", x->info.busid,
			 x->state == ATTACHED_FLUSHING ? "not waited for" : "unplugged");
		wait_no_more(x);
		return;
	}
	ping(x);
	attached_wake_at(x, clock_us() + (x->eject != NULL ? SILENCE_US : LOOK_US));
}

/* Until it comes back, if again; for good otherwise. */
void
attached_part(struct attached *x, int err, const char *text, bool again)
{
	char line[WIRE_TEXT + 64];

	x->again = again && !x->want->once;
	text_copy(x->why, sizeof(x->why), text);
	snprintf(line, sizeof(line), "%s: %s", x->info.busid, text);
	attached_answer(x, err, line);
	flush_and_leave(x);
}

void
attached_fail(struct attached *x, int err, const char *text)
{
	text_copy(x->why, sizeof(x->why), text);
	if (!x->want->once)
		stand_failed(x);
	attached_part(x, err, text, true);
}

void
attached_lose(struct attached *x, const char *why)
{
	log_info("device %s taken away reason=\"%s\"", x->info.busid, why);
	if (x->state == ATTACHED_EJECTING) { /* as the user wanted it */
		attached_leave(x);
		return;
	}
	if (x->want->once && x->want->line && x->of->code == 0)
		x->of->code = err_exit(ERR_GONE);
	if (x->state != ATTACHED_UP && x->state != ATTACHED_OFFERED &&
	    x->state != ATTACHED_FLUSHING)
		attached_fail(x, ERR_GONE, why);
	else
		attached_part(x, ERR_GONE, why, true);
}

void
attached_look(struct attached *x)
{
	if (!remote_ready(x->of->remote))
		return; /* the list comes with the next session */
	if (imports_list(remote_imports(x->of->remote)) != ERR_OK)
		attach_end(x->of, 1);
}

/* Its port is free. The list may have it again already. */
static void
wait(struct attached *x)
{
	char line[WIRE_TEXT + 64];

	if (x->detacher != NULL)
		ctl_end(x->detacher);
	x->detacher = NULL;
	bridge_free(x->bridge);
	x->bridge = NULL;
	x->has_port = x->again = false;
	x->local[0] = '\0';
	x->state = ATTACHED_WAITING;
	if (!x->told && x->want->had > 0) {
		snprintf(line, sizeof(line), "%s waits reason=\"%s\"", x->info.busid,
			 x->why);
		want_say(line);
		x->told = true;
	}
	attach_sleep_check(x->of);
	if (x->not_before > clock_us())
		attached_wake_at(x, x->not_before);
	else
		attached_look(x);
}

void
attached_left(struct attached *x, bool port_free)
{
	if (!port_free && clock_us() < x->poll_end)
		attached_wake_at(x, clock_us() + ATTACHED_POLL_US);
	else if (x->again && !x->of->ending)
		wait(x);
	else
		attached_free(x);
}
