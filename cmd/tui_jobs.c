/* SPDX-License-Identifier: ISC */
/*
 * All that the browser does is commands of this program, run beside it.
 */
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/browser.h"
#include "cmd/qr.h"
#include "core/text.h"
#include "tui/term.h"

/*
 * Words of each; %p peer, %b busid, %q both, %a argument, %m mode, %k: part; a word that
 * is empty is left out. NULL ends.
 */
static const char *const words[UI_VERBS][8] = {
    [UI_SHARE] = {"bind", "%b"},
    [UI_UNSHARE] = {"unbind", "%b"},
    [UI_NICK] = {"bind", "%b", "--as", "%a", "--mode", "%m", "%k"},
    [UI_ATTACH] = {"attach", "%p", "%b", "--background"},
    [UI_DETACH] = {"detach", "%q"},
    [UI_RESET] = {"reset", "%q"},
    [UI_DESCRIBE] = {"describe", "%q"},
    [UI_LIST] = {"list", "%p", "--json"},
    [UI_KNOWN] = {"peer", "list", "--json"},
    [UI_WHO] = {"id"},
    [UI_INVITE] = {"invite", "--name", "%a"},
    [UI_TICKET] = {"attach", "-", "--background"}, /* on its stdin: no secret in ps(1) */
    [UI_ACCEPT] = {"peer", "allow", "%p", "%a"},
    [UI_ACCEPT_DEV] = {"peer", "allow", "%p", "--add", "--device", "%b"},
    [UI_REFUSE] = {"peer", "refuse", "%p"},
    [UI_BENCH] = {"bench", "%p"},
    [UI_FORGET] = {"peer", "forget", "%p"},
    [UI_RENAME] = {"peer", "rename", "%p", "%a"},
    [UI_DOCTOR] = {"doctor"},
};

/* What goes on when the browser ends. */
static const bool stays[UI_VERBS] = {
    [UI_ATTACH] = true, [UI_TICKET] = true, [UI_DETACH] = true};

/* What is shown in a box, or is no news. */
static const bool unlogged[UI_VERBS] = {
    [UI_DESCRIBE] = true, [UI_LIST] = true,   [UI_KNOWN] = true, [UI_WHO] = true,
    [UI_INVITE] = true,   [UI_DOCTOR] = true, [UI_BENCH] = true};

/* --- what comes of them --- */

/* Each line of a text, as lines of the log. */
static void
log_text(struct tui *t, bool bad, const char *text)
{
	char line[sizeof(((struct model_line *)NULL)->text)];

	tui_feed_now(t);
	for (unsigned i = 0; *text != '\0' && i < 20; i++) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		model_log(&t->model, bad, line);
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

static void
feed(struct tui *t, const struct ui_job *j, int code, const char *out, const char *err)
{
	if (j->verb == UI_LIST)
		list_done(t, j, code, out, err);
	else if (j->verb == UI_KNOWN && code == 0)
		(void)!model_peers(&t->model, json_read(out, strlen(out)));
	else if (j->verb == UI_WHO && code == 0)
		snprintf(t->model.identity, sizeof(t->model.identity), "%.*s",
			 (int)strcspn(out, "\n"), out);
}

/* What a peer shares it does not tell by itself; files that change are watched. */
static void
look_again(struct tui *t, const struct ui_job *j)
{
	if (j->verb == UI_ATTACH || j->verb == UI_DETACH)
		tui_ask(t, UI_LIST, j->peer);
}

/* The cells of the ticket that is shown now. */
static void
add_code(struct tui *t, const char *out)
{
	char ticket[2100];
	struct qr q;

	snprintf(ticket, sizeof(ticket), "%.*s", (int)strcspn(out, "\n"), out);
	if (qr_make(&q, ticket) != ERR_OK)
		return;
	ui_qr(t->ui, q.dark, q.size);
	qr_free(&q);
}

static void
on_done(void *arg, int code, const char *out, const char *err)
{
	struct tui_job *j = arg;
	struct tui *t = j->of;
	struct ui_job what = j->what;
	bool quiet = j->quiet;

	memset(j, 0, sizeof(*j));
	feed(t, &what, code, out, err);
	if (!quiet && !unlogged[what.verb])
		log_text(t, code != 0, out);
	if (!quiet && what.verb != UI_DESCRIBE && what.verb != UI_DOCTOR)
		log_text(t, code != 0, err);
	ui_done(t->ui, &what, quiet, code, out, err);
	if (what.verb == UI_INVITE && code == 0)
		add_code(t, out);
	if (!quiet)
		look_again(t, &what);
	tui_draw_soon(t);
}

/* --- running them --- */

static const char *
word(const char *w, const struct ui_job *j, char *both, size_t cap)
{
	if (w[0] != '%')
		return w;
	switch (w[1]) {
	case 'p':
		return j->peer;
	case 'b':
		return j->busid;
	case 'a':
		return j->arg;
	case 'm':
		return j->mode[0] != '\0' ? j->mode : "exclusive";
	case 'k':
		return j->part ? "--keep-local" : "";
	default:
		snprintf(both, cap, "%s%s%s", j->peer, j->peer[0] != '\0' ? "/" : "",
			 j->busid);
		return both;
	}
}

static void
start(struct tui *t, struct tui_job *j)
{
	char *argv[16], both[160];
	char s[] = "-s";
	unsigned n = 0;

	argv[n++] = t->self;
	argv[n++] = s;
	argv[n++] = t->ctx->dir;
	for (unsigned i = 0; i < 8 && words[j->what.verb][i] != NULL; i++) {
		const char *w =
		    word(words[j->what.verb][i], &j->what, both, sizeof(both));

		if (w[0] != '\0')
			argv[n++] = (char *)(uintptr_t)w;
	}
	argv[n] = NULL;
	j->child = child_run(t->base, argv, j->what.verb == UI_TICKET ? j->what.arg : "",
			     on_done, j);
}

void
tui_run(struct tui *t, const struct ui_job *what, bool quiet)
{
	struct tui_job *j = NULL;

	for (unsigned i = 0; i < TUI_JOBS && j == NULL; i++)
		j = t->job[i].of == NULL ? &t->job[i] : NULL;
	if (j == NULL) {
		ui_done(t->ui, what, quiet, 1, "", "too many commands at once");
		return;
	}
	*j = (struct tui_job){.of = t, .what = *what, .quiet = quiet};
	start(t, j);
	if (j->child != NULL)
		return;
	memset(j, 0, sizeof(*j));
	ui_done(t->ui, what, quiet, 1, "", "the command could not be started");
}

void
tui_ask(struct tui *t, enum ui_verb verb, const char *peer)
{
	struct ui_job j = {.verb = verb};

	text_copy(j.peer, sizeof(j.peer), peer);
	tui_run(t, &j, true);
}

void
tui_jobs_end(struct tui *t)
{
	for (unsigned i = 0; i < TUI_JOBS; i++)
		if (t->job[i].of != NULL && stays[t->job[i].what.verb])
			child_leave(t->job[i].child);
		else
			child_free(t->job[i].child);
}

/* --- what the browser asks of us --- */

static void
on_run(void *arg, const struct ui_job *j)
{
	tui_run(arg, j, false);
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

const struct ui_ops tui_ui_ops = {on_run, on_copy, on_quit};
