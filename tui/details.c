/* SPDX-License-Identifier: ISC */
/*
 * All that is known of a row, line by line; the descriptors follow when they are there.
 */
#include <string.h>
#include <time.h>

#include "core/text.h"
#include "tui/ui_impl.h"

static void
say(struct text *t, const char *what, const char *value)
{
	size_t n = text_len(what);

	if (value[0] == '\0')
		return;
	text_str(t, what);
	for (; n < 14; n++)
		text_char(t, ' ');
	text_str(t, value);
	text_char(t, '\n');
}

static void
say_u64(struct text *t, const char *what, uint64_t v)
{
	char buf[24];
	struct text n;

	text_init(&n, buf, sizeof(buf));
	text_u64(&n, v);
	say(t, what, buf);
}

static void
say_time(struct text *t, const char *what, uint64_t unix_s)
{
	time_t at = (time_t)unix_s;
	char buf[40];
	struct tm tm;

	if (unix_s != 0 && localtime_r(&at, &tm) != NULL &&
	    strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		say(t, what, buf);
}

static void
say_flow(struct text *t, const struct model_flow *f)
{
	if (f->seen_us != 0)
		say_u64(t, "bytes/s", f->rate);
}

static void
say_packed(struct text *t, const struct model_dev *d)
{
	char buf[64];
	struct text n;

	if (d->packed == 0)
		return;
	text_init(&n, buf, sizeof(buf));
	text_u64(&n, d->packed);
	text_str(&n, " to ");
	text_u64(&n, d->carried);
	say(t, "compressed", buf);
}

static void
attached(struct text *t, const struct model_dev *d)
{
	say_u64(t, "port", d->port);
	say(t, "here", d->local);
	say_u64(t, "URBs done", d->done);
	say_u64(t, "failed", d->failed);
	say_u64(t, "in flight", d->inflight);
	say_u64(t, "bytes in", d->bytes_in);
	say_u64(t, "bytes out", d->bytes_out);
	say_packed(t, d);
	say_flow(t, &d->flow);
}

static void
device(struct text *t, const struct model_dev *d)
{
	say(t, "peer", d->peer);
	say(t, "busid", d->busid);
	say(t, "id", d->id);
	say(t, "manufacturer", d->manufacturer);
	say(t, "product", d->product);
	say(t, "serial", d->serial);
	say(t, "nickname", d->nick);
	say(t, "speed", d->speed);
	say(t, "class", d->cls);
	say(t, "shared", d->shared ? d->part ? "in part" : "yes" : "");
	say(t, "mode", d->mode);
	say(t, "state", d->state);
	say(t, "reason", d->reason);
	say(t, "in use by", d->holder);
	say(t, "next are", d->waiting);
	say_time(t, "since", d->since);
	say(t, "driver", d->driver);
	say(t, "nodes", d->nodes);
	say(t, "mounted at", d->mounts);
	if (d->attached)
		attached(t, d);
}

static void
link_to(struct text *t, const struct model_peer *p)
{
	if (p->link.held)
		say_u64(t, "cut for s", p->link.held_s);
	if (!p->link.up)
		return;
	say(t, "path", p->link.path);
	say(t, "kind", p->link.kind);
	say(t, "carried by", p->link.carrier);
	say(t, "congestion", p->link.cc);
	say_u64(t, "RTT us", p->link.rtt_us);
	say_u64(t, "least RTT us", p->link.min_rtt_us);
	say_u64(t, "packets sent", p->link.packets);
	say_u64(t, "lost", p->link.lost);
	say_u64(t, "bytes", p->link.bytes);
	say_flow(t, &p->flow);
}

static void
peer(struct text *t, const struct model_peer *p)
{
	static const char *const role[] = {"", "attached from", "a guest here"};

	say(t, "peer", p->name);
	say(t, "id", p->id);
	say(t, "now", role[p->role]);
	say(t, "may", p->client ? "use what is shared here" : "");
	say(t, "shares", p->server ? "what it lets us use" : "");
	say(t, "list", p->error);
	say_time(t, "since", p->since);
	link_to(t, p);
}

static void
request(struct text *t, const struct model_ask *a)
{
	say(t, "asks for", a->busid[0] != '\0' ? a->busid : "a way in");
	say(t, "calls itself", a->name);
	say(t, "id", a->id);
	say(t, "from", a->from);
	say_u64(t, "times", a->times);
	say_time(t, "last", a->at);
}

void
details_text(const struct ui *u, const struct item *it, char *buf, size_t cap)
{
	const struct model_dev *a = NULL;
	struct text t;

	text_init(&t, buf, cap);
	if (it->line != NULL)
		say(&t, it->line->when, it->line->text);
	else if (it->ask != NULL)
		request(&t, it->ask);
	else if (it->hub[0] != '\0')
		say(&t, "hub at port", it->hub);
	else if (it->dev == NULL)
		peer(&t, it->peer);
	else
		device(&t, it->dev);
	if (it->dev != NULL && it->peer != NULL)
		a = model_dev_named(&u->m->attached, it->dev->peer, it->dev->busid);
	if (a != NULL && a->attached)
		attached(&t, a);
}

/* Descriptors are known here of what is here. */
static void
add_tree(struct ui *u, const struct item *it)
{
	const struct model_dev *d = it->dev;
	struct ui_job j = act_job(UI_DESCRIBE, d->peer, d->busid);
	struct text t;

	if (it->peer == NULL ||
	    model_dev_named(&u->m->attached, d->peer, d->busid) != NULL) {
		u->box.job = j;
		act_run(u, &j);
		return;
	}
	text_init(&t, u->box.text + strlen(u->box.text), 100);
	text_str(&t, "\nIts descriptors are known here once it is attached.\n");
}

void
act_details(struct ui *u, const struct item *it)
{
	char buf[4000];

	if (it->peer != NULL && it->dev == NULL && it->peer->server && !it->peer->asked) {
		act_refresh(u, it);
		return;
	}
	details_text(u, it, buf, sizeof(buf));
	box_show(u, "Details", buf);
	if (it->peer != NULL && it->dev == NULL)
		text_copy(u->box.copy, sizeof(u->box.copy), it->peer->id);
	if (it->ask != NULL)
		text_copy(u->box.copy, sizeof(u->box.copy), it->ask->id);
	if (it->dev != NULL)
		add_tree(u, it);
}
