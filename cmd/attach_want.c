/* SPDX-License-Identifier: ISC */
/*
 * What somebody wants attached: the words of a command line or of a request are
 * held against the server's list, and whoever asked hears of each device once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/attacher.h"
#include "cmd/background.h"
#include "cmd/report.h"
#include "core/text.h"
#include "net/ctl.h"

void
want_say(const char *line)
{
	char clean[WIRE_TEXT + DEVINFO_STRING * 2 + 200];

	text_copy(clean, sizeof(clean), line);
	text_clean(clean);
	printf("%s\n", clean);
	fflush(stdout);
}

static void
put_line(struct ctl_conn *c, const char *kind, int err, const char *text)
{
	char buf[1024];
	struct json j;

	json_init(&j, buf, sizeof(buf));
	report_open(&j, kind);
	json_u64(&j, "exit", (uint64_t)err_exit(err));
	json_str(&j, "text", text);
	json_close(&j);
	ctl_line(c, buf);
}

void
want_answer(struct want *w, int err, const char *text)
{
	if (w->err == ERR_OK)
		w->err = err;
	if (w->conn != NULL)
		put_line(w->conn, err == ERR_OK ? "attached" : "error", err, text);
	else if (err != ERR_OK)
		cmd_fail(err, "%s", text);
	else
		want_say(text);
}

void
want_wait(struct want *w, const char *text)
{
	if (w->conn != NULL)
		put_line(w->conn, "queued", ERR_OK, text);
	else
		want_say(text);
}

/* All its devices have come or failed. One that got none does not wait, either. */
static void
answered(struct want *w)
{
	struct attacher *a = w->of;
	struct ctl_conn *conn = w->conn;
	struct list *l;

	w->answered = true;
	w->conn = NULL;
	if (w->line && a->code == 0)
		a->code = err_exit(w->err);
	LIST_EACH (&a->devs, l) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->want != w || w->had > 0 || w->lasting)
			continue;
		x->again = false;
		if (x->state == ATTACHED_WAITING)
			attached_leave(x);
	}
	if (conn != NULL)
		ctl_end(conn);
	else if (w->line && (a->attached > 0 || w->lasting))
		background_report(&a->report, err_exit(w->err));
}

/* A word that is the nickname of a device becomes its busid. */
static void
resolve(const struct attacher *a, char word[PATTERN_TEXT])
{
	for (unsigned i = 0; i < a->names_n; i++)
		pattern_resolve(word, &a->names[i].info);
}

static bool
has_devices(const struct want *w)
{
	struct list *l;

	LIST_EACH (&w->of->devs, l) {
		if (CONTAINER_OF(l, struct attached, link)->want == w)
			return true;
	}
	return false;
}

void
want_check(struct want *w)
{
	if (!w->listed || w->open > 0)
		return;
	if (!w->answered)
		answered(w);
	if (has_devices(w) || w->lasting)
		return;
	list_del(&w->link);
	free(w);
}

bool
want_means(struct want *w, const struct devinfo *d)
{
	const char *word[ATTACH_WANTS] = {NULL};
	char meaning[ATTACH_WANTS][PATTERN_TEXT];
	bool named = false;

	if (w->n == 0)
		return !pattern_needs_name(d);
	for (unsigned i = 0; i < w->n; i++) {
		memcpy(meaning[i], w->word[i], sizeof(meaning[i]));
		resolve(w->of, meaning[i]);
		word[i] = meaning[i];
		if (!pattern_match(word[i], d))
			continue;
		w->met[i] = true;
		named |= pattern_is_port(word[i]);
	}
	return pattern_list(word, w->n, d) && (named || !pattern_needs_name(d));
}

/* The first list after somebody asked: each device is told about once. */
static void
start(struct attacher *a, struct want *w, const struct devinfo *d)
{
	struct attached *x = stand_waiting(a, d->busid);
	char text[WIRE_TEXT];

	w->found++;
	stand_forgive(a, d);
	if (stand_have(a, d->busid)) {
		snprintf(text, sizeof(text), "%s is attached already", d->busid);
		want_answer(w, ERR_BUSY, text);
	} else if (x == NULL && (x = attached_new(a, w, d)) == NULL) {
		snprintf(text, sizeof(text), "%s: %s", d->busid, err_text(ERR_NOMEM));
		want_answer(w, ERR_NOMEM, text);
	} else {
		x->want = w;
		x->answered = false;
		w->open++;
		attached_ask(x, d);
	}
}

static void
list_ended(struct want *w)
{
	char text[PATTERN_TEXT + 64];

	w->listed = true;
	if (w->lasting)
		return; /* it comes when it comes */
	for (unsigned i = 0; i < w->n; i++) {
		if (w->met[i] || w->word[i][0] == '!' || attach_wish(w, w->word[i]))
			continue;
		snprintf(text, sizeof(text),
			 "the server shares no device \"%s\" with you", w->word[i]);
		want_answer(w, ERR_NODEV, text);
	}
	if (w->n == 0 && w->found == 0)
		want_answer(w, ERR_NODEV,
			    "the server shares no device with you that may be attached "
			    "without naming it");
	else if (w->found == 0 && w->open == 0 && w->err == ERR_OK)
		want_answer(w, ERR_NODEV,
			    "name its busid to attach a keyboard, hub or network device");
}

static void
all_listed(struct attacher *a)
{
	struct list *l, *n;

	stand_listed(a);
	LIST_EACH_SAFE (&a->wants, l, n) {
		struct want *w = CONTAINER_OF(l, struct want, link);

		if (!w->listed)
			list_ended(w);
		want_check(w); /* also of one whose last device another one got */
	}
	attach_check_end(a);
}

void
want_device(struct attacher *a, const struct wire_device *d)
{
	struct list *l;

	if (a->ending)
		return;
	if (d == NULL) {
		all_listed(a);
		return;
	}
	LIST_EACH (&a->wants, l) {
		struct want *w = CONTAINER_OF(l, struct want, link);

		if (!w->listed && want_means(w, &d->info))
			start(a, w, &d->info);
	}
	stand_device(a, d);
}

void
want_busids(struct want *w)
{
	struct attacher *a = w->of;
	struct devinfo d = {0};

	w->once = true; /* that a device is back is not told by such a server */
	for (unsigned i = 0; i < w->n; i++) {
		if (text_copy(d.busid, sizeof(d.busid), w->word[i]))
			start(a, w, &d);
		else
			want_answer(w, ERR_NODEV, "no busid is that long");
	}
	w->listed = true;
	want_check(w);
	attach_check_end(a);
}
