/* SPDX-License-Identifier: ISC */
/*
 * tui: the browser. This file joins its parts: control sockets that are watched, commands
 * that are run, the terminal, and the clock. What is attached by it stays when it ends.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/child.h"
#include "cmd/cmd.h"
#include "cmd/follow.h"
#include "cmd/state.h"
#include "core/mem.h"
#include "core/text.h"
#include "net/clock.h"
#include "tui/term.h"
#include "tui/ui.h"

#define JOBS 24 /* commands at once */

enum { OPT_KEYS };

static const struct cmd_opt opts[] = {
    [OPT_KEYS] = {"keys", NULL, "print what its keys do, and end"},
    {NULL, NULL, NULL},
};

struct tui;

struct job {
	struct tui *of;
	struct ui_job what;
	bool quiet; /* of ours, not of a key */
	struct child *child;
};

struct tui {
	struct ctx *ctx;
	char self[4096]; /* this program */
	struct event_base *base;
	struct event *in, *redraw, *minute, *sig[4];
	struct follow *follow;
	struct model model;
	struct ui *ui;
	struct grid grid;
	struct job job[JOBS];
	bool drawn_soon;
};

static void
draw_soon(struct tui *t)
{
	static const struct timeval soon = {0, 20000};

	if (!t->drawn_soon)
		evtimer_add(t->redraw, &soon);
	t->drawn_soon = true;
}

static void
on_redraw(evutil_socket_t fd, short what, void *arg)
{
	struct tui *t = arg;

	(void)fd;
	(void)what;
	t->drawn_soon = false;
	ui_draw(t->ui, &t->grid, (uint64_t)time(NULL));
	term_show(&t->grid);
}

/* "since" grows by the minute. */
static void
on_minute(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	draw_soon(arg);
}

static void
log_line(struct tui *t, bool bad, const char *text)
{
	time_t now = time(NULL);
	struct tm tm;
	char when[12] = "";

	if (localtime_r(&now, &tm) != NULL)
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	model_log(&t->model, when, bad, text);
	draw_soon(t);
}

/* --- commands --- */

/* Words of each; %p peer, %b busid, %q peer/busid, %a argument; NULL ends. */
static const char *const words[UI_VERBS][6] = {
    [UI_SHARE] = {"bind", "%b"},
    [UI_UNSHARE] = {"unbind", "%b"},
    [UI_ATTACH] = {"attach", "%p", "%b", "--background"},
    [UI_DETACH] = {"detach", "%q"},
    [UI_LIST] = {"list", "%p", "--json"},
    [UI_INVITE] = {"invite", "--name", "%a"},
    [UI_TICKET] = {"attach", "%a", "--background"},
    [UI_BENCH] = {"bench", "%p"},
    [UI_FORGET] = {"peer", "forget", "%p"},
    [UI_RENAME] = {"peer", "rename", "%p", "%a"},
};

static void run_job(struct tui *, const struct ui_job *, bool quiet);

/* Each line of a text, as lines of the log. */
static void
log_text(struct tui *t, bool bad, const char *text)
{
	char line[sizeof(((struct model_line *)NULL)->text)];

	for (unsigned i = 0; *text != '\0' && i < 20; i++) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		log_line(t, bad, line);
		text += n + (text[n] == '\n');
	}
}

static void
list_done(struct tui *t, const struct ui_job *j, int code, const char *out,
	  const char *err)
{
	char why[MODEL_TEXT];

	if (code == 0 &&
	    model_list(&t->model, j->peer, json_read(out, strlen(out))) == ERR_OK)
		return;
	snprintf(why, sizeof(why), "%.*s", (int)strcspn(err, "\n"), err);
	if (j->peer[0] != '\0')
		model_list_failed(&t->model, j->peer,
				  why[0] != '\0' ? why : "its answer is not understood");
}

/* What a command has changed is asked for again. */
static void
look_again(struct tui *t, const struct ui_job *j)
{
	struct ui_job list = {.verb = UI_LIST};

	if (j->verb == UI_ATTACH || j->verb == UI_DETACH) {
		text_copy(list.peer, sizeof(list.peer), j->peer);
		run_job(t, &list, true);
	} else if ((j->verb == UI_SHARE || j->verb == UI_UNSHARE) && !t->model.serving) {
		run_job(t, &list, true);
	}
}

static void
on_done(void *arg, int code, const char *out, const char *err)
{
	struct job *j = arg;
	struct tui *t = j->of;
	struct ui_job what = j->what;
	bool quiet = j->quiet;

	memset(j, 0, sizeof(*j));
	if (what.verb == UI_LIST)
		list_done(t, &what, code, out, err);
	else if (what.verb != UI_BENCH && what.verb != UI_INVITE)
		log_text(t, code != 0, out);
	if (!quiet) {
		log_text(t, code != 0, err);
		ui_done(t->ui, &what, code, out, err);
		look_again(t, &what);
	}
	draw_soon(t);
}

static char *
word(const char *w, const struct ui_job *j, char *both, size_t cap)
{
	if (w[0] != '%')
		return (char *)(uintptr_t)w;
	snprintf(both, cap, "%s/%s", j->peer, j->busid);
	return w[1] == 'q'   ? both
	       : w[1] == 'a' ? (char *)(uintptr_t)j->arg
			     : (char *)(uintptr_t)(w[1] == 'p' ? j->peer : j->busid);
}

static void
run_job(struct tui *t, const struct ui_job *what, bool quiet)
{
	char *argv[16], both[128];
	char s[] = "-s";
	struct job *j = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < JOBS && j == NULL; i++)
		j = t->job[i].of == NULL ? &t->job[i] : NULL;
	if (j == NULL) {
		ui_done(t->ui, what, 1, "", "too many commands at once");
		return;
	}
	argv[n++] = t->self;
	argv[n++] = s;
	argv[n++] = t->ctx->dir;
	for (unsigned i = 0; i < 6 && words[what->verb][i] != NULL; i++) {
		char *w = word(words[what->verb][i], what, both, sizeof(both));

		if (w[0] != '\0') /* list without a peer is of this machine */
			argv[n++] = w;
	}
	argv[n] = NULL;
	*j = (struct job){.of = t, .what = *what, .quiet = quiet};
	j->child = child_run(t->base, argv, on_done, j);
	if (j->child == NULL) {
		memset(j, 0, sizeof(*j));
		ui_done(t->ui, what, 1, "", "the command could not be started");
	}
}

static void
on_run(void *arg, const struct ui_job *j)
{
	run_job(arg, j, false);
}

static void
on_copy(void *arg, const char *text)
{
	(void)arg;
	term_copy(text);
}

static void
on_quit(void *arg)
{
	struct tui *t = arg;

	event_base_loopbreak(t->base);
}

static const struct ui_ops ui_ops = {on_run, on_copy, on_quit};

/* --- what runs --- */

static void
on_status(void *arg, const char *path, const char *line, size_t n)
{
	struct tui *t = arg;
	struct json_val v = json_read(line, n);

	if (model_status(&t->model, path, v, clock_us()) == ERR_OK)
		draw_soon(t);
}

static void
on_ended(void *arg, const char *path)
{
	struct ui_job list = {.verb = UI_LIST};
	struct tui *t = arg;

	if (model_ended(&t->model, path)) {
		log_line(t, false, "serve has ended");
		run_job(t, &list, true);
	}
	draw_soon(t);
}

static const struct follow_ops follow_ops = {on_status, on_ended};

/* --- the terminal --- */

static void
on_key(evutil_socket_t fd, short what, void *arg)
{
	struct tui *t = arg;
	struct term_event e;

	(void)fd;
	(void)what;
	while (term_next(&e)) {
		if (e.click)
			ui_click(t->ui, e.x, e.y);
		else if (e.key != 0)
			ui_key(t->ui, e.key);
	}
	on_redraw(-1, 0, t);
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct tui *t = arg;

	(void)what;
	if (sig != SIGWINCH) {
		event_base_loopbreak(t->base);
		return;
	}
	term_resize(&t->grid);
	on_redraw(-1, 0, t);
}

static int
events(struct tui *t)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	static const struct timeval minute = {30, 0};

	t->in = event_new(t->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_key, t);
	t->redraw = evtimer_new(t->base, on_redraw, t);
	t->minute = event_new(t->base, -1, EV_PERSIST, on_minute, t);
	if (t->in == NULL || t->redraw == NULL || t->minute == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		t->sig[i] = evsignal_new(t->base, sigs[i], on_signal, t);
		if (t->sig[i] == NULL)
			return ERR_NOMEM;
		evsignal_add(t->sig[i], NULL);
	}
	event_add(t->in, NULL);
	event_add(t->minute, &minute);
	return ERR_OK;
}

/* What is asked at the start: this machine's devices, and one peer's. */
static void
first_look(struct tui *t, const char *peer)
{
	struct ui_job list = {.verb = UI_LIST};

	if (!t->model.serving)
		run_job(t, &list, true);
	if (peer != NULL) {
		text_copy(list.peer, sizeof(list.peer), peer);
		run_job(t, &list, true);
		ui_key(t->ui, '2');
	}
}

static void
finish(struct tui *t)
{
	for (unsigned i = 0; i < JOBS; i++)
		child_free(t->job[i].child);
	follow_free(t->follow);
	for (size_t i = 0; i < ARRAY_LEN(t->sig); i++)
		if (t->sig[i] != NULL)
			event_free(t->sig[i]);
	if (t->in != NULL)
		event_free(t->in);
	if (t->redraw != NULL)
		event_free(t->redraw);
	if (t->minute != NULL)
		event_free(t->minute);
	if (t->base != NULL)
		event_base_free(t->base);
	ui_free(t->ui);
	grid_free(&t->grid);
	model_free(&t->model);
	free(t);
}

static int
browse(struct tui *t, const char *peer)
{
	char why[200] = "out of memory";
	int err;

	t->base = event_base_new();
	t->ui = ui_new(&t->model, &ui_ops, t);
	if (t->base == NULL || t->ui == NULL || events(t) != ERR_OK ||
	    (t->follow = follow_new(t->base, t->ctx->dir, &follow_ops, t)) == NULL)
		return cmd_fail(ERR_NOMEM, "%s", why);
	err = term_open(&t->grid, why, sizeof(why));
	if (err != ERR_OK)
		return cmd_fail(err, "%s", why);
	first_look(t, peer);
	on_redraw(-1, 0, t);
	event_base_dispatch(t->base);
	term_close();
	return 0;
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
	struct tui *t = calloc(1, sizeof(*t));
	const char *arg, *peer = NULL;
	struct cmd_args a;
	bool print_keys = false;
	ssize_t n;
	int o, code = 0;

	if (t == NULL)
		return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	t->ctx = ctx;
	cmd_args_init(&a, argc, argv);
	while (code == 0 && (o = cmd_next(&a, &cmd_tui, &arg)) != CMD_END) {
		if (o == CMD_BAD)
			code = err_exit(ERR_USAGE);
		else if (o == OPT_KEYS)
			print_keys = true;
		else if (peer != NULL)
			code = cmd_wrong(&cmd_tui, "one peer at a time");
		else
			peer = arg;
	}
	n = readlink("/proc/self/exe", t->self, sizeof(t->self) - 1);
	if (code == 0 && n <= 0)
		code = cmd_fail(ERR_LACKING, "/proc is not mounted");
	for (unsigned i = 0; print_keys && code == 0 && ui_help_line(i) != NULL; i++)
		printf("%s\n", ui_help_line(i));
	if (code == 0 && !print_keys)
		code = browse(t, peer);
	finish(t);
	return code;
}

const struct cmd cmd_tui = {
    "tui", "[PEER]", "browse devices and peers, and do the rest by keys", opts, run};
