/* SPDX-License-Identifier: ISC */
/*
 * attach: uses devices of a peer as if they were plugged in here. One process
 * for each peer; it ends when its last device is detached.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/attacher.h"
#include "cmd/report.h"
#include "cmd/state.h"
#include "core/assist.h"
#include "core/bridge.h"
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

/* --- the parent of --background --- */

void
attach_report(struct attacher *a, int code)
{
	unsigned char c = (unsigned char)code;
	int null;

	if (a->report < 0)
		return;
	if (write(a->report, &c, 1) != 1)
		log_warn("nobody waits for this attach any more");
	close(a->report);
	a->report = -1;
	if ((null = open("/dev/null", O_RDWR)) >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (null > 2)
			close(null);
	}
}

/* --- the connection --- */

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

static void
on_stop(void *arg)
{
	struct attacher *a = arg;

	if (a->ending)
		loop_exit(&a->loop, 1);
	else
		attach_end(a, 0);
}

/* --- start --- */

/* In the child: where to report. The parent waits for the code and returns it. */
static int
go_to_background(struct attacher *a, int *code)
{
	unsigned char c = 1;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		*code = cmd_fail(ERR_FAIL, "cannot start a process for the background");
		return -1;
	}
	if (pid == 0) {
		close(fds[0]);
		a->report = fds[1];
		setsid();
		return 0;
	}
	close(fds[1]);
	if (read(fds[0], &c, 1) == 1) {
		*code = c;
	} else {
		int status = 0;

		waitpid(pid, &status, 0);
		*code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	close(fds[0]);
	return 1;
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
connect_and_run(struct attacher *a)
{
	const struct timeval now = {0, 0};

	if (a->stock) {
		if (event_base_once(a->loop.base, -1, EV_TIMEOUT, on_stock_start, a,
				    &now) != 0)
			return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		return loop_run(&a->loop);
	}
	a->remote =
	    remote_connect(&a->loop, a->ctx, &a->target, a->grace_us, &remote_ops, a);
	if (a->remote != NULL && a->first_lasts)
		remote_insist(a->remote);
	if (a->remote != NULL)
		remote_plain(a->remote, (a->off & 1u << ASSIST_COMPRESSION) != 0);
	return a->remote == NULL ? cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM))
				 : loop_run(&a->loop);
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
	attach_report(a, code);
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
	if (!background || go_to_background(a, &code) == 0) {
		a->first = NULL; /* the list of wants has it */
		code = run_attach(a, w);
	}
	close(lock);
	return code;
}

/* What stands on the command line. */
struct line {
	const char *who, *as;
	bool background, via;
};

static int
word(struct attacher *a, struct line *l, int o, const char *arg)
{
	struct want *w = a->first;

	l->via |= o == OPT_VIA;
	if (o == CMD_BAD)
		return err_exit(ERR_USAGE);
	if (o == OPT_VIA)
		return via_read(a, arg);
	if (o == OPT_USBIP_ALLOW && stock_allow_add(&a->allow, arg) != ERR_OK)
		return cmd_wrong(&cmd_attach, "\"%s\" is no network, or one too many",
				 arg);
	if (o == OPT_AS)
		l->as = arg;
	else if (o == OPT_BACKGROUND)
		l->background = true;
	else if (o == OPT_ONCE)
		w->once = a->once = true;
	else if (o == OPT_ACCEPT)
		w->accept = true;
	else if (o == OPT_TAKEOVER)
		w->takeover = true;
	else if (o == OPT_WRITE_CACHE)
		a->write_cache = a->said.write_cache = true;
	else if (o == OPT_NO_ASSIST && !assist_read(arg, &a->off))
		return cmd_wrong(&cmd_attach, "\"%s\" is nothing to do without", arg);
	else if (o == OPT_GRACE && !text_to_duration(arg, &a->grace_us))
		return cmd_wrong(&cmd_attach, "\"%s\" is no duration", arg);
	else if (o == CMD_OPERAND && l->who == NULL)
		l->who = arg;
	else if (o == CMD_OPERAND &&
		 (w->n == ATTACH_WANTS || pattern_check(arg) != ERR_OK))
		return cmd_wrong(&cmd_attach, "\"%s\" is no device", arg);
	else if (o == CMD_OPERAND)
		text_copy(w->word[w->n++], sizeof(w->word[0]), arg);
	return 0;
}

/*
 * [attach NAME]: what the line does not say. Without devices on the line this is for
 * good: it waits for them and for the server.
 */
static void
apply_section(struct attacher *a, struct line *l, const struct conf_attach *c)
{
	struct want *w = a->first;

	text_copy(a->section, sizeof(a->section), c->name);
	l->who = c->peer[0] != '\0' ? c->peer : c->name;
	if (!l->via)
		text_copy(a->via_where, sizeof(a->via_where), c->via);
	if (a->grace_us == UINT64_MAX)
		a->grace_us = c->grace_us;
	w->takeover |= c->takeover;
	w->accept |= c->accept;
	a->write_cache |= c->write_cache;
	if (w->n > 0 || w->once)
		return;
	w->lasting = true;
	for (; w->n < c->device.n; w->n++)
		text_copy(w->word[w->n], sizeof(w->word[0]), c->device.word[w->n]);
}

static int
run_line(struct attacher *a, int argc, char **argv)
{
	const struct conf_attach *section;
	struct line l = {NULL, NULL, false, false};
	struct cmd_args args;
	const char *arg;
	int o, code = 0;

	cmd_args_init(&args, argc, argv);
	while (code == 0 && (o = cmd_next(&args, &cmd_attach, &arg)) != CMD_END)
		code = word(a, &l, o, arg);
	if (code != 0)
		return code;
	a->said.off = a->off != UINT32_MAX;
	a->said.grace = a->grace_us != UINT64_MAX;
	a->said.takeover = a->first->takeover;
	a->said.accept = a->first->accept;
	a->write_cache |= a->ctx->conf.attach_write_cache;
	if (l.who != NULL && (section = conf_find_attach(&a->ctx->conf, l.who)) != NULL)
		apply_section(a, &l, section);
	if (a->grace_us == UINT64_MAX)
		a->grace_us = a->ctx->conf.attach_grace_us;
	if (a->off == UINT32_MAX)
		a->off = a->ctx->conf.attach_off;
	if (a->said.write_cache && (a->off & 1u << ASSIST_STORAGE) != 0)
		return cmd_wrong(&cmd_attach,
				 "--write-cache needs the assist \"storage\", "
				 "which is switched off");
	if (a->allow.n > 0 && a->via_where[0] == '\0')
		return cmd_wrong(&cmd_attach, "--usbip-allow is for --via usbip");
	if (l.who == NULL)
		return cmd_wrong(&cmd_attach, "from whom? a name or a ticket is missing");
	if (far_is(l.who))
		code = far_read(a, l.who, l.as);
	else
		code = err_exit(target_find(&a->target, a->ctx, l.who, l.as));
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
	a->grace_us = UINT64_MAX;
	a->off = UINT32_MAX;
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
