/* SPDX-License-Identifier: ISC */
#include "cmd/rekey.h"
#include "cmd/pause.h"
#include "core/log.h"
#include "net/clock.h"
#include "net/ident.h"
#include "net/link.h"

static void
try_later(struct rekey *k)
{
	uint64_t now = clock_us();
	uint8_t dice;

	ident_random(&dice, 1);
	k->next = NULL;
	k->tries++;
	k->try_at = now + pause_us(k->tries, now - k->since, dice);
}

static struct session *
on_up(void *arg)
{
	struct rekey *k = arg;
	struct link *l = k->next;

	k->next = NULL;
	k->since = 0;
	k->tries = 0;
	return k->take(k->arg, l);
}

static void
on_down(void *arg, int err, const char *why)
{
	(void)err;
	log_warn("link not followed by another yet reason=\"%s\"", why);
	try_later(arg);
}

static const struct link_ops ops = {.up = on_up, .down = on_down};

void
rekey_start(struct rekey *k)
{
	uint64_t now = clock_us();

	if (k->next != NULL || (k->since != 0 && now < k->try_at))
		return;
	if (k->since == 0)
		k->since = now;
	log_debug("link is worn, another is made try=%u", k->tries + 1);
	if ((k->next = link_dial(k->env, k->target, &ops, k)) == NULL)
		try_later(k);
}

void
rekey_stop(struct rekey *k)
{
	if (k->next != NULL)
		link_drop(k->next);
	k->next = NULL;
	k->since = 0;
	k->tries = 0;
}
