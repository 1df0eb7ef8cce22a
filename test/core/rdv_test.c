/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/rdv.h"
#include "test/test.h"

/* A rendezvous whose connections keep what they are sent. */

#define CONNS 16

struct conn {
	struct rdv_peer *peer;
	unsigned sent, ended;
	uint8_t type, body[RDV_BODY]; /* the last message */
	size_t n;
	bool stuck; /* takes nothing more */
};

struct other {
	unsigned came, went, elsewhere;
	bool somewhere; /* another node may have it */
};

static struct pool pool;
static struct conn conns[CONNS];
static struct other other;
static struct rdv *rdv;
static struct rdv_conf conf;
static uint64_t now;

static int
on_send(void *arg, uint8_t type, const uint8_t *body, size_t n)
{
	struct conn *c = arg;

	if (c->stuck)
		return ERR_FULL;
	CHECK_EQ(rdv_wire_check(type, RDV_MIDDLE, n), ERR_OK);
	CHECK_EQ(c->ended, 0);
	c->sent++;
	c->type = type;
	c->n = n;
	memcpy(c->body, body, n);
	return ERR_OK;
}

static void
on_end(void *arg)
{
	((struct conn *)arg)->ended++;
}

static bool
on_relays(void *arg, const uint8_t id[PEERID], struct rdv_relays *t)
{
	(void)arg;
	if (id[0] == 9)
		return false;
	t->n = 1;
	memcpy(t->uri[0], "turn:h", 7);
	memcpy(t->user, "u", 2);
	memcpy(t->password, "p", 2);
	t->ttl_s = 60;
	return true;
}

static void
on_came(void *arg, const struct rdv_address *a, bool host)
{
	(void)arg;
	(void)a;
	(void)host;
	other.came++;
}

static void
on_went(void *arg, const struct rdv_address *a, bool host)
{
	(void)arg;
	(void)a;
	(void)host;
	other.went++;
}

static bool
on_elsewhere(void *arg, const struct rdv_address *from, bool host,
	     const struct rdv_parcel *p)
{
	(void)arg;
	(void)from;
	(void)host;
	(void)p;
	other.elsewhere++;
	return other.somewhere;
}

static const struct rdv_ops ops = {on_send, on_end,  on_relays,
				   on_came, on_went, on_elsewhere};

static void
setup(void)
{
	pool = (struct pool)TEST_POOL(1u << 20);
	memset(conns, 0, sizeof(conns));
	memset(&other, 0, sizeof(other));
	conf = rdv_usual;
	conf.peers = CONNS;
	now = 1000000;
	rdv = rdv_new(&pool, &conf, &ops, NULL, 42);
	CHECK(rdv != NULL);
}

static void
leave(struct conn *c)
{
	if (c->peer != NULL)
		rdv_leave(c->peer, now);
	c->peer = NULL;
}

static void
teardown(void)
{
	for (unsigned i = 0; i < CONNS; i++)
		leave(&conns[i]);
	CHECK_EQ(other.came, other.went);
	rdv_free(rdv);
	CHECK_EQ(pool.used, 0);
}

static int
enter(struct conn *c, uint8_t id, uint8_t network)
{
	uint8_t key[PEERID] = {id}, net[PEERID] = {4, network};

	memset(c, 0, sizeof(*c));
	return rdv_enter(rdv, &c->peer, key, net, network == 127, c, now);
}

static void
input(struct conn *c, uint8_t type, const void *body, size_t n)
{
	uint8_t *copy = calloc(1, n > 0 ? n : 1); /* of its size: ASan guards the end */

	memcpy(copy, body, n);
	rdv_input(c->peer, type, copy, n, now);
	free(copy);
}

static void
join(struct conn *c, enum rdv_role role, uint8_t instance)
{
	const uint8_t b[19] = {RDV_MAJOR, 0, (uint8_t)role, instance};

	input(c, RDV_JOIN, b, sizeof(b));
}

/* In, and answered. */
static void
met(struct conn *c, uint8_t id, uint8_t network, enum rdv_role role, uint8_t instance)
{
	CHECK_EQ(enter(c, id, network), ERR_OK);
	join(c, role, instance);
	CHECK_EQ(c->type, RDV_JOINED);
}

static void
say(struct conn *c, uint8_t id, uint8_t instance, uint32_t number, uint8_t flags,
    const char *data)
{
	struct rdv_parcel p = {
	    {{id}, {instance}}, number, flags, (const uint8_t *)data, strlen(data)};
	uint8_t b[RDV_BODY];
	struct wr w;

	wr_init(&w, b, sizeof(b));
	rdv_put_parcel(&w, &p);
	input(c, RDV_SEND, b, (size_t)(w.p - b));
}

/* The last message was this parcel. */
static bool
heard(struct conn *c, uint8_t id, uint8_t instance, uint32_t number, uint8_t flags,
      const char *data)
{
	struct rdv_parcel p;
	struct rd r;

	rd_init(&r, c->body, c->n);
	return c->type == RDV_DELIVER && rdv_get_parcel(&r, &p) == ERR_OK &&
	       p.with.id[0] == id && p.with.instance[0] == instance &&
	       p.number == number && p.flags == flags && p.n == strlen(data) &&
	       memcmp(p.data, data, p.n) == 0;
}

static bool
ended(struct conn *c, enum rdv_end why)
{
	return c->ended == 1 && c->type == RDV_END && c->body[0] == (uint8_t)why;
}

static bool
absent(struct conn *c, uint8_t id, uint8_t instance)
{
	return c->type == RDV_ABSENT && c->body[0] == id && c->body[PEERID] == instance;
}

static void
two_meet(void)
{
	struct conn *host = &conns[0], *guest = &conns[1];
	struct rdv_stats s;

	setup();
	met(host, 1, 127, RDV_HOST, 0x11);
	CHECK_EQ(host->body[0], RDV_MAJOR);
	CHECK_EQ(host->body[2], 120);
	met(guest, 2, 10, RDV_GUEST, 0x22);
	say(guest, 1, 0, 0, 0, "");
	CHECK(heard(host, 2, 0x22, 0, 0, ""));
	say(host, 2, 0x22, 0, 0, "hello");
	CHECK(heard(guest, 1, 0x11, 0, RDV_NEAR, "hello"));
	say(guest, 1, 0x11, 7, RDV_LAST, "x");
	CHECK(heard(host, 2, 0x22, 7, RDV_LAST, "x"));
	rdv_stats(rdv, &s);
	CHECK_EQ(s.peers, 2);
	CHECK_EQ(s.hosts, 1);
	CHECK_EQ(s.joins, 2);
	CHECK_EQ(s.parcels, 3);
	CHECK_EQ(s.bytes, 6);
	input(guest, RDV_PING, "", 0);
	CHECK_EQ(guest->type, RDV_PONG);
	input(guest, 200, "later", 5);
	CHECK_EQ(guest->ended, 0);
	teardown();
}

static void
who_is_not_there(void)
{
	struct conn *host = &conns[0], *guest = &conns[1], *second = &conns[2];

	setup();
	met(guest, 2, 10, RDV_GUEST, 0x22);
	say(guest, 1, 0, 0, 0, "");
	CHECK(absent(guest, 1, 0));
	CHECK_EQ(other.elsewhere, 1);
	other.somewhere = true;
	guest->sent = 0;
	say(guest, 1, 0, 1, 0, "");
	CHECK_EQ(guest->sent, 0);
	other.somewhere = false;
	met(host, 1, 10, RDV_HOST, 0x11);
	say(guest, 1, 0x12, 2, 0, ""); /* the host of before */
	CHECK(absent(guest, 1, 0x12));
	met(second, 3, 10, RDV_GUEST, 0x33);
	say(second, 2, 0x22, 0, 0, ""); /* guests do not speak to guests */
	CHECK(absent(second, 2, 0x22));
	say(host, 2, 0x23, 0, 0, "");
	CHECK(absent(host, 2, 0x23));
	say(host, 1, 0, 0, 0, ""); /* nor hosts to hosts */
	CHECK(absent(host, 1, 0));
	leave(host);
	say(guest, 1, 0, 3, 0, "");
	CHECK(absent(guest, 1, 0));
	teardown();
}

static void
the_newer_one_stays(void)
{
	struct conn *old = &conns[0], *host = &conns[1], *guest = &conns[2];
	struct rdv_stats s;

	setup();
	met(old, 1, 10, RDV_HOST, 0x11);
	met(host, 1, 11, RDV_HOST, 0x12);
	CHECK(ended(old, RDV_END_REPLACED));
	met(guest, 2, 10, RDV_GUEST, 0x22);
	say(guest, 1, 0, 0, 0, "a");
	CHECK(heard(host, 2, 0x22, 0, 0, "a"));
	say(old, 2, 0x22, 0, 0, "b"); /* it does not count any more */
	CHECK_EQ(guest->type, RDV_JOINED);
	leave(old);
	met(old, 2, 10, RDV_GUEST, 0x23); /* another instance harms nobody */
	CHECK_EQ(guest->ended, 0);
	met(&conns[3], 2, 10, RDV_GUEST, 0x22);
	CHECK(ended(guest, RDV_END_REPLACED));
	rdv_replaced(rdv, &(struct rdv_address){{1}, {0x13}});
	CHECK_EQ(host->ended, 0);
	rdv_replaced(rdv, &(struct rdv_address){{1}, {0x12}});
	CHECK(ended(host, RDV_END_REPLACED));
	rdv_replaced(rdv, &(struct rdv_address){{1}, {0x12}});
	rdv_stats(rdv, &s);
	CHECK_EQ(s.replaced, 3);
	CHECK_EQ(s.hosts, 0);
	teardown();
}

/* One process may be there by several connections; another takes all their places. */
static void
one_host_twice(void)
{
	uint8_t b[19] = {RDV_MAJOR, 0, RDV_HOST, 7};
	struct rdv_stats s;

	setup();
	met(&conns[0], 1, 10, RDV_HOST, 7);
	CHECK_EQ(enter(&conns[1], 1, 10), ERR_OK);
	b[3 + RDV_PROCESS] = 1;
	input(&conns[1], RDV_JOIN, b, sizeof(b));
	CHECK_EQ(conns[1].type, RDV_JOINED);
	CHECK_EQ(conns[0].ended, 0);
	rdv_stats(rdv, &s);
	CHECK_EQ(s.hosts, 2);
	met(&conns[2], 1, 10, RDV_HOST, 8);
	CHECK(ended(&conns[0], RDV_END_REPLACED));
	CHECK(ended(&conns[1], RDV_END_REPLACED));
	rdv_stats(rdv, &s);
	CHECK_EQ(s.hosts, 1);
	teardown();
}

static void
what_is_broken(void)
{
	static const uint8_t join_2[19] = {2, 0, 0}, role_2[19] = {1, 0, 2};
	static const struct {
		const char *name;
		bool joined;
		uint8_t type;
		const void *body;
		size_t n;
		enum rdv_end end;
	} rows[] = {
	    {"no JOIN", false, RDV_PING, "", 0, RDV_END_BROKEN},
	    {"another version", false, RDV_JOIN, join_2, 19, RDV_END_VERSION},
	    {"no role", false, RDV_JOIN, role_2, 19, RDV_END_BROKEN},
	    {"a short JOIN", false, RDV_JOIN, join_2, 18, RDV_END_BROKEN},
	    {"JOIN again", true, RDV_JOIN, join_2, 19, RDV_END_BROKEN},
	    {"a short SEND", true, RDV_SEND, conns, 52, RDV_END_BROKEN},
	    {"a long SEND", true, RDV_SEND, conns, RDV_BODY + 1, RDV_END_BROKEN},
	    {"what we say", true, RDV_JOINED, join_2, 4, RDV_END_BROKEN},
	    {"unknown", true, 95, "", 0, RDV_END_BROKEN},
	    {"a PING with a body", true, RDV_PING, "x", 1, RDV_END_BROKEN},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setup();
		CHECK_EQ(enter(&conns[0], 1, 10), ERR_OK);
		if (rows[i].joined)
			join(&conns[0], RDV_GUEST, 1);
		input(&conns[0], rows[i].type, rows[i].body, rows[i].n);
		if (!ended(&conns[0], rows[i].end))
			printf("# %s\n", rows[i].name);
		CHECK(ended(&conns[0], rows[i].end));
		input(&conns[0], RDV_PING, "", 0);
		CHECK_EQ(conns[0].ended, 1);
		teardown();
	}
	setup();
	met(&conns[0], 1, 10, RDV_GUEST, 1);
	say(&conns[0], 2, 0, 0, RDV_NEAR, "");
	CHECK(ended(&conns[0], RDV_END_BROKEN));
	teardown();
}

static void
a_slow_receiver_harms_itself(void)
{
	struct conn *host = &conns[0], *guest = &conns[1];
	struct rdv_stats s;

	setup();
	met(host, 1, 10, RDV_HOST, 0x11);
	met(guest, 2, 10, RDV_GUEST, 0x22);
	host->stuck = true;
	say(guest, 1, 0, 0, 0, "a");
	CHECK_EQ(host->ended, 1);
	CHECK_EQ(guest->ended, 0);
	say(guest, 1, 0, 1, 0, "b");
	CHECK(absent(guest, 1, 0));
	rdv_stats(rdv, &s);
	CHECK_EQ(s.slow, 1);
	teardown();
}

static void
silence(void)
{
	struct conn *host = &conns[0], *guest = &conns[1];
	struct rdv_stats s;

	setup();
	CHECK_EQ(rdv_deadline(rdv), UINT64_MAX);
	met(host, 1, 10, RDV_HOST, 0x11);
	now += 60000000;
	met(guest, 2, 10, RDV_GUEST, 0x22);
	CHECK_EQ(rdv_deadline(rdv), 1000000 + 120000000);
	now += 30000000;
	input(host, RDV_PING, "", 0);
	CHECK_EQ(rdv_deadline(rdv), 61000000 + 120000000);
	now = 61000000 + 119999999;
	rdv_tick(rdv, now);
	CHECK_EQ(guest->ended, 0);
	now++;
	rdv_tick(rdv, now);
	CHECK(ended(guest, RDV_END_IDLE));
	CHECK_EQ(host->ended, 0);
	leave(guest);
	leave(host);
	CHECK_EQ(rdv_deadline(rdv), now + RDV_ACCOUNT_KEEP_US);
	now += RDV_ACCOUNT_KEEP_US;
	rdv_tick(rdv, now);
	CHECK_EQ(rdv_deadline(rdv), UINT64_MAX);
	rdv_stats(rdv, &s);
	CHECK_EQ(s.idle, 1);
	teardown();
}

/* How often the k-th thing goes before somebody is ended. */
static unsigned
until_ended(struct conn *c, unsigned most, void (*thing)(struct conn *, unsigned k))
{
	unsigned k = 0;

	while (k < most && c->ended == 0)
		thing(c, k++);
	return k;
}

static void
do_ping(struct conn *c, unsigned k)
{
	(void)k;
	input(c, RDV_PING, "", 0);
}

static void
do_open(struct conn *c, unsigned k)
{
	(void)k;
	say(c, 1, 0, 0, 0, "");
}

static void
do_bulk(struct conn *c, unsigned k)
{
	static char data[RDV_DATA + 1];

	memset(data, 'x', RDV_DATA);
	say(c, 1, 0, k + 1, 0, data);
}

static void
limits_of_one_id(void)
{
	static const struct {
		void (*thing)(struct conn *, unsigned k);
		unsigned burst, per_second;
	} rows[] = {
	    {do_ping, 499, 50}, /* JOIN was a message, too */
	    {do_open, 20, 5},
	    {do_bulk, (1 << 20) / RDV_BODY, (256 << 10) / RDV_BODY},
	};
	struct conn *c = &conns[1];
	struct rdv_stats s;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setup();
		met(&conns[0], 1, 10, RDV_HOST, 1);
		met(c, 2, 11, RDV_GUEST, 2);
		CHECK_EQ(until_ended(c, 1000, rows[i].thing), rows[i].burst + 1);
		CHECK(ended(c, RDV_END_LIMIT));
		leave(c);
		now += 1000000; /* coming anew is no way around it */
		met(c, 2, 11, RDV_GUEST, 3);
		CHECK(until_ended(c, 1000, rows[i].thing) <= rows[i].per_second + 2);
		leave(c);
		now += 120000000;
		rdv_tick(rdv, now);
		met(c, 2, 11, RDV_GUEST, 4);
		CHECK_EQ(until_ended(c, 1000, rows[i].thing), rows[i].burst + 1);
		rdv_stats(rdv, &s);
		CHECK_EQ(s.limited, 3);
		teardown();
	}
}

/* Many ids of one network share its limits; another network has its own. */
static void
limits_of_one_network(void)
{
	setup();
	rdv_free(rdv);
	conf.network.connections = 2;
	conf.network.rate[RDV_OPENS] = (struct bucket_conf){3, 1};
	rdv = rdv_new(&pool, &conf, &ops, NULL, 42);
	met(&conns[0], 1, 10, RDV_GUEST, 1);
	met(&conns[1], 2, 10, RDV_GUEST, 1);
	CHECK_EQ(enter(&conns[2], 3, 10), ERR_BUSY);
	CHECK(conns[2].peer == NULL);
	met(&conns[2], 3, 11, RDV_GUEST, 1);
	CHECK_EQ(until_ended(&conns[0], 2, do_open), 2);
	CHECK_EQ(until_ended(&conns[1], 9, do_open), 2);
	CHECK(ended(&conns[1], RDV_END_LIMIT));
	CHECK_EQ(until_ended(&conns[2], 3, do_open), 3);
	CHECK_EQ(conns[2].ended, 0);
	leave(&conns[1]);
	met(&conns[3], 3, 10, RDV_GUEST, 2);
	teardown();
}

/* Behind one address there may be many: they share more. With less, less may come. */
static void
a_larger_network(void)
{
	struct rdv_conf c = rdv_usual;

	rdv_allow_network(&c, 2560);
	CHECK_EQ(c.network.connections, 2560);
	for (unsigned i = 0; i < RDV_WHATS; i++) {
		const struct bucket_conf *usual = &rdv_usual.network.rate[i];

		CHECK_EQ(c.network.rate[i].burst, 10 * usual->burst);
		CHECK_EQ(c.network.rate[i].per_second, 10 * usual->per_second);
		CHECK_EQ(c.id.rate[i].burst, rdv_usual.id.rate[i].burst);
	}
	rdv_allow_network(&c, 1000000); /* and no number overflows */
	CHECK_EQ(c.network.rate[RDV_BYTES].burst, UINT32_MAX);
	rdv_allow_network(&c, 3);
	CHECK_EQ(c.network.connections, 3);
	CHECK_EQ(c.network.rate[RDV_JOINS].burst,
		 rdv_usual.network.rate[RDV_JOINS].burst);
}

static void
connections_and_joins(void)
{
	unsigned n = 0;

	setup();
	for (unsigned i = 0; i < 9; i++)
		met(&conns[i], 1, 10, RDV_GUEST, (uint8_t)(i + 1));
	CHECK(ended(&conns[0], RDV_END_REPLACED)); /* the oldest of its nine */
	CHECK_EQ(conns[1].ended, 0);
	for (unsigned i = 0; i < 9; i++)
		leave(&conns[i]);
	while (n < 100 && enter(&conns[0], 1, 10) == ERR_OK) {
		leave(&conns[0]);
		rdv_tick(rdv, now); /* nothing is forgotten by that */
		n++;
	}
	CHECK_EQ(n, 30 - 9);
	CHECK_EQ(rdv_deadline(rdv), now + RDV_ACCOUNT_KEEP_US);
	now += 1000000;
	CHECK_EQ(enter(&conns[0], 1, 10), ERR_OK);
	for (unsigned i = 1; i < CONNS; i++)
		CHECK_EQ(enter(&conns[i], (uint8_t)(i + 10), 10), ERR_OK);
	{
		struct conn more;

		CHECK_EQ(enter(&more, 99, 12), ERR_FULL);
	}
	teardown();
}

static void
credentials(void)
{
	struct rdv_relays t;
	struct rd r;

	setup();
	met(&conns[0], 1, 10, RDV_GUEST, 1);
	input(&conns[0], RDV_TURN, "", 0);
	CHECK_EQ(conns[0].type, RDV_RELAYS);
	rd_init(&r, conns[0].body, conns[0].n);
	CHECK_EQ(rdv_get_relays(&r, &t), ERR_OK);
	CHECK(t.n == 1 && strcmp(t.uri[0], "turn:h") == 0 && t.ttl_s == 60);
	CHECK(strcmp(t.user, "u") == 0 && strcmp(t.password, "p") == 0);
	met(&conns[1], 9, 10, RDV_GUEST, 1);
	input(&conns[1], RDV_TURN, "", 0);
	rd_init(&r, conns[1].body, conns[1].n);
	CHECK_EQ(rdv_get_relays(&r, &t), ERR_OK);
	CHECK_EQ(t.n, 0);
	teardown();
}

static void
from_other_nodes(void)
{
	const struct rdv_address far = {{7}, {0x77}};
	const struct rdv_parcel p = {{{1}, {0}}, 0, 0, (const uint8_t *)"hi", 2};

	setup();
	CHECK(!rdv_deliver(rdv, &far, false, &p));
	met(&conns[0], 1, 127, RDV_HOST, 0x11);
	CHECK(rdv_deliver(rdv, &far, false, &p));
	CHECK(heard(&conns[0], 7, 0x77, 0, 0, "hi"));
	CHECK(!rdv_deliver(rdv, &far, true, &p));
	rdv_absent(rdv, &(struct rdv_address){{1}, {0x11}}, true, &far);
	CHECK(absent(&conns[0], 7, 0x77));
	rdv_absent(rdv, &(struct rdv_address){{1}, {0x12}}, true, &far);
	CHECK_EQ(conns[0].sent, 3);
	teardown();
}

/* Every allocation fails once: nothing is left behind. */
static void
no_memory(void)
{
	setup();
	rdv_free(rdv);
	for (size_t budget = 0; budget < 6000; budget += 50) {
		pool.budget = budget;
		memset(conns, 0, sizeof(conns));
		rdv = rdv_new(&pool, &conf, &ops, NULL, 42);
		if (rdv == NULL)
			continue;
		for (unsigned i = 0; i < 4; i++)
			if (enter(&conns[i], (uint8_t)(i + 1), 10) == ERR_OK)
				join(&conns[i], RDV_HOST, 1);
		for (unsigned i = 0; i < 4; i++)
			leave(&conns[i]);
		rdv_free(rdv);
		CHECK_EQ(pool.used, 0);
	}
	pool.budget = 1u << 20;
	rdv = rdv_new(&pool, &conf, &ops, NULL, 42);
	teardown();
}

TEST_MAIN(TEST(two_meet), TEST(who_is_not_there), TEST(the_newer_one_stays),
	  TEST(one_host_twice), TEST(what_is_broken), TEST(a_slow_receiver_harms_itself),
	  TEST(silence), TEST(limits_of_one_id), TEST(limits_of_one_network),
	  TEST(a_larger_network), TEST(connections_and_joins), TEST(credentials),
	  TEST(from_other_nodes), TEST(no_memory))
