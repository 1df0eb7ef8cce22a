/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd usb core */
/* clang-format on */
/*
 * Who has a device while it comes and goes. The device opens and closes when the test
 * says so.
 */
#include <time.h>

#include <event2/event.h>

#include "cmd/server.h"
#include "core/text.h"
#include "core/usbip.h"
#include "test/test.h"

static struct server s;
static struct ctx ctx;
static struct policy_rule rule;
static unsigned submits, completes;
static int32_t last_status;
static unsigned opens, closes, freed, told;
static unsigned claims; /* taken and not ended */

/* --- instead of the other files --- */

void
guest_reap_soon(struct server *x)
{
	(void)x;
}

void
guest_changed(struct server *x)
{
	(void)x;
	told++;
}

void
claims_take(struct lease *x)
{
	(void)x;
	claims++;
}

void
claims_end(struct lease *x)
{
	claims -= x->state != LEASE_WAITING;
}

void
claims_opened(const struct lease *x)
{
	CHECK(x->was_open);
}

void
claims_denied(const struct lease *x, const char *why)
{
	CHECK(x->user != NULL && why != NULL);
}

void
claims_why(struct lease *x, const char *why)
{
	text_copy(x->why, sizeof(x->why), why);
}

void
server_check_end(struct server *x)
{
	(void)x;
}

/* --- a kind of device --- */

static void
on_open(struct usb_dev *d)
{
	(void)d;
	opens++;
}

static void
on_close(struct usb_dev *d)
{
	(void)d;
	closes++;
}

static int
on_submit(struct usb_dev *d, struct urb *u)
{
	(void)d;
	(void)u;
	submits++;
	return ERR_OK;
}

static void
on_cancel(struct usb_dev *d, struct urb *u)
{
	(void)d;
	(void)u;
}

static void
on_cancel_all(struct usb_dev *d)
{
	(void)d;
}

static void
on_free(struct usb_dev *d)
{
	freed++;
	free(d);
}

static const struct usb_dev_ops ops = {on_open,   on_close,      on_submit,
				       on_cancel, on_cancel_all, on_free};

static void
on_arrived(void *arg, struct usb_dev *d)
{
	(void)arg;
	(void)d;
}

/* As serve does. */
static void
on_left(void *arg, struct usb_dev *d)
{
	lease_revoke(arg, d, "it was unplugged");
}

static const struct usb_bus_ops bus_ops = {on_arrived, on_left};

/* --- who wants it --- */

struct holder {
	unsigned opened, taken;
	uint8_t reason; /* enum wire_reason of opened */
	struct lease *lease;
	bool barred; /* may not have it any more */
	bool dead;   /* silent */
	unsigned place, asked;
	unsigned ends; /* seconds */
	char behind[WIRE_NAME];
	uint8_t id[PEERID];
};

static void
h_opened(void *arg, uint32_t number, const struct wire_refusal *no, struct lease *x)
{
	struct holder *h = arg;

	(void)number;
	h->opened++;
	h->reason = no->reason;
	h->lease = x;
	if (h->taken > 0 && x != NULL) { /* as exports: it does not want it any more */
		h->lease = NULL;
		lease_close(x);
	}
}

static void
h_complete(void *arg, uint32_t number, struct urb *u)
{
	(void)arg;
	(void)number;
	completes++;
	last_status = u->status;
}

static void
h_taken(void *arg, uint32_t number, const struct wire_refusal *why)
{
	struct holder *h = arg;
	struct lease *x = h->lease;

	(void)number;
	(void)why;
	h->taken++;
	h->lease = NULL;
	if (x != NULL)
		lease_close(x);
}

static void
h_probe(void *arg)
{
	((struct holder *)arg)->asked++;
}

static uint64_t
h_silence(void *arg)
{
	return ((struct holder *)arg)->dead ? UINT64_MAX : 0;
}

static const char *
h_name(void *arg)
{
	(void)arg;
	return "somebody";
}

static bool
h_may(void *arg, const struct usb_dev *d)
{
	(void)d;
	return !((struct holder *)arg)->barred;
}

static void
h_queued(void *arg, uint32_t number, struct wire_queued *q)
{
	struct holder *h = arg;

	(void)number;
	h->place = q->position;
	text_copy(h->behind, sizeof(h->behind), q->holder);
}

static const uint8_t *
h_id(void *arg)
{
	return ((struct holder *)arg)->id;
}

static void
h_ends(void *arg, uint32_t number, uint32_t seconds, const char *why)
{
	struct holder *h = arg;

	(void)number;
	CHECK(strstr(why, "(rule night)") != NULL ||
	      strcmp(why, "the server took it back") == 0);
	h->ends = seconds;
}

static const struct lease_user user = {h_opened,  h_complete, h_taken, h_probe,
				       h_silence, h_taken,    h_name,  h_may,
				       h_queued,  h_id,       h_ends};

/* As a stock client: it does not wait, and has no id. */
static const struct lease_user stock = {h_opened,  h_complete, h_taken, h_probe,
					h_silence, h_taken,    h_name,  NULL,
					NULL,      NULL,       NULL};

/* --- tests --- */

static void
begin(void)
{
	memset(&s, 0, sizeof(s));
	s.loop.base = event_base_new();
	memset(&ctx, 0, sizeof(ctx));
	memset(&rule, 0, sizeof(rule));
	text_copy(rule.name, sizeof(rule.name), "night");
	ctx.conf.policy[0] = &rule;
	ctx.conf.policies = 1;
	s.ctx = &ctx;
	s.clock = evtimer_new(s.loop.base, lease_on_clock, &s);
	submits = completes = 0;
	list_init(&s.leases);
	list_init(&s.guests);
	usb_bus_init(&s.bus, s.loop.base, &bus_ops, &s);
	opens = closes = freed = told = 0;
}

/* Into the one port. */
static struct usb_dev *
plug(void)
{
	struct usb_dev *d = calloc(1, sizeof(*d));

	d->ops = &ops;
	text_copy(d->info.busid, sizeof(d->info.busid), "1-4");
	usb_bus_add(&s.bus, d);
	return d;
}

static void
end(void)
{
	CHECK(list_empty(&s.leases));
	usb_bus_fini(&s.bus);
	event_free(s.clock);
	event_base_free(s.loop.base);
	CHECK_EQ(claims, 0);
}

static void
peers_hear_of_each_change(void)
{
	struct holder a = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_take(&s, d, &user, &a, 1, false);
	CHECK(opens == 1 && told == 0 && !lease_is_free(&s, d));
	usb_dev_opened(d, ERR_OK, "");
	CHECK(a.reason == WIRE_OK && a.lease != NULL && told == 1);
	lease_close(a.lease);
	usb_dev_closed(d);
	CHECK(told == 2 && lease_is_free(&s, d));
	end();
}

static void
unplugged_while_held(void)
{
	struct holder a = {0}, b = {0};
	struct usb_dev *d, *again;

	begin();
	d = plug();

	lease_take(&s, d, &user, &a, 1, false);
	usb_dev_opened(d, ERR_OK, "");
	lease_take(&s, d, &user, &b, 1, false); /* waits for A to answer */
	usb_bus_remove(&s.bus, d);
	CHECK(a.taken == 1 && b.opened == 1 && b.reason == WIRE_NO_DEVICE);
	CHECK(closes == 1 && freed == 0);
	again = plug(); /* before the old one is closed */
	CHECK(usb_bus_find(&s.bus, "1-4") == again && lease_is_free(&s, again));
	lease_take(&s, again, &user, &b, 2, false);
	usb_dev_opened(again, ERR_OK, "");
	CHECK(b.reason == WIRE_OK && b.lease != NULL && b.lease->dev == again);
	usb_dev_closed(d);
	CHECK(freed == 1 && b.taken == 0);
	lease_close(b.lease);
	usb_dev_closed(again);
	end();
}

static void
unplugged_while_opening(void)
{
	static const int errs[] = {ERR_OK, ERR_GONE};

	for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
		struct holder a = {0};
		struct usb_dev *d;

		begin();
		d = plug();
		lease_take(&s, d, &user, &a, 1, false);
		usb_bus_remove(&s.bus, d);
		CHECK(a.taken == 1 && a.opened == 0 && freed == 0);
		usb_dev_opened(d, errs[i], "");
		CHECK_EQ(a.opened, 1);
		if (errs[i] == ERR_OK) {
			CHECK_EQ(closes, 1);
			usb_dev_closed(d);
		} else {
			CHECK(a.reason != WIRE_OK);
		}
		CHECK_EQ(freed, 1);
		end();
	}
}

static void
unplugged_while_closing(void)
{
	struct holder a = {0}, b = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_take(&s, d, &user, &a, 1, false);
	usb_dev_opened(d, ERR_OK, "");
	lease_close(a.lease);
	lease_take(&s, d, &user, &b, 1, false); /* waits for the end of the closing */
	CHECK_EQ(b.opened, 0);
	usb_bus_remove(&s.bus, d);
	CHECK(b.opened == 1 && b.reason == WIRE_NO_DEVICE && a.taken == 0);
	usb_dev_closed(d);
	CHECK(freed == 1 && opens == 1);
	end();
}

static void
next_one_gets_it_when_it_is_closed(void)
{
	struct holder a = {0}, b = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_take(&s, d, &user, &a, 1, false);
	usb_dev_opened(d, ERR_OK, "");
	lease_close(a.lease);
	lease_take(&s, d, &user, &b, 1, false);
	usb_dev_closed(d);
	CHECK_EQ(opens, 2);
	usb_dev_opened(d, ERR_BUSY, "mounted");
	CHECK(b.opened == 1 && b.reason == WIRE_IN_USE && b.lease == NULL);
	end();
}

static void
who_may_not_have_it_loses_it(void)
{
	struct holder a = {0}, b = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_take(&s, d, &user, &a, 1, false);
	usb_dev_opened(d, ERR_OK, "");
	lease_take(&s, d, &user, &b, 1, false);
	lease_review(&s);
	CHECK(a.taken == 0 && b.opened == 0);
	b.barred = true;
	lease_review(&s);
	CHECK(b.opened == 1 && b.reason == WIRE_NOT_ALLOWED && a.taken == 0);
	a.barred = true;
	lease_review(&s);
	CHECK(a.taken == 1 && closes == 1);
	lease_review(&s);
	CHECK_EQ(a.taken, 1);
	usb_dev_closed(d);
	end();
}

/* What comes within a second. */
static void
a_second(void)
{
	struct timeval tv = {1, 100000};

	event_base_loopexit(s.loop.base, &tv);
	event_base_dispatch(s.loop.base);
}

static void
one_that_cannot_be_opened_is_offered_to_the_next(void)
{
	struct holder a = {0}, b = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_take(&s, d, &user, &a, 1, false);
	lease_take(&s, d, &user, &b, 1, false);
	usb_dev_opened(d, ERR_IO, "it does not answer");
	CHECK(a.opened == 1 && a.reason == WIRE_TROUBLE);
	CHECK_EQ(opens, 2);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(b.reason == WIRE_OK && b.lease != NULL);
	lease_close(b.lease);
	usb_dev_closed(d);
	end();
}

static void
taken_over(void)
{
	struct holder a = {0}, b = {0}, c = {.id = {1}};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_take(&s, d, &user, &a, 1, false);
	usb_dev_opened(d, ERR_OK, "");
	lease_take(&s, d, &user, &c, 1, true); /* another peer */
	CHECK(a.taken == 0 && a.asked == 1);
	lease_take(&s, d, &user, &b, 1, false); /* not asked to */
	CHECK(a.taken == 0 && a.asked == 2);
	a_second();
	CHECK(b.reason == WIRE_IN_USE && c.reason == WIRE_IN_USE && a.taken == 0);
	lease_take(&s, d, &user, &b, 1, true);
	CHECK(a.taken == 1 && closes == 1 && b.opened == 1);
	usb_dev_closed(d);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(b.opened == 2 && b.reason == WIRE_OK);
	lease_close(b.lease);
	usb_dev_closed(d);
	a.taken = 0;
	lease_take(&s, d, &stock, &a, 1, false); /* nobody in particular */
	usb_dev_opened(d, ERR_OK, "");
	lease_take(&s, d, &user, &b, 1, true);
	CHECK_EQ(a.taken, 0);
	lease_close(a.lease);
	usb_dev_closed(d);
	usb_dev_opened(d, ERR_OK, "");
	lease_close(b.lease);
	usb_dev_closed(d);
	end();
}

/* First come, first served; each knows its place. */
static void
a_queue(void)
{
	struct holder a = {0}, b = {0}, c = {0}, e = {0}, f = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	d->info.queued = true;
	lease_take(&s, d, &user, &a, 1, false);
	usb_dev_opened(d, ERR_OK, "");
	lease_take(&s, d, &user, &b, 1, false);
	lease_take(&s, d, &user, &c, 1, false);
	lease_take(&s, d, &user, &e, 1, false);
	CHECK(b.place == 1 && c.place == 2 && e.place == 3);
	CHECK(strcmp(b.behind, "somebody") == 0);
	lease_take(&s, d, &user, &c, 2, false); /* twice is once too much */
	CHECK(c.opened == 1 && c.reason == WIRE_IN_USE);
	lease_take(&s, d, &stock, &f, 0, false);
	a_second();
	CHECK(f.opened == 1 && f.reason == WIRE_IN_USE); /* it does not wait */
	CHECK(b.opened == 0 && c.opened == 1 && e.opened == 0);
	lease_forgo(&s, &b, 2); /* another request */
	CHECK_EQ(b.opened, 0);
	lease_forgo(&s, &b, 1);
	CHECK(b.opened == 1 && b.reason != WIRE_OK && c.place == 1 && e.place == 2);
	CHECK(strcmp(lease_waiting(&s, d, 1), "somebody") == 0);
	CHECK(lease_waiting(&s, d, 2) == NULL);
	lease_close(a.lease);
	usb_dev_closed(d);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(c.opened == 2 && c.lease != NULL && e.place == 1 && e.opened == 0);
	c.dead = true;
	a_second();
	CHECK(c.taken == 1 && closes == 2);
	usb_dev_closed(d);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(e.opened == 1 && e.lease != NULL);
	lease_take(&s, d, &user, &a, 1, false);
	lease_forget(&s, &a);
	CHECK_EQ(a.opened, 2);
	lease_close(e.lease);
	usb_dev_closed(d);
	end();
}

static void
fits(void)
{
	struct holder a = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_take(&s, d, &user, &a, 1, false);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(lease_fits(&s, d));
	d->info.read_only = true;
	CHECK(!lease_fits(&s, d));
	d->info.read_only = false;
	d->info.queued = true;
	CHECK(lease_fits(&s, d));
	lease_close(a.lease);
	usb_dev_closed(d);
	end();
}

/* --- rules --- */

/* Turns the loop for so long. */
static void
pass(unsigned ms)
{
	struct timeval tv = {0, (suseconds_t)ms * 1000};

	event_base_loopexit(s.loop.base, &tv);
	event_base_dispatch(s.loop.base);
}

static void
not_at_this_time(void)
{
	struct holder a = {0};
	time_t now = time(NULL) + 7200;
	struct usb_dev *d;
	char hours[32];
	struct tm tm;

	begin();
	d = plug();
	localtime_r(&now, &tm);
	snprintf(hours, sizeof(hours), "%02d:00-%02d:59", tm.tm_hour, tm.tm_hour);
	CHECK(policy_add_hours(&rule, hours));
	lease_take(&s, d, &user, &a, 0, false);
	CHECK(a.opened == 1 && a.reason == WIRE_NOT_ALLOWED && opens == 0);
	text_copy(rule.peer[rule.peers++], sizeof(rule.peer[0]), "another");
	lease_take(&s, d, &user, &a, 0, false);
	CHECK_EQ(opens, 1);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(a.opened == 2 && a.reason == WIRE_OK);
	CHECK(!event_pending(s.clock, EV_TIMEOUT, NULL)); /* nothing to look at */
	rule.peers = 0;
	lease_clock(&s); /* the rule is for all again */
	CHECK_EQ(a.taken, 1);
	usb_dev_closed(d);
	end();
}

static void
for_so_long(void)
{
	struct holder a = {0}, b = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	rule.session_us = 1600000;
	rule.warn_us = 1000000;
	rule.pause_us = 60000000;
	lease_take(&s, d, &user, &a, 0, false);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(a.lease != NULL && a.ends == 0);
	for (unsigned i = 0; i < 200 && a.ends == 0; i++)
		pass(20);
	CHECK(a.ends == 1 && a.taken == 0);
	for (unsigned i = 0; i < 400 && a.taken == 0; i++)
		pass(20);
	CHECK_EQ(a.taken, 1);
	usb_dev_closed(d);
	lease_take(&s, d, &user, &b, 0, false); /* it is the same peer */
	CHECK(b.opened == 1 && b.reason == WIRE_NOT_ALLOWED);
	s.pause[0].until = 1;
	lease_take(&s, d, &user, &b, 0, false);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(b.opened == 2 && b.reason == WIRE_OK);
	lease_close(b.lease);
	usb_dev_closed(d);
	end();
}

/* Told at once; then it is taken, and whoever comes next may have it. */
static void
called_back(void)
{
	struct holder a = {0}, b = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	lease_call_back(&s, d, 1000000); /* nobody has it */
	CHECK(!event_pending(s.clock, EV_TIMEOUT, NULL));
	lease_take(&s, d, &user, &a, 0, false);
	usb_dev_opened(d, ERR_OK, "");
	lease_call_back(&s, d, 60000000);
	CHECK(a.ends == 60 && a.taken == 0);
	lease_call_back(&s, d, 1000000); /* the last word counts */
	CHECK(a.ends == 1 && a.taken == 0);
	for (unsigned i = 0; i < 400 && a.taken == 0; i++)
		pass(20);
	CHECK_EQ(a.taken, 1);
	usb_dev_closed(d);
	lease_take(&s, d, &user, &b, 0, false);
	usb_dev_opened(d, ERR_OK, "");
	CHECK(b.reason == WIRE_OK && b.lease != NULL && b.ends == 0);
	lease_close(b.lease);
	usb_dev_closed(d);
	end();
}

static void
so_fast(void)
{
	struct urb one = {.type = URB_BULK}, two = one, three = one,
		   key = {.type = URB_INTERRUPT};
	struct holder a = {0};
	struct usb_dev *d;

	begin();
	d = plug();
	rule.rate = 1000000;
	lease_take(&s, d, &user, &a, 0, false);
	usb_dev_opened(d, ERR_OK, "");
	CHECK_EQ(lease_submit(a.lease, &one), ERR_OK);
	CHECK_EQ(submits, 1);
	one.actual = 300000;
	usb_dev_complete(d, &one);
	CHECK_EQ(completes, 1);
	CHECK_EQ(lease_submit(a.lease, &two), ERR_OK);
	CHECK_EQ(lease_submit(a.lease, &three), ERR_OK);
	CHECK_EQ(submits, 1); /* has to be paid for */
	CHECK_EQ(lease_submit(a.lease, &key), ERR_OK);
	CHECK_EQ(submits, 2); /* keys go on */
	lease_cancel(a.lease, &three);
	CHECK_EQ(completes, 1); /* not from inside */
	pass(50);
	CHECK(completes == 2 && last_status == -LINUX_ECONNRESET && submits == 2);
	for (unsigned i = 0; i < 200 && submits == 2; i++)
		pass(20);
	CHECK_EQ(submits, 3);
	two.actual = 400000;
	usb_dev_complete(d, &two);
	CHECK_EQ(lease_submit(a.lease, &two), ERR_OK);
	CHECK_EQ(submits, 3);
	lease_cancel(a.lease, &two);
	pass(50);
	CHECK_EQ(completes, 4);
	usb_dev_complete(d, &key);
	lease_close(a.lease);
	usb_dev_closed(d);
	end();
}

TEST_MAIN(TEST(peers_hear_of_each_change), TEST(unplugged_while_held),
	  TEST(unplugged_while_opening), TEST(unplugged_while_closing),
	  TEST(next_one_gets_it_when_it_is_closed), TEST(who_may_not_have_it_loses_it),
	  TEST(one_that_cannot_be_opened_is_offered_to_the_next), TEST(taken_over),
	  TEST(a_queue), TEST(fits), TEST(not_at_this_time), TEST(for_so_long),
	  TEST(called_back), TEST(so_fast))
