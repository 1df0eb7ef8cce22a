/* SPDX-License-Identifier: ISC */
/*
 * tui: the browser. This file has its start and end, and the terminal. What is attached
 * by it stays when it ends.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "cmd/browser.h"
#include "core/mem.h"
#include "core/text.h"
#include "tui/term.h"

enum { OPT_KEYS };

static const struct cmd_opt opts[] = {
    [OPT_KEYS] = {"keys", NULL, "print what its keys do, and end"},
    {NULL, NULL, NULL},
};

/* --- drawing --- */

void
tui_draw_soon(struct tui *t)
{
	static const struct timeval soon = {0, 20000};

	if (!t->drawn_soon)
		evtimer_add(t->redraw, &soon);
	t->drawn_soon = true;
}

static bool
has_age(const struct rows *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (model_dev(r, i)->since != 0)
			return true;
	return false;
}

/* "since" grows by the minute; where nothing has an age, nothing is to be woken for. */
static bool
grows_old(const struct model *m)
{
	for (unsigned i = 0; i < m->peers.n; i++)
		if (model_peer(m, i)->since != 0)
			return true;
	return m->asks.n > 0 || has_age(&m->locals) || has_age(&m->attached);
}

static void
on_redraw(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval minute = {60, 0};
	struct tui *t = arg;

	(void)fd;
	(void)what;
	t->drawn_soon = false;
	ui_draw(t->ui, &t->grid, (uint64_t)time(NULL));
	term_show(&t->grid);
	if (grows_old(&t->model))
		event_add(t->minute, &minute);
	else
		event_del(t->minute);
}

/* --- the terminal --- */

static void
on_input(struct tui *t, const struct term_event *e)
{
	if (e->click)
		ui_click(t->ui, e->x, e->y);
	else if (e->wheel != 0)
		ui_wheel(t->ui, e->wheel);
	else if (e->key != 0)
		ui_key(t->ui, e->key);
}

static void
on_key(evutil_socket_t fd, short what, void *arg)
{
	struct tui *t = arg;
	struct term_event e;
	int n = 0;

	(void)what;
	if (ioctl(fd, FIONREAD, &n) != 0 || n == 0) { /* the terminal is gone */
		event_base_loopbreak(t->base);
		return;
	}
	tui_feed_now(t);
	while (term_next(&e))
		on_input(t, &e);
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

/* --- start and end --- */

static int
events(struct tui *t)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};

	t->in = event_new(t->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_key, t);
	t->redraw = evtimer_new(t->base, on_redraw, t);
	t->minute = evtimer_new(t->base, on_redraw, t);
	if (t->in == NULL || t->redraw == NULL || t->minute == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		t->sig[i] = evsignal_new(t->base, sigs[i], on_signal, t);
		if (t->sig[i] == NULL)
			return ERR_NOMEM;
		evsignal_add(t->sig[i], NULL);
	}
	event_add(t->in, NULL);
	return ERR_OK;
}

/* What is asked at the start: this machine's devices, peers, and one peer's devices. */
static void
first_look(struct tui *t, const char *peer)
{
	if (!t->model.serving) {
		tui_ask(t, UI_LIST, "");
		tui_ask(t, UI_WHO, "");
	}
	tui_ask(t, UI_KNOWN, "");
	if (peer != NULL) {
		tui_ask(t, UI_LIST, peer);
		ui_key(t->ui, '2');
	}
}

static void
event_end(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

static void
finish(struct tui *t)
{
	tui_jobs_end(t);
	follow_free(t->follow);
	for (size_t i = 0; i < ARRAY_LEN(t->sig); i++)
		event_end(t->sig[i]);
	event_end(t->in);
	event_end(t->redraw);
	event_end(t->minute);
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
	t->ui = ui_new(&t->model, &tui_ui_ops, t);
	if (t->base == NULL || t->ui == NULL || events(t) != ERR_OK ||
	    (t->follow = follow_new(t->base, t->ctx->dir, &tui_follow_ops, t)) == NULL)
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
