/* SPDX-License-Identifier: ISC */
/*
 * All that is known of a row, line by line.
 */
#include "tui/ui_impl.h"

#include "core/text.h"

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
	say(t, "state", d->state);
	say(t, "reason", d->reason);
	say(t, "in use by", d->holder);
	if (!d->attached)
		return;
	say_u64(t, "port", d->port);
	say(t, "here", d->local);
	say(t, "nodes", d->nodes);
	say_u64(t, "URBs done", d->done);
	say_u64(t, "failed", d->failed);
	say_u64(t, "in flight", d->inflight);
	say_u64(t, "bytes in", d->bytes_in);
	say_u64(t, "bytes out", d->bytes_out);
}

static void
peer(struct text *t, const struct model_peer *p)
{
	static const char *const role[] = {"known", "a server of ours",
					   "a guest of ours"};

	say(t, "peer", p->name);
	say(t, "id", p->id);
	say(t, "is", role[p->role]);
	say(t, "list", p->error);
	if (p->link.held_s > 0)
		say_u64(t, "cut for s", p->link.held_s);
	if (!p->link.up)
		return;
	say(t, "path", p->link.path);
	say(t, "carried by", p->link.carrier);
	say(t, "congestion", p->link.cc);
	say_u64(t, "RTT us", p->link.rtt_us);
	say_u64(t, "least RTT us", p->link.min_rtt_us);
	say_u64(t, "packets sent", p->link.packets);
	say_u64(t, "lost", p->link.lost);
}

void
details_text(const struct item *it, char *buf, size_t cap)
{
	struct text t;

	text_init(&t, buf, cap);
	if (it->line != NULL)
		say(&t, it->line->when, it->line->text);
	else if (it->dev != NULL)
		device(&t, it->dev);
	else
		peer(&t, it->peer);
}
