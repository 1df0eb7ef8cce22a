/* SPDX-License-Identifier: ISC */
/*
 * What comes back from commands: a line instead of the state, or a box.
 */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

static void
first_line(char *dst, size_t cap, const char *s)
{
	size_t n = strcspn(s, "\n");

	text_copy(dst, cap, s);
	if (n < cap)
		dst[n] = '\0';
}

static void
forget_busy(struct ui *u, const struct ui_job *j)
{
	for (unsigned i = 0; i < u->busy_n; i++)
		if (u->busy[i].verb == j->verb && strcmp(u->busy[i].peer, j->peer) == 0 &&
		    strcmp(u->busy[i].busid, j->busid) == 0) {
			memmove(&u->busy[i], &u->busy[i + 1],
				(u->busy_n - i - 1) * sizeof(u->busy[0]));
			u->busy_n--;
			return;
		}
}

/* In a box; or in the log, while somebody types into one. false: there. */
static bool
present(struct ui *u, const char *title, const char *text)
{
	char line[sizeof(((struct model_line *)NULL)->text)];

	if (u->box.kind == BOX_NONE || u->box.kind == BOX_TEXT) {
		box_show(u, title, text);
		return true;
	}
	model_log(u->m, false, title);
	for (unsigned i = 0; *text != '\0' && i < 60; i++) {
		first_line(line, sizeof(line), text);
		model_log(u->m, false, line);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	ui_say(u, false, "%s: see the log", title);
	return false;
}

/* --- each kind of answer --- */

static void
show_ticket(struct ui *u, const struct ui_job *j, const char *out, const char *err)
{
	char title[80], line[sizeof(u->box.copy)];

	(void)err;
	snprintf(title, sizeof(title), "Ticket for %.60s", j->arg);
	first_line(line, sizeof(line), out);
	if (present(u, title, line))
		text_copy(u->box.copy, sizeof(u->box.copy), line);
}

static void
show_bench(struct ui *u, const struct ui_job *j, const char *out, const char *err)
{
	char title[80];

	(void)err;
	snprintf(title, sizeof(title), "Bench of the line to %.50s", j->peer);
	(void)present(u, title, out);
}

/* Whether all is well is in its words, not in its code. */
static void
show_doctor(struct ui *u, const struct ui_job *j, const char *out, const char *err)
{
	(void)j;
	u->toast[0] = '\0';
	(void)present(u, "Doctor", out[0] != '\0' ? out : err);
}

/* Behind the details of the device, if they are still shown. */
static void
show_tree(struct ui *u, const struct ui_job *j, const char *out, const char *err)
{
	struct box *b = &u->box;
	size_t n = strlen(b->text);
	struct text t;

	u->toast[0] = '\0';
	if (b->kind != BOX_TEXT || b->job.verb != UI_DESCRIBE ||
	    strcmp(b->job.peer, j->peer) != 0 || strcmp(b->job.busid, j->busid) != 0)
		return;
	text_init(&t, b->text + n, sizeof(b->text) - n);
	text_str(&t, "\n");
	text_str(&t, out[0] != '\0' ? out : err);
}

static void
say_line(struct ui *u, const struct ui_job *j, const char *out, const char *err)
{
	(void)j;
	(void)err;
	first_line(u->toast, sizeof(u->toast), out);
}

static void
say_nothing(struct ui *u, const struct ui_job *j, const char *out, const char *err)
{
	(void)j;
	(void)out;
	(void)err;
	u->toast[0] = '\0';
}

static const struct {
	const char *done; /* "lab/1-4 is attached"; NULL: only show says something */
	void (*show)(struct ui *, const struct ui_job *, const char *out,
		     const char *err);
	bool always; /* show, also when it failed */
} answers[UI_VERBS] = {
    [UI_SHARE] = {"is shared", NULL, false},
    [UI_UNSHARE] = {"is no longer shared", NULL, false},
    [UI_NICK] = {"has its name", NULL, false},
    [UI_ATTACH] = {"is attached", NULL, false},
    [UI_DETACH] = {"is detached", NULL, false},
    [UI_RESET] = {"is reset", NULL, false},
    [UI_DESCRIBE] = {NULL, show_tree, true},
    [UI_LIST] = {NULL, say_nothing, false},
    [UI_KNOWN] = {NULL, say_nothing, false},
    [UI_WHO] = {NULL, say_nothing, false},
    [UI_INVITE] = {"is invited", show_ticket, false},
    [UI_TICKET] = {NULL, say_line, false},
    [UI_ACCEPT] = {"may use what is shared here", NULL, false},
    [UI_ACCEPT_DEV] = {"may be used, too", NULL, false},
    [UI_REFUSE] = {"is refused", NULL, false},
    [UI_BENCH] = {"is measured", show_bench, false},
    [UI_FORGET] = {"is forgotten", NULL, false},
    [UI_RENAME] = {"is renamed", NULL, false},
    [UI_DOCTOR] = {NULL, show_doctor, true},
};

/* Ids are too long to be said. */
static void
say_done(struct ui *u, const struct ui_job *j, const char *done)
{
	bool arg = j->verb == UI_INVITE || j->verb == UI_ACCEPT;

	if (j->verb == UI_ACCEPT_DEV)
		ui_say(u, false, "%s %s", j->busid, done);
	else if (j->verb == UI_REFUSE)
		ui_say(u, false, "%.7s %s", j->peer, done);
	else
		ui_say(u, false, "%.40s%s%.40s %s", arg ? j->arg : j->peer,
		       !arg && j->peer[0] != '\0' && j->busid[0] != '\0' ? "/" : "",
		       arg ? "" : j->busid, done);
}

static void
say_failed(struct ui *u, int code, const char *err)
{
	char line[sizeof(u->toast)];

	first_line(line, sizeof(line), err);
	if (line[0] != '\0')
		ui_say(u, true, "%s", line);
	else
		ui_say(u, true, "ended with %d", code);
}

void
ui_done(struct ui *u, const struct ui_job *j, bool quiet, int code, const char *out,
	const char *err)
{
	if (quiet)
		return;
	forget_busy(u, j);
	if (code != 0)
		say_failed(u, code, err);
	else if (answers[j->verb].done != NULL)
		say_done(u, j, answers[j->verb].done);
	if (answers[j->verb].show != NULL && (code == 0 || answers[j->verb].always))
		answers[j->verb].show(u, j, out, err);
}
