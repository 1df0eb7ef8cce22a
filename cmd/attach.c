/* SPDX-License-Identifier: ISC */
/*
 * attach: uses devices of a peer as if they were plugged in here. One process
 * for each peer; it ends when its last device is gone.
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
#include "core/bridge.h"
#include "core/log.h"
#include "core/text.h"
#include "net/ctl.h"
#include "vhci/vhci.h"

enum { OPT_AS, OPT_BACKGROUND };

static const struct cmd_opt opts[] = {
    [OPT_AS] = {"as", "NAME", "know the server under this name"},
    [OPT_BACKGROUND] = {"background", NULL, "return when the kernel has the devices"},
    {NULL, NULL, NULL},
};

/* --- answers to who asked --- */

void
want_answer(struct want *w, int err, const char *text)
{
	char buf[1024];
	struct json j;

	if (w->err == ERR_OK)
		w->err = err;
	if (w->conn == NULL) {
		if (err != ERR_OK) {
			cmd_fail(err, "%s", text);
		} else {
			printf("%s\n", text);
			fflush(stdout);
		}
		return;
	}
	json_init(&j, buf, sizeof(buf));
	report_open(&j, err == ERR_OK ? "attached" : "error");
	json_u64(&j, "exit", (uint64_t)err_exit(err));
	json_str(&j, "text", text);
	json_close(&j);
	ctl_line(w->conn, buf);
}

static void
report_parent(struct attacher *a, int code)
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

void
want_check(struct want *w)
{
	struct attacher *a = w->of;

	if (!w->listed || w->open > 0)
		return;
	if (w->conn != NULL) {
		ctl_end(w->conn);
	} else {
		if (a->code == 0)
			a->code = err_exit(w->err);
		if (a->attached > 0)
			report_parent(a, err_exit(w->err));
	}
	list_del(&w->link);
	free(w);
	attach_check_end(a);
}

/* --- which devices --- */

static bool
wanted(struct want *w, const struct devinfo *d)
{
	const char *word[ATTACH_WANTS];
	bool named = false;

	if (w->n == 0)
		return !pattern_needs_name(d);
	for (unsigned i = 0; i < w->n; i++) {
		word[i] = w->word[i];
		if (!pattern_match(word[i], d))
			continue;
		w->met[i] = true;
		named |= pattern_is_port(word[i]);
	}
	return pattern_list(word, w->n, d) && (named || !pattern_needs_name(d));
}

static bool
have(const struct attacher *a, const char *busid)
{
	struct list *l;

	LIST_EACH (&a->devs, l) {
		const struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->state < ATTACHED_EJECTING && strcmp(x->info.busid, busid) == 0)
			return true;
	}
	return false;
}

static void
look_at(struct attacher *a, struct want *w, const struct wire_device *d)
{
	char text[WIRE_TEXT];
	int err;

	if (!wanted(w, &d->info))
		return;
	w->found++;
	if (have(a, d->info.busid)) {
		snprintf(text, sizeof(text), "%s is attached already", d->info.busid);
		want_answer(w, ERR_BUSY, text);
	} else if ((err = attached_start(a, w, &d->info)) != ERR_OK) {
		snprintf(text, sizeof(text), "%s: %s", d->info.busid, err_text(err));
		want_answer(w, err, text);
	}
}

static void
list_ended(struct want *w)
{
	char text[PATTERN_TEXT + 64];

	w->listed = true;
	for (unsigned i = 0; i < w->n; i++) {
		if (w->met[i] || w->word[i][0] == '!')
			continue;
		snprintf(text, sizeof(text),
			 "the server shares no device \"%s\" with you", w->word[i]);
		want_answer(w, ERR_NODEV, text);
	}
	if (w->n == 0 && w->found == 0)
		want_answer(w, ERR_NODEV,
			    "the server shares no device with you that may be attached "
			    "without naming it");
	else if (w->found == 0 && w->err == ERR_OK)
		want_answer(w, ERR_NODEV,
			    "name its busid to attach a keyboard, hub or network device");
	want_check(w);
}

static void
on_device(void *arg, const struct wire_device *d)
{
	struct attacher *a = arg;
	struct list *l, *n;

	LIST_EACH_SAFE (&a->wants, l, n) {
		struct want *w = CONTAINER_OF(l, struct want, link);

		if (w->listed || a->ending)
			continue;
		if (d != NULL)
			look_at(a, w, d);
		else
			list_ended(w);
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

static void
on_down(void *arg, int err, const char *why)
{
	struct attacher *a = arg;
	struct list *l;

	if (!a->ending) {
		if (why[0] != '\0')
			cmd_fail(err, "%s: %s",
				 a->target.name[0] != '\0' ? a->target.name : "server",
				 why);
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

static const struct remote_ops remote_ops = {on_ready, on_device, NULL, NULL, on_down};

/* Devices first, then the link, then the process. */
void
attach_check_end(struct attacher *a)
{
	if (a->ready && list_empty(&a->devs) && list_empty(&a->wants))
		a->ending = true;
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

static int
run_attach(struct attacher *a, struct want *w)
{
	int code = 1;

	if (loop_start(&a->loop, a->ctx, on_stop, a) != ERR_OK)
		return 1;
	w->of = a;
	list_add(&a->wants, &w->link);
	if (attach_ctl_start(a) == ERR_OK) {
		a->remote = remote_connect(&a->loop, a->ctx, &a->target, &remote_ops, a);
		code = a->remote == NULL ? cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM))
					 : loop_run(&a->loop);
	}
	report_parent(a, code);
	ctl_free(a->ctl);
	while (!list_empty(&a->wants)) {
		struct want *left = CONTAINER_OF(a->wants.next, struct want, link);

		list_del(&left->link);
		free(left);
	}
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
	for (unsigned i = 0; i < 8; i++)
		text_hex(&t, a->target.link.id[i], 2);
	text_str(&t, ".lock");
	return state_lock(a->ctx->dir, name, 0);
}

static int
start(struct attacher *a, struct want *w, bool background)
{
	struct vhci_port *ports = calloc(VHCI_PORTS_MAX, sizeof(*ports));
	char why[300];
	unsigned n;
	int code = 0, lock, err = ERR_NOMEM;

	if (ports != NULL)
		err =
		    vhci_ports(&vhci_paths, ports, VHCI_PORTS_MAX, &n, why, sizeof(why));
	free(ports);
	if (err != ERR_OK)
		return cmd_fail(err, "%s", err == ERR_NOMEM ? err_text(err) : why);
	if (state_make(a->ctx->dir) != ERR_OK)
		return 1;
	lock = lock_peer(a);
	if (lock == ERR_BUSY) {
		code = attach_hand_over(a->ctx, &a->target, w);
		free(w);
		return code;
	}
	if (lock < 0)
		return cmd_fail(lock, "cannot lock a file in %s/run", a->ctx->dir);
	if (!background || go_to_background(a, &code) == 0) {
		code = run_attach(a, w);
		w = NULL;
	}
	close(lock);
	free(w);
	return code;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct attacher *a = calloc(1, sizeof(*a));
	struct want *w = calloc(1, sizeof(*w));
	const char *arg, *who = NULL, *as = NULL;
	bool background = false;
	struct cmd_args args;
	int o, code;

	if (a == NULL || w == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	cmd_args_init(&args, argc, argv);
	while ((o = cmd_next(&args, &cmd_attach, &arg)) != CMD_END) {
		if (o == OPT_AS)
			as = arg;
		else if (o == OPT_BACKGROUND)
			background = true;
		else if (o == CMD_BAD)
			return err_exit(ERR_USAGE);
		else if (who == NULL)
			who = arg;
		else if (w->n == ATTACH_WANTS || pattern_check(arg) != ERR_OK)
			return cmd_wrong(&cmd_attach, "\"%s\" is no device", arg);
		else
			text_copy(w->word[w->n++], sizeof(w->word[0]), arg);
	}
	if (who == NULL)
		return cmd_wrong(&cmd_attach, "from whom? a name or a ticket is missing");
	a->ctx = ctx;
	a->report = -1;
	a->since = (uint64_t)time(NULL);
	list_init(&a->wants);
	list_init(&a->devs);
	if ((o = target_find(&a->target, ctx, who, as)) != ERR_OK)
		return err_exit(o);
	code = start(a, w, background);
	free(a);
	return code;
}

const struct cmd cmd_attach = {"attach", "PEER|TICKET [DEVICE]...",
			       "use devices of a peer as if they were plugged in here",
			       opts, run};
