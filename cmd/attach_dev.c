/* SPDX-License-Identifier: ISC */
/*
 * One device of `attach`: asked for, imported, given to the kernel through a
 * socket, and taken back when anyone lets go.
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
#include "net/clock.h"
#include "net/ctl.h"
#include "vhci/eject.h"
#include "vhci/pipe.h"
#include "vhci/vhci.h"

#define POLL_US       20000    /* sysfs tells nobody when a port changes */
#define CONFIGURE_US  15000000 /* the kernel gives up enumerating before that */
#define EJECT_MS      10000    /* a disk may have much to flush */
#define SILENCE_US    700000  /* but a dead peer must not hold us: its answer to a ping */
#define LEAVE_US      2000000 /* closing to port free: 11-26 ms were seen */
#define ATTACH_BUDGET LOOP_URBS
#define SYSFS_DEVICES "/sys/bus/usb/devices"

static void
attached_free(struct attached *x)
{
	struct attacher *a = x->of;

	if (x->detacher != NULL)
		ctl_end(x->detacher);
	list_del(&x->link);
	bridge_free(x->bridge);
	if (x->pipe != NULL)
		vhci_pipe_free(x->pipe);
	far_free(x->far);
	vhci_eject_free(x->eject);
	event_free(x->poll);
	free(x);
	attach_check_end(a);
}

static void
poll_after(struct attached *x, suseconds_t us)
{
	struct timeval tv = {0, us};

	event_add(x->poll, &tv);
}

/* The asker hears once how it went. */
void
attached_answer(struct attached *x, int err, const char *text)
{
	struct want *w = x->want;

	x->want = NULL;
	if (w == NULL)
		return;
	want_answer(w, err, text);
	w->open--;
	want_check(w);
}

/* Lets the kernel's end go; the port becomes free a moment later. */
void
attached_leave(struct attached *x)
{
	if (x->state == ATTACHED_LEAVING)
		return;
	x->state = ATTACHED_LEAVING;
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

static void
on_ejected(void *arg)
{
	attached_leave(arg);
}

void
attached_eject(struct attached *x)
{
	if (x->state == ATTACHED_EJECTING)
		return;
	if (x->state == ATTACHED_UP && x->has_port)
		x->eject = vhci_eject_start(x->of->loop.base, SYSFS_DEVICES, x->local,
					    EJECT_MS, on_ejected, x);
	if (x->eject == NULL) {
		attached_leave(x);
		return;
	}
	x->state = ATTACHED_EJECTING;
	poll_after(x, SILENCE_US);
	if (x->of->remote != NULL && remote_link(x->of->remote) != NULL)
		link_ping(remote_link(x->of->remote));
}

/* Drivers end only while the peer answers: a silent one is not waited for. */
static bool
is_silent(const struct attached *x, const struct link *l)
{
	if (x->far != NULL)
		return far_silent(x->far, SILENCE_US);
	return l == NULL || link_silence_us(l) >= SILENCE_US;
}

static void
watch_eject(struct attached *x)
{
	struct link *l = x->of->remote != NULL ? remote_link(x->of->remote) : NULL;

	if (is_silent(x, l)) {
		log_info("device %s unplugged reason=\"the peer is silent\"",
			 x->info.busid);
		attached_leave(x);
		return;
	}
	if (l != NULL)
		link_ping(l);
	poll_after(x, SILENCE_US);
}

void
attached_fail(struct attached *x, int err, const char *text)
{
	char line[WIRE_TEXT + 64];

	snprintf(line, sizeof(line), "%s: %s", x->info.busid, text);
	attached_answer(x, err, line);
	attached_leave(x);
}

static void
kernel_has_it(struct attached *x)
{
	char line[DEVINFO_STRING * 2 + 160];

	x->state = ATTACHED_UP;
	x->of->attached++;
	snprintf(line, sizeof(line), "%s attached port=%u as=%s id=%04x:%04x %s %s",
		 x->info.busid, x->port, x->local, x->info.vid, x->info.pid,
		 x->info.manufacturer, x->info.product);
	attached_answer(x, ERR_OK, line);
}

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct attached *x = arg;
	struct vhci_port p;
	bool known = x->has_port && vhci_port(&vhci_paths, x->port, &p) == ERR_OK;

	(void)fd;
	(void)what;
	if (x->state == ATTACHED_LEAVING) {
		if (!known || p.status == VHCI_FREE || clock_us() >= x->poll_end)
			attached_free(x);
		else
			poll_after(x, POLL_US);
		return;
	}
	if (x->state == ATTACHED_EJECTING)
		watch_eject(x);
	if (x->state != ATTACHED_KERNEL)
		return;
	if (known && p.status == VHCI_USED && p.busid[0] != '\0')
		text_copy(x->local, sizeof(x->local), p.busid);
	if (x->local[0] != '\0' && vhci_configured(SYSFS_DEVICES, x->local))
		kernel_has_it(x);
	else if (clock_us() >= x->poll_end)
		attached_fail(x, ERR_TIMEOUT,
			      "the kernel did not configure it; see dmesg");
	else
		poll_after(x, POLL_US);
}

/* --- the kernel's side --- */

int
attached_input(void *arg, const uint8_t *p, size_t n)
{
	struct attached *x = arg;

	return import_input(bridge_import(x->bridge), p, n);
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
	attached_fail(x, ERR_GONE, "the kernel let go of it");
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

const struct bridge_ops attached_bridge_ops = {on_wake};

static int
give_to_kernel(struct attached *x, char *why, size_t cap)
{
	struct vhci_attach v = {.devid = x->info.busnum << 16 | x->info.devnum,
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
	poll_after(x, POLL_US);
}

/* --- the server's side --- */

static void
on_imported(void *arg, int err, const struct wire_imported *i)
{
	struct attached *x = arg;
	struct pool *pool = remote_pool(x->of->remote);

	if (err != ERR_OK) {
		x->dev = 0;
		attached_fail(x, err, i->no.text);
		return;
	}
	if (pattern_needs_name(&i->info) && !pattern_needs_name(&x->info)) {
		attached_fail(x, ERR_REFUSED,
			      "it is another kind of device than the list said");
		return;
	}
	x->info = i->info;
	err = bridge_new(&x->bridge, pool, remote_imports(x->of->remote), i,
			 ATTACH_BUDGET, &attached_bridge_ops, x);
	if (err == ERR_OK)
		attached_give(x);
	else
		attached_fail(x, err, err_text(err));
}

int
attached_reply(void *arg, uint8_t ep, uint64_t tag, const struct import_reply *r,
	       const struct session_msg *m)
{
	struct attached *x = arg;

	return bridge_reply(x->bridge, ep, tag, r, m);
}

void
attached_removed(void *arg, const struct wire_refusal *why)
{
	struct attached *x = arg;

	x->dev = 0;
	log_info("device %s taken away reason=\"%s\"", x->info.busid, why->text);
	if (x->of->code == 0)
		x->of->code = err_exit(ERR_GONE);
	attached_fail(x, ERR_GONE, why->text);
}

static const struct imports_user user = {on_imported, attached_reply, attached_removed};

/* Offered devices are asked for when a client wants them. */
static int
ask(struct attached *x)
{
	struct attacher *a = x->of;

	if (a->stock)
		return far_start(x);
	if (a->via != NULL)
		return ERR_OK;
	return imports_import(remote_imports(a->remote), x->info.busid, 0, &user, x,
			      &x->dev);
}

int
attached_start(struct attacher *a, struct want *w, const struct devinfo *info)
{
	struct attached *x = calloc(1, sizeof(*x));
	int err;

	if (x == NULL)
		return ERR_NOMEM;
	x->of = a;
	x->info = *info;
	x->state = ATTACHED_ASKING;
	if ((x->poll = evtimer_new(a->loop.base, on_poll, x)) == NULL) {
		free(x);
		return ERR_NOMEM;
	}
	if ((err = ask(x)) != ERR_OK) {
		event_free(x->poll);
		free(x);
		return err;
	}
	x->want = w;
	w->open++;
	list_add(&a->devs, &x->link);
	if (a->via != NULL)
		via_offer(x);
	return ERR_OK;
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
