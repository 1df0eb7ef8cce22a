/* SPDX-License-Identifier: ISC */
/*
 * Where peers of `serve` come in: its listeners, its registrations at rendezvous, and
 * what is announced of them on the local network. Who may come in it does not know.
 */
#include <string.h>

#include "cmd/server.h"
#include "core/log.h"
#include "core/text.h"
#include "net/lan.h"
#include "net/moves.h"
#include "net/rdv_stand.h"
#include "net/tcp.h"

static void
on_accepted(void *arg, struct tcp *tcp)
{
	guest_accept(arg, tcp);
}

static const struct tcp_listener_ops listener_ops = {on_accepted};

int
serve_door_listen(struct server *s, const char *where)
{
	char why[256];
	int err;

	if (strcmp(where, "none") == 0) {
		s->hidden = true;
		return 0;
	}
	if (s->listeners == SERVER_LISTENERS)
		return cmd_wrong(&cmd_serve, "at most %d times --listen",
				 SERVER_LISTENERS);
	err = tcp_listen(&s->listener[s->listeners], s->loop.base, where, &listener_ops,
			 s, why, sizeof(why));
	if (err != ERR_OK)
		return cmd_fail(err, "%s", why);
	log_info("serve listens at=%s", tcp_listener_where(s->listener[s->listeners]));
	s->listeners++;
	return 0;
}

int
serve_door_rendezvous(struct server *s, const char *uri)
{
	int err = conf_add_rdv(&s->ctx->conf, uri);

	if (err == ERR_FULL)
		return cmd_wrong(&cmd_serve, "at most %d times --rendezvous",
				 TICKET_RDVS);
	if (err != ERR_OK)
		return cmd_wrong(&cmd_serve,
				 "\"%s\" is no rendezvous: rdv://HOST:PORT#PIN, as "
				 "usbp2p rendezvous prints it",
				 uri);
	return 0;
}

/* Who changed the network they are in are found at once, and not after minutes. */
static void
on_moved(void *arg, bool addresses)
{
	struct server *s = arg;

	for (unsigned i = 0; i < s->stands; i++)
		rdv_stand_moved(s->stand[i], addresses);
}

int
serve_door_register(struct server *s)
{
	const struct conf *c = &s->ctx->conf;
	struct rdv_stand *r;

	for (unsigned i = 0; i < c->rdvs; i++) {
		r = rdv_stand_new(&s->loop.env.rdv, &c->rdv[i], s->loop.env.instance,
				  &listener_ops, s);
		if (r == NULL)
			return cmd_fail(ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		s->stand[s->stands++] = r;
	}
	if (s->stands > 0 && (s->moves = moves_new(s->loop.base, on_moved, s)) == NULL)
		log_warn("changes of addresses are noticed by silence alone");
	return 0;
}

/* The first listener; peers that find it still need a ticket. */
int
serve_door_announce(struct server *s)
{
	char id[8], why[256] = "";
	const char *port;
	uint64_t n;
	int err = ERR_FAIL;

	if (s->listeners == 0)
		return cmd_wrong(&cmd_serve,
				 "--lan wants a --listen that peers can reach");
	port = strrchr(tcp_listener_where(s->listener[0]), ':');
	peerid_short(ident_id(s->loop.ident), id);
	if (port != NULL && text_to_u64(port + 1, 65535, &n))
		err = lan_publish(&s->lan, s->loop.base, s->loop.env.name, id,
				  (uint16_t)n, why, sizeof(why));
	return err == ERR_OK ? 0
			     : cmd_fail(err, "%s", why[0] != '\0' ? why : err_text(err));
}

void
serve_door_close(struct server *s)
{
	for (unsigned i = 0; i < s->listeners; i++)
		tcp_listener_free(s->listener[i]);
	moves_free(s->moves);
	s->moves = NULL;
	for (unsigned i = 0; i < s->stands; i++)
		rdv_stand_free(s->stand[i]);
	s->listeners = s->stands = 0;
}
