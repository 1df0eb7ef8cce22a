/* SPDX-License-Identifier: ISC */
/*
 * Status lines of what runs go into the model; what they do not tell is asked for.
 */
#include <string.h>
#include <time.h>

#include "cmd/browser.h"
#include "net/clock.h"

void
tui_feed_now(struct tui *t)
{
	time_t now = time(NULL);
	struct tm tm;

	t->model.now[0] = '\0';
	if (localtime_r(&now, &tm) != NULL)
		strftime(t->model.now, sizeof(t->model.now), "%H:%M:%S", &tm);
}

/* Servers that are used have told nothing of what else they share. */
static void
ask_servers(struct tui *t)
{
	for (unsigned i = 0; i < t->model.peers.n; i++) {
		struct model_peer *p = model_peer(&t->model, i);

		if (p->role != MODEL_SERVER || !p->link.up || p->asked)
			continue;
		p->asked = true;
		tui_ask(t, UI_LIST, p->name);
	}
}

static void
on_status(void *arg, const char *path, const char *line, size_t n)
{
	struct tui *t = arg;

	tui_feed_now(t);
	if (model_status(&t->model, path, json_read(line, n), clock_us()) != ERR_OK)
		return;
	ask_servers(t);
	tui_draw_soon(t);
}

static void
on_ended(void *arg, const char *path)
{
	struct tui *t = arg;

	tui_feed_now(t);
	if (model_ended(&t->model, path))
		tui_ask(t, UI_LIST, "");
	tui_ask(t, UI_KNOWN, "");
	tui_draw_soon(t);
}

/* Who is known, or what is shared: by us, or by a command of somebody. */
static void
on_written(void *arg)
{
	struct tui *t = arg;

	tui_ask(t, UI_KNOWN, "");
	if (!t->model.serving)
		tui_ask(t, UI_LIST, "");
}

const struct follow_ops tui_follow_ops = {on_status, on_ended, on_written};
