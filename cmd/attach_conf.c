/* SPDX-License-Identifier: ISC */
/*
 * What the command line of attach does not say: [attach NAME], then [attach]. And again
 * on SIGHUP: what the line says stays; what the section does not mean any more goes,
 * what it means now comes.
 */
#include <string.h>

#include "cmd/attacher.h"
#include "cmd/control.h"
#include "cmd/reread.h"
#include "core/assist_kind.h"
#include "core/log.h"
#include "core/text.h"

static void
settle(struct attacher *a, const struct conf_attach *c)
{
	const struct conf *conf = &a->ctx->conf;

	if (!a->said.grace)
		a->grace_us = c != NULL && c->grace_us != UINT64_MAX
				  ? c->grace_us
				  : conf->attach_grace_us;
	if (!a->said.off)
		a->off = conf->attach_off;
	a->write_cache = a->said.write_cache || conf->attach_write_cache ||
			 (c != NULL && c->write_cache);
}

static void
settle_want(const struct attacher *a, struct want *w, const struct conf_attach *c)
{
	w->takeover = a->said.takeover || c->takeover;
	w->accept = a->said.accept || c->accept;
}

static void
take_words(struct want *w, const struct conf_list *l)
{
	for (w->n = 0; w->n < l->n; w->n++)
		text_copy(w->word[w->n], sizeof(w->word[0]), l->word[w->n]);
}

/*
 * Without devices on the line a section is for good: it waits for them and for the
 * server.
 */
const char *
attach_settle(struct attacher *a, const char *who)
{
	const struct conf_attach *c =
	    who != NULL ? conf_find_attach(&a->ctx->conf, who) : NULL;
	struct want *w = a->first;

	settle(a, c);
	if (c == NULL)
		return who;
	text_copy(a->section, sizeof(a->section), c->name);
	if (!a->said.via)
		text_copy(a->via_where, sizeof(a->via_where), c->via);
	settle_want(a, w, c);
	if (w->n == 0 && !w->once) {
		w->lasting = true;
		take_words(w, &c->device);
	}
	return c->peer[0] != '\0' ? c->peer : c->name;
}

static bool
same_words(const struct want *w, const struct conf_list *l)
{
	bool same = w->n == l->n;

	for (unsigned i = 0; same && i < w->n; i++)
		same = strcmp(w->word[i], l->word[i]) == 0;
	return same;
}

/* Also by a nickname, though there is no list now to look it up in. */
static bool
means(struct want *w, const struct devinfo *d)
{
	if (want_means(w, d))
		return true;
	for (unsigned i = 0; i < w->n; i++)
		if (pattern_names(w->word[i], d))
			return true;
	return false;
}

static void
drop_others(struct attacher *a, struct want *w)
{
	struct list *l, *n;

	LIST_EACH_SAFE (&a->devs, l, n) {
		struct attached *x = CONTAINER_OF(l, struct attached, link);

		if (x->want != w || means(w, &x->info))
			continue;
		log_info("device %s detached reason=\"the configuration has changed\"",
			 x->info.busid);
		x->again = false;
		attached_answer(x, ERR_GONE, "the configuration has changed");
		attached_eject(x);
	}
}

static void
wish_anew(struct attacher *a, struct want *w, const struct conf_attach *c)
{
	settle_want(a, w, c);
	if (same_words(w, &c->device))
		return;
	log_info("attach %s wants other devices from now on", a->section);
	memset(w->met, 0, sizeof(w->met));
	take_words(w, &c->device);
	drop_others(a, w);
	if (a->remote != NULL && remote_ready(a->remote) &&
	    imports_list(remote_imports(a->remote)) != ERR_OK)
		attach_end(a, 1);
}

/* What the line wants, if that is what the section says. */
static struct want *
want_of_section(struct attacher *a)
{
	struct list *l;

	LIST_EACH (&a->wants, l) {
		struct want *w = CONTAINER_OF(l, struct want, link);

		if (w->line && w->lasting)
			return w;
	}
	return NULL;
}

void
attach_reread(void *arg)
{
	const struct conf_attach *c = NULL;
	struct attacher *a = arg;
	struct want *w;

	if (a->ending || !reread(a->ctx))
		return;
	loop_reload(&a->loop);
	if (a->section[0] != '\0' &&
	    (c = conf_find_attach(&a->ctx->conf, a->section)) == NULL)
		log_warn("attach %s goes on as it was: its section is gone", a->section);
	settle(a, c);
	if (a->remote != NULL) {
		remote_set_grace(a->remote, a->grace_us);
		remote_plain(a->remote, (a->off & 1u << ASSIST_COMPRESSION) != 0);
	}
	if (control_group(a->ctl, a->ctx) != ERR_OK)
		log_error("control.group was not changed to \"%s\"",
			  a->ctx->conf.control_group);
	if (c != NULL && (w = want_of_section(a)) != NULL)
		wish_anew(a, w, c);
	log_info("configuration read again");
}
