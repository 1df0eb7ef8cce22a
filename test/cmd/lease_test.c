/* SPDX-License-Identifier: ISC */
/* clang-format off */
/* link: cmd/lease cmd/lease_wait cmd/lease_guard core/nowrite core/desc core/desc_edit usb/dev usb/bus core/err core/log core/text core/mem */
/* clang-format on */
/*
 * Who has a device while it comes and goes. The device opens and closes when the test
 * says so.
 */
#include <event2/event.h>

#include "cmd/server.h"
#include "core/text.h"
#include "test/test.h"

static struct server s;
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
	(void)u;
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

static const struct lease_user user = {h_opened, h_complete, h_taken, h_probe,  h_silence,
				       h_taken,  h_name,     h_may,   h_queued, h_id};

/* As a stock client: it does not wait, and has no id. */
static const struct lease_user stock = {h_opened, h_complete, h_taken, h_probe, h_silence,
					h_taken,  h_name,     NULL,    NULL,    NULL};

/* --- tests --- */

static void
begin(void)
{
	memset(&s, 0, sizeof(s));
	s.loop.base = event_base_new();
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

TEST_MAIN(TEST(peers_hear_of_each_change), TEST(unplugged_while_held),
	  TEST(unplugged_while_opening), TEST(unplugged_while_closing),
	  TEST(next_one_gets_it_when_it_is_closed), TEST(who_may_not_have_it_loses_it),
	  TEST(one_that_cannot_be_opened_is_offered_to_the_next), TEST(taken_over),
	  TEST(a_queue), TEST(fits))
