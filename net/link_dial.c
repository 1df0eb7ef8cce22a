/* SPDX-License-Identifier: ISC */
/*
 * How a link's signalling gets connected: the places where the server may be, each
 * tried a little after the one before; the first that is connected is taken, and the
 * others are tried when another one than the server is there. A rendezvous is a
 * place like an address; whoever carries the bytes, TLS says who is at their end.
 */
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "core/b32.h"
#include "core/mem.h"
#include "core/text.h"
#include "net/link_parts.h"
#include "net/rdv_dial.h"
#include "net/tcp.h"

#define PACE_US    100000 /* before the next place is tried as well */
#define UNREAD_MAX 65536  /* bytes that nobody wants: more than TRICKLEs on their way */

static void next_place(struct link *);

static unsigned
places(const struct link *l)
{
	return l->target.addrs + l->target.rdvs;
}

/* Lets go of all of them but the one that was taken. */
static void
leave_others(struct link *l)
{
	for (unsigned i = 0; i < LINK_PLACES; i++) {
		struct link_place *p = &l->place[i];

		if (p->tcp != NULL && p->tcp != l->tcp) {
			tcp_free(p->tcp);
			p->tcp = NULL;
		}
	}
	if (l->pace != NULL)
		event_del(l->pace);
}

void
link_hang_up(struct link *l)
{
	l->tcp = NULL;
	leave_others(l);
}

/* The name of a place, for people. */
static void
name(const struct link *l, const struct link_place *p, char *buf, size_t cap)
{
	unsigned i = (unsigned)(p - l->place);

	if (i < l->target.addrs)
		text_copy(buf, cap, l->target.addr[i]);
	else
		snprintf(buf, cap, "rendezvous %s",
			 l->target.rdv[i - l->target.addrs].addr);
}

/* --- places that are no good --- */

/* What the user should hear of several places that did not work. */
static unsigned
weight(int err, bool there)
{
	if (err == ERR_REFUSED)
		return 5;
	if (there)
		return 4;
	return err == ERR_NOPEER ? 3 : err == ERR_UNREACHABLE ? 2 : 1;
}

static void
note(struct link *l, const struct link_place *p, int err, bool there)
{
	char where[TICKET_ADDR];
	const char *before = "no answer at ", *after = "";

	if (weight(err, there) <= l->weight_dial)
		return;
	l->weight_dial = weight(err, there);
	l->err_dial = err;
	name(l, p, where, sizeof(where));
	if (err == ERR_REFUSED)
		before = there ? "the server at this address is another one, its key "
				 "differs: "
			       : "the rendezvous at this address is another one, its key "
				 "differs: ";
	else if (there)
		before = err_text(err), where[0] = '\0';
	else if (err == ERR_NOPEER)
		before = "the server is not at ", after = " now";
	else if (err == ERR_FULL)
		before = "the server has no room for strangers now, try again: ";
	snprintf(l->why_dial, sizeof(l->why_dial), "%s%s%s", before, where, after);
}

/* It was tried, and is not tried again by this link. */
static void
give_up(struct link *l, struct link_place *p, int err, bool there)
{
	note(l, p, err, there);
	p->bad = true;
	if (p->tcp == l->tcp)
		l->tcp = NULL;
	tcp_free(p->tcp);
	p->tcp = NULL;
	next_place(l);
}

/* Whoever is there is not the server, or did not let us in. */
static void
elsewhere(struct link *l, struct link_place *p, int err)
{
	tls_free(l->tls);
	l->tls = NULL;
	give_up(l, p, err, true);
}

/* --- TCP --- */

static void
on_connected(void *arg)
{
	struct link_place *p = arg;
	struct link *l = p->of;

	if (l->state > LINK_GREETING)
		return;
	l->tcp = p->tcp;
	leave_others(l);
	name(l, p, l->where, sizeof(l->where));
	if ((unsigned)(p - l->place) < l->target.addrs)
		snprintf(l->where, sizeof(l->where), "%s", tcp_peer(l->tcp));
	if (l->state == LINK_DIALING)
		link_event(l, LINK_EV_DIALED);
	else
		link_greet(l); /* after one that was another server */
}

static int
on_data(void *arg, const uint8_t *b, size_t n)
{
	struct link_place *p = arg;
	struct link *l = p->of;
	int err;

	if (l->tls == NULL || l->state >= LINK_CLOSING || l->settled || l->rejected)
		return (l->unread += n) > UNREAD_MAX ? ERR_PROTO : ERR_OK;
	err = tls_input(l->tls, b, n);
	if (err != ERR_OK && !l->serve && l->state == LINK_GREETING) {
		elsewhere(l, p, err);
		return ERR_OK;
	}
	if (err != ERR_OK && l->state == LINK_UP) /* which does well without */
		l->settled = true;
	else if (err != ERR_OK)
		link_fail(l, err, NULL);
	return err;
}

static void
on_closed(void *arg, int err)
{
	struct link_place *p = arg;
	struct link *l = p->of;

	if (l->tcp != p->tcp)
		give_up(l, p, err, false);
	else if (!l->serve && l->state == LINK_GREETING)
		elsewhere(l, p, err);
	else if (l->state < LINK_CHECKING)
		link_fail(l, l->rejected ? ERR_REFUSED : err, NULL);
	else
		l->settled = true;
	if (l->state == LINK_UP && tcp_is_direct(p->tcp) && l->ops->doubt != NULL)
		l->ops->doubt(l->arg);
}

static const struct tcp_ops tcp_ops = {on_connected, on_data, on_closed};

/* --- attach --- */

static struct tcp *
dial(struct link *l, struct link_place *p)
{
	unsigned i = (unsigned)(p - l->place);

	if (i < l->target.addrs)
		return tcp_dial(l->env->base, l->env->dns, l->target.addr[i], &tcp_ops,
				p);
	return rdv_dial(&l->env->rdv, &l->target.rdv[i - l->target.addrs], l->target.id,
			&tcp_ops, p);
}

static void
next_place(struct link *l)
{
	const struct timeval tv = {0, PACE_US};
	bool waits = false;

	for (unsigned i = 0; i < places(l) && l->state < LINK_GATHERING; i++) {
		struct link_place *p = &l->place[i];

		waits |= p->tcp != NULL;
		if (p->tcp != NULL || p->bad)
			continue;
		if ((p->tcp = dial(l, p)) == NULL)
			link_fail(l, ERR_NOMEM, NULL);
		else
			event_add(l->pace, &tv);
		return;
	}
	if (!waits)
		link_fail(l, l->err_dial != ERR_OK ? l->err_dial : ERR_UNREACHABLE,
			  l->err_dial != ERR_OK ? l->why_dial : "no address is known");
}

static void
on_pace(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	bool more = false;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < places(l); i++)
		more |= l->place[i].tcp == NULL && !l->place[i].bad;
	if (more && l->tcp == NULL)
		next_place(l);
}

void
link_signal_dial(struct link *l)
{
	peerid_short(l->peer, l->name);
	for (unsigned i = 0; i < LINK_PLACES; i++)
		l->place[i].of = l;
	if ((l->pace = evtimer_new(l->env->base, on_pace, l)) == NULL)
		link_fail(l, ERR_NOMEM, NULL);
	else
		next_place(l);
}

/* --- serve --- */

void
link_signal_accept(struct link *l, struct tcp *tcp)
{
	l->place[0] = (struct link_place){.of = l, .tcp = tcp};
	l->tcp = tcp;
	snprintf(l->where, sizeof(l->where), "%s", tcp_peer(tcp));
	tcp_take(tcp, &tcp_ops, &l->place[0]);
	link_greet(l);
}
