/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: net/link net/link_ice net/rdv_lend net/moves net/link_door net/link_flow net/twin net/link_signal net/proof net/ident net/ident_peer net/tls net/tcp net/tcp_dial net/tcp_addr net/tcp_listen net/gate net/ice net/ice_gather net/ice_names net/ice_path net/udp net/ice_addr net/ice_cand net/gpump net/dtls net/dtls_seen net/dtls_filter core/link core/wire core/session core/session_link core/door core/marks core/sendbuf core/recvbuf core/bytes core/spans core/ranges core/sched core/sidmap core/arq core/arq_path core/keyuse core/arq_in core/arq_recv core/arq_rtt core/arq_sent core/pmtu core/cc core/cc_bbr core/cc_cubic core/pacer core/b32 core/cur core/log core/mem core/text core/err core/session_tail core/tail_in core/tail_out net/link_dial net/rdv_dial net/rdv_pipe net/rdv_conn core/rdv_wire core/rdv_uri core/ticket */
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <event2/event.h>

#include "core/session.h"
#include "core/text.h"
#include "net/clock.h"
#include "net/dtls.h"
#include "net/gpump.h"
#include "net/ident.h"
#include "net/link.h"
#include "net/link_parts.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "test/test.h"

/* Both ends of real links in one process: TCP, TLS, libnice, DTLS on 127.0.0.1. */

#define MESSAGE 64
#define FIRST   1 /* what the attach side says at once: it opens the door */
#define LARGE   (1u << 20)

enum moment { NEVER, AT_KNOCK, AT_ADMITTED, AT_UP, AT_MESSAGE };

struct end {
	struct fixture *f;
	struct link_env env;
	struct ident *ident;
	struct pool pool;
	struct link *link, *next; /* next: a second one, serve only */
	struct session *session;
	unsigned knocks, admits, ups, downs, messages;
	enum moment fail_at, close_at; /* what its owner does wrong, or when it ends it */
	int err;
	char why[WIRE_TEXT];
	uint32_t len; /* of the last message */
	struct proof_channel tls, dtls;
	uint8_t key[IDENT_MAC]; /* of the session */
	struct door_resume ask;
	unsigned resumes, resumed, lost;
	bool gone; /* serve: it has forgotten the session */
	unsigned worn, doubts;
	bool follows; /* attach: a worn link gets a successor */
};

struct fixture {
	struct event_base *base;
	struct gpump *pump;
	struct event *limit;
	struct tcp_listener *listener;
	struct end serve, attach;
	struct link_target target;
	bool late;

	/* what the server thinks of tickets */
	bool ticket;
	uint8_t secret[TICKET_SECRET];
	bool wrong_confirmation;
};

/* --- a session of one stream --- */

static int
on_message(void *arg, const struct session_msg *m)
{
	struct end *e = arg;
	uint8_t first;

	session_msg_read(m, 0, &first, 1);
	CHECK_EQ(first, 0x5a);
	if (m->len == FIRST)
		return ERR_OK;
	e->messages++;
	e->len = m->len;
	if (e->close_at == AT_MESSAGE)
		link_close(e->link);
	return e->fail_at == AT_MESSAGE ? ERR_PROTO : ERR_OK;
}

static int
on_accept(void *arg, uint32_t sid, enum stream_prio *prio)
{
	(void)arg;
	*prio = STREAM_PRIO_BULK;
	return sid == STREAM_BENCH ? ERR_OK : ERR_PROTO;
}

static void
on_wake(void *arg)
{
	struct end *e = arg;

	if (e->link != NULL)
		link_wake(e->link);
}

static const struct session_ops session_ops = {on_message, on_accept, on_wake};

static void
say(struct end *e, uint32_t len)
{
	uint8_t *body = calloc(1, len);
	struct session_slice v = {body, len};

	body[0] = 0x5a;
	CHECK_EQ(session_open(e->session, STREAM_BENCH, STREAM_PRIO_BULK), ERR_OK);
	CHECK_EQ(session_send(e->session, STREAM_BENCH, 1, &v, 1, NULL), ERR_OK);
	free(body);
}

/* --- the owner of a link --- */

static int
on_knock(void *arg, const struct wire_greet *g, struct wire_greet *reply,
	 struct wire_refusal *no)
{
	struct end *e = arg;
	struct fixture *f = e->f;
	uint8_t want[IDENT_MAC];

	e->knocks++;
	CHECK(memcmp(link_peer(e->link), ident_id(f->attach.ident), IDENT_ID) == 0);
	CHECK(strcmp(g->name, "anna") == 0);
	CHECK(strncmp(link_where(e->link), "127.0.0.1:", 10) == 0);
	CHECK_EQ(link_channel(e->link, &e->tls), ERR_OK);
	if (e->close_at == AT_KNOCK)
		link_close(e->link);
	text_copy(no->text, sizeof(no->text), "you are not invited");
	if (e->fail_at == AT_KNOCK)
		return ERR_REFUSED;
	if (!f->ticket)
		return ERR_OK;
	proof_make(PROOF_TLS_CLIENT, f->secret, g->ticket, &e->tls, want);
	if (!ident_equal(want, g->proof, sizeof(want)))
		return ERR_REFUSED;
	proof_make(f->wrong_confirmation ? PROOF_TLS_CLIENT : PROOF_TLS_SERVER, f->secret,
		   g->ticket, &e->tls, reply->proof);
	return ERR_OK;
}

static int
on_admitted(void *arg, const struct wire_greet *g)
{
	struct end *e = arg;

	e->admits++;
	CHECK(strcmp(g->name, "lab") == 0);
	CHECK_EQ(link_channel(e->link, &e->tls), ERR_OK);
	if (e->close_at == AT_ADMITTED)
		link_close(e->link);
	return e->fail_at == AT_ADMITTED ? ERR_USAGE : ERR_OK;
}

static struct session *
on_up(void *arg)
{
	struct end *e = arg;

	if (e->ask.generation > 0) {
		CHECK_EQ(link_resume(e->link, &e->ask, e->key), ERR_OK);
		e->resumes++;
		return e->session;
	}
	e->ups++;
	CHECK_EQ(link_channel(e->link, &e->dtls), ERR_OK);
	CHECK_EQ(link_key(e->link, e->key), ERR_OK);
	e->session = session_new(&e->pool, 4 * LARGE, &session_ops, e);
	session_peer_window(e->session, 4 * LARGE);
	if (e == &e->f->attach)
		say(e, FIRST);
	if (e->close_at == AT_UP)
		link_close(e->link);
	return e->fail_at == AT_UP ? NULL : e->session;
}

static struct session *
on_resume(void *arg, const struct door_resume *q)
{
	struct end *e = arg;
	uint8_t want[IDENT_MAC];

	e->resumes++;
	CHECK_EQ(link_proof(e->next, q, e->key, want), ERR_OK);
	if (e->gone || !ident_equal(q->proof, want, sizeof(want)))
		return NULL;
	CHECK_EQ(q->id[3], 9);
	link_drop(e->link);
	e->link = e->next;
	e->next = NULL;
	return e->session;
}

static void
on_resumed(void *arg, bool yes)
{
	struct end *e = arg;

	e->resumed += yes;
	e->lost += !yes;
	if (e->follows && e->resumed < 5) { /* so that this one is worn, too */
		say(e, LARGE / 10);
		say(&e->f->serve, LARGE / 10);
	}
}

static void
on_turn(void *arg)
{
	struct end *e = arg;

	CHECK_EQ(e->downs, 0);
}

static void
on_down(void *arg, int err, const char *why)
{
	struct end *e = arg;

	e->downs++;
	e->err = err;
	text_copy(e->why, sizeof(e->why), why);
	e->link = NULL;
}

static void on_worn(void *);

static void
on_doubt(void *arg)
{
	struct end *e = arg;

	e->doubts++;
}

static const struct link_ops link_ops = {on_knock,  on_admitted, on_up,
					 on_resume, on_resumed,  on_turn,
					 on_down,   on_worn,     on_doubt};

/* --- the link that follows one whose keys are worn --- */

static struct session *
on_next_up(void *arg)
{
	struct end *e = arg;

	link_drop(e->link);
	e->link = e->next;
	e->next = NULL;
	link_pass(e->link, &link_ops, e);
	e->ask.generation = e->ask.generation > 0 ? e->ask.generation + 1 : 2;
	e->ask.id[3] = 9;
	return on_up(e);
}

static const struct link_ops next_ops = {.admitted = on_admitted, .up = on_next_up};

static void
on_worn(void *arg)
{
	struct end *e = arg;

	e->worn++;
	if (e->next == NULL && e->follows)
		e->next = link_dial(&e->env, &e->f->target, &next_ops, e);
}

static void
on_tcp(void *arg, struct tcp *tcp)
{
	struct fixture *f = arg;

	struct link **l = f->serve.link == NULL ? &f->serve.link : &f->serve.next;

	CHECK(*l == NULL);
	*l = link_accept(&f->serve.env, tcp, &link_ops, &f->serve);
	CHECK(*l != NULL);
}

static const struct tcp_listener_ops listener_ops = {on_tcp};

/* --- fixture --- */

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;

	(void)fd;
	(void)what;
	f->late = true;
}

static void
set_end(struct fixture *f, struct end *e, const char *name)
{
	char dir[] = "/tmp/link_test.XXXXXX", file[64], why[200];

	CHECK(mkdtemp(dir) != NULL);
	CHECK_EQ(ident_load(&e->ident, dir, why, sizeof(why)), ERR_OK);
	snprintf(file, sizeof(file), "%s/key.pem", dir);
	unlink(file);
	snprintf(file, sizeof(file), "%s/cert.pem", dir);
	unlink(file);
	CHECK_EQ(rmdir(dir), 0);
	e->f = f;
	e->pool = (struct pool)TEST_POOL(256u << 20);
	e->env = (struct link_env){.base = f->base,
				   .pump = f->pump,
				   .ident = e->ident,
				   .name = name,
				   .mtu = LINK_MTU_MIN,
				   .pool = &e->pool};
}

static void
setup(struct fixture *f)
{
	struct event_config *c = event_config_new();
	char why[200] = "";

	memset(f, 0, sizeof(*f));
	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	f->base = event_base_new_with_config(c);
	event_config_free(c);
	f->pump = gpump_new(f->base);
	f->limit = evtimer_new(f->base, give_up, f);
	set_end(f, &f->serve, "lab");
	set_end(f, &f->attach, "anna");
	CHECK_EQ(tcp_listen(&f->listener, f->base, "127.0.0.1:0", &listener_ops, f, why,
			    sizeof(why)),
		 ERR_OK);
	memcpy(f->target.id, ident_id(f->serve.ident), IDENT_ID);
	f->target.addrs = 1;
	text_copy(f->target.addr[0], TICKET_ADDR, tcp_listener_where(f->listener));
}

static void
end_session(struct end *e)
{
	if (e->session != NULL)
		session_free(e->session);
	e->session = NULL;
}

/* Runs until done says so; false when that took too long. */
static bool
run(struct fixture *f, bool (*done)(struct fixture *))
{
	struct timeval tv = {30, 0};

	f->late = false;
	event_add(f->limit, &tv);
	while (!f->late && !done(f))
		event_base_loop(f->base, EVLOOP_ONCE);
	event_del(f->limit);
	CHECK(!f->late);
	return !f->late;
}

static bool
all_down(struct fixture *f)
{
	return f->serve.link == NULL && f->attach.link == NULL;
}

static bool
attach_down(struct fixture *f)
{
	return f->attach.downs > 0;
}

static bool
serve_down(struct fixture *f)
{
	return f->serve.downs > 0;
}

static bool
both_up(struct fixture *f)
{
	return f->serve.ups > 0 && f->attach.ups > 0;
}

static bool
both_heard(struct fixture *f)
{
	return f->serve.messages > 0 && f->attach.messages > 0;
}

static void
teardown(struct fixture *f)
{
	if (f->attach.link != NULL)
		link_abort(f->attach.link, ERR_FAIL, "the test is over");
	if (f->serve.link != NULL)
		link_abort(f->serve.link, ERR_FAIL, "the test is over");
	run(f, all_down);
	end_session(&f->serve);
	end_session(&f->attach);
	CHECK_EQ(f->serve.pool.used, 0);
	CHECK_EQ(f->attach.pool.used, 0);
	tcp_listener_free(f->listener);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	gpump_free(f->pump);
	event_free(f->limit);
	event_base_free(f->base);
	ident_free(f->serve.ident);
	ident_free(f->attach.ident);
}

static void
dial(struct fixture *f)
{
	f->attach.link = link_dial(&f->attach.env, &f->target, &link_ops, &f->attach);
	CHECK(f->attach.link != NULL);
}

static bool
answered(struct fixture *f)
{
	return f->attach.resumed + f->attach.lost > 0;
}

static bool
both_heard_all(struct fixture *f)
{
	return f->serve.len == MESSAGE && f->attach.len == MESSAGE;
}

/* The attach side lets go without a word and dials again. */
static void
dial_again(struct fixture *f, uint64_t generation)
{
	link_drop(f->attach.link);
	f->attach.ask =
	    (struct door_resume){.id = {0, 0, 0, 9}, .generation = generation};
	dial(f);
}

/* --- tests --- */

/* What was said before the cut and in it arrives once, over the next link. */
static void
a_session_goes_on(void)
{
	struct fixture f;

	setup(&f);
	dial(&f);
	if (run(&f, both_up)) {
		say(&f.attach, LARGE);
		say(&f.serve, LARGE);
		dial_again(&f, 2);
		say(&f.attach, MESSAGE);
		say(&f.serve, MESSAGE);
		run(&f, both_heard_all);
	}
	CHECK_EQ(f.attach.resumed, 1);
	CHECK_EQ(f.serve.resumes, 1);
	CHECK_EQ(f.attach.messages, 2);
	CHECK_EQ(f.serve.messages, 2);
	CHECK_EQ(f.serve.ups, 1);
	CHECK_EQ(f.serve.downs + f.attach.downs, 0); /* dropped links say nothing */
	teardown(&f);
}

static bool
has_doubts(struct fixture *f)
{
	return f->attach.doubts > 0;
}

/* Its end says that the server may be gone; the link does well without. */
static void
signalling_stays(void)
{
	struct fixture f;

	setup(&f);
	dial(&f);
	if (run(&f, both_up)) {
		say(&f.attach, LARGE);
		say(&f.serve, LARGE);
		run(&f, both_heard);
		CHECK_EQ(f.attach.doubts + f.serve.doubts, 0);
		link_hang_up(f.serve.link);
		run(&f, has_doubts);
		say(&f.attach, MESSAGE);
		say(&f.serve, MESSAGE);
		run(&f, both_heard_all);
	}
	CHECK_EQ(f.attach.doubts, 1);
	CHECK_EQ(f.serve.downs + f.attach.downs, 0);
	teardown(&f);
}

/* Nor is it a way to keep the other side busy. */
static void
nobody_talks_on_it(void)
{
	static const uint8_t noise[32768];
	struct fixture f;

	setup(&f);
	dial(&f);
	if (run(&f, both_up)) {
		say(&f.serve, LARGE);
		say(&f.attach, LARGE);
		run(&f, both_heard);
		for (unsigned i = 0; i < 3; i++)
			tcp_write(f.attach.link->tcp, noise, sizeof(noise));
		run(&f, has_doubts);
		CHECK(f.serve.link->unread > 65536);
	}
	CHECK_EQ(f.attach.doubts, 1);
	CHECK_EQ(f.serve.downs + f.attach.downs, 0);
	teardown(&f);
}

static bool
measured(struct fixture *f)
{
	struct arq_stats s;

	return link_stats(f->attach.link, &s) && s.srtt_us > 0;
}

/* Packets go another way: what was learned of the last one is forgotten, nothing else. */
static void
another_pair_is_another_path(void)
{
	struct arq_stats s;
	struct fixture f;

	setup(&f);
	dial(&f);
	if (run(&f, both_up)) {
		say(&f.attach, LARGE);
		say(&f.serve, LARGE);
		run(&f, both_heard);
		link_choose_way(f.attach.link); /* the same */
		CHECK(link_stats(f.attach.link, &s) && s.srtt_us > 0);
		f.attach.link->path[0] = '?';
		link_choose_way(f.attach.link);
		CHECK(link_stats(f.attach.link, &s));
		CHECK(s.srtt_us == 0 && s.min_rtt_us == 0 && s.sent > 100);
		say(&f.attach, MESSAGE);
		say(&f.serve, MESSAGE);
		run(&f, both_heard_all);
		run(&f, measured);
	}
	CHECK_EQ(f.attach.messages, 2);
	CHECK_EQ(f.serve.messages, 2);
	teardown(&f);
}

/* A PING of attach's, sent by a socket that the server has never heard of. */
static void
ping_from_elsewhere(struct fixture *f)
{
	struct link *l = f->attach.link;
	struct sockaddr_in from = {.sin_family = AF_INET}, to = from;
	uint8_t packet[LINK_MTU_MAX];
	char path[200], *port;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	size_t n;

	link_path(l, path, sizeof(path));
	port = strrchr(path, ':');
	CHECK(port != NULL && l->batched == 0);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(port + 1));
	CHECK_EQ(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	arq_ping(l->arq);
	n = arq_output(l->arq, packet, sizeof(packet), clock_us());
	CHECK(n > 0 && dtls_send(l->dtls, packet, n) == ERR_OK && l->batched == 1);
	n = l->batch[0].n;
	CHECK_EQ(sendto(fd, l->batch[0].p, n, 0, (struct sockaddr *)&to, sizeof(to)),
		 (ssize_t)n);
	l->batched = 0;
	close(fd);
}

static bool
all_answered(struct fixture *f)
{
	return arq_idle(f->attach.link->arq) && arq_idle(f->serve.link->arq);
}

/* What the keys say counts, not where it comes from: the path may just be changing. */
static void
records_may_come_from_anywhere(void)
{
	struct arq_stats before, s;
	struct fixture f;

	setup(&f);
	dial(&f);
	if (run(&f, both_up) && run(&f, all_answered)) {
		CHECK(link_stats(f.serve.link, &before));
		ping_from_elsewhere(&f);
		run(&f, all_answered);
		CHECK(link_stats(f.serve.link, &s) && s.received > before.received);
		CHECK(link_stats(f.attach.link, &s) && s.lost == 0);
	}
	teardown(&f);
}

static bool
much_heard(struct fixture *f)
{
	return f->serve.messages >= 24 && f->attach.messages >= 24 &&
	       f->attach.resumed >= 5;
}

/* A new link for every few packets, and yet every message arrives, once. */
static void
worn_links_are_followed(void)
{
	struct fixture f;

	setup(&f);
	f.attach.env.rekey = 60;
	f.attach.follows = true;
	dial(&f);
	if (run(&f, both_up)) {
		for (int i = 0; i < 20; i++) {
			say(&f.attach, LARGE / 10);
			say(&f.serve, LARGE / 10);
		}
		link_wake(f.attach.link);
		link_wake(f.serve.link);
		run(&f, much_heard);
	}
	CHECK_EQ(f.attach.messages, 24);
	CHECK_EQ(f.serve.messages, 24);
	CHECK_EQ(f.serve.downs + f.attach.downs, 0);
	CHECK_EQ(f.serve.worn, 0);
	printf("# %u links\n", f.attach.resumed + 1);
	if (f.attach.next != NULL)
		link_drop(f.attach.next);
	if (f.serve.next != NULL)
		link_drop(f.serve.next);
	teardown(&f);
}

/* Nobody makes another: it ends in time, and both sides know that more is to come. */
static void
a_used_up_link_ends(void)
{
	for (int i = 0; i < 2; i++) {
		struct fixture f;
		struct end *e = i == 0 ? &f.attach : &f.serve;

		setup(&f);
		e->env.rekey = 50;
		dial(&f);
		if (run(&f, both_up)) {
			e->link->keys.over = 100;
			say(&f.attach, LARGE);
			run(&f, i == 0 ? serve_down : attach_down);
		}
		run(&f, all_down);
		CHECK_EQ(e->err, ERR_TIMEOUT);
		CHECK(strcmp(e->why, "its keys are used up") == 0);
		CHECK_EQ(i == 0 ? f.serve.err : f.attach.err, ERR_UNREACHABLE);
		CHECK(i == 1 || f.attach.worn > 0);
		CHECK_EQ(f.serve.worn, 0);
		teardown(&f);
	}
}

/* Without the first link's key, or after the server's restart. */
static void
a_session_is_gone(void)
{
	for (int i = 0; i < 2; i++) {
		struct fixture f;

		setup(&f);
		dial(&f);
		if (run(&f, both_up)) {
			f.serve.gone = i == 0;
			f.attach.key[5] ^= i == 1;
			dial_again(&f, 2);
			run(&f, answered);
		}
		CHECK_EQ(f.attach.lost, 1);
		CHECK_EQ(f.serve.resumes, 1);
		link_drop(f.serve.link);
		f.serve.link = f.serve.next;
		teardown(&f);
	}
}

/* What DTLS drops is counted among the duplicates: it sees them before the packets. */
static void
gets_a_stray(struct link *l)
{
	uint8_t stray[2] = {(uint8_t)(32 + l->number)};
	struct arq_stats before, s;

	CHECK(link_stats(l, &before));
	link_packet(l, stray, sizeof(stray));
	CHECK(link_stats(l, &s) && s.duplicates == before.duplicates + 1);
	CHECK_EQ(s.received, before.received);
}

static void
carries_messages(void)
{
	struct arq_stats s;
	struct fixture f;
	char path[200];

	setup(&f);
	dial(&f);
	CHECK(!link_stats(f.attach.link, &s));
	CHECK(link_silence_us(f.attach.link) == UINT64_MAX);
	if (run(&f, both_up)) {
		say(&f.attach, MESSAGE);
		say(&f.serve, LARGE);
		run(&f, both_heard);
		CHECK_EQ(f.serve.len, MESSAGE);
		CHECK_EQ(f.attach.len, LARGE);
		CHECK(link_stats(f.attach.link, &s) && s.received > LARGE / 1200);
		gets_a_stray(f.attach.link);
		link_path(f.attach.link, path, sizeof(path));
		CHECK(strncmp(path, "host 127.0.0.1:", 15) == 0);
		CHECK(link_silence_us(f.attach.link) < 1000000);
		link_close(f.attach.link);
		run(&f, all_down);
	}
	CHECK_EQ(f.attach.err, ERR_OK);
	CHECK_EQ(f.serve.err, ERR_CLOSED);
	CHECK_EQ(f.serve.downs, 1);
	CHECK_EQ(f.attach.downs, 1);
	teardown(&f);
}

static void
server_says_goodbye(void)
{
	struct fixture f;

	setup(&f);
	dial(&f);
	f.serve.close_at = AT_MESSAGE;
	if (run(&f, both_up)) {
		say(&f.attach, MESSAGE);
		run(&f, all_down);
	}
	CHECK_EQ(f.serve.err, ERR_OK);
	CHECK_EQ(f.attach.err, ERR_CLOSED);
	teardown(&f);
}

/* A peer that we give up on is told, it need not wait for silence. */
static void
abort_is_heard(void)
{
	struct fixture f;

	setup(&f);
	dial(&f);
	f.serve.fail_at = AT_MESSAGE;
	if (run(&f, both_up)) {
		say(&f.attach, MESSAGE);
		run(&f, all_down);
	}
	CHECK_EQ(f.serve.err, ERR_PROTO);
	CHECK_EQ(f.attach.err, ERR_CLOSED);
	teardown(&f);
}

static void
many_datagram_sizes(void)
{
	static const size_t mtu[] = {LINK_MTU_MIN, 1452, 4000, LINK_MTU_MAX};

	for (size_t i = 0; i < ARRAY_LEN(mtu); i++) {
		struct fixture f;

		setup(&f);
		f.serve.env.mtu = mtu[i];
		f.attach.env.mtu = mtu[ARRAY_LEN(mtu) - 1 - i];
		f.attach.env.cubic = i % 2 == 1;
		dial(&f);
		if (run(&f, both_up)) {
			say(&f.attach, LARGE);
			say(&f.serve, LARGE);
			run(&f, both_heard);
		}
		teardown(&f);
	}
}

static bool
both_grown(struct fixture *f)
{
	struct arq_stats a, b;

	return link_stats(f->serve.link, &a) && link_stats(f->attach.link, &b) &&
	       a.mtu == LINK_MTU_TRY && b.mtu == LINK_MTU_TRY;
}

/* By both ways, each side for itself; once more on another pair. */
static void
datagrams_grow(void)
{
	for (int slow = 0; slow < 2; slow++) {
		struct fixture f;
		struct arq_stats s;

		setup(&f);
		f.serve.env.mtu_max = f.attach.env.mtu_max = LINK_MTU_TRY;
		f.serve.env.slow = f.attach.env.slow = slow;
		dial(&f);
		if (run(&f, both_up)) {
			say(&f.attach, LARGE);
			say(&f.serve, LARGE);
			run(&f, both_heard);
			run(&f, both_grown);
			f.attach.link->path[0] = '?';
			link_choose_way(f.attach.link);
			CHECK(link_stats(f.attach.link, &s));
			CHECK_EQ(s.mtu, LINK_MTU_MIN);
			run(&f, both_grown);
		}
		teardown(&f);
	}
}

static void
refused(void)
{
	struct fixture f;

	setup(&f);
	f.serve.fail_at = AT_KNOCK;
	dial(&f);
	run(&f, all_down);
	CHECK_EQ(f.attach.err, ERR_REFUSED);
	CHECK(strcmp(f.attach.why, "you are not invited") == 0);
	CHECK_EQ(f.serve.err, ERR_REFUSED);
	CHECK_EQ(f.serve.knocks, 1);
	CHECK_EQ(f.attach.admits + f.attach.ups + f.serve.ups, 0);
	teardown(&f);
}

static void
another_server(void)
{
	struct fixture f;

	setup(&f);
	f.target.id[7] ^= 1;
	dial(&f);
	run(&f, all_down);
	CHECK_EQ(f.attach.err, ERR_REFUSED);
	CHECK(text_has(f.attach.why, "its key differs"));
	CHECK_EQ(f.serve.knocks, 0);
	CHECK(f.serve.err != ERR_OK);
	teardown(&f);
}

/* A port of ours that nobody listens on any more. */
static void
dead_address(struct fixture *f, char addr[TICKET_ADDR])
{
	struct tcp_listener *l;
	char why[200];

	CHECK_EQ(
	    tcp_listen(&l, f->base, "127.0.0.1:0", &listener_ops, f, why, sizeof(why)),
	    ERR_OK);
	text_copy(addr, TICKET_ADDR, tcp_listener_where(l));
	tcp_listener_free(l);
}

static void
nobody_there(void)
{
	struct fixture f;

	setup(&f);
	dead_address(&f, f.target.addr[0]);
	dial(&f);
	run(&f, attach_down);
	CHECK_EQ(f.attach.err, ERR_UNREACHABLE);
	CHECK(text_has(f.attach.why, "no answer at 127.0.0.1:"));
	f.target.addrs = 0;
	f.attach.downs = 0;
	dial(&f);
	run(&f, attach_down);
	CHECK_EQ(f.attach.err, ERR_UNREACHABLE);
	teardown(&f);
}

static void
the_next_address(void)
{
	struct fixture f;

	setup(&f);
	text_copy(f.target.addr[2], TICKET_ADDR, f.target.addr[0]);
	dead_address(&f, f.target.addr[0]);
	text_copy(f.target.addr[1], TICKET_ADDR, "not an address");
	f.target.addrs = 3;
	dial(&f);
	run(&f, both_up);
	teardown(&f);
}

static void
set_ticket(struct fixture *f)
{
	f->ticket = true;
	memset(f->secret, 7, sizeof(f->secret));
	f->target.has_secret = true;
	memset(f->target.ticket, 9, sizeof(f->target.ticket));
	memcpy(f->target.secret, f->secret, sizeof(f->secret));
}

static void
ticket_opens(void)
{
	struct fixture f;

	setup(&f);
	set_ticket(&f);
	dial(&f);
	run(&f, both_up);
	CHECK(memcmp(&f.serve.tls, &f.attach.tls, sizeof(f.serve.tls)) == 0);
	CHECK(memcmp(&f.serve.dtls, &f.attach.dtls, sizeof(f.serve.dtls)) == 0);
	CHECK(memcmp(f.serve.tls.exporter, f.serve.dtls.exporter, IDENT_MAC) != 0);
	CHECK(memcmp(f.serve.tls.server, ident_id(f.serve.ident), IDENT_ID) == 0);
	CHECK(memcmp(f.serve.tls.client, ident_id(f.attach.ident), IDENT_ID) == 0);
	teardown(&f);
}

static void
wrong_secret(void)
{
	struct fixture f;

	setup(&f);
	set_ticket(&f);
	f.target.secret[0] ^= 1;
	dial(&f);
	run(&f, all_down);
	CHECK_EQ(f.attach.err, ERR_REFUSED);
	CHECK_EQ(f.attach.admits, 0);
	teardown(&f);
}

static void
no_secret(void)
{
	struct fixture f;

	setup(&f);
	set_ticket(&f);
	f.target.has_secret = false;
	dial(&f);
	run(&f, all_down);
	CHECK_EQ(f.attach.err, ERR_REFUSED);
	CHECK_EQ(f.attach.admits, 0);
	teardown(&f);
}

/* Who only has the key, but not the secret, is not the server that invited us. */
static void
wrong_confirmation(void)
{
	struct fixture f;

	setup(&f);
	set_ticket(&f);
	f.wrong_confirmation = true;
	dial(&f);
	run(&f, all_down);
	CHECK_EQ(f.attach.err, ERR_REFUSED);
	CHECK(text_has(f.attach.why, "does not know this ticket's secret"));
	CHECK_EQ(f.attach.admits, 0);
	teardown(&f);
}

static void
owner_says_no(void)
{
	static const struct {
		enum moment at;
		bool serve;
		int err;
	} rows[] = {{AT_ADMITTED, false, ERR_USAGE},
		    {AT_UP, false, ERR_NOMEM},
		    {AT_UP, true, ERR_NOMEM}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;
		struct end *e = rows[i].serve ? &f.serve : &f.attach;

		setup(&f);
		e->fail_at = rows[i].at;
		dial(&f);
		run(&f, rows[i].serve ? serve_down : attach_down);
		CHECK_EQ(e->err, rows[i].err);
		teardown(&f);
	}
}

static void
closing_from_an_op(void)
{
	static const struct {
		enum moment at;
		bool serve;
	} rows[] = {
	    {AT_KNOCK, true}, {AT_ADMITTED, false}, {AT_UP, false}, {AT_UP, true}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;
		struct end *e = rows[i].serve ? &f.serve : &f.attach;

		setup(&f);
		e->close_at = rows[i].at;
		dial(&f);
		run(&f, rows[i].serve ? serve_down : attach_down);
		CHECK_EQ(e->err, ERR_OK);
		teardown(&f);
	}
}

/* After so many turns of the loop one end closes, whatever the links do then. */
static void
closing_any_time(void)
{
	for (unsigned turns = 0; turns < 40; turns++) {
		struct fixture f;
		struct end *e = turns % 2 == 0 ? &f.attach : &f.serve;

		setup(&f);
		dial(&f);
		for (unsigned i = 0; i < turns / 2 && !both_up(&f); i++)
			event_base_loop(f.base, EVLOOP_ONCE);
		if (e->link != NULL) {
			link_close(e->link);
			while (e->downs == 0)
				event_base_loop(f.base, EVLOOP_ONCE);
		}
		teardown(&f);
	}
}

static void
ping_is_answered(void)
{
	struct arq_stats before, after;
	struct fixture f;

	setup(&f);
	dial(&f);
	if (run(&f, both_up)) {
		while (event_base_loop(f.base, EVLOOP_NONBLOCK) == 0 &&
		       !link_stats(f.serve.link, &before))
			;
		link_ping(f.serve.link);
		do {
			event_base_loop(f.base, EVLOOP_ONCE);
			CHECK(link_stats(f.serve.link, &after));
		} while (after.received <= before.received);
		CHECK(link_silence_us(f.serve.link) < 1000000);
	}
	teardown(&f);
}

/* --- a client that breaks the rules --- */

struct rogue {
	struct fixture *f;
	struct tcp *tcp;
	struct tls *tls;
	const uint8_t *types; /* of messages to send when up; 0 ends */
	uint8_t said;         /* the last message of the server */
	bool closed;
};

static void
rogue_output(void *arg, const uint8_t *p, size_t n)
{
	struct rogue *r = arg;

	tcp_write(r->tcp, p, n);
}

static size_t
rogue_body(uint8_t type, uint8_t *b, size_t cap)
{
	struct wire_greet g = {.major = WIRE_MAJOR, .name = "anna"};
	struct wire_offer o = {
	    .link = 3, .ufrag = "abcd", .pwd = "0123456789012345678901"};
	struct wr w;

	wr_init(&w, b, cap);
	if (type == WIRE_KNOCK || type == WIRE_ADMIT)
		wire_put_greet(&w, &g);
	else if (type == WIRE_OFFER || type == WIRE_ANSWER)
		wire_put_offer(&w, &o);
	else if (type == WIRE_TRICKLE)
		wire_put_trickle(&w, "");
	return (size_t)(w.p - b);
}

static int
rogue_up(void *arg, const uint8_t id[IDENT_ID])
{
	struct rogue *r = arg;
	uint8_t b[8192];

	(void)id;
	for (const uint8_t *t = r->types; *t != 0; t++)
		CHECK_EQ(tls_send(r->tls, *t, b, rogue_body(*t, b, sizeof(b))), ERR_OK);
	return ERR_OK;
}

static int
rogue_message(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct rogue *r = arg;

	(void)body;
	(void)n;
	r->said = type;
	return ERR_OK;
}

static const struct tls_ops rogue_tls = {rogue_output, rogue_up, rogue_message};

static void
rogue_connected(void *arg)
{
	struct rogue *r = arg;

	CHECK_EQ(tls_start(r->tls), ERR_OK);
}

static int
rogue_data(void *arg, const uint8_t *p, size_t n)
{
	struct rogue *r = arg;

	return tls_input(r->tls, p, n);
}

static void
rogue_closed(void *arg, int err)
{
	struct rogue *r = arg;

	(void)err;
	r->closed = true;
}

static const struct tcp_ops rogue_tcp = {rogue_connected, rogue_data, rogue_closed};

static void
rules_are_kept(void)
{
	static const struct {
		const char *what;
		uint8_t types[5];
		unsigned knocks;
	} rows[] = {
	    {"offer before knock", {WIRE_OFFER}, 0},
	    {"admits itself", {WIRE_ADMIT}, 0},
	    {"answers", {WIRE_KNOCK, WIRE_ANSWER}, 1},
	    {"knocks twice", {WIRE_KNOCK, WIRE_KNOCK}, 1},
	    {"offers twice", {WIRE_KNOCK, WIRE_OFFER, WIRE_OFFER}, 1},
	    {"trickles before its offer", {WIRE_KNOCK, WIRE_TRICKLE}, 1},
	    {"trickles after the last",
	     {WIRE_KNOCK, WIRE_OFFER, WIRE_TRICKLE, WIRE_TRICKLE},
	     1},
	    {"rejects", {WIRE_REJECT}, 0},
	    {"a message of sessions", {WIRE_HELLO}, 0},
	    {"unknown message", {99}, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;
		struct rogue r = {.f = &f, .types = rows[i].types};

		setup(&f);
		r.tls = tls_new(f.attach.ident, false, NULL, &rogue_tls, &r);
		r.tcp = tcp_dial(f.base, NULL, f.target.addr[0], &rogue_tcp, &r);
		run(&f, serve_down);
		while (!r.closed)
			event_base_loop(f.base, EVLOOP_ONCE);
		if (f.serve.err != ERR_PROTO || f.serve.knocks != rows[i].knocks)
			printf("# %s\n", rows[i].what);
		CHECK_EQ(f.serve.err, ERR_PROTO);
		CHECK_EQ(f.serve.knocks, rows[i].knocks);
		CHECK(r.said != WIRE_ANSWER); /* no ICE for it */
		CHECK_EQ(f.serve.ups, 0);
		tls_free(r.tls);
		tcp_free(r.tcp);
		teardown(&f);
	}
}

/* From 128 on messages are skipped; a stranger who goes is forgotten. */
static void
later_messages_are_skipped(void)
{
	static const uint8_t types[] = {200, WIRE_KNOCK, 128, 0};
	struct fixture f;
	struct rogue r = {.f = &f, .types = types};

	setup(&f);
	r.tls = tls_new(f.attach.ident, false, NULL, &rogue_tls, &r);
	r.tcp = tcp_dial(f.base, NULL, f.target.addr[0], &rogue_tcp, &r);
	while (r.said == 0 && !r.closed)
		event_base_loop(f.base, EVLOOP_ONCE);
	CHECK_EQ(r.said, WIRE_ADMIT);
	CHECK_EQ(f.serve.downs, 0);
	tcp_free(r.tcp);
	run(&f, serve_down);
	CHECK_EQ(f.serve.err, ERR_CLOSED);
	tls_free(r.tls);
	teardown(&f);
}

TEST_MAIN(TEST(a_session_goes_on), TEST(a_session_is_gone), TEST(signalling_stays),
	  TEST(nobody_talks_on_it), TEST(another_pair_is_another_path),
	  TEST(records_may_come_from_anywhere), TEST(worn_links_are_followed),
	  TEST(a_used_up_link_ends), TEST(carries_messages), TEST(server_says_goodbye),
	  TEST(abort_is_heard), TEST(many_datagram_sizes), TEST(datagrams_grow),
	  TEST(refused), TEST(another_server), TEST(nobody_there), TEST(the_next_address),
	  TEST(ticket_opens), TEST(wrong_secret), TEST(no_secret),
	  TEST(wrong_confirmation), TEST(owner_says_no), TEST(closing_from_an_op),
	  TEST(closing_any_time), TEST(ping_is_answered), TEST(rules_are_kept),
	  TEST(later_messages_are_skipped))
