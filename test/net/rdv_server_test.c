/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: net core */
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/text.h"
#include "net/rdv_dial.h"
#include "net/rdv_server.h"
#include "net/rdv_stand.h"
#include "test/test.h"

/* The real rendezvous, and those who meet there, on 127.0.0.1. */

struct client {
	struct ident *ident;
	struct rdv_env env;
	struct rdv_conn *conn;
	unsigned ups, joins, parcels, absent, closes, relays;
	struct rdv_relays got;
	int err;
	char why[200];
};

struct fixture {
	struct event_base *base;
	struct event *limit;
	bool late;
	struct ident *ident;
	struct rdv_server_conf conf;
	struct rdv_server *server;
	struct rdv_uri uri;
	struct client a, b;
	struct rdv_stand *stand;
	struct tcp *far, *near; /* of a guest, of the host */
	unsigned connected, accepted, far_closed, near_closed;
	size_t far_got, near_got;
};

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct fixture *)arg)->late = true;
}

#define RUN(f, cond)                                             \
	do {                                                     \
		struct timeval test_tv = {30, 0};                \
		(f)->late = false;                               \
		event_add((f)->limit, &test_tv);                 \
		while (!(f)->late && !(cond))                    \
			event_base_loop((f)->base, EVLOOP_ONCE); \
		CHECK(!(f)->late);                               \
	} while (0)

static void
on_up(void *arg)
{
	((struct client *)arg)->ups++;
}

static void
on_joined(void *arg)
{
	((struct client *)arg)->joins++;
}

static void
on_parcel(void *arg, const struct rdv_parcel *p)
{
	(void)p;
	((struct client *)arg)->parcels++;
}

static void
on_absent(void *arg, const struct rdv_address *a)
{
	(void)a;
	((struct client *)arg)->absent++;
}

static void
on_closed(void *arg, int err, const char *why)
{
	struct client *c = arg;

	c->closes++;
	c->err = err;
	text_copy(c->why, sizeof(c->why), why);
	rdv_conn_free(c->conn);
	c->conn = NULL;
}

static const struct rdv_conn_ops conn_ops = {on_up, on_joined, on_parcel, on_absent,
					     on_closed};

static void
on_relays(void *arg, const struct rdv_relays *r)
{
	struct client *c = arg;

	c->relays++;
	c->got = *r;
}

static struct ident *
new_ident(void)
{
	char dir[] = "/tmp/rdv_server_test.XXXXXX", file[64], why[200];
	struct ident *id;

	CHECK(mkdtemp(dir) != NULL);
	CHECK_EQ(ident_load(&id, dir, why, sizeof(why)), ERR_OK);
	snprintf(file, sizeof(file), "%s/key.pem", dir);
	unlink(file);
	snprintf(file, sizeof(file), "%s/cert.pem", dir);
	unlink(file);
	CHECK_EQ(rmdir(dir), 0);
	return id;
}

static void
set_client(struct fixture *f, struct client *c)
{
	c->ident = new_ident();
	c->env = (struct rdv_env){
	    .base = f->base, .ident = c->ident, .relays = on_relays, .arg = c};
}

static void
setup(struct fixture *f)
{
	char why[200] = "";

	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	f->limit = evtimer_new(f->base, on_late, f);
	f->ident = new_ident();
	f->conf.limits = rdv_usual;
	f->conf.handshakes = RDV_HANDSHAKES;
	f->conf.turns = 1;
	text_copy(f->conf.turn[0], RDV_RELAY, "turn:192.0.2.1?transport=tcp");
	memcpy(f->conf.secret, "secret", 6);
	f->conf.secret_n = 6;
	f->server = rdv_server_new(f->base, f->ident, &f->conf);
	CHECK_EQ(rdv_server_listen(f->server, "127.0.0.1:0", why, sizeof(why)), ERR_OK);
	text_copy(f->uri.addr, RDV_ADDR, rdv_server_where(f->server, 0));
	memcpy(f->uri.pin, ident_id(f->ident), PEERID);
	set_client(f, &f->a);
	set_client(f, &f->b);
}

static unsigned
peers(struct fixture *f)
{
	struct rdv_stats s;

	rdv_server_stats(f->server, &s);
	return s.peers;
}

static void
teardown(struct fixture *f)
{
	rdv_conn_free(f->a.conn);
	rdv_conn_free(f->b.conn);
	rdv_stand_free(f->stand);
	tcp_free(f->far);
	tcp_free(f->near);
	RUN(f, peers(f) == 0);
	rdv_server_free(f->server);
	ident_free(f->ident);
	ident_free(f->a.ident);
	ident_free(f->b.ident);
	event_free(f->limit);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_free(f->base);
}

static void
join(struct fixture *f, struct client *c, enum rdv_role role, uint8_t instance)
{
	const uint8_t i[RDV_INSTANCE] = {instance};

	c->conn = rdv_conn_new(&c->env, &f->uri, role, i, &conn_ops, c);
	CHECK(c->conn != NULL);
}

static void
credentials_as_coturn_takes_them(void)
{
	struct fixture f;
	char id[B32_TEXT(PEERID)], password[IDENT_TURN];
	unsigned long until = 0;

	setup(&f);
	join(&f, &f.a, RDV_GUEST, 1);
	RUN(&f, f.a.relays == 1 && f.a.joins == 1);
	CHECK_EQ(f.a.got.n, 1);
	CHECK(strcmp(f.a.got.uri[0], "turn:192.0.2.1?transport=tcp") == 0);
	CHECK_EQ(f.a.got.ttl_s, RDV_TURN_TTL_S);
	b32_encode(ident_id(f.a.ident), PEERID, id, sizeof(id));
	CHECK_EQ(sscanf(f.a.got.user, "%lu:", &until), 1);
	CHECK(until > (unsigned long)time(NULL) + RDV_TURN_TTL_S - 100 &&
	      until <= (unsigned long)time(NULL) + RDV_TURN_TTL_S);
	CHECK(strcmp(strchr(f.a.got.user, ':') + 1, id) == 0);
	ident_turn_password("secret", 6, f.a.got.user, password);
	CHECK(strcmp(password, f.a.got.password) == 0);
	teardown(&f);
}

static void
the_older_host_is_told(void)
{
	struct fixture f;

	setup(&f);
	join(&f, &f.a, RDV_HOST, 1);
	RUN(&f, f.a.joins == 1);
	ident_free(f.b.ident);
	f.b.ident = NULL;
	f.b.env.ident = f.a.ident;
	join(&f, &f.b, RDV_HOST, 2);
	RUN(&f, f.a.closes == 1 && f.b.joins == 1);
	CHECK_EQ(f.a.err, ERR_BUSY);
	CHECK(text_has(f.a.why, "another connection"));
	CHECK_EQ(f.b.closes, 0);
	teardown(&f);
}

static void
another_key(void)
{
	struct fixture f;

	setup(&f);
	f.uri.pin[0] ^= 1;
	join(&f, &f.a, RDV_GUEST, 1);
	RUN(&f, f.a.closes == 1);
	CHECK_EQ(f.a.err, ERR_REFUSED);
	CHECK_EQ(f.a.ups, 0);
	CHECK_EQ(peers(&f), 0);
	teardown(&f);
}

/* --- a conversation --- */

static void
on_connected(void *arg)
{
	((struct fixture *)arg)->connected++;
}

static int
on_far(void *arg, const uint8_t *p, size_t n)
{
	(void)p;
	((struct fixture *)arg)->far_got += n;
	return ERR_OK;
}

static int
on_near(void *arg, const uint8_t *p, size_t n)
{
	(void)p;
	((struct fixture *)arg)->near_got += n;
	return ERR_OK;
}

static void
on_far_closed(void *arg, int err)
{
	struct fixture *f = arg;

	(void)err;
	f->far_closed++;
	tcp_free(f->far);
	f->far = NULL;
}

static void
on_near_closed(void *arg, int err)
{
	struct fixture *f = arg;

	(void)err;
	f->near_closed++;
	tcp_free(f->near);
	f->near = NULL;
}

static const struct tcp_ops far_ops = {on_connected, on_far, on_far_closed};
static const struct tcp_ops near_ops = {on_connected, on_near, on_near_closed};

static void
on_guest(void *arg, struct tcp *tcp)
{
	struct fixture *f = arg;

	f->accepted++;
	f->near = tcp;
	tcp_take(tcp, &near_ops, f);
	tcp_admitted(tcp);
}

static const struct tcp_listener_ops guest_ops = {on_guest};

static void
talk(struct fixture *f)
{
	const uint8_t instance[RDV_INSTANCE] = {9};

	setup(f);
	f->stand = rdv_stand_new(&f->a.env, &f->uri, instance, &guest_ops, f);
	RUN(f, rdv_stand_up(f->stand));
	f->far = rdv_dial(&f->b.env, &f->uri, ident_id(f->a.ident), &far_ops, f);
	RUN(f, f->connected == 1 && f->accepted == 1);
	CHECK(tcp_is_loopback(tcp_local_ip(f->far)));
	CHECK(tcp_is_loopback(tcp_local_ip(f->near)));
	CHECK(strcmp(tcp_peer(f->near), f->uri.addr) == 0);
}

static void
bytes_both_ways(void)
{
	static uint8_t data[30000];
	struct fixture f;

	talk(&f);
	tcp_write(f.far, data, sizeof(data));
	tcp_write(f.near, data, 5);
	RUN(&f, f.near_got == sizeof(data) && f.far_got == 5);
	tcp_write(f.near, data, 7); /* the last words arrive */
	tcp_finish(f.near);
	RUN(&f, f.far_closed == 1 && f.near_closed == 1);
	CHECK_EQ(f.far_got, 12);
	RUN(&f, peers(&f) == 1); /* the guest has left */
	teardown(&f);
}

static void
the_guest_goes(void)
{
	struct fixture f;

	talk(&f);
	tcp_free(f.far);
	f.far = NULL;
	RUN(&f, f.near_closed == 1);
	teardown(&f);
}

static void
the_host_goes(void)
{
	struct fixture f;

	talk(&f);
	rdv_stand_free(f.stand);
	f.stand = NULL;
	RUN(&f, f.near_closed == 1 && f.far_closed == 1);
	teardown(&f);
}

/* It registers again, and guests find it. */
static void
the_rendezvous_goes(void)
{
	char where[RDV_ADDR], why[200];
	struct fixture f;

	talk(&f);
	text_copy(where, sizeof(where), f.uri.addr);
	rdv_server_free(f.server);
	RUN(&f, f.near_closed == 1 && f.far_closed == 1 && !rdv_stand_up(f.stand));
	f.server = rdv_server_new(f.base, f.ident, &f.conf);
	CHECK_EQ(rdv_server_listen(f.server, where, why, sizeof(why)), ERR_OK);
	RUN(&f, rdv_stand_up(f.stand));
	f.far = rdv_dial(&f.b.env, &f.uri, ident_id(f.a.ident), &far_ops, &f);
	RUN(&f, f.connected == 2 && f.accepted == 2);
	teardown(&f);
}

TEST_MAIN(TEST(credentials_as_coturn_takes_them), TEST(the_older_host_is_told),
	  TEST(another_key), TEST(bytes_both_ways), TEST(the_guest_goes),
	  TEST(the_host_goes), TEST(the_rendezvous_goes))
