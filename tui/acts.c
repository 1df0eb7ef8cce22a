/* SPDX-License-Identifier: ISC */
/*
 * What keys do with devices. Before something is taken from somebody it is asked for,
 * with what will happen.
 */
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

struct ui_job
act_job(enum ui_verb verb, const char *peer, const char *busid)
{
	struct ui_job j = {.verb = verb};

	text_copy(j.peer, sizeof(j.peer), peer);
	text_copy(j.busid, sizeof(j.busid), busid);
	return j;
}

/* A look at a device does not stand in the way of anything. */
void
act_run(struct ui *u, const struct ui_job *j)
{
	if (j->verb == UI_DESCRIBE) {
		u->ops->run(u->arg, j);
		return;
	}
	if (u->busy_n == UI_BUSY) {
		ui_say(u, true, "too much at once");
		return;
	}
	u->busy[u->busy_n++] = *j;
	u->ops->run(u->arg, j);
}

bool
act_waits(struct ui *u, const char *peer, const char *busid)
{
	if (ui_busy(u, peer, busid) == NULL)
		return false;
	ui_say(u, true, "not yet: something is being done with it already");
	return true;
}

/* --- what will happen --- */

static void
say_title(struct text *t, const struct model_dev *d)
{
	text_str(t, model_dev_title(d));
	if (d->product[0] != '\0') {
		text_str(t, " (");
		text_str(t, d->busid);
		text_str(t, ")");
	}
}

static void
say_mounts(struct text *t, const struct model_dev *d)
{
	if (d->mounts[0] == '\0')
		return;
	text_str(t, "\nIts file systems are mounted here: ");
	text_str(t, d->mounts);
	text_str(t, "\nUnmount them first, or what is not written yet is lost.");
}

static void
say_users(struct text *t, const struct model_dev *d)
{
	if (d->holder[0] != '\0') {
		text_str(t, "\nIt is in use by ");
		text_str(t, d->holder);
		text_str(t, ", from whom it is taken away.");
	}
	if (d->waiting[0] != '\0') {
		text_str(t, "\nNext were ");
		text_str(t, d->waiting);
		text_str(t, ".");
	}
}

static void
ask(struct ui *u, const char *title, const struct ui_job *j, const struct model_dev *d,
    const char *what)
{
	char buf[1200];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	say_title(&t, d);
	text_str(&t, what);
	say_users(&t, d);
	say_mounts(&t, d);
	box_ask(u, title, j, buf);
}

/* --- devices of this machine --- */

void
act_share(struct ui *u, const struct item *it)
{
	const struct model_dev *d = it->dev;
	struct ui_job j = act_job(d->shared ? UI_UNSHARE : UI_SHARE, "", d->busid);

	if (act_waits(u, "", d->busid))
		return;
	if (d->shared && (d->holder[0] != '\0' || d->waiting[0] != '\0'))
		ask(u, "Take it back?", &j, d, " is shared no longer.");
	else if (!d->shared && d->mounts[0] != '\0')
		ask(u, "Share it?", &j, d,
		    " is taken from this machine when a peer attaches it.");
	else
		act_run(u, &j);
}

void
act_nick(struct ui *u, const struct item *it)
{
	const struct model_dev *d = it->dev;
	struct ui_job j = act_job(UI_NICK, "", d->busid);
	char buf[400];
	struct text t;

	text_copy(j.mode, sizeof(j.mode), d->mode);
	j.part = d->part;
	text_init(&t, buf, sizeof(buf));
	say_title(&t, d);
	text_str(&t, d->shared ? "" : " is shared from then on");
	text_str(&t, ".\nIts nickname, of a-z 0-9 . _ -:");
	box_line(u, "Name a device", &j, buf, d->nick);
}

void
act_reset(struct ui *u, const struct item *it)
{
	const struct model_dev *d = it->dev;
	struct ui_job j = act_job(UI_RESET, d->peer, d->busid);

	if (!act_waits(u, d->peer, d->busid))
		ask(u, "Reset it?", &j, d,
		    " begins anew, as if it had been plugged out and in: what it does "
		    "now fails.");
}

/* --- devices of others --- */

static void
ask_detach(struct ui *u, const struct model_dev *d)
{
	struct ui_job j = act_job(UI_DETACH, d->peer, d->busid);
	char buf[300];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_str(&t, " of ");
	text_str(&t, d->peer);
	text_str(&t, " leaves this machine");
	text_str(&t, d->nodes[0] != '\0' ? ", where it is " : "");
	text_str(&t, d->nodes);
	text_str(&t, ".");
	ask(u, "Detach it?", &j, d, buf);
}

void
act_attach(struct ui *u, const struct item *it)
{
	const struct model_dev *here;
	struct ui_job j;

	if (it->ask != NULL) {
		act_accept(u, it);
		return;
	}
	if (it->dev == NULL) {
		act_refresh(u, it);
		return;
	}
	if (act_waits(u, it->peer->name, it->dev->busid))
		return;
	here = model_dev_named(&u->m->attached, it->dev->peer, it->dev->busid);
	if (here != NULL) {
		ask_detach(u, here);
		return;
	}
	j = act_job(UI_ATTACH, it->peer->name, it->dev->busid);
	act_run(u, &j);
}

void
act_detach(struct ui *u, const struct item *it)
{
	if (!act_waits(u, it->dev->peer, it->dev->busid))
		ask_detach(u, it->dev);
}
