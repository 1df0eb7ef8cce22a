/* SPDX-License-Identifier: ISC */
/*
 * What keys do with peers, known ones and those who ask.
 */
#include <string.h>

#include "core/text.h"
#include "tui/ui_impl.h"

static const struct model_dev *
asked_for(const struct ui *u, const struct model_ask *a)
{
	return model_dev_named(&u->m->locals, "", a->busid);
}

/* One whom we know wants one device more. */
static void
accept_dev(struct ui *u, const struct model_ask *a)
{
	struct ui_job j = act_job(UI_ACCEPT_DEV, a->id, a->busid);
	const struct model_dev *d = asked_for(u, a);
	char buf[300];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_str(&t, a->name);
	text_str(&t, " may use ");
	text_str(&t, a->busid);
	text_str(&t, " ");
	text_str(&t, d != NULL ? d->product : "");
	text_str(&t, " from then on, too.");
	box_ask(u, "Let it have the device?", &j, buf);
}

void
act_accept(struct ui *u, const struct item *it)
{
	const struct model_ask *a = it->ask;
	struct ui_job j = act_job(UI_ACCEPT, a->id, "");
	char buf[600];
	struct text t;

	if (act_waits(u, a->id, ""))
		return;
	if (a->busid[0] != '\0') {
		accept_dev(u, a);
		return;
	}
	text_init(&t, buf, sizeof(buf));
	text_str(&t, "Whoever has the id\n");
	text_str(&t, a->id);
	text_str(&t, "\nmay use all that is shared here. \"usbp2p id\" prints it there: "
		     "compare. Its name here:");
	box_line(u, "Let it in?", &j, buf, a->name);
}

void
act_refuse(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_REFUSE, it->ask->id, "");

	if (!act_waits(u, it->ask->id, ""))
		act_run(u, &j);
}

void
act_refresh(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_LIST, it->peer->name, "");

	if (!act_waits(u, it->peer->name, ""))
		act_run(u, &j);
}

void
act_bench(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_BENCH, it->peer->name, "");

	if (!act_waits(u, it->peer->name, ""))
		act_run(u, &j);
}

static void
say_uses(struct text *t, const struct ui *u, const struct model_peer *p)
{
	for (unsigned i = 0; i < u->m->locals.n; i++) {
		const struct model_dev *d = model_dev(&u->m->locals, i);

		if (strcmp(d->holder, p->name) != 0)
			continue;
		text_str(t, "\nIt uses ");
		text_str(t, model_dev_title(d));
		text_str(t, ", which is taken away from it.");
	}
	if (p->role == MODEL_SERVER)
		text_str(t, "\nWhat is attached of it stays until it is detached.");
}

void
act_forget(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_FORGET, it->peer->name, "");
	char buf[1200];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_str(&t, it->peer->name);
	text_str(&t, " may use nothing here any more, and is no longer known under this "
		     "name.");
	say_uses(&t, u, it->peer);
	box_ask(u, "Forget this peer?", &j, buf);
}

void
act_rename(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_RENAME, it->peer->name, "");

	box_line(u, "Rename", &j, "Its new name:", it->peer->name);
}

void
act_invite(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_INVITE, "", "");

	(void)it;
	box_line(u, "Invite", &j, "A name for the one who is invited:", "");
}

void
act_ticket(struct ui *u, const struct item *it)
{
	struct ui_job j = act_job(UI_TICKET, "", "");

	(void)it;
	box_line(u, "Attach with a ticket", &j, "Paste the ticket (usbp2p:...):", "");
}
