/* SPDX-License-Identifier: ISC */
/*
 * The connection of `attach` to its server: it is there, it is lost, it ends; and when
 * that is the end of the process.
 */
#include <event2/event.h>

#include "cmd/attacher.h"
#include "core/assist.h"
#include "core/bridge.h"

static void
on_ready(void *arg)
{
	struct attacher *a = arg;

	a->ready = true;
	if (imports_list(remote_imports(a->remote)) != ERR_OK)
		attach_end(a, 1);
}

static void
leave_all(struct attacher *a, void (*leave)(struct attached *))
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		leave(CONTAINER_OF(l, struct attached, link));
	}
}

static const char *
server_name(const struct attacher *a)
{
	return a->target.name[0] != '\0' ? a->target.name : "server";
}

/* The session ends with every device in it; what is asked for stays asked for. */
static void
on_lost(void *arg, const char *why)
{
	struct attacher *a = arg;
	struct list *l;

	if (a->once && !a->ending) {
		a->code = cmd_fail(ERR_UNREACHABLE, "%s: %s", server_name(a), why);
		a->ending = true;
	}
	LIST_EACH (&a->devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		x->dev = 0; /* nobody to give it back to */
		if (x->state < ATTACHED_WAITING || x->state == ATTACHED_EJECTING)
			attached_lose(x, why);
		bridge_free(x->bridge); /* its imports end here */
		x->bridge = NULL;
	}
	attach_check_end(a);
}

static void
on_down(void *arg, int err, const char *why)
{
	struct attacher *a = arg;
	struct list *l;

	if (!a->ending) {
		if (why[0] != '\0')
			cmd_fail(err, "%s: %s", server_name(a), why);
		a->code = err_exit(err);
		a->ending = true;
	}
	leave_all(a, attached_leave);
	LIST_EACH (&a->devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		bridge_free(x->bridge); /* its imports end here */
		x->bridge = NULL;
	}
	remote_free(a->remote);
	a->remote = NULL;
	attach_check_end(a);
}

static void
on_turn(void *arg)
{
	struct attacher *a = arg;

	watch_poke(&a->watch);
}

static const struct remote_ops remote_ops = {on_ready, names_device, NULL,
					     on_turn,  on_lost,      on_down};

/* Devices first, then the link, then the process. */
void
attach_check_end(struct attacher *a)
{
	if (a->ready && list_empty(&a->devs) && list_empty(&a->wants))
		a->ending = true;
	attach_sleep_check(a);
	if (!a->ending || !list_empty(&a->devs))
		return;
	if (a->remote != NULL)
		remote_close(a->remote);
	else
		loop_exit(&a->loop, a->code);
}

void
attach_end(struct attacher *a, int code)
{
	a->ending = true;
	a->code = code;
	leave_all(a, attached_eject);
	attach_check_end(a);
}

/* A stock server has no connection but those of its devices. */
static void
on_stock_start(evutil_socket_t fd, short what, void *arg)
{
	struct attacher *a = arg;

	(void)fd;
	(void)what;
	a->ready = true;
	if (!a->ending)
		want_busids(CONTAINER_OF(a->wants.next, struct want, link));
}

static int
connect_stock(struct attacher *a)
{
	const struct timeval now = {0, 0};

	return event_base_once(a->loop.base, -1, EV_TIMEOUT, on_stock_start, a, &now) == 0
		   ? ERR_OK
		   : ERR_NOMEM;
}

int
attach_connect(struct attacher *a)
{
	if (a->stock)
		return connect_stock(a);
	a->remote =
	    remote_connect(&a->loop, a->ctx, &a->target, a->grace_us, &remote_ops, a);
	if (a->remote == NULL)
		return ERR_NOMEM;
	if (a->first_lasts)
		remote_insist(a->remote);
	remote_plain(a->remote, (a->off & 1u << ASSIST_COMPRESSION) != 0);
	return ERR_OK;
}
