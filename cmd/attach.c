/* SPDX-License-Identifier: ISC */
/*
 * attach: uses devices of a peer as if they were plugged in here. One process
 * for each peer; it ends when its last device is detached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/attacher.h"
#include "cmd/background.h"
#include "cmd/state.h"
#include "core/assist.h"
#include "core/log.h"
#include "core/text.h"
#include "net/ctl.h"
#include "vhci/vhci.h"

enum {
	OPT_AS,
	OPT_BACKGROUND,
	OPT_VIA,
	OPT_USBIP_ALLOW,
	OPT_ONCE,
	OPT_GRACE,
	OPT_TAKEOVER,
	OPT_ACCEPT,
	OPT_NO_ASSIST,
	OPT_WRITE_CACHE
};

static const struct cmd_opt opts[] = {
    [OPT_AS] = {"as", "NAME", "know the server under this name"},
    [OPT_BACKGROUND] = {"background", NULL, "return when the kernel has the devices"},
    [OPT_VIA] = {"via", "HOW",
		 "vhci: this kernel; usbip=ADDR:PORT: stock USB/IP clients"},
    [OPT_USBIP_ALLOW] = {"usbip-allow", "CIDR",
			 "from where they may come, beside this machine; repeatable"},
    [OPT_ONCE] = {"once", NULL, "never attach again what has gone"},
    [OPT_GRACE] = {"grace", "TIME",
		   "keep devices so long when the link is lost (default: 75s)"},
    [OPT_TAKEOVER] = {"takeover", NULL, "also what another attach of ours has"},
    [OPT_ACCEPT] = {"accept-changed", NULL,
		    "also what comes back as another kind of device"},
    [OPT_NO_ASSIST] = {"no-assist", "KIND[,KIND]",
		       "do without what hides the distance: interrupt, storage, serial, "
		       "isochronous, compression, all"},
    [OPT_WRITE_CACHE] =
	{"write-cache", NULL,
	 "disks have a volatile write cache here: quick, and lost with the "
	 "peer"},
    {NULL, NULL, NULL},
};

static void
on_stop(void *arg)
{
	struct attacher *a = arg;

	if (a->ending)
		loop_exit(&a->loop, 1);
	else
		attach_end(a, 0);
}

static int
connect_and_run(struct attacher *a)
{
	int err = attach_connect(a);

	return err == ERR_OK ? loop_run(&a->loop) : cmd_fail(err, "%s", err_text(err));
}

static int
run_attach(struct attacher *a, struct want *w)
{
	int code = 1;

	if (loop_start(&a->loop, a->ctx, on_stop, a) != ERR_OK)
		return 1;
	a->loop.reload = attach_reread;
	w->of = a;
	a->first_lasts = w->lasting;
	list_add(&a->wants, &w->link);
	attach_sleep_start(a);
	if (attach_ctl_start(a) == ERR_OK && (code = via_start(a)) == 0)
		code = connect_and_run(a);
	attached_abandon(a);
	if (code == 0 && a->lost)
		code = err_exit(ERR_FAIL);
	background_report(&a->report, code);
	watch_fini(&a->watch);
	ctl_free(a->ctl);
	stock_listener_free(a->via);
	while (!list_empty(&a->wants)) {
		struct want *left = CONTAINER_OF(a->wants.next, struct want, link);

		list_del(&left->link);
		free(left);
	}
	stand_end(a);
	attach_sleep_end(a);
	loop_end(&a->loop);
	return code;
}

static int
lock_peer(const struct attacher *a)
{
	char name[64];
	struct text t;

	text_init(&t, name, sizeof(name));
	text_str(&t, "run/peer-");
	text_bytes(&t, a->target.link.id, 8);
	text_str(&t, ".lock");
	return state_lock(a->ctx->dir, name, 0);
}

/* Before anybody is asked: is there a controller here at all? */
static int
look_for_vhci(void)
{
	struct vhci_port *ports = calloc(VHCI_PORTS_MAX, sizeof(*ports));
	char why[300] = "out of memory";
	unsigned n;
	int err = ERR_NOMEM;

	if (ports != NULL)
		err =
		    vhci_ports(&vhci_paths, ports, VHCI_PORTS_MAX, &n, why, sizeof(why));
	free(ports);
	return err == ERR_OK ? 0 : cmd_fail(err, "%s", why);
}

static int
start(struct attacher *a, bool background)
{
	struct want *w = a->first;
	int code = 0, lock;

	if (a->via_where[0] == '\0' && (code = look_for_vhci()) != 0)
		return code;
	if (state_make(a->ctx->dir) != ERR_OK)
		return 1;
	lock = lock_peer(a);
	if (lock == ERR_BUSY && a->via_where[0] != '\0')
		return cmd_fail(lock,
				"another attach has this peer: it has to end first");
	if (lock == ERR_BUSY && a->said.write_cache)
		log_warn("--write-cache is for the attach that has this peer already");
	if (lock == ERR_BUSY)
		return attach_hand_over(a->ctx, &a->target, w);
	if (lock < 0)
		return cmd_fail(lock, "cannot lock a file in %s/run", a->ctx->dir);
	if (!background || background_start(&a->report, &code) == 0) {
		a->first = NULL; /* the list of wants has it */
		code = run_attach(a, w);
	}
	close(lock);
	return code;
}

/* What stands on the command line. */
struct line {
	const char *who, *as;
	bool background;
};

/* The server first, then devices. */
static int
operand(struct line *l, struct want *w, const char *arg)
{
	if (l->who == NULL)
		l->who = arg;
	else if (w->n == ATTACH_WANTS || pattern_check(arg) != ERR_OK)
		return cmd_wrong(&cmd_attach, "\"%s\" is no device", arg);
	else
		text_copy(w->word[w->n++], sizeof(w->word[0]), arg);
	return 0;
}

static int
word(struct attacher *a, struct line *l, int o, const char *arg)
{
	struct want *w = a->first;

	switch (o) {
	case OPT_AS:
		l->as = arg;
		return 0;
	case OPT_BACKGROUND:
		l->background = true;
		return 0;
	case OPT_VIA:
		a->said.via = true;
		return via_read(a, arg);
	case OPT_USBIP_ALLOW:
		if (stock_allow_add(&a->allow, arg) == ERR_OK)
			return 0;
		return cmd_wrong(&cmd_attach, "\"%s\" is no network, or one too many",
				 arg);
	case OPT_ONCE:
		w->once = a->once = true;
		return 0;
	case OPT_GRACE:
		a->said.grace = true;
		if (text_to_duration(arg, &a->grace_us))
			return 0;
		return cmd_wrong(&cmd_attach, "\"%s\" is no duration", arg);
	case OPT_TAKEOVER:
		w->takeover = a->said.takeover = true;
		return 0;
	case OPT_ACCEPT:
		w->accept = a->said.accept = true;
		return 0;
	case OPT_NO_ASSIST:
		a->said.off = true;
		if (assist_read(arg, &a->off))
			return 0;
		return cmd_wrong(&cmd_attach, "\"%s\" is nothing to do without", arg);
	case OPT_WRITE_CACHE:
		a->said.write_cache = true;
		return 0;
	case CMD_OPERAND:
		return operand(l, w, arg);
	default:
		return err_exit(ERR_USAGE);
	}
}

/* What makes no sense together. */
static int
check(const struct attacher *a, const struct line *l)
{
	if (a->said.write_cache && (a->off & 1u << ASSIST_STORAGE) != 0)
		return cmd_wrong(&cmd_attach,
				 "--write-cache needs the assist \"storage\", "
				 "which is switched off");
	if (a->allow.n > 0 && a->via_where[0] == '\0')
		return cmd_wrong(&cmd_attach, "--usbip-allow is for --via usbip");
	if (l->who == NULL)
		return cmd_wrong(&cmd_attach, "from whom? a name or a ticket is missing");
	return 0;
}

static int
run_line(struct attacher *a, int argc, char **argv)
{
	struct line l = {NULL, NULL, false};
	struct cmd_args args;
	const char *arg, *who;
	int o, code = 0;

	cmd_args_init(&args, argc, argv);
	while (code == 0 && (o = cmd_next(&args, &cmd_attach, &arg)) != CMD_END)
		code = word(a, &l, o, arg);
	if (code != 0)
		return code;
	who = attach_settle(a, l.who);
	if ((code = check(a, &l)) != 0)
		return code;
	if (far_is(who))
		code = far_read(a, who, l.as);
	else
		code = err_exit(target_find(&a->target, a->ctx, who, l.as));
	return code != 0 ? code : start(a, l.background);
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct attacher *a = calloc(1, sizeof(*a));
	int code;

	if (a == NULL || (a->first = calloc(1, sizeof(*a->first))) == NULL) {
		free(a);
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	a->first->line = true;
	a->ctx = ctx;
	a->report = -1;
	a->since = (uint64_t)time(NULL);
	list_init(&a->wants);
	list_init(&a->devs);
	list_init(&a->spurned);
	code = run_line(a, argc, argv);
	free(a->names);
	free(a->first);
	free(a);
	return code;
}

const struct cmd cmd_attach = {"attach", "PEER|TICKET|URI [DEVICE]...",
			       "use devices of a peer as if they were plugged in here",
			       opts, run};
