/* SPDX-License-Identifier: ISC */
/* link: cmd core */
/*
 * Sessions of `serve` that wait for a link, and who may go on with them. Links, leases
 * and exports are doubles.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cmd/server.h"
#include "net/clock.h"
#include "test/test.h"

static struct link *dropped, *adopted;
static unsigned forgotten, reaps;
static void *adopter;
static int key_err;

/* --- doubles --- */

int
link_key(const struct link *l, uint8_t key[IDENT_MAC])
{
	(void)l;
	memset(key, 7, IDENT_MAC);
	return key_err;
}

/* As good as an HMAC for who does not know better. */
int
link_proof(const struct link *l, const struct door_resume *q,
	   const uint8_t key[IDENT_MAC], uint8_t proof[IDENT_MAC])
{
	memcpy(proof, key, IDENT_MAC);
	proof[0] ^= (uint8_t)q->generation;
	proof[1] ^= (uint8_t)(uintptr_t)l;
	return ERR_OK;
}

void
link_drop(struct link *l)
{
	dropped = l;
}

void
link_adopt(struct link *l, void *arg)
{
	adopted = l;
	adopter = arg;
}

bool
ident_equal(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n) == 0;
}

const char *
guest_name(const struct guest *g)
{
	(void)g;
	return "anna";
}

void
guest_reap_soon(struct server *s)
{
	(void)s;
	reaps++;
}

void
lease_forget(struct server *s, const void *arg)
{
	(void)s;
	(void)arg;
	forgotten++;
}

bool
exports_end(struct exports *e)
{
	(void)e;
	return true;
}

/* --- a session, and who asks for it --- */

struct fixture {
	struct server s;
	struct guest old, asker;
	struct wire_hello hello;
	struct door_resume q;
	int exports; /* stands for them */
	int links[2];
};

static struct link *
link_of(struct fixture *f, int i)
{
	return (struct link *)(void *)&f->links[i];
}

static void
join(struct fixture *f, struct guest *g, int i)
{
	g->of = &f->s;
	g->l = link_of(f, i);
	g->admitted = true;
	memset(g->who.id, 3, sizeof(g->who.id));
	list_add(&f->s.guests, &g->link);
}

static void
setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	dropped = adopted = NULL;
	adopter = NULL;
	forgotten = reaps = 0;
	key_err = ERR_OK;
	f->s.loop.base = event_base_new();
	list_init(&f->s.guests);
	join(f, &f->old, 0);
	join(f, &f->asker, 1);
	f->old.exports = (struct exports *)(void *)&f->exports;
	f->old.session = (struct session *)(void *)&f->exports;
	f->hello = (struct wire_hello){.generation = 1, .grace_s = 60};
	memset(f->hello.session, 9, sizeof(f->hello.session));
	guest_greeted(&f->old, &f->hello);
	f->q.generation = 2;
	memset(f->q.id, 9, sizeof(f->q.id));
}

static void
prove(struct fixture *f)
{
	CHECK_EQ(link_proof(f->asker.l, &f->q, f->old.key, f->q.proof), ERR_OK);
}

static void
teardown(struct fixture *f)
{
	if (guest_held(&f->old))
		guest_leave(&f->old);
	event_base_free(f->s.loop.base);
}

static void
refused(struct fixture *f)
{
	CHECK(guest_resume(&f->asker, &f->q) == NULL);
	CHECK(dropped == NULL && adopted == NULL);
	CHECK(f->asker.l == link_of(f, 1));
	CHECK_EQ(f->old.generation, 1);
	CHECK_EQ(f->old.links, 1);
}

/* --- tests --- */

/* The old link is alive: it is let go of, and nothing else changes. */
static void
another_link_takes_over(void)
{
	struct fixture f;

	setup(&f);
	prove(&f);
	CHECK(guest_resume(&f.asker, &f.q) == f.old.session);
	CHECK(dropped == link_of(&f, 0) && adopted == link_of(&f, 1));
	CHECK(adopter == &f.old && f.old.l == link_of(&f, 1) && f.asker.l == NULL);
	CHECK_EQ(f.old.generation, 2);
	CHECK_EQ(f.old.links, 2);
	CHECK(!f.old.stale);
	CHECK_EQ(reaps, 1); /* of the asker */
	teardown(&f);
}

static void
it_comes_back(void)
{
	struct fixture f;

	setup(&f);
	f.old.l = NULL;
	CHECK(guest_hold(&f.old, ERR_TIMEOUT) && guest_held(&f.old));
	CHECK(f.old.lost_at != 0);
	f.q.generation = 70; /* tries that came to nothing */
	prove(&f);
	CHECK(guest_resume(&f.asker, &f.q) == f.old.session);
	CHECK(dropped == NULL && adopted == link_of(&f, 1));
	CHECK(!guest_held(&f.old) && f.old.lost_at == 0);
	CHECK_EQ(f.old.generation, 70);
	CHECK_EQ(f.old.links, 2);
	CHECK(f.old.stale); /* it hears what is shared */
	teardown(&f);
}

/* A RESUME that was overtaken by a later one, or said once more by another. */
static void
lower_generations_are_refused(void)
{
	for (uint64_t generation = 0; generation < 2; generation++) {
		struct fixture f;

		setup(&f);
		f.q.generation = generation;
		prove(&f);
		refused(&f);
		teardown(&f);
	}
}

static void
nobody_else_gets_it(void)
{
	for (int i = 0; i < 5; i++) {
		struct fixture f;

		setup(&f);
		prove(&f);
		f.q.proof[31] ^= i == 0; /* without the first link's key */
		f.q.id[15] ^= i == 1;
		f.asker.who.id[31] ^= i == 2; /* another peer, with all it takes */
		if (i == 3) {                 /* a server that was started anew */
			list_del(&f.old.link);
			f.q.generation = 9;
			prove(&f);
		}
		if (i == 4) /* it has ended */
			f.old.l = NULL;
		refused(&f);
		teardown(&f);
	}
}

static void
what_is_held(void)
{
	static const struct {
		int err;
		bool held;
	} ends[] = {{ERR_TIMEOUT, true},
		    {ERR_UNREACHABLE, true},
		    {ERR_CLOSED, false},
		    {ERR_PROTO, false},
		    {ERR_OK, false}};

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct fixture f;

		setup(&f);
		f.old.l = NULL;
		CHECK_EQ(guest_hold(&f.old, ends[i].err), ends[i].held);
		CHECK_EQ(guest_held(&f.old), ends[i].held);
		teardown(&f);
	}
}

static void
what_is_not_held(void)
{
	for (int i = 0; i < 4; i++) {
		struct fixture f;

		setup(&f);
		key_err = i == 0 ? ERR_FAIL : ERR_OK;
		f.hello.grace_s = i == 1 ? 0 : 60;
		guest_greeted(&f.old, &f.hello);
		f.old.l = NULL;
		f.s.ending = i == 2;
		if (i == 3)
			f.old.exports = NULL;
		CHECK(!guest_hold(&f.old, ERR_TIMEOUT));
		teardown(&f);
	}
}

static void
for_as_long_as_it_asked(void)
{
	struct timeval tv;
	struct fixture f;

	setup(&f);
	f.old.l = NULL;
	CHECK(guest_hold(&f.old, ERR_TIMEOUT));
	CHECK(event_pending(f.old.grace, EV_TIMEOUT, &tv) != 0);
	CHECK_EQ(f.old.grace_us, 60000000);
	guest_leave(&f.old);
	CHECK_EQ(forgotten, 1);
	f.hello.grace_s = 100000; /* but not for ever */
	guest_greeted(&f.old, &f.hello);
	CHECK_EQ(f.old.grace_us, 600000000);
	f.old.grace_us = 0;
	teardown(&f);
}

/* One that comes too often loses what has waited longest. */
static void
the_oldest_is_shed(void)
{
	struct fixture f;

	setup(&f);
	f.old.l = f.asker.l = NULL;
	guest_greeted(&f.asker, &f.hello);
	f.asker.exports = f.old.exports;
	CHECK(guest_hold(&f.old, ERR_TIMEOUT) && guest_hold(&f.asker, ERR_TIMEOUT));
	f.asker.lost_at = 5;
	f.old.lost_at = 6;
	guest_shed(&f.s, f.old.who.id);
	CHECK(guest_held(&f.old) && !guest_held(&f.asker));
	guest_shed(&f.s, f.old.session_id); /* nobody's */
	CHECK(guest_held(&f.old));
	teardown(&f);
}

TEST_MAIN(TEST(another_link_takes_over), TEST(it_comes_back),
	  TEST(lower_generations_are_refused), TEST(nobody_else_gets_it),
	  TEST(what_is_held), TEST(what_is_not_held), TEST(for_as_long_as_it_asked),
	  TEST(the_oldest_is_shed))
