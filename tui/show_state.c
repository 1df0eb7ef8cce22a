/* SPDX-License-Identifier: ISC */
/*
 * Columns that say what is going on with a row.
 */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/show.h"

static void
put(struct shown *d, unsigned style, const char *s)
{
	text_copy(d->buf, d->cap, s);
	if (d->style == GRID_PLAIN)
		d->style = style;
}

static const char *const doing[UI_VERBS] = {
    [UI_SHARE] = "sharing",    [UI_UNSHARE] = "taking back",  [UI_NICK] = "naming",
    [UI_ATTACH] = "attaching", [UI_DETACH] = "detaching",     [UI_RESET] = "resetting",
    [UI_DESCRIBE] = "asking",  [UI_LIST] = "asking",          [UI_KNOWN] = "asking",
    [UI_WHO] = "asking",       [UI_INVITE] = "inviting",      [UI_TICKET] = "attaching",
    [UI_ACCEPT] = "accepting", [UI_ACCEPT_DEV] = "accepting", [UI_REFUSE] = "refusing",
    [UI_BENCH] = "measuring",  [UI_FORGET] = "forgetting",    [UI_RENAME] = "renaming",
    [UI_DOCTOR] = "looking",
};

static bool
show_busy(struct shown *d, const char *peer, const char *busid, const char *progress)
{
	const struct ui_job *j = ui_busy(d->u, peer, busid);

	if (j == NULL)
		return false;
	snprintf(d->buf, d->cap, "%s...",
		 j->verb == UI_ATTACH && progress != NULL ? progress : doing[j->verb]);
	return true;
}

void
show_use(struct shown *d)
{
	const struct model_dev *v = d->it->dev;

	if (v == NULL || show_busy(d, "", v->busid, NULL))
		return;
	if (v->holder[0] != '\0') {
		put(d, GRID_WARN, "");
		snprintf(d->buf, d->cap, "in use by %s%s%s", v->holder,
			 v->waiting[0] != '\0' ? ", next " : "", v->waiting);
	} else if (v->shared) {
		put(d, GRID_GOOD, v->part ? "shared in part" : "shared");
		if (v->mode[0] != '\0')
			snprintf(d->buf, d->cap, "shared %s", v->mode);
	}
}

static void
show_peer_state(struct shown *d, const struct model_peer *p)
{
	if (p->link.held) {
		put(d, GRID_BAD, "");
		snprintf(d->buf, d->cap, "cut %llu s",
			 (unsigned long long)p->link.held_s);
	} else if (p->role == MODEL_GUEST) {
		put(d, GRID_PLAIN, "uses ours");
	} else if (p->role == MODEL_SERVER) {
		put(d, GRID_PLAIN, "attached");
	} else {
		put(d, GRID_DIM, p->server ? "server" : p->client ? "may use ours" : "");
	}
}

/* A device of a peer: here, elsewhere, on its way, or free. */
static void
show_remote_dev(struct shown *d, const struct model_dev *v)
{
	const struct model_dev *a =
	    model_dev_named(&d->u->m->attached, v->peer, v->busid);

	if (show_busy(d, v->peer, v->busid, a != NULL ? a->state : NULL))
		return;
	if (a != NULL && a->attached)
		put(d, GRID_GOOD, "attached here");
	else if (a != NULL)
		put(d, GRID_WARN, a->state);
	else if (v->holder[0] == '\0')
		put(d, GRID_PLAIN, v->state);
	else {
		put(d, GRID_WARN, "");
		snprintf(d->buf, d->cap, "in use by %s", v->holder);
	}
}

void
show_remote(struct shown *d)
{
	const struct item *it = d->it;

	if (it->ask != NULL) {
		if (show_busy(d, it->ask->id, "", NULL))
			return;
		put(d, GRID_WARN, "asks to come in");
		if (it->ask->busid[0] != '\0')
			snprintf(d->buf, d->cap, "asks for %s", it->ask->busid);
	} else if (it->dev != NULL) {
		show_remote_dev(d, it->dev);
	} else if (!show_busy(d, it->peer->name, "", NULL)) {
		show_peer_state(d, it->peer);
	}
}

void
show_attached(struct shown *d)
{
	const struct model_dev *v = d->it->dev;
	const struct model_peer *p = model_peer_named(d->u->m, v->peer);

	if (show_busy(d, v->peer, v->busid, v->state))
		return;
	if (p != NULL && p->link.held) {
		put(d, GRID_BAD, "");
		snprintf(d->buf, d->cap, "held %llu s",
			 (unsigned long long)p->link.held_s);
		return;
	}
	put(d, strcmp(v->state, "attached") == 0 ? GRID_GOOD : GRID_WARN,
	    v->reason[0] != '\0' ? v->reason : v->state);
	if (v->position > 0)
		snprintf(d->buf, d->cap, "queued, %llu.",
			 (unsigned long long)v->position);
}
