/* SPDX-License-Identifier: ISC */
/*
 * What somebody wants attached: the words of a command line or of a request are
 * held against the server's list, and whoever asked hears of each device once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/attacher.h"
#include "cmd/report.h"
#include "core/text.h"
#include "net/ctl.h"

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
			attach_report(a, err_exit(w->err));
	}
	list_del(&w->link);
	free(w);
	attach_check_end(a);
}

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
start(struct attacher *a, struct want *w, const struct devinfo *d)
{
	char text[WIRE_TEXT];
	int err;

	w->found++;
	if (have(a, d->busid)) {
		snprintf(text, sizeof(text), "%s is attached already", d->busid);
		want_answer(w, ERR_BUSY, text);
	} else if ((err = attached_start(a, w, d)) != ERR_OK) {
		snprintf(text, sizeof(text), "%s: %s", d->busid, err_text(err));
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

void
want_device(struct attacher *a, const struct wire_device *d)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&a->wants, l, n) {
		struct want *w = CONTAINER_OF(l, struct want, link);

		if (w->listed || a->ending)
			continue;
		if (d == NULL)
			list_ended(w);
		else if (wanted(w, &d->info))
			start(a, w, &d->info);
	}
}

void
want_busids(struct want *w)
{
	struct devinfo d = {0};

	for (unsigned i = 0; i < w->n; i++) {
		if (text_copy(d.busid, sizeof(d.busid), w->word[i]))
			start(w->of, w, &d);
		else
			want_answer(w, ERR_NODEV, "no busid is that long");
	}
	w->listed = true;
	want_check(w);
}
